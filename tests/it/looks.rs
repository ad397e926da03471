//! Keymaps, themes and the captive shell, through the real binary: what an operator chooses, what is
//! said of mistakes, and what an ssh client may and may not have run.

use crate::bench::big::BigWorld;
use crate::bench::cli::{Cli, Outcome};
use crate::bench::proxy::Proxy;
use crate::bench::terminal::{Terminal, environment, holds};
use portable_pty::CommandBuilder;
use std::path::Path;

const BINARY: &str = env!("CARGO_BIN_EXE_quarterdeck");

/// The program with a configuration directory of its own, which holds these files.
fn cli(files: &[(&str, &str)]) -> Cli {
    let cli = Cli::program(BINARY);
    let home = cli.dir().join(".config/quarterdeck");
    std::fs::create_dir_all(&home).unwrap();
    for (name, text) in files {
        std::fs::write(home.join(name), text).unwrap();
    }
    cli
}

fn has(outcome: &Outcome, code: i32, parts: &[&str]) {
    assert_eq!(outcome.code, Some(code), "{outcome:#?}");
    for part in parts {
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains(part), "{part:?} is not in {outcome:#?}");
    }
}

#[test]
fn keys_prints_what_is_in_force_and_where_it_comes_from() {
    let cli = cli(&[
        ("config.toml", "keymap = \"vim\"\n"),
        ("keymap.toml", "[global]\n\"x\" = \"quit\"\n\"T\" = false\n"),
    ]);
    let text = cli.run(&["keys"]);
    has(&text, 0, &["# keymap: vim, over it ", "keymap.toml:2", "Leave the console."]);
    assert_eq!(text.stderr, "");
    let json = cli.run(&["keys", "--json"]).json();
    assert_eq!(json, cli.run(&["keys", "-o", "json"]).json());
    assert_eq!(
        (json["schema"].as_str(), json["keymap"].as_str()),
        (Some("quarterdeck/v1"), Some("vim"))
    );
    let keys = json["keys"].as_array().unwrap();
    let from = |context: &str, keys_: &str| {
        let found = keys.iter().find(|one| one["context"] == context && one["keys"] == keys_);
        found.map(|one| (one["command"].as_str().unwrap(), one["from"].as_str().unwrap()))
    };
    assert_eq!(from("global", "q"), Some(("quit", "default")));
    assert_eq!(from("global", "g t"), Some(("traffic", "vim")));
    assert_eq!(from("global", "T"), None);
    let (command, own) = from("global", "x").unwrap();
    assert!(command == "quit" && own.ends_with("keymap.toml"), "{command} {own}");
    let emacs = cli.run(&["keys", "--keymap", "emacs", "--json"]).json();
    assert_eq!(emacs["keymap"], "emacs");
}

#[test]
fn keys_check_tells_every_mistake_by_its_line() {
    let cli = cli(&[]);
    let file = cli.dir().join("own.toml");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        cli.run(&["keys", "check", "own.toml"])
    };
    has(
        &check("[global]\nx = \"quit\"\nT = false\n"),
        0,
        &["own.toml: ok, over the keymap default"],
    );
    let text = "[global]\nx = \"qiut\"\n\n[lisst]\nj = \"down\"\n\n[list]\n\"z\" = \"first\"\n\"z z\" = \"last\"\n\n\
                [run]\na = \"abort\"\n\n[review]\na = \"approve\"\n\n[fleets]\ng = \"open\"\n";
    let wrong = check(text);
    has(
        &wrong,
        2,
        &[
            "error: failed to take all of the keymap own.toml",
            "own.toml:2: [global] \"x\": there is no command \"qiut\" (did you mean \"quit\"?)",
            "own.toml:4: [lisst]: there is no context \"lisst\" (did you mean \"list\"?)",
            "own.toml:9: [list] \"z z\": z at own.toml:8 and z z clash",
            "own.toml:12: [run] \"a\": abort may not stand on one key",
            "own.toml:15: [review] \"a\": no key approves a plan",
            "own.toml:18: [fleets] \"g\": it shadows g g (first) of [list], from default:",
            "next: Correct these lines; the rest of the file holds.",
        ],
    );
    assert_eq!(wrong.stdout, "");
    has(&check("[global\n"), 2, &["own.toml:1: it is no TOML"]);
    has(
        &cli.run(&["keys", "check", "nothing.toml"]),
        2,
        &["nothing.toml: it cannot be read (No such"],
    );
    // Every keymap that comes with the program is a file that passes.
    let keymaps = Path::new(env!("CARGO_MANIFEST_DIR")).join("keymaps");
    for name in ["default", "vim", "emacs", "minimal"] {
        let path = keymaps.join(format!("{name}.toml")).display().to_string();
        has(&cli.run(&["keys", "check", &path]), 0, &["ok"]);
    }
}

#[test]
fn config_check_asks_for_the_keymap_and_the_theme_too() {
    let cli = cli(&[("theme.toml", "wran = \"red\"\n")]);
    std::fs::write(cli.dir().join("c.toml"), "keymap = \"vin\"\n").unwrap();
    has(
        &cli.run(&["config", "check", "c.toml"]),
        2,
        &[
            "there is no keymap \"vin\" (did you mean \"vim\"?)",
            "there is no tone \"wran\" (did you mean \"warn\"?)",
        ],
    );
}

/// The console where nothing answers, with a home of its own.
fn console(cli: &Cli, args: &[&str], env: &[(&str, &str)]) -> Terminal {
    let mut command = CommandBuilder::new(BINARY);
    command.args(["--endpoint-url", "http://127.0.0.1:9", "--region", "us-west-2"]);
    command.args(args);
    environment(&mut command, "xterm-256color");
    command.env("HOME", cli.dir());
    for (name, value) in env {
        command.env(name, value);
    }
    Terminal::open(command)
}

