//! The console on a real terminal: the binary in a pty, on an endpoint where nothing listens. It
//! must come up, say so, answer keys, and end clean on every path.

use crate::bench::big::BigWorld;
use crate::bench::proxy::Proxy;
use crate::bench::terminal::{Terminal, end, environment, holds, size};
use crate::served::until;
use portable_pty::CommandBuilder;
use rustix::process::Signal;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::atomic::Ordering;

const BINARY: &str = env!("CARGO_BIN_EXE_quarterdeck");

/// The console on an endpoint where nothing listens (port 9 of the loopback).
fn console(term: &str) -> CommandBuilder {
    let mut command = CommandBuilder::new(BINARY);
    command.args(["--endpoint-url", "http://127.0.0.1:9", "--region", "us-west-2"]);
    environment(&mut command, term);
    command
}

#[test]
fn it_comes_up_says_unreachable_answers_keys_and_quits() {
    let mut terminal = Terminal::open(console("xterm-256color"));
    terminal.wait_for("READ-ONLY");
    terminal.wait_for("UNREACHABLE");
    terminal.press("?");
    terminal.wait_for("Keys on fleets");
    terminal.press("\x1b");
    terminal.wait("the help gone", |seen| !holds(seen, "Keys on fleets"));
    terminal.press("q");
    assert_eq!(terminal.end().exit_code(), 0);
    terminal.is_restored();
}

/// On a busy host the keys come first.
#[test]
fn what_reads_and_records_gives_way_to_the_keys() {
    let mut terminal = Terminal::open(console("xterm-256color"));
    terminal.wait_for("Fleets");
    let process = terminal.child.process_id().unwrap();
    let nice = |thread: &str| -> Vec<i32> {
        let all = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
        let read = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        let all = all.map(|one| one.unwrap().path());
        let named = all.filter(|one| read(one.join("comm")).trim() == thread);
        // The 19th field of all; the name before may hold blanks, and ends the second.
        let stats = named.map(|one| read(one.join("stat")));
        stats
            .filter_map(|stat| stat.rsplit_once(')')?.1.split_whitespace().nth(16)?.parse().ok())
            .collect()
    };
    let [own] = nice("quarterdeck")[..] else { panic!("one loop") };
    let nicer = [(own + 5).min(19)];
    until("the threads", || nice("pollers") == nicer && nice("recorder") == nicer);
    assert_eq!(nice("frames"), [own], "the writer");
    terminal.press("q");
    assert_eq!(terminal.end().exit_code(), 0);
}

#[test]
fn the_keyboard_and_every_signal_end_it_clean() {
    for (signal, code) in
        [(None, 0), (Some(Signal::INT), 130), (Some(Signal::TERM), 130), (Some(Signal::HUP), 130)]
    {
        let mut terminal = Terminal::open(console("tmux-256color"));
        // The signals are watched from before the first news on.
        terminal.wait_for("UNREACHABLE");
        match signal {
            None => terminal.press("\x03"),
            Some(signal) => terminal.signal(signal),
        }
        assert_eq!(terminal.end().exit_code(), code, "{signal:?}");
        terminal.is_restored();
    }
}

#[test]
fn a_vanished_terminal_leaves_no_process() {
    // Without a controlling terminal there is no SIGHUP: only the terminal itself tells.
    for (hung_up_by_signal, burst) in [(true, 0), (false, 0), (true, 4000), (false, 4000)] {
        let mut command = console("xterm");
        command.set_controlling_tty(hung_up_by_signal);
        let terminal = Terminal::open_until(command, "UNREACHABLE");
        terminal.wait("the reader gone", |seen| seen.ended);
        // Every way to the master closes: that is the hang-up. Before it, keys that nobody has read
        // yet (crossterm#793 is worst with them); no more than the pty keeps.
        let Terminal { mut child, master, mut keys, .. } = terminal;
        keys.write_all("j".repeat(burst).as_bytes()).unwrap();
        drop((keys, master));
        assert_eq!(end(&mut child).exit_code(), 130, "{hung_up_by_signal} {burst}");
    }
}

