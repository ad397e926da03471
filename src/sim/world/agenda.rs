//! What will happen when. The world moves from one due entry to the next, so a day costs as much
//! as what happens in it, however fast the clock runs.

use crate::core::ids::{GroupName, InstanceId, ListenerArn, Product, ServiceId, TargetGroupArn};
use jiff::Timestamp;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Something that happens by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// A group compares what it has with what it wants.
    GroupLook(GroupName),
    /// An instance goes from pending to running.
    InstanceRunning(InstanceId),
    /// A launched instance goes into service in its group.
    InstanceInService(InstanceId),
    /// An instance's drain is over: it shuts down.
    InstanceShutDown(InstanceId),
    /// An instance is terminated.
    InstanceTerminated(InstanceId),
    /// EC2 forgets a terminated instance.
    InstanceForgotten(InstanceId),
    /// A node has booted far enough to start its products and its boot script.
    NodeBooted(InstanceId),
    /// The next step of a node's boot script.
    BootStep(InstanceId),
    /// A product goes to its next phase, if it still is in the start that was meant.
    ProductPhase { node: InstanceId, product: Product, start: u64 },
    /// A product that started joins its ring, or tries again to.
    RingJoin { node: InstanceId, product: Product, start: u64, tries: u32 },
    /// An asynchronous Cloud Map operation is submitted, then pending, then done.
    OperationStep(String),
    /// The data plane of Cloud Map learns of a member.
    MemberPublished { service: ServiceId, member: InstanceId },
    /// A custom health status takes effect.
    MemberHealth { service: ServiceId, member: InstanceId },
    /// A target's health is looked at again.
    TargetStep { group: TargetGroupArn, id: InstanceId, port: u16, change: u64 },
    /// A listener's weights reach the data plane.
    ListenerInForce { listener: ListenerArn, change: u64 },
    /// Something in the data plane changes by the passing of time alone.
    TrafficShift,
    /// A standby transition is over.
    StandbyReached(InstanceId),
    /// The schedule's entry of that index.
    Scheduled(usize),
}

/// The agenda: entries in order of time, first written first among equals.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Reverse<(Timestamp, u64, Due)>>,
    written: u64,
}

impl Agenda {
    /// Writes an entry.
    pub(crate) fn add(&mut self, at: Timestamp, due: Due) {
        self.written += 1;
        self.heap.push(Reverse((at, self.written, due)));
    }

    /// Takes the first entry that is due at `now`.
    pub(crate) fn take(&mut self, now: Timestamp) -> Option<(Timestamp, Due)> {
        let due = self.heap.peek().is_some_and(|Reverse((at, ..))| *at <= now);
        if !due {
            return None;
        }
        self.heap.pop().map(|Reverse((at, _, due))| (at, due))
    }

    /// How many entries wait.
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }
}
