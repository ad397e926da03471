//! What a node's products tell of themselves (rings, counters), and what DNS answers for the name
//! that they find each other by.

use super::{Said, Sheet, contradiction, plain, source};
use crate::core::ids::{DnsName, Product};
use crate::core::inventory::{
    DnsAnswer, DnsRecords, Measured, Page, ProductRings, RECORDS_AT_MOST,
};
use crate::core::observed::{Observed, age};
use crate::core::rings::{DnsView, NodeRing, RingStanding};
use crate::tui::text;
use crate::tui::theme::Tone;
use crate::tui::view::{cells, shown};

/// A paragraph.
type Words = (String, Tone);

impl Sheet<'_> {
    /// What is not told at all, where it could be.
    pub(super) fn untold(&self) -> Vec<Said> {
        let inventory = &self.model.inventory;
        let id = &self.node.id;
        let known = [
            ("rings", inventory.rings.get(id).is_some() || !self.node.rings.is_empty()),
            ("metrics", inventory.metrics.get(id).is_some()),
        ];
        let missing = known.into_iter().filter(|(_, known)| !known && self.model.place.probing);
        let said = missing.map(|(name, _)| {
            let says = vec![("? not read yet, or not from here".to_owned(), Tone::Unknown)];
            Said { source: source(name), age: plain(String::new()), says }
        });
        said.collect()
    }

    /// How it stands in a product's ring, by its own page and its peers'.
    pub(super) fn ring(&self, product: &Product) -> Said {
        let read = self.model.inventory.rings.get(&self.node.id);
        let stale = read.is_some_and(|read| read.current(self.model.now).is_err());
        let told = read.and_then(Observed::value).into_iter().flatten();
        let told = told.map(|held| &held.value).find(|it| it.product == *product);
        let own = self.node.rings.iter().find(|it| it.product == *product);
        let mut says = vec![own.map_or_else(
            || (format!("{product} ? (too old to say how it stands)"), Tone::Unknown),
            standing,
        )];
        says.extend(told.map(|told| page(told)));
        if own.is_some_and(|own| own.standing == RingStanding::Alone) {
            let text = contradiction("its fleet has more nodes, and none of them is in its ring");
            says.push((text, Tone::Warn));
        }
        let at = read.and_then(Observed::observed_at);
        Said { source: source("rings"), age: self.age(at, stale), says }
    }

    /// What a product counts.
    pub(super) fn metrics(&self, product: &Product) -> Option<Said> {
        let read = self.model.inventory.metrics.get(&self.node.id)?;
        let stale = read.current(self.model.now).is_err();
        let measured = read.value()?.iter().find(|it| it.product == *product)?;
        let mut says = vec![rate(measured, stale)];
        says.extend(counted(measured));
        let served = measured.rate().filter(|rate| rate.per_second > 0.0 && !stale);
        if served.is_some() && self.is_out() {
            let text = "no target group sends to it: connections that were open stay open, or \
                        clients reach it another way";
            says.push((contradiction(text), Tone::Warn));
        }
        Some(Said { source: source("metrics"), age: self.age(read.observed_at(), stale), says })
    }

    /// Whether it is known to be in no target group, or on its way out of all.
    fn is_out(&self) -> bool {
        let out = |state: &str| matches!(state, "draining" | "unused" | "unhealthy.draining");
        let fleet = self.node.stack_id.as_ref().and_then(|stack| self.model.fleet(stack));
        let groups = fleet.map(|fleet| fleet.targets.as_slice()).unwrap_or_default();
        let known = groups.iter().all(|group| group.capacity.is_some());
        known && self.node.targets.iter().all(|it| it.state.as_deref().is_ok_and(out))
    }

    /// What DNS answers for a registry service's name.
    pub(super) fn dns(&self, name: &DnsName) -> Option<Said> {
        let estate = self.model.estate.as_deref()?;
        let view = estate.dns.iter().find(|view| view.name == *name)?;
        let mut says = answer(view);
        if let (Some(answer), Some(ip)) = (&view.answer, self.node.private_ip) {
            let member = self.node.members.iter().any(|it| it.service_id == view.service);
            let among = answer.addresses().any(|address| *address == ip);
            says.push((has_own(answer, among, member), Tone::Plain));
        }
        let stale = view.answer.is_none();
        Some(Said { source: source("dns"), age: self.age(view.observed_at, stale), says })
    }
}

fn standing(own: &NodeRing) -> Words {
    let product = &own.product;
    let mut parts = vec![match &own.standing {
        RingStanding::Member(state) => format!("{product} {state}"),
        RingStanding::Alone => format!("{product} ALONE: its ring is itself"),
        RingStanding::NotShared => format!("{product}: a ring in its own memory, meant so"),
        RingStanding::Missing => format!("{product} MISSING from the ring of its peers"),
        RingStanding::Left => format!("{product} left the ring by itself"),
        RingStanding::Unknown(why) => format!("{product} ? ({why})"),
    }];
    parts.extend(own.sees.map(|sees| format!("sees {sees} members")));
    if let Some(member) = &own.member {
        let beat = member.heartbeat_age;
        parts.extend(beat.map(|age| format!("last heartbeat {} ago", cells::seconds(age))));
        parts.extend(member.tokens.map(|tokens| format!("{tokens} tokens")));
        parts.push(format!("as {} at {}", member.id, member.address));
    }
    let tone = match &own.standing {
        RingStanding::Member(crate::core::inventory::RingState::Active) => Tone::Plain,
        RingStanding::NotShared | RingStanding::Left => Tone::Dim,
        RingStanding::Alone => Tone::Bad,
        RingStanding::Unknown(_) => Tone::Unknown,
        RingStanding::Member(_) | RingStanding::Missing => Tone::Warn,
    };
    (parts.join(", "), tone)
}

