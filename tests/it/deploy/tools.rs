//! Checks of `deploy/` by somebody else's program: systemd, a shell, Terraform, and our own binary.

use super::example::Example;
use super::units::{invocations, unknown_flags};
use crate::bench::cli::{Cli, Outcome};
use crate::bench::skip::skip;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const QUARTERDECK: &str = env!("CARGO_BIN_EXE_quarterdeck");

/// A directory for one test, gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let path = path.join(format!("deploy-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.write(name, text);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Runs a tool that reads from its standard input; `None` where there is no such tool.
fn tool(program: &str, args: &[&str], input: &str) -> Option<(bool, String)> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

/// What systemd says of the units, in a root that has only them, what they run and what they need.
fn verify(example: &Example, name: &str) -> Option<String> {
    let root = Scratch::new(name);
    for unit in ["docker.service", "sysinit.target", "basic.target", "network-online.target"] {
        let run =
            if unit.ends_with(".service") { "[Service]\nExecStart=/usr/bin/docker\n" } else { "" };
        root.write(&format!("etc/systemd/system/{unit}"), &format!("[Unit]\nDescription=x\n{run}"));
    }
    for target in ["multi-user.target", "shutdown.target", "umount.target", "-.mount", "tmp.mount"]
    {
        let body = if target.ends_with(".mount") { "[Mount]\nWhat=/dev/null\n" } else { "" };
        let place = match target {
            "-.mount" => "[Mount]\nWhat=/dev/null\nWhere=/\n",
            "tmp.mount" => "[Mount]\nWhat=/dev/null\nWhere=/tmp\n",
            _ => body,
        };
        root.write(
            &format!("etc/systemd/system/{target}"),
            &format!("[Unit]\nDescription=x\n{place}"),
        );
    }
    for program in
        ["usr/bin/docker", "usr/local/bin/quarterdeck", "usr/local/bin/glt-await-termination"]
    {
        root.program(program, "#!/bin/sh\n");
    }
    root.write("etc/glt/node.env", "");
    let mut units = Vec::new();
    for (path, text) in example.ending(".service") {
        let unit = path.rsplit('/').next().unwrap();
        root.write(&format!("etc/systemd/system/{unit}"), text);
        units.push(unit.to_owned());
    }
    let root_flag = format!("--root={}", root.0.display());
    let mut args = vec!["verify", "--man=no", "--recursive-errors=no", root_flag.as_str()];
    args.extend(units.iter().map(String::as_str));
    let (good, said) = tool("systemd-analyze", &args, "")?;
    Some(if good && said.trim().is_empty() { String::new() } else { format!("failed: {said}") })
}

#[test]
fn systemd_takes_the_units() {
    let example = Example::read();
    let Some(said) = verify(&example, "units") else {
        return skip("there is no systemd-analyze");
    };
    assert_eq!(said, "");
    let healthz = "systemd/quarterdeck-healthz.service";
    for (number, (path, from, to)) in [
        (healthz, "Restart=always", "Restart=forever"),
        (healthz, "PartOf=", "PartOff="),
        (healthz, "/usr/local/bin/quarterdeck ", "/usr/local/bin/quarterdek "),
        ("systemd/glt.service", "Type=oneshot", "Type=once"),
        ("systemd/quarterdeck-register.service", "ExecStart=/usr", "ExecStart=usr"),
    ]
    .into_iter()
    .enumerate()
    {
        let said = verify(&example.broken(path, from, to), &format!("units-{number}")).unwrap();
        assert_ne!(said, "", "{from} -> {to}");
    }
}

#[test]
fn a_shell_takes_the_scripts() {
    let example = Example::read();
    let scripts: Vec<_> = example.ending(".sh").collect();
    assert_eq!(scripts.len(), 2);
    for (path, text) in &scripts {
        let (good, said) = tool("bash", &["-n"], text).expect("bash, which runs these");
        assert!(good, "{path}: {said}");
        let broken = text.replacen("do\n", "d\n", 1);
        assert!(!tool("bash", &["-n"], &broken).unwrap().0, "{path}: bash takes anything");
    }
    for (path, text) in &scripts {
        let Some((good, said)) = tool("shellcheck", &["--shell=bash", "-"], text) else {
            return skip("there is no shellcheck");
        };
        assert!(good, "{path}: {said}");
    }
    let quoted = "#!/bin/bash\nrm $1\n";
    assert!(!tool("shellcheck", &["-"], quoted).unwrap().0, "shellcheck takes anything");
}

