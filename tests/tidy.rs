//! The house rules that no compiler knows: which room may use which (house rules in
//! `ARCHITECTURE.md`), what `core` must not touch, who may name a call that changes the world, and
//! how long a file may be. Each rule is a function from a file to what it breaks, and each is seen
//! to catch a violation below.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "tidy/source.rs"]
mod source;

use source::{Name, Source};
use std::fs;
use std::path::Path;

/// A room, the rooms of ours it may use, and the crates it may use beside [`EVERYWHERE`].
struct Room {
    name: &'static str,
    ours: &'static [&'static str],
    crates: &'static [&'static str],
}

/// Vocabulary: derives, times and ordered maps, without I/O of their own.
const EVERYWHERE: [&str; 8] =
    ["std", "serde", "thiserror", "jiff", "indexmap", "iddqd", "rustc_hash", "strum"];

/// The table of ARCHITECTURE.md. A crate named `x*` stands for every crate beginning with x.
const ROOMS: [Room; 15] = [
    // serde_json turns a rollback record into text and back: no I/O either.
    Room { name: "core", ours: &[], crates: &["serde_json"] },
    // rustix reads the time since boot, which the standard library does not.
    Room { name: "clock", ours: &[], crates: &["tokio", "rustix"] },
    Room { name: "machine", ours: &[], crates: &["tokio", "rustix"] },
    Room {
        name: "config",
        ours: &["core", "machine"],
        crates: &["toml", "serde_path_to_error", "etcetera", "strsim"],
    },
    // quick-xml and serde_json read the documents of errors and of the one EC2 call.
    Room {
        name: "aws",
        ours: &["core", "config", "clock", "machine"],
        crates: &["aws_*", "tokio", "quick_xml", "serde_json", "tracing"],
    },
    // rustix tells the errno of a refused connection; serde_json reads Grafana's health; rustc_hash
    // finds one of tens of thousands of scopes.
    Room {
        name: "sources",
        ours: &["core", "config", "aws", "clock", "machine"],
        crates: &[
            "tokio",
            "aws_*",
            "reqwest",
            "hickory_resolver",
            "governor",
            "quick_xml",
            "serde_json",
            "rustix",
            "rustc_hash",
            "tracing",
        ],
    },
    Room {
        name: "exec",
        ours: &["core", "config", "clock", "aws", "sources", "machine"],
        crates: &["tokio", "aws_*", "rustix", "serde_json", "sha2", "tracing"],
    },
    // hyper itself rather than axum, which has no way to bound the time and size of a request's
    // head; what the node asks over HTTP goes through `sources`.
    Room {
        name: "node",
        ours: &["core", "config", "clock", "aws", "sources"],
        crates: &[
            "hyper",
            "hyper_util",
            "http_body_util",
            "aws_*",
            "tokio",
            "serde_json",
            "tracing",
        ],
    },
    // A keymap is checked and resolved here; its text is read in `tui`.
    Room { name: "app", ours: &["core", "config"], crates: &[] },
    // rustix names the signals that tokio has no names for.
    Room {
        name: "engine",
        ours: &["app", "core", "sources", "exec", "config", "clock", "aws", "machine"],
        // sha2 binds the frames of a recording to each other, lz4_flex packs those in memory.
        crates: &["tokio", "tracing", "serde_json", "rustix", "sha2", "lz4_flex"],
    },
    Room {
        name: "tui",
        ours: &["app", "core", "config", "engine", "clock"],
        crates: &[
            "ratatui",
            "crossterm",
            "crokey",
            "tui_input",
            "nucleo_matcher",
            "unicode_width",
            "rustix",
            "tokio",
            "toml",
        ],
    },
    Room {
        name: "cli",
        ours: &[
            "core", "clock", "config", "aws", "sources", "exec", "node", "app", "engine", "tui",
            "sim", "machine", "torture",
        ],
        crates: &[
            "clap",
            "clap_complete",
            "clap_mangen",
            "anstream",
            "tokio",
            "serde_json",
            "color_eyre",
            "tracing",
            "tracing_appender",
            "tracing_subscriber",
            "unicode_width",
            // What an ssh client asked for, in words.
            "shlex",
            // The demo hands the open end of the world's stdin on to the console it becomes.
            "rustix",
        ],
    },
    Room {
        name: "sim",
        ours: &["core", "clock"],
        crates: &[
            "axum",
            "quick_xml",
            "hickory_proto",
            "form_urlencoded",
            // axum re-exports the trait of a body but not its frame, and an answer that is cut off
            // in the middle needs both.
            "http_body",
            "rustix",
            "tokio",
            "serde_json",
            "toml",
            "serde_path_to_error",
            "strsim",
        ],
    },
    // Plays the product on simulated machines around the embedded world.
    Room {
        name: "torture",
        ours: &["core", "clock", "config", "aws", "sources", "exec", "engine", "machine", "sim"],
        crates: &["tokio"],
    },
    // The binary only starts the command line, with the environment as `config` reads it.
    Room { name: "main", ours: &["cli", "config"], crates: &["color_eyre"] },
];

