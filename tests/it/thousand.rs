//! 1,000 members, 8 target groups, 20 ms a call: no more calls than the pages require.

use crate::bench::big::BigWorld;
use crate::bench::proxy::{Call, Proxy};
use crate::reads::quarterdeck;
use serde_json::json;
use std::time::Duration;

/// What the network and AWS take for each call.
const PER_CALL: Duration = Duration::from_millis(20);

/// What one full round must ask, by the pages of each API.
const REQUIRED: [(&str, usize); 10] = [
    ("GetCallerIdentity", 1),
    ("ListNamespaces", 1),
    ("ListServices", 1),
    ("ListInstances", 10),
    ("DescribeAutoScalingGroups", 1),
    ("DescribeLoadBalancers", 1),
    ("DescribeListeners", 1),
    ("DescribeTargetGroups", 1),
    ("DescribeTargetHealth", 8),
    ("DescribeInstances", 5),
];

/// What it may ask beside that, once for each thing it is about: what explains and changes rarely.
const OPTIONAL: [(&str, usize); 7] = [
    ("DescribeRules", 4),
    ("DescribeTags", 1),
    ("DescribeLoadBalancerAttributes", 1),
    ("DescribeTargetGroupAttributes", 8),
    ("DescribeScalingActivities", 2),
    ("DescribeInstanceRefreshes", 2),
    ("DiscoverInstancesRevision", 1),
];

#[test]
fn a_round_makes_no_more_calls_than_the_pages_require() {
    let proxy = Proxy::before(BigWorld::new(1000));
    proxy.delay(PER_CALL);
    let cli = quarterdeck(&proxy.endpoint()).args(&["--no-probes"]);
    let outcome = cli.run(&["fleets", "-o", "json"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let document = outcome.json();
    for fleet in 0..2 {
        let fleet = &document["fleets"][fleet];
        assert_eq!(fleet["members"], json!(500));
        assert_eq!(fleet["targets"][0]["healthy"], json!(500));
        assert_eq!(fleet["auto_scaling_groups"][0]["in_service"], json!(500));
        assert_eq!(fleet["worst"], json!("none"));
    }
    let counts = proxy.counts();
    for (operation, calls) in REQUIRED {
        assert_eq!(counts.get(operation), Some(&calls), "{operation}: {counts:?}");
    }
    for (operation, calls) in &counts {
        let all = REQUIRED.iter().chain(&OPTIONAL);
        let most = all.filter(|(name, _)| name == operation).map(|(_, most)| *most).next();
        assert!(most.is_some_and(|most| *calls <= most), "{operation}: {calls} calls");
    }
    assert_side_by_side(&proxy.calls());
}

/// Calls that do not depend on each other are made side by side: the target groups do not wait for
/// the registry's ten pages. How near a round comes to its longest chain is measured in `benches/`.
fn assert_side_by_side(calls: &[Call]) {
    let of = |operation: &'static str| calls.iter().filter(move |call| call.operation == operation);
    let last_page = of("ListInstances").filter_map(|call| call.answered).max().unwrap();
    let waited = of("DescribeTargetHealth").filter(|call| call.came > last_page).count();
    assert_eq!(waited, 0, "target groups that waited for the last page");
}
