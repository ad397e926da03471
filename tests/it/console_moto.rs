//! The console on an AWS of Moto's, in a pty: what the operator sees of a healthy world, of changes
//! made by somebody else, and of an AWS that goes away and comes back.
//!
//! Cadences are short, but listeners and target health are read every 15 s at the soonest (nine
//! calls within the account-wide budget of ELBv2), so what they say is stale after 30 s.

use crate::bench::moto::{Moto, SeededNode, Traffic, World};
use crate::bench::node::{Node, Product, State};
use crate::bench::terminal::{Seen, Terminal, environment, holds, rows, size};
use portable_pty::{CommandBuilder, PtySize};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

const CONFIG: &str = "\
[cadence]
cloudmap = \"1s\"
autoscaling = \"1s\"
elbv2 = \"1s\"
ec2 = \"2s\"
probes = \"1s\"
slow = \"2s\"
";

/// A healthy row of the fleets' table at 80x24, behind the name.
const LIVE: &str = "◆ LIVE ████ 100% 3/3 3 3/3 3/3 –";
const STANDBY: &str = "◇ STANDBY ░░░░ 0% 3/3 3 3/3 3/3 –";
/// The same at 160x40: a column a port, then a column a product; requests and rings are not read here.
const WIDE_LIVE: &str = "◆ LIVE ████ 100% ? 3/3 3 3/3 3/3 3/3 3/3 3/3 3/3 3/3 3/3 L? T? –";
const WIDE_STANDBY: &str = "◇ STANDBY ░░░░ 0% ? 3/3 3 3/3 3/3 3/3 3/3 3/3 3/3 3/3 3/3 L? T? –";

/// A world, a node program behind every address, and the console on it.
struct Scene {
    moto: Moto,
    world: World,
    nodes: Vec<Node>,
    terminal: Terminal,
    dir: PathBuf,
}

impl Scene {
    fn start(size: PtySize) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mut moto = Moto::start()?;
        let world = moto.seed(Traffic::Weights);
        let nodes = world.nodes().map(|node| Node::start(node.ip)).collect();
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("console-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let config = dir.join("quarterdeck.toml");
        std::fs::write(&config, CONFIG).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_quarterdeck"));
        command.args(["--endpoint-url", &moto.endpoint(), "--region", &world.region]);
        command.arg("--config");
        command.arg(config);
        command.arg("--state-dir");
        command.arg(dir.join("state"));
        environment(&mut command, "xterm-256color");
        let terminal = Terminal::open_sized(command, size);
        Some(Self { moto, world, nodes, terminal, dir })
    }

    /// Waits until the row of a fleet reads so, and whether it is the selected one.
    fn wait_for_row(&self, name: &str, selected: bool, expected: &str) {
        let expected = row_text(name, selected, expected);
        self.terminal.wait(&format!("`{expected}`"), |seen| table(seen).contains(&expected));
    }

    /// Waits for the row of a fleet in the healthy world, blue selected, and nothing found.
    fn wait_for_health(&self, live: &str, standby: &str) {
        let (blue, green) = (row_text("blue", true, live), row_text("green", false, standby));
        self.terminal.wait("healthy", |seen| {
            let table = table(seen);
            table.contains(&blue) && table.contains(&green) && holds(seen, "Nothing disagrees.")
        });
    }

    fn node(&self, fleet: &str, number: usize) -> &SeededNode {
        &self.world.fleets[fleet].nodes[number]
    }

    /// Gives all listeners these weights.
    fn weigh(&mut self, blue: u32, green: u32) {
        self.moto.boto(&format!(
            "import world as made\n\
             for product, arn in world['listeners'].items():\n    \
                 aws('elbv2').modify_listener(ListenerArn=arn, DefaultActions=made.forward(\n        \
                     world['target_groups'], product, blue={blue}, green={green}))"
        ));
    }

    /// Leaves the console, which must give back its terminal.
    fn quit(mut self) {
        self.terminal.press("q");
        assert_eq!(self.terminal.end().exit_code(), 0);
        self.terminal.is_restored();
        std::fs::remove_dir_all(&self.dir).unwrap();
    }
}

fn row_text(name: &str, selected: bool, cells: &str) -> String {
    let mark = if selected { "▶ " } else { "" };
    format!("{mark}{name} {cells}")
}