/// The rooms that may name a call that changes the world.
const CHANGERS: [&str; 2] = ["exec", "node"];

/// Such calls, by the SDK's function names: every operation of Auto Scaling, ELBv2 and Cloud Map that
/// does not begin with describe, get, list or discover, and what EC2 does to instances. Names in full,
/// because verbs alone (`add_`, `set_`) are also ours.
const CHANGES: &str = "
    add_listener_certificates add_tags add_trust_store_revocations attach_instances
    attach_load_balancer_target_groups attach_load_balancers attach_traffic_sources
    batch_delete_scheduled_action batch_put_scheduled_update_group_action
    cancel_instance_refresh complete_lifecycle_action create_auto_scaling_group
    create_http_namespace create_launch_configuration create_listener create_load_balancer
    create_or_update_tags create_private_dns_namespace create_public_dns_namespace create_rule
    create_service create_target_group create_trust_store delete_auto_scaling_group
    delete_launch_configuration delete_lifecycle_hook delete_listener delete_load_balancer
    delete_namespace delete_notification_configuration delete_policy delete_rule
    delete_scheduled_action delete_service delete_service_attributes
    delete_shared_trust_store_association delete_tags delete_target_group delete_trust_store
    delete_warm_pool deregister_instance deregister_targets detach_instances
    detach_load_balancer_target_groups detach_load_balancers detach_traffic_sources
    disable_metrics_collection enable_metrics_collection enter_standby execute_policy
    exit_standby launch_instances modify_capacity_reservation modify_ip_pools modify_listener
    modify_listener_attributes modify_load_balancer_attributes modify_rule modify_target_group
    modify_target_group_attributes modify_trust_store put_account_setting put_lifecycle_hook
    put_notification_configuration put_scaling_policy put_scheduled_update_group_action
    put_warm_pool reboot_instances record_lifecycle_action_heartbeat register_instance
    register_targets remove_listener_certificates remove_tags remove_trust_store_revocations
    resume_processes rollback_instance_refresh run_instances set_desired_capacity
    set_instance_health set_instance_protection set_ip_address_type set_rule_priorities
    set_security_groups set_subnets start_instance_refresh start_instances stop_instances
    suspend_processes tag_resource terminate_instance_in_auto_scaling_group
    terminate_instances untag_resource update_auto_scaling_group update_http_namespace
    update_instance_custom_health_status update_private_dns_namespace
    update_public_dns_namespace update_service update_service_attributes
";

type Broken = Vec<String>;

fn say(source: &Source, line: usize, what: &str) -> String {
    format!("src/{}:{line}: {what}", source.path)
}

fn room(name: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.name == name)
}

/// Every name that is not test code.
fn shipped(source: &Source) -> impl Iterator<Item = &Name> {
    source.names.iter().filter(|name| !name.test)
}

/// Each folder and file at the top of `src` is a room that the table knows.
fn known_room(source: &Source) -> Broken {
    let known = source.room() == "lib" || room(source.room()).is_some();
    if known { vec![] } else { vec![say(source, 1, "this room is not in the table of rooms")] }
}

