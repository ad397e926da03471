//! `captive`: what an account may do whose sshd runs nothing else (`ForceCommand`). Without a command
//! it is the console, read-only; a read command that the client sent (`ssh host fleets`) is run; all
//! else is refused in a sentence. What was sent is never given to a shell: it is split into words and
//! parsed as our own command line, and of its flags only those are taken that look at nothing else.

use super::args::{Cli, Command, RunCommand};
use super::table::clean;
use super::{ExitCode, Failure};
use crate::config::{Environment, Flags};
use clap::Parser;

/// Where sshd puts what the client asked for (sshd(8), `SSH_ORIGINAL_COMMAND`).
const ASKED: &str = "SSH_ORIGINAL_COMMAND";

/// What the client's commands may be.
const ALLOWED: &str =
    "fleets, nodes, findings, traffic, sources, watch, runs, run show, run attach, audit, keys";

/// What is to be done for the client.
pub(super) enum Admitted {
    /// This command, with these flags; none is the console.
    Run(Option<Box<Command>>, Box<Flags>),
    /// A text is the answer: help, or the version.
    Print(String),
}

/// Looks at what the client asked for. `own` are the flags of `captive` itself, which the client
/// cannot change.
///
/// # Errors
/// The client may not do this here.
pub(super) fn admit(env: &Environment, own: Flags) -> Result<Admitted, Failure> {
    let Some(asked) = env.path(ASKED) else { return Ok(run(None, own)) };
    let asked = asked.to_str().ok_or_else(|| refused(usage("it is not UTF-8")))?;
    let words = shlex::split(asked).ok_or_else(|| refused(usage("a quotation is not closed")))?;
    let words: &[String] = match words.split_first() {
        Some((first, rest)) if first == "quarterdeck" => rest,
        _ => &words,
    };
    if words.is_empty() {
        return Ok(run(None, own));
    }
    let line = std::iter::once("quarterdeck".to_owned()).chain(words.iter().cloned());
    let cli = match Cli::try_parse_from(line) {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() => return Ok(Admitted::Print(error.to_string())),
        Err(error) => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            return Err(refused(usage(first.trim_start_matches("error: "))));
        }
    };
    if let Some(command) = &cli.command {
        reads_only(command).map_err(refused)?;
    }
    let flags = narrowed(own, cli.global.into()).map_err(refused)?;
    Ok(run(cli.command, flags))
}

fn run(command: Option<Command>, own: Flags) -> Admitted {
    let flags = Flags { read_only: true, operate: false, confined: true, ..own };
    Admitted::Run(command.map(Box::new), Box::new(flags))
}

/// Why something is refused, and how the program ends.
type Why = (String, ExitCode);

fn usage(why: &str) -> Why {
    (why.to_owned(), ExitCode::Usage)
}

fn refused((why, code): Why) -> Failure {
    Failure {
        what: "run this: here only what reads is run".into(),
        causes: vec![clean(&why)],
        next: format!(
            "Run one of {ALLOWED}; without a command, with a terminal (ssh -t), the console opens."
        ),
        code,
    }
}

/// Whether a command changes nothing, and reads nothing but the world and what was done to it.
fn reads_only(command: &Command) -> Result<(), Why> {
    let changes =
        |what: &str| Err((format!("{what} could change something"), ExitCode::NotAllowed));
    match command {
        Command::Fleets(_)
        | Command::Nodes { .. }
        | Command::Findings { .. }
        | Command::Traffic(_)
        | Command::Sources(_)
        | Command::Watch { .. }
        | Command::Runs(_)
        | Command::Run { command: RunCommand::Show { .. } | RunCommand::Attach { .. } }
        | Command::Audit { .. } => Ok(()),
        Command::Keys(args) if args.only_prints() => Ok(()),
        Command::Keys(_) => Err(usage("keys check reads a file of this host")),
        Command::Plan { .. } => changes("plan"),
        Command::Verb(verb) => changes(&verb.verb().to_string()),
        Command::Apply { .. } => changes("apply"),
        Command::Run { .. } => changes("run"),
        Command::Register(_) => changes("register"),
        _ => Err(usage("this command is none that reads the world")),
    }
}

/// The flags of `captive`, and of the client's those that only choose how the answer looks, or make
/// it narrower. No other is taken: it could read or write files of this host, use other
/// credentials, or send them elsewhere.
fn narrowed(own: Flags, client: Flags) -> Result<Flags, Why> {
    // All are named, so that whoever adds a flag decides here.
    let Flags {
        config,
        context,
        region,
        profile,
        endpoint_url,
        state_dir,
        namespace,
        load_balancer,
        record,
        log,
        timeout,
        dns_server,
        no_probes,
        read_only: _,
        operate,
        no_color,
        ascii,
        keymap,
        theme,
        confined: _,
        clock,
    } = client;
    let given = [
        (config.is_some(), "--config"),
        (context.is_some(), "--context"),
        (region.is_some(), "--region"),
        (profile.is_some(), "--profile"),
        (endpoint_url.is_some(), "--endpoint-url"),
        (state_dir.is_some(), "--state-dir"),
        (record.is_some(), "--record"),
        (log.is_some(), "--log"),
        (dns_server.is_some(), "--dns-server"),
        (clock.is_some(), "--clock"),
        (is_file(keymap.as_ref()), "--keymap with a file"),
        (is_file(theme.as_ref()), "--theme with a file"),
        (namespace.is_some() && own.namespace.is_some(), "--namespace"),
        (load_balancer.is_some() && own.load_balancer.is_some(), "--load-balancer"),
    ];
    if operate {
        return Err(("--operate could change something".into(), ExitCode::NotAllowed));
    }
    if let Some((_, name)) = given.into_iter().find(|(is_given, _)| *is_given) {
        return Err(usage(&format!("{name} is not the client's to choose")));
    }
    Ok(Flags {
        namespace: own.namespace.or(namespace),
        load_balancer: own.load_balancer.or(load_balancer),
        timeout: timeout.or(own.timeout),
        no_probes: own.no_probes || no_probes,
        no_color: own.no_color || no_color,
        ascii: own.ascii || ascii,
        keymap: keymap.or(own.keymap),
        theme: theme.or(own.theme),
        ..own
    })
}

