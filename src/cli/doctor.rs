//! `doctor`: everything that is needed, one line a check, what can be told without a network
//! first. Ends with 0 when nothing failed, 2 when the configuration is wrong, 4 when something a
//! read needs failed.

use super::output::{Reader, Streams};
use super::read::unprintable;
use super::run::on_runtime;
use super::table::clean;
use super::world::World;
use super::{ExitCode, Failure};
use crate::config::{self, Environment, Flags, Origin, Settings, is_utf8, without_password};
use std::io::IsTerminal;
use std::path::Path;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Health {
    /// As it should be.
    Ok,
    /// Something will be missing or odd; the rest works.
    Warn,
    /// What reads need is not there.
    Fail,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was checked, in a word or two.
    pub name: String,
    /// How it came out.
    pub health: Health,
    /// What was seen.
    pub text: String,
    /// What to do, unless all is well.
    pub next: Option<String>,
}

impl Check {
    /// A check that is as it should be.
    pub fn ok(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), health: Health::Ok, text: text.into(), next: None }
    }

    /// A check that is not, and what to do about it.
    pub fn not_ok(
        health: Health,
        name: impl Into<String>,
        text: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self { name: name.into(), health, text: text.into(), next: Some(next.into()) }
    }

    fn line(&self) -> String {
        let next = self.next.as_ref().map(|next| format!("\n      next: {}", clean(next)));
        format!(
            "{:<4}  {:<14}  {}{}\n",
            self.health.to_string(),
            self.name,
            clean(&self.text),
            next.unwrap_or_default()
        )
    }
}

pub(super) fn run<W: World>(
    env: &Environment,
    flags: &Flags,
    world: &W,
    streams: &mut Streams<'_>,
) -> Result<ExitCode, Failure> {
    let loaded = config::load(env, flags);
    let mut checks = vec![configuration(&loaded)];
    checks.push(terminal(env, std::io::stdout().is_terminal()));
    checks.push(locale(env));
    let Ok(settings) = &loaded else {
        let _ = print(&checks, streams)?;
        return Ok(ExitCode::Usage);
    };
    checks.extend(settings.notes.iter().map(|note| override_of_context(note)));
    checks.push(state_dir(&settings.state_dir));
    checks.push(region(settings, env));
    checks.push(credentials(settings, env));
    checks.push(endpoint(settings));
    // What the machine itself says is printed before the network is asked: that may take a while.
    if print(&checks, streams)? == Reader::Left {
        return Ok(code(&checks));
    }
    let services = on_runtime(super::console::clock(settings), async |_clock| {
        tokio::select! {
            biased;
            stop = tokio::signal::ctrl_c() => Err(super::read::interrupted(stop)),
            checks = world.check_services(settings) => Ok(checks),
        }
    })?;
    let _ = print(&services, streams)?;
    checks.extend(services);
    Ok(code(&checks))
}

fn print(checks: &[Check], streams: &mut Streams<'_>) -> Result<Reader, Failure> {
    let text: String = checks.iter().map(Check::line).collect();
    streams.print(&text).map_err(|error| unprintable(&error))
}

fn code(checks: &[Check]) -> ExitCode {
    let failed = checks.iter().any(|check| check.health == Health::Fail);
    if failed { ExitCode::LacksData } else { ExitCode::Done }
}

fn configuration(loaded: &Result<Settings, config::ConfigError>) -> Check {
    match loaded {
        Ok(settings) => match &settings.file {
            Some(path) => Check::ok("configuration", format!("{} reads well", path.display())),
            None => Check::ok("configuration", "no file; none is needed"),
        },
        Err(error) => {
            let failure_next = error.next_step();
            let source = std::error::Error::source(error);
            let cause = source.map(|cause| format!(": {cause}")).unwrap_or_default();
            Check::not_ok(Health::Fail, "configuration", format!("{error}{cause}"), failure_next)
        }
    }
}

fn override_of_context(note: &str) -> Check {
    let next = "Unset the variable, or leave the context out.";
    Check::not_ok(Health::Warn, "context", note, next)
}

