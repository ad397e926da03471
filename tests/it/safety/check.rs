//! `audit check`: the journal of a real run is lawful; one line changed, with the chain made whole
//! again, and that line is named with the rule that it breaks.

use crate::bench::cli::Outcome;
use crate::runs::bench::Site;
use quarterdeck::core::run::rules::Rule;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

const QUICK: &str = "--window 20s --settle 20s --bake 20s --confirm blue-412 --execute --detach";

fn start(site: &Site, line: &str) -> String {
    let outcome = site.run(&line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    outcome.stdout.trim().to_owned()
}

fn file(site: &Site, run: &str) -> PathBuf {
    site.directory.path().join("state/runs").join(run).join("journal.jsonl")
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes these lines with new numbers and a whole chain.
fn write(site: &Site, run: &str, lines: &[Value]) {
    let (mut before, mut text) = (digest(""), String::new());
    for (number, line) in (1_u64..).zip(lines) {
        let mut line = line.clone();
        let fields = line.as_object_mut().unwrap();
        fields.remove("hash");
        fields.insert("number".into(), number.into());
        fields.insert("before".into(), before.clone().into());
        let body = line.to_string();
        before = digest(&body);
        text.push_str(&format!("{},\"hash\":\"{before}\"}}\n", body.strip_suffix('}').unwrap()));
    }
    std::fs::write(file(site, run), text).unwrap();
}

fn check(site: &Site, run: &str) -> (Outcome, Value) {
    let outcome = site.run(&["audit", "check", run, "-o", "json"]);
    let verdict = outcome.json()["check"][0].clone();
    (outcome, verdict)
}

/// Where the nth line is that an entry makes of a step, or of none.
fn place(lines: &[Value], entry: &str, nth: usize) -> usize {
    let mut found = (0..lines.len()).filter(|at| lines[*at]["entry"] == entry);
    found.nth(nth).unwrap_or_else(|| panic!("{entry} {nth}"))
}

#[test]
fn a_real_cutover_is_lawful_and_each_edited_one_is_not() {
    let site = Site::calm();
    let run = start(&site, &format!("cutover blue-412 green-413 --gate before-shift {QUICK}"));
    assert_eq!(site.settled(&run)["reason"], "gate");
    assert_eq!(check(&site, &run).1["lawful"], true, "held at its gate");
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "done");
    let (outcome, verdict) = check(&site, &run);
    assert_eq!((outcome.code, &verdict["lawful"]), (Some(0), &json!(true)), "{verdict}");
    assert_eq!(site.run(&["audit", "check"]).code, Some(0));

    let whole = site.journal(&run);
    write(&site, &run, &whole);
    assert_eq!(check(&site, &run).1["lawful"], true, "the chain can be made anew");
    let (intent, last) = (place(&whole, "intent", 0), whole.len());
    let without = |at: usize| [&whole[..at], &whole[at + 1..]].concat();
    let again = |at: usize| [&whole[..], &whole[at..=at]].concat();
    let twice = |at: usize| [&whole[..=at], &whole[at..]].concat();
    let goes_on = place(&whole, "goes_on", 0);
    let unlocking = whole[place(&whole, "unlocking", 0)].clone();
    let early = [&whole[..goes_on + 2], &[unlocking], &whole[goes_on + 2..]].concat();
    let rows = [
        ("the lock", without(place(&whole, "locked", 0)), None, Rule::LockFirst),
        ("the intent", without(intent), Some(intent), Rule::IntentFirst),
        ("twice", twice(intent), Some(intent + 1), Rule::OneIntentAtATime),
        ("the word", without(place(&whole, "asked", 0)), None, Rule::GoesOnByAWord),
        ("after the end", again(intent), Some(last), Rule::NothingAfterTheEnd),
        ("unlocked early", early, Some(goes_on + 2), Rule::PinsBeforeTheLock),
    ];
    for (what, lines, at, rule) in rows {
        write(&site, &run, &lines);
        assert_eq!(site.run(&["audit", "verify"]).code, Some(0), "{what}: the chain is whole");
        let (outcome, verdict) = check(&site, &run);
        assert_eq!(outcome.code, Some(1), "{what}: {outcome:#?}");
        assert_eq!(verdict["rule"], rule.to_string(), "{what}: {verdict}");
        assert_eq!(verdict["because"], rule.sentence(), "{what}: {verdict}");
        if let Some(at) = at {
            assert_eq!(verdict["line"], at + 1, "{what}: {verdict}");
        }
        let said = site.run(&["audit", "check", &run]);
        assert!(said.stderr.contains(rule.sentence()), "{what}: {said:#?}");
    }

    std::fs::write(file(&site, &run), "nothing\n").unwrap();
    let (outcome, verdict) = check(&site, &run);
    assert_eq!((outcome.code, &verdict["lawful"]), (Some(1), &Value::Null), "{verdict}");
    write(&site, &run, &whole);
}

#[test]
fn an_aborted_run_and_a_rollback_are_lawful() {
    let site = Site::calm();
    let line = format!("cutover blue-412 green-413 --gate before-end {QUICK}");
    let run = start(&site, &line);
    assert_eq!(site.settled(&run)["reason"], "gate");
    let back = start(&site, "rollback --confirm green-413 --execute --detach");
    assert_eq!(site.settled(&back)["state"], "done");
    let third = start(&site, &line);
    site.kill(&third);
    assert_eq!(site.run(&["run", "abort", &third, "--confirm", "blue-412"]).code, Some(0));
    assert_eq!(site.settled(&third)["state"], "aborted");
    for run in [&run, &back, &third] {
        let (_, verdict) = check(&site, run);
        assert_eq!(verdict["lawful"], true, "{verdict}");
    }
}
