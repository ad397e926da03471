//! The arguments of the query protocols: `Names.member.1=…` and EC2's `Filter.1.Value.2=…`.

use crate::sim::world::Refused;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Arguments by their full names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params {
    all: BTreeMap<String, String>,
}

impl Params {
    /// Reads a form.
    pub(crate) fn read(form: &[u8]) -> Self {
        let all = form_urlencoded::parse(form).into_owned().collect();
        Self { all }
    }

    /// One argument.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all.get(name).map(String::as_str)
    }

    /// An argument that must be there.
    pub(super) fn need(&self, name: &str) -> Result<&str, Refused> {
        self.get(name).filter(|text| !text.is_empty()).ok_or_else(|| {
            Refused::validation(format!("1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"))
        })
    }

    /// A number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u32>, Refused> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let said = || Refused::validation(format!("'{text}' is no number, at '{name}'"));
        text.parse().map(Some).map_err(|_| said())
    }

    /// A yes or no.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).map(|text| text == "true")
    }

    /// A list of texts: `Names.member.1`, or with EC2 `InstanceId.1`.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        self.structs(name).iter().filter_map(|one| one.get("").map(str::to_owned)).collect()
    }

    /// A list of structures, each with its members' names.
    pub(super) fn structs(&self, name: &str) -> Vec<Self> {
        let mut found: BTreeMap<u32, Self> = BTreeMap::new();
        for prefix in [format!("{name}.member."), format!("{name}.")] {
            for (key, value) in &self.all {
                let Some(rest) = key.strip_prefix(prefix.as_str()) else { continue };
                let (index, rest) = rest.split_once('.').unwrap_or((rest, ""));
                let Ok(index) = index.parse::<u32>() else { continue };
                found.entry(index).or_default().all.insert(rest.to_owned(), value.clone());
            }
        }
        found.into_values().collect()
    }

    /// The names at the top, for checking what is not known.
    pub(super) fn has(&self, name: &str) -> bool {
        let tops: BTreeSet<_> = self.all.keys().filter_map(|key| key.split('.').next()).collect();
        tops.contains(name)
    }

    /// All of it, without what every call has.
    pub(crate) fn to_json(&self) -> Value {
        let own = self.all.iter().filter(|(key, _)| !matches!(key.as_str(), "Action" | "Version"));
        own.map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_structures_in_their_order() {
        let form = b"Names.member.2=b&Names.member.1=a&Names.member.10=j&T.member.1.Id=i-1&T.member.1.Port=80&Filter.1.Name=x&Filter.1.Value.1=y";
        let params = Params::read(form);
        assert_eq!(params.list("Names"), ["a", "b", "j"]);
        let targets = params.structs("T");
        assert_eq!(targets[0].get("Id"), Some("i-1"));
        assert_eq!(targets[0].get("Port"), Some("80"));
        assert_eq!(params.structs("Filter")[0].list("Value"), ["y"]);
        assert!(params.has("Filter") && !params.has("Marker"));
    }
}
