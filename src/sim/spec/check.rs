//! What is checked of a world file beyond its shape: references, numbers, wirings that cannot be.

use super::parse::{Place, SpecError, nearest};
use super::{FaultSpec, FleetSpec, Wiring, WorldSpec};
use crate::sim::fault::KINDS;
use std::collections::BTreeSet;
use toml::Spanned;

/// Products a listener can send to.
const PRODUCTS: [&str; 4] = ["grafana", "loki", "tempo", "healthz"];

/// Checks everything; the first mistake is the answer.
pub(super) fn check(spec: &WorldSpec, place: &Place<'_>) -> Result<(), SpecError> {
    if spec.fleet.is_empty() {
        return Err(place.mistake("fleet", None, "a world needs at least one [[fleet]]"));
    }
    if spec.zones.is_empty() || spec.zones.len() > 6 {
        return Err(place.mistake("zones", None, "a world has between 1 and 6 zones"));
    }
    let mut stacks = BTreeSet::new();
    for (index, fleet) in spec.fleet.iter().enumerate() {
        let at = Some(fleet.stack.span().start);
        if !stacks.insert(fleet.stack.get_ref().as_str()) {
            let said = format!("there are two fleets `{}`", fleet.stack.get_ref());
            return Err(place.mistake(format!("fleet[{index}].stack"), at, said));
        }
        Fleet { spec, place, index, fleet }.check()?;
    }
    check_listeners(spec, place)?;
    for (index, fault) in spec.fault.iter().enumerate() {
        check_fault(fault, index, place)?;
    }
    let events = super::event::events_of(spec, place)?;
    for (index, one) in spec.event.iter().enumerate() {
        if let Some(at) = &one.at {
            time(at, &format!("event[{index}].at"), place)?;
        }
    }
    super::names::check_names(spec, &events, place)
}

/// One fault, alone.
pub(crate) fn check_fault(
    fault: &FaultSpec,
    index: usize,
    place: &Place<'_>,
) -> Result<(), SpecError> {
    let kind = fault.kind.get_ref().as_str();
    if !KINDS.contains(&kind) {
        let at = Some(fault.kind.span().start);
        let said = format!("there is no fault `{kind}`");
        let mistake = place.mistake(format!("fault[{index}].kind"), at, said);
        return Err(SpecError { nearest: nearest(kind, &KINDS), ..mistake });
    }
    let call = fault.call.get_ref();
    if !call.contains(':') && call != "*" {
        let at = Some(fault.call.span().start);
        let said = "a call is written service:Action, as in elasticloadbalancing:Describe*";
        return Err(place.mistake(format!("fault[{index}].call"), at, said));
    }
    for (key, value) in [("from", &fault.from), ("until", &fault.until)] {
        if let Some(value) = value {
            time(value, &format!("fault[{index}].{key}"), place)?;
        }
    }
    Ok(())
}

fn time(value: &Spanned<String>, path: &str, place: &Place<'_>) -> Result<(), SpecError> {
    if super::build::span_of(value.get_ref()).is_some() {
        return Ok(());
    }
    let said = format!("`{}` is no time: write 30s, 5m, -10m", value.get_ref());
    Err(place.mistake(path, Some(value.span().start), said))
}

fn check_listeners(spec: &WorldSpec, place: &Place<'_>) -> Result<(), SpecError> {
    let mut taken = BTreeSet::new();
    for (index, one) in spec.listener.iter().enumerate() {
        let path = format!("listener[{index}]");
        known(&one.product, &PRODUCTS, "product", (&format!("{path}.product"), place))?;
        let balancers: Vec<_> = spec.balancer_names();
        if let Some(name) = &one.load_balancer {
            known(name, &balancers, "load balancer", (&format!("{path}.load_balancer"), place))?;
        }
        let balancer = one.load_balancer.as_ref().map(|one| one.get_ref().as_str());
        let balancer = balancer.or(balancers.first().copied()).unwrap_or_default();
        if !taken.insert((balancer, one.port)) {
            let said = format!("{balancer} has two listeners on port {}", one.port);
            return Err(place.mistake(path, Some(one.product.span().start), said));
        }
        if one.deregistration_delay_seconds > 3_600 {
            let said = "a deregistration delay is at most 3600 s";
            return Err(place.mistake(path, Some(one.product.span().start), said));
        }
    }
    Ok(())
}

