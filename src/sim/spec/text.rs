//! Worlds that are not worth a file: so many fleets of so many nodes.

use super::WorldSpec;
use super::parse::{SpecError, parse_world};
use std::fmt::Write;

/// Colours by pairs: the first of each pair is live.
const COLOURS: [&str; 2] = ["blue", "green"];

/// What a world that was made from numbers is called where others have a file's name.
pub const BIG_WORLD: &str = "--fleets/--nodes";

/// A world of `fleets` fleets in blue/green pairs with `nodes` nodes in all. Each pair has its own
/// registry service and its own load balancer, as a load balancer takes 500 targets a zone.
///
/// # Errors
/// A sentence when the numbers make no world.
pub fn big_world(fleets: u32, nodes: u32) -> Result<WorldSpec, SpecError> {
    let refuse = |message: &str| SpecError {
        file: BIG_WORLD.to_owned(),
        path: String::new(),
        line: None,
        message: message.to_owned(),
        nearest: None,
    };
    if fleets == 0 || fleets > 200 {
        return Err(refuse("a world has between 1 and 200 fleets"));
    }
    if nodes < fleets || nodes > 10_000 {
        return Err(refuse("a world has at least one node a fleet and at most 10,000 nodes"));
    }
    if nodes.div_ceil(fleets) > 500 {
        return Err(refuse("a registry service takes 1,000 members: more fleets, or fewer nodes"));
    }
    parse_world(BIG_WORLD, &big_text(fleets, nodes))
}

fn big_text(fleets: u32, nodes: u32) -> String {
    let mut text = format!(
        "title = \"{fleets} fleets, {nodes} nodes\"\nwrong = \"Nothing: a world to look around in.\"\nsolved = \"There is nothing to solve.\"\n"
    );
    for fleet in 0..fleets {
        let pair = fleet / 2 + 1;
        let colour = COLOURS[usize::from(fleet % 2 == 1)];
        if fleet % 2 == 0 {
            // A String takes whatever is written to it.
            let _infallible = write!(
                text,
                "[[service]]\nname = \"glt-{pair}\"\n[[load_balancer]]\nname = \"front-{pair}\"\n"
            );
            for (product, port) in [("grafana", 3000), ("loki", 3100), ("tempo", 3200)] {
                let _infallible = write!(
                    text,
                    "[[listener]]\nload_balancer = \"front-{pair}\"\nproduct = \"{product}\"\nport = {port}\n"
                );
            }
        }
        let share = nodes / fleets + u32::from(fleet < nodes % fleets);
        let weight = if fleet % 2 == 0 { 100 } else { 0 };
        let _infallible = write!(
            text,
            "[[fleet]]\nstack = \"{colour}-{pair:03}\"\nnodes = {share}\nweight = {weight}\nservices = [\"glt-{pair}\"]\nload_balancer = \"front-{pair}\"\n"
        );
    }
    text
}
