//! What an operator can get wrong without AWS being asked: through the real binary, each answered
//! by a sentence, the cause, the next step and the right exit code, and never by a backtrace.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A directory of this test's own, removed when it ends.
struct Dir(PathBuf);

impl Dir {
    fn new(test: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("quarterdeck-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn quarterdeck(dir: &Dir, args: &[&str]) -> Output {
    command(dir, args).output().unwrap()
}

fn command(dir: &Dir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quarterdeck"));
    command
        .args(args)
        .env_clear()
        .env("HOME", &dir.0)
        .env("RUST_BACKTRACE", "full")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn bad_input_is_answered_by_cause_next_step_and_code() {
    let dir = Dir::new("bad-input");
    let typo = dir.file("typo.toml", "[aws]\nregoin = \"us-west-2\"\n");
    let path = dir.file("path.toml", "[probes.loki]\npath = \"/ingester/shutdown\"\n");
    let span = dir.file("span.toml", "timeout = \"soon\"\n");
    let place = dir.0.display().to_string();
    let rows: [(&[&str], &[&str]); 9] = [
        (
            &["--config", &typo, "fleets"],
            &[
                "failed to read the configuration",
                "typo.toml:2: aws.regoin: unknown key",
                "next: Did you mean `aws.region`?",
            ],
        ),
        (
            &["config", "check", &path],
            &[
                "path.toml:2: probes.loki.path: the path \"/ingester/shutdown\" is refused: some servers act on GET",
                "next: Correct",
            ],
        ),
        (&["config", "check", &span], &["span.toml:1: timeout: \"soon\" is no duration", "next: "]),
        (
            &["config", "check", "/nonexistent/q.toml"],
            &["cannot read /nonexistent/q.toml", "No such file", "next: Check the name"],
        ),
        // A directory cannot be read as a file, by root neither.
        (&["--config", &place, "config"], &["cannot read", "next: Look at"]),
        (&["--timeout", "90", "fleets"], &["--timeout", "\"90\" is no duration"]),
        (&["--regoin", "x", "fleets"], &["--regoin", "--region"]),
        (
            &["--context", "prod", "fleets"],
            &[
                "there is no context \"prod\" (the configuration has none)",
                "next: Add [contexts.prod]",
            ],
        ),
        (
            &[],
            &[
                "failed to open the console",
                "standard input is not a terminal",
                "next: Run it in a terminal",
            ],
        ),
    ];
    for (args, parts) in rows {
        let output = quarterdeck(&dir, args);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {err}");
        assert_eq!(text(&output.stdout), "", "{args:?}");
        for part in parts {
            assert!(err.contains(part), "{args:?}: {part:?} is not in:\n{err}");
        }
        assert!(!err.contains("backtrace") && !err.contains(".rs:"), "{args:?}: {err}");
    }
}

#[test]
fn the_sample_checks_and_shows_its_origin() {
    let dir = Dir::new("sample");
    let sample = quarterdeck(&dir, &["config", "sample"]);
    assert_eq!(sample.status.code(), Some(0));
    std::fs::create_dir_all(dir.0.join(".config/quarterdeck")).unwrap();
    let file = dir.file(".config/quarterdeck/config.toml", text(&sample.stdout));
    let check = quarterdeck(&dir, &["config", "check", &file]);
    assert_eq!(
        (check.status.code(), text(&check.stdout)),
        (Some(0), format!("{file}: ok\n").as_str())
    );
    let show = quarterdeck(&dir, &["config", "--ascii"]);
    let shown: Vec<_> = text(&show.stdout)
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(shown[0], format!("# file: {file}"));
    for line in [
        "ascii = true # flag --ascii".to_owned(),
        format!("timeout = \"30s\" # file {file}"),
        "aws.endpoint_url = \"http://127.0.0.1:9\" # environment AWS_ENDPOINT_URL".to_owned(),
    ] {
        assert!(shown.contains(&line), "{line:?} is not in {shown:#?}");
    }
}

#[test]
fn doctor_goes_on_after_a_broken_configuration() {
    let dir = Dir::new("doctor");
    let typo = dir.file("typo.toml", "tiemout = \"3s\"\n");
    let output = quarterdeck(&dir, &["doctor", "--config", &typo]);
    assert_eq!(output.status.code(), Some(2));
    let out = text(&output.stdout);
    assert!(out.starts_with("fail  configuration"), "{out}");
    assert!(out.contains("next: Did you mean `timeout`?"), "{out}");
    assert!(out.contains("warn  terminal") && out.contains("warn  locale"), "{out}");
}

#[test]
fn completions_know_the_commands() {
    let dir = Dir::new("completions");
    for shell in ["bash", "zsh", "fish"] {
        let output = quarterdeck(&dir, &["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        let script = text(&output.stdout);
        assert!(script.contains("findings") && script.contains("fail-on"), "{shell}");
    }
}

#[test]
fn a_log_goes_to_its_file_or_is_refused() {
    let dir = Dir::new("log");
    let log = dir.0.join("q.log");
    let wrong = quarterdeck(&dir, &["--log", "/nonexistent/q.log", "fleets"]);
    assert_eq!(wrong.status.code(), Some(2));
    let err = text(&wrong.stderr);
    assert!(err.starts_with("error: failed to open the log /nonexistent/q.log\n"), "{err}");
    quarterdeck(&dir, &["--log", &log.display().to_string(), "nodes"]);
    assert!(std::fs::read_to_string(&log).unwrap().contains("started"));
}

#[test]
fn a_closed_pipe_is_quiet_and_a_full_disk_is_not() {
    let dir = Dir::new("pipe");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let closed = command(&dir, &["config", "sample"]).stdout(writer).output().unwrap();
    assert_eq!((closed.status.code(), text(&closed.stderr)), (Some(0), ""));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let full = command(&dir, &["config", "sample"]).stdout(full).output().unwrap();
    assert_eq!(full.status.code(), Some(1));
    assert!(text(&full.stderr).contains("failed to write the answer"), "{full:?}");
}
