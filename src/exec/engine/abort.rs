//! Ending a run early: no further traffic step; what it suspended is resumed, the lock given back,
//! weights stay as they are.

use super::{Engine, Flow, Stop};
use crate::core::ids::GroupName;
use crate::core::plan::{Claim, Mutation};
use crate::core::run::HoldReason;
use crate::core::run::journal::End;

impl Engine {
    /// Takes back what must not be left behind, and ends.
    pub(super) async fn abort(&mut self) -> Flow<End> {
        if let Some(open) = self.ledger.open.clone() {
            self.settle_open(&open).await?;
        }
        self.load_old_run();
        for (group, processes) in self.old_pins() {
            let step = self.ledger.began.keys().next_back().copied().unwrap_or(1);
            let resume = Mutation::Resume { group: group.clone(), processes };
            let healthy = [Claim::AllHealthy { group }];
            self.must_hold(step, &healthy).await.map_err(|stop| self.stuck(stop))?;
            self.carry_out(step, &resume).await.map_err(|stop| self.stuck(stop))?;
        }
        for group in self.ledger.pins.keys().cloned().collect::<Vec<_>>() {
            self.unpin(&group).await.map_err(|stop| self.stuck(stop))?;
        }
        self.give_lock_back().await.map_err(|stop| self.stuck(stop))?;
        self.over(End::Aborted)
    }

    /// Resumes what this run suspended of a group, and nothing else. Whatever reads Unhealthy
    /// would be terminated at once, so nothing is resumed before every instance reads Healthy.
    pub(super) async fn unpin(&mut self, group: &GroupName) -> Flow<()> {
        let Some((step, processes)) = self.ledger.pins.get(group).cloned() else { return Ok(()) };
        self.must_hold(step, &[Claim::AllHealthy { group: group.clone() }]).await?;
        self.carry_out(step, &Mutation::Resume { group: group.clone(), processes }).await
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
        if self.ledger.let_go {
            return Stop::Fail(format!("{because}{left}"));
        }
        let next =
            format!("`run abort {}` once more ends the run and leaves all as it is", self.run);
        Stop::Hold(HoldReason::LockLost, format!("{because}{left}. {next}"))
    }
}