fn terminal(env: &Environment, is_terminal: bool) -> Check {
    let name = env.text("TERM").unwrap_or("unset");
    if !is_terminal {
        let next = "The commands work; run the console in a terminal (ssh -t).";
        return Check::not_ok(Health::Warn, "terminal", "standard output is none", next);
    }
    match name {
        "unset" | "dumb" => Check::not_ok(
            Health::Warn,
            "terminal",
            format!("TERM is {name}"),
            "Set TERM to what the terminal is (xterm-256color, tmux-256color, …).",
        ),
        name => Check::ok("terminal", format!("TERM is {name}")),
    }
}

fn locale(env: &Environment) -> Check {
    let next = "The console keeps to ASCII. Set LANG to a UTF-8 locale (C.UTF-8) for shapes.";
    match env.locale() {
        Some((name, value)) if is_utf8(value) => Check::ok("locale", format!("{name} is {value}")),
        Some((name, value)) => {
            Check::not_ok(Health::Warn, "locale", format!("{name} is {value}, not UTF-8"), next)
        }
        None => Check::not_ok(Health::Warn, "locale", "none is set", next),
    }
}

/// Whether the directory can be written, or made where it is missing. Only a try tells, and a
/// check leaves nothing behind: so what is tried is the nearest directory that is there.
fn state_dir(path: &Path) -> Check {
    let there = path.ancestors().find(|one| one.exists() && !one.as_os_str().is_empty());
    let probe = there.unwrap_or(Path::new(".")).join(format!(".doctor-{}", std::process::id()));
    let tried = std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe));
    match tried {
        Ok(()) => Check::ok("state", format!("{} can be written", path.display())),
        Err(error) => Check::not_ok(
            Health::Warn,
            "state",
            format!("{} cannot be written: {error}", path.display()),
            "Name another with --state-dir: reads work, but nothing is remembered and no run can start.",
        ),
    }
}

fn region(settings: &Settings, env: &Environment) -> Check {
    match &settings.aws.region {
        Some(region) => {
            Check::ok("region", format!("{region} ({})", origin(settings, "aws.region")))
        }
        None if shared_file(env, "AWS_CONFIG_FILE", "config").is_some() => {
            Check::ok("region", "left to the profile in the AWS configuration file")
        }
        None => Check::not_ok(
            Health::Warn,
            "region",
            "no flag, variable, context or AWS configuration file names one",
            "Set AWS_REGION or --region, unless this is an EC2 instance that knows its own.",
        ),
    }
}