fn known(
    value: &Spanned<String>,
    names: &[&str],
    what: &str,
    (path, place): (&str, &Place<'_>),
) -> Result<(), SpecError> {
    let given = value.get_ref().as_str();
    if names.contains(&given) {
        return Ok(());
    }
    let said = format!("there is no {what} `{given}`");
    let mistake = place.mistake(path, Some(value.span().start), said);
    Err(SpecError { nearest: nearest(given, names), ..mistake })
}

/// One fleet under inspection.
struct Fleet<'a> {
    spec: &'a WorldSpec,
    place: &'a Place<'a>,
    index: usize,
    fleet: &'a FleetSpec,
}

impl Fleet<'_> {
    fn check(&self) -> Result<(), SpecError> {
        let fleet = self.fleet;
        let services = self.spec.service_names();
        for one in &fleet.services {
            known(one, &services, "service", (&self.path("services"), self.place))?;
        }
        if let Some(name) = &fleet.load_balancer {
            let balancers = self.spec.balancer_names();
            let path = self.path("load_balancer");
            known(name, &balancers, "load balancer", (&path, self.place))?;
        }
        for one in &fleet.products {
            known(one, &PRODUCTS, "product", (&self.path("products"), self.place))?;
        }
        for zone in &fleet.zones {
            if !self.spec.zones.contains(zone) {
                return self.wrong("zones", format!("the world has no zone `{zone}`"));
            }
        }
        self.check_numbers()?;
        self.check_wiring()
    }

    fn check_numbers(&self) -> Result<(), SpecError> {
        let fleet = self.fleet;
        if fleet.stack.get_ref().len() > 20 {
            return self.wrong("stack", "a stack's name has at most 20 characters");
        }
        if fleet.groups == 0 || fleet.groups > 10 {
            return self.wrong("groups", "a fleet has between 1 and 10 groups");
        }
        if fleet.nodes > 1_000 {
            return self.wrong("nodes", "a registry service takes 1,000 members");
        }
        let share = fleet.nodes.div_ceil(fleet.groups);
        if fleet.min.is_some_and(|min| min > fleet.nodes / fleet.groups) {
            return self.wrong("min", "min is more than the nodes of a group");
        }
        if fleet.max.is_some_and(|max| max < share) {
            return self.wrong("max", "max is less than the nodes of a group");
        }
        if !matches!(fleet.stack_key.as_str(), "STACK" | "STACK_ID") {
            return self.wrong("stack_key", "a stack key is STACK or STACK_ID");
        }
        Ok(())
    }

    fn check_wiring(&self) -> Result<(), SpecError> {
        let fleet = self.fleet;
        if fleet.weight.is_some_and(|weight| weight > 999) {
            return self.wrong("weight", "a weight is between 0 and 999");
        }
        if self.spec.wiring == Wiring::Attach && fleet.weight.is_some() {
            return self
                .wrong("weight", "with wiring = \"attach\" fleets have no weight: use attached");
        }
        if self.spec.wiring == Wiring::Weights && fleet.attached {
            return self.wrong("attached", "with wiring = \"weights\" fleets have a weight");
        }
        let own = self.spec.balancer_of(fleet);
        let mates = self
            .spec
            .fleet
            .iter()
            .filter(|one| one.weight.is_some() && self.spec.balancer_of(one) == own);
        if mates.count() > 5 {
            return self.wrong("weight", "a listener forwards to at most 5 target groups");
        }
        Ok(())
    }

    fn path(&self, key: &str) -> String {
        format!("fleet[{}].{key}", self.index)
    }

    fn wrong(&self, key: &str, message: impl Into<String>) -> Result<(), SpecError> {
        Err(self.place.mistake(self.path(key), Some(self.fleet.stack.span().start), message))
    }
}
