//! What the files say to each other across the wire: ports, names, stacks, permissions, and what
//! Terraform must leave alone.

use super::example::{Example, Faults, at, faults, number, text};
use super::hcl::{Terraform, argument, entries, flat, inner};
use super::node::{LOKI, TEMPO, ports};
use quarterdeck::core::inventory::STACK_KEYS;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What Terraform tells a node, by name, as written.
pub fn node_settings(terraform: &Terraform) -> Result<BTreeMap<String, String>, String> {
    let settings = terraform.local("node_settings")?.as_object();
    // One object for each fleet, made by `for`; its content is the value.
    let settings = match settings {
        Some(object) => object,
        None => terraform
            .local("node_settings")?
            .as_for_expr()
            .and_then(|each| each.value_expr.as_object())
            .ok_or("local.node_settings is no object for each fleet")?,
    };
    Ok(entries(settings).map(|(name, value)| (name, flat(value))).collect())
}

/// Says where an argument is not what it must be.
fn differs(body: &hcl_edit::structure::Body, path: &str, wanted: &str) -> Option<String> {
    match argument(body, path) {
        Ok(found) if found == wanted => None,
        Ok(found) => Some(format!("{path} is {found}, not {wanted}")),
        Err(error) => Some(error),
    }
}

/// Listeners, target groups and security groups are about the ports that somebody listens on.
pub fn open_ports(example: &Example) -> Faults {
    faults(closed(example))
}

fn closed(example: &Example) -> Result<Faults, String> {
    let (ports, terraform) = (ports(example)?, Terraform::of(example)?);
    let mut offered = terraform.numbers("listeners")?;
    offered.insert("healthz".into(), terraform.number("healthz")?);
    let peers = terraform.numbers("peers")?;
    let mut faults = Vec::new();
    for (name, port) in offered.iter().chain(&peers) {
        if ports.get(name.as_str()) != Some(port) {
            faults.push(format!(
                "{name} is opened at {port}, and listens at {:?}",
                ports.get(name.as_str())
            ));
        }
    }
    for (name, port) in &ports {
        // OTLP by HTTP is for programs on the node itself.
        if !offered.contains_key(*name) && !peers.contains_key(*name) && *name != "otlp-http" {
            faults.push(format!("nobody may reach {name} ({port})"));
        }
    }
    // `register` takes silence on these for a sign that a peer is gone.
    for port in [7946, 8080, 3000, 3100, 3200] {
        if !peers.values().any(|open| *open == port) {
            faults.push(format!("nodes cannot see on {port} that a peer lives"));
        }
    }
    let all = "merge(local.listeners, { healthz = local.healthz })";
    let rules = [
        ("aws_vpc_security_group_egress_rule", "load_balancer", all),
        ("aws_vpc_security_group_ingress_rule", "from_load_balancer", all),
        ("aws_vpc_security_group_ingress_rule", "from_peers", "local.peers"),
    ];
    for (kind, name, each) in rules {
        let rule = terraform.resource(kind, name)?;
        faults.extend(differs(rule, "for_each", each));
        faults.extend(differs(rule, "from_port", "each.value"));
        faults.extend(differs(rule, "to_port", "each.value"));
    }
    let group = terraform.resource("aws_lb_target_group", "this")?;
    faults.extend(differs(group, "port", "local.listeners[each.value.listener]"));
    faults.extend(differs(group, "health_check.port", "tostring(local.healthz)"));
    faults.extend(differs(group, "health_check.path", "\"/healthz\""));
    faults.extend(differs(group, "health_check.matcher", "\"200\""));
    faults.extend(differs(terraform.resource("aws_lb_listener", "this")?, "port", "each.value"));
    // Each node is a target once for each listener; variables.tf counts with that.
    let count = terraform.numbers("listeners")?.len();
    if !example.text("terraform/variables.tf").contains(&format!("fleet.max]) * {count} <= 500")) {
        faults.push(format!("{count} listeners, but the limit of targets is computed otherwise"));
    }
    Ok(faults)
}

/// Rings: joined through the registered name, at the port where the others listen, with labels that
/// keep products apart, healing, and advertised at the instance's own address.
pub fn rings(example: &Example) -> Faults {
    faults(broken_rings(example))
}

