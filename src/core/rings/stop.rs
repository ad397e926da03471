//! Safe to stop (safety.md, Intents): not the same as drained. Out of every target group, no new
//! requests, left the rings, nothing unflushed; anything that cannot be told makes it unknown.

use super::RingStanding;
use crate::core::estate::Node;
use crate::core::ids::{InstanceId, Product};
use crate::core::inventory::{Measured, ProbeReason, RingState, Sample, Verdict};
use crate::core::observed::age;
use crate::core::plan::Picture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// No request for so long is no traffic: two samples and more at the usual interval.
const QUIET_FOR: Duration = Duration::from_secs(30);

/// What a product counted says something of how it stopped when it was asked at most so long before
/// it was found stopped.
const LAST_WORD: Duration = Duration::from_secs(60);

/// Whether a node may be stopped.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::Display,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum StopVerdict {
    /// It may.
    Yes,
    /// Nobody can say.
    Unknown,
    /// It may not.
    No,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What it says of stopping.
    pub verdict: StopVerdict,
    /// What was seen, in a sentence's part.
    pub text: String,
}

/// The verdict, what it rests on, and what gets the node there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SafeToStop {
    /// The worst of the reasons.
    pub verdict: StopVerdict,
    /// Everything that was looked at.
    pub reasons: Vec<Reason>,
    /// Commands to be run by people, in order.
    pub commands: Vec<String>,
}

/// Whether a node may be stopped now.
pub fn safe_to_stop(picture: Picture<'_>, id: &InstanceId) -> SafeToStop {
    look(picture, id, |looked, node| looked.targets(node))
}

/// Whether a node may be stopped as soon as it is out of every target group: what a drain, which
/// brings that about, leaves to be done.
pub fn safe_to_stop_once_out(picture: Picture<'_>, id: &InstanceId) -> SafeToStop {
    look(picture, id, |_, _| ())
}

fn look(
    picture: Picture<'_>,
    id: &InstanceId,
    targets: impl FnOnce(&mut Looked<'_>, &Node),
) -> SafeToStop {
    let mut looked = Looked { picture, reasons: Vec::new(), commands: Vec::new() };
    match picture.estate.nodes.get(id) {
        Some(node) => {
            targets(&mut looked, node);
            looked.requests(node);
            looked.rings(node);
            looked.flushed(node);
        }
        None => looked.say(StopVerdict::Unknown, format!("{id} is not known")),
    }
    let verdict = looked.reasons.iter().map(|reason| reason.verdict).max();
    SafeToStop {
        verdict: verdict.unwrap_or(StopVerdict::Unknown),
        reasons: looked.reasons,
        commands: looked.commands,
    }
}

struct Looked<'a> {
    picture: Picture<'a>,
    reasons: Vec<Reason>,
    commands: Vec<String>,
}