/// What its own pages say, each as far as it can be told.
fn page(told: &ProductRings) -> Words {
    fn or_why<T>(page: &Page<T>, say: impl FnOnce(&T) -> String) -> String {
        match page {
            Page::Read(page) => say(page),
            Page::Absent => "no such page in this version".into(),
            Page::NotUsed => "not used".into(),
            Page::CannotTell(why) => format!("? {why}"),
        }
    }
    let gossip = or_why(&told.gossip, |gossip| {
        let alive = gossip.members.iter().filter(|one| one.alive).count();
        format!("{alive} alive of {}", gossip.members.len())
    });
    let ring = or_why(&told.ring, |ring| format!("{} members", ring.members.len()));
    let left = or_why(&told.left, |left| {
        let each = left.iter().map(|one| format!("{} ({})", one.id, one.address));
        let each: Vec<_> = each.collect();
        if each.is_empty() { "nobody".into() } else { each.join(", ") }
    });
    let version = or_why(&told.version, ToString::to_string);
    let path = &told.ring_path;
    let text =
        format!("{path}: {ring}; gossip: {gossip}; left of late: {left}; version: {version}");
    (text, Tone::Plain)
}

fn rate(measured: &Measured, stale: bool) -> Words {
    let product = &measured.product;
    if stale {
        return (format!("{product} ? requests/s (too old to go by)"), Tone::Unknown);
    }
    if let Page::CannotTell(why) = &measured.sample {
        return (format!("{product} ? requests/s ({why})"), Tone::Unknown);
    }
    let Some(rate) = measured.rate() else {
        let why = match measured.sample.read().map(|sample| sample.requests) {
            Some(Some(_)) => "one sample alone makes no rate",
            Some(None) | None => "this version does not count them",
        };
        return (format!("{product} ? requests/s ({why})"), Tone::Unknown);
    };
    let quiet = measured.quiet_since.map(|at| {
        format!(
            ", none since {} UTC ({})",
            at.strftime("%H:%M:%S"),
            text::age(age(at, measured.at))
        )
    });
    let text = format!(
        "{product} {} requests/s over {} s{}",
        shown::rate(rate.per_second),
        rate.over.as_secs(),
        quiet.unwrap_or_default()
    );
    (text, Tone::Plain)
}

/// The gauges that tell whether it may be stopped, and what it runs.
fn counted(measured: &Measured) -> Option<Words> {
    let sample = measured.sample.read()?;
    let mut parts = Vec::new();
    parts.extend(sample.memory_chunks.map(|of| format!("{of} chunks in memory")));
    parts.extend(sample.live_traces.map(|of| format!("{of} live traces")));
    parts.extend(sample.flush_queue.map(|of| format!("{of} flushes waiting")));
    parts.extend(sample.failed_flushes.map(|of| format!("{of} flushes failed so far")));
    parts.extend(sample.gossip_members.map(|of| format!("gossip of {of}")));
    parts.extend(sample.compactor_running.map(|runs| match runs {
        true => "runs the compactor".to_owned(),
        false => "does not run the compactor".to_owned(),
    }));
    parts.extend(sample.version.as_ref().map(|of| format!("version {of}")));
    (!parts.is_empty()).then(|| (parts.join(", "), Tone::Plain))
}

/// An answer of DNS in words; what is nobody's is said out loud.
pub(in crate::tui::view) fn answer(view: &DnsView) -> Vec<Words> {
    let name = &view.name;
    let Some(answer) = &view.answer else {
        return vec![(format!("{name} ? (too old to go by, or not answered)"), Tone::Unknown)];
    };
    let mut says = vec![records(name, answer)];
    if !view.foreign.is_empty() {
        let each: Vec<_> = view.foreign.iter().map(ToString::to_string).collect();
        says.push((contradiction(&format!("no member has {}", each.join(", "))), Tone::Warn));
    }
    says
}

/// Whether an answer has the node's address. That it has not proves nothing by itself.
fn has_own(answer: &DnsAnswer, among: bool, member: bool) -> String {
    let why = match (among, member) {
        (true, _) => return "this node's address is among them".into(),
        (false, false) => "and this node is not registered".to_owned(),
        (false, true) if answer.count() >= RECORDS_AT_MOST => {
            format!(
                "which proves nothing: an answer holds at most {RECORDS_AT_MOST} of all members"
            )
        }
        (false, true) => "which proves nothing: an answer may be older than a registration".into(),
    };
    format!("this node's address is not among them, {why}")
}

fn records(name: &DnsName, answer: &DnsAnswer) -> Words {
    let by = &answer.resolver;
    let negative = answer
        .negative_ttl
        .map(|ttl| format!(", its absence is cached for {ttl} s"))
        .unwrap_or_default();
    match &answer.records {
        DnsRecords::Addresses { addresses, ttl } => {
            let each: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            let count = each.len();
            let plural = if count == 1 { "address" } else { "addresses" };
            let text =
                format!("{name}: {count} {plural}, TTL {ttl} s, by {by}: {}", each.join(" "));
            (text, Tone::Plain)
        }
        DnsRecords::Empty => (format!("{name}: NO ADDRESS, by {by}{negative}"), Tone::Bad),
        DnsRecords::NoSuchName => (format!("{name}: NO SUCH NAME, by {by}{negative}"), Tone::Bad),
    }
}
