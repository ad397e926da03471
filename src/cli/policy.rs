//! `policy …`: what a role must be allowed, as IAM reads it. Each is made from the table of calls
//! that stands beside the code that makes them.

use super::args::PolicyCommand;
use super::output::{Reader, Streams};
use super::read::unprintable;
use super::{ExitCode, Failure};
use crate::aws::{READS, permission};
use crate::config::Flags;
use crate::exec::permissions::{CALLS, On};
use crate::node::{Place, Policy, Statement, node_policy};

pub(super) fn run(
    command: PolicyCommand,
    flags: &Flags,
    streams: &mut Streams<'_>,
) -> Result<ExitCode, Failure> {
    let region = region(flags)?;
    let policy = match command {
        PolicyCommand::Observe => Policy::new(vec![look()]),
        PolicyCommand::Operate { service, account } => {
            operate(&Place { region, account, services: service })
        }
        PolicyCommand::Node { service, account } => {
            node_policy(&Place { region, account, services: service })
        }
    };
    match streams.print(&text(&policy)?) {
        Ok(Reader::Listens | Reader::Left) => Ok(ExitCode::Done),
        Err(error) => Err(unprintable(&error)),
    }
}

/// What every command and the console read. Nearly none of these calls can be narrowed.
fn look() -> Statement {
    let actions = READS.iter().map(|call| permission(*call)).collect();
    Statement::allow("Look", actions, vec!["*".to_owned()])
}

/// What runs call beside that, each narrowed to the kind of thing it is made on.
fn operate(place: &Place) -> Policy {
    let kinds = [
        ("Follow", On::Anything, vec!["*".to_owned()]),
        ("Registry", On::Registry, place.registry()),
        // Which services these will be nobody knows before: each lock is a new one.
        ("Lock", On::Record, vec![place.arn("servicediscovery", "service/*")]),
        ("TakeLock", On::Namespace, vec![place.arn("servicediscovery", "namespace/*")]),
        ("Targets", On::TargetGroup, vec![place.arn("elasticloadbalancing", "targetgroup/*")]),
        ("Listeners", On::Listener, vec![place.arn("elasticloadbalancing", "listener/net/*")]),
        ("Rules", On::Rule, vec![place.arn("elasticloadbalancing", "listener-rule/net/*")]),
        (
            "Groups",
            On::Group,
            vec![place.arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/*")],
        ),
    ];
    let of = kinds.into_iter().map(|(sid, on, resource)| {
        let calls = CALLS.iter().filter(|(_, of)| *of == on);
        Statement::allow(sid, calls.map(|(call, _)| permission(*call)).collect(), resource)
    });
    Policy::new(std::iter::once(look()).chain(of).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_in_exactly_one_statement() {
        let place = Place {
            region: Some("us-west-2".into()),
            account: Some("123456789012".into()),
            services: vec!["srv-a".into()],
        };
        let policy = operate(&place);
        let named: usize = policy.statement.iter().map(|one| one.action.len()).sum();
        assert_eq!(named, READS.len() + CALLS.len());
        assert!(policy.statement.iter().all(|one| !one.action.is_empty()));
        let registry = policy.statement.iter().find(|one| one.sid == "Registry").unwrap();
        assert_eq!(
            registry.resource,
            ["arn:aws:servicediscovery:us-west-2:123456789012:service/srv-a"]
        );
    }
}
