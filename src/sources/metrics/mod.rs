//! Metrics: what Grafana, Loki and Tempo of one node count. The pages are long (hundreds of
//! kilobytes) and are read as they come; a handful of series is kept.

mod parse;
#[cfg(test)]
mod tests;

use super::pace::{Calls, Read};
use super::probe::{NoPage, NodePage, Prober};
use super::rings::unreachable;
use crate::config::{ProbeKind, ProductSettings};
use crate::core::inventory::{Page, ProductMetrics, Sample};
use crate::core::source::Fragment;
use parse::Parser;
use std::net::IpAddr;
use tokio::task::JoinSet;

/// How much of a page is read. A busy Loki with thousands of tenants sends 2 MB.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Reads the metrics of one node.
pub(super) async fn read(prober: &Prober, calls: &mut Calls<'_>, ip: IpAddr) -> Read {
    calls.turn().await;
    let mut asked = JoinSet::new();
    let kinds = [ProbeKind::Grafana, ProbeKind::Loki, ProbeKind::Tempo];
    for (index, product) in prober.products(&kinds).into_iter().enumerate() {
        let prober = prober.clone();
        asked.spawn(
            async move { (index, product.product.clone(), one(&prober, product, ip).await) },
        );
    }
    let mut all = asked.join_all().await;
    all.sort_by_key(|(index, ..)| *index);
    calls.also_made(u32::try_from(all.len()).unwrap_or(u32::MAX));
    let silent = |page: &Result<_, NoPage>| page.as_ref().is_err_and(|no_page| no_page.silent);
    if all.iter().all(|(.., page)| silent(page))
        && let Some((.., Err(no_page))) = all.first()
    {
        return Err(unreachable(ip, no_page));
    }
    let told = all.into_iter().map(|(_, product, page)| ProductMetrics {
        product,
        sample: page.unwrap_or_else(|no_page| Page::CannotTell(no_page.why)),
    });
    Ok((Fragment::Metrics(told.collect()), None))
}

async fn one(
    prober: &Prober,
    product: ProductSettings,
    ip: IpAddr,
) -> Result<Page<Sample>, NoPage> {
    let (mut parser, mut left) = (Parser::new(product.kind), Some(PAGE_BYTES));
    let mut take = |chunk: &[u8]| {
        left = left.and_then(|left| left.checked_sub(chunk.len()));
        if left.is_some() {
            parser.take(chunk);
        }
        left.is_some()
    };
    let head = prober.page(&product, ip, NodePage::Metrics, &mut take).await?;
    // Half a page is no page: what it lacks would look like requests that never were.
    if left.is_none() {
        let why = format!("longer than {} MiB", PAGE_BYTES / 1024 / 1024);
        return Ok(Page::CannotTell(why));
    }
    Ok(match (head.status, parser.finish()) {
        (200, Some(sample)) => Page::Read(sample),
        (200, None) => Page::CannotTell("a page without metrics".into()),
        (404, _) => Page::Absent,
        (status, _) => Page::CannotTell(format!("answers {status}")),
    })
}
