//! What is kept, where two consoles write at once.

use super::*;
use crate::app::fixture::at;
use crate::core::annotations::Note;

#[test]
fn two_consoles_take_nothing_of_each_others() {
    let folder = std::env::temp_dir().join(format!("quarterdeck-kept-{}", std::process::id()));
    let path = folder.join("memory/1-us.notes.json");
    let write = |by: &'static str| {
        let path = path.clone();
        std::thread::spawn(move || {
            for second in 0..20 {
                let (text, by) = (second.to_string(), by.to_owned());
                let (stack_id, instance_id) = (None, None);
                let note = Note { at: at(second), by, text, stack_id, instance_id };
                keep(&path, Change::Noted(note), at(30)).unwrap();
            }
        })
    };
    for writer in [write("ana"), write("ben")] {
        writer.join().unwrap();
    }
    assert_eq!(read(&path).unwrap().notes.len(), 40);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn half_an_evidence_is_not_left_and_a_name_is_taken_once() {
    let folder = std::env::temp_dir().join(format!("quarterdeck-once-{}", std::process::id()));
    let names: Vec<String> = (0..3)
        .map(|_| write(&folder, "evidence-x.md", "text").unwrap())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, ["evidence-x.md", "evidence-x-2.md", "evidence-x-3.md"]);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Notes of a place are kept with its account; what is recalled for a place that was left meanwhile is
/// nobody's, and what was written in one that never became known is said to be lost.
#[tokio::test]
async fn what_is_written_stays_with_the_place_it_is_about() {
    let folder = std::env::temp_dir().join(format!("quarterdeck-places-{}", std::process::id()));
    let settings = Settings { state_dir: folder.clone().into(), ..crate::app::fixture::settings() };
    let clock = Clock::on_tokio(at(30), 1.0);
    let mut desk = Desk::new(&settings, &clock);
    let note = |text: &str| {
        let (by, text) = ("ana".to_owned(), text.to_owned());
        Change::Noted(Note { at: at(29), by, text, stack_id: None, instance_id: None })
    };
    desk.recall("111", "us-west-2");
    desk.keep(note("of the first"));
    desk.leave();
    desk.keep(note("of the second"));
    desk.recall("222", "eu-west-1");
    assert_eq!(desk.next().await, Answer::Recalled(Annotations::default()));
    desk.leave();
    desk.keep(note("of nowhere"));
    desk.leave();
    let Answer::NotKept(trouble) = desk.next().await else { panic!("nothing was said") };
    assert_eq!(trouble.what, "1 notes, bookmarks or snoozes of the place before are not kept.");
    desk.finish().await;
    for (account, region, text) in
        [("111", "us-west-2", "of the first"), ("222", "eu-west-1", "of the second")]
    {
        let path = memory_file::path(&settings, account, region).with_extension("notes.json");
        let notes = read(&path).unwrap().notes;
        assert_eq!(notes.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(), [text]);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
