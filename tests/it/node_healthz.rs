//! `healthz` as a load balancer sees it: the real program before products that pass, fail, hang
//! and speak nonsense.

use crate::bench::cli::Cli;
use crate::bench::http::{Request, Response, Server, hang};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The program under test.
const BINARY: &str = env!("CARGO_BIN_EXE_quarterdeck");
/// Longer than anything here takes on a busy machine, so that only a fault reaches it.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(50);

/// How a product answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Says(u16, &'static str),
    Hangs,
    Cuts,
}

/// A product that counts who asks.
struct Product {
    server: Server,
    way: Arc<Mutex<Way>>,
    asked: Arc<AtomicUsize>,
}

impl Product {
    fn start(way: Way) -> Self {
        let (way, asked) = (Arc::new(Mutex::new(way)), Arc::new(AtomicUsize::new(0)));
        let (now, count) = (Arc::clone(&way), Arc::clone(&asked));
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Server::start(any, move |mut stream| {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            if Request::read(&mut reader).is_none() {
                return;
            }
            count.fetch_add(1, Ordering::SeqCst);
            let way = *now.lock().unwrap();
            match way {
                Way::Says(status, body) => {
                    let answer = Response::new(status, "text/plain", body);
                    drop(stream.write_all(&answer.bytes(answer.body.len())));
                    drop(stream.shutdown(std::net::Shutdown::Both));
                }
                Way::Hangs => hang(&stream),
                Way::Cuts => drop(stream.shutdown(std::net::Shutdown::Both)),
            }
        });
        Self { server: server.unwrap(), way, asked }
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    fn now(&self, way: Way) {
        *self.way.lock().unwrap() = way;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A node's three products, all well.
struct Stack {
    grafana: Product,
    loki: Product,
    tempo: Product,
}

impl Stack {
    fn up() -> Self {
        let lost = Way::Says(404, "404 page not found\n");
        let database = "{\"database\":\"ok\",\"version\":\"11.2.0\"}";
        Self {
            grafana: Product::start(Way::Says(200, database)),
            loki: Product::start(lost),
            tempo: Product::start(lost),
        }
    }

    fn ready() -> Self {
        let stack = Self::up();
        stack.loki.now(Way::Says(200, "ready\n"));
        stack.tempo.now(Way::Says(200, "ready\n"));
        stack
    }

    fn asked(&self) -> [usize; 3] {
        [self.grafana.asked(), self.loki.asked(), self.tempo.asked()]
    }
}

/// A running `healthz`.
struct Healthz {
    child: Child,
    address: SocketAddr,
    said: Arc<Mutex<String>>,
}

impl Healthz {
    fn start(stack: &Stack, args: &[&str]) -> Self {
        Self::start_with(stack, args, &[])
    }

    fn start_with(stack: &Stack, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child = Command::new(BINARY)
            .args(["healthz", "--listen", "127.0.0.1:0"])
            .args(args)
            .env_clear()
            .env("GRAFANA_ENDPOINT", stack.grafana.url())
            .env("LOKI_ENDPOINT", stack.loki.url())
            .env("TEMPO_ENDPOINT", stack.tempo.url())
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (stderr, hears) = (child.stderr.take().unwrap(), Arc::clone(&said));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                hears.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        // From here on a failed test kills it.
        let mut healthz = Self { child, address, said };
        healthz.until("listening", |one| one.said().contains("listening on "));
        let said = healthz.said();
        let (_, rest) = said.split_once("listening on ").unwrap();
        healthz.address = rest.split(',').next().unwrap().parse().unwrap();
        healthz
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    fn until(&self, what: &str, good: impl Fn(&Self) -> bool) {
        for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
            if good(self) {
                return;
            }
            std::thread::sleep(LOOK);
        }
        panic!("never {what}: {}", self.said());
    }

    /// One request with these lines of a head; status and body.
    fn send(&self, head: &str) -> (u16, String) {
        let text = self.raw(&format!("{head}\r\nHost: node\r\nConnection: close\r\n\r\n"));
        let status = text.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0);
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, body.to_owned())
    }

    fn raw(&self, head: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // A server that refuses a head may close before all of it is sent.
        drop(stream.write_all(head.as_bytes()));
        let mut text = Vec::new();
        drop(stream.read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    }

    fn get(&self, path: &str) -> (u16, String) {
        self.send(&format!("GET {path} HTTP/1.1"))
    }

    fn json(&self) -> (u16, Value) {
        let (status, body) = self.send("GET /healthz HTTP/1.1\r\nAccept: application/json");
        (status, serde_json::from_str(&body).unwrap())
    }

    fn rounds(&self) -> usize {
        let (_, text) = self.get("/metrics");
        let line =
            text.lines().find_map(|line| line.strip_prefix("quarterdeck_healthz_rounds_total "));
        line.unwrap().parse().unwrap()
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    fn end(&mut self) -> ExitStatus {
        for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(LOOK);
        }
        panic!("healthz did not end: {}", self.said());
    }
}

impl Drop for Healthz {
    fn drop(&mut self) {
        // It may have ended, and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_published_contract_byte_for_byte() {
    let stack = Stack::up();
    let healthz = Healthz::start(&stack, &["--interval", "100ms"]);
    assert_eq!(healthz.get("/healthz"), (200, "Healthy!".to_owned()));
    for (product, wrong) in [
        (&stack.grafana, Way::Says(503, "{\"database\":\"failing\"}")),
        (&stack.grafana, Way::Says(302, "")),
        (&stack.loki, Way::Says(200, "something else listens here")),
        (&stack.tempo, Way::Cuts),
    ] {
        let well = *product.way.lock().unwrap();
        product.now(wrong);
        let unwell = (500, "Unhealthy :(".to_owned());
        healthz.until("unhealthy", |one| one.get("/healthz") == unwell);
        product.now(well);
        healthz.until("healthy again", |one| one.get("/healthz").0 == 200);
    }
    let said = healthz.said();
    assert!(said.contains("unhealthy: grafana (503"), "{said}");
    assert!(
        said.contains("unhealthy: loki (200: something else listens here instead of 404)"),
        "{said}"
    );
    assert!(said.contains("unhealthy: tempo (cut off"), "{said}");
}

#[test]
fn json_names_what_fails() {
    let stack = Stack::up();
    stack.loki.now(Way::Says(200, "ready\n"));
    let healthz = Healthz::start(&stack, &[]);
    let (status, found) = healthz.json();
    assert_eq!(status, 500);
    assert_eq!(
        (&found["schema"], &found["healthy"], &found["mode"], &found["draining"]),
        (&json!("quarterdeck/v1"), &json!(false), &json!("up"), &json!(false))
    );
    assert_eq!(found["failing"], json!(["loki"]));
    let loki = &found["products"][1];
    assert_eq!((&loki["service"], &loki["status"]), (&json!("loki"), &json!(200)));
    assert_eq!(loki["detail"], json!("200: ready instead of 404"));
    assert_eq!(loki["url"], json!(format!("{}/", stack.loki.url())));
    assert!(found["checked_at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    assert_eq!(found["products"][2]["healthy"], json!(true));
}

#[test]
fn other_paths_and_methods() {
    let stack = Stack::up();
    let healthz = Healthz::start(&stack, &[]);
    assert_eq!(healthz.get("/healthz/live"), (200, "alive\n".to_owned()));
    for path in ["/", "/healthz/", "/healthzz", "/shutdown", "/..%2f", "/healthz/live/x"] {
        let (status, body) = healthz.get(path);
        assert_eq!(status, 404, "{path}: {body}");
    }
    assert_eq!(stack.asked(), [0; 3], "none of these asks a product");
    assert_eq!(healthz.send("HEAD /healthz HTTP/1.1"), (200, String::new()));
    assert_eq!(healthz.get("/healthz?x=1"), (200, "Healthy!".to_owned()));
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let (status, _) = healthz.send(&format!("{method} /healthz HTTP/1.1"));
        assert_eq!(status, 405, "{method}");
    }
    let (status, metrics) = healthz.get("/metrics");
    assert_eq!(status, 200);
    for line in [
        "quarterdeck_healthz_healthy 1",
        "quarterdeck_healthz_draining 0",
        "quarterdeck_healthz_answers_total{code=\"200\"} 2",
        "quarterdeck_product_healthy{product=\"tempo\"} 1",
        "quarterdeck_product_failures_total{product=\"loki\"} 0",
    ] {
        assert!(metrics.lines().any(|one| one == line), "{line} in {metrics}");
    }
    for line in metrics.lines() {
        let shape = line.starts_with("# ") || line.starts_with("quarterdeck_");
        assert!(shape && line.split(' ').count() >= 2, "{line}");
    }
}

/// A thousand callers at once are one check, also where it takes as long as it may, and also where
/// callers leave before it ends.
#[test]
fn a_thousand_callers_are_one_check() {
    let stack = Stack::up();
    for (way, status) in [(Way::Says(404, ""), 200), (Way::Hangs, 500)] {
        stack.tempo.now(way);
        let before = stack.asked();
        let args = ["--interval", "60s", "--check-timeout", "1s"];
        let healthz = Healthz::start(&stack, &args);
        for _ in 0..50 {
            let mut gone = TcpStream::connect(healthz.address).unwrap();
            gone.write_all(b"GET /healthz HTTP/1.1\r\nHost: node\r\n\r\n").unwrap();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answers = runtime.block_on(async {
            let mut all = tokio::task::JoinSet::new();
            for _ in 0..1000 {
                all.spawn(call(healthz.address));
            }
            all.join_all().await
        });
        assert_eq!(answers.len(), 1000);
        assert!(answers.iter().all(|one| *one == status), "{way:?}: {answers:?}");
        let asked = stack.asked();
        assert_eq!([0, 1, 2].map(|n| asked[n] - before[n]), [1; 3], "{way:?}");
        let (_, found) = healthz.json();
        if status == 500 {
            assert_eq!(found["failing"], json!(["tempo"]));
            assert_eq!(found["products"][2]["detail"], json!("no answer within 1 s"));
        }
    }
}

async fn call(address: SocketAddr) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = b"GET /healthz HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text.get(9..12).unwrap().parse().unwrap()
}

#[test]
fn each_product_is_asked_once_a_round_and_rounds_are_an_interval_apart() {
    let stack = Stack::up();
    let healthz = Healthz::start(&stack, &["--interval", "300ms"]);
    let mut calls = 0;
    while healthz.rounds() < 5 {
        assert_eq!(healthz.get("/healthz").0, 200);
        calls += 1;
        assert!(calls < 100_000, "rounds never begin");
    }
    let (rounds, asked) = (healthz.rounds(), stack.asked());
    // A round may have begun between the two looks, and not have asked yet.
    assert!(asked.iter().all(|one| (rounds - 1..=rounds + 1).contains(one)), "{asked:?} {rounds}");
    assert!(calls > rounds, "{calls} calls were {rounds} rounds");
}

#[test]
fn the_mode_ready_believes_the_products() {
    let stack = Stack::ready();
    let healthz = Healthz::start(&stack, &["--mode", "ready", "--interval", "100ms"]);
    assert!(healthz.said().contains("mode ready"), "{}", healthz.said());
    healthz.until("the warning", |one| one.said().contains("one dead ring member"));
    assert_eq!(healthz.get("/healthz"), (200, "Healthy!".to_owned()));
    let failing = Way::Says(503, "{\"database\":\"failing\"}");
    stack.grafana.now(failing);
    healthz.until("the database seen", |one| {
        one.json().1["products"][0]["detail"].as_str().unwrap().contains("database failing")
    });
    let (status, found) = healthz.json();
    assert_eq!((status, &found["failing"]), (200, &json!([])), "one database for all nodes");
    let blocked = "Ingester not ready: instance 127.0.1.3:9095 past heartbeat timeout\n";
    stack.loki.now(Way::Says(503, blocked));
    healthz.until("loki's word taken", |one| one.get("/healthz").0 == 500);
    let (_, found) = healthz.json();
    assert_eq!(found["failing"], json!(["loki"]));
    let detail = found["products"][1]["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("127.0.1.3:9095"), "{detail}");

    let strict = Stack::ready();
    strict.grafana.now(failing);
    let healthz = Healthz::start(&strict, &["--mode", "ready", "--require-database"]);
    assert_eq!(healthz.get("/healthz").0, 500);
    assert_eq!(healthz.json().1["failing"], json!(["grafana"]));
}

#[test]
fn more_products_and_fewer() {
    let stack = Stack::up();
    let other = Product::start(Way::Says(204, ""));
    let third = Product::start(Way::Says(200, "fine"));
    let flag = format!("otel={}/=204", other.url());
    let more = format!("third={}/state", third.url());
    let args = ["--product", &flag, "--product", "tempo=off"];
    let healthz = Healthz::start_with(&stack, &args, &[("HEALTHZ_PRODUCTS", &more)]);
    let (status, found) = healthz.json();
    assert_eq!(status, 200, "{found:#}");
    let names: Vec<_> = found["products"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["service"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["grafana", "loki", "third", "otel"]);
    assert_eq!((stack.tempo.asked(), other.asked(), third.asked()), (0, 1, 1));
}

/// On SIGTERM the load balancer is told before anything ends.
#[test]
fn it_answers_unhealthy_before_it_ends() {
    let stack = Stack::up();
    let mut healthz = Healthz::start(&stack, &["--drain-seconds", "3600"]);
    assert_eq!(healthz.get("/healthz").0, 200);
    healthz.signal(Signal::TERM);
    healthz.until("draining", |one| one.get("/healthz") == (500, "Unhealthy :(".to_owned()));
    assert_eq!(healthz.get("/healthz/live").0, 200, "it still lives");
    let (status, found) = healthz.json();
    assert_eq!((status, &found["draining"], &found["failing"]), (500, &json!(true), &json!([])));
    healthz.signal(Signal::TERM);
    assert_eq!(healthz.end().code(), Some(0), "the second one ends the drain");

    let mut healthz = Healthz::start(&stack, &["--drain-seconds", "1"]);
    healthz.signal(Signal::TERM);
    assert_eq!(healthz.end().code(), Some(0));
    assert!(healthz.said().contains("answering unhealthy for 1 s"), "{}", healthz.said());
    let mut healthz = Healthz::start(&stack, &["--drain-seconds", "3600"]);
    healthz.signal(Signal::INT);
    assert_eq!(healthz.end().code(), Some(130));
    assert!(TcpStream::connect(healthz.address).is_err());
}

/// Connections that never finish a request hold their places for a while and no longer.
#[test]
fn slow_and_huge_heads_do_not_keep_others_out() {
    let stack = Stack::up();
    let healthz = Healthz::start(&stack, &["--connections", "4"]);
    let slow: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = TcpStream::connect(healthz.address).unwrap();
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: ").unwrap();
            stream
        })
        .collect();
    // Answered once the slow ones are let go, which they are although they never end.
    assert_eq!(healthz.get("/healthz").0, 200);
    drop(slow);
    let idle: Vec<_> = (0..4).map(|_| TcpStream::connect(healthz.address).unwrap()).collect();
    assert_eq!(healthz.get("/healthz").0, 200, "after four that say nothing at all");
    drop(idle);
    let huge = "x".repeat(1 << 20);
    let many: String = (0..500).map(|n| format!("X-{n}: 1\r\n")).collect();
    for head in [
        format!("GET /healthz HTTP/1.1\r\nX: {huge}\r\n\r\n"),
        format!("GET /{huge} HTTP/1.1\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\n{many}\r\n"),
        "nonsense\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}".to_owned(),
    ] {
        let answer = healthz.raw(&head);
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(refused, "{}: {answer}", &head[..head.len().min(40)]);
    }
    // A body is never read, whatever it claims.
    let claims = "POST /healthz HTTP/1.1\r\nHost: node\r\nContent-Length: 99999999999\r\n\r\n";
    assert!(healthz.raw(claims).starts_with("HTTP/1.1 405"));
    assert_eq!(healthz.get("/healthz").0, 200);
}

/// A host without CA certificates serves its HTTP products; only what wants TLS suffers.
#[test]
fn tls_is_only_for_https() {
    let stack = Stack::up();
    let nothing = [("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", "/nonexistent")];
    let healthz = Healthz::start_with(&stack, &[], &nothing);
    assert_eq!(healthz.get("/healthz").0, 200);
    let tls = stack.tempo.url().replace("http://", "https://");
    let flag = format!("tempo={tls}");
    let healthz = Healthz::start_with(&stack, &["--product", &flag], &nothing);
    let (status, found) = healthz.json();
    assert_eq!((status, &found["failing"]), (500, &json!(["tempo"])));
    let detail = found["products"][2]["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("TLS"), "{detail}");
}

/// Arguments, environment, exit code, and what is said.
type Row<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], i32, &'a [&'a str]);

#[test]
fn what_cannot_be_served_is_answered_with_a_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let rows: [Row; 14] = [
        (&["--listen", &taken], &[], 1, &[&taken, "in use", "next: Choose another address"]),
        (&["--listen", "8080"], &[], 2, &["--listen"]),
        (&["--listen", "203.0.113.9:8080"], &[], 1, &["203.0.113.9:8080", "next:"]),
        (&[], &[("LOKI_ENDPOINT", "loki:3100")], 2, &["LOKI_ENDPOINT", "neither http://", "next:"]),
        (&[], &[("TEMPO_ENDPOINT", "http://")], 2, &["TEMPO_ENDPOINT", "names no host"]),
        (&[], &[("GRAFANA_ENDPOINT", "http://u:hush@g")], 2, &["GRAFANA_ENDPOINT", "password"]),
        (&[], &[("LOKI_ENDPOINT", "http://l/ingester/shutdown")], 2, &["servers act on GET"]),
        (&["--product", "otel"], &[], 2, &["--product", "NAME=URL"]),
        (&["--product", "otel=http://o=99"], &[], 2, &["--product otel", "no HTTP status"]),
        (&[], &[("HEALTHZ_PRODUCTS", "a=http://a,b")], 2, &["HEALTHZ_PRODUCTS", "NAME=URL"]),
        (
            &["--product", "loki=off", "--product", "tempo=off", "--product", "grafana=off"],
            &[],
            2,
            &["every product is off"],
        ),
        (&["--mode", "fine"], &[], 2, &["--mode", "ready"]),
        (&["--drain-seconds", "-1"], &[], 2, &["--drain-seconds"]),
        (&["--check-timeout", "0s"], &[], 2, &["--check-timeout", "out of range"]),
    ];
    for (args, env, code, says) in rows {
        let mut cli = Cli::program(BINARY);
        for (name, value) in env {
            cli = cli.env(name, value);
        }
        let outcome = cli.run(&[&["healthz"], args].concat());
        assert_eq!(outcome.code, Some(code), "{args:?} {env:?}: {outcome:#?}");
        for word in says {
            assert!(outcome.stderr.contains(word), "{args:?} without {word:?}: {outcome:#?}");
        }
        for never in ["panicked", "hush", "src/"] {
            assert!(!outcome.stderr.contains(never), "{args:?} with {never}: {outcome:#?}");
        }
    }
}
