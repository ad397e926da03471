//! Reading the records that runs leave for other hosts, without taking part in them: what a planner
//! must know of who holds a lock, which nodes are drained on purpose, which processes are pinned.

use super::lock;
use crate::aws::{Armed, Aws, ConnectError};
use crate::config::Settings;
use crate::core::error::SourceError;
use crate::core::ids::ServiceId;
use crate::core::record::Attributes;
use std::collections::BTreeMap;

/// Why no record could be read at all.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// AWS cannot be set up.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// What each of these services says, or why it could not be read.
///
/// # Errors
/// When AWS cannot be set up.
pub async fn read(
    settings: &Settings,
    services: &[ServiceId],
) -> Result<BTreeMap<ServiceId, Result<Attributes, SourceError>>, RecordsError> {
    // One read beside those that every client may make.
    let armed = Armed::For([("ServiceDiscovery", "GetServiceAttributes")].into());
    let aws = Aws::connect_armed(&settings.for_sdk(), armed).await?;
    let mut all = BTreeMap::new();
    for service in services {
        let said = lock::attributes(&aws, service.as_str()).await;
        all.insert(service.clone(), said);
    }
    Ok(all)
}
