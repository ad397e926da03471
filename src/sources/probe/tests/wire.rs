//! Nodes that refuse, hang, cut off, redirect, flood and talk nonsense.

use super::node::{Node, Reply, http, read_head};
use super::{LIMIT, probe_loki, probe_one, product, settings};
use crate::clock::Clock;
use crate::config::{ProbeKind, ProbeSettings, ProductSettings};
use crate::core::inventory::{ProbeOutcome, ProbeReason, Verdict};
use crate::sources::probe::Prober;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

fn said(outcome: &ProbeOutcome) -> (Verdict, ProbeReason, &str) {
    (outcome.verdict, outcome.reason.clone(), &outcome.detail)
}

/// An address on which nothing listens.
async fn nobody(ip: &str) -> SocketAddr {
    TcpListener::bind((ip, 0)).await.unwrap().local_addr().unwrap()
}

fn over_tls(product: ProductSettings) -> ProductSettings {
    ProductSettings { tls: true, ..product }
}

#[tokio::test]
async fn a_ready_node() {
    let node = Node::start("127.80.1.1", |_| http("200 OK", "ready\n")).await;
    let outcome = probe_loki(node.at).await;
    assert_eq!(said(&outcome), (Verdict::Pass, ProbeReason::Ready, "ready"));
    assert_eq!((outcome.status, outcome.alive), (Some(200), None));
    assert!(outcome.latency_ms.is_some_and(|ms| u128::from(ms) < LIMIT.as_millis()));
    assert_eq!(outcome.url, format!("http://{}/ready", node.at));
    assert_eq!(outcome.port, node.at.port());
    let heads = node.heads();
    assert_eq!(heads.len(), 1);
    let head = heads[0].to_lowercase();
    let agent = concat!("user-agent: quarterdeck/", env!("CARGO_PKG_VERSION"), "\r\n");
    assert!(head.contains(agent) && head.contains("connection: close\r\n"), "{head}");
}

#[tokio::test]
async fn nobody_listens() {
    let at = nobody("127.80.1.2").await;
    let outcome = probe_loki(at).await;
    assert_eq!(said(&outcome), (Verdict::Fail, ProbeReason::Refused, "connection refused"));
    assert_eq!((outcome.status, outcome.alive, outcome.latency_ms), (None, None, None));
    let optional = ProductSettings { optional: true, ..product(ProbeKind::Healthz, 0, "/healthz") };
    let outcome = probe_one(at, optional, None).await;
    assert_eq!((outcome.verdict, &outcome.reason), (Verdict::Unknown, &ProbeReason::NotPresent));
    let outcome = probe_one(at, over_tls(product(ProbeKind::Http, 0, "/")), None).await;
    assert_eq!(said(&outcome), (Verdict::Fail, ProbeReason::Refused, "connection refused"));
}

#[tokio::test]
async fn a_frozen_process_is_not_a_missing_host() {
    let node = Node::start("127.80.1.3", |_| Reply::Stall(Vec::new())).await;
    let clock = Clock::real();
    let outcome = probe_loki(node.at).await;
    assert!(clock.real_elapsed() < LIMIT * 2, "{:?}", clock.real_elapsed());
    assert_eq!(said(&outcome), (Verdict::Fail, ProbeReason::Frozen, "no answer within 0.6 s"));
    assert_eq!(outcome.alive, None);
    assert_eq!(node.lines(), ["GET /ready HTTP/1.1"], "silence asks nothing more");
    let outcome = probe_one(node.at, over_tls(product(ProbeKind::Http, 0, "/")), None).await;
    let detail = "no TLS handshake within 0.6 s";
    assert_eq!(said(&outcome), (Verdict::Fail, ProbeReason::Frozen, detail));
}

