//! Seeds of what may happen to runs: half of them always the same, half from the commit that is
//! tested, so that every commit is tried with others. What fails says its seed;
//! `cargo run --features torture -- torture --seed N --trace` plays it again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use quarterdeck::torture::{Play, play};
use std::process::Command;

/// So many seeds of each half.
const SEEDS: u64 = 12;

fn hold(from: u64) {
    let seeds = from..from + SEEDS;
    println!("seeds {seeds:?}");
    let broken = seeds.flat_map(|seed| {
        let report = play(Play { seed, hosts: 3, hours: 6 }).unwrap();
        report.broken.into_iter().map(move |why| format!("seed {seed}: {why}"))
    });
    let broken: Vec<String> = broken.collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn what_must_hold_holds_for_the_fixed_seeds() {
    hold(1);
}

#[test]
fn what_must_hold_holds_for_the_seeds_of_this_commit() {
    let told = Command::new("git").args(["rev-parse", "--short=7", "HEAD"]).output().unwrap();
    let text = String::from_utf8(told.stdout).unwrap();
    hold(u64::from_str_radix(text.trim(), 16).unwrap_or(1_000));
}

#[test]
fn a_seed_is_the_same_to_the_byte_in_two_processes() {
    let played = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quarterdeck"));
        command.args(["torture", "--seed", "3", "--trace"]);
        command.output().unwrap().stdout
    };
    let first = played();
    assert!(first.len() > 10_000, "{} bytes", first.len());
    assert!(first == played(), "two processes tell the same seed differently");
}
