//! Pages that nodes are asked for beyond their health. Which ones is a closed list of exact paths:
//! some servers stop, flush or forget on a GET, and one prunes its history on another query of a
//! page that we read. A body goes to whoever takes it, a piece at a time, so that a long one costs
//! no more than what is taken of it.

use super::{Prober, failure, given, read, url_text};
use crate::config::{ProbeKind, ProductSettings};
use crate::sources::probe::failure::Way;
use crate::sources::rings::Views;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Response, Url};
use std::net::IpAddr;

/// Every page that is ever asked for beside the probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter)]
pub(in crate::sources) enum NodePage {
    /// Loki's ring of ingesters.
    LokiRing,
    /// Tempo's ring of ingesters, up to 2.x.
    TempoRing,
    /// What Tempo has in its place from 3.0 on.
    LiveStoreRing,
    /// Members and keys of the gossip cluster.
    Memberlist,
    /// The ring as it is gossiped, with those that left.
    GossipedRing,
    /// Loki's version.
    LokiVersion,
    /// Tempo's version, from 2.3 on.
    TempoVersion,
    /// Metrics, of every product.
    Metrics,
}

impl NodePage {
    /// Path and query, exactly as asked.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LokiRing => "/ring",
            Self::TempoRing => "/ingester/ring",
            Self::LiveStoreRing => "/live-store/ring",
            Self::Memberlist => "/memberlist",
            Self::GossipedRing => "/memberlist?viewKey=collectors/ring&format=json",
            Self::LokiVersion => "/loki/api/v1/status/buildinfo",
            Self::TempoVersion => "/api/status/buildinfo",
            Self::Metrics => "/metrics",
        }
    }

    pub(super) fn accept(self) -> &'static str {
        match self {
            Self::Metrics => "text/plain",
            _ => "application/json",
        }
    }
}

/// Takes a body piece by piece, and says whether it wants more.
pub(in crate::sources) type Take<'a> = &'a mut (dyn FnMut(&[u8]) -> bool + Send);

/// What comes before a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sources) struct Head {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`, as sent, in small letters.
    pub kind: String,
}

impl Head {
    /// Whether the body is declared to be this.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.starts_with(kind)
    }
}

/// Why there is no (whole) page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sources) struct NoPage {
    /// Whether not even a status came.
    pub silent: bool,
    /// Whether time ran out.
    pub timed_out: bool,
    /// What happened, as a fragment.
    pub why: String,
}

impl Prober {
    /// The products of these kinds that nodes are asked about.
    pub(in crate::sources) fn products(&self, kinds: &[ProbeKind]) -> Vec<ProductSettings> {
        let all = self.inner.products.iter();
        all.filter(|product| kinds.contains(&product.kind)).cloned().collect()
    }

    /// The rings that nodes have shown of late.
    pub(in crate::sources) fn views(&self) -> &Views {
        &self.inner.views
    }

    /// Asks one page of one product. `take` is given the body piece by piece and says whether it
    /// wants more; the rest is never received, since the connection ends with the answer.
    pub(in crate::sources) async fn page(
        &self,
        product: &ProductSettings,
        ip: IpAddr,
        page: NodePage,
        take: Take<'_>,
    ) -> Result<Head, NoPage> {
        let inner = &self.inner;
        let _slot = inner.page_slots.acquire().await.ok();
        if let Some(network) = inner.route.network() {
            let url = url_text(product, ip, page.as_str());
            return given::page(network, (url, page, inner.limit), take).await;
        }
        let mut status = None;
        let asked = self.exchange(product, ip, page, (&mut status, &mut *take));
        let way = Way { tls: product.tls, proxy: inner.proxy.is_some(), limit: inner.limit };
        let mut ended = tokio::time::timeout(inner.limit, asked).await;
        if let Ok(Ok((_, more @ Some(_)))) = &mut ended
            && let Some(mut response) = more.take()
        {
            // Waiting for a turn is not the node's fault, and a long page has a limit of its own.
            let _turn = inner.long_slots.acquire().await.ok();
            let rest = tokio::time::timeout(inner.limit, body(&mut response, take, usize::MAX));
            match rest.await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => ended = Ok(Err(error.into())),
                Err(late) => ended = Err(late),
            }
        }
        let none = |timed_out, why| NoPage { silent: status.is_none(), timed_out, why };
        match ended {
            Ok(Ok((head, _))) => Ok(head),
            Ok(Err(Failed::Set(why))) => Err(none(false, why)),
            Ok(Err(Failed::Http(error))) => {
                let detail = failure::failed(&error, way, status).detail;
                Err(none(error.is_timeout(), detail))
            }
            Err(_) => Err(none(true, failure::timed_out(way, status).detail)),
        }
    }

    /// The head of an answer and the beginning of its body; with the answer, where there is more.
    async fn exchange(
        &self,
        product: &ProductSettings,
        ip: IpAddr,
        page: NodePage,
        (status, take): (&mut Option<u16>, Take<'_>),
    ) -> Result<(Head, Option<Response>), Failed> {
        let client = match (&self.inner.https, product.tls) {
            (_, false) => &self.inner.http,
            (Some(Ok(client)), true) => client,
            (Some(Err(why)), true) => {
                let why = format!("TLS cannot be set up here: {}", read::quote(why));
                return Err(Failed::Set(why));
            }
            (None, true) => return Err(Failed::Set("TLS is not set up".into())),
        };
        let url = Url::parse(&url_text(product, ip, page.as_str()))
            .map_err(|error| Failed::Set(format!("could not ask: {error}")))?;
        let request = client.get(url).header(ACCEPT, HeaderValue::from_static(page.accept()));
        let mut response = request.send().await?;
        *status = Some(response.status().as_u16());
        let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let kind = String::from_utf8_lossy(kind.unwrap_or_default()).to_ascii_lowercase();
        let head = Head { status: response.status().as_u16(), kind };
        // Only an answer that has the page is worth its body.
        let more = head.status == 200 && body(&mut response, take, LONG).await?;
        Ok((head, more.then_some(response)))
    }
}

/// A page of which so much was read is a long one.
const LONG: usize = 32 * 1024;

/// Reads a body until its end, until nothing more is wanted, or until so many bytes are read. Whether
/// there may be more.
async fn body(
    response: &mut Response,
    take: Take<'_>,
    most: usize,
) -> Result<bool, reqwest::Error> {
    let mut read = 0;
    while let Some(chunk) = response.chunk().await? {
        read += chunk.len();
        if !take(&chunk) {
            return Ok(false);
        }
        if read >= most {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Why an exchange failed.
enum Failed {
    /// It could not even begin.
    Set(String),
    /// On the way.
    Http(reqwest::Error),
}

impl From<reqwest::Error> for Failed {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ProbePath;
    use strum::IntoEnumIterator;

    /// The list itself is the allow-list; what it must never hold is said here once more.
    #[test]
    fn no_page_of_the_list_acts() {
        for page in NodePage::iter() {
            let (path, query) = page.as_str().split_once('?').unwrap_or((page.as_str(), ""));
            assert_eq!(ProbePath::new(path).map(|path| path.to_string()), Ok(path.to_owned()));
            assert!(matches!(query, "" | "viewKey=collectors/ring&format=json"), "{query}");
            for acting in ["shutdown", "flush", "forget", "delete", "prepare", "download"] {
                assert!(!page.as_str().to_ascii_lowercase().contains(acting), "{page:?}");
            }
        }
    }
}
