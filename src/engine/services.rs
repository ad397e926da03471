//! One call to each service, for `doctor`.

use super::feed::{FeedError, reader};
use crate::clock::Clock;
use crate::config::Settings;
use crate::core::error::SourceError;
use crate::core::ids::InstanceId;
use crate::core::source::Scope;
use crate::sources::{Ask, Want};
use std::time::Duration;

/// How many calls a good answer took, or what went wrong.
pub type Answer = Result<u32, SourceError>;

/// Asks each AWS service the first thing a round would ask it.
///
/// # Errors
/// When nothing can be asked at all because the program cannot be set up.
pub async fn ask_each_service(
    settings: &Settings,
    clock: &Clock,
) -> Result<Vec<(String, Answer)>, FeedError> {
    let (reader, _region) = reader(settings, clock).await?;
    // An id that no instance has: EC2 must let us ask, and answers with nothing.
    let nobody = Ask::Ids([InstanceId::from("i-00000000000000000")].into());
    let asks = [
        (Scope::Identity, Ask::Plain),
        (Scope::Namespaces, Ask::Plain),
        (Scope::Groups, Ask::Plain),
        (Scope::LoadBalancers, Ask::Plain),
        (Scope::Instances(0), nobody),
    ];
    let mut answers = Vec::new();
    for (scope, ask) in asks {
        let name = scope.source().to_string();
        let want = Want { scope, ask, every: Duration::ZERO, rank: 0, not_before: None };
        let event = reader.read(&want).await;
        answers.push((name, event.result.map(|_| event.calls)));
    }
    Ok(answers)
}
