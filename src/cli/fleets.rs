//! `fleets`: a row a fleet; a column for each port and each product there is.

use super::Failure;
use super::args::{Format, Output};
use super::json::{self, FleetsView};
use super::read::Answer;
use super::table::{NONE, Table, UNKNOWN};
use super::words::{Seen, or_unknown, percent};
use super::world::Round;
use crate::core::estate::{Estate, Fleet, ProbeSummary, TargetSummary};
use crate::core::ids::Product;
use crate::core::inventory::Inventory;
use crate::core::observed::Observed;
use crate::core::rings::shown;
use jiff::Timestamp;
use std::collections::BTreeSet;

pub(super) fn answer(round: &Round, format: Format) -> Result<Answer, Failure> {
    Ok(Answer::of(match format.output {
        Output::Json => json::document(&FleetsView::of(round))?,
        Output::Table => render(round),
    }))
}

fn render(round: &Round) -> String {
    let fleets = || round.estate.fleets.values();
    if fleets().next().is_none() {
        let partly = if round.lacking.is_empty() { "" } else { " in what could be read" };
        return format!("no fleets{partly}\n");
    }
    let ports: BTreeSet<u16> =
        fleets().flat_map(|fleet| fleet.targets.iter().map(|of| of.port)).collect();
    let products: BTreeSet<&Product> =
        fleets().flat_map(|fleet| fleet.probes.iter().map(|of| &of.service)).collect();
    let head = ["STACK", "ROLE", "TRAFFIC", "NODES", "MEMBERS"].map(str::to_owned).into_iter();
    let head = head
        .chain(ports.iter().map(|port| format!(":{port}")))
        .chain(products.iter().map(|product| product.as_str().to_uppercase()))
        .chain(told(&round.estate).into_iter().map(|(column, _)| column.to_owned()))
        .chain(["WORST", "AGE"].map(str::to_owned));
    let mut table = Table::new(head);
    let told = told(&round.estate);
    for fleet in fleets() {
        let mut row = vec![
            fleet.stack_id.to_string(),
            fleet.role.to_string().to_uppercase(),
            traffic(fleet),
            nodes(fleet),
            members(fleet),
        ];
        row.extend(ports.iter().map(|port| targets(fleet, *port)));
        row.extend(products.iter().map(|product| probes(fleet, product)));
        row.extend(told.iter().map(|(_, cell)| cell(&round.estate, fleet)));
        row.push(fleet.worst.map_or_else(|| NONE.to_owned(), |worst| worst.to_string()));
        row.push(seen(fleet, &round.inventory, round.as_of).text(round.as_of));
        table.row(row);
    }
    table.render()
}

