//! `quarterdeck demo` in a terminal: it fills, it hears nothing of the operator's own AWS, and
//! however it ends, nothing of it is left.

use crate::bench::cli::Cli;
use crate::bench::terminal::{Seen, Terminal, environment, holds, size};
use crate::served::{BINARY, Directory, Process, child_of, runs, stopped, until, world_of};
use crate::sim_harness::say;
use portable_pty::CommandBuilder;
use quarterdeck::clock::Clock;
use rustix::process::Signal;

/// A console on a world of its own. Whatever a test did, both are gone when this is.
struct Demo {
    terminal: Terminal,
    /// Where it may leave files.
    scratch: Directory,
    started: Clock,
}

impl Demo {
    fn start(args: &[&str], more: &[(&str, &str)]) -> Self {
        let mut command = CommandBuilder::new(BINARY);
        command.arg("demo");
        command.args(args);
        Self::open(command, more)
    }

    fn open(mut command: CommandBuilder, more: &[(&str, &str)]) -> Self {
        let scratch = Directory::new();
        environment(&mut command, "xterm-256color");
        command.env("TMPDIR", scratch.path());
        for (name, value) in more {
            command.env(name, value);
        }
        let started = Clock::real();
        Self { terminal: Terminal::open_sized(command, size(80, 24)), scratch, started }
    }

    fn id(&self) -> u32 {
        self.terminal.child.process_id().unwrap()
    }

    /// The world that this process serves itself with.
    fn world(&self) -> Process {
        world_of(self.id()).unwrap()
    }

    /// Waits until the two fleets of the first world are there with every column; says how long
    /// it took since the program was started.
    fn fills(&self) {
        self.terminal.wait("both fleets with every column", is_full);
        self.took("the first full screen");
    }

    fn took(&self, what: &str) {
        let took = self.started.real_elapsed().as_millis();
        say(&format!("{what} after {took} ms"));
    }

    /// Neither the process nor a file is left.
    fn leaves_nothing(&self, world: u32) {
        until("the world gone", || !runs(world));
        until("the files gone", || self.scratch.names().is_empty());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended, and been waited for. The world ends with the console.
        let _ = self.terminal.child.kill();
        let _ = self.terminal.child.wait();
    }
}

