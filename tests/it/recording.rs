//! Ten minutes of a world's time through the real loop, recorded; played again, every frame is what it
//! was, byte for byte. And what is said of a recording that is not as it was written.

use crate::bench::cli::apart;
use crate::served::Directory;
use crate::sim_harness::TestWorld;
use quarterdeck::app::{Effect, Input, Looks, Model, Place, Size};
use quarterdeck::clock::Clock;
use quarterdeck::config::{Environment, Flags, Settings};
use quarterdeck::core::reconcile::reconcile_after as reconcile;
use quarterdeck::engine::console::{Operator, Painted, Start, Surface, run};
use quarterdeck::engine::player::{Deck, Played};
use quarterdeck::engine::recording::{Recorder, RecordingFile, Tape};
use quarterdeck::engine::{Elsewhere, Feed, Operations, Patience, contexts};
use quarterdeck::sim::WorldSource;
use quarterdeck::tui::{Canvas, default_keymap};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How many times as fast as ours the world's time runs.
const RATE: f64 = 60.0;
/// What is typed over the session, a key a line of time; the last one ends it.
const WALK: &str = "j enter down G g g esc F enter esc esc T j esc S pagedown esc / g r e e n enter esc \
    : t h e m e space g r e y enter ctrl-l O enter esc esc t m esc ? down esc enter enter r j k esc esc x";
const SIZE: Size = Size { columns: 100, rows: 30 };
const SECRET: &str = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY";

/// A terminal that keeps the bytes of every frame.
struct Film {
    canvas: Canvas,
    frames: Vec<Vec<u8>>,
}

impl Film {
    fn new(settings: &Settings) -> Self {
        Self { canvas: Canvas::new(settings), frames: Vec::new() }
    }
}

impl Surface for Film {
    fn is_ready(&self) -> bool {
        true
    }
    fn paint(&mut self, model: &Model, operator: Operator) -> std::io::Result<Painted> {
        let (bytes, painted) = self.canvas.compose(model, operator);
        self.frames.push(bytes);
        Ok(painted)
    }
    async fn written(&mut self) -> std::io::Result<()> {
        std::future::pending().await
    }
    fn forget(&mut self) {
        self.canvas.forget();
    }
    fn suspend(&mut self) -> Result<(), &'static str> {
        Err("Nothing here could resume it.")
    }
    fn copy(&mut self, _: &str) {}
    fn resume(&mut self) {}
    fn size(&self) -> Option<Size> {
        Some(SIZE)
    }
}