/// A column of what nodes tell, and its cells.
type Column = (&'static str, fn(&Estate, &Fleet) -> String);

/// The columns of what nodes tell of themselves; there are none where nothing of it is known.
fn told(estate: &Estate) -> Vec<Column> {
    let (fleets, mut columns) = (&estate.fleets, Vec::<Column>::new());
    if fleets.values().any(|fleet| fleet.rings.iter().any(|ring| ring.unknown < ring.of)) {
        columns.push(("RINGS", rings));
    }
    if fleets.values().any(|fleet| fleet.requests.iter().any(|of| of.known > 0)) {
        columns.push(("SHOWS", shows));
        columns.push(("REQUESTS/S", requests));
    }
    columns
}

/// Members that are active of those that should be, and whether they see each other.
fn rings(_: &Estate, fleet: &Fleet) -> String {
    let each = fleet.rings.iter().map(|ring| {
        let name = &ring.product;
        let all = usize::try_from(ring.of).unwrap_or(usize::MAX);
        match (ring.is_split(), ring.not_shared.len() >= all.max(1)) {
            (true, _) => format!("{name} {}/{} SPLIT", ring.active, ring.of),
            (false, true) => format!("{name} not shared"),
            (false, false) if ring.unknown == ring.of => format!("{name} {UNKNOWN}"),
            (false, false) => format!("{name} {}/{}", ring.active, ring.of),
        }
    });
    let each: Vec<_> = each.collect();
    if each.is_empty() { NONE.into() } else { each.join(", ") }
}

/// The fleet's part of all requests: what the traffic shows, where TRAFFIC is what the API says.
fn shows(estate: &Estate, fleet: &Fleet) -> String {
    match shown(estate, &fleet.stack_id, None) {
        None => UNKNOWN.into(),
        Some(of) => {
            let share = of.share().map_or_else(|| "0/s".to_owned(), percent);
            if of.whole { share } else { format!("{share}?") }
        }
    }
}

/// What the traffic shows, beside what the API says; nodes of which nothing is known make it
/// "at least".
fn requests(_: &Estate, fleet: &Fleet) -> String {
    let each = fleet.requests.iter().map(|of| match of.per_second {
        Some(rate) if of.known < of.of => format!("{} >{rate:.1}", of.product),
        Some(rate) => format!("{} {rate:.1}", of.product),
        None => format!("{} {UNKNOWN}", of.product),
    });
    let each: Vec<_> = each.collect();
    if each.is_empty() { NONE.into() } else { each.join(", ") }
}

/// In no listener is another thing than a share nobody knows.
fn traffic(fleet: &Fleet) -> String {
    let unattached = fleet.listeners.is_empty() && fleet.role != crate::core::estate::Role::Unknown;
    match fleet.traffic_share {
        Some(share) => percent(share),
        None if unattached => NONE.into(),
        None => UNKNOWN.into(),
    }
}

fn nodes(fleet: &Fleet) -> String {
    match fleet.in_service() {
        Some((up, desired)) => format!("{up}/{desired}"),
        None => format!("{}/-", fleet.nodes.len()),
    }
}

fn members(fleet: &Fleet) -> String {
    let expected: u32 = fleet.registry.iter().map(|of| of.expected).sum();
    match fleet.members {
        Some(members) if expected > 0 => format!("{members}/{expected}"),
        members => or_unknown(members),
    }
}

/// All groups of a port together; one that is unknown makes the sum unknown.
fn targets(fleet: &Fleet, port: u16) -> String {
    let mine: Vec<&TargetSummary> = fleet.targets.iter().filter(|of| of.port == port).collect();
    if mine.is_empty() {
        return NONE.into();
    }
    let sum = mine.iter().try_fold((0, 0), |(healthy, registered), of| {
        let capacity = of.capacity.as_ref()?;
        Some((healthy + capacity.healthy, registered + capacity.registered))
    });
    let open = mine.iter().any(|of| of.fail_open == Some(true));
    match sum {
        Some((healthy, registered)) if open => format!("{healthy}/{registered} FAIL-OPEN"),
        Some((healthy, registered)) => format!("{healthy}/{registered}"),
        None => UNKNOWN.into(),
    }
}

/// Those that pass of all; nodes of which nothing is known are named apart.
fn probes(fleet: &Fleet, product: &Product) -> String {
    let Some(ProbeSummary { pass, fail, unknown, .. }) =
        fleet.probes.iter().find(|of| &of.service == product)
    else {
        return NONE.into();
    };
    match (pass + fail, unknown) {
        (0, 0) => NONE.into(),
        (0, _) => UNKNOWN.into(),
        (known, 0) => format!("{pass}/{known}"),
        (known, unknown) => format!("{pass}/{known} {unknown}?"),
    }
}

/// How old the oldest number of the row is.
fn seen(fleet: &Fleet, inventory: &Inventory, now: Timestamp) -> Seen {
    let mut seen = Seen::default();
    for group in &fleet.groups {
        seen.and(group.observed_at, Some(inventory.groups.status(now)));
    }
    for registry in &fleet.registry {
        let status = inventory.members.get(&registry.service_id).map(|of| of.status(now));
        seen.and(registry.observed_at, status);
    }
    for target in &fleet.targets {
        let health = inventory.target_health.get(&target.target_group);
        seen.and(target.observed_at, health.map(|of| of.status(now)));
    }
    let every = inventory.probes.values().map(Observed::every).max().unwrap_or_default();
    for probe in fleet.probes.iter().filter(|probe| probe.observed_at.is_some()) {
        let stale =
            probe.observed_at.is_some_and(|at| crate::core::observed::age(at, now) > every * 2);
        let status = stale.then_some(crate::core::observed::Status::Stale);
        seen.and(probe.observed_at, status);
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::example;

    #[test]
    fn fleets_as_a_table() {
        insta::assert_snapshot!(render(&example::round()));
    }

    #[test]
    fn what_is_unknown_reads_so_and_never_as_zero() {
        insta::assert_snapshot!(render(&example::lacking_round()));
    }

    #[test]
    fn fleets_as_json_and_back() {
        let view = FleetsView::of(&example::lacking_round());
        let text = json::document(&view).unwrap();
        assert_eq!(serde_json::from_str::<FleetsView>(&text).unwrap(), view);
        insta::assert_snapshot!(text);
    }
}
