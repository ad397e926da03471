//! What the commands ask of the rest of the program, in one place: a round of reads, a stream of
//! changes, the console, a call to each service. `cli` knows nothing else of the engine, so a
//! test can hand the commands a round that it made.

use super::doctor::{Check, Health};
use super::{ExitCode, Failure};
use crate::app::Ending;
use crate::clock::Clock;
use crate::config::{Environment, Settings};
use crate::core::reconcile::reconcile_after;
use crate::core::run::Run;
use crate::engine::{self, Feed, FeedError, Patience};
use crate::exec::state::RunDir;
use crate::tui::{self, ConsoleStart};
use tokio::sync::mpsc;

pub use crate::core::diff::Change;
pub use crate::engine::Round;

/// The rest of the program, as the commands see it.
pub trait World {
    /// One full round of reads, bounded by `settings.timeout`.
    fn round(
        &self,
        settings: &Settings,
        clock: &Clock,
    ) -> impl Future<Output = Result<Round, Failure>>;

    /// Sends every change until the receiver is dropped.
    fn watch(
        &self,
        settings: &Settings,
        clock: &Clock,
        changes: mpsc::Sender<Change>,
    ) -> impl Future<Output = Result<(), Failure>>;

    /// The runs that this host knows, oldest first; none where nothing has ever been run.
    fn runs(&self, _settings: &Settings) -> Vec<Run> {
        Vec::new()
    }

    /// Calls each AWS service once.
    fn check_services(&self, settings: &Settings) -> impl Future<Output = Vec<Check>>;

    /// Runs the console until the operator leaves it.
    fn console(
        &self,
        settings: Settings,
        clock: Clock,
        env: &Environment,
    ) -> Result<ExitCode, Failure>;
}

/// The account that the settings and the AWS environment point at.
#[derive(Clone, Copy, Debug)]
pub struct Live;

impl World for Live {
    async fn round(&self, settings: &Settings, clock: &Clock) -> Result<Round, Failure> {
        engine::round(settings, clock).await.map_err(|error| cannot_start(&error))
    }

    async fn watch(
        &self,
        settings: &Settings,
        clock: &Clock,
        changes: mpsc::Sender<Change>,
    ) -> Result<(), Failure> {
        engine::watch(settings, clock, changes).await.map_err(|error| cannot_start(&error))
    }

    fn runs(&self, settings: &Settings) -> Vec<Run> {
        // One broken journal hides no other run; `runs` and `audit verify` say which it is.
        let all = RunDir::all(&settings.state_dir).unwrap_or_default();
        all.iter().filter_map(|run| Run::fold(&run.told().ok()?.lines)).collect()
    }

    async fn check_services(&self, settings: &Settings) -> Vec<Check> {
        match engine::ask_each_service(settings, &Clock::real()).await {
            Ok(answers) => {
                answers.into_iter().map(|(name, answer)| service(name, answer)).collect()
            }
            Err(error) => {
                let next = error.next_step();
                vec![Check::not_ok(Health::Fail, "aws", error.to_string(), next)]
            }
        }
    }

    fn console(
        &self,
        settings: Settings,
        clock: Clock,
        env: &Environment,
    ) -> Result<ExitCode, Failure> {
        let for_feed = settings.clone();
        let start = ConsoleStart {
            term: settings.term.clone(),
            env: env.clone(),
            clock,
            reconcile: reconcile_after,
            feed: Box::new(move |clock| Feed::start(&for_feed, clock, Patience::Endless)),
        };
        match tui::run(&settings, start) {
            Ok(Ending::Quit) => Ok(ExitCode::Done),
            Ok(_) => Ok(ExitCode::Interrupted),
            Err(error) => {
                let code = match error.exit_code() {
                    2 => ExitCode::Usage,
                    4 => ExitCode::LacksData,
                    _ => ExitCode::Failed,
                };
                Err(Failure::new(code, "run the console", &error, error.next_step()))
            }
        }
    }
}

fn service(name: String, answer: engine::Answer) -> Check {
    match answer {
        Ok(1) => Check::ok(name, "answers"),
        Ok(calls) => Check::ok(name, format!("answers ({calls} calls)")),
        Err(error) => {
            let next = error.kind.next_step();
            Check::not_ok(Health::Fail, name, error.to_string(), next)
        }
    }
}

/// Why nothing can be read at all: the operator's to correct (usage), or data that is lacking.
fn cannot_start(error: &FeedError) -> Failure {
    let code = if error.is_usage() { ExitCode::Usage } else { ExitCode::LacksData };
    Failure::new(code, "read AWS", error, error.next_step())
}
