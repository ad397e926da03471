//! The console's keys from a plan's review to the end of its run, in a terminal; and the console killed
//! at any time: the run does not notice.

use crate::bench::terminal::{Terminal, environment, size};
use crate::runs::bench::{Site, TWO};
use crate::served::{BINARY, Directory, until};
use portable_pty::CommandBuilder;
use rustix::process::Signal;
use serde_json::Value;

/// A busy machine's nodes are given time.
pub const CONFIG: &str = "[probes]\ntimeout = \"20s\"\n";
pub const CTRL_O: &str = "\x0f";
const CTRL_U: &str = "\x15";
const CTRL_X: &str = "\x18";
const ALT_O: &str = "\x1bo";

/// A console on a site's world and state directory. It is killed with this.
pub struct Console(pub Terminal);

impl Console {
    pub fn open(site: &Site, flags: &[&str]) -> Self {
        let mut command = CommandBuilder::new(BINARY);
        let path = |name: &str| site.directory.path().join(name).display().to_string();
        let clock = format!("{}@60", site.now());
        command.args(["--clock", &clock, "--endpoint-url", site.world.endpoint()]);
        command.args(["--config", &path("config.toml"), "--state-dir", &path("state")]);
        command.args(flags);
        environment(&mut command, "xterm-256color");
        command.env("AWS_REGION", "us-west-2");
        Self(Terminal::open_sized(command, size(110, 40)))
    }

    /// Waits until both fleets are there.
    pub fn fills(&self) {
        self.0.wait_for("◆ LIVE");
        self.0.wait_for("◇ STANDBY");
    }

    /// Presses keys and waits for what stands on the screen then.
    pub fn press(&mut self, keys: &str, then: &str) {
        self.0.press(keys);
        self.0.wait_for(then);
    }

    /// Looks at the run that was started last.
    ///
    /// The fleets are named before the traffic stands where it began, so no role is waited for.
    fn attach(&mut self) {
        self.0.wait_for("▶ blue");
        self.press("R", "› Runs");
        // Until this host's runs have been looked at, their lock is a row like another host's.
        self.0.wait("the run's own row", |seen| {
            let screen = seen.screen.screen().contents();
            screen.contains("cutover") && !screen.contains("ELSEWHERE")
        });
        self.press("\r", "cutover blue to green");
    }

    /// Asks a held run to go on, and waits until it does.
    fn goes_on(&mut self, site: &Site, run: &str) {
        let before = count(site, run, "goes_on");
        self.0.wait_for("HELD");
        // Going on is armed, as approving is.
        self.press(CTRL_O, "Arm this console?");
        self.press("y", "ARMED 1");
        self.press("o", "Go on with run");
        self.0.press("y");
        until("it goes on", || count(site, run, "goes_on") > before);
    }

    /// As when a terminal goes without a word.
    fn kill(mut self) {
        self.0.signal(Signal::KILL);
        assert!(!self.0.end().success());
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.0.child.kill();
        let _ = self.0.child.wait();
    }
}

pub fn count(site: &Site, run: &str, entry: &str) -> usize {
    site.journal(run).iter().filter(|line| line["entry"] == entry).count()
}

pub fn runs(site: &Site) -> Vec<String> {
    let all = std::fs::read_dir(site.directory.path().join("state/runs")).into_iter().flatten();
    let mut all: Vec<_> =
        all.map(|one| one.unwrap().file_name().to_string_lossy().into_owned()).collect();
    all.sort();
    all
}

/// The number of the step whose title holds this text.
pub fn step_of(site: &Site, run: &str, title: &str) -> Value {
    let opened = site.journal(run).remove(0);
    let steps = opened["approved"]["plan"]["steps"].as_array().unwrap();
    let found = steps.iter().find(|step| step["title"].as_str().unwrap().contains(title));
    found.unwrap_or_else(|| panic!("no step {title}: {steps:#?}"))["number"].clone()
}

/// Waits until the step whose title holds this text has begun.
pub fn until_step(site: &Site, run: &str, title: &str) {
    let number = step_of(site, run, title);
    site.until_noted(run, title, |line| line["entry"] == "step_began" && line["step"] == number);
}

fn two() -> Site {
    let directory = Directory::new();
    let file = directory.file("world.toml", TWO);
    Site::at(&file, CONFIG, directory)
}

