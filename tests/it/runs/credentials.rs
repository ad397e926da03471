//! Credentials that end before the run does: refused at the start where it is known, a hold where it
//! happens, and a hand-over to whoever resumes the run.

use super::bench::{Site, bare, shift};
use crate::bench::cli::{Cli, Outcome};
use crate::served::BINARY;
use jiff::SignedDuration;
use quarterdeck::core::plan::{Intent, Plan, Step, StepAction};
use serde_json::{Value, json};
use std::time::Duration;

impl Site {
    /// The program with an environment that says more of the credentials.
    fn run_as(&self, env: &[(&str, &str)], args: &[&str]) -> Outcome {
        let clock = format!("{}@60", self.now());
        let state = self.directory.path().join("state").display().to_string();
        let config = self.directory.path().join("config.toml").display().to_string();
        let mut all = vec!["--clock", &clock, "--endpoint-url", self.world.endpoint()];
        all.extend(["--config", &config, "--state-dir", &state, "--operate"]);
        all.extend(args);
        let bare = Cli::program(BINARY)
            .without_env("AWS_ACCESS_KEY_ID")
            .without_env("AWS_SECRET_ACCESS_KEY");
        let keys = [("AWS_ACCESS_KEY_ID", "testing"), ("AWS_SECRET_ACCESS_KEY", "testing")];
        let given = |name: &str| env.iter().any(|(key, _)| *key == name);
        let keys: Vec<_> = keys.into_iter().filter(|(name, _)| !given(name)).collect();
        let all_env = keys.iter().chain(env);
        all_env.fold(bare, |cli, (name, value)| cli.env(name, value)).run(&all)
    }
}

/// Ten minutes of waiting around one change.
fn plan(site: &Site) -> Plan {
    let wait = bare("wait", StepAction::Wait);
    let wait = Step { at_least: Duration::from_secs(600), ..wait };
    let steps = vec![wait, shift(&site.listeners()[0], &[50, 50])];
    site.plan(Intent::Undrain { nodes: Vec::new() }, steps)
}

fn started(site: &Site, plan: &Plan, env: &[(&str, &str)]) -> Outcome {
    let file = site.file(plan);
    site.run_as(env, &["apply", &file, "--execute", "--confirm", "blue", "--detach"])
}

#[test]
fn credentials_that_end_too_early_are_refused_at_the_start() {
    let site = Site::new();
    let ends = |seconds| site.now().checked_add(SignedDuration::from_secs(seconds)).unwrap();
    let soon = ends(300).to_string();
    let env = [("AWS_SESSION_TOKEN", "session"), ("AWS_CREDENTIAL_EXPIRATION", soon.as_str())];
    let refused = started(&site, &plan(&site), &env);
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("the credentials end at") && said.contains("Log in again"), "{said}");
    assert_eq!((site.names(), site.calls("CreateService")), (vec![], 0));
    // Those that last longer are not, and nothing need be said of them.
    let late = ends(36_000).to_string();
    let env = [("AWS_SESSION_TOKEN", "session"), ("AWS_CREDENTIAL_EXPIRATION", late.as_str())];
    let taken = started(&site, &plan(&site), &env);
    assert_eq!(taken.code, Some(0), "{taken:#?}");
    assert!(!taken.stderr.contains("credentials"), "{taken:#?}");
}

#[test]
fn credentials_that_do_not_say_when_they_end_are_warned_of() {
    let site = Site::new();
    let taken = started(&site, &plan(&site), &[("AWS_SESSION_TOKEN", "session")]);
    assert_eq!(taken.code, Some(0), "{taken:#?}");
    assert!(taken.stderr.contains("do not say when they end"), "{taken:#?}");
}

/// The old key expires in the middle; whoever resumes the run brings a new one, and only the new one
/// is used from then on.
#[test]
fn expiry_holds_and_resume_hands_the_callers_credentials_over() {
    let site = Site::new();
    let run = site.detach(&plan(&site));
    let waiting = |line: &Value| line["entry"] == "step_began" && line["step"] == 2;
    site.until_noted(&run, "the wait", waiting);
    site.world.inject("[[fault]]\ncall = \"*\"\nkind = \"expired\"\naccess_key = \"testing\"\n");
    let held = |line: &Value| line["entry"] == "held" && line["reason"] == "credentials";
    site.until_noted(&run, "a hold for credentials", held);
    let first = site.process(&run);
    assert_eq!(site.names(), Vec::<String>::new());
    let new = [("AWS_ACCESS_KEY_ID", "renewed")];
    let resumed = site.run_as(&new, &["run", "resume", &run]);
    assert_eq!(resumed.code, Some(0), "{resumed:#?}");
    let state = site.settled(&run);
    assert_eq!(state["state"], "done", "{state:#}");
    assert_ne!(site.process(&run), first, "another process, with the caller's environment");
    assert_eq!(site.names(), ["ModifyListener"]);
    let change = &site.changes()[0];
    assert_eq!(change["access_key"], json!("renewed"), "{change:#}");
    assert_eq!(site.run(&["audit", "verify"]).code, Some(0));
}
