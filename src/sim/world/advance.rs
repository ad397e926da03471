//! Time passes: the agenda is worked off entry by entry, each at its own time.

use super::agenda::Due;
use super::{Work, World};
use jiff::Timestamp;
use std::time::Duration;

impl World {
    /// Lets everything happen that is due until `to`, and closes the clients' books up to there, so
    /// that something may be changed. Time never runs backwards here.
    pub(crate) fn advance(&mut self, to: Timestamp) {
        self.catch_up(to);
        self.book_traffic();
    }

    /// The same for those who only look: cheap, as most requests are probes of nodes.
    pub(crate) fn catch_up(&mut self, to: Timestamp) {
        while let Some((at, due)) = self.agenda.take(to) {
            self.now = self.now.max(at);
            // What flowed until now is booked before anything changes; who changes something in
            // the data plane then says so.
            self.book_traffic();
            self.happen(due);
        }
        self.now = self.now.max(to);
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::GroupLook(group) => self.look_at_group(&group),
            Due::InstanceRunning(id) => self.instance_running(&id),
            Due::InstanceInService(id) => self.instance_in_service(&id),
            Due::InstanceShutDown(id) => self.instance_shuts_down(&id),
            Due::InstanceTerminated(id) => self.instance_terminated(&id),
            Due::InstanceForgotten(id) => self.forget_instance(&id),
            Due::NodeBooted(id) => self.node_booted(&id),
            Due::BootStep(id) => self.script_step(&id),
            Due::ProductPhase { node, product, start } => {
                self.product_phase(&node, &product, start);
            }
            Due::RingJoin { node, product, start, tries } => {
                self.ring_join(&(node, product), start, tries);
            }
            Due::OperationStep(id) => self.operation_step(&id),
            Due::MemberPublished { service, member } => self.publish_member(&service, &member),
            Due::MemberHealth { service, member } => self.member_health_due(&service, &member),
            Due::TargetStep { group, id, port, change } => {
                self.target_step(&group, &(id, port), change);
            }
            Due::ListenerInForce { listener, change } => {
                self.listener_in_force(&listener, change);
            }
            Due::TrafficShift => self.traffic_changes(),
            Due::StandbyReached(id) => self.standby_reached(&id),
            Due::Scheduled(index) => self.scheduled(index),
        }
    }

    /// One step of an asynchronous operation: `SUBMITTED`, then `PENDING`, then carried out.
    fn operation_step(&mut self, id: &str) {
        let half = self.lags.operation / 2;
        let now = self.now;
        let Some(operation) = self.operations.get_mut(id) else { return };
        operation.updated = now;
        match operation.status {
            "SUBMITTED" => {
                operation.status = "PENDING";
                self.plan(half.max(Duration::from_millis(1)), Due::OperationStep(id.to_owned()));
            }
            "PENDING" if operation.error.is_some() => operation.status = "FAIL",
            "PENDING" => {
                operation.status = "SUCCESS";
                let operation = operation.clone();
                match operation.work {
                    Work::Register { attributes, creator_request_id } => self.put_member(
                        &operation.service,
                        &operation.member,
                        attributes,
                        creator_request_id,
                    ),
                    Work::Deregister => {
                        self.remove_member(&operation.service, &operation.member);
                    }
                }
            }
            _ => {}
        }
    }
}
