//! What runs on a node, as far as a probe can tell: listeners on the node's own 127.x address that
//! answer, byte for byte, as the real servers did (`answers/`, recorded with `curl -i`).

use super::http::{Request, Server, hang};
use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

/// A product and how it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Product {
    Grafana,
    Loki,
    Tempo,
    /// The node's own aggregator.
    Healthz,
}

impl Product {
    pub const ALL: [Self; 4] = [Self::Grafana, Self::Loki, Self::Tempo, Self::Healthz];

    pub fn port(self) -> u16 {
        match self {
            Self::Grafana => 3000,
            Self::Loki => 3100,
            Self::Tempo => 3200,
            Self::Healthz => 8080,
        }
    }

    /// The path that tells whether it is ready.
    pub fn path(self) -> &'static str {
        match self {
            Self::Grafana => "/api/health",
            Self::Loki | Self::Tempo => "/ready",
            Self::Healthz => "/healthz",
        }
    }
}

/// The state of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Ready,
    /// 503, some services are starting (Grafana: its database fails; healthz: 500).
    NotReady,
    /// 503, because of the ring member at 127.0.1.3:9095 (Loki's words; others as `NotReady`).
    Blocked,
    /// 503, on its way out (Tempo's words; others as `NotReady`).
    Stopping,
    /// Takes the connection and says nothing, as a frozen process does.
    Hang,
    /// Nothing listens on the port.
    Refuse,
    /// Closes the connection in the middle of the answer.
    Cut,
}

/// All products of one node.
pub struct Node {
    ip: Ipv4Addr,
    products: BTreeMap<Product, Running>,
    asked: Arc<Mutex<Vec<String>>>,
}

struct Running {
    state: Arc<Mutex<State>>,
    server: Option<Server>,
}

impl Node {
    /// Starts every product, ready, on this address.
    pub fn start(ip: Ipv4Addr) -> Self {
        assert!(ip.is_loopback(), "{ip} is not loopback");
        let mut node = Self { ip, products: BTreeMap::new(), asked: Arc::default() };
        for product in Product::ALL {
            let running = Running { state: Arc::new(Mutex::new(State::Refuse)), server: None };
            node.products.insert(product, running);
            node.set(product, State::Ready);
        }
        node
    }

    /// Puts a product into a state; takes effect with the next request.
    pub fn set(&mut self, product: Product, state: State) {
        let running = self.products.get_mut(&product).unwrap();
        *running.state.lock().unwrap() = state;
        if state == State::Refuse {
            running.server = None;
            return;
        }
        let (now, asked) = (Arc::clone(&running.state), Arc::clone(&self.asked));
        let address = SocketAddr::from((self.ip, product.port()));
        running.server.get_or_insert_with(|| {
            Server::start(address, move |stream| serve(product, &now, &asked, &stream))
                .unwrap_or_else(|error| panic!("{product:?} cannot listen on {address}: {error}"))
        });
    }

    /// Puts all products into a state.
    pub fn set_all(&mut self, state: State) {
        for product in Product::ALL {
            self.set(product, state);
        }
    }

    pub fn address(&self, product: Product) -> SocketAddr {
        SocketAddr::from((self.ip, product.port()))
    }

    /// Every request so far, as `3100 GET /ready`, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(product: Product, state: &Mutex<State>, asked: &Mutex<Vec<String>>, stream: &TcpStream) {
    let Some(request) = Request::read(&mut BufReader::new(stream)) else { return };
    let line = format!("{} {} {}", product.port(), request.method, request.path);
    asked.lock().unwrap().push(line);
    let state = *state.lock().unwrap();
    let answer = answer(product, state, &request);
    let mut stream = stream;
    match state {
        State::Hang => hang(stream),
        State::Cut => drop(stream.write_all(&answer[..answer.len() - 3])),
        _ => drop(stream.write_all(&answer)),
    }
    drop(stream.shutdown(Shutdown::Both));
}

/// What is on the wire. HEAD is 405 at `/ready`, as measured; elsewhere it does not matter.
fn answer(product: Product, state: State, request: &Request) -> Vec<u8> {
    if request.method != "GET" {
        return plain("405 Method Not Allowed", "");
    }
    if request.path != product.path() {
        return match product {
            Product::Grafana => include_bytes!("answers/grafana-root.txt").to_vec(),
            Product::Loki => include_bytes!("answers/loki-root.txt").to_vec(),
            Product::Tempo => include_bytes!("answers/tempo-root.txt").to_vec(),
            Product::Healthz => plain("404 Not Found", "Cannot GET\n"),
        };
    }
    let well = matches!(state, State::Ready | State::Hang | State::Cut);
    match (product, state) {
        (Product::Grafana, _) if well => include_bytes!("answers/grafana-ready.txt").to_vec(),
        (Product::Grafana, _) => plain(
            "503 Service Unavailable",
            "{\n  \"commit\": \"1763a0fd80\",\n  \"database\": \"failing\",\n  \"version\": \"6.5.1\"\n}",
        ),
        (Product::Loki, _) if well => include_bytes!("answers/loki-ready.txt").to_vec(),
        (Product::Loki, State::Blocked) => include_bytes!("answers/loki-blocked.txt").to_vec(),
        (Product::Loki, _) => include_bytes!("answers/loki-starting.txt").to_vec(),
        (Product::Tempo, _) if well => include_bytes!("answers/tempo-ready.txt").to_vec(),
        (Product::Tempo, State::Stopping) => include_bytes!("answers/tempo-stopping.txt").to_vec(),
        (Product::Tempo, _) => include_bytes!("answers/tempo-starting.txt").to_vec(),
        (Product::Healthz, _) if well => plain("200 OK", "Healthy!"),
        (Product::Healthz, _) => plain("500 Internal Server Error", "Unhealthy :("),
    }
}

fn plain(status: &str, body: &str) -> Vec<u8> {
    let kind = if body.starts_with('{') { "application/json" } else { "text/html" };
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}
