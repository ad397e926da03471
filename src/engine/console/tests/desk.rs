//! Evidence, copies, notes and snoozes through the real loop: what is pressed, what is in the files
//! and the clipboard after, and what a later console finds.

use super::super::*;
use crate::app::fixture::{self, at};
use crate::app::{RowId, desk::CLIPBOARD};
use crate::config::Settings;
use crate::core::finding::{Finding, FindingKind, Severity};
use crate::core::inventory::Identity;
use crate::core::source::Fragment;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// What a terminal showed last, and what was sent to its clipboard.
#[derive(Clone, Default)]
struct Glass(Arc<Mutex<(Option<Model>, Vec<String>)>>);

impl Surface for Glass {
    fn is_ready(&self) -> bool {
        true
    }
    fn paint(&mut self, model: &Model, _: Operator) -> io::Result<Painted> {
        self.0.lock().unwrap().0 = Some(model.clone());
        Ok(Painted::Whole)
    }
    async fn written(&mut self) -> io::Result<()> {
        std::future::pending().await
    }
    fn forget(&mut self) {}
    fn suspend(&mut self) -> Result<(), &'static str> {
        Err("Nothing here could resume it.")
    }
    fn resume(&mut self) {}
    fn copy(&mut self, text: &str) {
        self.0.lock().unwrap().1.push(text.to_owned());
    }
    fn size(&self) -> Option<Size> {
        Some(Size { columns: 80, rows: 24 })
    }
}

