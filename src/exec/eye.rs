//! The run engine's own eyes: it reads what a step needs afresh, into an inventory of its own, and
//! looks at nothing that a console has polled. What could not be read is unknown for this look,
//! whatever was read before.

use crate::aws::Aws;
use crate::clock::Clock;
use crate::config::Settings;
use crate::core::error::{ErrorKind, SourceError};
use crate::core::estate::{Estate, Policy};
use crate::core::ids::{InstanceId, StackId};
use crate::core::inventory::Inventory;
use crate::core::observed::{Observed, Why, age};
use crate::core::plan::{Answer, Claim, Picture, Reads, Samples, check, reads};
use crate::core::reconcile::reconcile;
use crate::core::source::{Scope, SourceEvent};
use crate::sources::probe::{ProbeSetupError, Prober};
use crate::sources::{Ask, Pace, Reader, SWEEP_RANK, Senses, Want, demand, policy};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// What is read once and hardly changes (names, attributes, tags) stays good for so long. Nothing
/// that a step rests on is ever that old: it is read for the step.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// How often nodes are probed while something waits for them, by the world's clock, and by real
/// time where that runs fast.
const PROBED: Duration = Duration::from_secs(15);
const PROBED_REAL: Duration = Duration::from_secs(4);
/// How often what hardly changes is read again, likewise.
const SELDOM: Duration = Duration::from_secs(30);
const SELDOM_REAL: Duration = Duration::from_secs(5);
/// Reads in flight at once.
const AT_ONCE: usize = 16;
/// A first reading needs three rounds: lists, what hangs on them, what hangs on that.
const ROUNDS_AT_MOST: usize = 12;
/// DescribeInstances takes at most 200 values of a filter.
const IDS_A_CALL: usize = 200;
/// The numbers of our batches of ids, apart from those of the demand.
const BATCHES: u16 = 0x7000;

/// What could not be read in a look, and why.
pub(super) type Missing = BTreeMap<Scope, SourceError>;

/// Reads and judges.
pub(super) struct Eye {
    reader: Arc<Reader>,
    settings: Settings,
    clock: Clock,
    policy: Policy,
    region: String,
    inventory: Inventory,
    samples: Samples,
    /// When what hardly changes was read last.
    read_at: BTreeMap<Scope, Timestamp>,
}

impl Eye {
    /// Eyes on these clients; nothing is read yet.
    pub fn new(aws: &Aws, settings: &Settings, clock: &Clock) -> Result<Self, ProbeSetupError> {
        let prober = if settings.probes.enabled {
            Some(Prober::new(&settings.probes, clock.clone())?)
        } else {
            None
        };
        // Names are not resolved here: no step and no guard rests on what DNS says.
        let senses = Senses { prober, resolver: None };
        let only = settings.load_balancer.clone();
        let region = aws.region.clone();
        Ok(Self {
            reader: Arc::new(Reader::new(aws.clone(), senses, clock.clone(), only)),
            policy: policy(settings, &region),
            settings: settings.clone(),
            clock: clock.clone(),
            region,
            inventory: Inventory::default(),
            samples: Samples::default(),
            read_at: BTreeMap::new(),
        })
    }

    /// Reads everything once: names, what belongs to what.
    pub async fn open(&mut self) -> Missing {
        let mut missing = Missing::new();
        for _ in 0..ROUNDS_AT_MOST {
            let wants: Vec<Want> = demand(&self.inventory, &self.settings, &Pace::default())
                .into_iter()
                .filter(|want| is_of_use(want) && want.not_before.is_none())
                .filter(|want| !self.inventory.was_attempted(&want.scope))
                .collect();
            if wants.is_empty() {
                break;
            }
            missing.extend(self.read(wants).await);
        }
        missing
    }

    /// Reads everything that is known of once more.
    pub async fn open_again(&mut self) -> Missing {
        let wants = demand(&self.inventory, &self.settings, &Pace::default());
        let wants = wants.into_iter().filter(is_of_use).collect();
        self.read(wants).await
    }