fn broken_rings(example: &Example) -> Result<Faults, String> {
    let mut faults = Vec::new();
    let mut labels = BTreeSet::new();
    for path in [LOKI, TEMPO] {
        let file = example.yaml(path);
        let mut expect = |place: &str, wanted: &str| match text(&file, place) {
            Ok(found) if found == wanted => {}
            found => faults.push(format!("{path}: {place} is {found:?}, not {wanted}")),
        };
        expect("memberlist.advertise_addr", "${SYSTEM_IP_ADDR}");
        expect("memberlist.node_name", "${SYSTEM_INSTANCE_ID}");
        expect("memberlist.rejoin_interval", "1m");
        let port = number(&file, "memberlist.bind_port")?;
        if number(&file, "memberlist.advertise_port")? != port {
            faults.push(format!("{path}: advertises a port that it does not listen on"));
        }
        let join = at(&file, "memberlist.join_members").as_sequence().cloned().unwrap_or_default();
        if join != [format!("dns+${{MEMBERS_NAME}}:{port}")] {
            faults.push(format!("{path}: joins {join:?}"));
        }
        let label = text(&file, "memberlist.cluster_label")?.to_owned();
        if !label.contains("${RING}") || !labels.insert(label.clone()) {
            faults.push(format!("{path}: label {label} does not keep products and rings apart"));
        }
    }
    faults.extend(left_to_defaults(example)?);
    Ok(faults)
}

/// What a ring needs and no default gives.
fn left_to_defaults(example: &Example) -> Result<Faults, String> {
    let mut faults = Vec::new();
    let (loki, tempo) = (example.yaml(LOKI), example.yaml(TEMPO));
    let own = "${SYSTEM_IP_ADDR}";
    for (file, place) in [
        (&loki, "common.instance_addr"),
        (&loki, "common.ring.instance_addr"),
        (&tempo, "ingester.lifecycler.address"),
        (&tempo, "distributor.ring.instance_addr"),
        (&tempo, "compactor.ring.instance_addr"),
    ] {
        if text(file, place) != Ok(own) {
            faults.push(format!("{place} is left to chance"));
        }
    }
    for (file, place) in [
        (&loki, "common.ring.kvstore.store"),
        (&tempo, "ingester.lifecycler.ring.kvstore.store"),
        (&tempo, "compactor.ring.kvstore.store"),
    ] {
        if text(file, place) != Ok("memberlist") {
            faults.push(format!("{place} is not memberlist: each node a ring of its own"));
        }
    }
    for (file, place) in [
        (&loki, "ingester.wal.flush_on_shutdown"),
        (&tempo, "ingester.flush_all_on_shutdown"),
        (&loki, "ingester.lifecycler.unregister_on_shutdown"),
        (&tempo, "ingester.lifecycler.unregister_on_shutdown"),
    ] {
        if at(file, place).as_bool() != Some(true) {
            faults.push(format!("{place} is off: a stop loses data or leaves a dead member"));
        }
    }
    for (file, place) in [
        (&loki, "ingester.lifecycler.readiness_check_ring_health"),
        (&tempo, "ingester.lifecycler.readiness_check_ring_health"),
    ] {
        // The load balancer and Auto Scaling act on `/ready` here.
        if at(file, place).as_bool() != Some(false) {
            faults.push(format!("{place} is on: one dead member keeps every newcomer out"));
        }
    }
    let copies = [
        number(&loki, "common.replication_factor")?,
        number(&tempo, "ingester.lifecycler.ring.replication_factor")?,
    ];
    let smallest =
        example.text("terraform/variables.tf").contains("= optional(number, 3)\n    desired");
    if copies != [3, 3] || !smallest {
        faults.push(format!("copies {copies:?}, and a smallest fleet that is not three"));
    }
    if text(&tempo, "target") != Ok("scalable-single-binary") {
        faults.push("this Tempo keeps its ring to itself".into());
    }
    Ok(faults)
}

/// What the products join is what Cloud Map answers, under one name, several addresses at a time.
pub fn names(example: &Example) -> Faults {
    faults(Terraform::of(example).and_then(|terraform| {
        let settings = node_settings(&terraform)?;
        let service = terraform.resource("aws_service_discovery_service", "nodes")?;
        let name = flat(terraform.local("members_name")?);
        let wanted = "\"${aws_service_discovery_service.nodes.name}.${aws_service_discovery_private_dns_namespace.this.name}\"";
        let mut faults = Vec::new();
        if name != wanted {
            faults.push(format!("members_name is {name}"));
        }
        for (setting, wanted) in [
            ("MEMBERS_NAME", "local.members_name"),
            ("SERVICE_ID", "aws_service_discovery_service.nodes.id"),
            ("RING", "local.ring_of[colour]"),
            ("LOKI_BUCKET", "aws_s3_bucket.data[\"loki-${local.ring_of[colour]}\"].id"),
            ("TEMPO_BUCKET", "aws_s3_bucket.data[\"tempo-${local.ring_of[colour]}\"].id"),
            ("DEREGISTRATION_SECONDS", "local.deregistration_delay"),
        ] {
            if settings.get(setting).map(String::as_str) != Some(wanted) {
                faults.push(format!("{setting} is {:?}, not {wanted}", settings.get(setting)));
            }
        }
        faults.extend(differs(service, "dns_config.routing_policy", "\"MULTIVALUE\""));
        faults.extend(differs(service, "dns_config.dns_records.type", "\"A\""));
        faults.extend(differs(
            service,
            "dns_config.namespace_id",
            "aws_service_discovery_private_dns_namespace.this.id",
        ));
        Ok(faults)
    }))
}

