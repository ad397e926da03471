//! Ctrl-C while a command waits for the world ends it with 130. The signal goes to a process of
//! its own: this test binary runs the ignored test below in a child, so that no other test is hit.

use quarterdeck::cli::{Change, Check, ExitCode, Failure, Round, Streams, World, run_in};
use quarterdeck::clock::Clock;
use quarterdeck::config::{Environment, Settings};
use std::ffi::OsString;
use std::process::Command;
use tokio::sync::mpsc;

/// A world that never answers, and that presses Ctrl-C when asked.
struct Hanging;

impl Hanging {
    async fn interrupt_and_hang<T>(&self) -> T {
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::INT).unwrap();
        std::future::pending().await
    }
}

impl World for Hanging {
    async fn round(&self, _: &Settings, _: &Clock) -> Result<Round, Failure> {
        self.interrupt_and_hang().await
    }

    async fn watch(
        &self,
        _: &Settings,
        _: &Clock,
        changes: mpsc::Sender<Change>,
    ) -> Result<(), Failure> {
        let hanging = self.interrupt_and_hang().await;
        drop(changes);
        hanging
    }

    async fn check_services(&self, _: &Settings) -> Vec<Check> {
        self.interrupt_and_hang().await
    }

    fn console(&self, _: Settings, _: Clock, _: &Environment) -> Result<ExitCode, Failure> {
        Ok(ExitCode::Done)
    }
}

#[test]
fn ctrl_c_ends_a_waiting_command_with_130() {
    let own = std::env::current_exe().unwrap();
    let child = Command::new(own)
        .args(["--ignored", "--exact", "cli_interrupt::interrupted_commands"])
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && out.contains("1 passed"), "{child:?}");
}

#[test]
#[ignore = "interrupts its own process: run by ctrl_c_ends_a_waiting_command_with_130"]
fn interrupted_commands() {
    let home =
        [("HOME", OsString::from("/nonexistent")), ("XDG_STATE_HOME", std::env::temp_dir().into())];
    let env: Environment = home.into_iter().collect();
    for command in ["fleets", "watch", "doctor"] {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let streams = Streams { out: &mut out, err: &mut err };
        let args = ["quarterdeck", command].map(OsString::from);
        assert_eq!(run_in(args, &env, &Hanging, streams), ExitCode::Interrupted, "{command}");
    }
}
