//! Rings: what Loki and Tempo of one node say of who belongs to them. Reading is lenient about the
//! version and strict about the meaning: a page that is not understood is "cannot tell", never an
//! error of the node, and never a ring without members.

mod html;
mod json;
#[cfg(test)]
mod tests;
mod time;
mod views;
#[cfg(test)]
mod wire;

pub(super) use views::Views;

use super::pace::{Calls, Read};
use super::probe::{Head, NoPage, NodePage, Prober};
use crate::config::{ProbeKind, ProductSettings};
use crate::core::error::{ErrorKind, SourceError};
use crate::core::inventory::{Gossip, Page, ProductRings, Ring};
use crate::core::source::Fragment;
use std::net::IpAddr;
use tokio::task::JoinSet;

/// How much of a page is read: a ring of 500 members with 128 tokens each comes to 0.8 MB.
const PAGE_BYTES: usize = 1024 * 1024;
/// The words with which a Tempo without gossip answers.
const NO_GOSSIP: &str = "doesn't use memberlist";
/// The words with which a ruler without a ring answers.
const NO_RING: &str = "running with shards disabled";

/// Reads the rings of one node.
pub(super) async fn read(prober: &Prober, calls: &mut Calls<'_>, ip: IpAddr) -> Read {
    calls.turn().await;
    let mut asked = JoinSet::new();
    for (index, product) in
        prober.products(&[ProbeKind::Loki, ProbeKind::Tempo]).into_iter().enumerate()
    {
        let prober = prober.clone();
        asked.spawn(async move { (index, Asking { prober, product, ip }.all().await) });
    }
    let mut all = asked.join_all().await;
    all.sort_by_key(|(index, _)| *index);
    calls.also_made(all.iter().map(|(_, told)| told.calls).sum());
    let silent = all.iter().find_map(|(_, told)| told.silence.clone());
    match silent {
        Some(no_page) if all.iter().all(|(_, told)| told.silence.is_some()) => {
            Err(unreachable(ip, &no_page))
        }
        _ => Ok((Fragment::Rings(all.into_iter().map(|(_, told)| told.rings).collect()), None)),
    }
}

/// Nothing came back from the node at all.
pub(super) fn unreachable(ip: IpAddr, no_page: &NoPage) -> SourceError {
    let kind = if no_page.timed_out { ErrorKind::TimedOut } else { ErrorKind::Unreachable };
    SourceError::new(kind, format!("GET {ip}"), no_page.why.clone())
}

/// One product of one node that is being asked.
struct Asking {
    prober: Prober,
    product: ProductSettings,
    ip: IpAddr,
}

/// What came of it.
struct Told {
    rings: ProductRings,
    calls: u32,
    /// Why nothing came back on any page, if so.
    silence: Option<NoPage>,
}

impl Asking {
    async fn all(self) -> Told {
        let tempo = self.product.kind == ProbeKind::Tempo;
        let (ring_page, version_page) = match tempo {
            true => (NodePage::TempoRing, NodePage::TempoVersion),
            false => (NodePage::LokiRing, NodePage::LokiVersion),
        };
        let (ring, gossip, left, version) = tokio::join!(
            self.one(ring_page),
            self.one(NodePage::Memberlist),
            self.one(NodePage::GossipedRing),
            self.one(version_page),
        );
        let mut calls = 4;
        let silence = [&ring, &gossip, &left, &version]
            .into_iter()
            .all(|page| page.as_ref().is_err_and(|no_page| no_page.silent))
            .then(|| ring.as_ref().err().cloned())
            .flatten();
        let (mut ring, mut path) = (understood(ring, ring_of), ring_page);
        // Tempo has live stores in the ingesters' place from 3.0 on.
        if tempo && ring == Page::Absent {
            calls += 1;
            path = NodePage::LiveStoreRing;
            ring = understood(self.one(path).await, ring_of);
        }
        let views = self.prober.views();
        let rings = ProductRings {
            digest: ring.read().map_or(0, Ring::digest),
            product: self.product.product.clone(),
            ring: ring.map(|ring| views.ring(ring)),
            ring_path: path.as_str().to_owned(),
            gossip: understood(gossip, gossip_of).map(|gossip| views.gossip(gossip)),
            left: understood(left, |head, body| json_only(head, body, json::left)),
            version: understood(version, |head, body| json_only(head, body, json::version)),
        };
        Told { rings, calls, silence }
    }

    /// One page, as far as it is read; a longer one has no body here.
    async fn one(&self, page: NodePage) -> Result<(Head, Option<Vec<u8>>), NoPage> {
        let mut body = Some(Vec::new());
        let mut take = |chunk: &[u8]| match &mut body {
            Some(read) if read.len() + chunk.len() <= PAGE_BYTES => {
                read.extend_from_slice(chunk);
                true
            }
            _ => {
                body = None;
                false
            }
        };
        let head = self.prober.page(&self.product, self.ip, page, &mut take).await?;
        Ok((head, body))
    }
}

/// What an answer means, given how its body is read.
fn understood<T>(
    answer: Result<(Head, Option<Vec<u8>>), NoPage>,
    read: impl Fn(&Head, &[u8]) -> Page<T>,
) -> Page<T> {
    match answer {
        Err(no_page) => Page::CannotTell(no_page.why),
        Ok((_, None)) => Page::CannotTell(format!("longer than {} KiB", PAGE_BYTES / 1024)),
        Ok((head, Some(body))) => match head.status {
            200 => read(&head, &body),
            404 => Page::Absent,
            status => Page::CannotTell(format!("answers {status}")),
        },
    }
}

fn ring_of(head: &Head, body: &[u8]) -> Page<Ring> {
    either(head, body, json::ring, html::ring)
}

fn gossip_of(head: &Head, body: &[u8]) -> Page<Gossip> {
    either(head, body, json::gossip, html::gossip)
}

/// A page that comes as JSON or for people, by its declared type.
fn either<T>(
    head: &Head,
    body: &[u8],
    json: impl Fn(&[u8]) -> Result<T, String>,
    html: impl Fn(&str) -> Result<T, String>,
) -> Page<T> {
    if head.is("application/json") {
        return Page::Read(()).and_then(|()| json(body));
    }
    let text = String::from_utf8_lossy(body);
    if text.contains(NO_GOSSIP) || text.contains(NO_RING) {
        return Page::NotUsed;
    }
    if head.is("text/html") {
        return Page::Read(()).and_then(|()| html(&text));
    }
    Page::CannotTell(format!("neither JSON nor a page, but {:?}", head.kind))
}

/// A page that has no form for people.
fn json_only<T>(head: &Head, body: &[u8], json: impl Fn(&[u8]) -> Result<T, String>) -> Page<T> {
    either(head, body, json, |_| Err("a page for people where JSON was asked for".into()))
}