/// A fleet is the same word everywhere: in the group's tags, on the instances, and in what a node
/// registers.
pub fn stacks(example: &Example) -> Faults {
    faults(Terraform::of(example).and_then(|terraform| {
        let group = terraform.resource("aws_autoscaling_group", "fleet")?;
        let tags = inner(group, "tag").map(|tag| {
            Ok((
                argument(tag, "key")?,
                (argument(tag, "value")?, argument(tag, "propagate_at_launch")?),
            ))
        });
        let tags = tags.collect::<Result<BTreeMap<_, _>, String>>()?;
        let mut faults = Vec::new();
        for (key, value) in [
            (STACK_KEYS[0], "each.value.stack_id"),
            ("SERVICE_ID", "aws_service_discovery_service.nodes.id"),
        ] {
            let wanted = (value.to_owned(), "true".to_owned());
            if tags.get(&format!("\"{key}\"")) != Some(&wanted) {
                faults.push(format!("instances are not tagged {key} = {value}"));
            }
        }
        let settings = node_settings(&terraform)?;
        if settings.get("STACK_ID").map(String::as_str) != Some("fleet.stack_id") {
            faults.push("nodes register under another stack than their tag".into());
        }
        let template = terraform.resource("aws_launch_template", "fleet")?;
        faults.extend(differs(template, "metadata_options.instance_metadata_tags", "\"enabled\""));
        faults.extend(differs(template, "metadata_options.http_tokens", "\"required\""));
        let limit = "var.metadata_hop_limit";
        faults.extend(differs(template, "metadata_options.http_put_response_hop_limit", limit));
        if terraform.default("metadata_hop_limit")? != "2" {
            faults.push("a container on a bridge hangs at the instance metadata".into());
        }
        Ok(faults)
    }))
}

/// What quarterdeck moves, Terraform ignores; everything else it holds. And nothing stands here that
/// nodes and quarterdeck manage alone.
pub fn left_alone(example: &Example) -> Faults {
    faults(Terraform::of(example).map(|terraform| {
        let moved = BTreeMap::from([
            ("aws_lb_listener.this", vec!["default_action"]),
            (
                "aws_autoscaling_group.fleet",
                vec![
                    "desired_capacity",
                    "suspended_processes",
                    "target_group_arns",
                    "traffic_source",
                ],
            ),
        ]);
        let managed = [
            "aws_lb_target_group_attachment",
            "aws_autoscaling_attachment",
            "aws_autoscaling_traffic_source_attachment",
            "aws_service_discovery_instance",
        ];
        let mut faults = Vec::new();
        for (kind, name, body) in terraform.resources() {
            let ignored = body.get_blocks("lifecycle").next().and_then(|block| {
                let list = block.body.get_attribute("ignore_changes")?.value.as_array()?;
                let mut names: Vec<_> = list.iter().map(bare).collect();
                names.sort();
                Some(names)
            });
            let wanted = moved.get(format!("{kind}.{name}").as_str()).cloned().unwrap_or_default();
            if ignored.clone().unwrap_or_default() != wanted {
                faults.push(format!("{kind}.{name} ignores {ignored:?}, not {wanted:?}"));
            }
            if managed.contains(&kind) {
                faults.push(format!("{kind}.{name} is not Terraform's to manage"));
            }
        }
        faults
    }))
}

/// An expression without the comments around it.
fn bare(expression: &hcl_edit::expr::Expression) -> String {
    expression.as_variable().map(|name| name.as_str().to_owned()).unwrap_or_default()
}

