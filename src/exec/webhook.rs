//! Telling somebody of a run: a few lines of its journal go as JSON to one URL, from a task of its
//! own. A run never waits for it and never fails by it: what could not be told within a few tries is a
//! line in the journal. No secret is told: neither the URL, which may hold a token, nor credentials.

use crate::config::WebhookSettings;
use crate::core::plan::Plan;
use crate::core::run::journal::{End, Entry, Line};
use crate::core::run::{HoldReason, RunId, Who};
use crate::sources::probe::{Asker, Request};
use serde::Serialize;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Events that wait to be told: more than a run has in hours.
const WAITING: usize = 64;
/// So often each is tried, and so long by real time before the next try, then four times as long.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_secs(1);

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Told {
    schema: &'static str,
    event: &'static str,
    run: String,
    verb: String,
    account: String,
    region: String,
    giving: Option<String>,
    receiving: Option<String>,
    by: String,
    at: jiff::Timestamp,
    reason: Option<String>,
    /// The whole in a sentence, as chat rooms show it.
    text: String,
    /// At the start: the way back as commands of AWS's own command line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_hand: Vec<String>,
}

/// Why something was not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotTold {
    pub event: String,
    pub because: String,
}

/// The listener, where one is configured.
#[derive(Default)]
pub(super) struct Webhook(Option<Listener>);

struct Listener {
    events: Option<mpsc::Sender<Told>>,
    failures: mpsc::Receiver<NotTold>,
    task: JoinHandle<()>,
    /// What one event may take at most, all its tries together.
    patience: Duration,
    /// Events that found no room.
    lost: Vec<NotTold>,
}

impl Webhook {
    /// Listens, if the settings say where to tell it.
    pub fn of(settings: Option<&WebhookSettings>) -> Self {
        Self(settings.map(|settings| {
            let (events, mut waiting) = mpsc::channel::<Told>(WAITING);
            let (failed, failures) = mpsc::channel(WAITING);
            let (url, limit) = (settings.url.clone(), settings.timeout);
            let task = tokio::spawn(async move {
                while let Some(told) = waiting.recv().await {
                    if let Err(because) = deliver(&url, limit, &told).await {
                        let event = told.event.to_owned();
                        // A full channel has enough to say already.
                        let _ = failed.try_send(NotTold { event, because });
                    }
                }
            });
            let patience = limit * TRIES + AGAIN * 5;
            Listener { events: Some(events), failures, task, patience, lost: Vec::new() }
        }))
    }

    /// Hands an event over; never waits.
    pub fn tell(&mut self, told: Option<Told>) {
        let (Some(listener), Some(told)) = (&mut self.0, told) else { return };
        let event = told.event.to_owned();
        let full = listener.events.as_ref().is_some_and(|events| events.try_send(told).is_err());
        if full {
            let because = format!("{WAITING} events wait to be told already");
            listener.lost.push(NotTold { event, because });
        }
    }

    /// What could not be told since this was last asked.
    pub fn failures(&mut self) -> Vec<NotTold> {
        let Some(listener) = &mut self.0 else { return Vec::new() };
        let mut all = std::mem::take(&mut listener.lost);
        while let Ok(failure) = listener.failures.try_recv() {
            all.push(failure);
        }
        all
    }

    /// Lets the last event be told, for a bounded time: the run itself is over.
    pub async fn finish(&mut self) {
        let Some(listener) = &mut self.0 else { return };
        listener.events = None;
        if tokio::time::timeout(listener.patience, &mut listener.task).await.is_err() {
            listener.task.abort();
            let because = "it did not answer in time".to_owned();
            listener.lost.push(NotTold { event: "the last events".to_owned(), because });
        }
    }
}

/// Tells one event, in a few tries. The words of a failure name no URL.
async fn deliver(url: &str, limit: Duration, told: &Told) -> Result<(), String> {
    let asker = Asker::new(limit, url.starts_with("https:")).map_err(|error| error.to_string())?;
    let body = serde_json::to_string(told).map_err(|error| error.to_string())?;
    let headers = [("content-type", "application/json")];
    let request = Request { url, put: false, headers: &headers, body: Some(&body) };
    let (mut wait, mut last) = (AGAIN, String::new());
    for number in 1..=TRIES {
        last = match asker.ask(request).await {
            Ok(answer) if (200..300).contains(&answer.status) => return Ok(()),
            // It was heard, and will not be liked better the next time.
            Ok(answer) if (400..500).contains(&answer.status) && answer.status != 429 => {
                return Err(format!("HTTP status {}", answer.status));
            }
            Ok(answer) => format!("HTTP status {}", answer.status),
            Err(reading) => reading.detail,
        };
        if number < TRIES {
            tokio::time::sleep(wait).await;
            wait *= 4;
        }
    }
    Err(format!("{last}, in {TRIES} tries"))
}

/// What a line of the journal is told as; most are not.
pub(super) fn event(run: &RunId, plan: &Plan, by: &Who, line: &Line) -> Option<Told> {
    let (event, reason, text) = match &line.entry {
        Entry::Held { reason, because } => {
            let event = match reason {
                HoldReason::Gate => "gate",
                HoldReason::Guard => "regression",
                _ => "hold",
            };
            (event, Some(reason.to_string()), format!("holds ({reason}): {because}"))
        }
        Entry::TurnedBack { because, .. } => {
            ("regression", None, format!("goes back by itself: {because}"))
        }
        Entry::PinsReleased { what } => ("hold", None, format!("let its pins go: {what}")),
        Entry::TakingOver { from, .. } => {
            ("take_over", None, format!("takes over the lock of {from}"))
        }
        Entry::Ended { end } => {
            let (reason, text) = match end {
                End::Done => ("done", "is done".to_owned()),
                End::Aborted => ("aborted", "was aborted; traffic stays as it is".to_owned()),
                End::RolledBack { by } => ("rolled_back", format!("was rolled back by {by}")),
                End::Failed { because } => ("failed", format!("failed: {because}")),
            };
            ("done", Some(reason.to_owned()), text)
        }
        _ => return None,
    };
    Some(told((run, plan, by), line.at, event, (reason, &text)))
}

/// That it starts.
pub(super) fn start(run: &RunId, plan: &Plan, by: &Who, at: jiff::Timestamp) -> Told {
    told((run, plan, by), at, "start", (plan.options.reason.clone(), "starts"))
}

fn told(
    (run, plan, by): (&RunId, &Plan, &Who),
    at: jiff::Timestamp,
    event: &'static str,
    (reason, text): (Option<String>, &str),
) -> Told {
    let fleets: Vec<&str> =
        plan.giving.iter().chain(&plan.receiving).map(|stack| stack.as_str()).collect();
    let verb = plan.intent.verb().to_string();
    let user = by.user.clone().unwrap_or_else(|| "somebody".to_owned());
    let by = by.host.as_ref().map_or_else(|| user.clone(), |host| format!("{user}@{host}"));
    Told {
        schema: "quarterdeck-webhook/v1",
        event,
        run: run.to_string(),
        text: format!(
            "{verb} {} in {} {} by {by} (run {run}) {text}",
            fleets.join(" to "),
            plan.account,
            plan.region
        ),
        verb,
        account: plan.account.clone(),
        region: plan.region.clone(),
        giving: plan.giving.as_ref().map(ToString::to_string),
        receiving: plan.receiving.as_ref().map(ToString::to_string),
        by,
        at,
        reason,
        by_hand: Vec::new(),
    }
}