/// A directory that is there for one test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("quarterdeck-desk-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn settings(&self) -> Settings {
        let state_dir = self.0.clone();
        let home = Some(state_dir.clone());
        let evidence_dir = state_dir.join("evidence");
        Settings { evidence_dir, state_dir: state_dir.into(), home, ..fixture::settings() }
    }

    fn evidence(&self) -> Vec<PathBuf> {
        let all = std::fs::read_dir(self.0.join("evidence")).unwrap();
        let mut all: Vec<_> = all.map(|one| one.unwrap().path()).collect();
        all.sort();
        all
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn joined(_: &Inventory, _: Option<&Estate>, _: Timestamp, _: &Policy) -> Estate {
    fixture::troubled()
}

/// A console at work: the model as it was painted last, and the clipboard.
struct Session {
    glass: Glass,
    typing: mpsc::Sender<Input>,
    news: mpsc::Sender<SourceEvent>,
}

impl Session {
    async fn press(&self, keys: &str) {
        for key in keys.split_whitespace() {
            self.typing.send(Input::Chord(key.parse().unwrap())).await.unwrap();
        }
    }

    async fn paste(&self, text: &str) {
        self.typing.send(Input::Paste(text.to_owned())).await.unwrap();
    }

    /// Waits until the model is so.
    async fn until<T>(&self, wanted: impl Fn(&Model) -> Option<T>) -> T {
        for _ in 0..2_000 {
            if let Some(found) = self.glass.0.lock().unwrap().0.as_ref().and_then(&wanted) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let said = self.glass.0.lock().unwrap().0.as_ref().map(|it| it.notices.all().to_vec());
        panic!("it never came: {said:?}");
    }

    /// Waits for a notice with this in it.
    async fn said(&self, part: &str) -> String {
        let like = |model: &Model| {
            let all = model.notices.all().iter().rev();
            all.map(|one| one.text.clone()).find(|text| text.contains(part))
        };
        self.until(like).await
    }

    fn copied(&self) -> Vec<String> {
        self.glass.0.lock().unwrap().1.clone()
    }

    /// Tells whose account it is, so that what was kept is recalled.
    async fn identified(&self) {
        let account = Identity { account: "123456789012".into(), arn: "arn:aws:sts::1:x".into() };
        let read = fixture::read(Scope::Identity, 5, Ok(Fragment::Identity(account)));
        let EventKind::Source(event) = read else { unreachable!("read makes source events") };
        self.news.send(event).await.unwrap();
        self.until(|model| model.inventory.identity.value().map(drop)).await;
    }
}

/// Runs a console on a troubled world, started at a second, and somebody at it.
async fn session(settings: &Settings, second: i64, operator: impl AsyncFnOnce(&Session)) {
    let (news, events) = mpsc::channel(64);
    let (typing, input) = mpsc::channel(64);
    let (feed, _orders) = Feed::of_channel(settings, events);
    let mut model = fixture::model(80, 24);
    model.desk.by = "ana@bastion".into();
    fixture::show(&mut model, second, fixture::troubled());
    let clock = Clock::on_tokio(at(second), 1.0);
    let operations = Operations::none();
    let start = Start {
        model,
        clock,
        reconcile: joined,
        feed,
        input,
        operations,
        enter: crate::engine::no_contexts(),
        elsewhere: crate::engine::Elsewhere::nowhere(),
        recorder: Recorder::none(),
    };
    let mut glass = Glass::default();
    let session = Session { glass: glass.clone(), typing, news };
    let at_it = async {
        operator(&session).await;
        session.press("ctrl-c").await;
    };
    let (ending, ()) = tokio::join!(run(start, &mut glass), at_it);
    assert_eq!(ending.unwrap(), Ending::Quit);
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn evidence_is_a_file_of_ones_own_and_the_clipboard() {
    let scratch = Scratch::new("evidence");
    session(&scratch.settings(), 10, async |it| {
        it.press("E").await;
        let said = it.said("Evidence").await;
        let files = scratch.evidence();
        let [file] = files.as_slice() else { panic!("{files:?}") };
        let text = std::fs::read_to_string(file).unwrap();
        // The whole of it is seen at 120 columns, and a shell takes it as it stands.
        let name = file.file_name().unwrap().to_string_lossy();
        let (bytes, path) = (text.len(), format!("~/evidence/{name}"));
        assert_eq!(said, format!("Evidence ({bytes} bytes, also on the clipboard): {path}"));
        assert_eq!(it.copied(), std::slice::from_ref(&text));
        assert!(text.contains("## Findings: 2\n") && text.contains("boot_race"), "{text}");
        assert_eq!((mode(file), mode(file.parent().unwrap())), (0o600, 0o700));
    })
    .await;
}

#[tokio::test]
async fn evidence_that_is_asked_for_last_is_written_all_the_same_and_nothing_written_over() {
    let scratch = Scratch::new("last");
    session(&scratch.settings(), 10, async |it| it.press("E E E").await).await;
    let names: Vec<_> = scratch.evidence();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_said_and_the_console_goes_on() {
    let scratch = Scratch::new("unwritable");
    let settings = Settings { evidence_dir: "/proc/nowhere/evidence".into(), ..scratch.settings() };
    session(&settings, 10, async |it| {
        it.press("E").await;
        let said = it.said("Failed to write evidence").await;
        assert_eq!(
            said,
            "Failed to write evidence in /proc/nowhere/evidence: No such file or directory \
             (os error 2). Set evidence_dir to a directory that can be written. It was sent to the \
             clipboard all the same."
        );
        assert_eq!(it.copied().len(), 1);
        it.press("F").await;
        it.until(|model| {
            matches!(model.screen().list.selected(), Some(RowId::Cause(_))).then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn what_is_too_big_for_a_clipboard_is_only_in_the_file() {
    let scratch = Scratch::new("big");
    session(&scratch.settings(), 10, async |it| {
        for number in 0..400 {
            it.press(": n o t e space").await;
            it.paste(&format!("{number} {}", "x".repeat(240))).await;
            it.press("enter").await;
        }
        it.press("E").await;
        let said = it.said("Evidence").await;
        assert!(said.contains(" KB, too big for the clipboard): ~/evidence/evidence-"), "{said}");
        assert_eq!(it.copied(), Vec::<String>::new());
        let file = scratch.evidence().remove(0);
        assert!(std::fs::metadata(file).unwrap().len() > CLIPBOARD as u64);
    })
    .await;
}

#[tokio::test]
async fn a_snooze_and_a_note_are_there_after_a_restart_and_the_snooze_ends_by_itself() {
    let scratch = Scratch::new("restart");
    let snoozed = |model: &Model| {
        let first = model.causes.first().map(|cause| cause.key.kind);
        let held = model.causes.iter().filter(|cause| model.snooze(&cause.key).is_some()).count();
        (held == 1).then_some(first).flatten()
    };
    session(&scratch.settings(), 10, async |it| {
        it.press("F").await;
        it.until(|model| {
            matches!(model.screen().list.selected(), Some(RowId::Cause(key))
                if key.kind == FindingKind::BootRace)
            .then_some(())
        })
        .await;
        // Before anybody knows whose account it is.
        it.press("z").await;
        it.paste("somebody is at it").await;
        it.press("enter n").await;
        it.paste("called the owner").await;
        it.press("enter").await;
        assert_eq!(it.until(snoozed).await, FindingKind::ProbeFailed, "what is snoozed is last");
        it.identified().await;
    })
    .await;
    let file = scratch.0.join("memory/123456789012-us-west-2.notes.json");
    assert_eq!(mode(&file), 0o600);
    session(&scratch.settings(), 1800, async |it| {
        it.identified().await;
        assert_eq!(it.until(snoozed).await, FindingKind::ProbeFailed);
        let noted = |model: &Model| {
            let mut all = model.timeline.newest_first();
            all.find(|one| one.text == "ana@bastion: called the owner").map(drop)
        };
        it.until(noted).await;
    })
    .await;
    session(&scratch.settings(), 3700, async |it| {
        it.identified().await;
        it.until(|model| model.timeline.newest_first().next().map(drop)).await;
        it.until(|model| {
            (model.causes.first().map(|it| it.key.kind) == Some(FindingKind::BootRace))
                .then_some(())
        })
        .await;
        assert!(it.until(|model| Some(snoozed(model))).await.is_none());
    })
    .await;
}

/// A bookmark outlives the console that saw what it is put at, until it is taken away.
#[tokio::test]
async fn a_bookmark_is_there_after_a_restart_with_what_it_is_put_at() {
    let scratch = Scratch::new("bookmark");
    let marked = |model: &Model| -> Vec<String> {
        let all = model.timeline.newest_first();
        let all = all.filter(|one| model.timeline.is_bookmarked(one.seq));
        all.map(crate::core::timeline::Entry::line).collect()
    };
    let mut first = Vec::new();
    session(&scratch.settings(), 10, async |it| {
        it.identified().await;
        it.press("n").await;
        it.paste("called the owner").await;
        it.press("enter T b").await;
        first = it.until(|model| Some(marked(model)).filter(|all| !all.is_empty())).await;
        it.said("Bookmarked").await;
    })
    .await;
    assert_eq!(first.len(), 1, "{first:?}");
    // What was only seen, too: nothing tells of it again.
    let file = scratch.0.join("memory/123456789012-us-west-2.notes.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut kept: crate::core::annotations::Annotations = serde_json::from_str(&text).unwrap();
    let mut seen = kept.bookmarks[0].clone();
    (seen.origin, seen.text) = (crate::core::timeline::Origin::Seen, "loki fails".into());
    kept.bookmarks.push(seen);
    std::fs::write(&file, serde_json::to_string(&kept).unwrap()).unwrap();
    session(&scratch.settings(), 1800, async |it| {
        it.identified().await;
        let all = it.until(|model| Some(marked(model)).filter(|all| all.len() == 2)).await;
        assert!(all[0].ends_with("loki fails") && all[1] == first[0], "{all:?}");
        it.press("T").await;
        it.press("/ m a r k : b o o k enter b").await;
        it.said("The bookmark is taken away").await;
    })
    .await;
    session(&scratch.settings(), 1900, async |it| {
        it.identified().await;
        let all = it.until(|model| Some(marked(model)).filter(|all| !all.is_empty())).await;
        assert_eq!(all, first);
    })
    .await;
}

#[tokio::test]
async fn what_was_kept_and_cannot_be_read_is_said_and_never_written_over() {
    let scratch = Scratch::new("broken");
    let file = scratch.0.join("memory/123456789012-us-west-2.notes.json");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "{ half").unwrap();
    session(&scratch.settings(), 10, async |it| {
        it.identified().await;
        let said = it.said("Failed to read what was kept").await;
        assert!(said.contains("Move ") && said.contains("notes.json"), "{said}");
        it.press("n x enter").await;
        it.said("Failed to keep this").await;
    })
    .await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{ half");
}

#[tokio::test]
async fn a_command_of_a_node_is_copied_whole() {
    let scratch = Scratch::new("copy");
    session(&scratch.settings(), 10, async |it| {
        it.press("G enter enter").await;
        it.until(|model| {
            matches!(model.screen().list.selected(), Some(RowId::Answer(_))).then_some(())
        })
        .await;
        it.press("y G y").await;
        it.said("Sent to the clipboard: aws autoscaling").await;
        let id = fixture::node_id("green-413", 1);
        assert_eq!(
            it.copied(),
            [
                id.to_string(),
                "aws autoscaling set-desired-capacity --auto-scaling-group-name green-413-asg \
                 --desired-capacity 6 --region us-west-2"
                    .to_owned()
            ]
        );
    })
    .await;
}

/// What got worse is back at once, whatever was said about it.
#[test]
fn a_finding_that_got_worse_is_snoozed_no_more() {
    let mut model = fixture::model(80, 24);
    fixture::show(&mut model, 1, fixture::troubled());
    fixture::press(&mut model, "F : s n o o z e space 1 h space x enter");
    assert_eq!(model.desk.kept.snoozes.len(), 1);
    fixture::show(&mut model, 2, fixture::troubled());
    assert_eq!(model.desk.kept.snoozes.len(), 1, "the same is no worse");
    let mut worse = fixture::troubled();
    let race = Finding::new(FindingKind::BootRace, at(3), "another registry too");
    let race = race.severity(Severity::Critical).stack(Some(&"green-413".into()));
    worse.findings.push(race.identified("other"));
    fixture::show(&mut model, 3, worse);
    assert!(model.desk.kept.snoozes.is_empty());
    let said = model.notices.current(at(3)).unwrap();
    assert_eq!(
        (said.kind, said.text.as_str()),
        (NoticeKind::Warning, "boot_race green-413 was snoozed and is back: a new case has come.")
    );
    assert_eq!(model.causes[0].key.kind, FindingKind::BootRace);
}
