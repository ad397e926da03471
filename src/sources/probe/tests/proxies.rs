//! Proxies that work, and proxies that fail: these say nothing of the node.

use super::node::{Node, Reply, http, read_head};
use super::{probe_one, product, settings};
use crate::clock::Clock;
use crate::config::ProbeKind;
use crate::core::inventory::{ProbeOutcome, ProbeReason, Verdict};
use crate::sources::probe::{ProbeSetupError, Prober};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn through(proxy: String, at: SocketAddr) -> ProbeOutcome {
    probe_one(at, product(ProbeKind::Loki, 0, "/ready"), Some(proxy)).await
}

async fn nobody(ip: &str) -> SocketAddr {
    TcpListener::bind((ip, 0)).await.unwrap().local_addr().unwrap()
}

/// A SOCKS5 proxy without authentication (RFC 1928) for IPv4 targets. It gives `reply` instead of
/// connecting, if one is given.
async fn socks(ip: &str, reply: Option<u8>) -> SocketAddr {
    let listener = TcpListener::bind((ip, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(socks_one(stream, reply));
        }
    });
    at
}

async fn socks_one(mut client: TcpStream, reply: Option<u8>) {
    let mut hello = [0; 3];
    client.read_exact(&mut hello).await.unwrap();
    assert_eq!(hello, [5, 1, 0], "one method: none");
    client.write_all(&[5, 0]).await.unwrap();
    let mut request = [0; 10];
    client.read_exact(&mut request).await.unwrap();
    assert_eq!(request[..4], [5, 1, 0, 1], "connect, by IPv4 address");
    let ip: [u8; 4] = request[4..8].try_into().unwrap();
    let port = u16::from_be_bytes([request[8], request[9]]);
    let answer = |code| [5, code, 0, 1, 0, 0, 0, 0, 0, 0];
    if let Some(code) = reply {
        client.write_all(&answer(code)).await.unwrap();
        return;
    }
    let Ok(mut node) = TcpStream::connect(SocketAddr::from((ip, port))).await else {
        client.write_all(&answer(5)).await.unwrap();
        return;
    };
    client.write_all(&answer(0)).await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut client, &mut node).await;
}

#[tokio::test]
async fn an_http_proxy_that_works() {
    let node = Node::start("127.80.2.1", |_| http("200 OK", "ready\n")).await;
    let target = node.at;
    let listener = TcpListener::bind("127.80.2.2:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (mut client, head) = read_head(stream).await;
        let head = head.replace(&format!("http://{target}/"), "/");
        let mut upstream = TcpStream::connect(target).await.unwrap();
        upstream.write_all(head.as_bytes()).await.unwrap();
        let _ = tokio::io::copy(&mut upstream, &mut client).await;
        head
    });
    let outcome = through(format!("http://{proxy}"), node.at).await;
    assert_eq!((outcome.verdict, &outcome.reason), (Verdict::Pass, &ProbeReason::Ready));
    assert!(
        task.await.unwrap().starts_with("GET /ready HTTP/1.1"),
        "it was asked through the proxy"
    );
    assert_eq!(node.lines(), ["GET /ready HTTP/1.1"]);
}

#[tokio::test]
async fn an_http_proxy_that_fails() {
    let node = Node::start("127.80.2.3", |_| http("200 OK", "ready\n")).await;
    let bad = Node::start("127.80.2.4", |_| http("502 Bad Gateway", "upstream")).await;
    let mute = Node::start("127.80.2.5", |_| Reply::Stall(Vec::new())).await;
    let cut = Node::start("127.80.2.6", |_| Reply::Bytes(Vec::new())).await;
    let nobody = nobody("127.80.2.7").await;
    for (proxy, status) in [(bad.at, Some(502)), (mute.at, None), (cut.at, None), (nobody, None)] {
        let outcome = through(format!("http://{proxy}"), node.at).await;
        assert_eq!((outcome.verdict, &outcome.reason), (Verdict::Unknown, &ProbeReason::Proxy));
        assert_eq!((outcome.status, outcome.alive), (status, None), "{}", outcome.detail);
    }
    assert_eq!(node.lines(), Vec::<String>::new(), "the node was never asked past the proxy");
    assert_eq!(bad.lines(), [format!("GET http://{}/ready HTTP/1.1", node.at)]);
}

