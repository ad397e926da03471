//! Whether a claim holds in a picture of the world, and what must be read afresh to say so. Only a
//! complete and young read says anything: what is stale, partial, failed or never read is unknown,
//! and unknown never holds (invariant 6).

pub(super) mod gone;
mod nodes;
mod reads;
mod traffic;

pub(super) use nodes::products;
pub use reads::{Reads, guard_reads, reads, step_reads};

use super::view::{count, listed};
use super::{Answer, Claim, Picture};
use crate::core::ids::{GroupName, InstanceId, ServiceId, TargetGroupArn};
use crate::core::inventory::AutoScalingGroup;
use crate::core::observed::Why;
use std::collections::{BTreeMap, BTreeSet};

/// What a claim comes to: an answer either way, so that `?` can leave early with one.
type Judged = Result<Answer, Answer>;

/// Asks a picture whether a claim holds.
pub fn check(claim: &Claim, picture: &Picture<'_>) -> Answer {
    match judge(claim, picture) {
        Ok(answer) | Err(answer) => answer,
    }
}

fn judge(claim: &Claim, picture: &Picture<'_>) -> Judged {
    match claim {
        Claim::Account { account, region } => in_account(picture, account, region),
        Claim::Member { service, member, is } => entry(picture, service, member, is.as_ref()),
        Claim::MembersAtLeast { service, stack, least } => {
            let members = known(picture.members(service), || members_of(picture, service))?;
            let own = count(members.iter().filter(|one| one.stack.as_ref() == Some(stack)));
            let name = picture.service_name(service);
            Ok(at_least(own, *least, &format!("entries of {stack} in {name}")))
        }
        Claim::Gone { instance, address } => {
            Ok(gone::proof(picture, instance, address.as_deref()).answer(instance))
        }
        Claim::Ready { instance, address } => nodes::ready(picture, instance, address),
        Claim::ProbesPass { stack, percent, last, window } => {
            nodes::probes_pass(picture, stack, nodes::Demand { percent, last, window })
        }
        Claim::Targets { group, targets, are } => traffic::targets(picture, group, targets, *are),
        Claim::Healthy { group, stack, zone, least } => {
            traffic::healthy(picture, group, (stack.as_ref(), zone.as_ref()), *least)
        }
        Claim::CarriesNothing { stack } => traffic::carries_nothing(picture, stack),
        Claim::Forwards { action, is } => traffic::forwards(picture, action, is),
        Claim::Lifecycle { group, instance, is } => {
            let group = self::group(picture, group)?;
            let found = group.instances.iter().find(|one| &one.id == instance);
            let found = found.map_or("not listed", |one| &*one.lifecycle);
            Ok(equal(&format!("{instance} in {}", group.name), is, found))
        }
        Claim::Attached { group, to, not_to } => {
            Ok(attached(picture, self::group(picture, group)?, to, not_to))
        }
        Claim::Suspended { group, suspended, running } => {
            processes(self::group(picture, group)?, suspended, running)
        }
        Claim::AllHealthy { group } => {
            let group = self::group(picture, group)?;
            let sick = group.instances.iter().filter(|one| &*one.health != "Healthy");
            let sick: Vec<_> = sick.map(|one| format!("{} {}", one.id, one.health)).collect();
            let was = format!("every instance of {} reads Healthy", group.name);
            Ok(if sick.is_empty() { Answer::Holds } else { broken(was, listed(&sick)) })
        }
        Claim::Room { group, by } => room(self::group(picture, group)?, *by),
    }
}

fn in_account(picture: &Picture<'_>, account: &str, region: &str) -> Judged {
    let identity =
        known(picture.inventory.identity.current(picture.now), || "the account".to_owned())?;
    let here = picture.region.ok_or_else(|| unknown(Why::Never, "the region"))?;
    let is = format!("account {} in {here}", identity.account);
    Ok(equal("we act", &format!("account {account} in {region}"), &is))
}

fn entry(
    picture: &Picture<'_>,
    service: &ServiceId,
    member: &InstanceId,
    is: Option<&BTreeMap<String, String>>,
) -> Judged {
    let members = known(picture.members(service), || members_of(picture, service))?;
    let found = members.iter().find(|one| &one.id == member).map(|one| &*one.attributes);
    let name = picture.service_name(service);
    Ok(equal(&format!("{member} in {name}"), &entry_text(is), &entry_text(found)))
}