/// Where the article's layout had traps, and what closes them here.
pub fn traps(example: &Example) -> Faults {
    faults(Terraform::of(example).and_then(|terraform| {
        let balancer = terraform.resource("aws_lb", "this")?;
        let group = terraform.resource("aws_lb_target_group", "this")?;
        let fleet = terraform.resource("aws_autoscaling_group", "fleet")?;
        let template = terraform.resource("aws_launch_template", "fleet")?;
        let off = "\"off\"";
        let failover = "target_group_health.dns_failover.minimum_healthy_targets_count";
        let hook = "initial_lifecycle_hook.lifecycle_transition";
        let wanted = [
            (balancer, "security_groups", "[aws_security_group.load_balancer.id]"),
            (balancer, "enable_cross_zone_load_balancing", "true"),
            (group, failover, off),
            (group, "preserve_client_ip", "false"),
            (group, "connection_termination", "true"),
            (group, "deregistration_delay", "local.deregistration_delay"),
            (group, "health_check.interval", "local.health_check_interval"),
            (group, "health_check.unhealthy_threshold", "local.health_check_failures"),
            (fleet, "health_check_type", "\"ELB\""),
            (fleet, hook, "\"autoscaling:EC2_INSTANCE_TERMINATING\""),
            (fleet, "initial_lifecycle_hook.heartbeat_timeout", "local.termination_seconds"),
            (template, "iam_instance_profile.arn", "aws_iam_instance_profile.node.arn"),
        ];
        let mut faults: Faults = wanted
            .into_iter()
            .filter_map(|(body, path, value)| differs(body, path, value))
            .collect();
        // With ELB checks a shared dependency must not fail the node.
        let healthz = example.text("systemd/quarterdeck-healthz.service");
        if !healthz.contains(" --mode ready ") {
            faults.push("one outage of the database would replace every node".into());
        }
        let sources = inner(fleet, "traffic_source").count();
        let forward = terraform.resource("aws_lb_listener", "this")?.get_blocks("default_action");
        let forward = forward.flat_map(|action| action.body.get_blocks("forward"));
        let weights = forward.flat_map(|forward| inner(&forward.body, "target_group"));
        let weights = weights.filter(|one| one.has_attribute("weight")).count();
        if (sources, weights) != (1, 1) {
            faults.push("not every fleet is attached and weighted".into());
        }
        Ok(faults)
    }))
}

/// The node's policy reads as IAM does, and Terraform narrows what is in it.
pub fn permissions(example: &Example) -> Faults {
    faults(wrong_policy(example))
}

fn wrong_policy(example: &Example) -> Result<Faults, String> {
    let policy: Value =
        serde_json::from_str(example.text("iam-node.json")).map_err(|e| e.to_string())?;
    let mut faults = Vec::new();
    if policy["Version"] != "2012-10-17" {
        faults.push("iam-node.json: no policy version".to_owned());
    }
    let statements = policy["Statement"].as_array().ok_or("iam-node.json: no statements")?;
    let mut sids = BTreeSet::new();
    for statement in statements {
        let sid = statement["Sid"].as_str().unwrap_or_default();
        let keys = statement.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>());
        let known = ["Action", "Condition", "Effect", "Resource", "Sid"];
        if keys.unwrap_or_default().iter().any(|key| !known.contains(&key.as_str())) {
            faults.push(format!("iam-node.json: {sid} has a key that IAM does not know"));
        }
        if sid.is_empty() || !sid.chars().all(char::is_alphanumeric) || !sids.insert(sid) {
            faults.push(format!("iam-node.json: {sid:?} is no name of a statement"));
        }
        if statement["Effect"] != "Allow" {
            faults.push(format!("iam-node.json: {sid} allows nothing"));
        }
        let listed = |key: &str| {
            let list = statement[key].as_array().cloned().unwrap_or_default();
            list.iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        let good = |action: &String| {
            action.split_once(':').is_some_and(|(service, name)| {
                service.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
                    && name.starts_with(|c: char| c.is_ascii_uppercase())
                    && name.chars().all(char::is_alphanumeric)
            })
        };
        let (actions, resources) = (listed("Action"), listed("Resource"));
        if actions.is_empty() || !actions.iter().all(good) {
            faults.push(format!("iam-node.json: {sid}: actions {actions:?}"));
        }
        let arn =
            |one: &String| one == "*" || one.starts_with("arn:") && one.matches(':').count() >= 5;
        if resources.is_empty() || !resources.iter().all(arn) {
            faults.push(format!("iam-node.json: {sid}: resources {resources:?}"));
        }
    }
    // `replace` in Terraform changes nothing, silently, where the text is another.
    let wide = "\"arn:aws:servicediscovery:*:*:service/*\"";
    if !example.text("iam-node.json").contains(wide)
        || !example.text("terraform/iam.tf").contains(wide)
    {
        faults.push("Terraform does not narrow the policy to its service".into());
    }
    Ok(faults)
}
