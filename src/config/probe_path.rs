//! Which paths a probe may ask. Some servers *stop*, flush or forget on a GET (facts: Tempo
//! `/shutdown`, Loki `/ingester/shutdown`), so a path is checked before anything is ever sent.

use std::fmt;

/// A path that is safe to GET: absolute, no query, no fragment, no escapes, and its last words do
/// not name an action.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProbePath(String);

/// Why a path is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedPath {
    /// It does not start with a slash.
    #[error("a probe path starts with a slash")]
    NotAbsolute,
    /// It has a query, a fragment, an escape or another odd character.
    #[error("a probe path has no query and only letters, digits and / - _ . ~")]
    OddCharacter,
    /// It has `.` or `..` segments, which a server may resolve to another path.
    #[error("a probe path has no . or .. segments and no empty ones")]
    Dots,
    /// Servers act on it.
    #[error("some servers act on GET {0}: only paths that read are probed")]
    Acts(String),
}

/// Path segments on which known servers act, or might.
const ACTING: [&str; 14] = [
    "shutdown", "flush", "forget", "stop", "quit", "restart", "reload", "delete", "drop", "reset",
    "abort", "exit", "kill", "drain",
];

impl ProbePath {
    /// Checks a path.
    ///
    /// # Errors
    /// A [`RefusedPath`] that says what is wrong with it.
    pub fn new(path: &str) -> Result<Self, RefusedPath> {
        let Some(rest) = path.strip_prefix('/') else { return Err(RefusedPath::NotAbsolute) };
        let fits = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
        if !path.chars().all(fits) {
            return Err(RefusedPath::OddCharacter);
        }
        let segments: Vec<_> = rest.split('/').collect();
        let inner = segments.len().saturating_sub(1);
        if segments[..inner].iter().any(|one| one.is_empty())
            || segments.iter().any(|one| matches!(*one, "." | ".."))
        {
            return Err(RefusedPath::Dots);
        }
        if segments.iter().any(|one| acts(one)) {
            return Err(RefusedPath::Acts(path.to_owned()));
        }
        Ok(Self(path.to_owned()))
    }

    /// The path as it is asked.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether any word of a segment names an action: `shutdown`, `prepare_shutdown`, `prepare-x`.
fn acts(segment: &str) -> bool {
    segment
        .split(['-', '_', '.', '~'])
        .map(str::to_ascii_lowercase)
        .any(|word| ACTING.contains(&word.as_str()) || word == "prepare")
}

impl fmt::Display for ProbePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_is_allowed() {
        for path in ["/", "/ready", "/api/health", "/healthz", "/loki/api/v1/status/buildinfo"] {
            assert_eq!(ProbePath::new(path).unwrap().as_str(), path);
        }
    }

    #[test]
    fn what_acts_or_hides_something_is_refused() {
        for path in [
            "/shutdown",
            "/flush",
            "/ingester/shutdown",
            "/ingester/prepare_shutdown",
            "/Shutdown",
            "/ingester/prepare-partition",
            "/ring/forget",
            "/shutdown/",
        ] {
            assert_eq!(ProbePath::new(path), Err(RefusedPath::Acts(path.into())), "{path}");
        }
        for path in ["/memberlist?deleteMessages=true", "/a%2Fshutdown", "/a#b", "/a b", "/ä"] {
            assert_eq!(ProbePath::new(path), Err(RefusedPath::OddCharacter), "{path}");
        }
        for path in ["/a/../shutdown2", "/./x", "//x"] {
            assert_eq!(ProbePath::new(path), Err(RefusedPath::Dots), "{path}");
        }
        assert_eq!(ProbePath::new("ready"), Err(RefusedPath::NotAbsolute));
    }
}