    /// Reads what is needed, all of it afresh.
    pub async fn look(&mut self, needs: &Reads) -> Missing {
        let now = self.clock.now();
        let is_due = |scope: &&Scope| {
            let last = self.read_at.get(*scope);
            last.is_none_or(|at| age(*at, now) >= self.in_real(SELDOM, SELDOM_REAL))
        };
        let due = needs.seldom.difference(&needs.scopes).filter(is_due);
        let mut wants: Vec<Want> =
            needs.scopes.iter().chain(due).map(|scope| self.want(scope)).collect();
        let ids: Vec<_> = needs.instances.iter().cloned().collect();
        for (batch, ids) in (BATCHES..).zip(ids.chunks(IDS_A_CALL)) {
            wants.push(plain(Scope::Instances(batch), Ask::Ids(ids.into())));
        }
        for (id, address) in &needs.probes {
            wants.push(plain(Scope::Probe(id.clone()), Ask::Address(*address)));
        }
        let asked_lately = |id| {
            let last = self.inventory.rings.get(id).and_then(Observed::last_attempt);
            last.is_some_and(|at| age(at, self.clock.now()) < self.interval_of_nodes())
        };
        // Several pages a node: a wait that looks every second does not ask for them each time.
        for (id, address) in needs.rings.iter().filter(|(id, _)| !asked_lately(*id)) {
            wants.push(plain(Scope::Rings(id.clone()), Ask::Address(*address)));
        }
        self.read(wants).await
    }

    /// Looks at what nodes count, at the rings as their whole fleet sees them, and at what the load
    /// balancer says of them: whether they may be stopped.
    pub async fn look_at_nodes(&mut self, ids: &[InstanceId], fleet: Option<&StackId>) -> Missing {
        let nodes: Vec<(InstanceId, Option<IpAddr>, bool)> = self.with_picture(|picture| {
            let nodes = picture.estate.nodes.values();
            let of = nodes.filter(|node| {
                ids.contains(&node.id) || fleet.is_some() && node.stack_id.as_ref() == fleet
            });
            of.map(|node| (node.id.clone(), node.private_ip, ids.contains(&node.id))).collect()
        });
        let groups = self.inventory.target_health.keys();
        let mut wants: Vec<Want> =
            groups.map(|group| self.want(&Scope::TargetHealth(group.clone()))).collect();
        wants.push(self.want(&Scope::Groups));
        let probed = nodes.into_iter().filter(|_| self.settings.probes.enabled);
        for (id, address, own) in probed.filter_map(|(id, ip, own)| Some((id, ip?, own))) {
            wants.push(plain(Scope::Rings(id.clone()), Ask::Address(address)));
            if own {
                wants.push(plain(Scope::Probe(id.clone()), Ask::Address(address)));
                wants.push(plain(Scope::Metrics(id), Ask::Address(address)));
            }
        }
        self.read(wants).await
    }

    /// How a scope is asked for. Members are listed in any case: that nothing has moved is not
    /// what a step rests on.
    fn want(&self, scope: &Scope) -> Want {
        match scope {
            Scope::Members(_) => plain(scope.clone(), Ask::Service(None)),
            Scope::Tags(_) => demand(&self.inventory, &self.settings, &Pace::default())
                .into_iter()
                .find(|want| &want.scope == scope)
                .unwrap_or_else(|| plain(scope.clone(), Ask::Plain)),
            _ => plain(scope.clone(), Ask::Plain),
        }
    }

    async fn read(&mut self, wants: Vec<Want>) -> Missing {
        let mut waiting: VecDeque<Want> = wants.into();
        let mut reads: JoinSet<SourceEvent> = JoinSet::new();
        let mut missing = Missing::new();
        loop {
            while reads.len() < AT_ONCE
                && let Some(mut want) = waiting.pop_front()
            {
                want.every = self.kept(&want.scope);
                let reader = self.reader.clone();
                reads.spawn(async move { reader.read(&want).await });
            }
            // A read that panicked has already ended the process (invariant 11).
            let Some(Ok(mut event)) = reads.join_next().await else { break };
            let failed = event.result.as_ref().err().or(event.missing.as_ref());
            if let Some(error) = failed {
                missing.insert(event.scope.clone(), error.clone());
                // What was read before and could not be read now is stale at once.
                event.every = Duration::ZERO;
                self.read_at.remove(&event.scope);
            } else {
                self.read_at.insert(event.scope.clone(), self.clock.now());
            }
            self.inventory.apply(event);
        }
        self.samples.note(&self.inventory);
        missing
    }