/// A fleet's row without its spacing.
fn row(seen: &Seen, stack: &str) -> String {
    let contents = seen.screen.screen().contents();
    let row = contents.lines().find(|line| line.contains(stack)).unwrap_or_default();
    row.trim_start_matches('▶').split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_full(seen: &Seen) -> bool {
    row(seen, "  green-413") == "green-413 ◇ STANDBY ░░░░ 0% 3/3 3 3/3 3/3 –"
        && row(seen, "▶ blue-412") == "blue-412 ◆ LIVE ████ 100% 3/3 3 3/3 3/3 –"
        && holds(seen, "us-west-2 123456789012")
        && !holds(seen, " ?  ")
}

#[test]
fn it_fills_and_quitting_leaves_nothing() {
    let mut demo = Demo::start(&[], &[]);
    demo.fills();
    let world = demo.world();
    assert_eq!(demo.scratch.names().len(), 1);
    demo.terminal.press("q");
    assert_eq!(demo.terminal.end().exit_code(), 0);
    demo.terminal.is_restored();
    demo.leaves_nothing(world.id);
}

/// What is recorded of fleets is a world of them: they stand there as they did, and what is done to
/// them can be tried. The fleets are of a world that no demo has.
#[test]
fn a_recording_of_ones_own_fleets_is_a_world_to_rehearse_in() {
    let own = Directory::new();
    let world = own.file(
        "own.toml",
        "[[load_balancer]]\nname = \"front\"\n[[service]]\nname = \"glt\"\n\
         [[listener]]\nproduct = \"loki\"\nport = 3100\n\
         [[fleet]]\nstack = \"amber-7\"\nnodes = 4\nweight = 100\n\
         [[fleet]]\nstack = \"ivory-8\"\nnodes = 4\nweight = 0\n",
    );
    let file = own.path().join("own.recording").display().to_string();
    let both = |seen: &Seen| {
        row(seen, "▶ amber-7").starts_with("amber-7 ◆ LIVE ████ 100% 4/4 4 4/4")
            && row(seen, "  ivory-8").starts_with("ivory-8 ◇ STANDBY ░░░░ 0% 4/4 4 4/4")
    };
    let mut first = Demo::start(&["--world", &world, "--record", &file], &[]);
    first.terminal.wait("the fleets", both);
    first.terminal.press("q");
    assert_eq!(first.terminal.end().exit_code(), 0);
    std::fs::remove_file(&world).unwrap();
    let mut again = Demo::start(&["--world", &file, "--operate"], &[]);
    again.terminal.wait("the same fleets", both);
    again.terminal.press("c");
    again.terminal.wait_for("amber-7 to ivory-8");
    again.terminal.wait_for("not armed");
    again.terminal.press("\x1b");
    again.terminal.wait("the fleets again", both);
    again.terminal.press("q");
    assert_eq!(again.terminal.end().exit_code(), 0);
    // One byte of it changed: no world is made of what nobody recorded.
    let mut bytes = std::fs::read(&file).unwrap();
    let half = bytes.len() / 2;
    bytes[half] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let mut broken = Demo::start(&["--world", &file], &[]);
    broken.terminal.wait_for("is not as it was written");
    assert_eq!(broken.terminal.end().exit_code(), 1);
}

#[test]
fn however_the_console_ends_the_world_ends_too() {
    for (signal, code) in
        [(Signal::HUP, Some(130)), (Signal::TERM, Some(130)), (Signal::KILL, None)]
    {
        let mut demo = Demo::start(&[], &[]);
        demo.fills();
        let world = demo.world();
        demo.terminal.signal(signal);
        let status = demo.terminal.end();
        if let Some(code) = code {
            assert_eq!(status.exit_code(), code, "{signal:?}");
        }
        assert!(!status.success(), "{signal:?}");
        demo.leaves_nothing(world.id);
    }
}

#[test]
fn a_stopped_console_keeps_its_world() {
    let mut shell = CommandBuilder::new("/bin/sh");
    shell.arg("-i");
    let mut demo = Demo::open(shell, &[("PS1", "ready> ")]);
    demo.terminal.wait_for("ready>");
    demo.terminal.press(&format!("{BINARY} demo\n"));
    demo.fills();
    let console = child_of(demo.id(), "--state-dir").unwrap();
    let world = world_of(console.id).unwrap();
    demo.terminal.press("\x1a");
    demo.terminal.wait("the shell again", |seen| {
        !seen.screen.screen().alternate_screen() && holds(seen, "Stopped")
    });
    assert!(stopped(console.id));
    assert!(runs(world.id) && !stopped(world.id));
    demo.terminal.press("fg\n");
    demo.terminal
        .wait("the console again", |seen| seen.screen.screen().alternate_screen() && is_full(seen));
    demo.terminal.press("q");
    demo.leaves_nothing(world.id);
    // The third prompt: before it, the console may still be the one who reads the keys.
    demo.terminal.wait("the shell at last", |seen| {
        seen.screen.screen().contents().matches("ready>").count() == 3
    });
    demo.terminal.press("exit\n");
    assert_eq!(demo.terminal.end().exit_code(), 0);
}

#[test]
fn nothing_of_the_operators_own_environment_leaks_in() {
    let home = Directory::new();
    let folder = home.path().join(".config/quarterdeck");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::create_dir_all(home.path().join(".aws")).unwrap();
    home.file(
        ".config/quarterdeck/config.toml",
        "context = \"shop\"\n[contexts.shop]\nproduction = true\nregion = \"eu-central-1\"\n",
    );
    home.file(
        ".aws/config",
        "[default]\nregion = eu-central-1\nendpoint_url = http://127.0.0.1:9\ncredential_process = /nonexistent\n",
    );
    let aws = home.path().join(".aws/config").display().to_string();
    let mut demo = Demo::start(
        &[],
        &[
            ("HOME", &home.path().display().to_string()),
            ("AWS_PROFILE", "nonsense"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_CONFIG_FILE", &aws),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
            ("AWS_ENDPOINT_URL_AUTO_SCALING", "http://127.0.0.1:9"),
            ("AWS_ACCESS_KEY_ID", "AKIAOPERATOR"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
            ("AWS_USE_FIPS_ENDPOINT", "true"),
            ("QUARTERDECK_CONFIG", "/nonexistent/config.toml"),
            ("HTTP_PROXY", "http://127.0.0.1:9"),
            ("http_proxy", "http://127.0.0.1:9"),
            ("HTTPS_PROXY", "http://127.0.0.1:9"),
        ],
    );
    demo.fills();
    demo.terminal.wait("no context", |seen| !holds(seen, "shop") && !holds(seen, "PRODUCTION"));
    demo.terminal.press("q");
    assert_eq!(demo.terminal.end().exit_code(), 0);
    assert_eq!(home.names().len(), 2, "the demo writes nothing at home");
}

/// Sixty times as fast, what happens in the third minute is seen in seconds; and the console keeps
/// up, although its calls are bounded by real time.
#[test]
fn a_fast_world_is_seen_as_it_goes() {
    let demo = Demo::start(&["--world", "weights-reverted", "--speed", "60"], &[]);
    demo.terminal.wait("the weights' way back", |seen| {
        row(seen, "blue-412").contains("◆ LIVE ████ 100% 3/3 3 3/3 3/3")
            && row(seen, "green-413").contains("◇ STANDBY ░░░░ 0% 3/3 3 3/3 3/3")
    });
    demo.took("the third minute's event at speed 60");
    // Ten more minutes of the world.
    let ten = Clock::real();
    while ten.real_elapsed().as_secs() < 10 {
        demo.terminal.wait("nothing stale", |seen| {
            !holds(seen, "STALE") && !row(seen, "blue-412").contains('?')
        });
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
fn a_big_world_comes_up_and_answers_keys() {
    let mut demo = Demo::start(&["--fleets", "20", "--nodes", "500"], &[]);
    demo.terminal.wait("twenty fleets", |seen| holds(seen, "─ Fleets 1-11 of 20 ─"));
    demo.took("twenty fleets");
    let asked = Clock::real();
    demo.terminal.press("?");
    demo.terminal.wait_for("Keys on fleets");
    say(&format!("a key answered after {} ms", asked.real_elapsed().as_millis()));
    demo.terminal.press("\x1b");
    demo.terminal.wait("eleven rows with every column", |seen| {
        (1..=10).all(|pair| {
            let row = row(seen, &format!("blue-{pair:03}"));
            row == format!("blue-{pair:03} ◆ LIVE ████ 100% 25/25 25 25/25 25/25 –")
        }) && row(seen, "green-001") == "green-001 ◇ STANDBY ░░░░ 0% 25/25 25 25/25 25/25 –"
    });
    demo.took("eleven rows with every column");
    let world = demo.world();
    say(&format!("its world: {} KiB resident", world.resident));
    demo.terminal.press("q");
    assert_eq!(demo.terminal.end().exit_code(), 0);
    demo.leaves_nothing(world.id);
}

#[test]
fn the_list_names_every_world_for_people_and_for_programs() {
    let cli = Cli::program(BINARY);
    let table = cli.run(&["demo", "--list"]);
    assert_eq!((table.code, table.stderr.as_str()), (Some(0), ""));
    let document = cli.run(&["demo", "--list", "-o", "json"]);
    assert_eq!((document.code, document.stderr.as_str()), (Some(0), ""));
    let worlds = document.json();
    let worlds = worlds.as_array().unwrap();
    assert!(worlds.len() >= 30, "{}", worlds.len());
    assert_eq!(table.stdout.matches("    wrong:  ").count(), worlds.len());
    for world in worlds {
        for key in ["name", "title", "wrong", "solved"] {
            let said = world[key].as_str().filter(|said| !said.is_empty());
            assert!(said.is_some_and(|said| table.stdout.contains(said)), "{key} of {world}");
        }
    }
    assert!(worlds.iter().any(|world| world["name"] == "boot-race"));
}

/// What the world cannot be made of is said on the terminal, with the world's own exit code; and
/// nothing is left.
#[test]
fn what_no_demo_can_be_made_of_is_said_and_leaves_nothing() {
    for (args, says) in [
        (&["--world", "blue-gren"][..], "did you mean `blue-green`?"),
        (&["--fleets", "0"], "between 1 and 200 fleets"),
        (&["--speed", "-1"], "0 to 100000, not -1"),
        (&["--world", "attach", "--nodes", "9"], "--nodes"),
    ] {
        let mut demo = Demo::start(args, &[]);
        assert_eq!(demo.terminal.end().exit_code(), 2, "{args:?}");
        demo.terminal.wait("the reason", |seen| seen.ended);
        let seen = demo.terminal.seen.0.lock().unwrap();
        // The lines wrap on the terminal.
        let said = String::from_utf8_lossy(&seen.bytes).replace("\r\n", "\n");
        assert!(said.contains(says), "{args:?}: {said}");
        assert!(!said.contains("\x1b[?1049h"), "{args:?}: the console came up");
        assert!(demo.scratch.names().is_empty(), "{args:?}: {:?}", demo.scratch.names());
    }
    // Where there is no terminal, there is no demo, and no world is started for it.
    let outcome = Cli::program(BINARY).run(&["demo"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    assert!(outcome.stderr.contains("is not a terminal"), "{outcome:#?}");
}

#[test]
fn a_thousand_members_fit_a_small_process() {
    let demo = Demo::start(&["--world", "thousand-members"], &[]);
    demo.terminal.wait("both fleets", |seen| {
        holds(seen, "Fleets 2") && row(seen, "blue-412").contains("500/500")
    });
    demo.took("a thousand members");
    let resident = demo.world().resident;
    say(&format!("the world of a thousand: {resident} KiB resident"));
}
