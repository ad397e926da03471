//! What the traffic shows, beside what the API says: rates and shares in a few cells, and in a
//! sentence. What nobody counts is `?`; what only some count is marked so.

use super::Span;
use super::cells::{self, unknown};
use crate::app::Model;
use crate::core::estate::{Fleet, Node, Role};
use crate::core::ids::InstanceId;
use crate::core::observed::{Observed, age};
use crate::core::rings::{Shown, shown};
use crate::tui::text;
use crate::tui::theme::Tone;
use jiff::Timestamp;

/// A rate in at most five cells: `3.2`, `812`, `1.2k`. Only nothing is 0.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        0.0 => "0".into(),
        few if few < 0.05 => "<0.1".into(),
        few if few < 9.95 => format!("{few:.1}"),
        some if some < 999.5 => format!("{some:.0}"),
        many if many < 9_950.0 => format!("{:.1}k", many / 1e3),
        many if many < 999_500.0 => format!("{:.0}k", many / 1e3),
        most => format!("{:.1}M", most / 1e6),
    }
}

/// Whether the requests of any node were ever counted from here.
pub(super) fn is_read(model: &Model) -> bool {
    !model.inventory.metrics.is_empty()
}

/// A fleet's share of the requests: `99%`, `99%?` where not all are counted, `0/s` where there are
/// none at all.
pub(super) fn share(shown: Option<Shown>) -> Span {
    let Some(shown) = shown else { return unknown() };
    let text = shown.share().map_or_else(|| "0/s".to_owned(), cells::percent);
    if shown.whole {
        Span::new(text, Tone::Plain)
    } else {
        Span::new(format!("{text}?"), Tone::Unknown)
    }
}

/// The requests a second of a node over all its products; `>` where one of them is not counted.
pub(super) fn of_node(node: &Node) -> Span {
    let rates = node.requests.iter().filter_map(|of| of.per_second);
    let Some(sum) = rates.reduce(|one, other| one + other) else { return unknown() };
    if node.requests.iter().all(|of| of.per_second.is_some()) {
        Span::new(rate(sum), Tone::Plain)
    } else {
        Span::new(format!(">{}", rate(sum)), Tone::Unknown)
    }
}

/// A node's requests a second, a product each: `loki 3.2, tempo ?`.
pub(super) fn by_product(node: &Node) -> Option<String> {
    let each = node.requests.iter().map(|of| match of.per_second {
        Some(per_second) => format!("{} {}", of.product, rate(per_second)),
        None => format!("{} ?", of.product),
    });
    let each: Vec<_> = each.collect();
    (!each.is_empty()).then(|| each.join(", "))
}

/// What API and traffic say of a fleet, in a sentence; nothing where requests were never counted.
/// Where the two contradict each other, that is said first.
pub(super) fn sentence(model: &Model, fleet: &Fleet) -> Option<(String, Tone)> {
    if !is_read(model) {
        return None;
    }
    let says = format!("API says {}, traffic shows", api(fleet));
    let seen = model.estate.as_ref().and_then(|estate| shown(estate, &fleet.stack_id, None));
    let Some(seen) = seen else {
        return Some((format!("? {says} ?: {}", not_counted(model, fleet)), Tone::Unknown));
    };
    let each = fleet.requests.iter().map(|of| match of.per_second {
        Some(per_second) if of.known < of.of => {
            format!("{} >{} on {} of {} nodes", of.product, rate(per_second), of.known, of.of)
        }
        Some(per_second) => format!("{} {}", of.product, rate(per_second)),
        None => format!("{} ?", of.product),
    });
    let each = each.collect::<Vec<_>>().join(", ");
    let oldest = fleet.requests.iter().filter_map(|of| of.observed_at).min();
    let every = fleet.nodes.iter().find_map(|id| model.inventory.metrics.get(id));
    let every = every.map(Observed::every).unwrap_or_default();
    let old = oldest.map(|at| text::age(age(at, model.now).max(every))).unwrap_or_default();
    let share = share(Some(seen)).text;
    let text = format!("{says} {share}: {} requests/s ({each}), {old} ago", rate(seen.per_second));
    Some(match disagree(fleet, seen) {
        Some(word) => (format!("! {word}: {text}"), Tone::Warn),
        None => (text, Tone::Plain),
    })
}

/// Why there is no rate: nothing new is read of any node, or not twice in a row yet.
fn not_counted(model: &Model, fleet: &Fleet) -> String {
    let of = |id: &InstanceId| model.inventory.metrics.get(id);
    if fleet.nodes.iter().filter_map(of).any(|of| of.current(model.now).is_ok()) {
        return "no rate now (it takes two reads)".into();
    }
    let last = last(fleet, |id| of(id).and_then(Observed::observed_at));
    let old = last.map(|at| format!(" (STALE {})", text::age(age(at, model.now))));
    format!("requests are not counted now{}", old.unwrap_or_default())
}

