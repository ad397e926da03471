//! How near one full round comes to its longest chain of calls that wait for each other: 1,000
//! members (10 pages), 8 target groups, 20 ms a call, everything in this process. For each round:
//! its wall time, the chain as the calls really took, the chain at exactly 20 ms a call, and how
//! long it took to the first call and from the last answer to the estate.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench that cannot go on should say where, and its result is what it prints"
)]

use bench::big::BigWorld;
use bench::proxy::{Call, Proxy};
use quarterdeck::clock::Clock;
use quarterdeck::config::{Environment, Flags, Settings, load};
use quarterdeck::engine;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

#[path = "../tests/it/bench/mod.rs"]
#[expect(dead_code, reason = "the tests need more of it than the bench")]
mod bench;

const MEMBERS: usize = 1000;
/// What the network and AWS take for each call.
const PER_CALL: Duration = Duration::from_millis(20);
/// Enough for a median that repeats to within a millisecond.
const ROUNDS: usize = 21;
/// What a process that was started by this one is told.
const MEASURE: &str = "--measure";

/// The SDK takes credentials from the environment, so the measuring is done in a process whose
/// environment holds these and nothing else.
fn main() {
    if std::env::args().any(|arg| arg == MEASURE) {
        let rounds = if std::env::args().any(|arg| arg == "--bench") { ROUNDS } else { 1 };
        return measure(rounds);
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(std::env::args().skip(1).chain([MEASURE.to_owned()]))
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "testing")
        .env("AWS_SECRET_ACCESS_KEY", "testing")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

struct Measured {
    wall: Duration,
    chain: Chain,
    calls: usize,
    /// Until the first call came.
    before: Duration,
    /// From the last answer on.
    after: Duration,
}

fn measure(rounds: usize) {
    let mut all: Vec<_> = (0..rounds).map(one).collect();
    println!(
        "round     wall    chain  (calls)  at 20 ms   wall/chain  wall/20 ms  all calls  \
         before   after"
    );
    for (number, round) in all.iter().enumerate() {
        println!("{}", line(&format!("{:>5}", number + 1), round));
    }
    // The first pays for what a process does once (the read commands are such a process).
    if all.len() > 1 {
        all.remove(0);
        all.sort_by_key(|round| round.wall);
        println!("{}", line("median", &all[all.len() / 2]));
    }
}

fn line(name: &str, round: &Measured) -> String {
    let Measured { wall, chain, calls, before, after } = round;
    let nominal = PER_CALL * u32::try_from(chain.calls).unwrap();
    format!(
        "{name:>6} {:>7.1}ms {:>6.1}ms {:>6} {:>8.1}ms {:>11.3} {:>11.3} {calls:>10} \
         {:>6.1}ms {:>5.1}ms",
        wall.as_secs_f64() * 1e3,
        chain.took.as_secs_f64() * 1e3,
        chain.calls,
        nominal.as_secs_f64() * 1e3,
        wall.as_secs_f64() / chain.took.as_secs_f64(),
        wall.as_secs_f64() / nominal.as_secs_f64(),
        before.as_secs_f64() * 1e3,
        after.as_secs_f64() * 1e3,
    )
}

/// A round that remembers nothing of the one before, on an AWS of its own.
fn one(number: usize) -> Measured {
    let proxy = Proxy::before(BigWorld::new(MEMBERS));
    proxy.delay(PER_CALL);
    let name = format!("round-{}-{number}", std::process::id());
    let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let settings = settings(&proxy.endpoint(), &state);
    let clock = Clock::real();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let before = clock.real_elapsed();
    let round = runtime.block_on(engine::round(&settings, &clock)).unwrap();
    let wall = clock.real_elapsed().checked_sub(before).unwrap();
    drop(std::fs::remove_dir_all(&state));
    assert_eq!(round.estate.nodes.len(), MEMBERS);
    assert!(round.lacking.is_empty(), "{:?}", round.lacking);
    let calls = proxy.calls();
    // The proxy's clock was made just before ours.
    let first = calls.iter().map(|call| call.came).min().unwrap();
    let last = calls.iter().filter_map(|call| call.answered).max().unwrap();
    Measured {
        wall,
        chain: longest(&calls),
        calls: calls.len(),
        before: first.saturating_sub(before),
        after: (before + wall).saturating_sub(last),
    }
}

fn settings(endpoint: &str, state: &Path) -> Settings {
    let home = env!("CARGO_TARGET_TMPDIR");
    let flags = Flags {
        region: Some("us-west-2".into()),
        endpoint_url: Some(endpoint.into()),
        state_dir: Some(state.to_owned()),
        no_probes: true,
        ..Flags::default()
    };
    load(&[("HOME", home)].into_iter().collect::<Environment>(), &flags).unwrap()
}

/// Calls of which each needed the answer of the one before.
#[derive(Clone, Copy, Default)]
struct Chain {
    took: Duration,
    calls: usize,
}

/// The chain that took longest. A call waits for what its operation needs, and a further page for
/// the page before it.
fn longest(calls: &[Call]) -> Chain {
    let mut chains: Vec<Chain> = Vec::new();
    for call in calls {
        let earlier = calls.iter().zip(&chains).filter(|(before, _)| {
            let page = before.operation == call.operation && is_further_page(call);
            page || needs(&call.operation).contains(&before.operation.as_str())
        });
        let before = earlier.map(|(_, chain)| *chain).max_by_key(|chain| chain.took);
        let before = before.unwrap_or_default();
        let answered = call.answered.expect("the proxy answered every call");
        let took = before.took + answered.checked_sub(call.came).unwrap();
        chains.push(Chain { took, calls: before.calls + 1 });
    }
    chains.into_iter().max_by_key(|chain| chain.took).unwrap_or_default()
}

fn is_further_page(call: &Call) -> bool {
    ["NextToken", "Marker"].into_iter().any(|name| call.param(name).is_some())
}

/// The answers without which an operation has nothing to ask about.
fn needs(operation: &str) -> &'static [&'static str] {
    match operation {
        "ListServices" => &["ListNamespaces"],
        "ListInstances" => &["ListServices"],
        "DescribeInstances" | "DescribeScalingActivities" | "DescribeInstanceRefreshes" => {
            &["DescribeAutoScalingGroups"]
        }
        "DescribeListeners"
        | "DescribeTargetHealth"
        | "DescribeTags"
        | "DescribeLoadBalancerAttributes"
        | "DescribeTargetGroupAttributes" => {
            &["DescribeAutoScalingGroups", "DescribeTargetGroups", "DescribeLoadBalancers"]
        }
        "DescribeRules" => &["DescribeListeners"],
        _ => &[],
    }
}
