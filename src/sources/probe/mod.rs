//! Our own requests to the nodes: one GET a product, and `GET /` where `/ready` says no. Only what
//! [`crate::config::ProbePath`] allows is ever asked, redirects are never followed, and nothing is
//! asked twice.
//!
//! Each request has a connection of its own (`Connection: close`). A kept connection would spare a
//! round trip, but it tells less: to a node that vanished it looks like a frozen process, to a
//! restarted one like a torn answer, where a new connection tells "no route" from "refused" from
//! "frozen". And four a node at 10,000 nodes would hold 40,000 files.
//! Measured on loopback, debug build, one thread, 1,000 nodes with four products, servers in the same
//! process: 1.15 s and 37 MB a round; with kept connections 0.6 s, 100 MB and 4,000 more files.

mod asker;
mod failure;
mod given;
mod page;
mod read;
#[cfg(test)]
pub(in crate::sources) mod tests;

use super::rings::Views;
use crate::clock::Clock;
use crate::config::{ProbeKind, ProbeSettings, ProductSettings};
use crate::core::inventory::{ProbeOutcome, ProbeReason, Verdict};
use crate::machine::Route;
pub use asker::{Asker, Request};
use failure::Way;
pub(in crate::sources) use page::{Head, NoPage, NodePage};
pub use read::{Answer, Reading, read};
use reqwest::header::{CONNECTION, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Certificate, Client, ClientBuilder, Proxy, RequestBuilder, Url};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How much of a body is read, in bytes: health answers have under 1 KiB, and whatever sends more
/// is cut off here.
const BODY_BYTES: usize = 16 * 1024;

/// How many requests may be under way, each with one open file: half of the usual soft limit of
/// 1,024, so that the readers of AWS, the terminal and the logs always find one.
const IN_FLIGHT: usize = 512;
/// And how many for pages beyond health, which must not hold up the probes.
const PAGES_IN_FLIGHT: usize = 192;
/// Of pages that are long so many are received at once: each takes a megabyte while it is.
const LONG_IN_FLIGHT: usize = 8;

/// The connection's limit ends this much before the whole's, so that no connection and no answer
/// are told apart whichever timer fires late.
const CONNECT_EARLIER: Duration = Duration::from_millis(20);

/// The part of the limit that is kept to tell a frozen process from a missing host where TLS hides
/// it: a tenth, which is 0.3 s at the usual 3 s and so several round trips.
const TLS_RESERVE: u32 = 10;

/// Asks nodes how their products are. Cheap to clone; all clones share one bound on open requests.
#[derive(Clone, Debug)]
pub struct Prober {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: Clock,
    limit: Duration,
    products: Vec<ProductSettings>,
    /// Without any TLS set-up: a host that has no CA certificates can ask over HTTP.
    http: Client,
    /// Set up only where a product wants TLS; why it failed is what its probes then say.
    https: Option<Result<Client, String>>,
    proxy: Option<ProxyKind>,
    slots: Semaphore,
    page_slots: Semaphore,
    long_slots: Semaphore,
    views: Views,
    route: Route,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProxyKind {
    /// Passes requests on, and answers in the node's place when it cannot.
    Http,
    /// Passes bytes on.
    Socks,
}

/// Why probes cannot be set up. A proxy's URL may hold a password, so none is quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeSetupError {
    /// Not `http://` or `socks5://`.
    #[error("a proxy for probes starts with http:// or socks5://")]
    ProxyScheme,
    /// Not a URL with a host.
    #[error("the proxy for probes is no URL: {0}")]
    ProxyUrl(String),
    /// The HTTP client could not be made.
    #[error("no HTTP client for probes: {0}")]
    Client(String),
}

