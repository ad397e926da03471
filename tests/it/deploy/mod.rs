//! `deploy/`, the worked example: every file is read by its own grammar, and what the files say to
//! each other is compared, because that is where an example rots first. Each check is a function
//! from the files to what is wrong with them, and each is seen to catch what it is for, on a copy
//! with one thing broken. What needs a tool of its own is in [`tools`].

mod cross;
mod example;
mod hcl;
mod node;
mod tools;
mod units;

use example::{Example, Faults};
use std::collections::BTreeSet;

/// A check by its name.
type Check = (&'static str, fn(&Example) -> Faults);

const CHECKS: &[Check] = &[
    ("yaml", node::yaml),
    ("ini", node::ini),
    ("containers", node::containers),
    ("environment", node::environment),
    ("collisions", node::collisions),
    ("times", node::times),
    ("order", units::order),
    ("aggregator", units::aggregator),
    ("references", hcl::references),
    ("each", hcl::each),
    ("arguments", hcl::arguments),
    ("open_ports", cross::open_ports),
    ("rings", cross::rings),
    ("names", cross::names),
    ("stacks", cross::stacks),
    ("left_alone", cross::left_alone),
    ("traps", cross::traps),
    ("permissions", cross::permissions),
];

/// (check, file, what stands there, what shall stand there instead, what the check must then say)
type Break = (&'static str, &'static str, &'static str, &'static str, &'static str);

const BREAKS: &[Break] = &[
    ("yaml", "node/loki.yaml", "  path_prefix:", "  path_prefix: /x\n  path_prefix:", "duplicate"),
    ("yaml", "node/tempo.yaml", "target: ", "target: [", "tempo.yaml"),
    ("yaml", "node/compose.yaml", "    restart: unless-stopped", "    restrat: always", "restrat"),
    ("ini", "node/grafana/grafana.ini", "max_idle_conn = 2", "max_open_conn = 2", "twice"),
    ("ini", "node/grafana/grafana.ini", "[log]", "[log", "neither"),
    ("containers", "node/compose.yaml", "loki:3.7.6", "loki:latest", "not pinned"),
    ("containers", "node/compose.yaml", "tempo:2.10.8", "tempo:2", "not pinned"),
    ("containers", "node/compose.yaml", "    network_mode: host\n", "", "bridge"),
    ("containers", "node/compose.yaml", "- ./tempo.yaml:", "- ./temp.yaml:", "no ./temp.yaml"),
    (
        "containers",
        "node/compose.yaml",
        "expand-env=true",
        "expand-env",
        "names from its environment",
    ),
    (
        "containers",
        "node/compose.yaml",
        "env_file: [/etc/glt/node.env]",
        "env_file: []",
        "not told",
    ),
    ("environment", "node/loki.yaml", "${LOKI_BUCKET}", "${BUCKET}", "BUCKET is not in node.env"),
    ("environment", "node/loki.yaml", "# Each customer", "# ${…} Each customer", "no plain name"),
    (
        "environment",
        "node/grafana/grafana.ini",
        "$__env{GRAFANA_DB_USER}",
        "$__env{DB_USER}",
        "DB_USER",
    ),
    ("environment", "node/user-data.sh", "STACK_ID=$STACK_ID\n", "", "STACK_ID is not in node.env"),
    ("environment", "node/user-data.sh", "RING=$RING\n", "RING=$STACK_ID\n", "its own value"),
    (
        "environment",
        "terraform/fleets.tf",
        "      GRAFANA_TENANT ",
        "      TENANT ",
        "user-data.sh requires",
    ),
    (
        "collisions",
        "node/tempo.yaml",
        "grpc_listen_port: 9096",
        "grpc_listen_port: 9095",
        "both listen",
    ),
    ("collisions", "node/tempo.yaml", "bind_port: 7947", "bind_port: 7946", "both listen"),
    ("collisions", "node/tempo.yaml", "127.0.0.1:9096", "127.0.0.1:9095", "not its own gRPC"),
    ("collisions", "node/tempo.yaml", "0.0.0.0:4317", "127.0.0.1:4317", "one address only"),
    ("collisions", "systemd/quarterdeck-healthz.service", ":3100\n", ":3200\n", "checks loki"),
    ("collisions", "node/compose.yaml", "127.0.0.1:3200", "localhost:3200", "something else"),
    ("collisions", "node/grafana/provisioning/datasources/glt.yaml", ":3100", ":3101", "asks loki"),
    (
        "times",
        "systemd/quarterdeck-healthz.service",
        "--drain-seconds 45\nRestart",
        "--drain-seconds 30\nRestart",
        "has noticed",
    ),
    ("times", "terraform/load-balancer.tf", "_failures = 3", "_failures = 5", "has noticed"),
    ("times", "systemd/quarterdeck-healthz.service", "Sec=60", "Sec=45", "finish its drain"),
    (
        "times",
        "node/compose.yaml",
        "stop_grace_period: 60s",
        "stop_grace_period: 40s",
        "aggregator",
    ),
    (
        "times",
        "node/compose.yaml",
        "stop_grace_period: 240s",
        "stop_grace_period: 10s",
        "loki outlives",
    ),
    ("times", "systemd/glt.service", "TimeoutStopSec=300", "TimeoutStopSec=90", "systemd waits"),
    (
        "times",
        "terraform/fleets.tf",
        "termination_seconds = 600",
        "termination_seconds = 300",
        "hook",
    ),
    ("order", "systemd/quarterdeck-register.service", "After=glt.service ", "After=", "After=glt"),
    ("order", "systemd/quarterdeck-healthz.service", "PartOf=glt.service", "", "PartOf"),
    ("order", "systemd/quarterdeck-register.service", "register --leave", "register", "not leave"),
    ("order", "systemd/glt.service", "docker.service network", "dokcer.service network", "dokcer"),
    ("order", "node/user-data.sh", "    glt-termination.service", "    ", "does not enable"),
    (
        "order",
        "node/user-data.sh",
        " /usr/local/bin/quarterdeck",
        " /usr/bin/quarterdeck",
        "nobody installs",
    ),
    (
        "order",
        "node/await-termination.sh",
        "stop glt.service",
        "stop docker.service",
        "does not stop",
    ),
    ("aggregator", "node/compose.yaml", "[grafana, loki, tempo]", "[grafana, loki]", "stops tempo"),
    (
        "references",
        "terraform/fleets.tf",
        "local.ring_of[colour]",
        "local.rings[colour]",
        "local.rings",
    ),
    (
        "references",
        "terraform/load-balancer.tf",
        "aws_lb.this.arn",
        "aws_lb.that.arn",
        "aws_lb.that",
    ),
    (
        "references",
        "terraform/iam.tf",
        "data.aws_partition.this",
        "data.aws_region.this",
        "data.aws_region",
    ),
    ("references", "terraform/network.tf", "var.operator_security_group_ids", "[]", "is unused"),
    ("references", "terraform/outputs.tf", "output \"load_balancer\" {", "output {{", "outputs.tf"),
    (
        "each",
        "terraform/load-balancer.tf",
        "  for_each = local.target_groups\n",
        "",
        "aws_lb_target_group",
    ),
    (
        "arguments",
        "terraform/load-balancer.tf",
        "enable_cross_zone_load",
        "cross_zone_load",
        "nobody looked",
    ),
    ("arguments", "terraform/load-balancer.tf", "dns_failover {", "failover {", "nobody looked"),
    ("open_ports", "terraform/network.tf", "    loki    = 3100", "    loki    = 3101", "3101"),
    ("open_ports", "node/loki.yaml", "http_listen_port: 3100", "http_listen_port: 3110", "3110"),
    ("open_ports", "terraform/network.tf", "    tempo-gossip = 7947\n", "", "reach tempo-gossip"),
    ("open_ports", "terraform/network.tf", "    loki         = 3100\n", "", "that a peer lives"),
    (
        "open_ports",
        "terraform/load-balancer.tf",
        "tostring(local.healthz)",
        "\"traffic-port\"",
        "healthz",
    ),
    ("open_ports", "systemd/quarterdeck-healthz.service", "0.0.0.0:8080", "0.0.0.0:8081", "8081"),
    ("open_ports", "terraform/variables.tf", "* 4 <= 500", "* 3 <= 500", "computed otherwise"),
    ("rings", "node/loki.yaml", "loki-${RING}", "glt", "keep products"),
    ("rings", "node/tempo.yaml", "tempo-${RING}", "loki-${RING}", "keep products"),
    ("rings", "node/tempo.yaml", "${MEMBERS_NAME}:7947", "${MEMBERS_NAME}:7946", "joins"),
    ("rings", "node/loki.yaml", "  rejoin_interval: 1m\n", "", "rejoin_interval"),
    ("rings", "node/tempo.yaml", "  advertise_addr: ${SYSTEM_IP_ADDR}\n", "", "advertise_addr"),
    ("rings", "node/loki.yaml", "  instance_addr: ${SYSTEM_IP_ADDR}\n", "", "left to chance"),
    ("rings", "node/loki.yaml", "    flush_on_shutdown: true\n", "", "loses data"),
    ("rings", "node/tempo.yaml", "replication_factor: 3", "replication_factor: 1", "copies"),
    ("rings", "node/tempo.yaml", "    readiness_check_ring_health: false\n", "", "newcomer"),
    ("rings", "node/tempo.yaml", "target: scalable-single-binary", "target: all", "to itself"),
    ("names", "terraform/discovery.tf", "nodes.name}.", "nodes.name}-", "members_name"),
    ("names", "terraform/discovery.tf", "\"MULTIVALUE\"", "\"WEIGHTED\"", "MULTIVALUE"),
    (
        "names",
        "terraform/fleets.tf",
        "[\"tempo-${local.ring",
        "[\"loki-${local.ring",
        "TEMPO_BUCKET",
    ),
    ("stacks", "terraform/fleets.tf", "= \"STACK\"\n", "= \"stack\"\n", "not tagged STACK"),
    (
        "stacks",
        "terraform/fleets.tf",
        "propagate_at_launch = true",
        "propagate_at_launch = false",
        "STACK",
    ),
    (
        "stacks",
        "terraform/fleets.tf",
        "STACK_ID         = fleet.stack_id",
        "STACK_ID = colour",
        "another stack",
    ),
    ("stacks", "terraform/fleets.tf", "= \"required\"", "= \"optional\"", "http_tokens"),
    (
        "left_alone",
        "terraform/load-balancer.tf",
        "ignore_changes = [default_action]",
        "",
        "aws_lb_listener",
    ),
    (
        "left_alone",
        "terraform/fleets.tf",
        "      suspended_processes,\n",
        "",
        "suspended_processes",
    ),
    (
        "left_alone",
        "terraform/fleets.tf",
        "ignore_changes = [",
        "ignore_changes = [\nmax_size,",
        "max_size",
    ),
    (
        "left_alone",
        "terraform/load-balancer.tf",
        "resource \"aws_lb\" \"this\" {",
        "resource \"aws_autoscaling_attachment\" \"x\" {}\nresource \"aws_lb\" \"this\" {",
        "not Terraform's",
    ),
    ("traps", "terraform/load-balancer.tf", "balancing = true", "balancing = false", "cross_zone"),
    (
        "traps",
        "terraform/load-balancer.tf",
        "  security_groups = [aws",
        "  subnet_mapping = [aws",
        "security",
    ),
    (
        "traps",
        "terraform/load-balancer.tf",
        "_count      = \"off\"",
        "_count      = \"1\"",
        "dns_failover",
    ),
    ("traps", "systemd/quarterdeck-healthz.service", "--mode ready ", "--mode up ", "every node"),
    (
        "traps",
        "terraform/load-balancer.tf",
        "          weight = target_group.value.weight\n",
        "",
        "weighted",
    ),
    ("permissions", "iam-node.json", "Allow", "allow", "allows nothing"),
    ("permissions", "iam-node.json", "ec2:DescribeInstances", "ec2.DescribeInstances", "actions"),
    ("permissions", "iam-node.json", "service/*", "*", "narrow"),
    ("permissions", "iam-node.json", "\"Action\"", "\"Actions\"", "does not know"),
];

/// What a check of this name says of these files.
fn found(check: &str, example: &Example) -> Faults {
    let (_, check) = CHECKS.iter().find(|(name, _)| *name == check).unwrap();
    check(example)
}

#[test]
fn the_example_holds_together() {
    let example = Example::read();
    let faults: Vec<_> = CHECKS
        .iter()
        .flat_map(|(name, check)| {
            check(&example).into_iter().map(move |what| format!("{name}: {what}"))
        })
        .collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn what_is_broken_is_caught() {
    let example = Example::read();
    let mut missed = Vec::new();
    for (check, path, from, to, says) in BREAKS {
        let faults = found(check, &example.broken(path, from, to));
        if !faults.iter().any(|fault| fault.contains(says)) {
            missed.push(format!("{check}: {path}: {from:?} -> {to:?}: {faults:?}"));
        }
    }
    assert!(missed.is_empty(), "\n{}\n", missed.join("\n"));
    let seen: BTreeSet<_> = BREAKS.iter().map(|(check, ..)| *check).collect();
    let never: Vec<_> = CHECKS.iter().filter(|(name, _)| !seen.contains(name)).collect();
    assert!(never.is_empty(), "never seen to catch anything: {never:?}");
}