#[test]
fn a_resize_storm_ends_in_a_whole_screen() {
    let mut terminal = Terminal::open(console("xterm-256color"));
    terminal.wait_for("UNREACHABLE");
    for round in 0..300u16 {
        terminal.master.resize(size(1 + round * 7 % 200, 1 + round * 3 % 70)).unwrap();
    }
    terminal.resize(100, 30);
    terminal.press("\x0c?");
    terminal.wait_for("Keys on fleets");
    terminal.press("\x1b");
    terminal.wait("the whole screen", |seen| {
        let rows: Vec<_> = seen.screen.screen().rows(0, 100).collect();
        rows[0].contains("READ-ONLY") && rows[29].contains("? help")
    });
    terminal.press("q");
    assert_eq!(terminal.end().exit_code(), 0);
    terminal.is_restored();
}

#[test]
fn bursts_and_pastes_lose_nothing_that_matters() {
    let mut terminal = Terminal::open(console("xterm-256color"));
    terminal.wait_for("UNREACHABLE");
    // More than crossterm reads at a time, and an end that must still be heard.
    terminal.press(&"\x1b[B".repeat(2000));
    terminal.press("?");
    terminal.wait_for("Keys on fleets");
    terminal.press("\x1b");
    terminal.wait("the help gone", |seen| !holds(seen, "Keys on fleets"));
    // A megabyte of keys that would all end it, if they were keys.
    terminal.press(&format!("\x1b[200~{}\x1b[201~", "q\x03".repeat(512 * 1024)));
    terminal.wait_for("no text field");
    terminal.press("q");
    assert_eq!(terminal.end().exit_code(), 0);
    terminal.is_restored();
}

#[test]
fn every_terminal_is_drawn_on() {
    for term in ["xterm-256color", "tmux-256color", "linux", "vt100", "unknown-term", ""] {
        let mut terminal = Terminal::open(console(term));
        terminal.wait_for("UNREACHABLE");
        terminal.press("?");
        terminal.wait_for("Keys on fleets");
        terminal.press("\x03");
        assert_eq!(terminal.end().exit_code(), 0, "{term:?}");
        terminal.is_restored();
    }
}

#[test]
fn a_locale_of_ascii_gets_ascii_and_no_color_no_colour() {
    for (name, value, ascii, color) in [
        ("LANG", "C", true, true),
        ("LC_ALL", "POSIX", true, true),
        ("LC_ALL", "en_US.UTF-8", false, true),
        ("NO_COLOR", "1", false, false),
    ] {
        let mut command = console("xterm-256color");
        command.env(name, value);
        let mut terminal = Terminal::open(command);
        terminal.wait_for("UNREACHABLE");
        terminal.press("q");
        assert_eq!(terminal.end().exit_code(), 0);
        terminal.is_restored();
        let seen = terminal.seen.0.lock().unwrap();
        let text = String::from_utf8_lossy(&seen.bytes);
        assert_eq!(text.is_ascii(), ascii, "{name}={value}: {text}");
        // A failed source is bold, and red where there is colour.
        let red = ["\x1b[1;31m", "\x1b[;1;31m", "\x1b[31m"].iter().any(|one| text.contains(one));
        assert_eq!(red, color, "{name}={value}: {text}");
    }
}

#[test]
fn a_window_of_one_cell_is_survived_and_grows_back() {
    let mut terminal = Terminal::open(console("xterm-256color"));
    terminal.wait_for("UNREACHABLE");
    for (columns, rows) in [(1, 1), (1, 24), (80, 1), (2, 2), (1, 1)] {
        let before = terminal.seen.0.lock().unwrap().bytes.len();
        terminal.resize(columns, rows);
        terminal.press("j?\x1b");
        terminal.wait("a frame of this size", |seen| seen.bytes.len() > before);
    }
    terminal.resize(80, 24);
    terminal.wait("the whole screen", |seen| {
        let rows: Vec<_> = seen.screen.screen().rows(0, 80).collect();
        rows[0].contains("READ-ONLY") && !rows[23].trim().is_empty()
    });
    terminal.press("\x03");
    assert_eq!(terminal.end().exit_code(), 0);
    terminal.is_restored();
}

