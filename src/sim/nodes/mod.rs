//! The nodes really listen: each on its own loopback address, on the ports of its products. Never
//! on any other address.

mod ask;

#[cfg(feature = "torture")]
pub(crate) use ask::told;
pub(crate) use ask::{at_node, struck};

use super::http::broken;
use super::state::Shared;
use crate::core::ids::InstanceId;
use axum::Router;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::serve::IncomingStream;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Weak};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// A port of a node.
type Port = (Ipv4Addr, u16);

/// The open ports.
pub(crate) struct Keeper {
    open: BTreeMap<Port, AbortHandle>,
    version: Option<u64>,
    /// How many ports may be open; what is beyond answers through the world's proxy.
    budget: usize,
    refused: usize,
    /// Where the listeners run: whoever moves the world need not be there.
    runtime: Handle,
}

impl Keeper {
    /// No ports yet, and at most so many. Called where the listeners shall run.
    pub(crate) fn new(budget: usize) -> Self {
        let runtime = Handle::current();
        Self { open: BTreeMap::new(), version: None, budget, refused: 0, runtime }
    }

    /// Whether ports opened or closed in the world since the last keeping.
    pub(crate) fn is_behind(&self, version: u64) -> bool {
        self.version != Some(version)
    }

    /// Opens and closes until the ports are the wanted ones.
    pub(crate) fn keep(
        &mut self,
        shared: &Arc<Shared>,
        version: u64,
        wanted: &BTreeMap<Port, InstanceId>,
    ) {
        let _here = self.runtime.enter();
        self.version = Some(version);
        self.refused = 0;
        self.open.retain(|port, task| {
            let stays = wanted.contains_key(port);
            if !stays {
                task.abort();
            }
            stays
        });
        for port in wanted.keys() {
            if self.open.contains_key(port) {
                continue;
            }
            let task = if self.open.len() < self.budget { open(shared, *port) } else { None };
            match task {
                Some(task) => {
                    self.open.insert(*port, task);
                }
                None => self.refused += 1,
            }
        }
    }

    /// Open ports, and those that could not be opened.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.open.len(), self.refused)
    }

    /// Closes everything.
    pub(crate) fn close(&mut self) {
        for task in std::mem::take(&mut self.open).into_values() {
            task.abort();
        }
    }
}

fn open(shared: &Arc<Shared>, (ip, port): Port) -> Option<AbortHandle> {
    if !ip.is_loopback() {
        return None;
    }
    let listener = std::net::TcpListener::bind(SocketAddrV4::new(ip, port)).ok()?;
    listener.set_nonblocking(true).ok()?;
    let listener = TcpListener::from_std(listener).ok()?;
    // Weak: a node's listener must not keep a world alive that is being shut down.
    let router = Router::new().fallback(answer).with_state(Arc::downgrade(shared));
    let service = router.into_make_service_with_connect_info::<Local>();
    let task = tokio::spawn(async move {
        // The listener's end is the world's doing; there is nobody to tell.
        let _ended = axum::serve(listener, service).await;
    });
    Some(task.abort_handle())
}

/// The address a connection came in on.
#[derive(Clone, Copy, Debug)]
struct Local(Option<SocketAddr>);

impl Connected<IncomingStream<'_, TcpListener>> for Local {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(stream.io().local_addr().ok())
    }
}

async fn answer(
    State(shared): State<Weak<Shared>>,
    ConnectInfo(local): ConnectInfo<Local>,
    request: Request,
) -> Response {
    let (Some(shared), Some(SocketAddr::V4(local))) = (shared.upgrade(), local.0) else {
        return broken();
    };
    let (parts, body) = request.into_parts();
    at_node(&shared, (*local.ip(), local.port()), &parts, body).await
}

#[cfg(test)]
mod tests {
    use super::ask::{Question, ask};
    use super::*;
    use crate::clock::Clock;
    use crate::sim::log::RequestLog;
    use crate::sim::spec::{Site, build, parse_world};
    use crate::sim::state::State as World;
    use crate::sim::wire::imds::Metadata;
    use std::time::Duration;

    #[tokio::test]
    async fn what_does_not_fit_the_limit_answers_through_the_proxy() {
        let spec = parse_world("test", "[[fleet]]\nstack = \"blue\"\nnodes = 3\n").unwrap();
        let clock = Clock::with_rate(0.0);
        // A network of its own, beyond those that served worlds take first.
        let site = Site { start: clock.now(), network: 251, port_offset: 20_000 };
        let state = World {
            world: build(&spec, site),
            faults: Vec::new(),
            principals: Vec::new(),
            log: RequestLog::default(),
            limits: None,
            metadata: Metadata::default(),
            ahead: Duration::ZERO,
        };
        let shared = Shared::new(state, clock, Keeper::new(5));
        let ports: Vec<_> = shared.with(|state| state.world.open_ports().into_keys().collect());
        assert_eq!(shared.ports(), (5, 7));
        let answers = |port: &Port| ask(&shared, *port, &Question::get("/nothing")).is_some();
        assert!(ports.iter().all(answers), "each answers, with a port of its own or without");
        shared.close();
        assert_eq!(shared.ports().0, 0);
    }
}