/// The layout of the files, where there is a Terraform to say it. Not a skip: what the files mean is
/// checked without it, and no package registry has it.
#[test]
fn terraform_would_write_it_so() {
    let args = ["fmt", "-check", "-"];
    for (path, text) in Example::read().ending(".tf") {
        let Some((good, said)) = tool("terraform", &args, text) else { return };
        assert!(good, "{path}: {said}");
    }
    assert!(!tool("terraform", &args, "a  =  1\nb = 2\n").unwrap().0, "terraform takes anything");
}

fn quarterdeck(args: &[&str]) -> Outcome {
    Cli::program(QUARTERDECK).without_env("AWS_REGION").run(args)
}

/// Whether the program was built without this command.
fn unknown(outcome: &Outcome) -> bool {
    outcome.code == Some(2) && outcome.stderr.contains("unrecognized subcommand")
}

#[test]
fn the_program_has_the_commands_and_flags() {
    let lines = invocations(&Example::read()).unwrap();
    assert_eq!(lines.len(), 4, "{lines:?}");
    for line in &lines {
        let help = quarterdeck(&[&line[0], "--help"]);
        if unknown(&help) {
            return skip(&format!("this quarterdeck has no `{}`", line[0]));
        }
        assert_eq!(help.code, Some(0), "{line:?}: {help:?}");
        assert_eq!(unknown_flags(line, &help.stdout), Vec::<String>::new(), "{line:?}");
    }
    let help = "      --leave\n      --mode <up|ready>";
    let line = ["register", "--leave", "--stay"].map(str::to_owned);
    assert_eq!(unknown_flags(&line, help), ["no --stay"]);
}

#[test]
fn the_policy_is_what_the_program_prints() {
    let printed = quarterdeck(&["policy", "node"]);
    if unknown(&printed) {
        return skip("this quarterdeck has no `policy`");
    }
    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert_eq!(printed.stdout, Example::read().text("iam-node.json"));
}

/// An instance metadata service that answers each question for the lifecycle state with the next of
/// these, and says how many it has answered.
fn metadata(states: &'static [&'static str]) -> (String, std::thread::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let serve = move || {
        let mut asked = 0;
        while asked < states.len() {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                request.push(byte[0]);
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let body = match request.split_whitespace().take(2).collect::<Vec<_>>()[..] {
                ["PUT", "/latest/api/token"] => "a-token",
                ["GET", "/latest/meta-data/autoscaling/target-lifecycle-state"] => {
                    assert!(request.to_lowercase().contains("x-aws-ec2-metadata-token: a-token"));
                    asked += 1;
                    states[asked - 1]
                }
                _ => panic!("{request}"),
            };
            let status = if body.is_empty() { "404 Not Found" } else { "200 OK" };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        }
        asked
    };
    (endpoint, std::thread::spawn(serve))
}

/// The script stops the stack once, after the deregistration delay, and only for the word itself: an
/// instance in service, one that is told nothing, or another state's name are no order to stop.
#[test]
fn only_the_word_terminated_stops_the_stack() {
    if tool("curl", &["--version"], "").is_none() {
        return skip("there is no curl");
    }
    let (endpoint, served) =
        metadata(&["InService", "", "Standby", "Warmed:Stopped", "Terminated"]);
    let scratch = Scratch::new("termination");
    let log = scratch.0.join("log");
    // `systemctl` and `sleep` only write down what they were told.
    let note = format!("#!/bin/sh\necho \"$(basename \"$0\") $*\" >>'{}'\n", log.display());
    scratch.program("bin/systemctl", &note);
    scratch.program("bin/sleep", &note);
    for name in ["bash", "sh", "basename", "curl"] {
        let path = tool("sh", &["-c", &format!("command -v {name}")], "").unwrap().1;
        symlink(path.trim(), scratch.0.join("bin").join(name)).unwrap();
    }
    let script = scratch.program("await", Example::read().text("node/await-termination.sh"));
    let output = Command::new(scratch.0.join("bin/bash"))
        .arg(script)
        .env_clear()
        .env("PATH", scratch.0.join("bin"))
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint)
        .env("DEREGISTRATION_SECONDS", "120")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(served.join().unwrap(), 5);
    let done = std::fs::read_to_string(&log).unwrap();
    let polls = "sleep 5\n".repeat(4);
    assert_eq!(done, format!("{polls}sleep 120\nsystemctl stop glt.service\nsleep infinity\n"));
}
