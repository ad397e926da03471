//! What happens to a test whose tool is not there, and what a test is told by its environment. A
//! test installs nothing: `tests/run` does, where it can.

use std::io::Write;

/// Says loudly that a test is skipped. Where nothing may be skipped (`CI=true`), it fails instead.
#[expect(clippy::disallowed_methods, reason = "the tests have no `config` to ask")]
pub fn skip(why: &str) {
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "in CI nothing is skipped, and {why}");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not `eprintln!`, which the test runner keeps to itself while a test passes.
    let line = format!("\nSKIPPED {test}: {why}. Run tests/run, which prepares it.\n");
    drop(std::io::stderr().write_all(line.as_bytes()));
}

/// Whether `screenshots/make` runs the tests, which then write what they otherwise compare.
#[expect(clippy::disallowed_methods, reason = "the tests have no `config` to ask")]
pub fn taken_anew() -> bool {
    std::env::var_os("QUARTERDECK_PICTURES").is_some()
}
