//! The scenarios of needs.md and of the issue that brought acting, a row each: what is the matter, what is
//! tried, and whether that is refused, flagged or survived, by what and why.
//!
//! Rows with a run are in `scenarios_runs.rs`. Rings and DNS are not here: the embedded world does not speak them. Killed engines are in `kill.rs`, killed
//! consoles in `act_console.rs`, a thousand members in `thousand.rs`.

use crate::runs::bench::Site;
use crate::served::Directory;

/// What becomes of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Becomes {
    /// Nothing is changed; the exit code, and who says no in which words.
    Refused(i32, &'static str),
    /// It is said, as a finding of this kind.
    Flagged(&'static str),
    /// A run goes through it, or a plan deals with it; the exit code, and what is said.
    Survived(i32, &'static str),
}

use Becomes::{Flagged, Refused, Survived};

/// A scenario.
struct Row {
    /// What is the matter.
    scenario: &'static str,
    /// A world that comes with the program, or a world file.
    world: &'static str,
    /// What is typed; `{blue-412/1}` is that node's id.
    command: &'static str,
    becomes: Becomes,
    why: &'static str,
}

const CUTOVER: &str = "cutover blue-412 green-413";

/// Fleets with two registry services; green is missing in the second one.
const TWO_REGISTRIES: &str = "[[service]]\nname = \"glt\"\n[[service]]\nname = \"otel\"\n\
    [[fleet]]\nstack = \"blue-412\"\nnodes = 3\nweight = 100\nservices = [\"glt\", \"otel\"]\n\
    [[fleet]]\nstack = \"green-413\"\nnodes = 3\nweight = 0\nservices = [\"glt\", \"otel\"]\n\
    [[event]]\nat = \"-9m\"\ndo = \"remove_member\"\nservice = \"otel\"\nnode = \"green-413/1\"\n";
/// Fleets whose Auto Scaling groups look at EC2's checks only.
const EC2_CHECKS: &str = "[[fleet]]\nstack = \"blue-412\"\nnodes = 3\nweight = 100\n\
    health_checks = \"EC2\"\n[[fleet]]\nstack = \"green-413\"\nnodes = 3\nweight = 0\n";
/// Fleets of two Auto Scaling groups each, with nothing wrong.
const TWO_GROUPS: &str = "[[fleet]]\nstack = \"blue-412\"\nnodes = 6\ngroups = 2\nweight = 100\n\
    [[fleet]]\nstack = \"green-413\"\nnodes = 6\ngroups = 2\nweight = 0\n";
/// Shared groups, each checked by its own product; green's Tempo is down on one node.
pub const HALF_HEALTHY: &str = "wiring = \"attach\"\n\
    [[listener]]\nproduct = \"loki\"\nport = 3100\ncheck = \"product\"\n\
    [[listener]]\nproduct = \"tempo\"\nport = 3200\ncheck = \"product\"\n\
    [[fleet]]\nstack = \"blue-412\"\nnodes = 3\nattached = true\n\
    [[fleet]]\nstack = \"green-413\"\nnodes = 3\nhealth_checks = \"EC2\"\n\
    [[event]]\nat = \"-9m\"\ndo = \"crash_product\"\nnode = \"green-413/1\"\nproduct = \"tempo\"\n";

const ROWS: &[Row] = &[
    Row {
        scenario: "boot-script wipe",
        world: "boot-race",
        command: "findings -o json",
        becomes: Flagged("boot_race"),
        why: "six in service and one registered has one cause and one name",
    },
    Row {
        scenario: "boot-script wipe, repaired",
        world: "boot-race",
        command: "repair blue-412",
        becomes: Survived(0, "register i-"),
        why: "all five are registered in one plan",
    },
    Row {
        scenario: "a ghost's IP reused by a living node of the other colour",
        world: "ghost-ip-reused",
        command: "findings -o json",
        becomes: Flagged("ghost_member"),
        why: "EC2 says terminated; that the address answers is another node's doing",
    },
    Row {
        scenario: "a ghost's IP reused, repaired",
        world: "ghost-ip-reused",
        command: "repair blue-412",
        becomes: Survived(0, "deregister i-"),
        why: "the address belongs to another running instance, so it proves nothing against the ghost",
    },
    Row {
        scenario: "green unhealthy in one zone only",
        world: "green-zone-sick",
        command: CUTOVER,
        becomes: Refused(3, "blocked by capacity"),
        why: "every zone that FROM serves needs a healthy target of TO",
    },
    Row {
        scenario: "green unhealthy in one zone only, seen",
        world: "green-zone-sick",
        command: "findings -o json",
        becomes: Flagged("zone_out_of_dns"),
        why: "without cross-zone the zone of the whole load balancer leaves DNS",
    },
    Row {
        scenario: "fail-open target group",
        world: "fail-open",
        command: "findings -o json",
        becomes: Flagged("fail_open"),
        why: "no healthy target: the load balancer sends to all of them",
    },
    Row {
        scenario: "fail-open target group, drained",
        world: "fail-open",
        command: "drain {blue-412/1}",
        becomes: Refused(3, "blocked by floor"),
        why: "a group with weight must keep healthy targets",
    },
    Row {
        scenario: "fail-open target group, left",
        world: "fail-open",
        command: CUTOVER,
        becomes: Refused(3, "blocked by undo-ready"),
        why: "there would be no way back; the operator may say that this is meant",
    },
    Row {
        scenario: "fail-open target group, left on purpose",
        world: "fail-open",
        command: "cutover blue-412 green-413 --override undo-ready --reason outage",
        becomes: Survived(0, "this plan could run"),
        why: "the override is named, has a reason and is journaled",
    },
    Row {
        scenario: "draining while connections arrive",
        world: "draining-still-serving",
        command: "drain {blue-412/2}",
        becomes: Refused(3, "blocked by velocity"),
        why: "the node before has not settled",
    },
    Row {
        scenario: "database down, all nodes unhealthy at once",
        world: "database-down",
        command: "findings -o json",
        becomes: Flagged("dependency_failure"),
        why: "the same check fails the same way everywhere: it is not the nodes",
    },
    Row {
        scenario: "database down, cut over",
        world: "database-down",
        command: CUTOVER,
        becomes: Refused(3, "dependency"),
        why: "the other fleet has the same database",
    },
    Row {
        scenario: "empty selection",
        world: "blue-green",
        command: "drain --execute --confirm blue-412",
        becomes: Refused(2, "nothing is selected"),
        why: "nothing is never everything",
    },
    Row {
        scenario: "an empty fleet",
        world: "empty-fleet",
        command: CUTOVER,
        becomes: Refused(3, "blocked by floor, capacity"),
        why: "nobody would serve",
    },
    Row {
        scenario: "FROM and TO swapped",
        world: "blue-green",
        command: "cutover green-413 blue-412 --execute --confirm green-413",
        becomes: Refused(2, "Did you mean `quarterdeck cutover blue-412 green-413`?"),
        why: "FROM must carry traffic",
    },
    Row {
        scenario: "the same fleet twice",
        world: "blue-green",
        command: "cutover blue-412 blue-412 --execute --confirm blue-412",
        becomes: Refused(2, "both blue-412"),
        why: "nothing would move",
    },
    Row {
        scenario: "fleets' names swapped in the registry",
        world: "names-swapped",
        command: "findings -o json",
        becomes: Flagged("wrong_stack"),
        why: "the instance's tag says another fleet than its entry",
    },
    Row {
        scenario: "fleets' names swapped in the registry, cut over",
        world: "names-swapped",
        command: CUTOVER,
        becomes: Refused(3, "blocked by registry"),
        why: "TO's registry must be complete and right before it takes traffic",
    },
    Row {
        scenario: "two registry services a fleet, one of them incomplete",
        world: TWO_REGISTRIES,
        command: CUTOVER,
        becomes: Refused(3, "blocked by registry"),
        why: "each service that peers are in counts",
    },
    Row {
        scenario: "two registry services a fleet, repaired",
        world: TWO_REGISTRIES,
        command: "repair green-413",
        becomes: Survived(0, "in otel"),
        why: "the entry is written where it is missing, and nowhere else",
    },
    Row {
        scenario: "a fleet with EC2 health checks",
        world: EC2_CHECKS,
        command: "findings -o json",
        becomes: Flagged("no_self_heal"),
        why: "nothing replaces a node that fails the load balancer's check",
    },
    Row {
        scenario: "a fleet with EC2 health checks, drained",
        world: EC2_CHECKS,
        command: "drain {blue-412/1} --override zone-cover --reason drill",
        becomes: Survived(0, "deregister i-"),
        why: "without ELB checks nothing replaces it, so targets is the method",
    },
    Row {
        scenario: "a fleet with two Auto Scaling groups",
        world: TWO_GROUPS,
        command: CUTOVER,
        becomes: Survived(0, "green-413-asg-2"),
        why: "both groups are pinned, and count as one fleet",
    },
    Row {
        scenario: "a group of two that cannot launch",
        world: "two-groups",
        command: "findings -o json",
        becomes: Flagged("launch_failures"),
        why: "EC2 refuses what the group wants",
    },
    Row {
        scenario: "a target registered twice on different ports",
        world: "two-ports",
        command: "drain {blue-412/1} --override zone-cover --reason drill -o json",
        becomes: Survived(0, "\"port\": 3999"),
        why: "a target is deregistered with its port, or the other one stays",
    },
    Row {
        scenario: "a node known only to the load balancer",
        world: "stranger",
        command: "findings -o json",
        becomes: Flagged("foreign_target"),
        why: "it takes traffic and belongs to no fleet",
    },
    Row {
        scenario: "green healthy in one group and not in another, under attach",
        world: HALF_HEALTHY,
        command: CUTOVER,
        becomes: Refused(3, "blocked by capacity"),
        why: "attaching is the shift: every product of every node must be ready before",
    },
    Row {
        scenario: "standby at MinSize",
        world: "standby-at-min",
        command: "drain {blue-412/1} --method standby",
        becomes: Refused(3, "Lower MinSize of blue-412-asg"),
        why: "standby always takes the desired capacity down with it",
    },
    Row {
        scenario: "undrain at MaxSize",
        world: "standby-at-min",
        command: "undrain {green-413/1}",
        becomes: Refused(3, "Raise MaxSize"),
        why: "coming back raises the desired capacity",
    },
    Row {
        scenario: "mixed launch template versions, and a refresh under way",
        world: "mixed-versions",
        command: CUTOVER,
        becomes: Refused(3, "blocked by capacity, change-in-flight"),
        why: "the fleet that is verified is not the one that will be there",
    },
    Row {
        scenario: "a lock holder whose host is gone",
        world: "lock-left",
        command: CUTOVER,
        becomes: Refused(3, "ana@bastion-7"),
        why: "nobody takes a lock by accident; who holds it, and since when, is said",
    },
    Row {
        scenario: "reads denied",
        world: "reads-denied",
        command: CUTOVER,
        becomes: Refused(4, "could not be known"),
        why: "unknown is not good enough",
    },
    Row {
        scenario: "suspended processes that somebody left",
        world: "pins-left",
        command: "findings -o json",
        becomes: Flagged("suspended_processes"),
        why: "a node that dies is not replaced",
    },
    Row {
        scenario: "listeners that do not agree",
        world: "listeners-split",
        command: "findings -o json",
        becomes: Flagged("listeners_split"),
        why: "a cutover stopped half-way",
    },
];

/// A site of a world's name or text.
pub fn site(world: &str) -> Site {
    const PATIENT: &str = "[probes]\ntimeout = \"20s\"\n";
    if !world.contains('\n') {
        return Site::named(world);
    }
    let directory = Directory::new();
    let file = directory.file("world.toml", world);
    Site::at(&file, PATIENT, directory)
}

/// What is not as the row says.
fn wrong(row: &Row) -> Option<String> {
    let site = site(row.world);
    let mut line = row.command.to_owned();
    while let Some((before, rest)) = line.clone().split_once('{') {
        let (name, after) = rest.split_once('}').unwrap();
        let (stack, number) = name.split_once('/').unwrap();
        line = format!("{before}{}{after}", site.node(stack, number));
    }
    let outcome = site.run(&line.split_whitespace().collect::<Vec<_>>());
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    let good = match row.becomes {
        Refused(code, words) | Survived(code, words) => {
            outcome.code == Some(code) && said.contains(words)
        }
        Flagged(kind) => {
            let findings = outcome.json();
            let mut all = findings["findings"].as_array().unwrap().iter();
            all.any(|one| one["kind"] == kind)
        }
    };
    let changed = site.changes().len() + site.calls("CreateService");
    (!good || changed > 0).then(|| {
        let (what, becomes, why) = (row.scenario, row.becomes, row.why);
        format!("{what}: {becomes:?}, because {why}\n{line}: {:?} {said}", outcome.code)
    })
}

/// Every so-manieth row, so that the table is gone through on all processors.
fn every_third(from: usize) {
    let rows = ROWS.iter().skip(from).step_by(3);
    let wrong: Vec<String> = rows.filter_map(wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_table_first_third() {
    every_third(0);
}

#[test]
fn the_table_second_third() {
    every_third(1);
}

#[test]
fn the_table_last_third() {
    every_third(2);
}
