//! Every key of the default keymap through the real loop: where the operator is before, what is
//! pressed, and what stands on the screen (or was asked of the terminal and the readers) after.

use super::super::*;
use crate::app::fixture::{self, at};
use crate::app::operate::{self, Answer};
use crate::app::replay::{Replay, Wish};
use crate::app::{Answering, Dialog, Layer, Place, RowId, ScreenKind};
use crate::config::Settings;
use crate::core::estate::{ActionView, Balancer, ForwardView, ListenerView};
use crate::core::finding::{Finding, FindingKind};
use crate::core::ids::StackId;
use crate::engine::World;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// A terminal that keeps in words what it showed last, and what was asked of it.
#[derive(Clone, Default)]
struct Glass(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    shown: String,
    asked: Vec<&'static str>,
}

impl Surface for Glass {
    fn is_ready(&self) -> bool {
        true
    }
    fn paint(&mut self, model: &Model, _: Operator) -> io::Result<Painted> {
        self.0.lock().unwrap().shown = words(model);
        Ok(Painted::Whole)
    }
    async fn written(&mut self) -> io::Result<()> {
        std::future::pending().await
    }
    fn forget(&mut self) {
        self.0.lock().unwrap().asked.push("repaint");
    }
    fn suspend(&mut self) -> Result<(), &'static str> {
        self.0.lock().unwrap().asked.push("suspend");
        Ok(())
    }
    fn resume(&mut self) {}
    fn copy(&mut self, _: &str) {
        self.0.lock().unwrap().asked.push("copy");
    }
    fn size(&self) -> Option<Size> {
        Some(Size { columns: 80, rows: 6 })
    }
}

/// The way into any context but one that cannot be gone to.
fn another() -> Enter {
    Arc::new(|name| {
        let (_, events) = mpsc::channel(1);
        let (feed, _) = Feed::of_channel(&fixture::settings(), events);
        let contexts = fixture::model(80, 24).place.contexts;
        let place = Place { context: Some(name.to_owned()), contexts, ..Place::default() };
        match name {
            "void" => Err(operate::Trouble { what: "No.".into(), next: "Stay.".into() }),
            _ => Ok(World {
                place,
                allowed: true,
                feed,
                operations: Operations::none(),
                elsewhere: crate::engine::Elsewhere::nowhere(),
            }),
        }
    })
}

/// What a model shows, in a line: the screen, the selected row, order and filter, layers.
fn words(model: &Model) -> String {
    let screen = model.screen();
    let list = &screen.list;
    let mut all = vec![match &screen.kind {
        ScreenKind::Node(id) => format!("of node {}", id.as_str().chars().last().unwrap_or('?')),
        kind => kind.crumb().to_owned(),
    }];
    if let Some(row) = list.selected() {
        all.push(match row {
            RowId::Run(id) => id.to_string(),
            RowId::Fleet(stack) => stack.to_string(),
            RowId::Node(id) => format!("node {}", id.as_str().chars().last().unwrap_or('?')),
            other => other.name(),
        });
    }
    if let Some(RowId::Change(seq)) = list.selected()
        && model.timeline.is_bookmarked(*seq)
    {
        all.push("bookmarked".to_owned());
    }
    if let Some(RowId::Cause(key)) = list.selected()
        && let Some(snooze) = model.snooze(key)
    {
        all.push(format!("snoozed because {}", snooze.reason));
    }
    if let Some(sort) = list.sort() {
        all.push(format!("by {}{}", sort.by, if sort.descending { " down" } else { "" }));
    }
    if !list.filter().text().is_empty() {
        all.push(format!("/{} {}/{}", list.filter().text(), list.rows().len(), list.total()));
    }
    for (name, other) in [("keymap", &model.looks.keymap), ("theme", &model.looks.theme)] {
        if other != "default" {
            all.push(format!("{name} {other}"));
        }
    }
    all.extend(model.replay.as_ref().map(|replay| played(model, replay)));
    if let Some(other) = model.place.context.as_ref().filter(|name| *name != "prod") {
        let armed = if model.operation.is_armed(model.now) { " armed" } else { "" };
        all.push(format!("context {other}{armed}"));
    }
    for layer in &model.layers {
        all.push(match layer {
            Layer::Help { scroll } => format!("help {scroll}"),
            Layer::Messages { scroll } => format!("messages {scroll}"),
            Layer::Prompt(prompt) => {
                let (before, after) = prompt.field.parts();
                let chosen = prompt.chosen.map(|it| prompt.choices[it].name.clone());
                format!("[{before}|{after}] {}", chosen.unwrap_or_default()).trim_end().to_owned()
            }
            Layer::Dialog(dialog) => format!("asks {}", dialog.title),
            Layer::Review(review) => {
                let intent = serde_json::to_string(&review.request.intent).unwrap();
                let reason = review.request.options.reason.as_ref();
                let reason = reason.map(|why| format!(" because {why}")).unwrap_or_default();
                format!("plans {}{reason} scroll {}", intent.replace('"', ""), review.scroll)
            }
        });
    }
    all.join(", ")
}