/// The word for an API and a traffic that contradict each other.
pub(super) fn disagree(fleet: &Fleet, seen: Shown) -> Option<&'static str> {
    if fleet.role == Role::Unknown {
        return None;
    }
    let gets_some = fleet.listeners.iter().any(|of| of.share.is_some_and(|share| share > 0.0));
    if !gets_some && seen.per_second > 0.0 {
        return Some("STILL SERVED");
    }
    (gets_some && seen.whole && seen.per_second <= 0.0 && seen.all > 0.0).then_some("NOT SERVED")
}

/// What the API says a fleet gets: a share, or from which to which where its listeners differ.
fn api(fleet: &Fleet) -> String {
    let Some(least) = fleet.traffic_share else {
        let nowhere = fleet.listeners.is_empty() && fleet.role != Role::Unknown;
        return if nowhere { "in no listener".into() } else { "?".into() };
    };
    let most = fleet.listeners.iter().filter_map(|of| of.share).fold(least, f64::max);
    match (cells::percent(least), cells::percent(most)) {
        (least, most) if least == most => least,
        (least, most) => format!("{least} to {most}"),
    }
}

/// When something was last read of any of a fleet's nodes.
pub(super) fn last(
    fleet: &Fleet,
    read: impl Fn(&InstanceId) -> Option<Timestamp>,
) -> Option<Timestamp> {
    fleet.nodes.iter().filter_map(read).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixture;
    use crate::core::estate::Estate;
    use crate::core::ids::StackId;
    use crate::core::rings::{FleetRequests, shown_at};

    fn estate(blue: &[(&str, Option<f64>, u32)], green: &[(&str, Option<f64>, u32)]) -> Estate {
        let mut estate = fixture::healthy();
        for (stack, told) in [("blue-412", blue), ("green-413", green)] {
            let one = |(product, per_second, known): &(&str, Option<f64>, u32)| FleetRequests {
                product: (*product).into(),
                per_second: *per_second,
                known: *known,
                of: 3,
                observed_at: None,
            };
            let fleet = estate.fleets.get_mut(&StackId::from(stack)).unwrap();
            fleet.requests = told.iter().map(one).collect();
        }
        estate
    }

    fn of_blue(estate: &Estate) -> Option<Shown> {
        shown(estate, &"blue-412".into(), None)
    }

    #[test]
    fn a_part_is_of_all_fleets_and_products() {
        let blue = [("loki", Some(30.0), 3), ("tempo", Some(60.0), 3)];
        let told = estate(&blue, &[("loki", Some(10.0), 3)]);
        let all = of_blue(&told).unwrap();
        assert_eq!((all.per_second, all.all, all.whole), (90.0, 100.0, true));
        let loki = shown(&told, &"blue-412".into(), Some(&"loki".into())).unwrap();
        assert_eq!(loki.share(), Some(0.75));
        assert_eq!(shown_at(&told, &"blue-412".into(), 3100), Some(loki));
        assert_eq!(shown_at(&told, &"blue-412".into(), 4317), None, "nobody counts there");
    }

    #[test]
    fn what_is_not_counted_is_neither_nothing_nor_everything() {
        assert_eq!(of_blue(&estate(&[], &[("loki", Some(1.0), 3)])), None);
        assert_eq!(of_blue(&estate(&[("loki", None, 0)], &[])), None);
        let partly = of_blue(&estate(&[("loki", Some(3.0), 2)], &[("loki", Some(1.0), 3)]));
        assert!(!partly.unwrap().whole);
        let alone = of_blue(&estate(&[("loki", Some(3.0), 3)], &[]));
        assert!(!alone.unwrap().whole, "green lives, and nobody counts what reaches it");
        let idle = of_blue(&estate(&[("loki", Some(0.0), 3)], &[("loki", Some(0.0), 3)])).unwrap();
        assert_eq!((idle.share(), idle.whole), (None, true), "no requests have no parts");
    }

    #[test]
    fn rates_fit_and_only_nothing_is_nothing() {
        for (per_second, text) in [
            (0.0, "0"),
            (0.001, "<0.1"),
            (0.05, "0.1"),
            (9.94, "9.9"),
            (9.96, "10"),
            (999.4, "999"),
            (999.6, "1.0k"),
            (12_345.0, "12k"),
            (2_500_000.0, "2.5M"),
        ] {
            assert_eq!(rate(per_second), text, "{per_second}");
        }
    }
}
