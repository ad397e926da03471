//! Threads that may wait. What reads, joins and records gives way to the thread that hears the keys
//! and to the one that writes to the terminal: on a busy host a key is answered first.

/// So much nicer than the others (`nice`(1)): a third of their share where both want a processor.
const NICER: i32 = 5;

/// Lets the calling thread, and those that it starts, give way to the others. Without the system's
/// leave all are as they were.
pub fn give_way() {
    // On Linux each thread has a priority of its own; elsewhere this would be all of them.
    if cfg!(target_os = "linux") {
        let _ = rustix::process::nice(NICER);
    }
}