/// The rows between the first two rules, each as its words with one space between them.
fn table(seen: &Seen) -> Vec<String> {
    let words = |row: String| row.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_rule = |row: &String| row.starts_with('═') || row.starts_with('─');
    rows(seen)
        .into_iter()
        .skip_while(|row| !is_rule(row))
        .skip(1)
        .take_while(|row| !is_rule(row))
        .map(words)
        .collect()
}

/// The second row of the head: how each source stands.
fn sources(seen: &Seen) -> String {
    rows(seen).into_iter().nth(1).unwrap_or_default()
}

#[test]
fn it_fills_and_follows_what_others_change_in_the_registry() {
    let Some(mut scene) = Scene::start(size(80, 24)) else { return };
    scene.wait_for_health(LIVE, STANDBY);
    scene.terminal.wait_for(&scene.world.account);
    assert!(scene.terminal.screen().contains("READ-ONLY"));
    scene.terminal.press("j");
    scene.wait_for_row("green", true, STANDBY);

    let gone = scene
        .moto
        .defect_with("unregistered_node", serde_json::json!({ "fleet": "green", "number": 1 }));
    let row = row_text("green", true, "◇ STANDBY ░░░░ 0% 3/3 2 ! 3/3 3/3 ! unregiste…");
    scene.terminal.wait("the node missing", |seen| table(seen).contains(&row));
    scene.terminal.wait_for("Re-register the node");
    assert_eq!(gone.about.as_ref(), Some(&scene.node("green", 1).id));
    scene.terminal.wait("the node named", |seen| holds(seen, &scene.node("green", 1).id));

    // A fleet that appears above takes the selected row, but not the selection.
    another_fleet(&mut scene);
    scene.terminal.wait("amber above", |seen| {
        let table = table(seen);
        table.iter().any(|row| row.starts_with("amber ")) && table.contains(&row)
    });

    drill_down(&mut scene);
    scene.quit();
}

/// One more group with one node, whose name comes first.
fn another_fleet(scene: &mut Scene) {
    scene.moto.boto(
        "subnet = aws('autoscaling').describe_auto_scaling_groups()['AutoScalingGroups'][0]['VPCZoneIdentifier']\n\
         aws('autoscaling').create_auto_scaling_group(\n    \
             AutoScalingGroupName='amber-asg', MinSize=1, MaxSize=1, DesiredCapacity=1,\n    \
             LaunchTemplate={'LaunchTemplateName': 'blue', 'Version': '1'},\n    \
             VPCZoneIdentifier=subnet, HealthCheckType='ELB', HealthCheckGracePeriod=300,\n    \
             Tags=[{'Key': 'STACK', 'Value': 'amber', 'PropagateAtLaunch': True}])",
    );
}

/// The nodes of the selected fleet; the second is selected and stays so when the first is gone.
fn drill_down(scene: &mut Scene) {
    let (first, second) = (scene.node("green", 0).clone(), scene.node("green", 1).clone());
    scene.terminal.press("\r");
    scene.terminal.wait_for("green nodes 3");
    scene.terminal.press("j");
    let row = format!("▶ {} {} InService none 4/4 4/4 ", short(&second.id), second.ip);
    let rule = format!("─ {} ─", second.id);
    let selected = |seen: &Seen| {
        table(seen).iter().any(|text| text.starts_with(&row))
            && rows(seen).iter().any(|text| text.starts_with(&rule))
    };
    scene.terminal.wait("the second node", selected);
    scene.moto.boto(&format!(
        "aws('autoscaling').terminate_instance_in_auto_scaling_group(\n    \
             InstanceId='{id}', ShouldDecrementDesiredCapacity=False)\n\
         aws('servicediscovery').deregister_instance(\n    \
             ServiceId=world['service_id'], InstanceId='{id}')",
        id = first.id
    ));
    let gone = short(&first.id);
    scene.terminal.wait("the first node gone and the second selected", |seen| {
        let nodes = table(seen);
        // A node that left is probed no more, which is no fault of the probes.
        let well = !sources(seen).contains("STALE");
        selected(seen) && nodes.iter().all(|row| !row.contains(&gone)) && well
    });
    scene.terminal.press("\x1b");
    scene
        .terminal
        .wait("the fleets again", |seen| table(seen).iter().any(|row| row.starts_with("▶ green ")));
}

