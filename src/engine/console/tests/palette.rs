//! The palette through the real loop: what is typed, what it is completed to, and what comes of it.

use super::keys::outcome;

/// A text as keys.
fn typed(text: &str) -> String {
    let key = |c: char| if c == ' ' { "space".to_owned() } else { c.to_string() };
    text.chars().map(key).collect::<Vec<_>>().join(" ")
}

/// Where the operator is before, what is typed behind `:`, the keys after, and what follows.
#[rustfmt::skip]
const TABLE: &[(&str, &str, &str, &str)] = &[
    // Names.
    ("", "tra", "tab", "fleets, blue-412, [traffic|] traffic"),
    ("", "thm", "tab", "fleets, blue-412, [theme |]"),
    ("", "drai", "tab", "fleets, blue-412, [drain|] drain"),
    // Fleets, nodes, runs.
    ("", "fleet ", "tab", "fleets, blue-412, [fleet blue-412|] blue-412"),
    ("", "fleet gr", "enter", "green-413, node 1"),
    ("", "fleet ", "down down enter", "green-413, node 1"),
    ("", "node ", "down enter", "of node 1, answer of EC2"),
    ("", "node i-nowhere", "enter", "fleets, blue-412, [node i-nowhere|]"),
    ("run", "run ", "tab", "fleets, blue-412, [run run|] run"),
    ("run", "run r", "enter", "run, step 1"),
    ("run", "run nobody", "enter", "fleets, blue-412, [run nobody|]"),
    // Screens, with a filter or without.
    ("S", "fleets", "enter", "fleets, blue-412"),
    ("", "fleets gre", "enter", "fleets, green-413, /gre 1/2"),
    ("", "nodes", "enter", "fleets, blue-412, [nodes|]"),
    ("", "traffic green", "enter", "traffic, target group green-413-loki, /green 1/2"),
    ("", "findings stack:g", "tab", "fleets, blue-412, [findings stack:green-413 |]"),
    ("", "findings stack:green-413", "enter", "findings, finding probe_failed green-413, /stack:green-413 1/1"),
    ("", "findings stack:blue-412", "enter", "findings, /stack:blue-412 0/1"),
    ("", "findings sev", "tab", "fleets, blue-412, [findings severity:|]"),
    ("", "findings shack:x", "enter", "fleets, blue-412, [findings shack:x|]"),
    ("", "timeline loki", "enter", "timeline, change, /loki 1/1"),
    ("", "sources identity", "enter", "sources, read of identity, /identity 1/7"),
    ("run", "runs", "enter", "runs, run"),
    ("", "filter ro", "tab", "fleets, blue-412, [filter role:|]"),
    ("", "filter -stack:b", "tab", "fleets, blue-412, [filter -stack:blue-412 |]"),
    ("", "sort fi", "tab", "fleets, blue-412, [sort finding|] finding"),
    // What is written down.
    ("", "note", "enter", "fleets, blue-412, [note |]"),
    ("T", "note the deploy begins", "enter", "timeline, change"),
    ("F", "snooze 2h disk is being replaced", "enter", "findings, finding probe_failed green-413, snoozed because disk is being replaced"),
    ("F", "snooze 2h", "enter", "findings, finding probe_failed green-413, [snooze 2h|]"),
    ("F", "snooze soon why", "enter", "findings, finding probe_failed green-413, [snooze soon why|]"),
    ("F", "snooze 10s why", "enter", "findings, finding probe_failed green-413, [snooze 10s why|]"),
    ("F", "snooze 8d why", "enter", "findings, finding probe_failed green-413, [snooze 8d why|]"),
    ("", "snooze 1h why", "enter", "fleets, blue-412, [snooze 1h why|]"),
    // Verbs: what they are about, and how.
    ("", "drain i-0", "tab", "fleets, blue-412, [drain i-02922eb6500000001 |]"),
    ("", "drain i-0f07eba6900000001 10.0.0.3", "tab", "fleets, blue-412, [drain i-0f07eba6900000001 i-02922eb6500000002 |]"),
    ("", "drain i-0f07eba6900000001 --re", "tab", "fleets, blue-412, [drain i-0f07eba6900000001 --reason |]"),
    ("", "drain i-0f07eba6900000001 --method ", "tab", "fleets, blue-412, [drain i-0f07eba6900000001 --method standby |]"),
    ("", "drain i-0f07eba6900000001 --override zo", "tab", "fleets, blue-412, [drain i-0f07eba6900000001 --override zone-cover |]"),
    ("", "drain i-0f07eba6900000001", "enter", "fleets, blue-412, plans {verb:drain,nodes:[i-0f07eba6900000001]} scroll 0"),
    ("", "drain i-0f07eba6900000001 --reason \"boot race\" --at-a-time 2", "enter", "fleets, blue-412, plans {verb:drain,nodes:[i-0f07eba6900000001]} because boot race scroll 0"),
    ("enter", "drain --reason again", "enter", "blue-412, node 1, plans {verb:drain,nodes:[i-0f07eba6900000001]} because again scroll 0"),
    ("enter", "drain", "enter", "blue-412, node 1, plans {verb:drain,nodes:[i-0f07eba6900000001]} scroll 0"),
    ("", "drain i-0f07eba6900000001 --schedule 100", "enter", "fleets, blue-412, [drain i-0f07eba6900000001 --schedule 100|]"),
    ("", "drain i-0f07eba6900000001 --reason", "enter", "fleets, blue-412, [drain i-0f07eba6900000001 --reason|]"),
    ("", "undrain i-0f07eba6900000001", "enter", "fleets, blue-412, plans {verb:undrain,nodes:[i-0f07eba6900000001]} scroll 0"),
    ("", "reregister i-0f07eba6900000001", "enter", "fleets, blue-412, plans {verb:reregister,nodes:[i-0f07eba6900000001]} scroll 0"),
    ("", "repair ", "tab", "fleets, blue-412, [repair blue-412 |]"),
    ("", "repair green-413 --reason x", "enter", "fleets, blue-412, plans {verb:repair,stack:green-413} because x scroll 0"),
    ("", "cutover blue-412 g", "tab", "fleets, blue-412, [cutover blue-412 green-413 |]"),
    ("", "cutover blue-412 green-413 --gate none --bake 1m", "enter", "fleets, blue-412, plans {verb:cutover,from:blue-412,to:green-413} scroll 0"),
    ("", "cutover blue-412", "enter", "fleets, blue-412, [cutover blue-412|]"),
    ("run", "rollback ", "tab", "fleets, blue-412, [rollback run |]"),
    ("run", "rollback r --reason y", "enter", "fleets, blue-412, plans {verb:rollback,run:run} because y scroll 0"),
    // Keymaps and themes.
    ("", "keymap m", "tab", "fleets, blue-412, [keymap minimal|] minimal"),
    ("", "keymap minimal", "enter", "fleets, blue-412, keymap minimal"),
    ("", "keymap minimal", "enter t", "fleets, blue-412, keymap minimal"),
    ("", "keymap minimal", "enter down enter", "green-413, node 1, keymap minimal"),
    ("", "keymap vmi", "enter", "fleets, blue-412, [keymap vmi|]"),
    ("", "theme ", "down down enter", "fleets, blue-412, theme greyscale"),
    ("", "theme hi", "enter", "fleets, blue-412, theme high-contrast"),
    // Contexts: an empty world, the runs of this host, nothing armed.
    ("", "context ", "tab", "fleets, blue-412, [context dev|] dev"),
    ("", "context d", "enter", "fleets, context dev"),
    ("allow A y", "context d", "enter", "fleets, context dev"),
    ("", "context prod", "enter", "fleets, blue-412"),
    ("", "context dve", "enter", "fleets, blue-412, [context dve|]"),
    ("", "context void", "enter", "fleets, blue-412"),
    ("", "theme solar", "enter", "fleets, blue-412, [theme solar|]"),
];

#[tokio::test(start_paused = true)]
async fn what_is_typed_into_the_palette_does_what_the_table_says() {
    let mut wrong = Vec::new();
    for (before, text, keys, expected) in TABLE {
        let outcome =
            outcome(format!("{before} :").trim(), &format!("{} {keys}", typed(text))).await;
        if outcome != *expected {
            wrong.push(format!("{before:?} :{text} {keys:?}: {outcome:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