/// A registry entry in words.
pub(super) fn entry_text(attributes: Option<&BTreeMap<String, String>>) -> String {
    let Some(attributes) = attributes else { return "not registered".into() };
    let each: Vec<_> = attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
    each.join(" ")
}

/// A group is attached to these target groups and not to those.
fn attached(
    picture: &Picture<'_>,
    group: &AutoScalingGroup,
    to: &BTreeSet<TargetGroupArn>,
    not_to: &BTreeSet<TargetGroupArn>,
) -> Answer {
    let names = |arns: Vec<_>| {
        let names: Vec<_> = arns.into_iter().map(|arn| picture.name_of(arn)).collect();
        listed(&names)
    };
    let missing: Vec<_> = to.iter().filter(|arn| !group.target_groups.contains(arn)).collect();
    let surplus: Vec<_> = not_to.iter().filter(|arn| group.target_groups.contains(arn)).collect();
    match (missing.is_empty(), surplus.is_empty()) {
        (true, true) => Answer::Holds,
        (false, _) => broken(
            format!("{} attached to {}", group.name, names(to.iter().collect())),
            format!("not attached to {}", names(missing)),
        ),
        (true, false) => broken(
            format!("{} not attached to {}", group.name, names(not_to.iter().collect())),
            format!("attached to {}", names(surplus)),
        ),
    }
}

fn processes(
    group: &AutoScalingGroup,
    suspended: &BTreeSet<String>,
    running: &BTreeSet<String>,
) -> Judged {
    let runs = |name: &&String| !group.suspended.contains_key(*name);
    let not_suspended: Vec<_> = suspended.iter().filter(runs).cloned().collect();
    let not_running: Vec<_> = running.iter().filter(|name| !runs(name)).cloned().collect();
    let all = |names: &BTreeSet<String>| listed(&names.iter().cloned().collect::<Vec<_>>());
    Ok(match (not_suspended.is_empty(), not_running.is_empty()) {
        (true, true) => Answer::Holds,
        (false, _) => broken(
            format!("{}: {} suspended", group.name, all(suspended)),
            format!("{} not suspended", listed(&not_suspended)),
        ),
        (true, false) => broken(
            format!("{}: {} not suspended", group.name, all(running)),
            format!("{} suspended", listed(&not_running)),
        ),
    })
}

fn room(group: &AutoScalingGroup, by: i32) -> Judged {
    let wanted = i64::from(group.desired) + i64::from(by);
    let fits = (i64::from(group.min)..=i64::from(group.max)).contains(&wanted);
    let was = format!("{} can have {wanted} desired", group.name);
    let is = format!("MinSize {}, MaxSize {}, desired {}", group.min, group.max, group.desired);
    Ok(if fits { Answer::Holds } else { broken(was, is) })
}

/// A group by a complete, young list of groups.
fn group<'a>(picture: &Picture<'a>, name: &GroupName) -> Result<&'a AutoScalingGroup, Answer> {
    let groups = known(picture.inventory.groups.whole(picture.now), groups_of)?;
    groups
        .iter()
        .find(|group| &group.name == name)
        .ok_or_else(|| broken(format!("Auto Scaling group {name}"), "there is no such group"))
}

fn groups_of() -> String {
    "Auto Scaling groups".into()
}

fn members_of(picture: &Picture<'_>, service: &ServiceId) -> String {
    format!("members of {}", picture.service_name(service))
}

fn known<T>(read: Result<T, Why>, what: impl FnOnce() -> String) -> Result<T, Answer> {
    read.map_err(|why| unknown(why, what()))
}

fn unknown(why: Why, what: impl Into<String>) -> Answer {
    Answer::Unknown { why, what: what.into() }
}

fn broken(was: impl Into<String>, is: impl Into<String>) -> Answer {
    Answer::Broken { was: was.into(), is: is.into() }
}

fn equal(what: &str, was: &str, is: &str) -> Answer {
    if was == is { Answer::Holds } else { broken(format!("{what}: {was}"), is) }
}

fn at_least(is: u32, least: u32, what: &str) -> Answer {
    if is >= least {
        Answer::Holds
    } else {
        broken(format!("at least {least} {what}"), is.to_string())
    }
}
