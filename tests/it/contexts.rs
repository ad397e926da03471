//! Contexts through the console in a terminal: two worlds, one configuration. What was known of the
//! one before is gone with the first frame of the other, arming ends, and whatever is wrong with a
//! context leaves a console that goes on. Credentials that are over: what to run, and going on by
//! itself.

use crate::bench::cli::Cli;
use crate::bench::terminal::{Terminal, environment, holds, size};
use crate::served::{BINARY, Directory, World, until};
use crate::sim_harness::http;
use portable_pty::CommandBuilder;
use std::process::Stdio;

/// A world of one region with fleets of these names.
fn world(region: &str, stacks: [&str; 2]) -> String {
    let [live, other] = stacks;
    format!(
        "region = \"{region}\"\napi_limits = false\n\
         [[load_balancer]]\nname = \"front\"\n[[service]]\nname = \"glt\"\n\
         [[listener]]\nproduct = \"loki\"\nport = 3100\n\
         [[fleet]]\nstack = \"{live}\"\nnodes = 3\nweight = 100\n\
         [[fleet]]\nstack = \"{other}\"\nnodes = 3\nweight = 0\n"
    )
}

struct Sites {
    west: World,
    east: World,
    directory: Directory,
}

impl Sites {
    fn start() -> Self {
        let directory = Directory::new();
        let serve = |name: &str, region, stacks| {
            let file = directory.file(name, &world(region, stacks));
            World::start(&["--world", &file], Stdio::null())
        };
        let west = serve("west.toml", "us-west-2", ["blue-412", "green-413"]);
        let east = serve("east.toml", "eu-west-1", ["amber-7", "ivory-8"]);
        let sites = Self { west, east, directory };
        sites.configure("");
        sites
    }

    /// Writes the configuration, with more in the context `west`.
    fn configure(&self, west: &str) {
        let text = format!(
            "context = \"west\"\n[probes]\nenabled = false\n\
             [contexts.west]\nregion = \"us-west-2\"\nendpoint_url = \"{}\"\nproduction = true\n\
             frame = \"red\"\n{west}\n\
             [contexts.east]\nregion = \"eu-west-1\"\nendpoint_url = \"{}\"\nmode = \"operate\"\n",
            self.west.endpoint(),
            self.east.endpoint(),
        );
        self.directory.file("config.toml", &text);
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn console(&self, flags: &[&str], env: &[(&str, &str)]) -> Console {
        let mut command = CommandBuilder::new(BINARY);
        command.args(["--config", &self.path("config.toml"), "--state-dir", &self.path("state")]);
        command.args(flags);
        environment(&mut command, "xterm-256color");
        for (name, value) in env {
            match value.is_empty() {
                true => command.env_remove(name),
                false => command.env(name, value),
            }
        }
        Console(Terminal::open_sized(command, size(110, 30)))
    }
}

/// A console that is killed with this.
struct Console(Terminal);

impl Console {
    fn press(&mut self, keys: &str, then: &str) {
        self.0.press(keys);
        self.0.wait_for(then);
    }

