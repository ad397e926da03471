//! The worlds that come with the binary, by name.

use super::spec::{SpecError, WorldSpec, parse_world};

/// What `demo --list` says of a world.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CatalogEntry {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a line.
    pub title: String,
    /// What is wrong in it.
    pub wrong: String,
    /// How to know that it is solved.
    pub solved: String,
}

/// The world that is shown unless another is asked for.
pub(super) const DEFAULT: &str = "blue-green";

/// A world's name and text.
macro_rules! world {
    ($name:literal) => {
        ($name, include_str!(concat!("worlds/", $name, ".toml")))
    };
}

/// Names and texts; the first is the default.
const WORLDS: [(&str, &str); 44] = [
    world!("blue-green"),
    world!("attach"),
    world!("boot-race"),
    world!("ghost-ip-reused"),
    world!("stale-after-scale-in"),
    world!("wrong-address"),
    world!("names-swapped"),
    world!("member-unhealthy"),
    world!("stranger"),
    world!("two-ports"),
    world!("green-zone-sick"),
    world!("fail-open"),
    world!("frozen-product"),
    world!("no-self-heal"),
    world!("database-down"),
    world!("draining-still-serving"),
    world!("listeners-split"),
    world!("weights-reverted"),
    world!("second-operator"),
    world!("listener-denied"),
    world!("throttled-shift"),
    world!("replaced-mid-cutover"),
    world!("failed-green"),
    world!("standby-at-min"),
    world!("pins-left"),
    world!("pins-resumed"),
    world!("launch-failures"),
    world!("mixed-versions"),
    world!("two-groups"),
    world!("empty-fleet"),
    world!("zone-loss"),
    world!("lock-left"),
    world!("credentials-expire"),
    world!("reads-denied"),
    world!("ring-alone"),
    world!("ring-split"),
    world!("rings-crossed"),
    world!("ring-debris"),
    world!("ghost-other-product"),
    world!("twelve-members"),
    world!("dns-lies"),
    world!("dns-silent"),
    world!("api-storm"),
    world!("thousand-members"),
];

/// The names of all worlds.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    WORLDS.iter().map(|(name, _)| *name)
}

/// A world of a name; `None` when there is none.
pub(super) fn named(name: &str) -> Option<Result<WorldSpec, SpecError>> {
    let (name, text) = WORLDS.iter().find(|(one, _)| *one == name)?;
    Some(parse_world(&format!("{name}.toml"), text))
}

/// All worlds, in the order of the list.
pub fn catalog() -> Vec<CatalogEntry> {
    WORLDS
        .iter()
        .filter_map(|(name, text)| {
            let spec = parse_world(name, text).ok()?;
            Some(CatalogEntry { name, title: spec.title, wrong: spec.wrong, solved: spec.solved })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_world_can_be_read_and_says_what_it_is() {
        for (name, text) in WORLDS {
            let spec = parse_world(name, text).unwrap_or_else(|why| panic!("{why}"));
            for (what, said) in
                [("title", &spec.title), ("wrong", &spec.wrong), ("solved", &spec.solved)]
            {
                assert!(said.len() > 10, "{name} says nothing about {what}");
            }
        }
        assert_eq!(catalog().len(), WORLDS.len());
    }
}