impl Prober {
    /// Sets up probes as the settings say.
    ///
    /// # Errors
    /// A [`ProbeSetupError`] if the proxy is no URL of a kind we know. Missing CA certificates are
    /// no error here: they spoil the probes over TLS and no others.
    pub fn new(settings: &ProbeSettings, clock: Clock) -> Result<Self, ProbeSetupError> {
        let proxy = settings.proxy.as_deref().map(parse_proxy).transpose()?;
        let (proxy, kind) = proxy.unzip();
        // No certificates at all rather than the system's: loading these fails where there are none.
        let plain = CONNECT_EARLIER.min(settings.timeout / 2);
        let http = builder(settings.timeout, proxy.as_ref(), plain)
            .tls_certs_only(Vec::<Certificate>::new());
        let http = http.build().map_err(|error| ProbeSetupError::Client(causes(&error)))?;
        let tls = settings.products.iter().any(|product| product.tls);
        let https = tls.then(|| {
            let builder = builder(settings.timeout, proxy.as_ref(), settings.timeout / TLS_RESERVE);
            builder.build().map_err(|error| causes(&error))
        });
        let inner = Inner {
            clock,
            limit: settings.timeout,
            products: settings.products.clone(),
            http,
            https,
            proxy: kind,
            slots: Semaphore::new(IN_FLIGHT),
            page_slots: Semaphore::new(PAGES_IN_FLIGHT),
            long_slots: Semaphore::new(LONG_IN_FLIGHT),
            views: Views::default(),
            route: settings.route.clone(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Asks one node about every product, all at once: one outcome each, in the settings' order.
    /// It takes no longer than the limit once the requests have their turn. Dropping the future
    /// ends them.
    pub async fn probe(&self, ip: IpAddr) -> Vec<ProbeOutcome> {
        let mut asked = JoinSet::new();
        for index in 0..self.inner.products.len() {
            let inner = Arc::clone(&self.inner);
            asked.spawn(async move { (index, inner.outcome(index, ip).await) });
        }
        let mut outcomes = asked.join_all().await;
        outcomes.sort_by_key(|(index, _)| *index);
        outcomes.into_iter().filter_map(|(_, outcome)| outcome).collect()
    }
}

impl Inner {
    /// One product of one node. `None` only for an index that is not there.
    async fn outcome(&self, index: usize, ip: IpAddr) -> Option<ProbeOutcome> {
        let product = self.products.get(index)?;
        // The semaphore is never closed; if it were, asking without a turn would be right.
        let _slot = self.slots.acquire().await.ok();
        let started = self.clock.real_elapsed();
        let asked = self.ask(product, ip, product.path.as_str(), self.limit).await;
        let spent = self.clock.real_elapsed().saturating_sub(started);
        let left = self.limit.saturating_sub(spent);
        let alive = match &asked.reading {
            reading if asked.whole && asks_alive(product, reading) && !left.is_zero() => {
                is_alive(&self.ask(product, ip, "/", left).await)
            }
            _ => None,
        };
        let reading = absent_if_optional(product, asked.reading);
        Some(ProbeOutcome {
            product: product.product.clone(),
            url: url_text(product, ip, product.path.as_str()),
            port: product.port,
            verdict: reading.verdict,
            reason: reading.reason,
            alive,
            status: asked.status,
            latency_ms: asked.whole.then(|| u32::try_from(spent.as_millis()).unwrap_or(u32::MAX)),
            detail: reading.detail,
        })
    }

    /// Sends one GET and reads what comes, within the limit.
    async fn ask(
        &self,
        product: &ProductSettings,
        ip: IpAddr,
        path: &str,
        limit: Duration,
    ) -> Asked {
        if let Some(network) = self.route.network() {
            return given::ask(network, product, (url_text(product, ip, path), limit)).await;
        }
        let way = Way { tls: product.tls, proxy: self.proxy.is_some(), limit: self.limit };
        let client = match (&self.https, product.tls) {
            (_, false) => &self.http,
            (Some(Ok(client)), true) => client,
            (Some(Err(why)), true) => return Asked::tls_missing(why),
            (None, true) => return Asked::tls_missing("not set up"),
        };
        let url = match Url::parse(&url_text(product, ip, path)) {
            Ok(url) => url,
            Err(error) => {
                let detail = format!("could not ask: {error}");
                return Asked::nothing(Reading::unknown(ProbeReason::NoAddress, detail), None);
            }
        };
        let mut status = None;
        match tokio::time::timeout(limit, exchange(client.get(url), &mut status)).await {
            Ok(Ok(answer)) => {
                let forwarded = self.proxy == Some(ProxyKind::Http) && !product.tls;
                let reading = read(product, forwarded, &answer);
                Asked { reading, status, whole: true }
            }
            Ok(Err(error)) => {
                let mut reading = failure::failed(&error, way, status);
                if reading.reason == ProbeReason::Frozen && !self.accepts(product, ip).await {
                    reading = failure::no_connection(way);
                }
                Asked::nothing(reading, status)
            }
            Err(_) => Asked::nothing(failure::timed_out(way, status), status),
        }
    }

    /// Whether the port takes a TCP connection in what is reserved of the limit. reqwest limits the
    /// connection alone and the connection with its TLS handshake by the same time, so the end of
    /// the latter does not say how far it came.
    async fn accepts(&self, product: &ProductSettings, ip: IpAddr) -> bool {
        let connection = tokio::net::TcpStream::connect(SocketAddr::new(ip, product.port));
        let reserve = self.limit / TLS_RESERVE;
        matches!(tokio::time::timeout(reserve, connection).await, Ok(Ok(_)))
    }
}

/// What became of one request.
struct Asked {
    reading: Reading,
    status: Option<u16>,
    /// Whether the answer came to its end, or to the end of what we read.
    whole: bool,
}

impl Asked {
    fn nothing(reading: Reading, status: Option<u16>) -> Self {
        Self { reading, status, whole: false }
    }

    fn tls_missing(why: &str) -> Self {
        let detail = format!("TLS cannot be set up here: {}", read::quote(why));
        Self::nothing(Reading::unknown(ProbeReason::Tls, detail), None)
    }
}

/// Whether `GET /` is worth asking: Loki's and Tempo's `/ready` answered, and the answer was no.
fn asks_alive(product: &ProductSettings, reading: &Reading) -> bool {
    matches!(product.kind, ProbeKind::Loki | ProbeKind::Tempo)
        && reading.verdict == Verdict::Fail
        && product.path.as_str() != "/"
}

/// What `GET /` showed: 404 is what the products' routers answer as long as they live.
fn is_alive(root: &Asked) -> Option<bool> {
    match root.reading.verdict {
        _ if root.status == Some(404) => Some(true),
        Verdict::Unknown => None,
        Verdict::Pass | Verdict::Fail => Some(false),
    }
}

/// A node may lack an optional product: then nobody listening is no fault.
fn absent_if_optional(product: &ProductSettings, reading: Reading) -> Reading {
    if product.optional && reading.reason == ProbeReason::Refused {
        let detail = format!("not on this node ({})", reading.detail);
        return Reading::unknown(ProbeReason::NotPresent, detail);
    }
    reading
}

fn url_text(product: &ProductSettings, ip: IpAddr, path: &str) -> String {
    let scheme = if product.tls { "https" } else { "http" };
    format!("{scheme}://{}{path}", SocketAddr::new(ip, product.port))
}

/// One request, its status noted as soon as it is known, its body read up to the bound. The rest
/// of a longer body is never received: the connection ends with the response.
async fn exchange(request: RequestBuilder, status: &mut Option<u16>) -> reqwest::Result<Answer> {
    let mut response = request.send().await?;
    *status = Some(response.status().as_u16());
    let location = response.headers().get(LOCATION).map(HeaderValue::as_bytes);
    let location = location.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = BODY_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == BODY_BYTES {
            break;
        }
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Answer { status: response.status().as_u16(), location, body })
}

/// A client whose connections come about `earlier` than the limit or not at all.
fn builder(limit: Duration, proxy: Option<&Proxy>, earlier: Duration) -> ClientBuilder {
    let headers = HeaderMap::from_iter([(CONNECTION, HeaderValue::from_static("close"))]);
    let builder = Client::builder()
        .user_agent(concat!("quarterdeck/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .pool_max_idle_per_host(0)
        .connect_timeout(limit.saturating_sub(earlier))
        .no_proxy();
    match proxy {
        Some(proxy) => builder.proxy(proxy.clone()),
        None => builder,
    }
}

fn parse_proxy(text: &str) -> Result<(Proxy, ProxyKind), ProbeSetupError> {
    let url = Url::parse(text).map_err(|error| ProbeSetupError::ProxyUrl(error.to_string()))?;
    let kind = match url.scheme() {
        "http" => ProxyKind::Http,
        "socks5" => ProxyKind::Socks,
        _ => return Err(ProbeSetupError::ProxyScheme),
    };
    if url.host_str().is_none_or(str::is_empty) {
        return Err(ProbeSetupError::ProxyUrl("it names no host".to_owned()));
    }
    let proxy = Proxy::all(url).map_err(|error| ProbeSetupError::ProxyUrl(causes(&error)))?;
    Ok((proxy, kind))
}

/// The causes of an error in one line, without the URL: it may hold a password.
fn causes(error: &reqwest::Error) -> String {
    let words: Vec<_> = failure::causes(error).map(ToString::to_string).collect();
    if words.is_empty() { "no cause given".to_owned() } else { words.join(": ") }
}