/// A full accept queue lets further connections wait for ever, as a host does that is gone.
#[tokio::test]
async fn no_connection_within_the_limit() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.80.1.4:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let at = listener.local_addr().unwrap();
    let mut held = Vec::new();
    let patience = Duration::from_millis(200);
    while let Ok(stream) = tokio::time::timeout(patience, TcpStream::connect(at)).await {
        held.push(stream.unwrap());
    }
    let outcome = probe_loki(at).await;
    let detail = "no connection within 0.6 s";
    assert_eq!(said(&outcome), (Verdict::Fail, ProbeReason::NoRoute, detail));
    // Over TLS, one in ten such failures looks like a frozen handshake at first; a short limit
    // gives many a chance.
    let mut hasty = settings(vec![over_tls(product(ProbeKind::Loki, at.port(), "/ready"))]);
    hasty.timeout = Duration::from_millis(50);
    let prober = Prober::new(&hasty, Clock::real()).unwrap();
    for _ in 0..40 {
        let outcome = prober.probe(at.ip()).await.remove(0);
        let detail = "no connection within 0.05 s";
        assert_eq!(said(&outcome), (Verdict::Fail, ProbeReason::NoRoute, detail));
    }
    drop((held, listener));
}

#[tokio::test]
async fn torn_answers() {
    const HALF: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nrea";
    for (bytes, stall, detail) in [
        (b"".as_slice(), false, "cut off before the answer"),
        (b"HTTP/1.1 200 OK\r\nConte", false, "cut off before the answer"),
        (HALF, false, "cut off in the body of a 200"),
        (HALF, true, "no end of the body of a 200 within 0.6 s"),
    ] {
        let reply = if stall { Reply::Stall(bytes.into()) } else { Reply::Bytes(bytes.into()) };
        let node = Node::start("127.80.1.5", move |_| reply.clone()).await;
        let outcome = probe_loki(node.at).await;
        assert_eq!(said(&outcome), (Verdict::Fail, ProbeReason::CutOff, detail));
        assert_eq!(node.lines().len(), 1, "asked once: {detail}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let other = Node::start("127.80.1.6", |_| http("200 OK", "ready\n")).await;
    let target = format!("http://{}/shutdown", other.at);
    let head = format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
    let node = Node::start("127.80.1.7", move |_| Reply::Bytes(head.clone().into_bytes())).await;
    let outcome = probe_one(node.at, product(ProbeKind::Grafana, 0, "/api/health"), None).await;
    let detail = format!("302 to {target}");
    assert_eq!(said(&outcome), (Verdict::Fail, ProbeReason::Redirected, detail.as_str()));
    assert_eq!(other.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn a_huge_answer_costs_nothing() {
    let node = Node::start("127.80.1.8", |_| Reply::Flood).await;
    let outcome = probe_one(node.at, product(ProbeKind::Grafana, 0, "/api/health"), None).await;
    assert_eq!((outcome.verdict, outcome.reason), (Verdict::Fail, ProbeReason::NotTheProduct));
    // What is not read piles up in the two sockets' buffers, a few MB at most on loopback.
    assert!(node.sent() < 20_000_000, "{} bytes were sent", node.sent());
}

#[tokio::test]
async fn nonsense_is_not_the_product() {
    for bytes in [b"SSH-2.0-OpenSSH_9.6\r\n".as_slice(), b"\x00\x01\x02\xff\xfe garbage\r\n\r\n"] {
        let node = Node::start("127.80.1.9", move |_| Reply::Bytes(bytes.into())).await;
        let outcome = probe_loki(node.at).await;
        let detail = "answers, but not in HTTP";
        assert_eq!(said(&outcome), (Verdict::Fail, ProbeReason::NotTheProduct, detail));
    }
}

#[tokio::test]
async fn tls_to_a_port_without_it() {
    let listener = TcpListener::bind("127.80.1.10:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            read_head(stream).await;
        }
    });
    let outcome = probe_one(at, over_tls(product(ProbeKind::Loki, 0, "/ready")), None).await;
    assert_eq!((outcome.verdict, &outcome.reason), (Verdict::Fail, &ProbeReason::Tls));
    assert!(outcome.detail.starts_with("TLS failed: "), "{}", outcome.detail);
    assert_eq!(outcome.url, format!("https://{at}/ready"));
    task.abort();
}

#[tokio::test]
async fn alive_only() {
    for (root, alive) in [("404 Not Found", true), ("200 OK", false)] {
        let node = Node::start("127.80.1.11", move |line| match line {
            "GET /ready HTTP/1.1" => http("503 Service Unavailable", "Application is stopping"),
            _ => http(root, ""),
        });
        let node = node.await;
        let outcome = probe_loki(node.at).await;
        assert_eq!(said(&outcome), (Verdict::Fail, ProbeReason::Stopping, "stopping"));
        assert_eq!((outcome.status, outcome.alive), (Some(503), Some(alive)));
        let optional = ProductSettings { optional: true, ..product(ProbeKind::Tempo, 0, "/ready") };
        assert_eq!(probe_one(node.at, optional, None).await.alive, Some(alive));
    }
}

#[tokio::test]
async fn alive_is_asked_within_what_remains_of_the_limit() {
    let late = b"HTTP/1.1 503 Service Unavailable\r\n\r\nApplication is stopping";
    let node = Node::start("127.80.1.12", move |line| match line {
        "GET /ready HTTP/1.1" => Reply::Late(LIMIT * 3 / 4, late.into()),
        _ => Reply::Stall(Vec::new()),
    });
    let node = node.await;
    let clock = Clock::real();
    let outcome = probe_loki(node.at).await;
    assert_eq!((outcome.reason, outcome.alive), (ProbeReason::Stopping, Some(false)));
    assert_eq!(node.lines().len(), 2);
    assert!(clock.real_elapsed() < LIMIT * 3 / 2, "{:?}", clock.real_elapsed());
}

#[tokio::test]
async fn requests_wait_their_turn_and_their_limit_begins_with_it() {
    let node = Node::start("127.80.1.16", |_| http("200 OK", "ready\n")).await;
    let products = vec![product(ProbeKind::Loki, node.at.port(), "/ready")];
    let prober = Prober::new(&settings(products), Clock::real()).unwrap();
    let all = u32::try_from(prober.inner.slots.available_permits()).unwrap();
    let taken = prober.inner.slots.acquire_many(all).await.unwrap();
    let probe = prober.probe(node.at.ip());
    tokio::pin!(probe);
    assert!(tokio::time::timeout(LIMIT * 3 / 2, &mut probe).await.is_err());
    assert_eq!(node.lines(), Vec::<String>::new());
    drop(taken);
    let outcomes = probe.await;
    assert_eq!(said(&outcomes[0]), (Verdict::Pass, ProbeReason::Ready, "ready"));
    assert!(outcomes[0].latency_ms.is_some_and(|ms| u128::from(ms) < LIMIT.as_millis()));
}

#[tokio::test]
async fn only_the_configured_paths_and_the_root_are_asked() {
    let node = Node::start("127.80.1.13", |line| match line {
        "GET /api/health HTTP/1.1" => http("500 Oops", "/shutdown"),
        _ => http("503 Service Unavailable", "Some services are not Running:\nStarting: 1\n"),
    });
    let node = node.await;
    let port = node.at.port();
    let products = vec![
        product(ProbeKind::Grafana, port, "/api/health"),
        product(ProbeKind::Loki, port, "/ready"),
        product(ProbeKind::Tempo, port, "/tempo/ready"),
        product(ProbeKind::Healthz, port, "/healthz"),
        product(ProbeKind::Http, port, "/alive"),
    ];
    let prober = Prober::new(&settings(products), Clock::real()).unwrap();
    let outcomes = prober.probe(node.at.ip()).await;
    let names: Vec<_> = outcomes.iter().map(|one| one.product.as_str()).collect();
    assert_eq!(names, ["grafana", "loki", "tempo", "healthz", "http"], "the settings' order");
    let mut lines = node.lines();
    lines.sort();
    let expected = ["/", "/", "/alive", "/api/health", "/healthz", "/ready", "/tempo/ready"];
    assert_eq!(lines, expected.map(|path| format!("GET {path} HTTP/1.1")));
}

#[tokio::test]
async fn products_are_asked_at_the_same_time() {
    let node = Node::start("127.80.1.14", |_| Reply::Stall(Vec::new())).await;
    let stuck = || product(ProbeKind::Http, node.at.port(), "/");
    let settings = settings(vec![stuck(), stuck(), stuck(), stuck()]);
    let prober = Prober::new(&settings, Clock::real()).unwrap();
    let clock = Clock::real();
    assert_eq!(prober.probe(node.at.ip()).await.len(), 4);
    assert!(clock.real_elapsed() < LIMIT * 2, "{:?}", clock.real_elapsed());
}

#[tokio::test]
async fn ipv6_addresses_are_bracketed() {
    // A machine without IPv6 cannot show more than the URL.
    let outcome = probe_loki("[::1]:9".parse().unwrap()).await;
    assert_eq!(outcome.url, "http://[::1]:9/ready");
    assert_ne!(outcome.verdict, Verdict::Pass);
}

/// Runs one of the tests that are ignored elsewhere in a process of its own, because what it
/// changes belongs to a whole process.
fn alone(test: &str, environment: &[(&str, &str)]) {
    let (_, here) = module_path!().split_once("::").unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("{here}::{test}"), "--ignored"])
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
}

