//! The server: so many connections and no more, so long for a request's head and no longer, and
//! an end that the load balancer sees coming.

use super::answer::{Desk, Reply};
use super::metrics::Counts;
use super::product::{Checked, Mode};
use super::rounds::Rounds;
use crate::clock::Clock;
use crate::sources::probe::{Asker, ProbeSetupError};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};

/// How long a connection may take over a request's head, and may stand idle before the next.
const HEAD_LIMIT: Duration = Duration::from_secs(5);
/// The largest head, in bytes. Load balancers send some 200.
const HEAD_BYTES: usize = 16 * 1024;
/// The most header lines.
const HEADERS: usize = 64;
/// A connection is used no longer than this: one that takes answers and never reads them would
/// otherwise hold its place for ever.
const CONNECTION_LIFE: Duration = Duration::from_secs(60);
/// How long answers under way may still take at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(3);
/// Where no connection can be taken (no file left), it is tried again after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// How a node's health is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthOptions {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What healthy means.
    pub mode: Mode,
    /// What is checked.
    pub products: Vec<Checked>,
    /// How long one check may take, connection included.
    pub limit: Duration,
    /// How old an answer may be.
    pub interval: Duration,
    /// How long to answer unhealthy before the end.
    pub drain: Duration,
    /// How many connections at once; the next ones wait in the system's queue.
    pub connections: usize,
}

/// What whoever runs the server should know, as it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// It is healthy now.
    Healthy,
    /// It is not: what fails, and how.
    Unhealthy(Vec<String>),
    /// It answers unhealthy from now on, and ends after so long.
    Draining(Duration),
}

/// What ends the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// After the drain. A second one ends the drain.
    Drain,
    /// At once.
    Now,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to end, and drained first.
    Drained,
    /// It was ended at once.
    Stopped,
}

/// A server that listens, and answers once it is run.
pub struct Health {
    listener: TcpListener,
    desk: Arc<Desk>,
    slots: Arc<Semaphore>,
    drain: Duration,
    notes: mpsc::Sender<Note>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// The port cannot be had.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        cause: std::io::Error,
    },
    /// No HTTP client for the checks.
    #[error(transparent)]
    Client(#[from] ProbeSetupError),
}

impl Health {
    /// Takes the port. TLS is set up only where a product is asked over https.
    ///
    /// # Errors
    /// A [`HealthError`].
    pub async fn bind(
        options: HealthOptions,
        clock: Clock,
        notes: mpsc::Sender<Note>,
    ) -> Result<Self, HealthError> {
        let tls = options.products.iter().any(|one| one.settings.tls);
        let asker = Asker::new(options.limit, tls)?;
        let address = options.listen;
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|cause| HealthError::Listen { address, cause })?;
        let rounds = Rounds::new(asker, options.products, clock, options.interval, notes.clone());
        let desk = Arc::new(Desk {
            rounds,
            counts: Counts::default(),
            mode: options.mode,
            draining: AtomicBool::new(false),
        });
        let slots = Arc::new(Semaphore::new(options.connections));
        Ok(Self { listener, desk, slots, drain: options.drain, notes })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until it is stopped.
    pub async fn run(self, mut stops: mpsc::Receiver<Stop>) -> Ended {
        let (close, closing) = watch::channel(false);
        let ended = tokio::select! {
            biased;
            ended = self.until_stopped(&mut stops) => ended,
            () = self.accept(&closing) => Ended::Stopped,
        };
        // What is under way may finish; idle connections are closed.
        let _nobody = close.send(true);
        drop(closing);
        if ended == Ended::Drained {
            let _late = tokio::time::timeout(LAST_ANSWERS, close.closed()).await;
        }
        ended
    }

    async fn until_stopped(&self, stops: &mut mpsc::Receiver<Stop>) -> Ended {
        if stops.recv().await != Some(Stop::Drain) {
            return Ended::Stopped;
        }
        self.desk.draining.store(true, Ordering::Relaxed);
        let _full = self.notes.try_send(Note::Draining(self.drain));
        tokio::select! {
            () = tokio::time::sleep(self.drain) => Ended::Drained,
            again = stops.recv() => match again {
                Some(Stop::Drain) | None => Ended::Drained,
                Some(Stop::Now) => Ended::Stopped,
            },
        }
    }

    /// Takes connections, each into a place of its own; where all are taken the next waits.
    async fn accept(&self, closing: &watch::Receiver<bool>) {
        loop {
            // The semaphore is never closed.
            let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return };
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "no connection could be taken");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                    continue;
                }
            };
            let (desk, closing) = (Arc::clone(&self.desk), closing.clone());
            tokio::spawn(async move {
                desk.counts.connections.fetch_add(1, Ordering::Relaxed);
                desk.counts.open.fetch_add(1, Ordering::Relaxed);
                serve(&desk, stream, closing).await;
                desk.counts.open.fetch_sub(1, Ordering::Relaxed);
                drop(slot);
            });
        }
    }
}

/// One connection, from its first request to its last.
async fn serve(desk: &Arc<Desk>, stream: TcpStream, mut closing: watch::Receiver<bool>) {
    let service = service_fn(move |request| {
        let desk = Arc::clone(desk);
        async move { Ok::<Reply, Infallible>(desk.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let over = async {
        let closed = closing.wait_for(|closing| *closing);
        let _either = tokio::time::timeout(CONNECTION_LIFE, closed).await;
    };
    tokio::select! {
        _ended = connection.as_mut() => return,
        () = over => connection.as_mut().graceful_shutdown(),
    }
    // Whatever went wrong on a connection is its client's to see.
    let _ended = tokio::time::timeout(HEAD_LIMIT, connection).await;
}
