//! `policy …`: what a role must be allowed, as IAM reads it. Each is made from the table of calls
//! that stands beside the code that makes them.

use super::args::PolicyCommand;
use super::output::{Reader, Streams};
use super::read::unprintable;
use super::{ExitCode, Failure};
use crate::config::Flags;
use crate::node::{Place, Policy, node_policy};

pub(super) fn run(
    command: PolicyCommand,
    flags: &Flags,
    streams: &mut Streams<'_>,
) -> Result<ExitCode, Failure> {
    let policy = match command {
        PolicyCommand::Node { service, account } => {
            node_policy(&Place { region: region(flags)?, account, services: service })
        }
    };
    match streams.print(&text(&policy)?) {
        Ok(Reader::Listens | Reader::Left) => Ok(ExitCode::Done),
        Err(error) => Err(unprintable(&error)),
    }
}

/// The region of `--region`. It becomes part of ARNs.
fn region(flags: &Flags) -> Result<Option<String>, Failure> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    match &flags.region {
        Some(region) if region.is_empty() || !region.bytes().all(fits) => Err(Failure {
            what: "write the policy".into(),
            causes: vec![format!("{region:?} is no region")],
            next: "Write the region as AWS does, for example us-west-2.".into(),
            code: ExitCode::Usage,
        }),
        region => Ok(region.clone()),
    }
}

fn text(policy: &Policy) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(policy).map_err(|error| {
        let next = "This is a fault of quarterdeck: please report it.";
        Failure::new(ExitCode::Failed, "write the policy", &error, next)
    })?;
    Ok(format!("{text}\n"))
}