/// What the SDK's chain will find first, as far as that can be told without asking anybody. Only
/// names are looked at, never a secret.
fn credentials(settings: &Settings, env: &Environment) -> Check {
    let has = |name: &str| env.text(name).is_some();
    let name = "credentials";
    let files = [("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
    let file = || files.iter().find_map(|(variable, file)| shared_file(env, variable, file));
    if has("AWS_ACCESS_KEY_ID") && has("AWS_SECRET_ACCESS_KEY") {
        let kind = if has("AWS_SESSION_TOKEN") { "temporary keys" } else { "keys" };
        return Check::ok(name, format!("{kind} from the environment"));
    }
    match (&settings.aws.profile, file()) {
        (Some(profile), Some(path)) => {
            let from = origin(settings, "aws.profile");
            Check::ok(name, format!("profile {profile} ({from}) in {path}"))
        }
        (Some(profile), None) => Check::not_ok(
            Health::Fail,
            name,
            format!("the profile {profile} is asked for, and there is no AWS configuration file"),
            "Run `aws configure`, or leave the profile out.",
        ),
        (None, Some(path)) => Check::ok(name, format!("the default profile in {path}")),
        (None, None) if has("AWS_WEB_IDENTITY_TOKEN_FILE") => {
            Check::ok(name, "a web identity token")
        }
        (None, None)
            if has("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
                || has("AWS_CONTAINER_CREDENTIALS_FULL_URI") =>
        {
            Check::ok(name, "the container's role")
        }
        (None, None) if env.text("AWS_EC2_METADATA_DISABLED") == Some("true") => Check::not_ok(
            Health::Fail,
            name,
            "no keys, no profile, no role, and instance metadata is turned off",
            "Set AWS_PROFILE or --profile, or export credentials.",
        ),
        (None, None) => Check::not_ok(
            Health::Warn,
            name,
            "only the instance's own role is left, if this is an EC2 instance",
            "Elsewhere: set AWS_PROFILE or --profile, or export credentials.",
        ),
    }
}

/// The AWS file in use, where there is one.
fn shared_file(env: &Environment, variable: &str, file: &str) -> Option<String> {
    let path = match env.path(variable) {
        Some(path) => path,
        None => env.path("HOME")?.join(".aws").join(file),
    };
    path.is_file().then(|| path.display().to_string())
}

fn endpoint(settings: &Settings) -> Check {
    let from = origin(settings, "aws.endpoint_url");
    match (&settings.aws.endpoint_url, settings.origins.get("aws.endpoint_url")) {
        (Some(url), _) => Check::ok("endpoint", format!("{} ({from})", without_password(url))),
        (None, Some(Origin::Env(name))) => Check::ok("endpoint", format!("by {name}")),
        (None, _) => Check::ok("endpoint", "AWS's own"),
    }
}

fn origin(settings: &Settings, key: &str) -> String {
    settings.origins.get(key).unwrap_or(&Origin::Default).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Environment {
        pairs.iter().copied().collect()
    }

    fn settings(env: &Environment, flags: &Flags) -> Settings {
        config::load(env, flags).unwrap()
    }

    #[test]
    fn the_source_of_credentials_is_told_without_a_network_and_without_secrets() {
        let off = ("AWS_EC2_METADATA_DISABLED", "true");
        let keys = [("AWS_ACCESS_KEY_ID", "AKIAX"), ("AWS_SECRET_ACCESS_KEY", "hush")];
        type Variables<'a> = &'a [(&'a str, &'a str)];
        let rows: [(Variables, Health, &str); 7] = [
            (&keys, Health::Ok, "keys from the environment"),
            (
                &[keys[0], keys[1], ("AWS_SESSION_TOKEN", "t")],
                Health::Ok,
                "temporary keys from the environment",
            ),
            (
                &[("AWS_PROFILE", "p")],
                Health::Fail,
                "the profile p is asked for, and there is no AWS configuration file",
            ),
            (&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t")], Health::Ok, "a web identity token"),
            (
                &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://x")],
                Health::Ok,
                "the container's role",
            ),
            (&[], Health::Warn, "only the instance's own role is left, if this is an EC2 instance"),
            (
                &[off],
                Health::Fail,
                "no keys, no profile, no role, and instance metadata is turned off",
            ),
        ];
        for (variables, health, text) in rows {
            let env = env(&[variables, &[("HOME", "/nonexistent")]].concat());
            let check = credentials(&settings(&env, &Flags::default()), &env);
            assert_eq!((check.health, check.text.as_str()), (health, text));
            assert!(!check.line().contains("hush"));
        }
    }

    #[test]
    fn locale_and_terminal_warn_and_say_what_to_do() {
        assert_eq!(locale(&env(&[("LANG", "C.UTF-8")])).health, Health::Ok);
        assert_eq!(locale(&env(&[("LC_ALL", "C"), ("LANG", "C.UTF-8")])).health, Health::Warn);
        assert_eq!(locale(&env(&[])).text, "none is set");
        assert_eq!(terminal(&env(&[("TERM", "tmux")]), true).health, Health::Ok);
        assert_eq!(terminal(&env(&[("TERM", "dumb")]), true).text, "TERM is dumb");
        assert_eq!(terminal(&env(&[("TERM", "tmux")]), false).health, Health::Warn);
    }

    #[test]
    fn a_state_directory_is_tried_and_left_as_it_was() {
        let dir = std::env::temp_dir().join(format!("quarterdeck-doctor-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        assert_eq!(state_dir(&dir.join("a/b")).health, Health::Ok);
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0, "nothing is left behind");
        std::fs::write(dir.join("file"), b"").unwrap();
        let check = state_dir(&dir.join("file/below"));
        assert_eq!(check.health, Health::Warn);
        assert!(check.line().contains("next: Name another with --state-dir"));
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn only_a_failed_check_ends_with_lacking_data() {
        let check = |health| Check::not_ok(health, "x", "y", "z");
        assert_eq!(code(&[check(Health::Ok), check(Health::Warn)]), ExitCode::Done);
        assert_eq!(code(&[check(Health::Ok), check(Health::Fail)]), ExitCode::LacksData);
    }
}