    /// For how long a read says something. Of probes the interval counts: it tells whether samples
    /// cover a window.
    fn kept(&self, scope: &Scope) -> Duration {
        match scope {
            Scope::Probe(_) | Scope::Rings(_) => self.interval_of_nodes(),
            _ => KEPT,
        }
    }

    fn interval_of_nodes(&self) -> Duration {
        self.in_real(PROBED, PROBED_REAL)
    }

    /// A time by the world's clock, or a real one where that runs fast.
    fn in_real(&self, world: Duration, real: Duration) -> Duration {
        let rate = self.settings.clock.as_ref().map_or(1.0, |clock| clock.rate);
        world.max(real.mul_f64(rate.max(1.0)))
    }

    /// Shows the picture as it is now.
    pub fn show<T>(&self, look: impl FnOnce(&Picture<'_>) -> T) -> T {
        self.with_picture(|picture| look(&picture.with_samples(&self.samples)))
    }

    /// Shows it as it is shown to planners, who know only the last answer of each probe.
    pub fn show_to_planners<T>(&self, look: impl FnOnce(&Picture<'_>) -> T) -> T {
        self.with_picture(|picture| look(&picture))
    }

    fn with_picture<T>(&self, look: impl FnOnce(Picture<'_>) -> T) -> T {
        let now = self.clock.now();
        let estate: Estate = reconcile(&self.inventory, now, &self.policy);
        let picture = Picture::new(&self.inventory, &estate, now).in_region(&self.region);
        if self.settings.probes.enabled { look(picture) } else { look(picture.without_probes()) }
    }

    /// What these claims need.
    pub fn needs<'a>(&self, claims: impl Iterator<Item = &'a Claim>) -> Reads {
        self.show(|picture| {
            let mut all = Reads::default();
            claims.for_each(|claim| all.merge(reads(claim, picture)));
            all
        })
    }

    /// What each claim comes to, given what the look just taken is missing.
    pub fn ask<'a>(
        &self,
        claims: impl Iterator<Item = &'a Claim>,
        missing: &Missing,
    ) -> Vec<(Claim, Answer)> {
        self.show(|picture| {
            claims.map(|claim| (claim.clone(), judge(claim, picture, missing))).collect()
        })
    }

    /// Those of the nodes' addresses that are this host's own: the address from which the system
    /// would send to one's own is that one. Nothing is sent.
    pub fn own_addresses(&self) -> BTreeSet<IpAddr> {
        let nodes = self.inventory.instances.values().filter_map(|said| said.value.as_ref());
        let addresses = nodes.filter_map(|instance| instance.private_ip);
        let host = &self.settings.machine().host;
        let is_own =
            |address: &IpAddr| host.own_address(*address).is_ok_and(|own| own == Some(*address));
        addresses.filter(is_own).collect()
    }

    /// What was read so far.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }
}

/// Whether a run reads it at all. What nodes count and what names resolve to decides no step;
/// rings and records are read for the guards that look at them.
fn is_of_use(want: &Want) -> bool {
    let told = matches!(
        want.scope,
        Scope::Rings(_) | Scope::Metrics(_) | Scope::Dns(_) | Scope::Record(_)
    );
    want.rank < SWEEP_RANK && !told
}

fn plain(scope: Scope, ask: Ask) -> Want {
    Want { scope, ask, every: KEPT, rank: 0, not_before: None }
}

/// A claim on a picture of which parts could not be read: an older value says nothing of now.
fn judge(claim: &Claim, picture: &Picture<'_>, missing: &Missing) -> Answer {
    let needs = reads(claim, picture);
    let failed = missing.iter().find(|(scope, _)| match scope {
        Scope::Instances(_) => !needs.instances.is_empty(),
        Scope::Probe(id) => needs.probes.contains_key(id),
        scope => needs.scopes.contains(*scope),
    });
    match failed {
        Some((scope, error)) => {
            Answer::Unknown { why: Why::Failed(error.kind), what: format!("{scope}: {error}") }
        }
        None => check(claim, picture),
    }
}

/// The kinds of failure in a look that have their own way out.
pub(super) fn has(missing: &Missing, kinds: &[ErrorKind]) -> Option<SourceError> {
    missing.values().find(|error| kinds.contains(&error.kind)).cloned()
}