/// A room uses only the rooms that the table allows. This holds for test code too.
fn walls(source: &Source) -> Broken {
    let Some(room) = room(source.room()) else { return vec![] };
    let forbidden = |used: &&str| {
        *used != room.name && ROOMS.iter().any(|one| one.name == *used) && !room.ours.contains(used)
    };
    let names = source.names.iter();
    names
        .filter_map(|name| Some((name.line, source.room_named(name).filter(forbidden)?)))
        .map(|(line, used)| say(source, line, &format!("{} must not use {used}", room.name)))
        .collect()
}

/// A room uses only the crates that the table allows; test code may use any. `crates` are those
/// that the manifest names.
fn crate_wall(source: &Source, crates: &[String]) -> Broken {
    let Some(room) = room(source.room()) else { return vec![] };
    let allowed = |name: &str| {
        EVERYWHERE.contains(&name)
            || room.crates.iter().any(|one| match one.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => *one == name,
            })
    };
    shipped(source)
        .filter(|name| name.imported || name.segments.len() > 1)
        .filter(|name| crates.iter().any(|one| one == name.first()))
        .filter(|name| !allowed(name.first()))
        .map(|name| say(source, name.line, &format!("{} must not use {}", room.name, name.first())))
        .collect()
}

/// `core` and `app` know no outside world; `core` has no order that changes from run to run.
fn purity(source: &Source) -> Broken {
    const OUTSIDE: [&str; 4] = ["fs", "env", "process", "thread"];
    const SOCKETS: [&str; 4] = ["TcpStream", "TcpListener", "UdpSocket", "ToSocketAddrs"];
    const TIME: [&str; 3] = ["Instant", "SystemTime", "now"];
    const UNORDERED: [&str; 2] = ["HashMap", "HashSet"];
    if !matches!(source.room(), "core" | "app") {
        return vec![];
    }
    let touches = |name: &&Name| {
        let parts: Vec<_> = name.segments.iter().map(String::as_str).collect();
        let std = parts[0] == "std";
        std && parts.get(1).is_some_and(|one| OUTSIDE.contains(one))
            || parts.iter().any(|one| SOCKETS.contains(one))
            || std && parts.contains(&"Instant")
            || parts.contains(&"SystemTime")
            // A variable called `now` is what `core` is given; `Timestamp::now` reads the clock.
            || parts.len() > 1 && TIME.contains(parts.last().unwrap_or(&""))
            || source.room() == "core" && parts.iter().any(|one| UNORDERED.contains(one))
    };
    shipped(source)
        .filter(touches)
        .map(|name| say(source, name.line, &format!("not here: {}", name.segments.join("::"))))
        .collect()
}

/// Whether a room can come by an AWS client at all: by a crate, or through another room of ours.
/// The others (`core`, `app`, the simulated world) may have functions of such names.
fn has_clients(room: &Room) -> bool {
    room.crates.contains(&"aws_*") || ["aws", "sources"].iter().any(|one| room.ours.contains(one))
}

/// Only `exec` and `node` name a call that changes the world, and `node` only its own two.
fn changes(source: &Source) -> Broken {
    if !room(source.room()).is_some_and(has_clients) {
        return vec![];
    }
    let changes = |name: &str| CHANGES.split_whitespace().any(|call| call == name);
    let allowed = |name: &str| match source.room() {
        "node" => matches!(name, "register_instance" | "deregister_instance"),
        room => CHANGERS.contains(&room),
    };
    shipped(source)
        .flat_map(|name| name.segments.iter().map(|segment| (name.line, segment)))
        .filter(|(_, segment)| changes(segment) && !allowed(segment))
        .map(|(line, segment)| say(source, line, &format!("{segment} changes the world")))
        .collect()
}

/// Every file says at its head what lives there.
fn head(source: &Source) -> Broken {
    let said = source.text.starts_with("//! ");
    if said { vec![] } else { vec![say(source, 1, "begins without `//!`")] }
}

/// A file has at most 500 lines, tests apart.
fn length(source: &Source) -> Broken {
    const MOST: usize = 500;
    let lines = source.text.lines().count() - source.test_lines;
    if lines <= MOST { vec![] } else { vec![say(source, lines, "longer than 500 lines")] }
}

