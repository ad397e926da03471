//! Every call that a run may make beside the reads, and on what: what a role must be allowed. A run
//! is armed for those of its plan only, and the gate refuses any other, so a call that is not in
//! this table can be made by nobody.

use crate::aws::{Call, permission};

/// What a call is made on, as IAM names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// IAM cannot narrow it.
    Anything,
    /// A registry service's entries.
    Registry,
    /// Locks and marks, which are services too.
    Record,
    /// The namespace that holds them.
    Namespace,
    /// A target group.
    TargetGroup,
    /// A listener of a network load balancer.
    Listener,
    /// A rule of one.
    Rule,
    /// An Auto Scaling group.
    Group,
}

const MAP: &str = "ServiceDiscovery";
const ELB: &str = "Elastic Load Balancing v2";
const GROUPS: &str = "Auto Scaling";

/// The calls.
pub const CALLS: &[(Call, On)] = &[
    ((GROUPS, "AttachTrafficSources"), On::Group),
    ((GROUPS, "DetachTrafficSources"), On::Group),
    ((GROUPS, "EnterStandby"), On::Group),
    ((GROUPS, "ExitStandby"), On::Group),
    ((GROUPS, "ResumeProcesses"), On::Group),
    ((GROUPS, "SuspendProcesses"), On::Group),
    ((ELB, "DeregisterTargets"), On::TargetGroup),
    ((ELB, "ModifyListener"), On::Listener),
    ((ELB, "ModifyRule"), On::Rule),
    ((ELB, "RegisterTargets"), On::TargetGroup),
    ((MAP, "CreateService"), On::Namespace),
    ((MAP, "DeleteService"), On::Record),
    ((MAP, "DeleteServiceAttributes"), On::Record),
    ((MAP, "DeregisterInstance"), On::Registry),
    ((MAP, "GetService"), On::Record),
    ((MAP, "ListOperations"), On::Anything),
    ((MAP, "RegisterInstance"), On::Registry),
    ((MAP, "UpdateServiceAttributes"), On::Record),
];

/// The IAM action that a run's call by this name needs.
pub(super) fn action(operation: &str) -> Option<String> {
    let found = CALLS.iter().find(|((_, name), _)| *name == operation);
    found.map(|(call, _)| permission(*call))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::READS;
    use crate::core::plan::{ActionId, Mutation};
    use std::collections::BTreeSet;

    /// One of each.
    fn mutations() -> Vec<Mutation> {
        let (service, member) = (|| "srv-1".into(), || "i-1".into());
        let forward = |rule: Option<&str>| Mutation::Forward {
            action: ActionId { listener: "l".into(), rule: rule.map(str::to_owned) },
            to: <_>::default(),
        };
        let attributes = <_>::default();
        let (groups, processes) = (Vec::new, BTreeSet::new);
        vec![
            Mutation::RegisterInstance { service: service(), member: member(), attributes },
            Mutation::DeregisterInstance { service: service(), member: member() },
            Mutation::RegisterTargets { group: "tg".into(), targets: Vec::new() },
            Mutation::DeregisterTargets { group: "tg".into(), targets: Vec::new() },
            Mutation::EnterStandby { group: "g".into(), instances: Vec::new() },
            Mutation::ExitStandby { group: "g".into(), instances: Vec::new() },
            forward(None),
            forward(Some("r")),
            Mutation::AttachTargetGroups { group: "g".into(), target_groups: groups() },
            Mutation::DetachTargetGroups { group: "g".into(), target_groups: groups() },
            Mutation::Suspend { group: "g".into(), processes: processes() },
            Mutation::Resume { group: "g".into(), processes: processes() },
        ]
    }

    /// The table is what runs are armed for: no more, no less.
    #[test]
    fn the_table_is_what_mutations_and_the_lock_call() {
        let all = mutations();
        let mut armed: BTreeSet<Call> =
            all.iter().flat_map(super::super::mutate::calls).copied().collect();
        armed.extend(super::super::lock::CALLS);
        armed.retain(|call| !READS.contains(call));
        let listed: BTreeSet<Call> = CALLS.iter().map(|(call, _)| *call).collect();
        assert_eq!(listed, armed);
        assert_eq!(listed.len(), CALLS.len(), "each once");
        for mutation in &all {
            let actions: Vec<String> =
                super::super::mutate::calls(mutation).iter().map(|of| permission(*of)).collect();
            assert!(actions.iter().any(|one| one == mutation.permission()), "{mutation:?}");
        }
    }
}
