//! Proven gone (safety.md, Intents): EC2 says terminated, or omitted the id in two complete answers
//! some time apart; no group lists it; its entry is this account's; and its address refuses, times
//! out or belongs to another running instance. Anything less is unknown, and the entry stays.

use super::{broken, unknown};
use crate::core::estate::Existence;
use crate::core::finding::FindingKind;
use crate::core::ids::InstanceId;
use crate::core::inventory::{ProbeOutcome, ProbeReason};
use crate::core::observed::{Observed, Why, age};
use crate::core::plan::{Answer, Picture};
use std::net::IpAddr;
use std::time::Duration;

/// Two complete answers without the id must lie so far apart: DescribeInstances is eventually
/// consistent, so one omission may be an instance that has just been launched.
const OMITTED_FOR: Duration = Duration::from_secs(20);

/// How far the proof goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::core::plan) enum Proof {
    /// It is gone.
    Gone,
    /// It is not.
    Not(String),
    /// Nothing speaks against it, and asking again will tell.
    NotYet(String),
    /// Nobody can say.
    Unknown(Why, String),
}

impl Proof {
    /// The proof as an answer to the claim. Not yet proven is unknown.
    pub fn answer(self, instance: &InstanceId) -> Answer {
        match self {
            Self::Gone => Answer::Holds,
            Self::Not(is) => broken(format!("{instance} is gone"), is),
            Self::NotYet(what) => unknown(Why::Never, what),
            Self::Unknown(why, what) => unknown(why, what),
        }
    }

    /// The worse of two: what is not gone first, then what is unknown, then what is not proven yet.
    fn and(self, other: impl FnOnce() -> Self) -> Self {
        let badness = |of: &Self| match of {
            Self::Gone => 0,
            Self::NotYet(_) => 1,
            Self::Unknown(..) => 2,
            Self::Not(_) => 3,
        };
        let other = other();
        if badness(&other) > badness(&self) { other } else { self }
    }
}

/// What is known of an instance that is registered with this address.
pub(in crate::core::plan) fn proof(
    picture: &Picture<'_>,
    instance: &InstanceId,
    address: Option<&str>,
) -> Proof {
    owned(picture, instance)
        .and(|| unlisted(picture, instance))
        .and(|| by_ec2(picture, instance))
        .and(|| silent(picture, instance, address))
}

fn owned(picture: &Picture<'_>, instance: &InstanceId) -> Proof {
    let Some(identity) = picture.inventory.identity.value() else {
        return Proof::Unknown(Why::Never, "the account".into());
    };
    let members = picture.inventory.members.values().filter_map(Observed::value);
    let mut owners = members
        .flat_map(|all| all.iter())
        .filter(|member| &member.id == instance)
        .filter_map(|member| member.account.as_ref());
    match owners.find(|account| **account != identity.account) {
        Some(other) => {
            Proof::Not(format!("registered by account {other}, whose EC2 we cannot ask"))
        }
        None => Proof::Gone,
    }
}

fn unlisted(picture: &Picture<'_>, instance: &InstanceId) -> Proof {
    match picture.inventory.groups.whole(picture.now) {
        Err(why) => Proof::Unknown(why, "Auto Scaling groups".into()),
        Ok(groups) => {
            let lists = |group: &&_| {
                let group: &crate::core::inventory::AutoScalingGroup = group;
                group.instances.iter().any(|one| &one.id == instance)
            };
            match groups.iter().find(lists) {
                Some(group) => Proof::Not(format!("{} lists it", group.name)),
                None => Proof::Gone,
            }
        }
    }
}

fn by_ec2(picture: &Picture<'_>, instance: &InstanceId) -> Proof {
    if !instance.is_ec2() {
        let what = format!("{instance} has no EC2 id, so EC2 cannot say whether it is gone");
        return Proof::Unknown(Why::Depends, what);
    }
    let Some(said) = picture.inventory.instances.get(instance) else {
        return Proof::Unknown(Why::Never, format!("EC2's word on {instance}"));
    };
    match &said.value {
        Some(known) if &*known.state == "terminated" => Proof::Gone,
        Some(known) if &*known.state == "shutting-down" => {
            Proof::NotYet(format!("EC2 says that {instance} is shutting down"))
        }
        Some(known) => Proof::Not(format!("EC2 says {}", known.state)),
        None => match picture.inventory.omitted.get(instance) {
            Some((first, last)) if age(*first, *last) >= OMITTED_FOR => Proof::Gone,
            Some(_) => Proof::NotYet(format!(
                "EC2 omitted {instance} once; it must do so again {} s later",
                OMITTED_FOR.as_secs()
            )),
            None => Proof::Unknown(Why::Partial, format!("EC2's word on {instance}")),
        },
    }
}

fn silent(picture: &Picture<'_>, instance: &InstanceId, address: Option<&str>) -> Proof {
    let Some(address) = address else { return Proof::Gone };
    let Ok(ip) = address.parse::<IpAddr>() else { return Proof::Gone };
    let another = picture.estate.nodes.values().any(|node| {
        node.private_ip == Some(ip) && &node.id != instance && node.existence == Existence::Running
    });
    if another {
        return Proof::Gone;
    }
    if !picture.probed {
        let what = format!("whether {address} answers, since nodes are not probed");
        return Proof::Unknown(Why::Never, what);
    }
    let asked = |outcome: &ProbeOutcome| {
        let urls = [format!("//{address}:"), format!("//[{address}]:")];
        urls.iter().any(|url| outcome.url.contains(url))
    };
    let Some(probe) = picture.inventory.probes.get(instance) else {
        return Proof::NotYet(format!("{address} has not been asked yet"));
    };
    let outcomes = match probe.current(picture.now) {
        Ok(outcomes) => outcomes,
        Err(why) => return Proof::Unknown(why, format!("whether {address} answers")),
    };
    let mut here = outcomes.iter().filter(|held| asked(&held.value)).peekable();
    if here.peek().is_none() {
        return Proof::NotYet(format!("{address} has not been asked yet"));
    }
    if unreachable(picture) {
        let what = format!("whether {address} answers, since no node answers from here");
        return Proof::Unknown(Why::Depends, what);
    }
    match here.find(|held| answers(&held.value)) {
        Some(held) if held.value.reason == ProbeReason::Proxy => {
            Proof::Unknown(Why::Depends, format!("whether {address} answers behind the proxy"))
        }
        Some(_) => Proof::Not(format!("{address} still answers")),
        None => Proof::Gone,
    }
}

/// Whether anything came back. That an optional product is not there may be said by a refusal, or by
/// something that answers.
fn answers(outcome: &ProbeOutcome) -> bool {
    match outcome.reason {
        ProbeReason::Refused | ProbeReason::NoRoute => false,
        ProbeReason::NotPresent => outcome.status.is_some(),
        _ => true,
    }
}

/// Where no node answers, one more silence proves nothing.
fn unreachable(picture: &Picture<'_>) -> bool {
    picture.estate.findings.iter().any(|one| one.kind == FindingKind::UnreachableFromHere)
}
