//! From `[[event]]` to something that happens, with everything checked that can be checked before
//! the world runs.

use super::parse::{Place, SpecError, nearest};
use super::{EventSpec, WorldSpec};
use crate::sim::world::{Event, Label, NodeRef};
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;

/// All that can happen, by the word a world file uses.
const WORDS: [&str; 38] = [
    "kill_node",
    "revive_node",
    "stop_product",
    "crash_product",
    "start_product",
    "freeze_product",
    "database_down",
    "database_up",
    "zone_down",
    "zone_up",
    "set_weights",
    "suspend",
    "resume",
    "set_desired",
    "terminate_instance",
    "terminate_machine",
    "mark_unhealthy",
    "launches_fail",
    "launches_work",
    "put_member",
    "remove_member",
    "member_health",
    "add_target",
    "remove_target",
    "attach",
    "detach",
    "lone_node",
    "refresh_starts",
    "refresh_ends",
    "lock",
    "template_version",
    "enter_standby",
    "clock_skew",
    "forget",
    "ring_label",
    "delete_group",
    "delete_listener",
    "add_rule",
];

/// What somebody may send to a running world: these parts of a world file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    #[serde(default)]
    event: Vec<EventSpec>,
    #[serde(default)]
    fault: Vec<super::FaultSpec>,
    #[serde(default)]
    principal: Vec<super::PrincipalSpec>,
}

/// The same, checked.
#[derive(Debug)]
pub(crate) struct Injected {
    pub(crate) events: Vec<Event>,
    pub(crate) faults: Vec<super::FaultSpec>,
    pub(crate) principals: Vec<super::PrincipalSpec>,
}

/// Reads what somebody sends to a running world.
pub(crate) fn parse_events(text: &str, region: &str) -> Result<Injected, SpecError> {
    let place = Place { file: "request", text };
    let source = toml::Deserializer::parse(text).map_err(|why| {
        place.mistake("", why.span().map(|span| span.start), why.message().to_owned())
    })?;
    let injected: Sent = serde_path_to_error::deserialize(source).map_err(|why| {
        let path = why.path().to_string();
        place.mistake(path, None, why.into_inner().message().to_owned())
    })?;
    let events = injected.event.iter().enumerate();
    let events = events.map(|(index, one)| Reader { index, one, place: &place, region }.event());
    for (index, fault) in injected.fault.iter().enumerate() {
        super::build::check_fault(fault, index, &place)?;
    }
    Ok(Injected {
        events: events.collect::<Result<_, _>>()?,
        faults: injected.fault,
        principals: injected.principal,
    })
}

/// The events of a world file.
pub(super) fn events_of(spec: &WorldSpec, place: &Place<'_>) -> Result<Vec<Event>, SpecError> {
    let all = spec.event.iter().enumerate();
    all.map(|(index, one)| Reader { index, one, place, region: &spec.region }.event()).collect()
}

/// One event under inspection.
struct Reader<'a> {
    index: usize,
    one: &'a EventSpec,
    place: &'a Place<'a>,
    region: &'a str,
}

