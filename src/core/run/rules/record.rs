//! What must be on the rollback record, and for how long the record stays.

use crate::core::plan::{Intent, Mutation, Plan, StepAction};

/// Whether a mutation needs the rollback record: another host could not undo it without.
pub fn needs_record(mutation: &Mutation) -> bool {
    match mutation {
        Mutation::Suspend { .. }
        | Mutation::Forward { .. }
        | Mutation::DeregisterTargets { .. }
        | Mutation::EnterStandby { .. }
        | Mutation::ExitStandby { .. }
        | Mutation::AttachTargetGroups { .. }
        | Mutation::DetachTargetGroups { .. } => true,
        Mutation::RegisterInstance { .. }
        | Mutation::DeregisterInstance { .. }
        | Mutation::RegisterTargets { .. }
        | Mutation::Resume { .. } => false,
    }
}

/// Whether a plan's run writes a rollback record before its first mutation. A rollback and a
/// takeover keep the record of the run that they end.
pub fn plan_needs_record(plan: &Plan) -> bool {
    if matches!(plan.intent, Intent::Rollback { .. } | Intent::Takeover { .. }) {
        return false;
    }
    plan.steps.iter().any(|step| match &step.action {
        StepAction::Change(mutation) => needs_record(mutation),
        _ => false,
    })
}

/// How a listener's action stands against what a run found and wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Listener {
    /// As the run found it.
    First,
    /// As the plan's last write leaves it.
    Last,
    /// Anything else, also what another wrote.
    Between,
    /// It could not be read.
    Unknown,
}

/// Whether the rollback record may be deleted: nothing that the run suspended is still suspended, and
/// traffic is not split by it, so that all listeners are as it found them or all as it leaves them.
pub fn may_drop_record(suspended: bool, listeners: impl IntoIterator<Item = Listener>) -> bool {
    let mut all = listeners.into_iter();
    let same = match all.next() {
        None => true,
        Some(first @ (Listener::First | Listener::Last)) => all.all(|one| one == first),
        Some(Listener::Between | Listener::Unknown) => false,
    };
    same && !suspended
}

#[cfg(test)]
mod tests {
    use super::Listener::*;
    use super::*;

    #[test]
    fn a_record_stays_while_anything_is_suspended_or_split() {
        assert!(may_drop_record(false, []));
        assert!(may_drop_record(false, [First, First]));
        assert!(may_drop_record(false, [Last, Last]));
        assert!(!may_drop_record(true, [Last, Last]));
        assert!(!may_drop_record(true, []));
        assert!(!may_drop_record(false, [First, Last]));
        assert!(!may_drop_record(false, [Last, Between]));
        assert!(!may_drop_record(false, [Between]));
        assert!(!may_drop_record(false, [First, Unknown]));
    }
}
