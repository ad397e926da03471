//! `traffic`: a row for each target group a listener sends to.

use super::Failure;
use super::args::{Format, Output};
use super::json::{self, TrafficView};
use super::read::Answer;
use super::table::{NONE, Table, UNKNOWN};
use super::words::percent;
use super::world::Round;
use crate::core::estate::{Balancer, ForwardView, ListenerView};

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
    ];
    let mut table = Table::new(head);
    for balancer in &round.estate.traffic {
        match &balancer.listeners {
            Ok(listeners) if listeners.is_empty() => {
                table.row([balancer.name.as_str(), NONE, NONE, NONE, NONE, NONE, NONE, NONE]);
            }
            Ok(listeners) => {
                for listener in listeners {
                    rows(&mut table, balancer, listener);
                }
            }
            Err(why) => {
                let why = format!("{UNKNOWN} ({why})");
                let row = [balancer.name.as_str(), why.as_str()];
                table.row(row.into_iter().chain([UNKNOWN; 6]));
            }
        }
    }
    table.render()
}

fn rows(table: &mut Table, balancer: &Balancer, listener: &ListenerView) {
    let port = format!(":{} {}", listener.port, listener.protocol);
    for action in &listener.actions {
        if action.groups.is_empty() {
            let row = [balancer.name.as_str(), port.as_str(), action.rule.as_str()];
            table.row(row.into_iter().chain([NONE; 5]));
        }
        for group in &action.groups {
            table.row([
                balancer.name.clone(),
                port.clone(),
                action.rule.clone(),
                group.name.clone(),
                group.weight.to_string(),
                percent(group.share),
                healthy(group),
                fleets(group),
            ]);
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