#[tokio::test]
async fn an_http_proxy_that_fails_midway() {
    let proxy = Node::start("127.80.2.17", |line| match line.contains("/ready ") {
        true => http("503 Service Unavailable", "Application is stopping"),
        false => http("502 Bad Gateway", "upstream"),
    });
    let proxy = proxy.await;
    let outcome = through(format!("http://{}", proxy.at), nobody("127.80.2.18").await).await;
    assert_eq!((outcome.verdict, &outcome.reason), (Verdict::Fail, &ProbeReason::Stopping));
    assert_eq!((outcome.alive, proxy.lines().len()), (None, 2));
}

#[tokio::test]
async fn a_tunnel_that_fails() {
    let node = Node::start("127.80.2.8", |_| http("200 OK", "ready\n")).await;
    let bad = Node::start("127.80.2.9", |_| http("502 Bad Gateway", "upstream")).await;
    let product =
        crate::config::ProductSettings { tls: true, ..product(ProbeKind::Loki, 0, "/ready") };
    let outcome = probe_one(node.at, product, Some(format!("http://{}", bad.at))).await;
    assert_eq!((outcome.verdict, &outcome.reason), (Verdict::Unknown, &ProbeReason::Proxy));
    assert_eq!(bad.lines(), [format!("CONNECT {} HTTP/1.1", node.at)]);
}

#[tokio::test]
async fn a_socks_proxy_that_works() {
    let node = Node::start("127.80.2.10", |_| http("200 OK", "ready\n")).await;
    let proxy = format!("socks5://{}", socks("127.80.2.11", None).await);
    let outcome = through(proxy.clone(), node.at).await;
    assert_eq!((outcome.verdict, &outcome.reason), (Verdict::Pass, &ProbeReason::Ready));
    let outcome = through(proxy, nobody("127.80.2.12").await).await;
    assert_eq!((outcome.verdict, &outcome.reason), (Verdict::Fail, &ProbeReason::Refused));
}

#[tokio::test]
async fn a_socks_proxy_that_fails() {
    let node = Node::start("127.80.2.13", |_| http("200 OK", "ready\n")).await;
    // General failure, not allowed by the rules, network unreachable (RFC 1928, section 6).
    for code in [1, 2, 3] {
        let outcome =
            through(format!("socks5://{}", socks("127.80.2.14", Some(code)).await), node.at).await;
        assert_eq!((outcome.verdict, &outcome.reason), (Verdict::Unknown, &ProbeReason::Proxy));
        assert!(outcome.detail.starts_with("proxy: SOCKS error"), "{}", outcome.detail);
    }
    let outcome =
        through(format!("socks5://{}", socks("127.80.2.15", Some(4)).await), node.at).await;
    assert_eq!((outcome.verdict, &outcome.reason), (Verdict::Fail, &ProbeReason::NoRoute));
    let nobody = nobody("127.80.2.16").await;
    let outcome = through(format!("socks5://{nobody}"), node.at).await;
    assert_eq!((outcome.verdict, &outcome.reason), (Verdict::Unknown, &ProbeReason::Proxy));
    assert_eq!(node.lines(), Vec::<String>::new(), "the node was never asked past the proxy");
}

#[tokio::test]
async fn only_known_proxies_and_no_password_in_errors() {
    let setup = |proxy: &str| {
        let mut settings = settings(Vec::new());
        settings.proxy = Some(proxy.to_owned());
        Prober::new(&settings, Clock::real()).map(|_| ())
    };
    assert_eq!(setup("http://user:hunter2@127.0.0.1:3128"), Ok(()));
    assert_eq!(setup("socks5://127.0.0.1:1080"), Ok(()));
    for scheme in ["https", "socks4", "ftp"] {
        let error = setup(&format!("{scheme}://user:hunter2@127.0.0.1:1")).unwrap_err();
        assert_eq!(error, ProbeSetupError::ProxyScheme);
    }
    for text in ["http://user:hunter2@:99999", "user hunter2", "socks5://"] {
        let error = setup(text).unwrap_err();
        assert!(matches!(error, ProbeSetupError::ProxyUrl(_)), "{text}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