    fn ends(mut self) {
        self.0.press("q");
        assert_eq!(self.0.end().exit_code(), 0);
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.0.child.kill();
        let _ = self.0.child.wait();
    }
}

#[test]
fn another_context_is_another_world_from_its_first_frame_on() {
    let sites = Sites::start();
    // What the shell was opened for has no say over what a context says itself.
    let mut console = sites.console(&[], &[]);
    console.0.wait_for("blue-412    ◆ LIVE");
    console.0.wait_for("west/us-west-2 123456789012  PRODUCTION  READ-ONLY");
    console.0.wait_for("═ Fleets 2 ═");
    console.press(":context ea", "eu-west-1, ");
    console.press("\r", "This is east now. This console is not armed.");
    let screen = console.0.screen();
    assert!(!screen.contains("blue-412") && !screen.contains("PRODUCTION"), "{screen}");
    assert!(screen.contains("east/eu-west-1") && screen.contains("─ Fleets"), "{screen}");
    console.0.wait_for("amber-7");
    console.0.wait_for("east/eu-west-1 123456789012  NOT ARMED");
    // Every dialog says where it is about.
    console.press("A", "Arm this console?   east/eu-west-1 123456789012");
    console.press("y", "ARMED 15m");
    console.press(":context west\r", "This is west now. It is marked production.");
    console.0.wait_for("PRODUCTION  READ-ONLY");
    console.0.wait_for("blue-412    ◆ LIVE");
    console.press(":context east\r", "east/eu-west-1 123456789012  NOT ARMED");
    console.ends();
}

#[test]
fn what_is_wrong_with_a_context_is_said_and_the_console_goes_on() {
    let sites = Sites::start();
    let mut console = sites.console(&["--context", "east"], &[]);
    console.0.wait_for("amber-7");
    console.press(
        ":context wset\r",
        "There is no context wset; there is east, west. Did you mean west?",
    );
    console.press("\x1b", ": commands");
    // The file is broken meanwhile: the place and its data stay.
    sites.directory.file("config.toml", "[contexts.west]\n[contexts.west]\n");
    console.press(":context west\r", "[contexts.west] stands here for the second time");
    assert!(console.0.screen().contains("amber-7"));
    // The context has lost its place in it: as good as never there.
    sites.directory.file("config.toml", "[contexts.east]\n");
    console.press(":context west\r", "there is no context \"west\" (known: east)");
    // Nobody's profile: the place is gone to, and what is wrong stands in the place of the data.
    sites.configure("profile = \"nobody\"");
    console.press(":context west\r", "AWS cannot be asked: there is no AWS profile \"nobody\"");
    assert!(!console.0.screen().contains("amber-7"), "{}", console.0.screen());
    // Put right, and read again without another key than the one that reads.
    sites.configure("");
    console.press(":context east\r", "amber-7");
    console.press(":context west\r", "blue-412");
    console.ends();
}

#[test]
fn a_context_that_is_none_is_a_matter_of_usage() {
    let sites = Sites::start();
    let file = sites.path("config.toml");
    let run = |args: &[&str]| {
        let all: Vec<_> = ["--config", &file].iter().chain(args).copied().collect();
        Cli::program(BINARY).run(&all)
    };
    let none = run(&["--context", "wset", "fleets"]);
    assert_eq!(none.code, Some(2));
    assert!(
        none.stderr.contains("there is no context \"wset\" (known: east, west)"),
        "{}",
        none.stderr
    );
    assert!(none.stderr.contains("Did you mean \"west\"?"), "{}", none.stderr);
    sites.directory.file("config.toml", "[contexts.a]\nregion = \"us-west-2\"\n\n[contexts.a]\n");
    let twice = run(&["fleets"]);
    assert_eq!(twice.code, Some(2));
    let said = "config.toml:4: [contexts.a] stands here for the second time";
    assert!(twice.stderr.contains(said), "{}", twice.stderr);
    let role = "[contexts.a]\nrole = \"oncall\"\n";
    sites.directory.file("config.toml", role);
    let refused = run(&["--context", "a", "fleets"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("\"oncall\" is no role"), "{}", refused.stderr);
}

/// The credentials of one profile.
fn keys(profile: &str, access: &str) -> String {
    format!("[{profile}]\naws_access_key_id = {access}\naws_secret_access_key = s\n")
}

const NO_KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];

#[test]
fn a_session_that_is_over_says_what_to_run_and_the_console_goes_on_by_itself() {
    let sites = Sites::start();
    sites.configure("profile = \"oncall\"");
    let (config, shared) = (sites.path("aws-config"), sites.path("aws-credentials"));
    let sso = "[profile oncall]\nsso_session = corp\nsso_account_id = 123456789012\n\
               sso_role_name = ops\n[sso-session corp]\nsso_region = us-west-2\n\
               sso_start_url = https://corp.example/start\n";
    sites.directory.file("aws-config", sso);
    sites.directory.file("aws-credentials", "");
    let home = sites.directory.path().display().to_string();
    let mut env = vec![("HOME", home.as_str())];
    env.extend([("AWS_CONFIG_FILE", config.as_str()), ("AWS_SHARED_CREDENTIALS_FILE", &shared)]);
    env.extend(NO_KEYS);
    let console = sites.console(&[], &env);
    // Nobody has logged in yet: the console waits, and says for what.
    console.0.wait_for("run `aws sso login --profile oncall`");
    console.0.wait_for("west/us-west-2 account ?");
    // Then somebody has. No key is pressed.
    sites.directory.file("aws-config", "[profile oncall]\nregion = us-west-2\n");
    sites.directory.file("aws-credentials", &keys("oncall", "AKIAFIRST"));
    console.0.wait_for("blue-412    ◆ LIVE");
    // These are over: the data stay with their age, and other keys take their place.
    sites.west.inject("[[fault]]\ncall = \"*\"\nkind = \"expired\"\naccess_key = \"AKIAFIRST\"\n");
    console.0.wait_for("EXPIRED");
    console.0.wait_for("renew the credentials of the profile oncall");
    assert!(console.0.screen().contains("blue-412"), "{}", console.0.screen());
    sites.directory.file("aws-credentials", &keys("oncall", "AKIASECOND"));
    console.0.wait("going on", |seen| !holds(seen, "EXPIRED") && !holds(seen, "renew the"));
    console.ends();
}

/// `west` shows the fleets of `east` too, and everything is read often.
const BESIDE: &str = "also = [\"east\"]\n[cadence]\ncloudmap = \"500ms\"\nautoscaling = \"500ms\"\n\
                      elbv2 = \"500ms\"\nec2 = \"500ms\"\nslow = \"1s\"\n";

/// The names of a console's threads, where they can be looked at.
fn threads(console: &Console) -> Vec<String> {
    let id = console.0.child.process_id().unwrap();
    let Ok(all) = std::fs::read_dir(format!("/proc/{id}/task")) else { return Vec::new() };
    let name = |one: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(one.ok()?.path().join("comm")).ok()
    };
    all.filter_map(name).map(|name| name.trim().to_owned()).collect()
}

