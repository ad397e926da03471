//! The environment, captured once at the start. Everything else takes it as a parameter, so that a
//! test decides what it says and no two readers see different things.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The variables of the environment.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
}

impl Environment {
    /// Reads this process's environment. Where HOME is missing, the user database is asked, as
    /// every shell does.
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]
    pub fn capture() -> Self {
        let mut variables: BTreeMap<String, OsString> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        if !variables.contains_key("HOME")
            && let Ok(home) = etcetera::home_dir()
        {
            variables.insert("HOME".into(), home.into());
        }
        Self { variables }
    }

    /// A variable's text. An empty variable counts as unset, as for every AWS tool; one that is not
    /// UTF-8 cannot be a value of ours.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.raw(name).and_then(OsStr::to_str)
    }

    /// A variable as a path, in whatever encoding.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name).map(PathBuf::from)
    }

    /// The names of all variables that are set.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    /// The same without some variables, by their names. What the process itself has stays as it is.
    pub(super) fn without(&self, gone: impl Fn(&str) -> bool) -> Self {
        let kept = self.variables.iter().filter(|(name, _)| !gone(name));
        Self { variables: kept.map(|(name, value)| (name.clone(), value.clone())).collect() }
    }

    /// The variable that decides about characters, and what it says: the first of these that is set
    /// (POSIX, Environment Variables).
    pub fn locale(&self) -> Option<(&'static str, &str)> {
        let names = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
        names.filter_map(|name| Some((name, self.text(name)?))).next()
    }

    /// Where the user's configuration files live (XDG Base Directory Specification; a relative
    /// path in the variable is to be ignored).
    pub fn config_home(&self) -> Option<PathBuf> {
        self.base("XDG_CONFIG_HOME", ".config")
    }

    /// Where the user's state lives, by the same specification.
    pub fn state_home(&self) -> Option<PathBuf> {
        self.base("XDG_STATE_HOME", ".local/state")
    }

    fn base(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        self.path(variable)
            .filter(|path| path.is_absolute())
            .or_else(|| self.path("HOME").map(|home| home.join(below_home)))
    }

    fn raw(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(name).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }
}

impl std::fmt::Debug for Environment {
    /// The names alone: some values are secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl<N: Into<String>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let variables =
            variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        let env: Environment = [("AWS_SECRET_ACCESS_KEY", "hush")].into_iter().collect();
        assert_eq!(format!("{env:?}"), "{\"AWS_SECRET_ACCESS_KEY\"}");
    }

    #[test]
    fn base_directories_follow_the_specification() {
        let env = |pairs: &[(&str, &str)]| pairs.iter().copied().collect::<Environment>();
        let home = env(&[("HOME", "/h")]);
        assert_eq!(home.config_home(), Some("/h/.config".into()));
        assert_eq!(home.state_home(), Some("/h/.local/state".into()));
        let xdg = env(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x"), ("XDG_STATE_HOME", "rel")]);
        assert_eq!(xdg.config_home(), Some("/x".into()));
        assert_eq!(xdg.state_home(), Some("/h/.local/state".into()), "relative: ignored");
        assert_eq!(env(&[]).config_home(), None);
        assert_eq!(env(&[("A", "")]).text("A"), None, "empty counts as unset");
    }
}
