//! Every sample of the real servers, read; and what no server should send.

use super::*;
use crate::core::inventory::RingState;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A recorded answer (`curl -i`), taken apart.
fn sample(name: &str) -> (Head, Vec<u8>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/glt").join(name);
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let text = String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").unwrap();
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    let kind = head.lines().find_map(|line| line.strip_prefix("Content-Type: "));
    (Head { status, kind: kind.unwrap_or_default().to_ascii_lowercase() }, body.into())
}

fn asked<T>(name: &str, read: impl Fn(&Head, &[u8]) -> Page<T>) -> Page<T> {
    let (head, body) = sample(name);
    understood(Ok((head, Some(body))), read)
}

/// A ring in one line: `id state address heartbeat-age/registered-age tokens`, a comma between.
fn ring_line(page: &Page<Ring>) -> String {
    let Some(ring) = page.read() else { return word(page) };
    let number = |of: Option<u64>| of.map_or("?".into(), |of| of.to_string());
    let one = |member: &crate::core::inventory::RingMember| {
        let (beat, registered) = (number(member.heartbeat_age), number(member.registered_age));
        let tokens = number(member.tokens.map(u64::from));
        format!("{} {} {} {beat}/{registered} {tokens}", member.id, member.state, member.address)
    };
    ring.members.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What the samples say, worked out from the pages by other means than this reader: a line each,
/// `kind sample = meaning`.
const EXPECTED: &str = include_str!("../../../tests/fixtures/glt-expected.txt");

fn gossip_line(page: &Page<Gossip>) -> String {
    let Some(gossip) = page.read() else { return word(page) };
    let members = gossip.members.iter().map(|one| {
        assert!(one.alive, "{one:?}");
        format!("{}@{}", one.name, one.address)
    });
    let keys: Vec<_> = gossip.keys.iter().map(String::as_str).collect();
    format!("{} | {}", members.collect::<Vec<_>>().join(" "), keys.join(" "))
}

fn word<T>(page: &Page<T>) -> String {
    match page {
        Page::Read(_) => "read",
        Page::Absent => "absent",
        Page::NotUsed => "not used",
        Page::CannotTell(_) => "cannot tell",
    }
    .to_owned()
}

#[test]
fn every_sample_of_the_real_servers_is_read_rightly() {
    let mut seen = BTreeMap::new();
    for line in EXPECTED.lines() {
        let (name, expected) = line.split_once(" = ").unwrap();
        let (kind, name) = name.split_once(' ').unwrap();
        let file = format!("{name}.txt");
        let read = match kind {
            "ring" => match asked(&file, ring_of) {
                page @ Page::Read(_) => ring_line(&page),
                page => word(&page),
            },
            "gossip" => gossip_line(&asked(&file, gossip_of)),
            "version" => match asked(&file, |head, body| json_only(head, body, json::version)) {
                Page::Read(version) => version.to_string(),
                page => word(&page),
            },
            _ => continue,
        };
        assert_eq!(read, expected, "{name}");
        *seen.entry(kind).or_insert(0) += 1;
    }
    assert_eq!(seen, BTreeMap::from([("ring", 60), ("gossip", 27), ("version", 6)]));
}

/// Nothing in the folder is left out: a new sample needs its line, or belongs to another reader.
#[test]
fn no_sample_is_overlooked() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/glt");
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        let name = file.strip_suffix(".txt").unwrap();
        let ours = ["ring-json", "ring-html", "-memberlist-", "-buildinfo-", "-metrics-"];
        let told = EXPECTED.lines().any(|line| line.contains(&format!(" {name} = ")));
        assert_eq!(told, ours.iter().any(|part| name.contains(part)), "{name}");
    }
}

fn json_page(body: &str) -> Page<Ring> {
    let head = Head { status: 200, kind: "application/json".into() };
    understood(Ok((head, Some(body.into()))), ring_of)
}

#[test]
fn null_lists_are_empty_ones_and_unknown_pages_cannot_be_told() {
    assert_eq!(
        json_page(r#"{"shards":null,"now":"2026-11-22T14:30:16Z"}"#),
        Page::Read(Ring::default())
    );
    for odd in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"partitions\":[]}",
        "{\"shards\":{}}",
        "{\"shards\":[{\"id\":1}]}",
        "<html></html>",
        "{\"shards\":[{\"id\":\"a\",\"state\":\"ACTIVE\",\"addr",
    ] {
        assert!(matches!(json_page(odd), Page::CannotTell(_)), "{odd}");
    }
    let nothing = r#"{"Now":"x","SortedMembers":null,"Store":null}"#;
    assert_eq!(json::gossip(nothing.as_bytes()), Ok(Gossip::default()));
    assert!(json::gossip(b"{}").is_err());
}

#[test]
fn a_word_of_another_version_is_kept_as_it_is() {
    let page = json_page(
        r#"{"shards":[{"id":"a","state":"DREAMING","address":"10.0.0.1:9095","tokens":null}]}"#,
    );
    let ring = page.read().unwrap();
    assert_eq!(ring.members[0].state, RingState::Other("DREAMING".into()));
    assert_eq!(ring.members[0].heartbeat_age, None, "no clock of the server's, no age");
}

#[test]
fn clocks_that_disagree_make_no_age_below_nothing() {
    let page = json_page(
        r#"{"shards":[{"id":"a","state":"ACTIVE","address":"10.0.0.1:9095","timestamp":"2026-11-22T15:00:00Z"}],"now":"2026-11-22T14:00:00Z"}"#,
    );
    assert_eq!(page.read().unwrap().members[0].heartbeat_age, Some(0));
}

#[test]
fn who_left_is_told_from_the_gossiped_ring() {
    let body =
        br#"{"ingesters":{"loki-1":{"addr":"127.0.1.1:9095","timestamp":1795357805,"tokens":[1,2]},
        "loki-3":{"addr":"127.0.1.3:9095","timestamp":1795357801,"state":4},
        "loki-2":{"addr":"127.0.1.2:9095","timestamp":1795357801,"state":1}}}"#;
    let left = json::left(body).unwrap();
    let names: Vec<_> = left.iter().map(|one| (&*one.id, &*one.address)).collect();
    assert_eq!(names, [("loki-3", "127.0.1.3:9095")]);
    assert_eq!(json::left(br#"{"ingesters":null}"#), Ok(Vec::new()));
}

#[test]
fn what_is_no_page_is_told_by_its_status() {
    let page = |status, body: &str| {
        let head = Head { status, kind: "text/plain".into() };
        understood(Ok((head, Some(body.into()))), ring_of)
    };
    assert_eq!(page(404, "404 page not found"), Page::Absent);
    assert!(matches!(page(503, "no"), Page::CannotTell(why) if why == "answers 503"));
    assert!(matches!(page(302, ""), Page::CannotTell(_)));
    assert!(matches!(page(200, "hello"), Page::CannotTell(_)));
}
