//! What stands between quarterdeck and its AWS: counts every call and does to it what the test
//! says, on the wire. Behind it is a Moto, or a fake that answers from memory.

use super::fault::{Fault, Service, error_body};
use super::http::{Request, Response, Server, hang};
use quarterdeck::clock::Clock;
use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One API call.
#[derive(Clone, Debug)]
pub struct Call {
    pub service: Service,
    /// `DescribeTargetHealth`.
    pub operation: String,
    /// The parameters: form fields as they are, the top level of a JSON body with its values as
    /// JSON text (strings without quotes).
    pub params: BTreeMap<String, String>,
    /// When it came, and when its answer had been sent, counted from the proxy's start.
    pub came: Duration,
    pub answered: Option<Duration>,
}

impl Call {
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }
}

/// What answers behind the proxy.
pub trait Backend: Send + Sync + 'static {
    fn answer(&self, call: &Call, request: &Request) -> Option<Response>;
}

/// A server at this address: each request goes to it unchanged, on a connection of its own.
impl Backend for SocketAddr {
    fn answer(&self, _: &Call, request: &Request) -> Option<Response> {
        let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
        for (name, value) in &request.headers {
            if !name.eq_ignore_ascii_case("connection") {
                head += &format!("{name}: {value}\r\n");
            }
        }
        head += "Connection: close\r\n\r\n";
        let mut stream = TcpStream::connect(self).ok()?;
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(&request.body).ok()?;
        Response::read(&mut BufReader::new(stream))
    }
}

/// A running proxy.
pub struct Proxy {
    server: Server,
    state: Arc<State>,
}

struct State {
    backend: Box<dyn Backend>,
    clock: Clock,
    delay: Mutex<Duration>,
    faults: Mutex<BTreeMap<String, Fault>>,
    calls: Mutex<Vec<Call>>,
}

impl Proxy {
    pub fn before(backend: impl Backend) -> Self {
        let state = Arc::new(State {
            backend: Box::new(backend),
            clock: Clock::real(),
            delay: Mutex::default(),
            faults: Mutex::default(),
            calls: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        let server = Server::start((Ipv4Addr::LOCALHOST, 0).into(), move |stream| {
            shared.serve(&stream);
            drop(stream.shutdown(Shutdown::Both));
        })
        .expect("a free port on loopback");
        Self { server, state }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Every answer takes at least this long.
    pub fn delay(&self, delay: Duration) {
        *self.state.delay.lock().unwrap() = delay;
    }

    /// From now on this happens to every call of an operation; `*` is every operation that has no
    /// fault of its own.
    pub fn fault(&self, operation: &str, fault: Fault) {
        self.state.faults.lock().unwrap().insert(operation.to_owned(), fault);
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.state.faults.lock().unwrap().clear();
    }

    /// Every call so far, in the order in which they came.
    pub fn calls(&self) -> Vec<Call> {
        self.state.calls.lock().unwrap().clone()
    }

    /// How often each operation was called.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in self.state.calls.lock().unwrap().iter() {
            *counts.entry(call.operation.clone()).or_default() += 1;
        }
        counts
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        self.state.calls.lock().unwrap().clear();
    }
}

impl State {
    /// Serves one connection until it closes or a fault closes it.
    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(request) = Request::read(&mut reader) {
            let call = self.identify(&request);
            let number = {
                let mut calls = self.calls.lock().unwrap();
                calls.push(call.clone());
                calls.len() - 1
            };
            let delay = *self.delay.lock().unwrap();
            std::thread::sleep(delay);
            let fault = {
                let faults = self.faults.lock().unwrap();
                faults.get(&call.operation).or_else(|| faults.get("*")).copied()
            };
            let goes_on = self.reply(stream, &call, &request, fault);
            let silent = matches!(fault, Some(Fault::Hang | Fault::Cut));
            if let Some(call) = self.calls.lock().unwrap().get_mut(number) {
                call.answered = (!silent).then(|| self.clock.real_elapsed());
            }
            if !goes_on {
                return;
            }
        }
    }

    /// Answers one call; whether the connection may be used again.
    fn reply(
        &self,
        mut stream: &TcpStream,
        call: &Call,
        request: &Request,
        fault: Option<Fault>,
    ) -> bool {
        match fault {
            Some(Fault::Hang) => {
                hang(stream);
                return false;
            }
            Some(Fault::Cut) => return false,
            Some(Fault::Delay(more)) => std::thread::sleep(more),
            Some(fault) => {
                if let Some(response) = error_body(fault, call.service) {
                    let bytes = response.bytes(response.body.len());
                    return stream.write_all(&bytes).is_ok();
                }
            }
            None => {}
        }
        // Nobody behind: the connection closes, as a dead server's does.
        let Some(mut response) = self.backend.answer(call, request) else { return false };
        let whole = response.body.len();
        match fault {
            Some(Fault::Truncated) => {
                response.body.truncate(whole / 2);
                drop(stream.write_all(&response.bytes(whole)));
                false
            }
            Some(Fault::CutDocument(percent)) => {
                response.body.truncate(whole * usize::from(percent) / 100);
                stream.write_all(&response.bytes(response.body.len())).is_ok()
            }
            _ => stream.write_all(&response.bytes(whole)).is_ok(),
        }
    }

    fn identify(&self, request: &Request) -> Call {
        let came = self.clock.real_elapsed();
        let (service, operation, params) = match request.header("x-amz-target") {
            Some(target) => {
                let operation = target.rsplit('.').next().unwrap_or(target).to_owned();
                (Service::CloudMap, operation, json_params(&request.body))
            }
            None => {
                let params = form_params(&request.body);
                let operation = params.get("Action").cloned().unwrap_or_default();
                let version = params.get("Version").map(String::as_str);
                (Service::of_version(version), operation, params)
            }
        };
        Call { service, operation, params, came, answered: None }
    }
}

fn json_params(body: &[u8]) -> BTreeMap<String, String> {
    let fields: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(body).unwrap_or_default();
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    fields.into_iter().map(|(name, value)| (name, text(value))).collect()
}

fn form_params(body: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(body);
    let url = reqwest::Url::parse(&format!("http://form/?{text}")).expect("a form");
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}