/// How a recording is played, in a word.
fn played(model: &Model, replay: &Replay) -> String {
    let wish = match replay.wish {
        Some(Wish::To(at)) => format!(" to {}", at.duration_since(model.started).as_secs()),
        Some(wish) => format!(" {wish:?}"),
        None => String::new(),
    };
    format!("{:?} {}x{wish}", replay.state, replay.speed)
}

/// Two fleets of three behind one listener; a product is down on green's second node.
fn world() -> Estate {
    let mut world = fixture::healthy();
    let node = fixture::node_id("green-413", 2);
    let finding = Finding::new(FindingKind::ProbeFailed, at(0), "loki is down");
    let finding = finding.stack(Some(&"green-413".into())).instance(&node).identified("loki");
    world.findings.push(finding);
    fixture::with_rings(&mut world);
    let forward = |stack: &str, weight: u32| ForwardView {
        target_group: format!("arn:aws:elb:us-west-2:1:targetgroup/{stack}-loki/1").into(),
        name: format!("{stack}-loki"),
        weight,
        share: f64::from(weight) / 100.0,
        capacity: None,
        fail_open: None,
        fleets: BTreeMap::from([(StackId::from(stack), Some(1.0))]),
    };
    let groups = vec![forward("blue-412", 100), forward("green-413", 0)];
    let actions = vec![ActionView { rule: "default".into(), groups }];
    let arn = "arn:aws:elb:us-west-2:1:listener/net/front/1/3100".into();
    let listener = ListenerView { arn, port: 3100, protocol: "TCP".into(), actions };
    world.traffic.push(Balancer {
        arn: "arn:aws:elb:us-west-2:1:loadbalancer/net/front/1".into(),
        name: "front".into(),
        zones: Vec::new(),
        security_groups: Vec::new(),
        cross_zone: None,
        listeners: Ok(vec![listener]),
        observed_at: None,
    });
    world
}

fn joined(_: &Inventory, _: Option<&Estate>, _: Timestamp, _: &Policy) -> Estate {
    world()
}

/// The world has just become what it is, so that the timeline has something to tell.
fn model() -> Model {
    let mut model = fixture::model(80, 6);
    fixture::sources_ok(&mut model, 1);
    fixture::show(&mut model, 1, fixture::healthy());
    fixture::show(&mut model, 2, world());
    model
}

/// The model as it is before the keys: asked something, allowed to act, watching a run, replaying.
fn model_before(before: &str, keys: &str) -> Model {
    let mut model = model();
    if before == "ask" {
        model.ask(Dialog {
            title: "stop".into(),
            lines: Vec::new(),
            answer: Answering::YesNo,
            then: Effect::Repaint,
        });
    }
    model.operation.allowed = before.starts_with("allow");
    if before == "replay" {
        model.replay = Some(Replay::new((at(0), at(600))));
    }
    if before.starts_with("run") {
        let seen = operate::Seen { run: fixture::run(), alive: true };
        // Going on needs an armed console.
        if keys == "o" {
            model.operation.allowed = true;
            model.operation.armed_until = Some(jiff::Timestamp::MAX);
        }
        let news = EventKind::Operation(Answer::Run(Arc::new(seen)));
        drop(app::update(&mut model, Event::new(at(2), news)));
    }
    model
}

