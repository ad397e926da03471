//! Capacity rules: how many targets a group has, how many of them are healthy, per zone, and when
//! a group fails open. Pure arithmetic over target states.

use super::estate::Capacity;
use super::ids::Zone;
use super::inventory::TargetHealth;

/// What a whole group's targets amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// At least one target is healthy, or none has been judged yet.
    Closed,
    /// Every target is unhealthy: the load balancer sends to all of them regardless.
    AllUnhealthy,
    /// There is no target at all.
    Empty,
}

impl Opening {
    /// Whether traffic goes to targets (or to nowhere) regardless of health
    /// (ELB documentation, "Target groups for your Network Load Balancers", fail open).
    pub fn is_open(self) -> bool {
        self != Self::Closed
    }
}

/// Counts targets; each comes with the zone of its node, where that is known.
pub fn count<'a>(targets: impl Iterator<Item = (&'a TargetHealth, Option<&'a Zone>)>) -> Capacity {
    let mut capacity = Capacity::default();
    for (target, zone) in targets.filter(|(target, _)| !target.is_leaving()) {
        let healthy = u32::from(target.is_healthy());
        capacity.registered += 1;
        capacity.healthy += healthy;
        let Some(zone) = zone else { continue };
        match capacity.zones.get_mut(zone) {
            Some(of_zone) => *of_zone = (of_zone.0 + healthy, of_zone.1 + 1),
            None => drop(capacity.zones.insert(zone.clone(), (healthy, 1))),
        }
    }
    capacity
}

/// Whether a group fails open. Targets that are leaving do not count; a group that has only
/// targets still waiting for their first check has not failed yet; one that is in no listener
/// (`unused`) is judged by nobody.
pub fn opening<'a>(targets: impl Iterator<Item = &'a TargetHealth>) -> Opening {
    let (mut staying, mut unhealthy, mut judged_otherwise) = (0_u32, 0_u32, 0_u32);
    for target in targets.filter(|target| !target.is_leaving()) {
        staying += 1;
        match &*target.state {
            "unhealthy" => unhealthy += 1,
            // Neither has been judged: one waits for its first check, the other is not checked.
            "initial" | "unused" => {}
            _ => judged_otherwise += 1,
        }
    }
    match (staying, unhealthy, judged_otherwise) {
        (0, _, _) => Opening::Empty,
        (_, 1.., 0) => Opening::AllUnhealthy,
        _ => Opening::Closed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::InstanceId;

    fn target(state: &str) -> TargetHealth {
        TargetHealth {
            id: InstanceId::from("i-00000001"),
            port: 3100,
            zone: None,
            state: state.into(),
            reason: None,
            description: None,
        }
    }

    #[test]
    fn when_a_group_fails_open() {
        let cases: [(&[&str], Opening); 10] = [
            (&[], Opening::Empty),
            (&["draining"], Opening::Empty),
            (&["unhealthy.draining"], Opening::Empty),
            (&["unhealthy", "unhealthy"], Opening::AllUnhealthy),
            (&["unhealthy", "initial"], Opening::AllUnhealthy),
            (&["initial"], Opening::Closed),
            (&["unhealthy", "healthy"], Opening::Closed),
            (&["unused"], Opening::Closed),
            (&["unhealthy", "unused"], Opening::AllUnhealthy),
            (&["unhealthy", "a-word-of-next-year"], Opening::Closed),
        ];
        for (states, expected) in cases {
            let targets: Vec<_> = states.iter().map(|state| target(state)).collect();
            assert_eq!(opening(targets.iter()), expected, "{states:?}");
        }
    }

    #[test]
    fn only_healthy_is_healthy_and_who_leaves_is_not_counted() {
        let zone = Zone::from("z-a");
        let targets = ["healthy", "initial", "draining", "unavailable"].map(target);
        let capacity = count(targets.iter().map(|target| (target, Some(&zone))));
        assert_eq!((capacity.healthy, capacity.registered), (1, 3));
        assert_eq!(capacity.zones[&zone], (1, 3));
    }
}