#[tokio::test]
#[ignore = "needs the environment that the test after it makes"]
async fn without_certificates_and_past_the_environments_proxy() {
    let node = Node::start("127.80.1.15", |_| http("200 OK", "ready\n")).await;
    let port = node.at.port();
    let loki = product(ProbeKind::Loki, port, "/ready");
    let prober = Prober::new(&settings(vec![loki.clone(), over_tls(loki)]), Clock::real()).unwrap();
    let outcomes = prober.probe(node.at.ip()).await;
    assert_eq!(said(&outcomes[0]), (Verdict::Pass, ProbeReason::Ready, "ready"));
    assert_eq!((outcomes[1].verdict, &outcomes[1].reason), (Verdict::Unknown, &ProbeReason::Tls));
    assert!(outcomes[1].detail.starts_with("TLS cannot be set up here"), "{:?}", outcomes[1]);
}

#[test]
fn neither_certificates_nor_the_environments_proxy_matter_over_http() {
    let nowhere = [
        ("SSL_CERT_FILE", "/dev/null"),
        ("SSL_CERT_DIR", "/dev/null"),
        ("http_proxy", "http://127.0.0.1:1"),
        ("https_proxy", "http://127.0.0.1:1"),
        ("all_proxy", "http://127.0.0.1:1"),
    ];
    alone("without_certificates_and_past_the_environments_proxy", &nowhere);
}

#[tokio::test]
#[ignore = "takes the files of its whole process, so the test after it runs it alone"]
async fn without_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let at = nobody("127.80.1.17").await;
    let direct = settings(vec![product(ProbeKind::Loki, at.port(), "/ready")]);
    let proxied = ProbeSettings { proxy: Some(format!("http://{at}")), ..direct.clone() };
    let probers = [direct, proxied].map(|one| Prober::new(&one, Clock::real()).unwrap());
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(3);
    setrlimit(Resource::Nofile, limit).unwrap();
    for prober in probers {
        let outcome = prober.probe(at.ip()).await.remove(0);
        assert_eq!((outcome.verdict, &outcome.reason), (Verdict::Unknown, &ProbeReason::NoRoute));
        assert!(outcome.detail.starts_with("could not ask: "), "{outcome:?}");
    }
}

#[test]
fn our_own_faults_say_nothing_of_the_node() {
    alone("without_files", &[]);
}