impl Looked<'_> {
    fn say(&mut self, verdict: StopVerdict, text: impl Into<String>) {
        self.reasons.push(Reason { verdict, text: text.into() });
    }

    fn targets(&mut self, node: &Node) {
        let inventory = self.picture.inventory;
        let whole = inventory.target_groups.whole(self.picture.now).is_ok()
            && inventory.target_health.values().all(|of| of.whole(self.picture.now).is_ok());
        for target in &node.targets {
            let text =
                format!("{} in {} on port {}", target.state_text(), target.name, target.port);
            match target.state.as_deref() {
                Ok("unused") => self.say(StopVerdict::Yes, text),
                Ok(_) => self.say(StopVerdict::No, text),
                Err(_) => self.say(StopVerdict::Unknown, text),
            }
        }
        if node.targets.is_empty() {
            match whole {
                true => self.say(StopVerdict::Yes, "in no target group"),
                false => self.say(StopVerdict::Unknown, "the target groups could not all be read"),
            }
        }
    }

    /// The latest samples of a node's products, and whether each of them is there at all.
    fn measured(&self, node: &Node) -> Vec<(Arc<Measured>, Presence)> {
        let Some(slot) = self.picture.inventory.metrics.get(&node.id) else { return Vec::new() };
        let current = slot.current(self.picture.now).is_ok();
        let all = slot.value().into_iter().flatten();
        let told = all.map(|one| (Arc::clone(one), presence(node, one)));
        // What is stopped or not there cannot say so itself: of that, the probe's word is young.
        told.filter(|(_, presence)| current || *presence != Presence::Runs).collect()
    }

    fn requests(&mut self, node: &Node) {
        let measured = self.measured(node);
        if measured.is_empty() {
            self.say(StopVerdict::Unknown, "its requests are not counted from here");
        }
        for (one, presence) in measured {
            let product = &one.product;
            match presence {
                Presence::Runs => self.requests_of(&one),
                Presence::Stopped(_) => {
                    self.say(StopVerdict::Yes, format!("{product} is stopped: nothing reaches it"));
                }
                Presence::Absent => {
                    self.say(StopVerdict::Yes, format!("{product} is not on this node"));
                }
            }
        }
    }

    fn requests_of(&mut self, one: &Measured) {
        let product = &one.product;
        let quiet = one.quiet_since.map(|since| age(since, one.at));
        let (verdict, text) = match (one.rate(), quiet) {
            (Some(rate), _) if rate.per_second > 0.0 => {
                let text = format!("{product} still gets {:.1} requests/s", rate.per_second);
                (StopVerdict::No, text)
            }
            (_, Some(quiet)) if quiet >= QUIET_FOR => {
                (StopVerdict::Yes, format!("no request for {product} in {} s", quiet.as_secs()))
            }
            (_, Some(quiet)) => {
                let text = format!("no request for {product}, but only for {} s", quiet.as_secs());
                (StopVerdict::Unknown, text)
            }
            (_, None) => (StopVerdict::Unknown, format!("requests of {product} are not known yet")),
        };
        self.say(verdict, text);
    }

    fn rings(&mut self, node: &Node) {
        if node.rings.is_empty() {
            self.say(StopVerdict::Unknown, "no ring could be read");
        }
        let absent: Vec<Product> = self
            .measured(node)
            .into_iter()
            .filter(|(_, presence)| *presence == Presence::Absent)
            .map(|(one, _)| one.product.clone())
            .collect();
        for ring in &node.rings {
            let product = &ring.product;
            // Nobody can be asked about the ring of what is not there; its peers would name it.
            let asked = !matches!(ring.standing, RingStanding::Unknown(_));
            if !asked && absent.contains(product) {
                continue;
            }
            let (verdict, text) = match &ring.standing {
                RingStanding::Left | RingStanding::Member(RingState::Left) => {
                    (StopVerdict::Yes, format!("it left the ring of {product}"))
                }
                RingStanding::Missing => {
                    (StopVerdict::Yes, format!("it is not in the ring of {product}"))
                }
                RingStanding::NotShared => (StopVerdict::Yes, format!("{product} shares no ring")),
                RingStanding::Member(state) => {
                    (StopVerdict::No, format!("it is {state} in the ring of {product}"))
                }
                RingStanding::Alone => {
                    (StopVerdict::No, format!("it is a ring of {product} by itself"))
                }
                RingStanding::Unknown(why) => {
                    (StopVerdict::Unknown, format!("the ring of {product}: {why}"))
                }
            };
            if verdict == StopVerdict::No {
                self.commands.extend(leave(node, product));
            }
            self.say(verdict, text);
        }
    }

    fn flushed(&mut self, node: &Node) {
        for (one, presence) in self.measured(node) {
            let product = &one.product;
            if !matches!(product.as_str(), "loki" | "tempo") || presence == Presence::Absent {
                continue;
            }
            if let Presence::Stopped(since) = presence {
                let (verdict, text) = flushed_before(&one, since);
                self.say(verdict, text);
                continue;
            }
            let Some(sample) = one.sample.read() else {
                let text = format!("what {product} has not flushed cannot be read");
                self.say(StopVerdict::Unknown, text);
                continue;
            };
            for (verdict, text) in unflushed(product, sample, &one) {
                self.say(verdict, text);
            }
        }
    }
}

/// Whether a product is there to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// As far as anybody knows.
    Runs,
    /// The host refuses connections, since this time.
    Stopped(Timestamp),
    /// It may be missing, it does not answer, and it never did.
    Absent,
}