#[test]
fn a_keymap_and_a_theme_with_mistakes_are_said_and_the_console_goes_on() {
    let cli = cli(&[
        ("keymap.toml", "[global]\n\"x\" = \"help\"\n\"w\" = \"hepl\"\n"),
        ("theme.toml", "bad = \"yelow\"\n"),
    ]);
    let mut terminal = console(&cli, &["--keymap", "vim"], &[]);
    terminal.wait_for("there is no command \"hepl\"");
    // The binding beside the mistake holds, and so does the keymap below it.
    terminal.press("x");
    terminal.wait_for("Keys on fleets");
    terminal.press("h");
    terminal.wait("the help gone", |seen| !holds(seen, "Keys on fleets"));
    terminal.press("m");
    terminal.wait_for("theme.toml:1: bad keeps its style: \"yelow\" is no colour");
    terminal.press("hgs");
    terminal.wait_for("Sources");
    terminal.press("ZZ");
    assert_eq!(terminal.end().exit_code(), 0);
    terminal.is_restored();
}

#[test]
fn a_theme_is_chosen_by_the_palette_and_no_color_wins() {
    for (args, env, keys, colored) in [
        (
            &["--theme", "true-colour"][..],
            &[("COLORTERM", "truecolor")][..],
            "",
            Some("38;2;220;60;50m"),
        ),
        (&[], &[("COLORTERM", "truecolor")], ":theme true-colour\r", Some("38;2;220;60;50m")),
        (&["--theme", "high-contrast"], &[], "", Some("41m")),
        (&["--theme", "greyscale"], &[], "", None),
        (&["--theme", "true-colour"], &[("COLORTERM", "truecolor"), ("NO_COLOR", "1")], "", None),
        (&[], &[("NO_COLOR", "1")], ":theme high-contrast\r", None),
    ] {
        let cli = cli(&[]);
        let mut terminal = console(&cli, args, env);
        terminal.wait_for("UNREACHABLE");
        if !keys.is_empty() {
            terminal.press(keys);
            terminal.wait_for("The theme is ");
        }
        terminal.press("q");
        assert_eq!(terminal.end().exit_code(), 0);
        let seen = terminal.seen.0.lock().unwrap();
        let text = String::from_utf8_lossy(&seen.bytes);
        let codes: Vec<&str> = text
            .split("\x1b[")
            .filter_map(|part| part.split_once('m'))
            .map(|(code, _)| code)
            .collect();
        let any = codes.iter().any(|code| {
            code.split(';')
                .any(|part| matches!(part, "31" | "33" | "35" | "36" | "38" | "41" | "48"))
        });
        assert_eq!(any, colored.is_some(), "{args:?} {env:?}: {codes:?}");
        if let Some(colored) = colored {
            assert!(text.contains(colored), "{args:?}: {colored} is not in {codes:?}");
        }
    }
}

#[test]
fn a_captive_client_reads_and_can_do_nothing_else() {
    let proxy = Proxy::before(BigWorld::new(6));
    let endpoint = proxy.endpoint();
    let own = ["captive", "--no-probes", "--operate", "--endpoint-url", &endpoint];
    let asked = |line: &str| {
        let cli = cli(&[]).env("SSH_ORIGINAL_COMMAND", line);
        let outcome = cli.run(&own);
        let touched = cli.dir().join("touched").exists();
        assert!(!touched, "{line}: a shell has run");
        outcome
    };
    let fleets = asked("fleets -o json");
    assert_eq!(fleets.code, Some(0), "{fleets:#?}");
    assert_eq!(fleets.json()["fleets"].as_array().unwrap().len(), 2);
    has(&asked("quarterdeck nodes 'blue'"), 0, &["INSTANCE"]);
    has(&asked("keys"), 0, &["# keymap: default"]);
    has(&asked("--help"), 0, &["Usage: quarterdeck"]);
    for line in ["drain i-0 --execute --confirm blue", "repair blue --operate --execute"] {
        has(&asked(line), 7, &["could change something", "next: Run one of fleets, nodes"]);
    }
    for line in [
        "touch touched",
        "fleets; touch touched",
        "fleets && touch touched",
        "$(touch touched)",
        "`touch touched`",
        "sh -c 'touch touched'",
        "fleets --log touched",
        "fleets --state-dir touched",
        "keys check touched",
        "captive",
    ] {
        has(&asked(line), 2, &["error: failed to run this: here only what reads is run"]);
    }
    // Nothing was sent, no terminal: the console has nowhere to be.
    has(&cli(&[]).run(&own), 2, &["failed to open the console"]);
}

#[test]
fn a_captive_console_is_read_only_whatever_its_configuration_says() {
    let cli = cli(&[("config.toml", "context = \"prod\"\n[contexts.prod]\nmode = \"operate\"\n")]);
    for line in [None, Some(""), Some("quarterdeck")] {
        let mut command = CommandBuilder::new(BINARY);
        command.args([
            "captive",
            "--operate",
            "--endpoint-url",
            "http://127.0.0.1:9",
            "--region",
            "us-west-2",
        ]);
        environment(&mut command, "xterm-256color");
        command.env("HOME", cli.dir());
        if let Some(line) = line {
            command.env("SSH_ORIGINAL_COMMAND", line);
        }
        let mut terminal = Terminal::open(command);
        terminal.wait_for("READ-ONLY");
        terminal.press("A");
        terminal.wait_for("This console is read-only.");
        terminal.press("q");
        assert_eq!(terminal.end().exit_code(), 0);
        terminal.is_restored();
    }
}