/// Whether the readers were told to read, the terminal to do something, or the console ended; else
/// what is shown.
pub(super) async fn outcome(before: &str, keys: &str) -> String {
    let words = ["ask", "allow", "run", "replay"];
    let model = model_before(before, keys);

    let (_news, events) = mpsc::channel(64);
    let (typing, input) = mpsc::channel(64);
    // Nobody can write there, root neither.
    let settings = Settings { evidence_dir: "/proc/nowhere".into(), ..fixture::settings() };
    let (feed, mut orders) = Feed::of_channel(&settings, events);
    let clock = Clock::on_tokio(at(2), 1.0);
    let operations = Operations::none();
    let start = Start {
        model,
        clock,
        reconcile: joined,
        feed,
        input,
        operations,
        enter: another(),
        elsewhere: crate::engine::Elsewhere::nowhere(),
        recorder: Recorder::none(),
    };
    let mut glass = Glass::default();
    let seen = Arc::clone(&glass.0);
    let operator = async {
        for key in
            before.split_whitespace().filter(|key| !words.contains(key)).chain(keys.split(' '))
        {
            typing.send(Input::Chord(key.parse().unwrap())).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(900)).await;
        let end = "ctrl-c".parse().unwrap();
        let ended = typing.send(Input::Chord(end)).await.is_err();
        let seen = seen.lock().unwrap();
        match (ended, seen.asked.first(), orders.now.try_recv()) {
            (true, _, _) => "ends".to_owned(),
            (_, Some(asked), _) => format!("{}: {asked}", seen.shown),
            (_, None, Ok(())) => "reads".to_owned(),
            (_, None, Err(_)) => seen.shown.clone(),
        }
    };
    let (ending, outcome) = tokio::join!(run(start, &mut glass), operator);
    assert_eq!(ending.unwrap(), Ending::Quit);
    outcome
}

const NODES: &str = "enter";
const TYPED: &str = ": s o r t space b l";

