//! A world made of what a console knew of an estate: fleets, groups, targets, registry entries and
//! weights as last seen. So a cutover of one's own estate can be tried before it is done. Ids and
//! addresses are the world's own (127.x); names of fleets, services, load balancers and ports stay.

use crate::core::ids::{InstanceId, LoadBalancerArn, StackId, TargetGroupArn};
use crate::core::inventory::{
    AutoScalingGroup, Forward, Inventory, Listener, Member, STACK_KEYS, TargetGroup, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What a listener may send to.
const PRODUCTS: [(&str, u16); 4] =
    [("grafana", 3000), ("loki", 3100), ("tempo", 3200), ("healthz", 8080)];
/// What stood so when the recording ended has stood so for a while when the world begins.
const WHILE: &str = "-10m";
/// Products that fail have failed for long enough that the load balancer has noticed.
const NOTICED: &str = "-2m";

/// The world, as TOML, of what was known. What a world cannot have is left out, and named in comments.
pub fn recorded_world(inventory: &Inventory) -> String {
    let mut maker = Maker { known: inventory, text: String::new(), events: String::new() };
    maker.make();
    maker.text + &maker.events
}

/// A fleet as its groups tell of it.
struct Fleet<'a> {
    stack: StackId,
    key: &'static str,
    groups: Vec<&'a AutoScalingGroup>,
    /// The instances of all groups, in the order of their names in the world.
    nodes: Vec<&'a InstanceId>,
}

impl Fleet<'_> {
    fn targets(&self) -> BTreeSet<&TargetGroupArn> {
        self.groups.iter().flat_map(|group| &group.target_groups).collect()
    }

    /// What a node is called in the world.
    fn name_of(&self, id: &InstanceId) -> Option<String> {
        let turn = self.nodes.iter().position(|one| *one == id)? + 1;
        Some(format!("{}/{turn}", self.stack))
    }
}

struct Maker<'a> {
    known: &'a Inventory,
    text: String,
    events: String,
}

/// Text as a TOML string.
fn quoted(text: &str) -> String {
    let mut all = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => all.extend(['\\', c]),
            c if c.is_control() => all.push(' '),
            c => all.push(c),
        }
    }
    all + "\""
}

fn list<'t>(all: impl IntoIterator<Item = &'t str>) -> String {
    let all: Vec<_> = all.into_iter().map(quoted).collect();
    format!("[{}]", all.join(", "))
}

impl<'a> Maker<'a> {
    // A String takes whatever is written to it, so what `writeln!` answers says nothing.
    fn line(&mut self, line: impl std::fmt::Display) {
        let _infallible = writeln!(self.text, "{line}");
    }

    fn event(&mut self, at: &str, what: &str, keys: &[(&str, String)]) {
        let _infallible = write!(self.events, "[[event]]\nat = \"{at}\"\ndo = \"{what}\"\n");
        for (key, value) in keys {
            let _infallible = writeln!(self.events, "{key} = {value}");
        }
    }

    fn make(&mut self) {
        let fleets = self.fleets();
        self.line("title = \"An estate as it was recorded\"");
        self.line("wrong = \"Whatever was wrong when the recording ended.\"");
        self.line("solved = \"What was to be tried has been tried.\"");
        let zones: BTreeSet<&str> = fleets
            .iter()
            .flat_map(|fleet| &fleet.groups)
            .flat_map(|group| &group.zones)
            .map(|zone| zone.as_str())
            .collect();
        if let Some(first) = zones.iter().next() {
            self.line(format_args!(
                "region = {}",
                quoted(first.trim_end_matches(char::is_alphabetic))
            ));
            self.line(format_args!("zones = {}", list(zones.iter().copied())));
        }
        let attach = self.is_attached(&fleets);
        if attach {
            self.line("wiring = \"attach\"");
        }
        let services = self.services();
        self.balancers();
        let listeners = self.listeners();
        for fleet in &fleets {
            self.fleet(fleet, (attach, &listeners), &services);
            self.entries(fleet, &services);
            self.troubles(fleet);
        }
        if !attach {
            self.weights(&fleets, &listeners);
        }
    }

