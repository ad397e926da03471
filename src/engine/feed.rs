//! The feed: pollers on a thread and a runtime of their own, so that parsing a large answer never
//! delays a key. News come through a bounded channel; what to read next goes back.

use super::background::give_way;
use crate::aws::{Aws, ConnectError};
use crate::clock::Clock;
use crate::config::{DnsSetting, Settings};
use crate::core::error::ErrorKind;
use crate::core::inventory::Inventory;
use crate::core::source::SourceEvent;
use crate::sources::probe::{ProbeSetupError, Prober};
use crate::sources::{Orders, Pace, Reader, Resolver, Scheduler, Senses, Want, demand};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// News that nobody has folded yet. A round over 10,000 nodes brings some thousand events within
/// a second; a reader that is slower than that holds the pollers back, which is right.
const NEWS: usize = 256;
/// Pollers that could not be set up try again after so long.
pub(super) const AGAIN: Duration = Duration::from_secs(5);

/// Why the pollers could not start.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// AWS cannot be set up.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Probes cannot be set up.
    #[error(transparent)]
    Probes(#[from] ProbeSetupError),
    /// The operating system gave no thread or no runtime.
    #[error("failed to start the pollers: {0}")]
    Thread(#[from] std::io::Error),
}

impl FeedError {
    /// Whether the operator's own input is at fault: flags, environment, configuration.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Connect(error) => error.is_usage(),
            Self::Probes(_) => true,
            Self::Thread(_) => false,
        }
    }

    /// Whether waiting may help: somebody is expected to log in, or a way to open.
    pub fn may_pass(&self) -> bool {
        let Self::Connect(ConnectError::Credentials(error)) = self else { return false };
        matches!(error.kind, ErrorKind::Expired | ErrorKind::TimedOut | ErrorKind::Unreachable)
    }

    /// What to do about it.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Connect(error) => error.next_step(),
            Self::Probes(_) => "Correct [probes] in the configuration, or use --no-probes.",
            Self::Thread(_) => "Check the limits of this session (`ulimit -u`, memory).",
        }
    }
}

/// The region that is connected to, or why it is not.
pub type Connected = Result<String, FeedError>;

/// What becomes of pollers that cannot be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// They end.
    None,
    /// They try again until they can or nobody listens.
    Endless,
}

/// The pollers' other end.
pub struct Feed {
    /// News of the world.
    pub events: mpsc::Receiver<SourceEvent>,
    /// How setting up AWS goes: the region in use, or why there are no pollers (yet).
    pub started: Option<mpsc::Receiver<Connected>>,
    wants: watch::Sender<Vec<Want>>,
    now: mpsc::Sender<()>,
    settings: Arc<Settings>,
}

impl Feed {
    /// Starts the pollers. Returns at once; nothing is read before the first [`Feed::want`].
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(
        settings: &Settings,
        clock: &Clock,
        patience: Patience,
    ) -> Result<Self, FeedError> {
        let (news, events) = mpsc::channel(NEWS);
        let (mut feed, orders) = Self::of_channel(settings, events);
        let (tell, started) = mpsc::channel(1);
        feed.started = Some(started);
        let (for_thread, clock) = (settings.clone(), clock.clone());
        std::thread::Builder::new().name("pollers".into()).spawn(move || {
            give_way();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => {
                    let told = Told { tell, patience };
                    runtime.block_on(poll(for_thread, clock, (orders, news), told));
                }
                Err(error) => drop(tell.blocking_send(Err(error.into()))),
            }
        })?;
        Ok(feed)
    }

    /// The same on the runtime it is called on, for whoever has no key to hear: the pollers end when
    /// the second part of the answer is dropped.
    pub fn here(settings: &Settings, clock: &Clock) -> (Self, JoinSet<()>) {
        let (news, events) = mpsc::channel(NEWS);
        let (mut feed, orders) = Self::of_channel(settings, events);
        let (tell, started) = mpsc::channel(1);
        feed.started = Some(started);
        let told = Told { tell, patience: Patience::None };
        let mut pollers = JoinSet::new();
        pollers.spawn(poll(settings.clone(), clock.clone(), (orders, news), told));
        (feed, pollers)
    }

    /// A feed of whatever comes through this channel, and the orders it gives.
    pub fn of_channel(settings: &Settings, events: mpsc::Receiver<SourceEvent>) -> (Self, Orders) {
        let (wants, wanted) = watch::channel(Vec::new());
        // One wish to read now that waits is enough.
        let (now, wished) = mpsc::channel(1);
        let feed = Self { events, started: None, wants, now, settings: Arc::new(settings.clone()) };
        (feed, Orders { wants: wanted, now: wished })
    }

    /// The settings the pollers work by.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Tells the pollers what to read, given what is known.
    pub fn want(&self, inventory: &Inventory, pace: &Pace) {
        self.wants.send_replace(demand(inventory, &self.settings, pace));
    }

    /// The same, for another thread: over 10,000 nodes it takes longer than a key may wait.
    pub(super) fn want_later(
        &self,
        inventory: Arc<Inventory>,
        pace: Pace,
    ) -> impl FnOnce() + Send + use<> {
        let (wants, settings) = (self.wants.clone(), Arc::clone(&self.settings));
        move || drop(wants.send_replace(demand(&inventory, &settings, &pace)))
    }

    /// Reads everything now.
    pub fn poll_now(&self) {
        let _ = self.now.try_send(());
    }
}

/// Who is told how connecting goes, and how often.
struct Told {
    tell: mpsc::Sender<Connected>,
    patience: Patience,
}

async fn poll(
    settings: Settings,
    clock: Clock,
    (mut orders, news): (Orders, mpsc::Sender<SourceEvent>),
    told: Told,
) {
    loop {
        let error = match reader(&settings, &clock).await {
            Ok((reader, region)) => {
                let _ = told.tell.send(Ok(region)).await;
                return Scheduler::new(reader, clock).run(orders, news).await;
            }
            Err(error) => error,
        };
        let gone = told.tell.send(Err(error)).await.is_err();
        if gone || told.patience == Patience::None {
            return;
        }
        tokio::select! {
            biased;
            () = tokio::time::sleep(AGAIN) => {}
            Some(()) = orders.now.recv() => {}
            () = news.closed() => return,
        }
    }
}

/// A reader on the configured account, and its region.
pub(super) async fn reader(
    settings: &Settings,
    clock: &Clock,
) -> Result<(Reader, String), FeedError> {
    let prober = if settings.probes.enabled {
        Some(Prober::new(&settings.probes, clock.clone())?)
    } else {
        None
    };
    let for_sdk = settings.for_sdk();
    let aws = Aws::connect(&for_sdk).await?;
    let region = aws.region.clone();
    let senses = Senses { prober, resolver: resolver(settings) };
    let reader = Reader::new(aws, senses, clock.clone(), settings.load_balancer.clone());
    Ok((reader.renewed_by(for_sdk), region))
}

/// The resolver that is to be asked. A host without one to name is no reason to read nothing.
fn resolver(settings: &Settings) -> Option<Resolver> {
    let server = match settings.dns {
        DnsSetting::Off => return None,
        DnsSetting::System => None,
        DnsSetting::Server(at) => Some(at),
    };
    Resolver::new(server).inspect_err(|error| tracing::warn!(%error, "DNS is not asked")).ok()
}
