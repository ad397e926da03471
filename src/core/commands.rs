//! The next commands on a node, to be copied: into it, to its logs, what makes a ring forget it, and
//! what quarterdeck does not do itself (replacing a node, another number of nodes), as AWS's own
//! command line takes it.

use super::estate::{Estate, Node};
use super::ids::Product;
use super::inventory::Verdict;
use super::rings::Debris;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Where the published set-up of a node has its compose.yaml (deploy/systemd/glt.service).
const PROJECT: &str = "/opt/glt";

/// Which command.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// A shell on the node.
    Session,
    /// What its containers wrote.
    Logs,
    /// Makes a product's ring forget a member, by its name there.
    Forget(Product, Arc<str>),
    /// Has Auto Scaling replace the node.
    Replace,
    /// Sets how many nodes its group has.
    Capacity,
}

/// A command, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextCommand {
    /// Which.
    pub next: Next,
    /// What it does, in a fragment.
    pub what: String,
    /// The command, for a POSIX shell.
    pub line: String,
}

/// How AWS's command line reaches the account that is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reach<'a> {
    /// The region.
    pub region: Option<&'a str>,
    /// The profile.
    pub profile: Option<&'a str>,
    /// An endpoint other than AWS's own.
    pub endpoint: Option<&'a str>,
}

impl Reach<'_> {
    /// An `aws` command that goes where this console looks.
    fn aws(self, command: &str) -> String {
        let flags =
            [("region", self.region), ("profile", self.profile), ("endpoint-url", self.endpoint)];
        let mut line = format!("aws {command}");
        for (flag, value) in flags {
            if let Some(value) = value {
                line.push_str(&format!(" --{flag} {}", quote(value)));
            }
        }
        line
    }
}

/// A word of a POSIX shell's line.
pub(super) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// All commands on a node, the harmless ones first.
pub fn of_node(estate: &Estate, node: &Node, reach: Reach<'_>) -> Vec<NextCommand> {
    let id = quote(node.id.as_str());
    let mut all = Vec::new();
    let mut add = |next, what: String, line| all.push(NextCommand { next, what, line });
    if node.id.is_ec2() {
        let line = reach.aws(&format!("ssm start-session --target {id}"));
        add(Next::Session, "a shell on the node".into(), line);
        let (what, line) = logs(node, &id, reach);
        add(Next::Logs, what, line);
    }
    for (product, debris) in forgettable(estate, node) {
        if let Some(line) = &debris.forget {
            let next = Next::Forget(product.clone(), Arc::clone(&debris.member.id));
            let what = format!(
                "makes the ring of {product} forget {}; only once it is gone for good",
                debris.member.id
            );
            add(next, what, line.clone());
        }
    }
    let Some(group) = &node.group else { return all };
    let line = format!(
        "autoscaling terminate-instance-in-auto-scaling-group --instance-id {id} \
         --no-should-decrement-desired-capacity"
    );
    let what = format!("TERMINATES the node; {group} launches another (drain it first)");
    add(Next::Replace, what, reach.aws(&line));
    let fleets = estate.fleets.values();
    let summary = fleets.flat_map(|fleet| &fleet.groups).find(|it| it.name == *group);
    if let Some(summary) = summary {
        let name = quote(group.as_str());
        let line = format!(
            "autoscaling set-desired-capacity --auto-scaling-group-name {name} \
             --desired-capacity {}",
            summary.desired
        );
        let what = format!(
            "sets how many nodes {group} has; {} now, between {} and {}: change the number",
            summary.desired, summary.min, summary.max
        );
        add(Next::Capacity, what, reach.aws(&line));
    }
    all
}

/// The logs of the products that fail, or of all.
fn logs(node: &Node, id: &str, reach: Reach<'_>) -> (String, String) {
    let failing = node.probes.iter().filter(|probe| probe.verdict == Verdict::Fail);
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let failing = failing.map(|probe| probe.outcome.product.as_str()).filter(|name| plain(name));
    let failing: Vec<&str> = failing.collect();
    let whose = if failing.is_empty() { "its containers".into() } else { failing.join(", ") };
    let command = ["sudo docker compose --project-directory", PROJECT, "logs --tail 200"];
    let command: Vec<&str> = command.into_iter().chain(failing).collect();
    let parameters = format!("{{\"command\":[\"{}\"]}}", command.join(" "));
    let line = format!(
        "ssm start-session --target {id} --document-name AWS-StartInteractiveCommand \
         --parameters {}",
        quote(&parameters)
    );
    (format!("the last 200 lines of {whose}"), reach.aws(&line))
}

/// What its fleet's rings should forget: the node itself, or what keeps it from becoming ready.
fn forgettable<'a>(
    estate: &'a Estate,
    node: &'a Node,
) -> impl Iterator<Item = (&'a Product, &'a Debris)> {
    let fleet = node.stack_id.as_ref().and_then(|stack| estate.fleets.get(stack));
    let rings = fleet.map(|fleet| fleet.rings.as_slice()).unwrap_or_default();
    let ip = node.private_ip.map(|ip| ip.to_string());
    let all = rings.iter().flat_map(|ring| ring.debris.iter().map(move |it| (&ring.product, it)));
    all.filter(move |(_, debris)| {
        let host = debris.member.address.rsplit_once(':').map(|(host, _)| host);
        debris.instance.as_ref() == Some(&node.id)
            || (debris.instance.is_none() && host.is_some() && host == ip.as_deref())
            || debris.blocks.contains(&node.id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_are_words_and_nothing_else() {
        for (word, quoted) in [
            ("blue-412-asg", "blue-412-asg"),
            ("a b", "'a b'"),
            ("$(reboot)", "'$(reboot)'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quote(word), quoted);
        }
    }
}