    fn fleets(&self) -> Vec<Fleet<'a>> {
        let mut fleets: BTreeMap<StackId, Fleet<'a>> = BTreeMap::new();
        let groups = self.known.groups.value().into_iter().flat_map(|all| all.iter());
        for group in groups {
            let named = STACK_KEYS.iter().find_map(|key| Some((*key, group.tags.get(*key)?)));
            let Some((key, stack)) = named else { continue };
            let stack = StackId::from(stack);
            let new = Fleet { stack: stack.clone(), key, groups: Vec::new(), nodes: Vec::new() };
            let fleet = fleets.entry(stack).or_insert(new);
            fleet.groups.push(group);
            let there = |lifecycle: &str| !lifecycle.starts_with("Terminat");
            let nodes = group.instances.iter().filter(|one| there(&one.lifecycle));
            fleet.nodes.extend(nodes.map(|one| &one.id));
        }
        fleets.into_values().collect()
    }

    /// Whether fleets share their target groups, so that being attached is sharing the traffic.
    fn is_attached(&self, fleets: &[Fleet<'_>]) -> bool {
        let weighs = |forward: &Forward| forward.groups.len() > 1;
        if self.known.all_listeners().any(|listener| weighs(&listener.default)) {
            return false;
        }
        let used: BTreeSet<_> = self.known.all_listeners().flat_map(target_groups).collect();
        let on = |fleet: &Fleet<'_>| fleet.targets().iter().any(|group| used.contains(group));
        fleets.len() > 1 && fleets.iter().filter(|fleet| !on(fleet)).count() < fleets.len() && {
            // Fleets with groups of their own that no listener names are only not wired yet.
            let own = |fleet: &Fleet<'_>| fleet.targets().iter().any(|group| !used.contains(group));
            !fleets.iter().any(own)
        }
    }

    /// The registry services that hold fleets, by id, with the names they keep.
    fn services(&mut self) -> BTreeMap<String, (String, &'a [Member])> {
        let mut held = BTreeMap::new();
        let mut namespace = None;
        for service in self.known.services.values().filter_map(|seen| seen.value()).flatten() {
            let members = self.known.members.get(&service.id).and_then(|seen| seen.value());
            let members = members.map(|all| all.as_slice()).unwrap_or_default();
            let ours = members.iter().any(|member| member.stack.is_some())
                || self.known.memory.services.contains_key(&service.id);
            if ours {
                namespace.get_or_insert(&service.namespace);
                let custom = service.custom_health;
                held.insert(service.id.to_string(), (service.name.to_string(), members, custom));
            }
        }
        let all = self.known.namespaces.value().into_iter().flatten();
        let name = all.clone().find(|one| Some(&one.id) == namespace).map(|one| &one.name);
        if let Some(name) = name {
            self.line(format_args!("namespace = {}", quoted(name)));
        }
        held.into_iter()
            .map(|(id, (name, members, custom))| {
                let quoted = quoted(&name);
                self.line(format_args!("[[service]]\nname = {quoted}\ncustom_health = {custom}"));
                (id, (name, members))
            })
            .collect()
    }

    fn balancers(&mut self) {
        let known = self.known;
        let used: BTreeSet<&LoadBalancerArn> =
            known.all_listeners().map(|listener| &listener.load_balancer).collect();
        let all = known.load_balancers.value().into_iter().flatten();
        for one in all.filter(|one| used.contains(&one.arn)) {
            let attributes = known.load_balancer_attributes.get(&one.arn);
            let cross = attributes.and_then(|seen| seen.value()).is_some_and(|it| it.cross_zone);
            let name = quoted(one.display_name());
            self.line(format_args!("[[load_balancer]]\nname = {name}\ncross_zone = {cross}"));
            self.line(format_args!("security_group = {}", !one.security_groups.is_empty()));
        }
    }

    /// The listeners of products that a world knows, each with its load balancer's name.
    fn listeners(&mut self) -> Vec<(&'a Listener, String)> {
        let known = self.known;
        let mut all = Vec::new();
        for listener in known.all_listeners() {
            let group = target_groups(listener).find_map(|arn| self.target_group(arn));
            let Some((group, product)) = group.and_then(|group| Some((group, product_of(group)?)))
            else {
                self.line(format_args!("# Port {} is left out.", listener.port));
                continue;
            };
            let balancer = known.load_balancers.value().into_iter().flatten();
            let name = balancer.clone().find(|one| one.arn == listener.load_balancer);
            let Some(name) = name.map(|one| one.display_name().to_owned()) else { continue };
            let check = match (group.check_protocol.as_str(), group.check_port) {
                ("TCP", _) => "tcp",
                (_, Some(port)) if port != group.port => "healthz",
                _ => "product",
            };
            let quoted = quoted(&name);
            self.line(format_args!(
                "[[listener]]\nload_balancer = {quoted}\nproduct = \"{product}\""
            ));
            self.line(format_args!("port = {}\ncheck = \"{check}\"", listener.port));
            let attributes = known.target_group_attributes.get(&group.arn);
            let delay = attributes.and_then(|seen| seen.value()?.deregistration_delay_seconds);
            if let Some(delay) = delay {
                self.line(format_args!("deregistration_delay_seconds = {delay}"));
            }
            all.push((listener, name));
        }
        all
    }

    fn target_group(&self, arn: &TargetGroupArn) -> Option<&'a TargetGroup> {
        let known = self.known;
        known.target_groups.value()?.iter().find(|group| group.arn == *arn)
    }

    fn fleet(
        &mut self,
        fleet: &Fleet<'_>,
        (attach, listeners): (bool, &[(&Listener, String)]),
        services: &BTreeMap<String, (String, &[Member])>,
    ) {
        let (stack, nodes) = (quoted(fleet.stack.as_str()), fleet.nodes.len());
        let groups = fleet.groups.len();
        self.line(format_args!("[[fleet]]\nstack = {stack}\nnodes = {nodes}\ngroups = {groups}"));
        self.line(format_args!("stack_key = \"{}\"", fleet.key));
        let each = nodes / groups.max(1);
        let min = fleet.groups.iter().map(|group| group.min as usize).min().unwrap_or_default();
        let max = fleet.groups.iter().map(|group| group.max as usize).max().unwrap_or_default();
        self.line(format_args!("min = {}", min.min(each)));
        self.line(format_args!("max = {}", max.max(nodes.div_ceil(groups.max(1)))));
        if let Some(first) = fleet.groups.first() {
            let checks = quoted(&first.health_check_types.join(","));
            self.line(format_args!("health_checks = {checks}"));
            self.line(format_args!("grace_seconds = {}", first.grace_seconds));
            let mut versions =
                first.instances.iter().filter_map(|it| it.launch_template_version.as_ref());
            if let Some(version) = versions.next_back() {
                self.line(format_args!("template_version = {}", quoted(version)));
            }
        }
        let held = services.values().filter(|(_, members)| {
            members.iter().any(|member| member.stack.as_ref() == Some(&fleet.stack))
        });
        let held: Vec<&str> = held.map(|(name, _)| name.as_str()).collect();
        if !held.is_empty() {
            self.line(format_args!("services = {}", list(held)));
        }
        let targets = fleet.targets();
        let wired = |listener: &&(&Listener, String)| {
            target_groups(listener.0).any(|group| targets.contains(group))
        };
        let Some((listener, balancer)) = listeners.iter().find(wired) else { return };
        self.line(format_args!("load_balancer = {}", quoted(balancer)));
        match attach {
            true => self.line("attached = true"),
            false => self.line(format_args!("weight = {}", weight(listener, fleet))),
        }
    }

    /// Registry entries that are not as they would be if each node had its own.
    fn entries(&mut self, fleet: &Fleet<'_>, services: &BTreeMap<String, (String, &[Member])>) {
        for (name, members) in services.values() {
            let own = members.iter().filter(|it| it.stack.as_ref() == Some(&fleet.stack));
            let own: Vec<&Member> = own.collect();
            // A fleet without any entry is in no service of this world, or in the first one.
            let there: BTreeSet<&InstanceId> = own.iter().map(|member| &member.id).collect();
            let is_first = services.values().next().is_some_and(|(first, _)| first == name);
            let in_none = !services.values().any(|(_, members)| {
                members.iter().any(|member| member.stack.as_ref() == Some(&fleet.stack))
            });
            if own.is_empty() && !(in_none && is_first) {
                continue;
            }
            for node in fleet.nodes.iter().filter(|id| !there.contains(*id)) {
                let Some(node) = fleet.name_of(node) else { continue };
                let keys = [("service", quoted(name)), ("node", quoted(&node))];
                self.event(WHILE, "remove_member", &keys);
            }
            for ghost in own.iter().filter(|member| !fleet.nodes.contains(&&member.id)) {
                let attributes = format!(
                    "{{ AWS_INSTANCE_IPV4 = \"127.254.0.1\", {} = {} }}",
                    fleet.key,
                    quoted(fleet.stack.as_str())
                );
                let id = quoted(ghost.id.as_str());
                let keys = [("service", quoted(name)), ("id", id), ("attributes", attributes)];
                self.event(WHILE, "put_member", &keys);
            }
        }
    }

    /// What is suspended, and products that fail.
    fn troubles(&mut self, fleet: &Fleet<'_>) {
        let many = fleet.groups.len() > 1;
        for (turn, group) in (1..).zip(&fleet.groups).filter(|(_, it)| !it.suspended.is_empty()) {
            let turn = if many { format!("-{turn}") } else { String::new() };
            let name = quoted(&format!("{}-asg{turn}", fleet.stack));
            let processes = list(group.suspended.keys().map(String::as_str));
            self.event(WHILE, "suspend", &[("group", name), ("processes", processes)]);
        }
        for id in &fleet.nodes {
            let Some(name) = fleet.name_of(id) else { continue };
            let probes = self.known.probes.get(id).and_then(|seen| seen.value());
            let failing =
                probes.into_iter().flatten().filter(|one| one.value.verdict == Verdict::Fail);
            let failing: Vec<String> = failing.map(|one| one.value.product.to_string()).collect();
            for product in failing {
                if PRODUCTS.iter().any(|(known, _)| *known == product) {
                    let keys = [("node", quoted(&name)), ("product", quoted(&product))];
                    self.event(NOTICED, "stop_product", &keys);
                }
            }
        }
    }

    /// Listeners that do not weigh the fleets as their first one does.
    fn weights(&mut self, fleets: &[Fleet<'_>], listeners: &[(&Listener, String)]) {
        for (listener, balancer) in listeners {
            let on: Vec<&Fleet<'_>> = fleets
                .iter()
                .filter(|fleet| target_groups(listener).any(|it| fleet.targets().contains(it)))
                .collect();
            let usual = |fleet: &Fleet<'_>| {
                let targets = fleet.targets();
                let mut own = listeners.iter().filter(|(_, name)| name == balancer);
                own.find(|(it, _)| target_groups(it).any(|group| targets.contains(group)))
                    .map(|(listener, _)| weight(listener, fleet))
            };
            if on.iter().all(|fleet| usual(fleet) == Some(weight(listener, fleet))) {
                continue;
            }
            let weights = on.iter().map(|fleet| {
                format!("{} = {}", quoted(fleet.stack.as_str()), weight(listener, fleet))
            });
            let weights = format!("{{ {} }}", weights.collect::<Vec<_>>().join(", "));
            let port = listener.port.to_string();
            self.event(WHILE, "set_weights", &[("port", port), ("weights", weights)]);
        }
    }
}

fn target_groups(listener: &Listener) -> impl Iterator<Item = &TargetGroupArn> {
    listener.default.groups.iter().map(|group| &group.target_group)
}

/// A fleet's weight in a listener. One group alone gets everything, whatever its weight.
fn weight(listener: &Listener, fleet: &Fleet<'_>) -> u32 {
    let targets = fleet.targets();
    let own = listener.default.groups.iter().filter(|it| targets.contains(&it.target_group));
    let alone = listener.default.groups.len() == 1;
    let sum: u32 = own.map(|group| if alone { group.weight.max(1) } else { group.weight }).sum();
    sum.min(999)
}

/// The product behind a target group: by its name, or by its port.
fn product_of(group: &TargetGroup) -> Option<&'static str> {
    let name = group.name.to_lowercase();
    let by_name = PRODUCTS.iter().find(|(product, _)| name.contains(product));
    by_name.or_else(|| PRODUCTS.iter().find(|(_, port)| *port == group.port)).map(|(it, _)| *it)
}
