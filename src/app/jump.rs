//! From what an operator types to the nodes and fleets it may mean: an id, the beginning of one, a
//! private address, the name of a fleet.

use super::layer::{Choice, Then};
use super::model::Model;
use super::screen::ScreenKind;
use crate::core::estate::{Estate, Fleet, Node, Role};
use crate::core::ids::{InstanceId, StackId};
use std::net::IpAddr;
use std::sync::Arc;

/// So many are listed; of more, the operator types more.
const LISTED: usize = 50;

/// What may be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Fleets,
    Nodes,
    Both,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The likeliest first; of many, the first few.
    pub choices: Vec<Choice>,
    /// How many in all.
    pub matches: usize,
    /// Whether the first is meant beyond doubt: it is the only one, or bears just this name.
    pub sure: bool,
}

/// Everything that the text may mean. Fleets come before nodes, what is named so before what begins
/// so, and that before what only contains it.
pub(super) fn find(estate: &Estate, text: &str, wanted: Wanted) -> Found {
    let mut ranked = Ranked::default();
    ranked.look_in(estate, text.trim(), wanted);
    ranked.found()
}

/// The same of what is here, and of the fleets of other places behind it.
pub(super) fn everywhere(model: &Model, text: &str, wanted: Wanted) -> Found {
    let text = text.trim();
    let mut ranked = Ranked::default();
    if let Some(estate) = model.estate.as_deref() {
        ranked.look_in(estate, text, wanted);
    }
    for place in model.elsewhere.iter().filter(|_| !text.is_empty()) {
        for (stack, far) in &place.fleets {
            if let Some(rank) = rank(stack.as_str(), text) {
                ranked.add(rank, &|| of_far(&place.context, stack, far.fleet.role));
            }
        }
    }
    ranked.found()
}

/// What was found, with how well it fits.
#[derive(Default)]
struct Ranked {
    all: Vec<(usize, Choice)>,
    matches: usize,
}

impl Ranked {
    fn add(&mut self, rank: usize, choice: &dyn Fn() -> Choice) {
        self.matches += 1;
        // What would not be listed anyway need not be made.
        if self.all.len() < LISTED || rank == 0 {
            self.all.push((rank, choice()));
        }
    }

    fn found(mut self) -> Found {
        self.all.sort_by_key(|(rank, _)| *rank);
        self.all.truncate(LISTED);
        let named = self.all.iter().filter(|(rank, _)| *rank == 0).count();
        let sure = named == 1 || self.matches == 1;
        let choices = self.all.into_iter().map(|(_, choice)| choice).collect();
        Found { choices, matches: self.matches, sure }
    }

    fn look_in(&mut self, estate: &Estate, text: &str, wanted: Wanted) {
        if text.is_empty() {
            return;
        }
        if wanted != Wanted::Nodes {
            for fleet in estate.fleets.values() {
                if let Some(rank) = rank(fleet.stack_id.as_str(), text) {
                    self.add(rank, &|| of_fleet(fleet));
                }
            }
        }
        if wanted != Wanted::Fleets {
            let address: Option<IpAddr> = text.parse().ok();
            let like_address =
                text.contains('.') && text.chars().all(|c| c == '.' || c.is_ascii_digit());
            let exact = estate.nodes.get(&InstanceId::from(text));
            exact.into_iter().for_each(|node| self.add(0, &|| of_node(node)));
            for node in estate.nodes.values().filter(|node| node.id.as_str() != text) {
                let by_address = node.private_ip.and_then(|ip| match address {
                    Some(address) => (ip == address).then_some(0),
                    None if like_address => rank(&ip.to_string(), text),
                    None => None,
                });
                let bare = node.id.as_str().strip_prefix("i-").unwrap_or_default();
                let by_id = rank(node.id.as_str(), text).map(|rank| match bare.starts_with(text) {
                    true => 1,
                    false => rank,
                });
                if let Some(rank) = by_address.into_iter().chain(by_id).min() {
                    self.add(rank, &|| of_node(node));
                }
            }
        }
    }
}

/// Everything there is, of many the first few.
pub(super) fn all(estate: &Estate, wanted: Wanted) -> Found {
    let fleets = estate.fleets.values().filter(|_| wanted != Wanted::Nodes);
    let nodes = estate.nodes.values().map(Arc::as_ref).filter(|_| wanted != Wanted::Fleets);
    let matches = fleets.clone().count() + nodes.clone().count();
    let choices = fleets.map(of_fleet).chain(nodes.map(of_node)).take(LISTED).collect();
    Found { choices, matches, sure: false }
}

/// 0 for just this name, 1 where it begins so, 2 where it contains it.
fn rank(name: &str, text: &str) -> Option<usize> {
    if name.eq_ignore_ascii_case(text) {
        return Some(0);
    }
    let (name, text) = (name.as_bytes(), text.as_bytes());
    let place = name.windows(text.len()).position(|part| part.eq_ignore_ascii_case(text))?;
    Some(if place == 0 { 1 } else { 2 })
}

fn of_fleet(fleet: &Fleet) -> Choice {
    Choice {
        name: fleet.stack_id.to_string(),
        keys: String::new(),
        doc: format!("fleet, {}, {} nodes", fleet.role, fleet.nodes.len()),
        then: Then::Go(ScreenKind::Nodes(Some(fleet.stack_id.clone()))),
    }
}

fn of_far(context: &Arc<str>, stack: &StackId, role: Role) -> Choice {
    Choice {
        name: stack.to_string(),
        keys: String::new(),
        doc: format!("fleet of another place: {context}, {role}"),
        then: Then::Enter(Arc::clone(context), stack.clone()),
    }
}

fn of_node(node: &Node) -> Choice {
    let ip = node.private_ip.map_or_else(|| "no address".to_owned(), |ip| ip.to_string());
    let stack = node.stack_id.as_ref().map_or("no fleet", |stack| stack.as_str());
    Choice {
        name: node.id.to_string(),
        keys: String::new(),
        doc: format!("{ip}, {stack}"),
        then: Then::Go(ScreenKind::Node(node.id.clone())),
    }
}
