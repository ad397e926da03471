//! Nodes asked through a network that was given, rather than by reqwest: the same readings of what
//! comes, and of what comes instead.

use super::failure::{self, Way};
use super::page::{Head, NoPage, NodePage, Take};
use super::read::{Answer, Reading, read};
use super::{Asked, BODY_BYTES};
use crate::config::ProductSettings;
use crate::core::inventory::ProbeReason;
use crate::machine::{Answered, Network, NoAnswer};
use std::sync::Arc;
use std::time::Duration;

/// Asks for a product's health.
pub(super) async fn ask(
    network: &Arc<dyn Network>,
    product: &ProductSettings,
    (url, limit): (String, Duration),
) -> Asked {
    let way = Way { tls: product.tls, proxy: false, limit };
    match tokio::time::timeout(limit, network.exchange(get(url, None))).await {
        Ok(Ok(answered)) => {
            let answer = Answer {
                status: answered.status,
                location: answered.header("location").map(str::to_owned),
                body: text(&answered.body[..answered.body.len().min(BODY_BYTES)]),
            };
            let reading = read(product, false, &answer);
            Asked { reading, status: Some(answered.status), whole: true }
        }
        Ok(Err(no_answer)) => Asked::nothing(reading(no_answer), None),
        Err(_) => Asked::nothing(failure::timed_out(way, None), None),
    }
}

/// Asks for one page.
pub(super) async fn page(
    network: &Arc<dyn Network>,
    (url, page, limit): (String, NodePage, Duration),
    take: Take<'_>,
) -> Result<Head, NoPage> {
    let way = Way { tls: false, proxy: false, limit };
    let asked = tokio::time::timeout(limit, network.exchange(get(url, Some(page.accept()))));
    match asked.await {
        Ok(Ok(answered)) => {
            let head = head(&answered);
            if head.status == 200 {
                take(&answered.body);
            }
            Ok(head)
        }
        Ok(Err(no_answer)) => {
            let silent = !matches!(no_answer, NoAnswer::CutOff(Some(_)));
            Err(NoPage { silent, timed_out: false, why: reading(no_answer).detail })
        }
        Err(_) => {
            let why = failure::timed_out(way, None).detail;
            Err(NoPage { silent: true, timed_out: true, why })
        }
    }
}

fn get(url: String, accept: Option<&str>) -> crate::machine::Asked {
    let accept = accept.map(|kind| ("accept".to_owned(), kind.to_owned()));
    let headers = accept.into_iter().collect();
    crate::machine::Asked { method: "GET".to_owned(), url, headers, body: Vec::new() }
}

fn head(answered: &Answered) -> Head {
    let kind = answered.header("content-type").unwrap_or_default().to_ascii_lowercase();
    Head { status: answered.status, kind }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn reading(no_answer: NoAnswer) -> Reading {
    match no_answer {
        NoAnswer::Refused => Reading::fail(ProbeReason::Refused, "connection refused"),
        NoAnswer::NoRoute => Reading::fail(ProbeReason::NoRoute, "host unreachable"),
        NoAnswer::CutOff(Some(status)) => {
            Reading::fail(ProbeReason::CutOff, format!("cut off in the body of a {status}"))
        }
        NoAnswer::CutOff(None) => Reading::fail(ProbeReason::CutOff, "cut off before the answer"),
    }
}
