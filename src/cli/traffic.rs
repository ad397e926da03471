//! `traffic`: a row for each target group a listener sends to.

use super::Failure;
use super::args::{Format, Output};
use super::json::{self, TrafficView};
use super::read::Answer;
use super::table::{NONE, Table, UNKNOWN};
use super::words::percent;
use super::world::Round;
use crate::core::estate::{Balancer, Estate, ForwardView, ListenerView};
use crate::core::rings::shown_at;

pub(super) fn answer(round: &Round, format: Format) -> Result<Answer, Failure> {
    Ok(Answer::of(match format.output {
        Output::Json => json::document(&TrafficView::of(round))?,
        Output::Table => render(round),
    }))
}

fn render(round: &Round) -> String {
    if round.estate.traffic.is_empty() {
        let partly = if round.lacking.is_empty() { "" } else { " in what could be read" };
        return format!("no load balancers{partly}\n");
    }
    let head = [
        "LOAD BALANCER",
        "LISTENER",
        "RULE",
        "TARGET GROUP",
        "WEIGHT",
        "SHARE",
        "HEALTHY",
        "FLEETS",
        "SHOWS",
    ];
    // What the traffic shows has a column where anything is counted.
    let counted = round.estate.fleets.values().flat_map(|fleet| &fleet.requests);
    let counted = counted.into_iter().any(|of| of.known > 0);
    let cells = if counted { head.len() } else { head.len() - 1 };
    let mut table = Table::new(head.into_iter().take(cells));
    for balancer in &round.estate.traffic {
        match &balancer.listeners {
            Ok(listeners) if listeners.is_empty() => {
                let row = [balancer.name.as_str()].into_iter();
                table.row(row.chain([NONE; 8]).take(cells));
            }
            Ok(listeners) => {
                for listener in listeners {
                    rows((&mut table, cells), &round.estate, balancer, listener);
                }
            }
            Err(why) => {
                let why = format!("{UNKNOWN} ({why})");
                let row = [balancer.name.as_str(), why.as_str()];
                table.row(row.into_iter().chain([UNKNOWN; 7]).take(cells));
            }
        }
    }
    table.render()
}

fn rows(
    (table, cells): (&mut Table, usize),
    estate: &Estate,
    balancer: &Balancer,
    listener: &ListenerView,
) {
    let port = format!(":{} {}", listener.port, listener.protocol);
    for action in &listener.actions {
        if action.groups.is_empty() {
            let row = [balancer.name.as_str(), port.as_str(), action.rule.as_str()];
            table.row(row.into_iter().chain([NONE; 6]).take(cells));
        }
        for group in &action.groups {
            let row = [
                balancer.name.clone(),
                port.clone(),
                action.rule.clone(),
                group.name.clone(),
                group.weight.to_string(),
                percent(group.share),
                healthy(group),
                fleets(group),
                shows(estate, listener.port, group),
            ];
            table.row(row.into_iter().take(cells));
        }
    }
}

fn healthy(group: &ForwardView) -> String {
    match (&group.capacity, group.fail_open) {
        (Some(of), Some(true)) => format!("{}/{} FAIL-OPEN", of.healthy, of.registered),
        (Some(of), _) => format!("{}/{}", of.healthy, of.registered),
        (None, _) => UNKNOWN.into(),
    }
}

/// What the traffic shows of each fleet behind the group: its part of the requests on this port.
fn shows(estate: &Estate, port: u16, group: &ForwardView) -> String {
    let each = group.fleets.keys().map(|stack| match shown_at(estate, stack, port) {
        None => UNKNOWN.to_owned(),
        Some(of) => {
            let share = of.share().map_or_else(|| "0/s".to_owned(), percent);
            let mark = if of.whole { "" } else { "?" };
            format!("{share}{mark} ({:.1}/s)", of.per_second)
        }
    });
    let each: Vec<_> = each.collect();
    if each.is_empty() { NONE.into() } else { each.join(", ") }
}

fn fleets(group: &ForwardView) -> String {
    let part = |share: &Option<f64>| share.map_or_else(|| UNKNOWN.to_owned(), percent);
    let each = group.fleets.iter().map(|(stack, share)| format!("{stack} {}", part(share)));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::example;

    #[test]
    fn traffic_as_a_table() {
        insta::assert_snapshot!(render(&example::round()));
    }

    #[test]
    fn listeners_that_could_not_be_read_say_why() {
        insta::assert_snapshot!(render(&example::lacking_round()));
    }

    #[test]
    fn traffic_as_json_and_back() {
        for round in [example::round(), example::lacking_round()] {
            let view = TrafficView::of(&round);
            let text = json::document(&view).unwrap();
            assert_eq!(serde_json::from_str::<TrafficView>(&text).unwrap(), view);
        }
        insta::assert_snapshot!(json::document(&TrafficView::of(&example::round())).unwrap());
    }
}
