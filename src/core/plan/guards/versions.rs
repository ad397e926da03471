//! versions: Grafana migrates its shared database when a newer one starts, so where the versions of
//! two fleets differ the way back is not guaranteed. A product's version is its own word, from its
//! pages or metrics.

use super::scene::Scene;
use super::{nothing, pass, unknown, warn, worst_of};
use crate::core::estate::Node;
use crate::core::ids::Product;
use crate::core::plan::guard::Verdict;
use std::collections::BTreeSet;

/// What a fleet's nodes say of a product.
struct Said<'a> {
    versions: BTreeSet<&'a str>,
    /// A node that has the product and does not say its version.
    silent: Option<&'a str>,
}

pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    let (Some(from), Some(to)) = (&scene.plan.giving, &scene.plan.receiving) else {
        return nothing("no second fleet is part of this");
    };
    let (giving, receiving) = (scene.living(from), scene.living(to));
    let both = || giving.iter().chain(&receiving);
    let said: BTreeSet<&Product> = both().flat_map(|node| node.versions.keys()).collect();
    if said.is_empty() {
        return unknown(
            "no node says the versions of its products (rings and metrics are not read here, or do \
             not answer); if Grafana's differ, it has migrated the shared database and the way back \
             is not guaranteed",
        );
    }
    let each = said
        .into_iter()
        .map(|product| compare(product.as_str(), &of(&giving, product), &of(&receiving, product)));
    worst_of(each.collect(), nothing("no product says its version"))
}

/// A node that is not probed for a product, or has none, need not say its version.
fn of<'a>(nodes: &[&'a Node], product: &Product) -> Said<'a> {
    let has = |node: &&&Node| node.probes.iter().any(|of| &of.outcome.product == product);
    let mut silent = nodes.iter().filter(has).filter(|node| !node.versions.contains_key(product));
    Said {
        silent: silent.next().map(|node| node.id.as_str()),
        versions: nodes
            .iter()
            .filter_map(|node| node.versions.get(product))
            .map(|of| &**of)
            .collect(),
    }
}

fn compare(product: &str, giving: &Said<'_>, receiving: &Said<'_>) -> Verdict {
    let words = |of: &Said<'_>| of.versions.iter().copied().collect::<Vec<_>>().join(" and ");
    let known = !giving.versions.is_empty() && !receiving.versions.is_empty();
    if known && giving.versions != receiving.versions {
        let (from, to) = (words(giving), words(receiving));
        let more = match product {
            "grafana" => "; it has migrated the shared database: the way back is not guaranteed",
            _ => "",
        };
        return warn(format!("{product} is {from} in the one fleet and {to} in the other{more}"));
    }
    match giving.silent.or(receiving.silent) {
        Some(node) => unknown(format!("{node} does not say its version of {product}")),
        None if !known => nothing(format!("only one fleet has {product}")),
        None => pass(format!("{product} is {} in both fleets", words(giving))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<'a>(versions: &[&'a str], silent: Option<&'a str>) -> Said<'a> {
        Said { versions: versions.iter().copied().collect(), silent }
    }

    #[test]
    fn a_difference_warns_and_silence_is_no_agreement() {
        let text =
            |giving: Said<'_>, receiving: Said<'_>| match compare("grafana", &giving, &receiving) {
                Verdict::Pass { .. } => "pass".to_owned(),
                Verdict::Warn { because } | Verdict::Unknown { because } => because,
                other => panic!("{other:?}"),
            };
        assert_eq!(text(said(&["12.1"], None), said(&["12.1"], None)), "pass");
        assert_eq!(
            text(said(&["12.0"], Some("i-1")), said(&["12.1"], None)),
            "grafana is 12.0 in the one fleet and 12.1 in the other; it has migrated the shared \
             database: the way back is not guaranteed"
        );
        let silent = "i-1 does not say its version of grafana";
        assert_eq!(text(said(&["12.1"], Some("i-1")), said(&["12.1"], None)), silent);
        assert_eq!(text(said(&["12.1"], None), said(&[], Some("i-1"))), silent);
        // A fleet in the middle of an upgrade.
        let mixed = text(said(&["12.0", "12.1"], None), said(&["12.1"], None));
        assert!(mixed.starts_with("grafana is 12.0 and 12.1 in the one fleet"), "{mixed}");
        let alone = compare("tempo", &said(&["2.8"], None), &said(&[], None));
        assert!(matches!(alone, Verdict::NotApplicable { .. }), "{alone:?}");
    }
}
