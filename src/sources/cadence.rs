//! How often is often enough: the rates that keep shared budgets, and intervals stretched to them.

use super::demand::Want;
use crate::core::source::Source;
use std::collections::BTreeMap;
use std::time::Duration;

/// ELBv2's bucket is the whole account's: in steady state listeners and target health together
/// may take this many calls a second, and everything slow this many more. The rest up to one goes
/// to the listings, the sweep, and the jitter, which only ever shortens an interval.
pub(super) const ELBV2_FAST_CALLS_A_SECOND: f64 = 0.55;
pub(super) const ELBV2_SLOW_CALLS_A_SECOND: f64 = 0.25;
/// How much of the fast rate listeners and the target groups of the fleet on screen get where
/// there are too many groups to read all of them often.
pub(super) const ON_SCREEN_PART: f64 = 0.6;
/// Auto Scaling's bucket is shared too; activities and refreshes take at most this many.
pub(super) const AUTOSCALING_SLOW_CALLS_A_SECOND: f64 = 0.2;
/// Registry services that could never be listed may be anybody's: together they take at most this
/// many calls a second (a role that may list one service is denied all the others).
pub(super) const UNKNOWN_SERVICES_CALLS_A_SECOND: f64 = 1.0;

/// What runs of other hosts say (a lock, marks) is read three times as seldom as the registry, 15 s as
/// a rule: their hearts beat every 15 s, so that six reads without a change make a dead run. There
/// are two records a load balancer at most; in an account with many they share half a call a second.
pub(super) const RECORDS_SLOWER: u32 = 3;
/// See [`RECORDS_SLOWER`].
pub(super) const RECORDS_CALLS_A_SECOND: f64 = 0.5;

/// Rings say little new from second to second: six times as seldom as probes, 30 s as a rule. A dead
/// member shows in them after 30 s at the soonest.
pub(super) const RINGS_SLOWER: u32 = 6;
/// Metrics three times as seldom, 15 s as a rule: two samples make a rate of half a minute.
pub(super) const METRICS_SLOWER: u32 = 3;
/// So many nodes a second are asked for their rings, and for their metrics: with 200 nodes each is
/// still asked in its interval, with 10,000 every ten minutes. A ring's page grows with its members
/// and so do the pages to read, so the work grows with the square of the nodes.
pub(super) const RINGS_NODES_A_SECOND: f64 = 15.0;
/// A page of metrics is long, but does not grow with the fleet.
pub(super) const METRICS_NODES_A_SECOND: f64 = 30.0;

/// Reads a second of real time on a clock that runs fast: two thirds of what the buckets refill
/// (`sources::pace`), and of the nodes what one core does beside everything else.
fn real_reads_a_second(source: Source) -> f64 {
    match source {
        Source::Sts => 0.5,
        Source::CloudMap => 10.0,
        Source::AutoScaling | Source::Elbv2 => 2.0,
        Source::Ec2 => 3.0,
        Source::Probes => 50.0,
        // Several requests a node, and longer answers.
        Source::Rings | Source::Metrics => 10.0,
        Source::Dns => 5.0,
    }
}

/// The interval at which so many calls stay within a rate.
pub(super) fn stretched(least: Duration, calls: usize, calls_a_second: f64) -> Duration {
    let calls = u32::try_from(calls).unwrap_or(u32::MAX);
    least.max(Duration::from_secs_f64(f64::from(calls) / calls_a_second))
}

/// On a fast clock (a demo's) cadences run by it, but calls take real time, and their budgets are
/// real ones. Where a source would be asked more than they allow, all its intervals grow alike:
/// better seldom than always late, which is stale.
pub(super) fn within_real_time(wants: &mut [Want], rate: f64) {
    if rate <= 1.0 {
        return;
    }
    let mut calls_a_second: BTreeMap<Source, f64> = BTreeMap::new();
    for want in &*wants {
        *calls_a_second.entry(want.scope.source()).or_default() += rate / want.every.as_secs_f64();
    }
    for want in wants {
        let source = want.scope.source();
        let asked = calls_a_second.get(&source).copied().unwrap_or_default();
        let too_many = asked / real_reads_a_second(source);
        if too_many > 1.0 {
            want.every = want.every.mul_f64(too_many);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::source::Scope;
    use crate::sources::Ask;

    #[test]
    fn a_fast_clock_stretches_what_real_time_does_not_allow_and_nothing_else() {
        let want = |scope: Scope, seconds: u64| Want {
            scope,
            ask: Ask::Plain,
            every: Duration::from_secs(seconds),
            rank: 0,
            not_before: None,
        };
        let wants = vec![
            want(Scope::LoadBalancers, 60),
            want(Scope::TargetGroups, 15),
            want(Scope::Namespaces, 60),
        ];
        for (rate, seconds) in [
            (1.0, [60, 15, 60]),
            // Still: 20 / 60 + 20 / 15 calls a second, and two are allowed.
            (20.0, [60, 15, 60]),
            // 120 / 60 + 120 / 15 calls a second: five times too many.
            (120.0, [300, 75, 60]),
        ] {
            let mut wants = wants.clone();
            within_real_time(&mut wants, rate);
            let every: Vec<u64> = wants.iter().map(|want| want.every.as_secs()).collect();
            assert_eq!(every, seconds, "at {rate}");
        }
    }
}
