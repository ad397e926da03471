//! The files of `deploy/`, and copies of them with one thing broken.

use serde_yaml::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// What is wrong, as sentences; empty is good.
pub type Faults = Vec<String>;

/// All files below `deploy/`, by their path there.
#[derive(Clone)]
pub struct Example {
    files: BTreeMap<String, String>,
}

impl Example {
    pub fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
        let mut files = BTreeMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                // What `terraform init` leaves beside the files is not ours.
                if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&root).unwrap().display().to_string();
                    files.insert(name, std::fs::read_to_string(&path).unwrap());
                }
            }
        }
        Self { files }
    }

    /// A copy in which one text of one file is another. That the text is there is part of the test:
    /// what breaks nothing proves nothing.
    pub fn broken(&self, path: &str, from: &str, to: &str) -> Self {
        let mut copy = self.clone();
        let text = copy.files.get_mut(path).unwrap_or_else(|| panic!("there is no {path}"));
        assert!(text.contains(from), "{path} has no {from:?}");
        *text = text.replacen(from, to, 1);
        copy
    }

    pub fn text(&self, path: &str) -> &str {
        self.files.get(path).unwrap_or_else(|| panic!("there is no {path}"))
    }

    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// The files whose path ends so, with their text.
    pub fn ending<'a>(&'a self, end: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let files = self.files.iter().filter(move |(path, _)| path.ends_with(end));
        files.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// A YAML file as a value; `Null` where it cannot be read, which [`super::node::yaml`] reports.
    pub fn yaml(&self, path: &str) -> Value {
        serde_yaml::from_str(self.text(path)).unwrap_or(Value::Null)
    }
}

/// A value inside another by its keys, `Null` where there is none.
pub fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    static NOTHING: Value = Value::Null;
    path.split('.').fold(value, |value, key| value.get(key).unwrap_or(&NOTHING))
}

/// A number that must be there.
pub fn number(value: &Value, path: &str) -> Result<u64, String> {
    at(value, path).as_u64().ok_or_else(|| format!("no number at {path}"))
}

/// A text that must be there.
pub fn text<'a>(value: &'a Value, path: &str) -> Result<&'a str, String> {
    at(value, path).as_str().ok_or_else(|| format!("no text at {path}"))
}

/// Every name that a text takes from its environment as `${NAME}`; what does not end is an error.
pub fn names_in(text: &str, start: &str) -> Result<Vec<String>, String> {
    let parts = text.split(start).skip(1);
    let name = |part: &str| {
        let (name, _) = part.split_once('}').ok_or("a name that does not end")?;
        let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(format!("`{start}{name}}}` is no plain name"));
        }
        Ok(name.to_owned())
    };
    parts.map(name).collect()
}

/// The seconds of `240s` or `240`.
pub fn seconds(text: &str) -> Result<u64, String> {
    text.trim_end_matches('s').parse().map_err(|_| format!("{text:?} is no number of seconds"))
}

/// What a fallible check found, as faults.
pub fn faults(found: Result<Faults, String>) -> Faults {
    found.unwrap_or_else(|error| vec![error])
}