/// From the fleet's key to a run: reviewed, refused while not armed and for a wrong name, approved.
fn approved(site: &Site, console: &mut Console) -> String {
    console.fills();
    console.press("c", "not armed, ctrl-o arms:");
    console.press("blue", "ctrl-o arms: blue");
    console.0.press("\r");
    // What is typed next is seen when the Enter has been heard.
    console.press(&format!("{CTRL_U}x"), "ctrl-o arms: x");
    assert_eq!(runs(site), Vec::<String>::new());
    console.press(&format!("{CTRL_U}{CTRL_O}"), "Arm this console?");
    console.press("y", "type blue to run it:");
    console.press("green", "run it: green");
    console.0.press("\r");
    console.press(&format!("{CTRL_U}x"), "run it: x");
    assert_eq!((runs(site), site.changes()), (vec![], vec![]));
    console.0.press(&format!("{CTRL_U}blue\r"));
    until("a run", || runs(site).len() == 1);
    runs(site).remove(0)
}

fn weights(site: &Site) -> Vec<Vec<u64>> {
    site.listeners().iter().filter_map(|(_, listener, _)| site.weights(listener)).collect()
}

/// One run, five consoles: four of them are killed, right after the approval, while the run holds at its
/// gate, in the middle of the shift, and after the operator's own hold.
#[test]
fn from_the_review_to_done_by_keys_and_the_run_outlives_each_console() {
    let site = two();
    let mut console = Console::open(&site, &["--operate"]);
    let run = approved(&site, &mut console);
    until("its process is there", || count(&site, &run, "taken_up") == 1);
    console.kill();
    until("it holds at its gate", || count(&site, &run, "held") == 1);

    let mut console = Console::open(&site, &["--operate"]);
    console.attach();
    console.0.wait_for("HELD");
    console.kill();

    // None of what follows needs an armed console: it is about a run that was approved.
    let mut console = Console::open(&site, &["--operate"]);
    console.attach();
    console.goes_on(&site, &run);
    until_step(&site, &run, "10% to green");
    console.kill();

    let mut console = Console::open(&site, &["--operate"]);
    console.attach();
    until_step(&site, &run, "settle with 10%");
    console.press("h", "Hold run");
    console.0.press("y");
    until("it holds as asked", || {
        site.journal(&run).iter().any(|line| line["entry"] == "held" && line["reason"] == "asked")
    });
    console.0.wait_for("HELD");
    console.kill();

    let mut console = Console::open(&site, &["--operate"]);
    console.attach();
    console.goes_on(&site, &run);
    until_step(&site, &run, "gate before-end");
    console.goes_on(&site, &run);
    console.0.wait_for("DONE");
    assert_eq!(site.settled(&run)["state"], "done");
    assert!(weights(&site).iter().all(|of| of == &[0, 100]), "{:?}", weights(&site));
    let taken = site.journal(&run).iter().filter(|line| line["entry"] == "taken_up").count();
    assert_eq!(taken, 1, "one process, whatever became of the consoles");
    assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (1, 1));
    console.0.press("q");
    assert_eq!(console.0.end().exit_code(), 0);
}

#[test]
fn aborted_and_rolled_back_by_keys() {
    let site = two();
    let mut console = Console::open(&site, &["--operate"]);
    let run = approved(&site, &mut console);
    console.goes_on(&site, &run);
    until_step(&site, &run, "settle with 50%");
    console.press(CTRL_X, "Abort run");
    console.0.press("green\r");
    console.press(&format!("{CTRL_U}bl"), "bl");
    let asked = |line: &Value| line["entry"] == "asked" && line["ask"] == "abort";
    assert!(!site.journal(&run).iter().any(asked), "the name of the other fleet");
    console.0.press("ue\r");
    console.0.wait_for("ABORTED");
    assert_eq!(site.settled(&run)["state"], "aborted");
    assert!(weights(&site).iter().all(|of| of[1] > 0), "traffic stays where it is");
    // The way back of one's own run: a y is enough, and the console need not be armed.
    console.press(ALT_O, "NOT ARMED");
    console.press("b", "y and Enter run it");
    console.0.press("y\r");
    until("a second run", || runs(&site).len() == 2);
    let back = runs(&site).into_iter().find(|one| one != &run).unwrap();
    console.0.wait_for("DONE");
    assert_eq!(site.settled(&back)["state"], "done");
    assert!(weights(&site).iter().all(|of| of == &[100, 0]), "{:?}", weights(&site));
    assert_eq!(site.calls("CreateService"), site.calls("DeleteService"));
    // What was refused was said.
    console.press("m", "This console is not armed");
    console.0.wait_for("Type blue and Enter to run it");
    // What this host's runs wrote is told as nobody else's doing.
    console.press("\x1b", "DONE");
    console.press("F", "› Findings");
    let screen = console.0.screen();
    assert!(!screen.contains("changed from outside"), "{screen}");
}
