//! Reading a world file, and saying what is wrong with one: path, line, nearest key.

use super::WorldSpec;
use std::fmt;

/// A mistake in a world file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// The file's name, or the world's.
    pub file: String,
    /// Where in it: `fleet[0].nodes`.
    pub path: String,
    /// Its line, from 1, where known.
    pub line: Option<usize>,
    /// What is wrong, as a fragment.
    pub message: String,
    /// What was probably meant.
    pub nearest: Option<String>,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        if !self.path.is_empty() && self.path != "." {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(nearest) = &self.nearest {
            write!(f, "; did you mean `{nearest}`?")?;
        }
        Ok(())
    }
}

impl std::error::Error for SpecError {}

/// Where a mistake is, while a file is being checked.
pub(crate) struct Place<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
}

impl Place<'_> {
    /// A mistake at a byte of the text.
    pub(crate) fn mistake(
        &self,
        path: impl Into<String>,
        at: Option<usize>,
        message: impl Into<String>,
    ) -> SpecError {
        SpecError {
            file: self.file.to_owned(),
            path: path.into(),
            line: at.map(|at| line_of(self.text, at)),
            message: message.into(),
            nearest: None,
        }
    }
}

/// Reads a world and checks all of it. `file` is only for the messages.
///
/// # Errors
/// The first mistake found.
pub fn parse_world(file: &str, text: &str) -> Result<WorldSpec, SpecError> {
    let place = Place { file, text };
    let source = toml::Deserializer::parse(text).map_err(|why| {
        place.mistake("", why.span().map(|span| span.start), why.message().to_owned())
    })?;
    let spec: WorldSpec = serde_path_to_error::deserialize(source).map_err(|why| {
        let path = why.path().to_string();
        let inner = why.into_inner();
        let at = inner.span().map(|span| span.start);
        let (message, nearest) = plainly(inner.message());
        SpecError { nearest, ..place.mistake(path, at, message) }
    })?;
    super::build::check(&spec, &place)?;
    Ok(spec)
}

/// `unknown field X, expected one of A, B` says it shorter, with the nearest of those expected.
fn plainly(message: &str) -> (String, Option<String>) {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    match quoted.split_first() {
        Some((given, known)) if unknown => {
            let what = if message.starts_with("unknown field") { "key" } else { "value" };
            (format!("unknown {what} `{given}`"), nearest(given, known))
        }
        _ => (message.to_owned(), None),
    }
}

/// The known word nearest to the given one, if any is near.
pub(crate) fn nearest(given: &str, known: &[&str]) -> Option<String> {
    let ranked = known.iter().map(|one| (strsim::damerau_levenshtein(given, one), *one)).min();
    ranked.filter(|(far, one)| *far <= one.len().max(3) / 2).map(|(_, one)| one.to_owned())
}

/// The line of a byte, from 1.
fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
