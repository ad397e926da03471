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