/// What a world was asked for that is no read, and how much it was asked for.
fn changed(world: &World) -> (Vec<String>, usize) {
    let (_, body) = http(world.address(), "GET", "/_world/log", "");
    let log: serde_json::Value = serde_json::from_str(&body).unwrap();
    let lines = log["lines"].as_array().unwrap();
    let names = lines.iter().map(|line| line["operation"].as_str().unwrap().to_owned());
    let is_read = |name: &String| {
        ["Describe", "List", "Get", "Discover"].iter().any(|read| name.starts_with(read))
    };
    (names.filter(|name| !is_read(name)).collect(), lines.len())
}

#[test]
fn two_regions_stand_in_one_table_and_only_the_own_one_is_acted_on() {
    let sites = Sites::start();
    sites.configure(BESIDE);
    let mut console = sites.console(&["--operate"], &[]);
    console.0.wait_for("blue-412    here     ◆ LIVE");
    console.0.wait_for("amber-7     → east   ◆ LIVE");
    console.0.wait_for("ivory-8     → east   ◇ STANDBY");
    console.0.wait_for("═ Fleets 4, 2 elsewhere ═");
    console.press("Ay", "ARMED 15m");
    console.press("G", "▶ ivory-8");
    console.0.wait_for("Another place: east/eu-west-1 123456789012.");
    for key in ["f", "c"] {
        console
            .press(key, "ivory-8 is of another place, east: go there first with `:context east`.");
        console.press("\x0c", "west/us-west-2");
        console.press("k", "▶ amber-7");
        console.press("j", "▶ ivory-8");
    }
    console.press("/context:east role:live\r", "Fleets 1/4");
    console.press("\x1b", "Fleets 4, 2 elsewhere");
    console.press("G", "▶ ivory-8");
    // Nothing that was allowed here is allowed there, and the fleet that was meant is selected.
    console.press("\r", "east/eu-west-1 123456789012  NOT ARMED");
    console.0.wait_for("▶ ivory-8     ◇ STANDBY");
    console.0.wait_for("─ Fleets 2 ─");
    // Whoever looked at it from the other place has ended, and its readers with it.
    until("looked at once only", || {
        let all = threads(&console);
        let of = |name: &str| all.iter().filter(|one| *one == name).count();
        of("elsewhere east") == 0 && of("pollers") <= 1
    });
    console.press(":context west\r", "amber-7     → east   ◆ LIVE");
    console.ends();
    let (odd, calls) = changed(&sites.east);
    assert!(odd.is_empty() && calls > 10, "{calls} calls, of which {odd:?}");
    assert!(changed(&sites.west).0.is_empty());
}

#[test]
fn a_place_that_cannot_be_read_says_so_in_a_row_of_its_own_and_the_console_goes_on() {
    let mut sites = Sites::start();
    sites.configure(BESIDE);
    let mut console = sites.console(&[], &[]);
    console.0.wait_for("amber-7     → east   ◆ LIVE");
    sites.east.inject("[[fault]]\ncall = \"*\"\nkind = \"deny\"\n");
    console.0.wait_for("(lacking)   → east   DENIED ");
    assert!(console.0.screen().contains("blue-412    here     ◆ LIVE"), "{}", console.0.screen());
    sites.east.heal();
    console.0.wait("well again", |seen| !holds(seen, "DENIED") && holds(seen, "→ east   ◆ LIVE"));
    let _ = sites.east.child.kill();
    console.0.wait_for("(lacking)   → east   UNREACHABLE ");
    // Its fleets stand there still, as unknown as they are; this place is as it was.
    console.0.wait("unknown", |seen| {
        crate::bench::terminal::rows(seen)
            .iter()
            .any(|row| row.contains("amber-7") && row.contains("→ east   ?"))
    });
    console.press("t", "traffic");
    console.press("\x7f", "blue-412    here     ◆ LIVE");
    console.ends();
    // One that nobody could ever ask is said as well.
    let text = std::fs::read_to_string(sites.path("config.toml")).unwrap();
    let text = text.replace("mode = \"operate\"", "profile = \"nobody\"");
    sites.directory.file("config.toml", &text);
    let console = sites.console(&[], &[]);
    console.0.wait_for("blue-412    here     ◆ LIVE");
    console.0.wait_for("(not read)  → east   NOT READ for ");
    console.0.wait_for("there is no AWS profile \"nobody\"");
    console.ends();
}