/// Context, keys before, the binding, and what follows.
#[rustfmt::skip]
const TABLE: &[(&str, &str, &str, &str)] = &[
    ("global", "", "q", "ends"),
    ("global", "/ x", "ctrl-c", "ends"),
    ("global", "", "ctrl-z", "fleets, blue-412: suspend"),
    ("global", "", "ctrl-l", "fleets, blue-412: repaint"),
    ("global", "", "r", "reads"),
    ("global", "", "m", "fleets, blue-412, messages 0"),
    ("global", "", "E", "fleets, blue-412: copy"),
    ("global", "", "n", "fleets, blue-412, [note |]"),
    ("global", "", "t", "traffic, target group blue-412-loki"),
    ("global", "", "F", "findings, finding probe_failed green-413"),
    ("global", "", "T", "timeline, change"),
    ("global", "", "O", "rings, ring of loki in blue-412"),
    ("global", "", "S", "sources, read of identity"),
    ("global", "", "?", "fleets, blue-412, help 0"),
    ("global", "/", "f1", "fleets, blue-412, [|], help 0"),
    ("global", "", ":", "fleets, blue-412, [|]"),
    ("global", "", "J", "fleets, blue-412, [|]"),
    ("global", "", "ctrl-g", "fleets, blue-412, [|]"),
    ("global", "", "R", "runs"),
    ("global", "allow", "A", "fleets, blue-412, asks Arm this console?"),
    ("global", "allow", "ctrl-o", "fleets, blue-412, asks Arm this console?"),
    ("global", "allow", "alt-o", "fleets, blue-412"),
    ("global", "", "W", "fleets, blue-412"),
    ("replay", "replay", "space", "fleets, blue-412, Paused 1x"),
    ("replay", "replay", ".", "fleets, blue-412, Paused 1x Step"),
    ("replay", "replay", "[", "fleets, blue-412, Playing 1x to -58"),
    ("replay", "replay", "]", "fleets, blue-412, Playing 1x to 62"),
    ("replay", "replay", "{", "fleets, blue-412, Playing 1x PreviousFinding"),
    ("replay", "replay", "}", "fleets, blue-412, Playing 1x NextFinding"),
    ("replay", "replay", "+", "fleets, blue-412, Playing 2x"),
    ("replay", "replay", "-", "fleets, blue-412, Playing 1x"),
    ("list", "", "/", "fleets, blue-412, [|]"),
    ("list", "", ">", "fleets, blue-412, by stack"),
    ("list", "> >", "<", "fleets, blue-412, by stack"),
    ("list", "", "s", "fleets, blue-412, by stack down"),
    ("list", "", "y", "fleets, blue-412: copy"),
    ("list", "", "Y", "fleets, blue-412: copy"),
    ("list", NODES, "down", "blue-412, node 2"),
    ("list", NODES, "j", "blue-412, node 2"),
    ("list", "enter down", "up", "blue-412, node 1"),
    ("list", "enter down", "k", "blue-412, node 1"),
    ("list", NODES, "pagedown", "blue-412, node 3"),
    ("list", NODES, "ctrl-d", "blue-412, node 3"),
    ("list", "enter G", "pageup", "blue-412, node 1"),
    ("list", "enter G", "ctrl-u", "blue-412, node 1"),
    ("list", "enter G", "home", "blue-412, node 1"),
    ("list", "enter G", "g g", "blue-412, node 1"),
    ("list", NODES, "end", "blue-412, node 3"),
    ("list", NODES, "G", "blue-412, node 3"),
    ("fleets", "down", "f", "fleets, green-413"),
    ("fleets", "", "c", "fleets, blue-412, plans {verb:cutover,from:blue-412,to:green-413} scroll 0"),
    ("nodes", NODES, "f", "blue-412, node 1"),
    ("nodes", NODES, "d", "blue-412, node 1, plans {verb:drain,nodes:[i-0f07eba6900000001]} scroll 0"),
    ("nodes", NODES, "u", "blue-412, node 1, plans {verb:undrain,nodes:[i-0f07eba6900000001]} scroll 0"),
    ("nodes", "enter space space", "d", "blue-412, node 3, plans {verb:drain,nodes:[i-0f07eba6900000001,i-0f07eba6900000002]} scroll 0"),
    ("nodes", NODES, "space", "blue-412, node 2"),
    ("node", "enter enter", "f", "of node 1, answer of EC2"),
    ("node", "enter enter", "d", "of node 1, answer of EC2, plans {verb:drain,nodes:[i-0f07eba6900000001]} scroll 0"),
    ("node", "enter enter", "u", "of node 1, answer of EC2, plans {verb:undrain,nodes:[i-0f07eba6900000001]} scroll 0"),
    ("findings", "F", "f", "findings, finding probe_failed green-413"),
    ("findings", "F", "z", "findings, finding probe_failed green-413, [snooze 1h |]"),
    ("findings", "F z x enter", "w", "findings, finding probe_failed green-413"),
    ("timeline", "T", "b", "timeline, change, bookmarked"),
    ("runs", "run R", "f", "runs, run"),
    ("runs", "run R", "enter", "run, step 1"),
    ("runs", "run R", "right", "run, step 1"),
    ("runs", "run R", "h", "runs, run, asks Hold run run?"),
    ("runs", "run R", "o", "runs, run, asks Go on with run run?"),
    ("runs", "run R", "b", "runs, run, plans {verb:rollback,run:run} scroll 0"),
    ("runs", "run R", "ctrl-x", "runs, run, asks Abort run run?"),
    ("runs", "down R", "esc", "fleets, green-413"),
    ("runs", "down R", "left", "fleets, green-413"),
    ("runs", "down R", "backspace", "fleets, green-413"),
    ("run", "run R enter", "h", "run, step 1, asks Hold run run?"),
    ("run", "run R enter", "o", "run, step 1, asks Go on with run run?"),
    ("run", "run R enter", "b", "run, step 1, plans {verb:rollback,run:run} scroll 0"),
    ("run", "run R enter", "ctrl-x", "run, step 1, asks Abort run run?"),
    ("run", "run R enter", "esc", "runs, run"),
    ("run", "run R enter", "left", "runs, run"),
    ("run", "run R enter", "backspace", "runs, run"),
    ("prompt", "c", "pagedown", "fleets, blue-412, plans {verb:cutover,from:blue-412,to:green-413} scroll 0"),
    ("prompt", "c pagedown", "pageup", "fleets, blue-412, plans {verb:cutover,from:blue-412,to:green-413} scroll 0"),
    ("fleets", "down", "enter", "green-413, node 1"),
    ("fleets", "down", "right", "green-413, node 1"),
    ("fleets", "/ g r e enter", "esc", "fleets, green-413"),
    ("nodes", "enter down", "enter", "of node 2, answer of EC2"),
    ("nodes", "enter down", "right", "of node 2, answer of EC2"),
    ("nodes", "down enter down", "esc", "fleets, green-413"),
    ("nodes", "down enter down", "left", "fleets, green-413"),
    ("nodes", "down enter down", "backspace", "fleets, green-413"),
    ("node", "enter down enter", "esc", "blue-412, node 2"),
    ("node", "enter down enter", "left", "blue-412, node 2"),
    ("node", "enter down enter", "backspace", "blue-412, node 2"),
    ("traffic", "t down", "enter", "green-413, node 1"),
    ("traffic", "t down", "right", "green-413, node 1"),
    ("traffic", "down t", "esc", "fleets, green-413"),
    ("traffic", "down t", "left", "fleets, green-413"),
    ("traffic", "down t", "backspace", "fleets, green-413"),
    ("findings", "F", "enter", "of node 2, finding"),
    ("findings", "F", "right", "of node 2, finding"),
    ("findings", "down F", "esc", "fleets, green-413"),
    ("findings", "down F", "left", "fleets, green-413"),
    ("findings", "down F", "backspace", "fleets, green-413"),
    ("timeline", "T", "enter", "of node 2, finding"),
    ("timeline", "T", "right", "of node 2, finding"),
    ("timeline", "down T", "esc", "fleets, green-413"),
    ("timeline", "down T", "left", "fleets, green-413"),
    ("timeline", "down T", "backspace", "fleets, green-413"),
    ("rings", "O", "enter", "loki, member loki-1"),
    ("rings", "O", "right", "loki, member loki-1"),
    ("rings", "down O", "esc", "fleets, green-413"),
    ("rings", "down O", "left", "fleets, green-413"),
    ("rings", "down O", "backspace", "fleets, green-413"),
    ("ring", "O enter down", "enter", "of node 2, answer of EC2"),
    ("ring", "O enter down", "right", "of node 2, answer of EC2"),
    ("ring", "O enter", "esc", "rings, ring of loki in blue-412"),
    ("ring", "O enter", "left", "rings, ring of loki in blue-412"),
    ("ring", "O enter", "backspace", "rings, ring of loki in blue-412"),
    ("sources", "down S", "esc", "fleets, green-413"),
    ("sources", "down S", "left", "fleets, green-413"),
    ("sources", "down S", "backspace", "fleets, green-413"),
    ("layer", "? ", "esc", "fleets, blue-412"),
    ("layer", "?", "q", "fleets, blue-412"),
    ("layer", "?", "?", "fleets, blue-412"),
    ("layer", "?", "down", "fleets, blue-412, help 1"),
    ("layer", "?", "j", "fleets, blue-412, help 1"),
    ("layer", "? down down", "up", "fleets, blue-412, help 1"),
    ("layer", "? down down", "k", "fleets, blue-412, help 1"),
    ("layer", "?", "pagedown", "fleets, blue-412, help 3"),
    ("layer", "?", "ctrl-d", "fleets, blue-412, help 3"),
    ("layer", "? ctrl-d down", "pageup", "fleets, blue-412, help 1"),
    ("layer", "? ctrl-d down", "ctrl-u", "fleets, blue-412, help 1"),
    ("layer", "? down", "home", "fleets, blue-412, help 0"),
    ("layer", "? down", "g g", "fleets, blue-412, help 0"),
    ("layer", "m", "end", "fleets, blue-412, messages 0"),
    ("layer", "m", "G", "fleets, blue-412, messages 0"),
    ("prompt", "/ g r e", "enter", "fleets, green-413, /gre 1/2"),
    ("prompt", "/ g r e", "esc", "fleets, green-413"),
    ("prompt", ": q u", "tab", "fleets, blue-412, [quit|] quit"),
    ("prompt", "J -", "down", "fleets, blue-412, [-|] blue-412"),
    ("prompt", "J - down", "ctrl-n", "fleets, blue-412, [-|] green-413"),
    ("prompt", "J - down down", "up", "fleets, blue-412, [-|] blue-412"),
    ("prompt", "J - down down", "ctrl-p", "fleets, blue-412, [-|] blue-412"),
    ("prompt", TYPED, "left", "fleets, blue-412, [sort b|l]"),
    ("prompt", TYPED, "ctrl-b", "fleets, blue-412, [sort b|l]"),
    ("prompt", ": s o r t ctrl-a", "right", "fleets, blue-412, [s|ort] sort"),
    ("prompt", ": s o r t ctrl-a", "ctrl-f", "fleets, blue-412, [s|ort] sort"),
    ("prompt", TYPED, "ctrl-left", "fleets, blue-412, [sort |bl]"),
    ("prompt", TYPED, "alt-b", "fleets, blue-412, [sort |bl]"),
    ("prompt", ": s o r t space b l home", "ctrl-right", "fleets, blue-412, [sort| bl]"),
    ("prompt", ": s o r t space b l home", "alt-f", "fleets, blue-412, [sort| bl]"),
    ("prompt", TYPED, "home", "fleets, blue-412, [|sort bl]"),
    ("prompt", TYPED, "ctrl-a", "fleets, blue-412, [|sort bl]"),
    ("prompt", ": s o r t space b l home", "end", "fleets, blue-412, [sort bl|]"),
    ("prompt", ": s o r t space b l home", "ctrl-e", "fleets, blue-412, [sort bl|]"),
    ("prompt", TYPED, "backspace", "fleets, blue-412, [sort b|]"),
    ("prompt", TYPED, "ctrl-h", "fleets, blue-412, [sort b|]"),
    ("prompt", ": s o r t space b l left", "delete", "fleets, blue-412, [sort b|]"),
    ("prompt", ": s o r t space b l left", "ctrl-d", "fleets, blue-412, [sort b|]"),
    ("prompt", ": x space b l", "ctrl-w", "fleets, blue-412, [x |]"),
    ("prompt", ": x space b l", "alt-backspace", "fleets, blue-412, [x |]"),
    ("prompt", ": x space b l left", "ctrl-u", "fleets, blue-412, [|l] last"),
    ("prompt", ": x space b l left left", "ctrl-k", "fleets, blue-412, [x |]"),
    ("dialog", "ask", "y", "fleets, blue-412: repaint"),
    ("dialog", "ask", "n", "fleets, blue-412"),
    ("dialog", "ask", "esc", "fleets, blue-412"),
    ("dialog", "ask", "q", "fleets, blue-412"),
];

#[tokio::test(start_paused = true)]
async fn every_key_of_the_default_keymap_does_what_the_table_says() {
    let mut wrong = Vec::new();
    for (context, before, keys, expected) in TABLE {
        let outcome = outcome(before, keys).await;
        if outcome != *expected {
            wrong.push(format!("[{context}] {before:?} {keys:?}: {outcome:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_every_key_of_the_default_keymap_and_no_other() {
    let text: BTreeMap<String, BTreeMap<String, String>> =
        toml::from_str(include_str!("../../../../keymaps/default.toml")).unwrap();
    let bound: BTreeSet<(&str, &str)> = text
        .iter()
        .flat_map(|(context, keys)| keys.keys().map(|keys| (context.as_str(), keys.as_str())))
        .collect();
    let told: BTreeSet<(&str, &str)> =
        TABLE.iter().map(|(context, _, keys, _)| (*context, *keys)).collect();
    let untold: Vec<_> = bound.difference(&told).collect();
    let unbound: Vec<_> = told.difference(&bound).collect();
    assert!(untold.is_empty() && unbound.is_empty(), "untold {untold:?}, unbound {unbound:?}");
}