fn environment(scratch: &Path) -> Environment {
    let home = scratch.display().to_string();
    [
        ("HOME", home.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]
    .into_iter()
    .collect()
}

fn settings(world: &TestWorld, scratch: &Path) -> Settings {
    let env = environment(scratch);
    let flags = Flags {
        endpoint_url: Some(world.info.endpoint.clone()),
        region: Some(world.info.region.clone()),
        state_dir: Some(scratch.join("state")),
        dns_server: Some(world.info.dns.to_string()),
        ..Flags::default()
    };
    let mut settings = quarterdeck::config::load(&env, &flags).unwrap();
    settings.probes.proxy = Some(world.info.proxy.clone());
    for product in &mut settings.probes.products {
        if let Some(port) = world.info.ports.get(product.product.as_str()) {
            product.port = *port;
        }
    }
    settings
}

/// A session of ten world minutes; its frames.
fn session(settings: &Settings, recorder: Recorder, typed: &str, seconds: u64) -> Vec<Vec<u8>> {
    let keymap = Arc::new(default_keymap());
    let clock = Clock::starting_at("2026-11-22T14:00:00Z".parse().unwrap(), RATE);
    let place = Place::of(settings);
    let mut model = Model::new(place, Arc::clone(&keymap), SIZE, clock.now());
    model.looks = Looks {
        keymaps: [("default".to_owned(), keymap)].into(),
        keymap: "default".into(),
        themes: ["default", "greyscale"].map(str::to_owned).into(),
        theme: "default".into(),
        color: true,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut film = Film::new(settings);
    runtime.block_on(async {
        let (keys, input) = mpsc::channel(64);
        let feed = Feed::start(settings, &clock, Patience::None).unwrap();
        let operations = Operations::none();
        let enter = contexts(settings, &clock, &environment(&settings.state_dir));
        let elsewhere = Elsewhere::nowhere();
        let start =
            Start { model, clock, reconcile, feed, input, operations, enter, recorder, elsewhere };
        let all: Vec<_> = typed.split_whitespace().collect();
        let pause = Duration::from_secs(seconds) / u32::try_from(all.len() + 1).unwrap();
        let operator = async {
            for key in all.iter().chain([&"ctrl-c"]) {
                tokio::time::sleep(pause).await;
                keys.send(Input::Chord(key.parse().unwrap())).await.unwrap();
            }
        };
        let (ending, ()) = tokio::join!(run(start, &mut film), operator);
        assert!(ending.is_ok());
    });
    runtime.shutdown_background();
    film.frames
}

/// Every frame of a recording, as it is played.
fn played(settings: &Settings, path: &Path) -> Vec<Vec<u8>> {
    let mut deck = Deck::new(Tape::open(path).unwrap(), reconcile).unwrap();
    let mut film = Film::new(settings);
    loop {
        match deck.play().unwrap() {
            Some(Played::Painted(operator)) => drop(film.paint(deck.model(), operator)),
            Some(Played::Event(effects)) if effects.contains(&Effect::Repaint) => film.forget(),
            Some(_) => {}
            None => return film.frames,
        }
    }
}

/// A world of two fleets that nobody probes.
fn small(region: &str, stacks: [&str; 2]) -> TestWorld {
    let [live, other] = stacks;
    let text = format!(
        "region = {region:?}\n[[load_balancer]]\nname = \"front\"\n[[service]]\nname = \"glt\"\n\
         [[listener]]\nproduct = \"loki\"\nport = 3100\n\
         [[fleet]]\nstack = {live:?}\nnodes = 3\nweight = 100\n\
         [[fleet]]\nstack = {other:?}\nnodes = 3\nweight = 0\n"
    );
    TestWorld::start(WorldSource::Text { name: region.into(), text }, RATE)
}

#[test]
fn a_recording_goes_to_another_context_and_back_byte_for_byte() {
    apart("recording::two_contexts");
}

#[test]
#[ignore = "run by a_recording_goes_to_another_context_and_back_byte_for_byte"]
fn two_contexts() {
    let west = small("us-west-2", ["blue-412", "green-413"]);
    let east = small("eu-west-1", ["amber-7", "ivory-8"]);
    let scratch = Directory::new();
    let context = |name: &str, world: &TestWorld| {
        let (region, endpoint) = (&world.info.region, &world.info.endpoint);
        format!("[contexts.{name}]\nregion = {region:?}\nendpoint_url = {endpoint:?}\n")
    };
    let of_east = context("east", &east) + "production = true\nframe = \"red\"\n";
    let text = "context = \"west\"\ndns_server = \"none\"\n[probes]\nenabled = false\n";
    let config =
        scratch.file("config.toml", &(text.to_owned() + &context("west", &west) + &of_east));
    let flags = Flags {
        config: Some(config.into()),
        state_dir: Some(scratch.path().join("state")),
        ..Flags::default()
    };
    let settings = quarterdeck::config::load(&environment(scratch.path()), &flags).unwrap();
    let path = scratch.path().join("session.recording");
    let recorder = Recorder::start(Some(RecordingFile::create(&path).unwrap()));
    let walk = "x x x x j enter esc : c o n t e x t space e a s t enter x x x x x x j enter esc \
        : c o n t e x t space n o n e enter esc : c o n t e x t space w e s t enter x x x x x x k T";
    let live = session(&settings, recorder, walk, 12);
    let replayed = played(&settings, &path);
    assert_eq!(live.len(), replayed.len());
    for (number, (live, replayed)) in live.iter().zip(&replayed).enumerate() {
        assert!(live == replayed, "frame {number}: {}", String::from_utf8_lossy(replayed));
    }
    // It was another place in between, and this one again: the screen as each frame left it.
    let mut screen =
        vt100::Parser::new(SIZE.rows.try_into().unwrap(), SIZE.columns.try_into().unwrap(), 0);
    let mut places: Vec<&str> = Vec::new();
    for frame in &replayed {
        screen.process(frame);
        let text = screen.screen().contents();
        for (place, fleet, other) in
            [("west/us-west-2", "blue-412", "amber-7"), ("east/eu-west-1", "amber-7", "blue-412")]
        {
            if text.contains(place) && text.contains(fleet) {
                assert!(!text.contains(&format!("{other}  ")), "{text}");
                places.push(place);
            }
        }
    }
    places.dedup();
    assert_eq!(places, ["west/us-west-2", "east/eu-west-1", "west/us-west-2"]);
}

fn saved(scratch: &Path) -> PathBuf {
    let mut all = std::fs::read_dir(scratch.join("state/recordings")).unwrap();
    all.next().unwrap().unwrap().path()
}

#[test]
fn ten_minutes_are_played_again_byte_for_byte() {
    apart("recording::ten_minutes");
}

#[test]
#[ignore = "run by ten_minutes_are_played_again_byte_for_byte"]
fn ten_minutes() {
    let world = TestWorld::start(WorldSource::Named("blue-green".into()), RATE);
    let scratch = Directory::new();
    let settings = settings(&world, scratch.path());
    let path = scratch.path().join("session.recording");
    let recorder = Recorder::start(Some(RecordingFile::create(&path).unwrap()));
    // Near the end, a key keeps what is in memory.
    let live = session(&settings, recorder, &format!("{WALK} W x"), 11);
    let replayed = played(&settings, &path);
    assert!(live.len() > 60, "{}", live.len());
    assert_eq!(live.len(), replayed.len());
    for (number, (live, replayed)) in live.iter().zip(&replayed).enumerate() {
        assert!(live == replayed, "frame {number}: {}", String::from_utf8_lossy(replayed));
    }
    let (from, to) = Tape::open(&path).unwrap().span();
    assert!(to.duration_since(from).as_secs() >= 600, "{from} {to}");
    let bytes = std::fs::read(&path).unwrap();
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("blue-412") && has("same"), "it recorded something, and what stayed the same");
    assert!(!has(SECRET) && !has("AKIAIOSFODNN7EXAMPLE"), "nothing secret is in it");

    let kept = saved(scratch.path());
    for path in [&path, &kept] {
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    // What was kept begins as the session did, so it is played as far as it goes.
    let kept = played(&settings, &kept);
    assert!(kept.len() > 60 && kept.len() < live.len(), "{} of {}", kept.len(), live.len());
    assert!(live.starts_with(&kept));
}

/// What `fleets` says of each fleet, that must be the same in the world made of a recording.
fn fleets(world: &TestWorld, scratch: &Path) -> Vec<String> {
    let text = ask(world, scratch, &["fleets", "-o", "json"]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut all: Vec<String> = document["fleets"].as_array().unwrap().iter().map(told).collect();
    all.sort();
    all
}

fn told(fleet: &serde_json::Value) -> String {
    let keys = [
        "stack_id",
        "role",
        "traffic_share",
        "listeners",
        "auto_scaling_groups",
        "members",
        "targets",
        "probes",
    ];
    assert!(keys.iter().all(|key| fleet.get(*key).is_some()), "{fleet}");
    let kept = |value: &serde_json::Value| without_ids(value).to_string();
    keys.iter().map(|key| format!("{key}={} ", kept(&fleet[*key]))).collect()
}

/// The same without what two worlds cannot have in common: ARNs and times.
fn without_ids(value: &serde_json::Value) -> serde_json::Value {
    let is_arn =
        |value: &serde_json::Value| value.as_str().is_some_and(|it| it.starts_with("arn:"));
    match value {
        serde_json::Value::Object(all) => all
            .iter()
            .filter(|(key, value)| !is_arn(value) && !key.ends_with("_at"))
            .map(|(key, value)| (key.clone(), without_ids(value)))
            .collect(),
        serde_json::Value::Array(all) => all.iter().map(without_ids).collect(),
        other => other.clone(),
    }
}

/// Runs a command on a world.
fn ask(world: &TestWorld, scratch: &Path, words: &[&str]) -> String {
    let mut config = String::new();
    config.push_str(&format!("[probes]\nproxy = {:?}\n", world.info.proxy));
    for (product, port) in world.info.ports.iter().filter(|(name, _)| *name != "otlp") {
        config.push_str(&format!("[probes.{product}]\nport = {port}\noptional = true\n"));
    }
    let file = scratch.join("config.toml");
    std::fs::write(&file, config).unwrap();
    let mut command = std::process::Command::new(crate::served::BINARY);
    command.env_clear().env("HOME", scratch).args(words).arg("--config").arg(&file);
    command.args(["--endpoint-url", &world.info.endpoint, "--region", &world.info.region]);
    command.args(["--dns-server", &world.info.dns.to_string(), "--state-dir"]).arg(scratch);
    command.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x");
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The world of a recording, as `demo --world` makes it.
fn world_of(path: &Path) -> String {
    let deck = Deck::new(Tape::open(path).unwrap(), reconcile).unwrap();
    quarterdeck::sim::recorded_world(&deck.at_end().unwrap())
}

#[test]
fn a_recording_becomes_a_world_on_which_a_cutover_can_be_tried() {
    apart("recording::a_world_of_each");
}

#[test]
#[ignore = "run by a_recording_becomes_a_world_on_which_a_cutover_can_be_tried"]
fn a_world_of_each() {
    for name in ["blue-green", "listeners-split", "attach"] {
        let world = TestWorld::start(WorldSource::Named(name.into()), 1.0);
        let scratch = Directory::new();
        let settings = settings(&world, scratch.path());
        let path = scratch.path().join("session.recording");
        let recorder = Recorder::start(Some(RecordingFile::create(&path).unwrap()));
        drop(session(&settings, recorder, "j k", 5));
        let text = world_of(&path);
        let source = WorldSource::Text { name: name.into(), text: text.clone() };
        let made = TestWorld::start(source, 1.0);
        let (before, after) = (fleets(&world, scratch.path()), fleets(&made, scratch.path()));
        assert_eq!(before, after, "{name}: {text}");
        assert!(before.len() == 2 && before[0].contains("blue-412"), "{before:?}");
        if name == "listeners-split" {
            continue;
        }
        let words = ["plan", "cutover", "blue-412", "green-413", "-o", "json"];
        let plan = ask(&made, scratch.path(), &words);
        let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
        assert!(plan.to_string().contains("green-413"), "{plan}");
    }
}

/// The program on a file.
fn replay(path: &Path) -> (Option<i32>, String) {
    let mut command = std::process::Command::new(crate::served::BINARY);
    command.env_clear().env("HOME", "/nonexistent").arg("replay").arg(path);
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_is_wrong_with_a_recording_is_said_in_a_sentence_with_the_place() {
    let scratch = Directory::new();
    let path = scratch.path().join("one");
    for (bytes, code, expected) in [
        ("", 2, "it is empty"),
        ("nothing of ours\n", 2, "it is no recording of quarterdeck"),
        ("quarterdeck-recording 7 1.0\n", 2, "it is a recording of version 7"),
        ("quarterdeck-recording 1 0.1.0\nabc\n", 1, "line 2 (at byte 30) is not as it was written"),
        ("quarterdeck-recording 1 0.1.0\n", 1, "it was cut off at byte 30"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let (status, said) = replay(&path);
        assert_eq!(status, Some(code), "{said}");
        assert!(said.contains(expected) && said.contains("failed to read the recording"), "{said}");
    }
    let (status, said) = replay(&scratch.path().join("nowhere"));
    assert!(status == Some(2) && said.contains("it cannot be read"), "{said}");
}
