//! The console as its operator meets it, in a terminal: from the start to the first frame, from a
//! key to the bytes of its frame while every AWS call hangs, and memory. Two fleets of three, and
//! twenty fleets of 500 nodes each; worlds of the embedded AWS, in a process of their own. Results stand
//! in `benches/README.md`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench that cannot go on should say where, and its result is what it prints"
)]

use bench::terminal::{Seen, Terminal, environment, holds, size};
use portable_pty::CommandBuilder;
use quarterdeck::clock::Clock;
use served::{BINARY, Directory, World};
use std::process::Stdio;
use std::time::Duration;

#[path = "../tests/it/bench/mod.rs"]
#[expect(dead_code, reason = "the tests need more of it than the bench")]
mod bench;
#[path = "../tests/it/served.rs"]
#[expect(dead_code, reason = "the tests need more of it than the bench")]
mod served;
#[path = "../tests/it/sim_harness.rs"]
#[expect(dead_code, reason = "the tests need more of it than the bench")]
mod sim_harness;

/// The end of a frame.
const END: &[u8] = b"\x1b[?2026l";
/// Enough for a 99th percentile.
const KEYS: usize = 300;
/// Keys come at the pace of a hand, so that none waits for the frame before.
const BETWEEN: Duration = Duration::from_millis(120);
const STARTS: usize = 50;
/// Until then the connections that were open are used up and the first calls have hung.
const HUNG: Duration = Duration::from_secs(15);
/// Memory is looked at when it has stopped to grow.
const SETTLED: Duration = Duration::from_secs(45);

fn main() {
    // `cargo test --benches` only wants to see it run.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    starts();
    world("two fleets of three", &[], "Fleets 2", 3);
    world("twenty fleets of 500", &["--fleets", "20", "--nodes", "10000"], "Fleets ", 500);
}

/// From exec to the end of the first frame, before any answer.
fn starts() {
    let clock = Clock::real();
    let mut all = Vec::new();
    for _ in 0..STARTS {
        let mut command = CommandBuilder::new(BINARY);
        command.args(["--endpoint-url", "http://127.0.0.1:9", "--region", "us-west-2"]);
        environment(&mut command, "xterm-256color");
        let began = clock.real_elapsed();
        let mut terminal = Terminal::open(command);
        terminal.wait("the first frame", |seen| ends(seen, 0));
        all.push(clock.real_elapsed().saturating_sub(began));
        terminal.press("q");
        terminal.end();
    }
    say("exec to first frame", &mut all);
}

fn ends(seen: &Seen, from: usize) -> bool {
    seen.bytes[from..].windows(END.len()).any(|window| window == END)
}

fn world(name: &str, args: &[&str], fleets: &str, nodes: u32) {
    let world = World::start(args, Stdio::null());
    let scratch = Directory::new();
    let config = scratch.file("config.toml", &world.probes());
    let mut command = CommandBuilder::new(BINARY);
    command.args(["--endpoint-url", world.endpoint(), "--region", "us-west-2"]);
    command.args(["--config", &config]);
    command.arg("--state-dir");
    command.arg(scratch.path());
    environment(&mut command, "xterm-256color");
    let mut terminal = Terminal::open_sized(command, size(200, 60));
    // Not all of it: at this size the probes take their time, and columns cut what is long.
    let full = format!("{nodes}/");
    terminal.wait("every fleet with its nodes and targets", |seen| {
        let rows = bench::terminal::rows(seen);
        let is_full = |row: &&String| row.matches(&full).count() >= 4;
        holds(seen, fleets)
            && rows.iter().filter(is_full).count() >= if nodes == 3 { 2 } else { 20 }
    });
    let id = terminal.child.process_id().unwrap();
    std::thread::sleep(SETTLED);
    println!("{name}: {}", memory(id));
    keys(&format!("{name}, key to frame, all well"), &mut terminal);
    world.inject("[[fault]]\ncall = \"*\"\nkind = \"hang\"\n");
    std::thread::sleep(HUNG);
    keys(&format!("{name}, key to frame, every call hangs"), &mut terminal);
    terminal.press("\r");
    std::thread::sleep(Duration::from_secs(1));
    keys(&format!("{name}, key to frame on nodes, every call hangs"), &mut terminal);
    println!("{name}: {}", memory(id));
    terminal.press("\x03");
    assert_eq!(terminal.end().exit_code(), 0);
}

/// From a key to the end of the frame that answers it.
fn keys(what: &str, terminal: &mut Terminal) {
    let clock = Clock::real();
    let mut all = Vec::new();
    for number in 0..KEYS {
        std::thread::sleep(BETWEEN);
        let before = terminal.seen.0.lock().unwrap().bytes.len();
        let began = clock.real_elapsed();
        terminal.press(if number % 2 == 0 { "j" } else { "k" });
        terminal.wait("the frame", |seen| ends(seen, before));
        all.push(clock.real_elapsed().saturating_sub(began));
    }
    say(what, &mut all);
}

fn say(what: &str, all: &mut [Duration]) {
    all.sort_unstable();
    let at =
        |percent: usize| all[(all.len() * percent / 100).min(all.len() - 1)].as_secs_f64() * 1e3;
    println!("{what}: p50 {:.2} ms, p99 {:.2} ms, worst {:.2} ms", at(50), at(99), at(100));
}

/// Resident and private memory, where the kernel says so.
fn memory(id: u32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok());
        kib.unwrap_or_default() / 1024.0
    };
    format!("resident {:.1} MB, private {:.1} MB", of("VmRSS"), of("RssAnon"))
}
