//! A world that is not there: every question is answered by saying so.

use super::doctor::{Check, Health};
use super::world::{Change, Round, World};
use super::{ExitCode, Failure};
use crate::clock::Clock;
use crate::config::Settings;
use tokio::sync::mpsc;

/// Stands where the engine is to be connected.
#[derive(Debug)]
pub struct Unconnected;

const WHY: &str = "this build has no engine";
const NEXT: &str = "Use a build that has one.";

fn failure(what: &str) -> Failure {
    let (causes, next) = (vec![WHY.to_owned()], NEXT.to_owned());
    Failure { what: what.to_owned(), causes, next, code: ExitCode::Failed }
}

impl World for Unconnected {
    async fn round(&self, _: &Settings, _: &Clock) -> Result<Round, Failure> {
        Err(failure("read AWS"))
    }

    async fn watch(&self, _: &Settings, _: &Clock, _: mpsc::Sender<Change>) -> Result<(), Failure> {
        Err(failure("watch AWS"))
    }

    async fn check_services(&self, _: &Settings) -> Vec<Check> {
        vec![Check::not_ok(Health::Fail, "services", WHY, NEXT)]
    }

    fn console(&self, _: Settings, _: Clock) -> Result<ExitCode, Failure> {
        Err(failure("open the console"))
    }
}
