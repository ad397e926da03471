//! The way back as commands of AWS's own command line, for whoever has lost quarterdeck, its state
//! directory and its lock service: one command a listener, quoted for a POSIX shell.

use super::{RollbackRecord, WrittenAction};
use crate::core::commands::quote;
use crate::core::inventory::Forward;
use crate::core::plan::{Mutation, Target};
use serde_json::{Value, json};

/// The commands, in the order in which they are to be run; a line that begins with `#` is a word to
/// whoever reads.
pub fn commands(record: &RollbackRecord) -> Vec<String> {
    let region = quote(&record.region);
    let aws = |command: String| format!("aws --region {region} {command}");
    let mut all: Vec<String> =
        record.listeners.iter().map(|written| aws(listener(written))).collect();
    let (traffic, entries): (Vec<&Mutation>, Vec<&Mutation>) =
        record.gives.iter().partition(|one| is_traffic(one));
    let waits = !traffic.is_empty();
    all.extend(traffic.into_iter().filter_map(command).map(aws));
    let (taken, left): (Vec<&Mutation>, Vec<&Mutation>) =
        record.takes.iter().partition(|one| is_traffic(one));
    if waits && !taken.is_empty() {
        all.push("# Wait until what was added is healthy, then go on.".to_owned());
    }
    all.extend(taken.into_iter().filter_map(command).map(aws));
    let pins = record.suspends();
    if !pins.is_empty() {
        all.push("# Once every instance reads Healthy:".to_owned());
    }
    for (group, processes) in pins {
        let resume = Mutation::Resume { group, processes };
        all.extend(command(&resume).map(aws));
    }
    all.extend(entries.into_iter().chain(left).filter_map(command).map(aws));
    all
}

fn is_traffic(mutation: &Mutation) -> bool {
    !matches!(mutation, Mutation::RegisterInstance { .. } | Mutation::DeregisterInstance { .. })
}

fn listener(written: &WrittenAction) -> String {
    let actions = quote(&json!([forward(&written.first)]).to_string());
    match &written.action.rule {
        None => {
            let arn = quote(written.action.listener.as_str());
            format!("elbv2 modify-listener --listener-arn {arn} --default-actions {actions}")
        }
        Some(rule) => {
            format!("elbv2 modify-rule --rule-arn {} --actions {actions}", quote(rule))
        }
    }
}

fn forward(to: &Forward) -> Value {
    let groups: Vec<Value> = to
        .groups
        .iter()
        .map(|of| json!({ "TargetGroupArn": of.target_group.as_str(), "Weight": of.weight }))
        .collect();
    let mut config = json!({ "TargetGroups": groups });
    if to.sticky {
        config["TargetGroupStickinessConfig"] = match to.sticky_seconds {
            Some(seconds) => json!({ "Enabled": true, "DurationSeconds": seconds }),
            None => json!({ "Enabled": true }),
        };
    }
    json!({ "Type": "forward", "ForwardConfig": config })
}

fn command(mutation: &Mutation) -> Option<String> {
    let words = |all: &mut dyn Iterator<Item = &str>| all.map(quote).collect::<Vec<_>>().join(" ");
    Some(match mutation {
        Mutation::AttachTargetGroups { group, target_groups } => format!(
            "autoscaling attach-traffic-sources --auto-scaling-group-name {} --traffic-sources {}",
            quote(group.as_str()),
            sources(target_groups.iter().map(|arn| arn.as_str()))
        ),
        Mutation::DetachTargetGroups { group, target_groups } => format!(
            "autoscaling detach-traffic-sources --auto-scaling-group-name {} --traffic-sources {}",
            quote(group.as_str()),
            sources(target_groups.iter().map(|arn| arn.as_str()))
        ),
        Mutation::RegisterTargets { group, targets: all } => format!(
            "elbv2 register-targets --target-group-arn {} --targets {}",
            quote(group.as_str()),
            targets(all)
        ),
        Mutation::DeregisterTargets { group, targets: all } => format!(
            "elbv2 deregister-targets --target-group-arn {} --targets {}",
            quote(group.as_str()),
            targets(all)
        ),
        Mutation::ExitStandby { group, instances } => format!(
            "autoscaling exit-standby --auto-scaling-group-name {} --instance-ids {}",
            quote(group.as_str()),
            words(&mut instances.iter().map(|id| id.as_str()))
        ),
        Mutation::EnterStandby { group, instances } => format!(
            "autoscaling enter-standby --should-decrement-desired-capacity \
             --auto-scaling-group-name {} --instance-ids {}",
            quote(group.as_str()),
            words(&mut instances.iter().map(|id| id.as_str()))
        ),
        Mutation::Resume { group, processes } => format!(
            "autoscaling resume-processes --auto-scaling-group-name {} --scaling-processes {}",
            quote(group.as_str()),
            words(&mut processes.iter().map(String::as_str))
        ),
        Mutation::RegisterInstance { service, member, attributes } => format!(
            "servicediscovery register-instance --service-id {} --instance-id {} --attributes {}",
            quote(service.as_str()),
            quote(member.as_str()),
            quote(&json!(attributes).to_string())
        ),
        Mutation::DeregisterInstance { service, member } => format!(
            "servicediscovery deregister-instance --service-id {} --instance-id {}",
            quote(service.as_str()),
            quote(member.as_str())
        ),
        Mutation::Forward { .. } | Mutation::Suspend { .. } => return None,
    })
}

fn sources<'a>(arns: impl Iterator<Item = &'a str>) -> String {
    let each: Vec<String> =
        arns.map(|arn| quote(&format!("Identifier={arn},Type=elbv2"))).collect();
    each.join(" ")
}

fn targets(all: &[Target]) -> String {
    let each: Vec<String> =
        all.iter().map(|of| quote(&format!("Id={},Port={}", of.id, of.port))).collect();
    each.join(" ")
}
