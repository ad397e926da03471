//! The places whose fleets are shown beside those of the console's own: each is read by a feed of its
//! own and joined on a thread of its own, and only a summary that has changed is handed on. Nothing
//! here can act: there is no run, no plan and no memory kept of another place.

use super::background::give_way;
use super::feed::{AGAIN, Connected, Feed, FeedError, Patience};
use super::round::Folded;
use crate::app::operate::Trouble;
use crate::app::{Elsewhere as Seen, Standing};
use crate::clock::Clock;
use crate::config::{Environment, Settings};
use crate::core::joined::Joined;
use crate::core::reconcile::reconcile;
use crate::sources::{Pace, policy};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// A place is joined at most so often: nobody acts there, and the processor belongs to this place.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// Of a large place more rarely: one join in the time of so many.
const REST: u32 = 8;
/// Without news it is joined again after so long: staleness comes by time alone.
const AT_LEAST_EVERY: Duration = Duration::from_secs(5);
/// What has not changed is said again so often, so that whoever hears nothing knows that nobody looks.
const SAID_AGAIN: Duration = Duration::from_secs(30);
/// Summaries that nobody has taken in yet. Whoever is slower holds the readers back.
const SUMMARIES: usize = 4;

/// The other places of a console. They are looked at until this is dropped.
pub struct Elsewhere {
    seen: Option<mpsc::Receiver<Seen>>,
    /// A wish to read now, a place each.
    now: Vec<mpsc::Sender<()>>,
}

impl Elsewhere {
    /// Nowhere else.
    pub fn nowhere() -> Self {
        Self { seen: None, now: Vec::new() }
    }

    /// Looks at the places that these settings name.
    pub fn start(settings: &Settings, clock: &Clock, env: &Environment) -> Self {
        if settings.also.is_empty() {
            return Self::nowhere();
        }
        let (tell, seen) = mpsc::channel(SUMMARIES);
        let mut now = Vec::new();
        for name in &settings.also {
            let (wish, wished) = mpsc::channel(1);
            let watcher = Watcher {
                settings: settings.clone(),
                clock: clock.clone(),
                env: env.clone(),
                seen: Seen::unread(name, clock.now()),
                said: None,
                tell: tell.clone(),
            };
            now.push(wish);
            let thread = std::thread::Builder::new().name(format!("elsewhere {name}"));
            if let Err(error) = thread.spawn(move || watcher.run(wished)) {
                let mut none = Seen::unread(name, clock.now());
                cannot(&mut none, clock, trouble(&error.into()));
                // The channel has room for the first few words.
                let _ = tell.try_send(none);
            }
        }
        Self { seen: Some(seen), now }
    }

    /// What a place looks like now; waits for ever where there is none. Safe to drop while waiting.
    pub async fn next(&mut self) -> Seen {
        if let Some(seen) = &mut self.seen
            && let Some(seen) = seen.recv().await
        {
            return seen;
        }
        std::future::pending().await
    }

    /// Reads everything now.
    pub fn poll_now(&self) {
        for wish in &self.now {
            let _ = wish.try_send(());
        }
    }
}

/// A place that is looked at.
struct Watcher {
    /// Those of the console's own place.
    settings: Settings,
    clock: Clock,
    env: Environment,
    seen: Seen,
    /// What was handed on last, and by real time when.
    said: Option<(Seen, Duration)>,
    tell: mpsc::Sender<Seen>,
}

