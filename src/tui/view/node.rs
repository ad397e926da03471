//! A node: what each source answers about it, in its own words and with its age, what contradicts
//! what, and each finding in a sentence with the one action that mends it. At 80×24:
//!
//! ```text
//! ─ i-0ab2c4d500000003 of green-413 1-8/11 ───────────────────────────────────────
//!   ! fleet      1m       boot race: 6 nodes of green-413 in service, 1 in glt, so
//!                         the others are missing from DNS: repair the fleet in one
//!                         plan.
//! ▶ ! finding    2m       i-0ab2c4d500000003 loki: no answer within 2 s, so it
//!                         cannot do its work: restart or drain the node if …
//!   ec2          <1m      running, 10.0.0.4, us-west-2b, launched 1d ago
//!   autoscaling  <15s     green-413-asg: InService, Healthy, template version 7
//!   cloudmap     <5s      no entry in a registry service
//!                         ! but its fleet is registered in glt
//!   elbv2        <15s     green-loki:3100 unhealthy for 2m
//!                         Target.FailedHealthChecks: Health checks failed
//!   probes       <5s      loki FAIL: no answer within 2 s
//!                         http://10.0.0.4:3100/ready, no status, no answer
//!   rings        <1m      loki ACTIVE, sees 6 members, last heartbeat 4 s ago
//!   metrics      <15s     loki 12 requests/s over 15 s
//!   dns          <15s     glt.obs.internal: 6 addresses, TTL 60 s
//! ```

mod told;

pub(super) use self::told::answer as dns_words;
use super::listing::{self, Block, Listing};
use super::{Body, Layout, Line, Main, Panes, Span, cells, locks, table};
use crate::app::{Answer, Model, RowId};
use crate::core::commands::Next;
use crate::core::estate::{Existence, Node, NodeMember, NodeProbe, NodeTarget};
use crate::core::explain::{explain, explain_cause};
use crate::core::finding::{Finding, Severity};
use crate::core::ids::InstanceId;
use crate::core::inventory::{MemberHealth, Verdict};
use crate::core::observed::{Observed, age};
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};
use jiff::Timestamp;

/// Cells of the column of sources and of that of ages, and what stands between them.
const SOURCE: usize = 13;
const AGE: usize = 9;

/// The body of the screen.
pub(super) fn body(model: &Model, id: &InstanceId, theme: Theme, layout: Layout) -> Body {
    let Some(node) = model.node(id) else {
        let sentence = format!("The node {id} is not there any more: no source names it.");
        let failures = cells::failures(model, theme, layout.columns);
        return Body::Text(cells::message("Node", &sentence, failures, layout.columns));
    };
    let list = &model.screen().list;
    let sheet = Sheet { model, node, theme, columns: layout.columns };
    let room = usize::from(layout.body.saturating_sub(1));
    let (page, lines) = listing::page((list.place(), list.rows().len()), room, |row, _| {
        sheet.block(list.rows().get(row), row == 0)
    });
    let name = match &node.stack_id {
        Some(stack) => format!("{id} of {stack}, answers"),
        None => format!("{id} of no fleet, answers"),
    };
    let title = table::title(&name, &page, list, theme);
    Body::Screen(Main::Listing(Listing { title, lines, height: layout.body }), Panes::None)
}

/// An answer before it is laid out.
struct Said {
    source: Span,
    age: Span,
    /// What is said, a paragraph each; the first stands beside the source.
    says: Vec<(String, Tone)>,
}

struct Sheet<'a> {
    model: &'a Model,
    node: &'a Node,
    theme: Theme,
    columns: u16,
}