fn presence(node: &Node, measured: &Measured) -> Presence {
    let probe = node.probes.iter().find(|of| of.outcome.product == measured.product);
    let read = measured.sample.read().is_some();
    // An answer that came after the probe was refused: it was started again.
    let Some(probe) = probe.filter(|of| !read || measured.at < of.observed_at) else {
        return Presence::Runs;
    };
    match probe.outcome.reason {
        ProbeReason::Refused if probe.verdict != Verdict::Unknown => Presence::Stopped(probe.since),
        ProbeReason::NotPresent if !read && measured.last.is_none() => Presence::Absent,
        ProbeReason::NotPresent => Presence::Stopped(probe.since),
        _ => Presence::Runs,
    }
}

/// What a product that is stopped had not flushed, by its last word. A ring that says LEFT proves
/// nothing here: a member that was forgotten by hand looks the same as one that left by itself.
fn flushed_before(measured: &Measured, stopped: Timestamp) -> (StopVerdict, String) {
    let product = &measured.product;
    let unknown = |what: String| {
        let text = format!(
            "{product} is stopped, and {what}: its log tells whether it flushed when it stopped"
        );
        (StopVerdict::Unknown, text)
    };
    let last = match measured.sample.read() {
        Some(_) => Some(measured),
        None => measured.last.as_deref(),
    };
    let Some((last, sample)) = last.and_then(|last| Some((last, last.sample.read()?))) else {
        return unknown("was not asked before that what it had not flushed".into());
    };
    let ago = age(last.at, stopped);
    if ago > LAST_WORD {
        return unknown(format!("was asked for the last time {} s before", ago.as_secs()));
    }
    let all = unflushed(product, sample, last);
    let open: Vec<String> =
        all.into_iter().filter(|one| one.0 != StopVerdict::Yes).map(|one| one.1).collect();
    if !open.is_empty() {
        return unknown(format!("said {} s before: {}", ago.as_secs(), open.join(", ")));
    }
    let text =
        format!("{product} is stopped, and had nothing unflushed {} s before", ago.as_secs());
    (StopVerdict::Yes, text)
}

/// What is not written yet, by a product's own gauges. A series that a version does not have says
/// nothing, and so nothing can be said.
fn unflushed(
    product: &Product,
    sample: &Sample,
    measured: &Measured,
) -> Vec<(StopVerdict, String)> {
    let zero = |of: Option<f64>, what: &str| match of {
        Some(number) if number > 0.0 => (StopVerdict::No, format!("{product}: {number} {what}")),
        Some(_) => (StopVerdict::Yes, format!("{product}: no {what}")),
        None => (StopVerdict::Unknown, format!("{product} does not say how many {what} it has")),
    };
    match product.as_str() {
        "loki" => vec![
            zero(sample.memory_chunks, "chunks in memory"),
            zero(sample.flush_queue, "flushes waiting"),
        ],
        "tempo" => {
            let failing = match (sample.failed_flushes, measured.unfailing_since) {
                (None, _) => (StopVerdict::Unknown, "tempo does not count failed flushes".into()),
                (Some(0.0), _) => (StopVerdict::Yes, "tempo: no flush ever failed".into()),
                (Some(_), Some(since)) if age(since, measured.at) >= QUIET_FOR => {
                    let text = format!(
                        "tempo: no flush failed in {} s",
                        age(since, measured.at).as_secs()
                    );
                    (StopVerdict::Yes, text)
                }
                (Some(_), Some(_)) => {
                    (StopVerdict::Unknown, "tempo: flushes failed until of late".into())
                }
                (Some(_), None) => (StopVerdict::No, "tempo: flushes fail".into()),
            };
            vec![
                zero(sample.live_traces, "live traces"),
                zero(sample.flush_queue, "flushes waiting"),
                failing,
            ]
        }
        _ => Vec::new(),
    }
}

/// What makes a product leave its ring and flush, to be run by people on or against the node.
fn leave(node: &Node, product: &Product) -> Vec<String> {
    let port = node.probes.iter().find(|of| &of.outcome.product == product);
    let at = node
        .private_ip
        .zip(port)
        .map(|(ip, probe)| std::net::SocketAddr::new(ip, probe.outcome.port));
    let mut commands = Vec::new();
    if let (Some(at), "loki") = (at, product.as_str()) {
        commands.push(format!("curl -sS -X POST http://{at}/ingester/prepare_shutdown"));
    }
    // Tempo takes half a minute to go; docker's own patience is ten seconds.
    commands.push(format!("docker compose stop --timeout 60 {product}"));
    commands
}