#[test]
fn a_world_that_empties_under_the_selection_is_said() {
    let world = BigWorld::new(6);
    let empty = world.emptied();
    let proxy = Proxy::before(world);
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("empties-{}", process::id()));
    std::fs::create_dir_all(&scratch).unwrap();
    let config = scratch.join("config.toml");
    let cadence = "[cadence]\ncloudmap = \"1s\"\nautoscaling = \"1s\"\nelbv2 = \"1s\"\n";
    std::fs::write(&config, cadence).unwrap();
    let mut command = CommandBuilder::new(BINARY);
    command.args(["--endpoint-url", &proxy.endpoint(), "--region", "us-west-2", "--no-probes"]);
    command.arg("--config");
    command.arg(config);
    command.arg("--state-dir");
    command.arg(&scratch);
    environment(&mut command, "xterm-256color");
    let mut terminal = Terminal::open(command);
    terminal.wait("two fleets", |seen| holds(seen, "▶ blue") && holds(seen, "  green"));
    terminal.press("j\rj");
    terminal.wait_for("green nodes 3");
    empty.store(true, Ordering::SeqCst);
    terminal.wait_for("is not there any more");
    // Keys for what is no more do nothing worse than that.
    terminal.press("jG\x1b");
    terminal.wait_for("No fleet found");
    terminal.press("jk\r?");
    terminal.wait_for("Keys on fleets");
    terminal.press("\x03");
    assert_eq!(terminal.end().exit_code(), 0);
    terminal.is_restored();
    std::fs::remove_dir_all(scratch).unwrap();
}

#[test]
fn a_shell_gets_the_terminal_back_and_can_resume_the_console() {
    let mut shell = CommandBuilder::new("/bin/sh");
    shell.arg("-i");
    environment(&mut shell, "xterm-256color");
    shell.env("PS1", "ready> ");
    let mut terminal = Terminal::open(shell);
    terminal.wait_for("ready>");
    let command = format!("{BINARY} --endpoint-url http://127.0.0.1:9 --region us-west-2\n");
    terminal.press(&command);
    terminal.wait_for("UNREACHABLE");
    terminal.press("\x1a");
    terminal.wait("the shell again", |seen| {
        !seen.screen.screen().alternate_screen() && holds(seen, "Stopped")
    });
    terminal.press("fg\n");
    terminal.wait("the console again", |seen| {
        seen.screen.screen().alternate_screen() && holds(seen, "? help")
    });
    terminal.press("q");
    // The third prompt: before it, the console may still be the one who reads the keys.
    terminal.wait("the shell at last", |seen| {
        seen.screen.screen().contents().matches("ready>").count() == 3
    });
    terminal.press("exit\n");
    assert_eq!(terminal.end().exit_code(), 0);
}

#[test]
fn where_nobody_could_resume_it_a_console_does_not_stop() {
    // The pty's first process leads the session, as under `ssh -t host quarterdeck`.
    let mut terminal = Terminal::open(console("xterm-256color"));
    terminal.wait_for("UNREACHABLE");
    terminal.press("\x1a");
    terminal.wait_for("Nothing here could resume");
    terminal.press("q");
    assert_eq!(terminal.end().exit_code(), 0);
}

#[test]
fn without_a_terminal_it_says_what_to_use_instead() {
    let output = Command::new(BINARY)
        .args(["--endpoint-url", "http://127.0.0.1:9", "--region", "us-west-2"])
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("standard input is not a terminal"), "{said}");
    assert!(said.contains("quarterdeck fleets"), "{said}");

    let mut terminal = Terminal::open(console("dumb"));
    assert_eq!(terminal.end().exit_code(), 2);
    terminal.wait("a reason", |seen| seen.ended && holds(seen, "TERM is dumb"));
}
