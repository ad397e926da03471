//! `watch`: the same folding as a round, for ever, telling what changes.

use super::feed::{Feed, FeedError, Patience};
use super::round::{Folded, started};
use crate::clock::Clock;
use crate::config::Settings;
use crate::core::diff::{Change, diff};
use crate::core::estate::Estate;
use crate::core::reconcile::reconcile_after;
use crate::sources::policy;
use crate::sources::{Pace, demand};
use std::time::Duration;
use tokio::sync::mpsc;

/// Changes are told this long after the news that brought them, so that answers which belong
/// together (a listing and what it leads to) are joined before anything is said.
const SETTLE: Duration = Duration::from_millis(500);

/// Tells every change from the first whole picture on, until nobody listens. A slow listener holds
/// the reading back, rather than being told late.
///
/// # Errors
/// When nothing can be read at all because the program cannot be set up.
pub async fn watch(
    settings: &Settings,
    clock: &Clock,
    changes: mpsc::Sender<Change>,
) -> Result<(), FeedError> {
    let mut feed = Feed::start(settings, clock, Patience::None)?;
    let region = started(&mut feed).await?;
    let mut folded = Folded::new(region);
    let policy = policy(settings, &folded.region);
    let mut before: Option<Estate> = None;
    loop {
        feed.want(&folded.inventory, &Pace::default());
        let Some(event) = feed.events.recv().await else { return Ok(()) };
        folded.take(settings, event);
        tokio::time::sleep(SETTLE).await;
        while let Ok(event) = feed.events.try_recv() {
            folded.take(settings, event);
        }
        // Nothing is a change before there is a whole picture to compare with.
        let wants = demand(&folded.inventory, settings, &Pace::default());
        if before.is_none() && !folded.is_whole(&wants) {
            continue;
        }
        let now = clock.now();
        let mut after = reconcile_after(&folded.inventory, before.as_ref(), now, &policy);
        if let Some(before) = &before {
            after.carry_since(before);
            for change in diff(before, &after, now) {
                if changes.send(change).await.is_err() {
                    return Ok(());
                }
            }
        }
        folded.remember(settings);
        before = Some(after);
    }
}