/// Lints are expected with a reason, never allowed.
fn no_allow(source: &Source) -> Broken {
    let allows = |name: &&Name| {
        let line = source.text.lines().nth(name.line - 1).unwrap_or_default().trim_start();
        name.segments == ["allow"]
            && (line.starts_with("#[") || line.starts_with("#![") || line.starts_with("allow("))
    };
    let names = source.names.iter().filter(allows);
    names.map(|name| say(source, name.line, "`expect` with a reason, never `allow`")).collect()
}

/// Nothing is left for later in the source, and no path of somebody's machine. For every text file.
/// The words are put together here, so that this file does not hold them.
fn leftovers(path: &str, text: &str) -> Broken {
    let words = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["XX", "X:"],
        ["to", "do!("],
        ["unimple", "mented!("],
        ["/ro", "ot/"],
        ["/wo", "rk/"],
    ]
    .map(|parts| parts.concat());
    text.lines()
        .enumerate()
        .flat_map(|(line, content)| {
            words
                .iter()
                .filter(|word| content.contains(word.as_str()))
                .map(move |word| format!("{path}:{}: `{word}`", line + 1))
        })
        .collect()
}

/// Each keymap is TOML.
fn keymap(path: &str, text: &str) -> Broken {
    text.parse::<toml::Table>().err().map(|error| format!("{path}: {error}")).into_iter().collect()
}

// The rules on the project as it is.

/// Cargo starts tests in the package's folder.
const PROJECT: &str = ".";

