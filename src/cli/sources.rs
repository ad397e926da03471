//! `sources`: how each read of each source stands.

use super::Failure;
use super::args::{Format, Output};
use super::json::{self, Head};
use super::read::Answer;
use super::table::Table;
use super::words::{bucket, scope};
use super::world::Round;
use crate::core::observed::{Status, age};

pub(super) fn answer(round: &Round, format: Format) -> Result<Answer, Failure> {
    Ok(Answer::of(match format.output {
        Output::Json => json::document(&Head::of(round))?,
        Output::Table => render(round),
    }))
}

fn render(round: &Round) -> String {
    let mut table = Table::new(["SOURCE", "SCOPE", "STATUS", "AGE", "CALLS", "EVERY", "ERROR"]);
    for status in round.inventory.statuses(round.as_of) {
        let age = status.observed_at.map(|at| bucket(age(at, round.as_of)));
        let word = match status.status {
            Status::Stale => "STALE".to_owned(),
            other => other.to_string(),
        };
        table.row([
            status.source.to_string(),
            scope(&status),
            word,
            age.unwrap_or_else(|| "?".into()),
            status.calls.to_string(),
            format!("{}s", status.every.as_secs()),
            status.error.map(|error| error.value.to_string()).unwrap_or_default(),
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::example;

    #[test]
    fn sources_as_a_table() {
        insta::assert_snapshot!(render(&example::lacking_round()));
    }

    #[test]
    fn sources_as_json() {
        insta::assert_snapshot!(json::document(&Head::of(&example::lacking_round())).unwrap());
    }
}
