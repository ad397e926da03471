//! Making a plan: a fresh round of reads, what this host knows beside them, and the planners of
//! `core`. The console and the commands plan through this one place.

use super::host::own_addresses;
use super::records::Records;
use super::round::{Round, round};
use crate::clock::Clock;
use crate::config::Settings;
use crate::core::lock::LockView;
use crate::core::plan::refusal::RefusalKind;
use crate::core::plan::{Context, Picture, Plan, Refusal, Request, plan};
use crate::core::run::Run;
use crate::exec::state::{RunDir, whose};

/// The runs of the state directory, oldest first. One whose journal cannot be read is left out: it
/// is `audit verify` that says so.
pub fn runs(settings: &Settings) -> Vec<Run> {
    let all = RunDir::all(&settings.state_dir).unwrap_or_default();
    all.iter().filter_map(|run| Run::fold(&run.told().ok()?.lines)).collect()
}

/// What is known beside a round.
pub struct Beside {
    /// The runs of this host.
    pub runs: Vec<Run>,
    /// What runs of any host have left for others.
    pub records: Records,
    /// Locks as whoever asks has watched them; a round by itself sees each for the first time.
    pub watched: Vec<LockView>,
}

/// Looks at the world afresh and plans what is wanted. What a flag leaves out of sight is looked at
/// as well: a plan's locks are on all that it touches.
///
/// # Errors
/// Why there is no plan.
pub async fn plan_afresh(
    settings: &Settings,
    clock: &Clock,
    request: &Request,
    watched: Vec<LockView>,
) -> Result<Plan, Refusal> {
    let settings = &settings.unnarrowed();
    let round = round(settings, clock).await.map_err(|error| {
        Refusal::new(RefusalKind::Unknown, error.to_string(), error.next_step())
    })?;
    let records = Records::of(&round);
    make(settings, &round, &Beside { runs: runs(settings), records, watched }, request)
}

/// Plans what is wanted on a round.
///
/// # Errors
/// Why there is no plan.
pub fn make(
    settings: &Settings,
    round: &Round,
    beside: &Beside,
    request: &Request,
) -> Result<Plan, Refusal> {
    let nodes = round.estate.nodes.values().filter_map(|node| node.private_ip);
    let mut context = Context {
        region: round.region.clone(),
        who: whose(settings.machine()),
        own_addresses: own_addresses(settings.machine(), nodes),
        runs: beside.runs.clone(),
        drained: beside.records.drained.clone(),
        pins: beside.records.pins.clone(),
        watched: beside.watched.clone(),
        ..Context::default()
    };
    let picture = picture(settings, round);
    let plan = plan(&picture, request, &context)?;
    // Which lock a plan needs is known once it is made; who holds it is a matter for its guards.
    if plan.scopes().next().is_none() {
        return Ok(plan);
    }
    context.lock = beside.records.standing(&plan, &request.intent);
    crate::core::plan::plan(&picture, request, &context)
}

/// A round as planners and guards want it.
pub fn picture<'a>(settings: &Settings, round: &'a Round) -> Picture<'a> {
    let picture = Picture::new(&round.inventory, &round.estate, round.as_of);
    let picture = picture.in_region(&round.region);
    if settings.probes.enabled { picture } else { picture.without_probes() }
}