/// An instance id as it stands in a table that is narrow.
fn short(id: &str) -> String {
    format!("{}…{}", &id[..5], &id[id.len() - 4..])
}

#[test]
fn it_follows_traffic_and_probes_on_a_wide_screen() {
    let Some(mut scene) = Scene::start(size(160, 40)) else { return };
    scene.wait_for_health(WIDE_LIVE, WIDE_STANDBY);
    let heads = scene.terminal.screen();
    for head in ["3000", "3100", "3200", "4317", "GRAF", "LOKI", "TEMPO", "HEAL"] {
        assert!(heads.contains(head), "{head}: {heads}");
    }

    scene.weigh(60, 40);
    scene.terminal.wait("both shifting", |seen| {
        let table = table(seen);
        table.iter().any(|row| row.starts_with("▶ blue ◈ SHIFTING ██░░ 60% "))
            && table.iter().any(|row| row.starts_with("green ◈ SHIFTING ██░░ 40% "))
    });
    scene.terminal.wait_for("4 routes: changed from outside");
    scene.terminal.wait_for("Find out who changed it");
    scene.terminal.press("F");
    scene.terminal.wait_for("to blue-loki=60 green-loki=40");
    scene.terminal.press("\x1b");

    scene.weigh(0, 100);
    scene.terminal.wait("green live", |seen| {
        let table = table(seen);
        table.iter().any(|row| row.starts_with("▶ blue ◇ STANDBY ░░░░ 0% "))
            && table.iter().any(|row| row.starts_with("green ◆ LIVE ████ 100% "))
    });

    // Loki of green's first node stops answering; the others are as they were.
    let node = &mut scene.nodes[3];
    node.set(Product::Loki, State::Refuse);
    scene.terminal.press("j");
    scene.terminal.wait("a probe that fails", |seen| {
        table(seen).iter().any(|row| {
            row.starts_with("▶ green ◆ LIVE ████ 100% ? 3/3 3 3/3 3/3 3/3 3/3 3/3 3/3 2/3 3/3 ")
        })
    });
    scene.terminal.wait("the finding", |seen| holds(seen, "loki") && holds(seen, "refused ("));
    let node = &mut scene.nodes[3];
    node.set(Product::Loki, State::Ready);
    scene.terminal.wait("the probe again", |seen| {
        !holds(seen, "refused (")
            && table(seen).iter().any(|row| row.contains("3/3 3 3/3 3/3 3/3 3/3 3/3 3/3 3/3 3/3 "))
    });
    scene.quit();
}

#[test]
fn it_outlives_an_aws_that_goes_away_and_comes_back() {
    let Some(mut scene) = Scene::start(size(80, 24)) else { return };
    scene.wait_for_health(LIVE, STANDBY);
    scene.moto.pause();
    // What was known stays, and the head says what failed and how old the rest is.
    scene.terminal.wait("unreachable, with the last data", |seen| {
        sources(seen).contains("UNREACHABLE <") && holds(seen, "◆ LIVE") && holds(seen, "100%")
    });
    scene
        .terminal
        .wait("the reason", |seen| rows(seen).iter().any(|row| row.contains(": unreachable: ")));
    // Then it is too old to be the present. The probes still answer: they need no AWS.
    let unknown = "? ? 3/3? ? ? 3/3 ?";
    let (blue, green) = (row_text("blue", true, unknown), row_text("green", false, unknown));
    scene.terminal.wait("unknown", |seen| {
        let table = table(seen);
        table.contains(&blue) && table.contains(&green) && holds(seen, "Not known now: its role")
    });
    let screen = scene.terminal.screen();
    for healthy in ["LIVE", "STANDBY", "100%", "Nothing disagrees"] {
        assert!(!screen.contains(healthy), "{healthy}:\n{screen}");
    }
    scene.terminal.press("?");
    scene.terminal.wait_for("Keys on fleets");
    scene.terminal.press("\x1b");

    scene.moto.resume();
    scene.wait_for_health(LIVE, STANDBY);
    scene.terminal.wait("no source failing", |seen| {
        !holds(seen, "UNREACHABLE") && !holds(seen, "unreachable") && !sources(seen).contains('?')
    });
    // What changes after that is seen as before.
    scene.moto.defect("ghost_member");
    scene.terminal.wait_for("Deregister it once it is proven gone");
    scene.quit();
}
