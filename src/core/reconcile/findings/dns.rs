//! Findings about what DNS answers for the registry's names. Nothing is ever called missing: an
//! answer holds eight addresses at most, chosen anew for each resolver.

use super::{Scene, counted, listed};
use crate::core::finding::{Finding, FindingKind};
use crate::core::inventory::RECORDS_AT_MOST;
use crate::core::rings::DnsView;

pub(super) fn look(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    for view in scene.dns {
        found.extend(foreign(scene, view));
        found.extend(truncated(scene, view));
    }
}

fn foreign(scene: &Scene<'_>, view: &DnsView) -> Option<Finding> {
    let each: Vec<String> = view
        .foreign
        .iter()
        .map(|ip| match scene.index.owner_of_ip(ip) {
            Some(id) => format!("{ip} (of {id}, which is not registered)"),
            None => format!("{ip} (no living instance's)"),
        })
        .collect();
    if each.is_empty() {
        return None;
    }
    let resolver = view.answer.as_ref().map_or("?", |answer| answer.resolver.as_str());
    let text = format!(
        "DNS ({resolver}) answers {} for {}, which no member of it has",
        listed(&each),
        view.name
    );
    Some(
        Finding::new(FindingKind::DnsForeign, scene.index.now, text)
            .service(&view.service)
            .identified(view.name.as_str()),
    )
}

fn truncated(scene: &Scene<'_>, view: &DnsView) -> Option<Finding> {
    let answered = view.answer.as_ref().map(|answer| answer.count())?;
    let (_, members) = scene.index.services.iter().find(|(of, _)| of.id == view.service)?;
    let members = members.whole(scene.index.now).ok()?.len();
    // Fewer than an answer holds are not cut short: the answer is from before a registration, or
    // some are not well.
    if answered < RECORDS_AT_MOST || answered >= members {
        return None;
    }
    let text = format!(
        "{} has {} and DNS answers {answered} of them at a time",
        view.name,
        counted(members, "member")
    );
    Some(
        Finding::new(FindingKind::DnsTruncated, scene.index.now, text)
            .service(&view.service)
            .identified(view.name.as_str()),
    )
}
