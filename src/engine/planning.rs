//! Making a plan: a fresh round of reads, what this host knows beside them, and the planners of
//! `core`. The console and the commands plan through this one place.

use super::host::own_addresses;
use super::round::{Round, round};
use crate::clock::Clock;
use crate::config::Settings;
use crate::core::plan::refusal::RefusalKind;
use crate::core::plan::{Context, Picture, Plan, Refusal, Request, plan};
use crate::core::run::Run;
use crate::exec::state::RunDir;

/// The runs of the state directory, oldest first. One whose journal cannot be read is left out: it
/// is `audit verify` that says so.
pub fn runs(settings: &Settings) -> Vec<Run> {
    let all = RunDir::all(&settings.state_dir).unwrap_or_default();
    all.iter().filter_map(|run| Run::fold(&run.told().ok()?.lines)).collect()
}

/// Looks at the world afresh and plans what is wanted.
///
/// # Errors
/// Why there is no plan.
pub async fn plan_afresh(
    settings: &Settings,
    clock: &Clock,
    request: &Request,
) -> Result<Plan, Refusal> {
    let round = round(settings, clock).await.map_err(|error| {
        Refusal::new(RefusalKind::Unknown, error.to_string(), error.next_step())
    })?;
    let context = context(&round, runs(settings));
    plan(&picture(settings, &round), request, &context)
}

/// A round as planners and guards want it.
pub fn picture<'a>(settings: &Settings, round: &'a Round) -> Picture<'a> {
    let picture = Picture::new(&round.inventory, &round.estate, round.as_of);
    let picture = picture.in_region(&round.region);
    if settings.probes.enabled { picture } else { picture.without_probes() }
}

/// What is known beside a round.
pub fn context(round: &Round, runs: Vec<Run>) -> Context {
    let nodes = round.estate.nodes.values().filter_map(|node| node.private_ip);
    Context {
        region: round.region.clone(),
        own_addresses: own_addresses(nodes),
        runs,
        ..Context::default()
    }
}
