//! What it costs to read the rings and the metrics of 200 nodes once: two fleets of a hundred, each
//! with a Loki and a Tempo ring of a hundred members with 128 tokens each, and pages of metrics as
//! long as a busy server's. The nodes are another process; what is counted is ours.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench that cannot go on should say where, and its result is what it prints"
)]

use bench::http::{Request, Response, Server};
use quarterdeck::aws::Aws;
use quarterdeck::clock::Clock;
use quarterdeck::config::{AwsSettings, ProbeSettings, default_products};
use quarterdeck::core::estate::Policy;
use quarterdeck::core::inventory::Inventory;
use quarterdeck::core::reconcile::reconcile;
use quarterdeck::core::source::Scope;
use quarterdeck::sources::probe::Prober;
use quarterdeck::sources::{Ask, Reader, Senses, Want};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[path = "../tests/it/bench/mod.rs"]
#[expect(dead_code, reason = "the tests need more of it than the bench")]
mod bench;

const NODES: u8 = 200;
const A_RING: u8 = 100;
/// As many nodes are read at once as the scheduler reads.
const AT_ONCE: usize = 32;
/// What a process that was started by this one is told.
const SERVE: &str = "--serve-nodes";
/// A page of metrics of a busy Loki.
const METRICS_BYTES: usize = 300_000;

fn main() {
    if std::env::args().any(|arg| arg == SERVE) {
        return serve();
    }
    let mut nodes = Command::new(std::env::current_exe().unwrap())
        .arg(SERVE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(nodes.stdout.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    measure();
    drop(nodes.stdin.take());
    line.clear();
    told.read_line(&mut line).unwrap();
    println!("bytes sent by the nodes: {}", line.trim());
    nodes.wait().unwrap();
}

fn address(node: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 20, 0, node + 1)
}

fn measure() {
    let rounds = if std::env::args().any(|arg| arg == "--bench") { 5 } else { 1 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let probes = ProbeSettings {
            enabled: true,
            timeout: Duration::from_secs(3),
            proxy: None,
            products: default_products(),
            route: quarterdeck::machine::Route::default(),
        };
        let prober = Prober::new(&probes, Clock::real()).unwrap();
        let settings = AwsSettings {
            region: Some("us-west-2".into()),
            endpoint_url: Some("http://127.0.0.1:1".into()),
            call_timeout: Duration::from_secs(1),
            ..AwsSettings::default()
        };
        let aws = Aws::connect(&settings).await.unwrap();
        let senses = Senses { prober: Some(prober), resolver: None };
        let reader = Arc::new(Reader::new(aws, senses, Clock::real(), None));
        let mut inventory = Inventory::default();
        for _ in 0..rounds {
            read_all("rings", &reader, Scope::Rings, &mut inventory).await;
            read_all("metrics", &reader, Scope::Metrics, &mut inventory).await;
        }
        let clock = Clock::real();
        let (start, cpu) = (clock.real_elapsed(), spent());
        let estate = reconcile(&inventory, clock.now(), &Policy::default());
        let told: usize = estate.rings.values().map(|view| view.groups.len()).sum();
        let (wall, cpu) = (clock.real_elapsed().saturating_sub(start), spent() - cpu);
        println!("reconcile: {wall:?} wall, {cpu:?} CPU, {told} groups");
        println!("resident: {} kB", resident());
    });
}

async fn read_all(
    what: &str,
    reader: &Arc<Reader>,
    scope: fn(quarterdeck::core::ids::InstanceId) -> Scope,
    inventory: &mut Inventory,
) {
    let clock = Clock::real();
    let (start, cpu) = (clock.real_elapsed(), spent());
    let mut reads = tokio::task::JoinSet::new();
    let (mut calls, mut next) = (0, 0);
    while next < NODES || !reads.is_empty() {
        while next < NODES && reads.len() < AT_ONCE {
            let want = Want {
                scope: scope(format!("i-{next:017x}").into()),
                ask: Ask::Address(IpAddr::V4(address(next))),
                every: Duration::from_secs(30),
                rank: 0,
                not_before: None,
            };
            let reader = Arc::clone(reader);
            reads.spawn(async move { reader.read(&want).await });
            next += 1;
        }
        let event = reads.join_next().await.unwrap().unwrap();
        assert!(event.result.is_ok(), "{:?}", event.result);
        calls += event.calls;
        inventory.apply(event);
    }
    let (wall, cpu) = (clock.real_elapsed().saturating_sub(start), spent() - cpu);
    println!("{what} of {NODES} nodes: {wall:?} wall, {cpu:?} CPU, {calls} requests");
}