/// All files below a folder of the project, as (path in the project, text); none where there is no
/// such folder. What is no text is left out.
fn files(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(PROJECT).join(folder)];
    while let Some(next) = folders.pop() {
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let name = path.strip_prefix(PROJECT).unwrap().to_string_lossy().into_owned();
                found.push((name, text));
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<Source> {
    let rust = files("src").into_iter().filter(|(path, _)| path.ends_with(".rs"));
    let sources = rust.map(|(path, text)| Source::new(path.trim_start_matches("src/"), &text));
    mark_tests(sources.collect())
}

/// Modules that are declared under `#[cfg(test)]`, in files of their own, are test code.
fn mark_tests(mut sources: Vec<Source>) -> Vec<Source> {
    let tests: Vec<_> = sources.iter().flat_map(|source| source.test_files.clone()).collect();
    for source in &mut sources {
        if tests.iter().any(|test| source.module() == test) {
            source.is_test();
        }
    }
    sources
}

/// The crates that the manifest names, as the code writes them.
fn manifest_crates() -> Vec<String> {
    let manifest = fs::read_to_string(Path::new(PROJECT).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    ["dependencies", "dev-dependencies"]
        .iter()
        .filter_map(|table| manifest.get(*table)?.as_table())
        .flat_map(|table| table.keys().map(|name| name.replace('-', "_")))
        .collect()
}

fn assert_tidy(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

/// Runs a rule over all sources.
fn hold(rule: impl Fn(&Source) -> Broken) {
    let sources = sources();
    assert!(sources.len() > 10, "the sources were not found");
    assert_tidy(&sources.iter().flat_map(rule).collect::<Vec<_>>());
}

#[test]
fn every_folder_is_a_known_room() {
    hold(known_room);
}

#[test]
fn rooms_keep_their_walls() {
    hold(walls);
}

#[test]
fn crates_stay_in_their_rooms() {
    let crates = manifest_crates();
    hold(|source| crate_wall(source, &crates));
}

#[test]
fn core_and_app_are_pure() {
    hold(purity);
}

#[test]
fn only_two_rooms_change_the_world() {
    hold(changes);
}

#[test]
fn every_file_says_what_it_is() {
    hold(head);
    let tests = files("tests").into_iter().filter(|(path, _)| path.ends_with(".rs"));
    let broken: Vec<_> = tests.flat_map(|(path, text)| head(&Source::new(&path, &text))).collect();
    assert_tidy(&broken);
}

#[test]
fn files_are_short() {
    hold(length);
}

#[test]
fn nothing_is_allowed() {
    hold(no_allow);
}

#[test]
fn nothing_is_left_over() {
    let folders = ["src", "tests", "keymaps", "benches", "docs", "deploy", "screenshots", ".ci"];
    let all: Vec<_> = folders.iter().flat_map(|folder| files(folder)).collect();
    assert!(all.len() > 20, "the files were not found");
    assert_tidy(&all.iter().flat_map(|(path, text)| leftovers(path, text)).collect::<Vec<_>>());
}

#[test]
fn keymaps_are_toml() {
    let broken: Vec<_> =
        files("keymaps").iter().flat_map(|(path, text)| keymap(path, text)).collect();
    assert_tidy(&broken);
}

// Each rule catches what it is for, and only that.

/// How often a rule says no to a snippet that stands in a file.
fn caught(rule: impl Fn(&Source) -> Broken, path: &str, text: &str) -> usize {
    rule(&Source::new(path, text)).len()
}

#[test]
fn unknown_rooms_are_caught() {
    assert_eq!(caught(known_room, "helpers/mod.rs", ""), 1);
    assert_eq!(caught(known_room, "utils.rs", ""), 1);
    assert_eq!(caught(known_room, "core/finding.rs", "") + caught(known_room, "lib.rs", ""), 0);
}

#[test]
fn breached_walls_are_caught() {
    for (path, text, count) in [
        ("core/ids.rs", "use crate::app::Model;", 1),
        ("core/ids.rs", "use crate::core::error::ErrorKind;", 0),
        ("core/inventory/mod.rs", "use super::super::clock::Clock;", 1),
        ("core/inventory/store.rs", "use super::super::observed::Why;", 0),
        ("core/mod.rs", "use super::clock;", 1),
        ("app/update.rs", "use crate::{core::ids, sources::{poll, pace}};", 2),
        ("tui/view.rs", "fn f() { crate::sources::poll() }", 1),
        ("tui/view.rs", "fn f() { println!(\"crate::sources\") } // crate::sources", 0),
        ("config/file.rs", "#[cfg(test)] mod tests { use crate::tui::draw; }", 1),
        ("main.rs", "fn main() { quarterdeck::aws::call() }", 1),
        ("main.rs", "fn main() { quarterdeck::cli::main() }", 0),
        ("sources/a.rs", "use crate::{aws, clock, config, core};", 0),
    ] {
        assert_eq!(caught(walls, path, text), count, "{path}: {text}");
    }
}

#[test]
fn crates_in_the_wrong_room_are_caught() {
    let crates =
        ["serde", "tokio", "ratatui", "crossterm", "aws_config", "aws_sdk_sts", "proptest"];
    let crates = crates.map(str::to_owned);
    for (path, text, count) in [
        ("core/ids.rs", "use tokio::time;", 1),
        ("core/ids.rs", "use serde::Serialize;", 0),
        ("core/ids.rs", "#[cfg(test)] mod tests { use proptest::prelude::*; }", 0),
        ("app/model.rs", "fn f(c: ratatui::style::Color) {}", 1),
        ("tui/view.rs", "use {ratatui::style::Color, crossterm::event};", 0),
        ("engine/run.rs", "use crossterm::event::KeyEvent;", 1),
        ("engine/run.rs", "fn f(config: &aws_config::SdkConfig) {}", 1),
        ("sources/elb.rs", "use aws_sdk_sts::Client;", 0),
        ("tui/view.rs", "use aws_sdk_sts as sts;", 1),
    ] {
        let seen = caught(|source| crate_wall(source, &crates), path, text);
        assert_eq!(seen, count, "{path}: {text}");
    }
}

#[test]
fn a_module_declared_for_tests_is_test_code() {
    let parent = "#[cfg(test)]\npub(crate) mod fixture;\nmod real;";
    let sources = mark_tests(vec![
        Source::new("app/mod.rs", parent),
        Source::new("app/fixture.rs", "use std::fs;"),
        Source::new("app/real.rs", "use std::fs;"),
    ]);
    let broken: Vec<_> = sources.iter().flat_map(purity).collect();
    assert_eq!(broken, ["src/app/real.rs:1: not here: std::fs"]);
}

#[test]
fn impurity_is_caught() {
    for (path, text, count) in [
        ("core/a.rs", "use std::fs;", 1),
        ("core/a.rs", "use std::{collections::BTreeMap, env, thread};", 2),
        ("core/a.rs", "fn f() { std::process::exit(1) }", 1),
        ("core/a.rs", "use std::net::{IpAddr, TcpStream};", 1),
        ("core/a.rs", "use std::collections::{BTreeMap, HashMap};", 1),
        ("app/a.rs", "use std::collections::HashMap;", 0),
        ("core/a.rs", "fn f() { jiff::Timestamp::now(); }", 1),
        ("app/a.rs", "use std::time::{Duration, Instant};", 1),
        ("core/a.rs", "fn f(now: Timestamp) { g(now, \"std::fs\") } // std::env", 0),
        ("core/a.rs", "#[cfg(test)]\nmod tests { fn f() { std::fs::read(\"x\"); } }", 0),
        ("engine/a.rs", "use std::fs;", 0),
    ] {
        assert_eq!(caught(purity, path, text), count, "{path}: {text}");
    }
}

#[test]
fn calls_that_change_the_world_are_caught() {
    for (path, text, count) in [
        ("sources/a.rs", "fn f() { client.register_instance().send() }", 1),
        ("sources/a.rs", "use x::operation::modify_listener::ModifyListenerOutput;", 1),
        ("cli/a.rs", "fn f() { c.deregister_targets(); c.create_service(); }", 2),
        ("engine/a.rs", "fn f() { c.enter_standby(); c.attach_traffic_sources(); }", 2),
        ("aws/a.rs", "fn f() { c.set_desired_capacity(); c.terminate_instances() }", 2),
        ("sim/world.rs", "fn enter_standby() {}", 0),
        ("aws/tests/gate.rs", "fn f() { c.register_instance() }", 0),
        ("aws/tests.rs", "fn f() { c.register_instance() }", 0),
        ("node/a.rs", "fn f() { c.register_instance(); c.deregister_instance(); }", 0),
        ("node/a.rs", "fn f() { c.register_targets() }", 1),
        ("exec/a.rs", "fn f() { c.modify_listener() }", 0),
        ("sources/a.rs", "fn f() { c.describe_listeners(); c.list_instances() }", 0),
        ("app/a.rs", "fn f() { model.set_selection(); update_fleets(); add_row() }", 0),
        ("aws/a.rs", "const NAMES: [&str; 1] = [\"register_instance\"];", 0),
    ] {
        assert_eq!(caught(changes, path, text), count, "{path}: {text}");
    }
}

#[test]
fn bad_files_are_caught() {
    assert_eq!(caught(head, "core/a.rs", "// what\nfn f() {}"), 1);
    assert_eq!(caught(head, "core/a.rs", "//! What."), 0);
    let body = "fn f() {}\n".repeat(500);
    assert_eq!(caught(length, "core/a.rs", &body), 0);
    assert_eq!(caught(length, "core/a.rs", &format!("{body}fn g() {{}}\n")), 1);
    let tests = format!("{body}#[cfg(test)]\nmod tests {{\n{body}}}\n");
    assert_eq!(caught(length, "core/a.rs", &tests), 0);
    for (text, count) in [
        ("#[allow(dead_code)]\nfn f() {}", 1),
        ("#![allow(dead_code)]", 1),
        ("#[cfg_attr(test, allow(dead_code))]\nfn f() {}", 1),
        ("#[expect(dead_code, reason = \"allow(x)\")]\nfn f() {}", 0),
        ("fn f() { list.allow(1) }", 0),
    ] {
        assert_eq!(caught(no_allow, "core/a.rs", text), count, "{text}");
    }
}

#[test]
fn leftovers_and_bad_keymaps_are_caught() {
    for word in [["TO", "DO"], ["FIX", "ME"], ["to", "do!()"], ["/wo", "rk/main"], ["/ro", "ot/x"]]
    {
        let line = format!("fn f() {{}}\n// {}", word.concat());
        assert_eq!(leftovers("a", &line).len(), 1, "{line}");
    }
    assert_eq!(leftovers("a", "a fleet's network /24, and what to do").len(), 0);
    assert_eq!(keymap("a", "[global]\nq = ").len(), 1);
    assert_eq!(keymap("a", "[global]\nq = \"quit\"").len(), 0);
}
