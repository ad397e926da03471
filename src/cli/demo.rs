//! `demo`: the console on the embedded world. No account, no network, no files needed.
//!
//! The world is a process of its own, in a process group of its own, so that suspending the
//! console does not stop it. It lives as long as anybody holds the other end of its stdin: the
//! console does, and so will a run that must outlive the console. This process then becomes the
//! console: the very program that runs on a real account, told where to look in the ways that are
//! open to everybody (flags, a configuration file, the AWS environment).

use super::args::{DemoArgs, Format, Output};
use super::output::Streams;
use super::read::{Answer, unprintable};
use super::{ExitCode, Failure, console, json};
use crate::config::{Environment, Flags};
use crate::sim::{CatalogEntry, catalog};
use rustix::io::{FdFlags, fcntl_setfd};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What the demo needs of the world's first line.
#[derive(Debug, Deserialize)]
struct Started {
    endpoint: String,
    proxy: String,
    dns: String,
    region: String,
    rate: f64,
    time: String,
    ports: BTreeMap<String, u16>,
    optional: Vec<String>,
    proxied_ports: usize,
}

pub(super) fn run(
    args: &DemoArgs,
    env: &Environment,
    flags: &Flags,
    streams: &mut Streams<'_>,
) -> Result<ExitCode, Failure> {
    if args.list {
        let answer = list(args.format)?;
        return match streams.print(&answer.text) {
            Ok(_) => Ok(answer.code),
            Err(error) => Err(unprintable(&error)),
        };
    }
    refuse_elsewhere(flags)?;
    console::needs_a_terminal()?;
    let program = std::env::current_exe().map_err(|error| cannot("find this program", &error))?;
    let scratch = std::env::temp_dir().join(format!("quarterdeck-demo-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).map_err(|error| cannot("make a directory", &error))?;
    let started = start(&program, args, env, &scratch).and_then(|(world, started)| {
        let config = scratch.join("config.toml");
        std::fs::write(&config, configuration(&started))
            .map_err(|error| cannot("write the demo's configuration", &error))?;
        Ok((world, started, config))
    });
    let (world, started, config) = match started {
        Ok(started) => started,
        Err(failure) => {
            let _ = std::fs::remove_dir_all(&scratch);
            return Err(failure);
        }
    };
    let mut command = Command::new(program);
    aws_environment(&mut command, env);
    command
        .arg("--config")
        .arg(config)
        .arg("--state-dir")
        .arg(flags.state_dir.as_ref().unwrap_or(&scratch))
        .args(["--endpoint-url", &started.endpoint, "--region", &started.region])
        .args(["--dns-server", &started.dns])
        .args(forwarded(flags));
    if (started.rate - 1.0).abs() > f64::EPSILON {
        command.arg("--clock").arg(format!("{}@{}", started.time, started.rate));
    }
    become_console(command, world)
}

/// Starts the world, and waits for its first line.
fn start(
    program: &Path,
    args: &DemoArgs,
    env: &Environment,
    scratch: &Path,
) -> Result<(Child, Started), Failure> {
    let mut command = Command::new(program);
    aws_environment(&mut command, env);
    command.args(["sim", "serve", "--until-stdin-closes", "--scratch"]).arg(scratch);
    command.args(args.world.as_args());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
    let mut world = command.spawn().map_err(|error| cannot("start the world", &error))?;
    let mut line = String::new();
    if let Some(stdout) = world.stdout.take() {
        let read = BufReader::new(stdout).read_line(&mut line);
        read.map_err(|error| cannot("hear from the world", &error))?;
    }
    if line.is_empty() {
        // It has said on stderr why; its exit code is ours.
        let code = world.wait().ok().and_then(|status| status.code());
        let code = if code == Some(2) { ExitCode::Usage } else { ExitCode::Failed };
        return Err(Failure { code, ..cannot("start the world", &unexpected("see above")) });
    }
    let started = serde_json::from_str(&line)
        .map_err(|error| cannot("understand the world", &unexpected(&error.to_string())))?;
    Ok((world, started))
}

/// Becomes the console. What is left of this process is the open end of the world's stdin: it
/// must live as long as the console, so it is not closed when the program is exchanged.
fn become_console(mut command: Command, world: Child) -> Result<ExitCode, Failure> {
    if let Some(stdin) = &world.stdin {
        fcntl_setfd(stdin, FdFlags::empty())
            .map_err(|error| cannot("hold on to the world", &error.into()))?;
    }
    let error = command.exec();
    Err(cannot("become the console", &error))
}

/// The operator's own AWS environment has no say in a demo, and nothing of it is shown to the
/// world. Nor have the proxies of the network: everything here is on this host.
fn aws_environment(command: &mut Command, env: &Environment) {
    let ours =
        |name: &str| name.starts_with("AWS_") || name.to_ascii_lowercase().ends_with("_proxy");
    for name in env.names().filter(|name| ours(name)) {
        command.env_remove(name);
    }
    command.envs([
        ("AWS_ACCESS_KEY_ID", "demo"),
        ("AWS_SECRET_ACCESS_KEY", "demo"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ]);
}

/// A demo looks at its own world. A flag that points elsewhere is a misunderstanding, and must not
/// be dropped in silence: somebody might believe to look at their own account.
fn refuse_elsewhere(flags: &Flags) -> Result<(), Failure> {
    let given = [
        (flags.region.is_some(), "--region"),
        (flags.profile.is_some(), "--profile"),
        (flags.endpoint_url.is_some(), "--endpoint-url"),
        (flags.context.is_some(), "--context"),
        (flags.config.is_some(), "--config"),
        (flags.namespace.is_some(), "--namespace"),
        (flags.load_balancer.is_some(), "--load-balancer"),
        (flags.dns_server.is_some(), "--dns-server"),
    ];
    match given.into_iter().find(|(is_given, _)| *is_given) {
        None => Ok(()),
        Some((_, name)) => Err(Failure {
            what: "start the demo".into(),
            causes: vec![format!("{name} has no meaning here: the demo has a world of its own")],
            next: format!("Leave out {name}, or leave out `demo` to look at your own account."),
            code: ExitCode::Usage,
        }),
    }
}

/// Flags about looks, patience and what is allowed are passed on; flags about where to look are the demo's own.
fn forwarded(flags: &Flags) -> Vec<String> {
    let switches = [
        (flags.ascii, "--ascii"),
        (flags.no_color, "--no-color"),
        (flags.no_probes, "--no-probes"),
        (flags.operate, "--operate"),
        (flags.read_only, "--read-only"),
    ];
    let mut all: Vec<String> =
        switches.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.to_owned()).collect();
    for (name, value) in [("--keymap", &flags.keymap), ("--theme", &flags.theme)] {
        all.extend(value.iter().flat_map(|value| [name.to_owned(), value.clone()]));
    }
    for (name, path) in [("--log", &flags.log), ("--record", &flags.record)] {
        all.extend(path.iter().flat_map(|path| [name.to_owned(), path.display().to_string()]));
    }
    all
}

/// How the world's nodes are probed, written as any operator would.
fn configuration(started: &Started) -> String {
    let mut text = String::new();
    if started.proxied_ports > 0 {
        text.push_str(&format!("[probes]\nproxy = {:?}\n", started.proxy));
    }
    for product in ["grafana", "loki", "tempo", "healthz"] {
        if let Some(port) = started.ports.get(product) {
            text.push_str(&format!("[probes.{product}]\nport = {port}\n"));
            if started.optional.iter().any(|one| one == product) {
                text.push_str("optional = true\n");
            }
        }
    }
    text
}

/// All worlds: what is wrong in each, and how to know that it is solved.
fn list(format: Format) -> Result<Answer, Failure> {
    let entries = catalog();
    let text = match format.output {
        Output::Json => json::line(&entries)?,
        Output::Table => entries.iter().map(entry).collect(),
    };
    Ok(Answer::of(text))
}

fn entry(entry: &CatalogEntry) -> String {
    let CatalogEntry { name, title, wrong, solved } = entry;
    format!("{name}\n    {title}\n    wrong:  {wrong}\n    solved: {solved}\n\n")
}

fn unexpected(text: &str) -> std::io::Error {
    std::io::Error::other(text.to_owned())
}

fn cannot(what: &str, error: &std::io::Error) -> Failure {
    let next = "Correct what it says, or try `quarterdeck demo` without options.";
    Failure::new(ExitCode::Failed, what, error, next)
}

impl super::args::WorldArgs {
    /// The same, as arguments of `sim serve`.
    fn as_args(&self) -> Vec<String> {
        let mut all = vec!["--speed".to_owned(), self.speed.to_string()];
        let pairs = [
            ("--world", self.world.clone()),
            ("--fleets", self.fleets.map(|number| number.to_string())),
            ("--nodes", self.nodes.map(|number| number.to_string())),
            ("--start", self.start.map(|start| start.to_string())),
        ];
        for (name, value) in pairs {
            all.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_reads_well_and_says_what_differs() {
        let started = Started {
            endpoint: "http://127.0.0.1:1".into(),
            proxy: "http://127.0.0.1:2".into(),
            dns: "127.0.0.1:3".into(),
            region: "us-west-2".into(),
            rate: 1.0,
            time: "2026-11-22T14:00:00Z".into(),
            ports: [("loki".to_owned(), 13_100), ("otlp".to_owned(), 4317)].into(),
            optional: vec!["loki".into()],
            proxied_ports: 4,
        };
        let text = configuration(&started);
        assert!(text.contains("proxy = \"http://127.0.0.1:2\""), "{text}");
        assert!(text.contains("[probes.loki]\nport = 13100\noptional = true"), "{text}");
        assert!(!text.contains("otlp"), "{text}");
    }

    #[test]
    fn what_points_elsewhere_is_refused() {
        assert!(refuse_elsewhere(&Flags::default()).is_ok());
        let flags = Flags { profile: Some("prod".into()), ..Flags::default() };
        let failure = refuse_elsewhere(&flags).unwrap_err();
        assert_eq!(failure.code, ExitCode::Usage);
        assert!(failure.causes[0].contains("--profile"), "{failure:?}");
    }

    #[test]
    fn the_list_says_of_every_world_what_is_wrong_and_when_it_is_solved() {
        let text = list(Format { output: Output::Table }).unwrap().text;
        assert_eq!(text.matches("    wrong:  ").count(), catalog().len());
        assert_eq!(text.matches("    solved: ").count(), catalog().len());
        let text = list(Format { output: Output::Json }).unwrap().text;
        let entries: Vec<BTreeMap<String, String>> = serde_json::from_str(&text).unwrap();
        assert_eq!(entries[0]["name"], "blue-green");
    }
}