/// Whether a choice is a file's path and no name.
fn is_file(choice: Option<&String>) -> bool {
    choice.is_some_and(|text| text.contains('/') || text.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str, own: Flags) -> Result<(String, Flags), (ExitCode, String)> {
        let env: Environment = [(ASKED, line)].into_iter().collect();
        match admit(&env, own) {
            Ok(Admitted::Run(command, flags)) => Ok((format!("{command:?}"), *flags)),
            Ok(Admitted::Print(text)) => Ok((text, Flags::default())),
            Err(failure) => Err((failure.code, failure.to_string())),
        }
    }

    #[test]
    fn without_a_command_it_is_the_console_read_only() {
        let operate = || Flags { operate: true, ..Flags::default() };
        for line in ["", "  ", "quarterdeck", "--operate --read-only"] {
            match asked(line, operate()) {
                Ok((command, flags)) => {
                    assert_eq!(command, "None", "{line:?}");
                    assert!(flags.read_only && !flags.operate && flags.confined, "{line:?}");
                }
                Err((code, _)) => {
                    assert_eq!((code, line.contains("operate")), (ExitCode::NotAllowed, true))
                }
            }
        }
        let Ok(Admitted::Run(None, flags)) = admit(&Environment::default(), operate()) else {
            panic!("the console")
        };
        assert!(flags.read_only && !flags.operate && flags.confined);
    }

    #[test]
    fn what_reads_is_run() {
        for line in [
            "fleets",
            "quarterdeck fleets -o json",
            "nodes blue-412",
            "findings --fail-on warning",
            "traffic",
            "sources --ascii",
            "watch 'green-413'",
            "runs",
            "run show x",
            "run attach x",
            "audit verify",
            "keys --json",
            "keys --keymap vim",
            "--timeout 5s fleets --no-color",
        ] {
            let (command, flags) = asked(line, Flags::default()).unwrap();
            assert!(command.starts_with("Some("), "{line}: {command}");
            assert!(flags.read_only && !flags.operate, "{line}");
        }
        assert!(asked("--help", Flags::default()).unwrap().0.contains("Usage: quarterdeck"));
        assert!(asked("--version", Flags::default()).unwrap().0.starts_with("quarterdeck "));
    }

    #[test]
    fn what_could_change_something_is_refused_as_read_only() {
        for line in [
            "drain i-1",
            "drain i-1 --operate --execute --confirm blue",
            "repair blue",
            "cutover blue green",
            "rollback",
            "plan drain i-1",
            "apply plan.json",
            "run hold x",
            "run abort x",
            "register",
            "fleets --operate",
        ] {
            let (code, text) = asked(line, Flags::default()).unwrap_err();
            assert_eq!(code, ExitCode::NotAllowed, "{line}");
            assert!(text.contains("could change something") && text.contains("next: "), "{text}");
        }
    }

    /// Nothing that was sent is given to a shell, and no flag leads elsewhere.
    #[test]
    fn everything_else_is_refused_as_usage() {
        for line in [
            "ls",
            "sh -c 'quarterdeck fleets'",
            "fleets; touch /tmp/x",
            "fleets && touch /tmp/x",
            "fleets | tee /tmp/x",
            "fleets > /tmp/x",
            "$(touch /tmp/x)",
            "`touch /tmp/x`",
            "fleets\ntouch /tmp/x",
            "fleets 'open",
            "scp -t /tmp",
            "/usr/lib/openssh/sftp-server",
            "captive",
            "demo",
            "sim serve",
            "run-engine /tmp",
            "doctor",
            "config show",
            "config check /etc/shadow",
            "keys check /etc/shadow",
            "healthz",
            "policy node",
            "completions bash",
            "fleets --config /etc/shadow",
            "fleets --log /tmp/x",
            "--record /tmp/x",
            "replay /tmp/x",
            "fleets --state-dir /tmp",
            "fleets --endpoint-url http://elsewhere",
            "fleets --profile admin",
            "fleets --region us-east-1",
            "fleets --context prod",
            "fleets --dns-server 10.0.0.1",
            "keys --keymap /etc/shadow",
            "keys --keymap ../x.toml",
            "fleets --theme /etc/shadow",
        ] {
            let (code, text) = asked(line, Flags::default()).unwrap_err();
            assert_eq!(code, ExitCode::Usage, "{line}: {text}");
            assert!(text.starts_with("error: failed to run this: here only what reads"), "{text}");
            assert!(!text.contains('\u{1b}'), "{text:?}");
        }
        let (_, text) = asked("'\u{1b}[2J'", Flags::default()).unwrap_err();
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn the_client_may_narrow_and_never_widen() {
        let own = || Flags {
            namespace: Some("glt".into()),
            context: Some("prod".into()),
            ..Flags::default()
        };
        let (_, flags) = asked("fleets --load-balancer front", own()).unwrap();
        assert_eq!(flags.load_balancer.as_deref(), Some("front"));
        assert_eq!(
            (flags.namespace.as_deref(), flags.context.as_deref()),
            (Some("glt"), Some("prod"))
        );
        assert_eq!(asked("fleets --namespace other", own()).unwrap_err().0, ExitCode::Usage);
    }
}
