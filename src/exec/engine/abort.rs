//! Ending a run early: no further traffic step; what it suspended is resumed, the lock given back,
//! weights stay as they are.

use super::{Engine, Flow, Stop};
use crate::core::ids::{GroupName, InstanceId};
use crate::core::plan::{Claim, Mutation, REPLACING, Reads};
use crate::core::run::HoldReason;
use crate::core::run::journal::End;
use crate::core::source::Scope;
use std::collections::BTreeSet;

impl Engine {
    /// Takes back what must not be left behind, and ends.
    pub(super) async fn abort(&mut self) -> Flow<End> {
        if let Some(open) = self.ledger.open.clone() {
            self.settle_open(&open).await?;
        }
        self.load_old_run();
        for (group, processes) in self.old_pins() {
            let step = self.ledger.began.keys().next_back().copied().unwrap_or(1);
            self.resume(step, &group, processes).await.map_err(|stop| self.stuck(stop))?;
        }
        for group in self.ledger.pins.keys().cloned().collect::<Vec<_>>() {
            self.unpin(&group).await.map_err(|stop| self.stuck(stop))?;
        }
        self.give_lock_back().await.map_err(|stop| self.stuck(stop))?;
        self.over(End::Aborted)
    }

    /// Resumes what this run suspended of a group, and nothing else.
    pub(super) async fn unpin(&mut self, group: &GroupName) -> Flow<()> {
        let Some((step, processes)) = self.ledger.pins.get(group).cloned() else { return Ok(()) };
        self.resume(step, group, processes).await
    }

    /// Resumes processes of a group. Whatever reads Unhealthy would be terminated as soon as
    /// HealthCheck or ReplaceUnhealthy run again, so these wait until every instance reads Healthy; a
    /// node that is out of its target groups on purpose would be too, so for it they stay suspended.
    async fn resume(
        &mut self,
        step: u32,
        group: &GroupName,
        mut processes: BTreeSet<String>,
    ) -> Flow<()> {
        let replaces = |one: &String| REPLACING.contains(&one.as_str());
        if processes.iter().any(replaces) && self.keeps_drained(group).await? {
            processes.retain(|one| !replaces(one));
        }
        if processes.is_empty() {
            return Ok(());
        }
        if processes.iter().any(replaces) {
            self.must_hold(step, &[Claim::AllHealthy { group: group.clone() }]).await?;
        }
        self.carry_out(step, &Mutation::Resume { group: group.clone(), processes }).await
    }

    /// Whether nodes of a group stay out of their target groups once this run is over. A group that
    /// cannot be read may be theirs.
    async fn keeps_drained(&mut self, group: &GroupName) -> Flow<bool> {
        let before = self.old.iter().flat_map(|old| &old.ledger.drained);
        let all = before.chain(&self.ledger.drained);
        let out: BTreeSet<InstanceId> =
            all.filter(|id| !self.ledger.restored.contains(*id)).cloned().collect();
        if out.is_empty() {
            return Ok(false);
        }
        let mut reads = Reads::default();
        reads.scopes.insert(Scope::Groups);
        self.look(&reads).await?;
        let groups = self.eye.inventory().groups.value();
        let named = groups.and_then(|all| all.iter().find(|one| &one.name == group));
        Ok(named.is_none_or(|one| one.instances.iter().any(|of| out.contains(&of.id))))
    }

    /// A lock that is lost may be another account's credentials, or a run on another host that deals
    /// with what this one left. It holds, and ends with the pins as they are when that is said again.
    fn stuck(&self, stop: Stop) -> Stop {
        let Stop::Hold(HoldReason::LockLost, because) = stop else { return stop };
        let left: Vec<&str> = self.ledger.pins.keys().map(GroupName::as_str).collect();
        let left = if left.is_empty() {
            String::new()
        } else {
            format!("; processes it suspended stay suspended in {}", left.join(", "))
        };
        if self.ledger.given_up {
            return Stop::Fail(format!("{because}{left}"));
        }
        let next =
            format!("`run abort {}` once more ends the run and leaves all as it is", self.run);
        Stop::Hold(HoldReason::LockLost, format!("{because}{left}. {next}"))
    }
}