/// The CPU time of this process: user and system, in ticks of a hundredth of a second.
fn spent() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, after) = stat.rsplit_once(')').unwrap();
    let ticks: u64 =
        after.split_whitespace().skip(11).take(2).map(|of| of.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").to_owned()
}

/// The nodes: listeners on their own addresses, until nobody holds the input any more.
fn serve() {
    let sent = Arc::new(AtomicU64::new(0));
    let mut servers = Vec::new();
    for node in 0..NODES {
        for port in [3000, 3100, 3200] {
            let fleet = node / A_RING;
            let (ring, sent) = (ring(fleet, port), Arc::clone(&sent));
            let server =
                Server::start(SocketAddr::from((address(node), port)), move |mut stream| {
                    let Some(request) = Request::read(&mut BufReader::new(&stream)) else { return };
                    let bytes = answer(&request.path, port, fleet, &ring);
                    sent.fetch_add(u64::try_from(bytes.len()).unwrap(), Ordering::Relaxed);
                    drop(stream.write_all(&bytes));
                });
            servers.push(server.unwrap());
        }
    }
    println!("ready");
    drop(std::io::stdin().read_to_end(&mut Vec::new()));
    println!("{}", sent.load(Ordering::Relaxed));
    // The process ends here, and every port with it.
    std::process::exit(0);
}

fn answer(path: &str, port: u16, fleet: u8, ring: &str) -> Vec<u8> {
    let json = |body: String| Response::new(200, "application/json", body);
    let response = match (path, port) {
        ("/ring", 3100) | ("/ingester/ring", 3200) => json(ring.to_owned()),
        ("/memberlist", 3100 | 3200) => json(memberlist(fleet, port)),
        ("/loki/api/v1/status/buildinfo", 3100) => json("{\"version\":\"3.7.6\"}".into()),
        ("/metrics", _) => Response::new(200, "text/plain; version=0.0.4", metrics(port)),
        _ => Response::new(404, "text/plain", "404 page not found\n"),
    };
    response.bytes(response.body.len())
}

fn members(fleet: u8) -> impl Iterator<Item = Ipv4Addr> {
    (0..A_RING).map(move |node| address(fleet * A_RING + node))
}

fn ring(fleet: u8, port: u16) -> String {
    let tokens: Vec<String> =
        (0..128_u32).map(|token| (token * 33_554_432 + 7).to_string()).collect();
    let tokens = tokens.join(",");
    let shards: Vec<String> = members(fleet)
        .map(|ip| {
            format!(
                "{{\"id\":\"ip-{ip}\",\"state\":\"ACTIVE\",\"address\":\"{ip}:{}\",\
                 \"timestamp\":\"2026-11-22T14:38:31Z\",\
                 \"registered_timestamp\":\"2026-11-22T14:38:16Z\",\"zone\":\"\",\"tokens\":[{tokens}]}}",
                port + 5995
            )
        })
        .collect();
    format!("{{\"shards\":[{}],\"now\":\"2026-11-22T14:38:44.41308553Z\"}}", shards.join(","))
}

fn memberlist(fleet: u8, port: u16) -> String {
    let members: Vec<String> = members(fleet)
        .map(|ip| {
            format!("{{\"Name\":\"ip-{ip}-{port}\",\"Addr\":\"{ip}\",\"Port\":7946,\"State\":0}}")
        })
        .collect();
    format!("{{\"SortedMembers\":[{}],\"Store\":{{\"collectors/ring\":{{}}}}}}", members.join(","))
}

fn metrics(port: u16) -> String {
    let mut page = String::with_capacity(METRICS_BYTES + 1000);
    let name = match port {
        3000 => "grafana_http_request_duration_seconds_count{handler=\"/api/search\"",
        3100 => "loki_request_duration_seconds_count{route=\"loki_api_v1_push\",method=\"POST\"",
        _ => "tempo_request_duration_seconds_count{route=\"api_search\",method=\"GET\"",
    };
    for code in [200, 204, 400, 500] {
        let _ = writeln!(page, "{name},status_code=\"{code}\"}} 1000");
    }
    let mut le = 0;
    while page.len() < METRICS_BYTES {
        le += 1;
        let _ = writeln!(
            page,
            "some_histogram_seconds_bucket{{operation=\"query\",tenant=\"t{le}\",le=\"0.{le:05}\"}} {le}"
        );
    }
    page
}