impl Watcher {
    fn run(mut self, wished: mpsc::Receiver<()>) {
        give_way();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => runtime.block_on(async {
                let nobody = self.tell.clone();
                tokio::select! {
                    () = self.look(wished) => {}
                    () = nobody.closed() => {}
                }
            }),
            Err(error) => {
                cannot(&mut self.seen, &self.clock, trouble(&error.into()));
                let _ = self.tell.blocking_send(self.seen);
            }
        }
    }

    /// Looks for ever.
    async fn look(&mut self, mut wished: mpsc::Receiver<()>) {
        loop {
            let name = Arc::clone(&self.seen.context);
            let started = match self.settings.of_context(&self.env, &name) {
                Ok(settings) => self.feed(settings).map_err(|error| trouble(&error)),
                Err(error) => Err(Trouble { what: format!("{error}."), next: error.next_step() }),
            };
            match started {
                Ok((feed, folded)) => self.fold(feed, folded, &mut wished).await,
                Err(trouble) => cannot(&mut self.seen, &self.clock, trouble),
            }
            self.say().await;
            // The file may be put right meanwhile, and pollers that ended may start anew.
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn feed(&mut self, settings: Settings) -> Result<(Feed, Folded), FeedError> {
        let rate = settings.clock.as_ref().map_or(1.0, |clock| clock.rate.max(1.0));
        self.seen.every = SAID_AGAIN.mul_f64(rate);
        self.seen.region.clone_from(&settings.aws.region);
        self.seen.production = settings.production;
        let folded = Folded::new(settings.aws.region.clone().unwrap_or_default());
        Ok((Feed::start(&settings, &self.clock, Patience::Endless)?, folded))
    }

    /// Folds what the pollers bring, until they end.
    async fn fold(&mut self, mut feed: Feed, mut folded: Folded, wished: &mut mpsc::Receiver<()>) {
        let settings = feed.settings().clone();
        let mut told = feed.started.take();
        let mut connected = false;
        let mut before: Option<Joined> = None;
        // By real time: when the next join is due without news and with news, and whether there are any.
        let mut pace = JoinPace::default();
        feed.want(&folded.inventory, &PACE);
        loop {
            let due = pace.next_in(self.clock.real_elapsed());
            tokio::select! {
                outcome = next_word(&mut told) => match outcome {
                    Ok(region) => {
                        self.seen.region = Some(region.clone());
                        folded.region = region;
                        connected = true;
                        pace.news = true;
                    }
                    Err(error) => {
                        cannot(&mut self.seen, &self.clock, trouble(&error));
                        self.say().await;
                    }
                },
                event = feed.events.recv() => match event {
                    Some(event) => {
                        folded.take(&settings, event);
                        pace.news = true;
                    }
                    None => return,
                },
                Some(()) = wished.recv() => feed.poll_now(),
                () = tokio::time::sleep(due) => {
                    let start = self.clock.real_elapsed();
                    if connected {
                        before = Some(self.join(&folded, &settings, before.take()));
                        feed.want(&folded.inventory, &PACE);
                    } else if self.seen.standing != Standing::Waiting {
                        self.seen.as_of = self.clock.now();
                    }
                    pace.joined(start, self.clock.real_elapsed());
                    self.say().await;
                }
            }
        }
    }

    fn join(&mut self, folded: &Folded, settings: &Settings, before: Option<Joined>) -> Joined {
        let now = self.clock.now();
        let estate = reconcile(&folded.inventory, now, &policy(settings, &folded.region));
        let before = before.as_ref().map(|before| &*before.estate);
        let joined = Joined::new(before, estate, now);
        self.seen.see(&folded.inventory, &joined, now);
        joined
    }

    /// Hands on what is seen, where that is new or has not been said for long.
    async fn say(&mut self) {
        let real = self.clock.real_elapsed();
        let known = self.said.as_ref().is_some_and(|(said, at)| {
            self.seen.looks_as(said) && real.saturating_sub(*at) < SAID_AGAIN
        });
        if !known {
            self.said = Some((self.seen.clone(), real));
            // Nobody left to tell: the thread is about to end.
            let _ = self.tell.send(self.seen.clone()).await;
        }
    }
}

/// Nobody types there.
const PACE: Pace = Pace { idle: true, focus: None };

/// When the next join is due.
#[derive(Default)]
struct JoinPace {
    news: bool,
    /// When the last one started, and how long it took.
    last: Option<(Duration, Duration)>,
}

impl JoinPace {
    fn next_in(&self, real: Duration) -> Duration {
        let Some((start, took)) = self.last else { return Duration::ZERO };
        let least = if self.news { AT_MOST_EVERY } else { AT_LEAST_EVERY };
        (start + least.max(took * REST)).saturating_sub(real)
    }

    fn joined(&mut self, start: Duration, end: Duration) {
        self.last = Some((start, end.saturating_sub(start)));
        self.news = false;
    }
}

/// The next word about how connecting goes; waits for ever where there is none to come.
async fn next_word(told: &mut Option<mpsc::Receiver<Connected>>) -> Connected {
    if let Some(told) = told
        && let Some(outcome) = told.recv().await
    {
        return outcome;
    }
    std::future::pending().await
}

/// The place cannot be asked at all, since the first time that this was so.
fn cannot(seen: &mut Seen, clock: &Clock, trouble: Trouble) {
    let now = clock.now();
    seen.as_of = now;
    let since = match &seen.standing {
        Standing::Unconnected { since, .. } => *since,
        _ => now,
    };
    seen.standing = Standing::Unconnected { since, trouble };
}

fn trouble(error: &FeedError) -> Trouble {
    Trouble {
        what: format!("AWS cannot be asked: {error}."),
        next: format!("{} It is tried again every few seconds.", error.next_step()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, load};

    #[test]
    fn a_join_takes_a_small_part_of_the_time_and_comes_without_news_too() {
        let second = Duration::from_secs;
        let mut pace = JoinPace::default();
        assert_eq!(pace.next_in(second(9)), Duration::ZERO, "the first at once");
        pace.joined(second(10), second(10));
        assert_eq!(pace.next_in(second(10)), AT_LEAST_EVERY);
        pace.news = true;
        assert_eq!(pace.next_in(second(10)), AT_MOST_EVERY);
        assert_eq!(pace.next_in(second(20)), Duration::ZERO);
        pace.joined(second(10), second(12));
        pace.news = true;
        assert_eq!(pace.next_in(second(12)), second(14), "one in the time of eight");
    }

    #[test]
    fn a_place_that_cannot_be_set_up_says_so_and_is_left_when_nobody_listens() {
        let home = std::env::temp_dir().join(format!("quarterdeck-far-{}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        let file = home.join("config.toml");
        std::fs::write(&file, "also = [\"east\"]\n[contexts.east]\n").unwrap();
        let env: Environment = [("HOME", home.as_os_str().to_owned())].into_iter().collect();
        let flags = Flags { config: Some(file.clone()), ..Flags::default() };
        let settings = load(&env, &flags).unwrap();
        assert_eq!(settings.also, ["east"]);
        // Somebody takes it out of the file meanwhile.
        std::fs::write(&file, "[contexts.west]\n").unwrap();
        let clock = Clock::real();
        let (tell, mut told) = mpsc::channel(1);
        let watcher = Watcher {
            seen: Seen::unread("east", clock.now()),
            said: None,
            settings,
            clock,
            env,
            tell,
        };
        let (_wish, wished) = mpsc::channel(1);
        let thread = std::thread::spawn(move || watcher.run(wished));
        let seen = told.blocking_recv().unwrap();
        let Standing::Unconnected { trouble, .. } = seen.standing else { panic!("{seen:?}") };
        assert!(trouble.what.contains("there is no context \"east\" (known: west)"), "{trouble:?}");
        drop(told);
        thread.join().unwrap();
        std::fs::remove_dir_all(&home).unwrap();
    }

    #[test]
    fn no_other_place_is_no_thread() {
        let home = [("HOME", "/nonexistent")].into_iter().collect();
        let settings = load(&home, &Flags::default()).unwrap();
        let elsewhere = Elsewhere::start(&settings, &Clock::real(), &home);
        assert!(elsewhere.seen.is_none() && elsewhere.now.is_empty());
    }
}