impl Reader<'_> {
    fn event(&self) -> Result<Event, SpecError> {
        let word = self.one.what.get_ref().as_str();
        Ok(match word {
            "kill_node" => Event::KillNode(self.node()?),
            "revive_node" => Event::ReviveNode(self.node()?),
            "terminate_instance" => Event::TerminateInstance(self.node()?),
            "terminate_machine" => Event::TerminateMachine(self.node()?),
            "mark_unhealthy" => Event::MarkUnhealthy(self.node()?),
            "enter_standby" => Event::EnterStandby(self.node()?),
            "clock_skew" => {
                let seconds = self.one.seconds.ok_or_else(|| self.lacks("seconds"))?;
                Event::ClockSkew(self.node()?, seconds)
            }
            "forget" => Event::Forget {
                node: self.node()?,
                product: self.product()?,
                member: NodeRef(self.text("member", &self.one.member)?),
            },
            "stop_product" => Event::StopProduct(self.node()?, self.product()?),
            "crash_product" => Event::CrashProduct(self.node()?, self.product()?),
            "start_product" => Event::StartProduct(self.node()?, self.product()?),
            "freeze_product" => Event::FreezeProduct(self.node()?, self.product()?),
            "database_down" => Event::Database { up: false },
            "database_up" => Event::Database { up: true },
            "zone_down" => Event::ZoneLoss(self.zone()?),
            "zone_up" => Event::ZoneBack(self.zone()?),
            "put_member" | "remove_member" | "member_health" | "lock" => self.registry(word)?,
            "set_weights" | "add_target" | "remove_target" | "attach" | "detach"
            | "delete_listener" | "add_rule" => self.balance(word)?,
            "lone_node" => {
                Event::LoneNode { name: self.word("name", &self.one.name)?, zone: self.zone()? }
            }
            _ => self.group_event(word)?,
        })
    }

    fn registry(&self, word: &str) -> Result<Event, SpecError> {
        let attributes = self.one.attributes.clone();
        Ok(match word {
            "put_member" => {
                let id = match &self.one.node {
                    Some(node) => node.get_ref().clone(),
                    None => self.word("id", &self.one.id)?,
                };
                Event::PutMember {
                    service: self.text("service", &self.one.service)?,
                    id,
                    attributes,
                }
            }
            "remove_member" => Event::RemoveMember {
                service: self.text("service", &self.one.service)?,
                node: self.node()?,
            },
            "member_health" => Event::MemberHealth {
                service: self.text("service", &self.one.service)?,
                node: self.node()?,
                healthy: self.one.healthy.unwrap_or(false),
            },
            _ => Event::Lock { name: self.word("name", &self.one.name)?, attributes },
        })
    }

    fn balance(&self, word: &str) -> Result<Event, SpecError> {
        let port = self.one.port;
        Ok(match word {
            "set_weights" => {
                if self.one.weights.is_empty() {
                    return Err(self.lacks("weights"));
                }
                let weights = self.one.weights.iter().map(|(name, one)| (name.into(), *one));
                Event::SetWeights { port: port.unwrap_or(0), weights: weights.collect() }
            }
            "add_target" => {
                Event::AddTarget { group: self.target_group()?, node: self.node()?, port }
            }
            "remove_target" => {
                Event::RemoveTarget { group: self.target_group()?, node: self.node()?, port }
            }
            "delete_listener" => {
                Event::DeleteListener { port: port.ok_or_else(|| self.lacks("port"))? }
            }
            "add_rule" => {
                if self.one.weights.is_empty() {
                    return Err(self.lacks("weights"));
                }
                let weights = self.one.weights.iter().map(|(name, one)| (name.into(), *one));
                Event::AddRule {
                    port: port.ok_or_else(|| self.lacks("port"))?,
                    host: self.word("name", &self.one.name)?,
                    weights: weights.collect(),
                }
            }
            "attach" => Event::Attach(self.group()?, self.target_group()?),
            _ => Event::Detach(self.group()?, self.target_group()?),
        })
    }

    fn group_event(&self, word: &str) -> Result<Event, SpecError> {
        let processes = self.one.processes.clone();
        Ok(match word {
            "suspend" => Event::Suspend(self.group()?, processes),
            "resume" => Event::Resume(self.group()?, processes),
            "set_desired" => {
                let desired = self.one.desired.ok_or_else(|| self.lacks("desired"))?;
                Event::SetDesired(self.group()?, desired)
            }
            "launches_fail" => Event::LaunchesFail(self.group()?, true),
            "launches_work" => Event::LaunchesFail(self.group()?, false),
            "ring_label" => Event::RingLabel(self.group()?, self.label()?),
            "delete_group" => Event::DeleteGroup(self.group()?),
            "refresh_starts" => Event::RefreshStarts(self.group()?),
            "refresh_ends" => Event::RefreshEnds(self.group()?),
            "template_version" => {
                Event::TemplateVersion(self.group()?, self.word("version", &self.one.version)?)
            }
            other => {
                let mistake = self.mistake(
                    "do",
                    Some(self.one.what.span()),
                    format!("nothing is called `{other}`"),
                );
                return Err(SpecError { nearest: nearest(other, &WORDS), ..mistake });
            }
        })
    }

    fn mistake(&self, key: &str, at: Option<Range<usize>>, message: String) -> SpecError {
        self.place.mistake(format!("event[{}].{key}", self.index), at.map(|at| at.start), message)
    }

    fn lacks(&self, key: &str) -> SpecError {
        let word = self.one.what.get_ref();
        self.mistake(key, Some(self.one.what.span()), format!("`{word}` needs `{key}`"))
    }

    fn text(&self, key: &str, value: &Option<Spanned<String>>) -> Result<String, SpecError> {
        value.as_ref().map(|one| one.get_ref().clone()).ok_or_else(|| self.lacks(key))
    }

    fn word(&self, key: &str, value: &Option<String>) -> Result<String, SpecError> {
        value.clone().ok_or_else(|| self.lacks(key))
    }

    fn node(&self) -> Result<NodeRef, SpecError> {
        Ok(NodeRef(self.text("node", &self.one.node)?))
    }

    fn product(&self) -> Result<crate::core::ids::Product, SpecError> {
        let name = self.text("product", &self.one.product)?;
        let known = ["grafana", "loki", "tempo", "healthz"];
        if known.contains(&name.as_str()) {
            return Ok(name.as_str().into());
        }
        let at = self.one.product.as_ref().map(Spanned::span);
        let mistake = self.mistake("product", at, format!("there is no product `{name}`"));
        Err(SpecError { nearest: nearest(&name, &known), ..mistake })
    }

    fn label(&self) -> Result<Label, SpecError> {
        let name = self.text("label", &self.one.label)?;
        let known = [("fleet", Label::Fleet), ("product", Label::Product), ("none", Label::Nobody)];
        if let Some((_, label)) = known.iter().find(|(word, _)| *word == name) {
            return Ok(*label);
        }
        let at = self.one.label.as_ref().map(Spanned::span);
        let mistake = self.mistake("label", at, format!("there is no label `{name}`"));
        let words = known.map(|(word, _)| word);
        Err(SpecError { nearest: nearest(&name, &words), ..mistake })
    }

    fn zone(&self) -> Result<crate::core::ids::Zone, SpecError> {
        Ok(super::build::zone_name(self.region, &self.text("zone", &self.one.zone)?))
    }

    fn group(&self) -> Result<crate::core::ids::GroupName, SpecError> {
        Ok(self.text("group", &self.one.group)?.as_str().into())
    }

    fn target_group(&self) -> Result<String, SpecError> {
        self.text("target_group", &self.one.target_group)
    }
}
