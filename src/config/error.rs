//! What can be wrong with a configuration: each error names the place, the key, what is wrong with
//! it, and what to do next.

use super::values::BadValue;
use std::path::{Path, PathBuf};

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// The file can be read and says something that cannot be.
    #[error(transparent)]
    Invalid(Box<Invalid>),
    /// A flag or variable holds what it cannot.
    #[error("{name}: {problem}")]
    Value {
        /// The flag or variable.
        name: &'static str,
        /// What is wrong with it.
        problem: BadValue,
    },
    /// No context has this name.
    #[error("there is no context {name:?} ({})", known_contexts(known))]
    UnknownContext {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// Neither HOME nor an explicit directory says where things go.
    #[error("cannot tell where the state directory is: HOME is not set")]
    NoHome,
}

/// One thing wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {}{problem}", file.display(), line.map(|at| format!(":{at}")).unwrap_or_default(), dotted(key))]
pub struct Invalid {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1, where the parser knows it.
    pub line: Option<usize>,
    /// The dotted path of the key; empty where the file is not even TOML.
    pub key: String,
    /// What is wrong, as a fragment.
    pub problem: String,
    /// The known key (or word) nearest to an unknown one.
    pub nearest: Option<String>,
}

impl ConfigError {
    /// What the operator can do, as a sentence.
    pub fn next_step(&self) -> String {
        match self {
            Self::Unreadable { path, source } => unreadable_step(path, source),
            Self::Invalid(invalid) => invalid.next_step(),
            Self::Value { name, .. } => format!("Give {name} another value, or leave it out."),
            Self::UnknownContext { name, known } => match nearest(name, known) {
                Some(near) => format!("Did you mean {near:?}?"),
                None => format!("Add [contexts.{name}] to the configuration file."),
            },
            Self::NoHome => "Set HOME, or give --state-dir.".into(),
        }
    }
}

impl Invalid {
    fn next_step(&self) -> String {
        match &self.nearest {
            Some(near) => format!("Did you mean `{near}`?"),
            None if self.key.is_empty() => {
                format!(
                    "Correct {}; `quarterdeck config check FILE` tries it.",
                    self.file.display()
                )
            }
            None => format!(
                "Correct {} in {}; `quarterdeck config sample` shows every key.",
                self.key,
                self.file.display()
            ),
        }
    }
}

fn unreadable_step(path: &Path, source: &std::io::Error) -> String {
    match source.kind() {
        std::io::ErrorKind::NotFound => {
            "Check the name (--config, QUARTERDECK_CONFIG); `quarterdeck config sample` prints a file to start from."
                .into()
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("Let this user read {}, or name another file with --config.", path.display())
        }
        _ => format!("Look at {}, or name another file with --config.", path.display()),
    }
}

fn known_contexts(known: &[String]) -> String {
    if known.is_empty() {
        "the configuration has none".into()
    } else {
        format!("known: {}", known.join(", "))
    }
}

fn dotted(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("{key}: ") }
}

/// Below this likeness (Jaro-Winkler, 0 to 1) a suggestion confuses more than it helps.
const LIKE_ENOUGH: f64 = 0.75;

/// The candidate most like `word`, if any is like enough.
pub fn nearest(word: &str, candidates: &[String]) -> Option<String> {
    candidates
        .iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, candidate)| candidate.clone())
}