impl Sheet<'_> {
    fn block(&self, row: Option<&RowId>, first: bool) -> Block {
        let mut lines = Vec::new();
        if first {
            for said in self.of_fleet() {
                self.lay_out(&mut lines, said);
            }
        }
        let marked = lines.len();
        if let Some(RowId::Answer(answer)) = row
            && let Some(said) = self.answer(answer)
        {
            self.lay_out(&mut lines, said);
            if *answer == Answer::Group {
                self.absences().into_iter().for_each(|said| self.lay_out(&mut lines, said));
            }
        }
        if lines.len() == marked {
            lines.push(Line::new());
        }
        Block { lines, marked }
    }

    fn lay_out(&self, lines: &mut Vec<Line>, said: Said) {
        let room = usize::from(self.columns.saturating_sub(listing::MARGIN));
        let indent = SOURCE + 1 + AGE + 1;
        // Where sources and ages take half the terminal, what is said begins under them.
        let beside = room >= 2 * indent;
        let cells = if beside { room - indent } else { room.saturating_sub(2) };
        let head = vec![
            Span::new(format!("{:<SOURCE$} ", said.source.text), said.source.tone),
            Span::new(format!("{:<AGE$} ", said.age.text), said.age.tone),
        ];
        let mut head = Some(head);
        if !beside {
            lines.extend(head.take());
        }
        let pad = " ".repeat(if beside { indent } else { 2 });
        for (words, tone) in said.says {
            for part in text::wrap(&text::clean(&words), cells) {
                let mut line = head.take().unwrap_or_else(|| vec![Span::new(&*pad, Tone::Plain)]);
                line.push(Span::new(part, tone));
                lines.push(line);
            }
        }
    }

    fn answer(&self, answer: &Answer) -> Option<Said> {
        let node = self.node;
        match answer {
            Answer::Finding(id) => {
                let finding = self.model.findings().iter().find(|one| *one.id == **id)?;
                Some(self.finding(finding))
            }
            Answer::Ec2 => Some(self.ec2()),
            Answer::Group => Some(self.group()),
            Answer::Member(service, id) => {
                let own = |one: &&NodeMember| one.service_id == *service && one.member_id == *id;
                node.members.iter().find(own).map(|member| self.member(member))
            }
            Answer::Target(arn, port) => {
                let own = |one: &&NodeTarget| one.target_group == *arn && one.port == *port;
                node.targets.iter().find(own).map(|target| self.target(target))
            }
            Answer::Probe(product) => {
                let own = |one: &&NodeProbe| one.outcome.product == *product;
                node.probes.iter().find(own).map(|probe| self.probe(probe))
            }
            Answer::Ring(product) => Some(self.ring(product)),
            Answer::Metrics(product) => self.metrics(product),
            Answer::Dns(name) => self.dns(name),
            Answer::Next(next) => self.next(next),
        }
    }

    /// What disagrees about the fleet as a whole, and so about this node too.
    fn of_fleet(&self) -> Vec<Said> {
        let all = self.model.findings();
        let own = super::nodes::causes_of_fleet(self.model, self.node.stack_id.as_ref());
        let said = own.filter_map(|cause| {
            let sentence = explain_cause(cause, all)?.sentence();
            let how = super::findings::fixed(cause, all).map(super::findings::how);
            Some(self.told(("fleet", cause.severity), cause.since, sentence, how))
        });
        said.collect()
    }

    fn told(
        &self,
        (word, severity): (&str, Severity),
        since: Timestamp,
        sentence: String,
        how: Option<String>,
    ) -> Said {
        let mark = self.theme.severity(severity);
        let mut says = vec![(sentence, Tone::Strong)];
        says.extend(how.map(|how| (how, Tone::Plain)));
        let source = Span::new(format!("{mark} {word}"), severity.into());
        Said { source, age: plain(text::age(age(since, self.model.now))), says }
    }

    fn finding(&self, finding: &Finding) -> Said {
        let how = finding.fix.map(|_| super::findings::how(finding));
        let severity = finding.severity;
        self.told(("finding", severity), finding.since, explain(finding).sentence(), how)
    }

    /// A command to be copied, in full: what it does, then the line itself.
    fn next(&self, next: &Next) -> Option<Said> {
        let command = self.model.commands(&self.node.id).into_iter().find(|it| it.next == *next)?;
        let says = vec![(command.what, Tone::Plain), (command.line, Tone::Dim)];
        Some(Said { source: source("next"), age: plain(String::new()), says })
    }

    fn ec2(&self) -> Said {
        let node = self.node;
        let said = self.model.inventory.instances.get(&node.id);
        let batches = self.model.inventory.instance_batches.values();
        let every = batches.map(Observed::every).max().unwrap_or_default();
        let at = said.map(|said| said.at);
        let stale = at.is_some_and(|at| age(at, self.model.now) > every * 2);
        let mut says = Vec::new();
        let ip = node.private_ip.map_or("no address known".to_owned(), |ip| ip.to_string());
        let zone = node.zone.as_ref().map_or("zone ?", |zone| zone.as_str());
        match (&node.ec2_state, said.map(|said| said.value.is_some())) {
            (Some(state), _) => {
                let launched = node
                    .launched
                    .map(|at| format!(", launched {} ago", text::age(age(at, self.model.now))));
                let launched = launched.unwrap_or_default();
                says.push((format!("{state}, {ip}, {zone}{launched}"), Tone::Plain));
            }
            (None, Some(false)) => says.push(("EC2 does not know it".into(), Tone::Warn)),
            (None, _) => says.push((format!("? not known, {ip}, {zone}"), Tone::Unknown)),
        }
        if node.existence == Existence::Gone {
            says.push((contradiction("it is gone, and other sources still name it"), Tone::Warn));
        }
        Said { source: source("ec2"), age: self.age(at, stale), says }
    }

    fn group(&self) -> Said {
        let node = self.node;
        let groups = &self.model.inventory.groups;
        let stale = groups.current(self.model.now).is_err();
        let mut says = Vec::new();
        match (&node.group, &node.lifecycle) {
            (Some(group), Some(lifecycle)) => {
                let health = node.asg_health.as_deref().unwrap_or("health ?");
                let template = node.launch_template_version.as_ref();
                let template = template.map(|of| format!(", template version {of}"));
                let template = template.unwrap_or_default();
                let serving = node.is_in_service() && health == "Healthy";
                let tone = if serving { Tone::Plain } else { Tone::Warn };
                says.push((format!("{group}: {lifecycle}, {health}{template}"), tone));
            }
            _ if node.unlisted => says.push(("no group lists it".into(), Tone::Plain)),
            _ => says.push(("? no group is known to list it".into(), Tone::Unknown)),
        }
        if node.drained_on_purpose {
            says.push(("taken out on purpose".into(), Tone::Info));
        }
        if node.in_grace {
            let text = "still within its grace period: nothing is held against it yet";
            says.push((text.into(), Tone::Info));
        }
        if let Some(state) = node.ec2_state.as_deref()
            && node.is_in_service()
            && state != "running"
        {
            says.push((contradiction(&format!("EC2 says {state}")), Tone::Warn));
        }
        Said { source: source("autoscaling"), age: self.age(groups.observed_at(), stale), says }
    }

    /// Who is at work on its fleet; and what says nothing of the node at all: as telling as an answer,
    /// where one is expected.
    fn absences(&self) -> Vec<Said> {
        let node = self.node;
        let mut all = Vec::new();
        if let Some(lock) = node.stack_id.as_ref().and_then(|stack| locks::on(self.model, stack)) {
            let tone = if lock.is_left() { Tone::Bad } else { Tone::Warn };
            let age = self.age(lock.observed_at, lock.said.is_err());
            all.push(Said { source: source("lock"), age, says: vec![(lock.sentence(), tone)] });
        }
        let fleet = node.stack_id.as_ref().and_then(|stack| self.model.fleet(stack));
        if node.members.is_empty() {
            let known = fleet.is_none_or(|fleet| fleet.members.is_some());
            let registry = fleet.map(|fleet| fleet.registry.as_slice()).unwrap_or_default();
            let expected: Vec<_> = registry.iter().map(|one| one.name.as_str()).collect();
            let mut says = vec![match known {
                true => ("no entry in a registry service".to_owned(), Tone::Plain),
                false => ("? whether it is registered is not known now".to_owned(), Tone::Unknown),
            }];
            if known && !expected.is_empty() && node.is_living() {
                let text = format!("its fleet is registered in {}", expected.join(", "));
                says.push((contradiction(&text), Tone::Warn));
            }
            all.push(Said { source: source("cloudmap"), age: plain(String::new()), says });
        }
        if node.targets.is_empty() {
            let groups = fleet.map(|fleet| fleet.targets.as_slice()).unwrap_or_default();
            let known = groups.iter().all(|group| group.capacity.is_some());
            let says = match known {
                true => ("no target group has it".to_owned(), Tone::Plain),
                false => ("? whether it is a target is not known now".to_owned(), Tone::Unknown),
            };
            all.push(Said { source: source("elbv2"), age: plain(String::new()), says: vec![says] });
        }
        if node.probes.is_empty() {
            let text = match self.model.place.probing {
                true => "? not probed yet, or not from here",
                false => "probing is switched off",
            };
            let says = vec![(text.to_owned(), Tone::Unknown)];
            all.push(Said { source: source("probes"), age: plain(String::new()), says });
        }
        all.extend(self.untold());
        all
    }

    fn member(&self, member: &NodeMember) -> Said {
        let node = self.node;
        let mut says = vec![(format!("{} as {}", member.service, member.member_id), Tone::Plain)];
        let each = member.attributes.iter().map(|(key, value)| format!("{key}={value}"));
        says.push((each.collect::<Vec<_>>().join(", "), Tone::Plain));
        let ip = node.private_ip.map(|ip| ip.to_string());
        if ip.is_some() && member.ipv4() != ip.as_deref() {
            let text = format!("EC2 says its address is {}", ip.unwrap_or_default());
            says.push((contradiction(&text), Tone::Warn));
        }
        if member.stack != node.stack_id {
            let own = node.stack_id.as_ref().map_or("none", |stack| stack.as_str());
            says.push((contradiction(&format!("the node's own STACK is {own}")), Tone::Warn));
        }
        match member.health {
            Some(MemberHealth::Unhealthy) => {
                says.push(("UNHEALTHY: DNS leaves it out".into(), Tone::Bad));
            }
            Some(MemberHealth::Healthy) => {
                says.push(("custom health: healthy".into(), Tone::Plain))
            }
            Some(MemberHealth::Unknown) => {
                says.push(("? custom health: unknown".into(), Tone::Unknown))
            }
            None => {}
        }
        let read = self.model.inventory.members.get(&member.service_id);
        let stale = read.is_some_and(|read| read.current(self.model.now).is_err());
        Said { source: source("cloudmap"), age: self.age(member.observed_at, stale), says }
    }

    fn target(&self, target: &NodeTarget) -> Said {
        let name = format!("{}:{}", target.name, target.port);
        let held = text::age(age(target.since, self.model.now));
        let mut says = vec![match &target.state {
            Ok(state) => {
                let tone = match &**state {
                    "healthy" => Tone::Plain,
                    "unhealthy" | "unhealthy.draining" => Tone::Bad,
                    _ => Tone::Warn,
                };
                (format!("{name} {state} for {held}"), tone)
            }
            Err(why) => (format!("{name} ? ({why})"), Tone::Unknown),
        }];
        let reason = [&target.reason, &target.description].into_iter().flatten();
        let reason: Vec<&str> = reason.map(String::as_str).collect();
        if !reason.is_empty() {
            says.push((reason.join(": "), Tone::Plain));
        }
        let probes = self.node.probes.iter().filter(|probe| probe.outcome.port == target.port);
        for probe in probes {
            says.extend(disagreement(target, probe).map(|_| {
                let said = verdict(probe.verdict);
                let text = format!("our probe of {} says {said}", probe.outcome.product);
                (contradiction(&text), Tone::Warn)
            }));
        }
        let stale = target.state.is_err();
        Said { source: source("elbv2"), age: self.age(target.observed_at, stale), says }
    }

    fn probe(&self, probe: &NodeProbe) -> Said {
        let outcome = &probe.outcome;
        let tone = match probe.verdict {
            Verdict::Pass => Tone::Plain,
            Verdict::Fail => Tone::Bad,
            Verdict::Unknown => Tone::Unknown,
        };
        let held = text::age(age(probe.since, self.model.now));
        let word = verdict(probe.verdict);
        let mut says =
            vec![(format!("{} {word} for {held}: {}", outcome.product, outcome.detail), tone)];
        let status = outcome.status.map_or("no status".to_owned(), |of| format!("status {of}"));
        let latency = outcome.latency_ms.map_or("no answer".to_owned(), |of| format!("{of} ms"));
        let alive = match outcome.alive {
            Some(true) => ", the process answers on /",
            Some(false) => ", nothing answers on / either",
            None => "",
        };
        says.push((format!("{}, {status}, {latency}{alive}", outcome.url), Tone::Plain));
        let targets = self.node.targets.iter().filter(|target| target.port == outcome.port);
        for target in targets {
            says.extend(disagreement(target, probe).map(|state| {
                (
                    contradiction(&format!("the load balancer says {state} ({})", target.name)),
                    Tone::Warn,
                )
            }));
        }
        let stale = probe.verdict == Verdict::Unknown && outcome.verdict != Verdict::Unknown;
        Said { source: source("probes"), age: self.age(Some(probe.observed_at), stale), says }
    }

    /// An age, and in the word whether it is too old to say anything of the present.
    fn age(&self, at: Option<Timestamp>, stale: bool) -> Span {
        match at.map(|at| text::age(age(at, self.model.now))) {
            None => cells::unknown(),
            Some(old) if stale => Span::new(format!("STALE {old}"), Tone::Warn),
            Some(old) => plain(old),
        }
    }
}

fn source(name: &str) -> Span {
    Span::new(format!("  {name}"), Tone::Dim)
}

fn plain(text: String) -> Span {
    Span::new(text, Tone::Plain)
}

/// What another source says to the contrary.
fn contradiction(text: &str) -> String {
    format!("! but {text}")
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "FAIL",
        Verdict::Unknown => "? unknown",
    }
}

/// The target's state, where it and the probe of the same port say opposite things.
fn disagreement<'a>(target: &'a NodeTarget, probe: &NodeProbe) -> Option<&'a str> {
    let state = target.state.as_deref().ok()?;
    match (state, probe.verdict) {
        ("healthy", Verdict::Fail) | ("unhealthy", Verdict::Pass) => Some(state),
        _ => None,
    }
}
