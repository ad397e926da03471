//! Rings and metrics over the wire, from servers that answer as the real ones did, and from servers
//! that do anything but.

use crate::clock::Clock;
use crate::config::ProbeKind;
use crate::core::error::ErrorKind;
use crate::core::inventory::{Page, ProductMetrics, ProductRings};
use crate::core::source::{Fragment, Scope, Source, SourceEvent};
use crate::sources::probe::Prober;
use crate::sources::probe::tests::node::{Node, Reply, http};
use crate::sources::probe::tests::{LIMIT, product, settings};
use crate::sources::{Ask, Reader, Senses, Want};
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;

/// A recorded answer, byte for byte (its chunks were joined when it was recorded).
fn recorded(name: &str) -> Reply {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/glt");
    let text = std::fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap();
    let text = text.replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").unwrap();
    let kept = head.lines().filter(|line| {
        let line = line.to_ascii_lowercase();
        !line.starts_with("transfer-encoding") && !line.starts_with("content-length")
    });
    let head: Vec<_> = kept.collect();
    let length = body.len();
    Reply::Bytes(format!("{}\r\nContent-Length: {length}\r\n\r\n{body}", head.join("\r\n")).into())
}

/// Reads a scope from a node that runs these products on one port each.
async fn read(scope: Scope, nodes: &[(&Node, ProbeKind)]) -> SourceEvent {
    let products = nodes.iter().map(|(node, kind)| product(*kind, node.at.port(), "/ready"));
    let prober = Prober::new(&settings(products.collect()), Clock::real()).unwrap();
    let aws = crate::aws::tests::readers("http://127.0.0.1:1").await;
    let senses = Senses { prober: Some(prober), resolver: None };
    let reader = Reader::new(aws, senses, Clock::real(), None);
    let every = LIMIT * 10;
    let ask = Ask::Address(nodes[0].0.at.ip());
    reader.read(&Want { scope, ask, every, rank: 0, not_before: None }).await
}

async fn rings(nodes: &[(&Node, ProbeKind)]) -> Vec<ProductRings> {
    match read(Scope::Rings("i-1".into()), nodes).await.result {
        Ok(Fragment::Rings(rings)) => rings,
        other => panic!("{other:?}"),
    }
}

async fn metrics(nodes: &[(&Node, ProbeKind)]) -> Vec<ProductMetrics> {
    match read(Scope::Metrics("i-1".into()), nodes).await.result {
        Ok(Fragment::Metrics(metrics)) => metrics,
        other => panic!("{other:?}"),
    }
}

fn why<T: std::fmt::Debug>(page: &Page<T>) -> &str {
    match page {
        Page::CannotTell(why) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_loki_is_read_whole_by_exact_paths() {
    let node = Node::start("127.0.0.1", |line| match line {
        "GET /ring HTTP/1.1" => recorded("loki-2.7.7-ring-json-peer-killed-200"),
        "GET /memberlist HTTP/1.1" => recorded("loki-2.7.7-memberlist-json-peer-killed-200"),
        "GET /loki/api/v1/status/buildinfo HTTP/1.1" => {
            recorded("loki-2.7.7-buildinfo-starting-200")
        }
        _ => http("404 Not Found", "404 page not found\n"),
    })
    .await;
    let told = rings(&[(&node, ProbeKind::Loki)]).await;
    let [loki] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(loki.ring.read().unwrap().members.len(), 4);
    assert_eq!(loki.gossip.read().unwrap().members.len(), 3);
    assert_eq!(loki.version.read().map(|version| &**version), Some("2.7.7"));
    assert_eq!((&loki.left, loki.ring_path.as_str()), (&Page::Absent, "/ring"));
    let mut asked = node.lines();
    asked.sort_unstable();
    assert_eq!(
        asked,
        [
            "GET /loki/api/v1/status/buildinfo HTTP/1.1",
            "GET /memberlist HTTP/1.1",
            "GET /memberlist?viewKey=collectors/ring&format=json HTTP/1.1",
            "GET /ring HTTP/1.1",
        ]
    );
    assert!(
        node.heads().iter().all(|head| head.to_lowercase().contains("accept: application/json"))
    );
}

#[tokio::test]
async fn a_tempo_of_3_has_its_ring_elsewhere_and_no_gossip() {
    let node = Node::start("127.0.0.1", |line| match line {
        "GET /live-store/ring HTTP/1.1" => recorded("tempo-3.0.3-lsring-json-starting-200"),
        "GET /api/status/buildinfo HTTP/1.1" => recorded("tempo-3.0.3-buildinfo-starting-200"),
        line if line.starts_with("GET /memberlist") => {
            recorded("tempo-3.0.3-memberlist-json-starting-200")
        }
        _ => http("404 Not Found", "404 page not found\n"),
    })
    .await;
    let told = rings(&[(&node, ProbeKind::Tempo)]).await;
    assert!(told[0].ring.read().unwrap().is_in_memory());
    assert_eq!((&told[0].gossip, &told[0].left), (&Page::NotUsed, &Page::NotUsed));
    assert_eq!(told[0].ring_path, "/live-store/ring");
    assert_eq!(told[0].version.read().map(|version| &**version), Some("3.0.3"));
}

/// A body without an end, half a body, a page for people where JSON was asked for, a redirect, an
/// error: none of it is an error of the node, and none of it is a ring without members.
#[tokio::test]
async fn whatever_comes_instead_of_a_ring_cannot_be_told() {
    type Replying = fn(&str) -> Reply;
    let cases: [(Replying, &str); 5] = [
        (|_| Reply::Flood, "longer than 1024 KiB"),
        (
            |_| {
                Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"shards\":[".to_vec())
            },
            "cut off",
        ),
        (
            |_| {
                Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>".to_vec())
            },
            "without a ring's table",
        ),
        (|_| http("302 Found", ""), "answers 302"),
        (|_| http("500 Internal Server Error", "no"), "answers 500"),
    ];
    for (reply, expected) in cases {
        let node = Node::start("127.0.0.1", reply).await;
        let told = rings(&[(&node, ProbeKind::Loki)]).await;
        let why = why(&told[0].ring);
        assert!(why.contains(expected), "{why} / {expected}");
        assert_eq!(told[0].ring.read(), None);
    }
}

/// Of a hundred megabytes no more passes than the bound and what the sockets hold; four pages were
/// asked at once.
#[tokio::test]
async fn a_body_without_an_end_costs_nothing_beyond_the_bound() {
    let node = Node::start("127.0.0.1", |_| Reply::Flood).await;
    let _ = rings(&[(&node, ProbeKind::Loki)]).await;
    assert!(node.sent() < 50_000_000, "{} bytes", node.sent());
    let node = Node::start("127.0.0.1", |_| Reply::Flood).await;
    let told = metrics(&[(&node, ProbeKind::Loki)]).await;
    assert_eq!(why(&told[0].sample), "longer than 4 MiB");
    assert!(node.sent() < 30_000_000, "{} bytes", node.sent());
}

/// Long pages are received in turn, and one that never ends gives its turn back.
#[tokio::test]
async fn a_long_page_that_stops_half_way_cannot_be_told() {
    let half = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n{}",
        " ".repeat(100_000)
    );
    let node = Node::start("127.0.0.1", move |line| match line {
        "GET /ring HTTP/1.1" => Reply::Stall(half.clone().into()),
        _ => http("404 Not Found", ""),
    })
    .await;
    let product = product(ProbeKind::Loki, node.at.port(), "/ready");
    let prober = Prober::new(&settings(vec![product]), Clock::real()).unwrap();
    let aws = crate::aws::tests::readers("http://127.0.0.1:1").await;
    let senses = Senses { prober: Some(prober), resolver: None };
    let reader = Arc::new(Reader::new(aws, senses, Clock::real(), None));
    let mut all = JoinSet::new();
    // More than there are turns.
    for _ in 0..20 {
        let (reader, ask) = (Arc::clone(&reader), Ask::Address(node.at.ip()));
        let scope = Scope::Rings("i-1".into());
        let want = Want { scope, ask, every: LIMIT * 10, rank: 0, not_before: None };
        all.spawn(async move { reader.read(&want).await });
    }
    for event in all.join_all().await {
        let Ok(Fragment::Rings(told)) = event.result else { panic!("{event:?}") };
        let why = why(&told[0].ring);
        assert!(why.starts_with("no end of the body of a 200 within"), "{why}");
    }
}

