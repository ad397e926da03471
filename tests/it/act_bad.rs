//! Bad input to what acts: refused with the reason and the next step, and nothing is called.

use crate::runs::bench::Site;
use quarterdeck::core::plan::Plan;
use serde_json::Value;

/// What is typed, the exit code, a word of what is said.
type Row<'a> = (&'a str, i32, &'a str);

fn rows(site: &Site, rows: &[Row<'_>]) {
    let mut wrong = Vec::new();
    for (line, code, word) in rows {
        let outcome = site.run(&line.split_whitespace().collect::<Vec<_>>());
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        if outcome.code != Some(*code) || !said.contains(word) {
            wrong.push(format!("{line}: expected {code} and {word:?}: {:?} {said}", outcome.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn what_is_typed_is_checked_before_anything_is_read() {
    let site = Site::calm();
    let cutover =
        |more: &str| format!("cutover blue-412 green-413 --execute --confirm blue-412 {more}");
    let node = site.nodes("blue-412").remove(0);
    let drain = |more: &str| format!("drain {node} --execute --confirm blue-412 {more}");
    let long = "x".repeat(4000);
    rows(
        &site,
        &[
            (&cutover("--schedule ,"), 2, "ascending percentages"),
            (&cutover("--schedule 10,50"), 2, "ascending percentages"),
            (&cutover("--schedule 10,10,100"), 2, "ascending percentages"),
            (&cutover("--schedule 0,100"), 2, "ascending percentages"),
            (&cutover("--schedule 10,200"), 2, "ascending percentages"),
            (&cutover("--schedule soon"), 2, "ascending percentages"),
            (&cutover("--settle soon"), 2, "--settle"),
            (&cutover("--bake=-1s"), 2, "--bake"),
            (&cutover("--window 1"), 2, "--window"),
            (&cutover("--min-healthy 101%"), 2, "percent like 50%"),
            (&cutover("--min-healthy half"), 2, "percent like 50%"),
            (&cutover("--strategy both"), 2, "weights, attach"),
            (&cutover("--on-regression panic"), 2, "hold, rollback"),
            (&cutover("--gate lunch"), 2, "before-shift, before-end"),
            (&cutover("--override everything --reason x"), 2, "possible values"),
            (&drain("--at-a-time none"), 2, "--at-a-time"),
            (&drain("--method stop"), 2, "standby, targets"),
            ("cutover blue-412 --execute", 2, "<TO>"),
            ("cutover blue-412 blue-412 --execute --confirm blue-412", 2, "both blue-412"),
            ("cutover green-413 blue-412 --execute --confirm green-413", 2, "Did you mean"),
            ("cutover blue-41 green-413 --execute --confirm blue-41", 2, "The fleets are"),
            ("cutover blue-412 green-413 --execute --confirm green-413", 2, "the name is blue-412"),
            ("cutover blue-412 green-413 --execute --confirm BLUE-412", 2, "the name is blue-412"),
            ("cutover blue-412 green-413 --execute --confirm y", 2, "the name is blue-412"),
            ("cutover blue-412 green-413 --execute", 2, "the name is blue-412"),
            ("drain --execute --confirm blue-412", 2, "nothing is selected"),
            ("drain i- --execute --confirm blue-412", 2, "stands for 6 nodes"),
            (&format!("drain {long} --execute --confirm blue-412"), 2, "stands for no node"),
            ("undrain --execute --confirm y", 2, "nothing is selected"),
            ("reregister --execute --confirm y", 2, "nothing is selected"),
            ("deregister --execute --confirm blue-412", 2, "nothing is selected"),
            ("repair red --execute --confirm red", 2, "there is no fleet red"),
            ("rollback --execute --confirm y", 2, "this host has not run anything"),
            ("rollback nobody --execute --confirm y", 2, "knows no run"),
            ("run attach nobody", 2, "there is no run \"nobody\""),
            ("run hold nobody", 2, "there is no run \"nobody\""),
            ("run abort nobody --confirm blue-412", 2, "there is no run \"nobody\""),
            ("run show ../../etc", 2, "there is no run"),
            ("run resume /", 2, "there is no run"),
        ],
    );
    assert_eq!((site.changes(), site.calls("CreateService")), (vec![], 0));
}

#[test]
fn plan_files_are_believed_only_as_they_were_made() {
    let site = Site::calm();
    let planned = site.run(&["plan", "cutover", "blue-412", "green-413", "-o", "json"]);
    assert_eq!(planned.code, Some(0), "{planned:#?}");
    let text = &planned.stdout;
    let plan: Plan = serde_json::from_str(text).unwrap();
    let resealed = |change: fn(&mut Plan)| {
        let mut plan = plan.clone();
        change(&mut plan);
        site.file(&plan)
    };
    let edited = |from: &str, to: &str| {
        let other = text.replacen(from, to, 1);
        assert_ne!(&other, text);
        site.directory.file(&format!("{from}.json").replace(['"', ' ', ':', '/'], ""), &other)
    };
    let apply = |file: &str| format!("apply {file} --execute --confirm blue-412");
    // A quarter of an hour of whoever reads it is fifteen hours of this world.
    let old = resealed(|plan| plan.made_at -= jiff::SignedDuration::from_hours(16));
    let files: [(String, i32, &str); 11] = [
        (site.directory.file("no.json", "not json"), 2, "no.json"),
        (site.directory.file("empty.json", ""), 2, "empty.json"),
        (site.directory.file("half.json", &text[..text.len() / 2]), 2, "half.json"),
        ("/nowhere/plan.json".to_owned(), 2, "/nowhere/plan.json"),
        (site.directory.path().display().to_string(), 2, "directory"),
        (edited("blue-412", "green-413"), 2, "edited"),
        (edited("\"percent\": 50", "\"percent\": 51"), 2, "edited"),
        (old, 2, "good for 15 minutes"),
        (resealed(|plan| plan.region = "eu-west-1".to_owned()), 1, "eu-west-1"),
        (resealed(|plan| plan.account = "999999999999".to_owned()), 1, "account 999999999999"),
        (resealed(|plan| plan.steps.clear()), 2, "no steps"),
    ];
    let lines: Vec<(String, i32, &str)> =
        files.into_iter().map(|(file, code, word)| (apply(&file), code, word)).collect();
    rows(
        &site,
        &lines.iter().map(|(line, code, word)| (&**line, *code, *word)).collect::<Vec<_>>(),
    );
    assert_eq!((site.changes(), site.calls("CreateService")), (vec![], 0));
}

/// A plan is judged by the clock of the host that applies it: one that jumped makes it too old, or a
/// thing of the future, and never young again.
#[test]
fn a_plan_on_a_clock_that_jumped() {
    let site = Site::calm();
    let planned = site.run(&["plan", "cutover", "blue-412", "green-413", "-o", "json"]);
    assert_eq!(planned.code, Some(0), "{planned:#?}");
    let file = site.directory.file("plan.json", &planned.stdout);
    for (hours, word) in [(16, "good for 15 minutes"), (-16, "made in the future")] {
        let apply = ["apply", &file, "--execute", "--confirm", "blue-412"];
        let outcome = site.run_off_by(hours, &apply);
        assert_eq!(outcome.code, Some(2), "{outcome:#?}");
        assert!(outcome.stderr.contains(word), "{outcome:#?}");
        // What is read has just been read, whatever the clock says: nothing of it is stale.
        let fleets = site.run_off_by(hours, &["fleets"]);
        assert_eq!(fleets.code, Some(0), "{fleets:#?}");
    }
    assert_eq!((site.changes(), site.calls("CreateService")), (vec![], 0));
}

/// The disk is full in the middle of a run: what cannot be written down is not done. With room again
/// the run is taken up, and nothing is done twice. A file's size limit stands in for the disk.
#[test]
fn a_disk_that_fills_up_under_a_run() {
    let site = Site::calm();
    let cutover = "cutover blue-412 green-413 --gate none --window 20s --settle 20s --bake 20s \
        --confirm blue-412 --execute";
    let words: Vec<&str> = cutover.split_whitespace().collect();
    // How much is written, and what is changed, is learned from a run that has all the room.
    let whole = site.run(&words);
    assert_eq!(whole.code, Some(0), "{whole:#?}");
    let changed = said(&site.changes());
    // The same plan fits as a file; what the journal notes beside it, near the end, does not.
    let path = site.directory.path().join("state/runs").join(newest(&site)).join("plan.json");
    let room = std::fs::metadata(path).unwrap().len() / 512 + 2;
    let back = site.run(&["rollback", "--execute", "--confirm", "y"]);
    assert_eq!(back.code, Some(0), "{back:#?}");
    let before = site.changes().len();

    let outcome = site.run_limited(&words, u32::try_from(room).unwrap());
    assert_eq!(outcome.code, Some(5), "{outcome:#?}");
    let last = outcome.stderr.lines().last().unwrap_or_default().to_owned();
    assert!(last.contains("the run holds") && last.contains("journal"), "{outcome:#?}");
    let run = newest(&site);
    let done = site.changes().len() - before;
    assert!(0 < done && done < changed.len(), "it was in the middle: {done} of {}", changed.len());
    let shown = site.run(&["run", "show", &run, "-o", "json"]).json();
    assert_eq!(
        (&shown["run"]["state"], &shown["run"]["reason"]),
        (&"held".into(), &"journal".into()),
        "{shown:#}"
    );
    let resumed = site.run(&["run", "resume", &run]);
    assert_eq!(resumed.code, Some(0), "{resumed:#?}");
    assert_eq!(site.settled(&run)["state"], "done");
    assert_eq!(said(&site.changes()[before..]), changed, "what the run with room has changed");
    assert_eq!(site.run(&["audit", "verify"]).code, Some(0));
}

/// Calls with what was said in them.
fn said(changes: &[Value]) -> Vec<String> {
    changes.iter().map(|line| format!("{} {}", line["operation"], line["arguments"])).collect()
}

fn newest(site: &Site) -> String {
    let runs = site.run(&["runs", "-o", "json"]).json();
    runs["runs"][0]["id"].as_str().unwrap().to_owned()
}