/// A node of which nothing comes back is a failed read, so that what was known stays beside it; one
/// product that is silent beside one that answers is not.
#[tokio::test]
async fn only_a_node_that_says_nothing_at_all_is_a_failed_read() {
    let silent = Node::start("127.0.0.1", |_| Reply::Stall(Vec::new())).await;
    let event = read(Scope::Rings("i-1".into()), &[(&silent, ProbeKind::Loki)]).await;
    assert_eq!(event.result.unwrap_err().kind, ErrorKind::TimedOut);
    let event = read(Scope::Metrics("i-1".into()), &[(&silent, ProbeKind::Tempo)]).await;
    assert_eq!(event.result.unwrap_err().kind, ErrorKind::TimedOut);
    let gone = Node::start("127.0.0.1", |_| Reply::Stall(Vec::new())).await;
    let at = product(ProbeKind::Loki, gone.at.port(), "/ready");
    drop(gone);
    let well =
        Node::start("127.0.0.1", |_| recorded("tempo-1.5.0-ingring-json-starting-200")).await;
    let products = vec![at, product(ProbeKind::Tempo, well.at.port(), "/ready")];
    let prober = Prober::new(&settings(products), Clock::real()).unwrap();
    let aws = crate::aws::tests::readers("http://127.0.0.1:1").await;
    let senses = Senses { prober: Some(prober), resolver: None };
    let reader = Reader::new(aws, senses, Clock::real(), None);
    let ask = Ask::Address(well.at.ip());
    let scope = Scope::Rings("i-1".into());
    let event = reader.read(&Want { scope, ask, every: LIMIT, rank: 0, not_before: None }).await;
    assert_eq!((event.scope.source(), event.calls), (Source::Rings, 8));
    let Ok(Fragment::Rings(told)) = event.result else { panic!("{:?}", event.result) };
    assert!(why(&told[0].ring).contains("refused"), "{:?}", told[0].ring);
    assert!(told[1].ring.read().is_some());
}

#[tokio::test]
async fn metrics_come_from_one_page_a_product() {
    let loki = Node::start("127.0.0.1", |line| match line {
        "GET /metrics HTTP/1.1" => recorded("loki-3.7.6-metrics-ready-200"),
        _ => http("404 Not Found", ""),
    })
    .await;
    let grafana = Node::start("127.0.0.1", |_| http("404 Not Found", "")).await;
    let both = [(&grafana, ProbeKind::Grafana), (&loki, ProbeKind::Loki)];
    let told = metrics(&both).await;
    assert_eq!(told[0].sample, Page::Absent);
    let sample = told[1].sample.read().unwrap();
    assert_eq!(sample.version.as_deref(), Some("3.7.6"));
    assert_eq!(loki.lines(), ["GET /metrics HTTP/1.1"]);
}
