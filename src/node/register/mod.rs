//! This node's entry in the registry: written, followed to its end, seen in the listing; then
//! peers that are proven gone are taken out, and nobody else.
//!
//! The boot script it replaces lists the fleet's entries, deregisters *all* of them and registers
//! itself, so of nodes that boot together one is left. Here a node writes its own entry first and
//! never touches that of a peer that may live, so the order in which nodes boot does not matter.
//!
//! Cloud Map carries changes out later (RegisterInstance answers with an operation), takes one
//! operation an entry at a time (DuplicateRequest), and promises no read after write; so each
//! change is followed by GetOperation, and then looked for in the listing.

pub(in crate::node) mod backoff;
mod clean;
mod cloud;
mod entry;
mod error;
mod proof;
mod replace;
mod step;
mod write;

pub use cloud::{CALLS, Call, Cloud};
pub use error::{End, RegisterError};
pub use step::{Counted, Step};

use super::ThisNode;
use crate::clock::Clock;
use std::time::Duration;
use write::Writer;

/// The ports that products and gossip listen on. A peer that takes a connection on any of them
/// lives, whatever EC2 says.
pub const PEER_PORTS: [u16; 5] = [7946, 8080, 3000, 3100, 3200];

/// What more must be known to register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether every other entry of the fleet is to go, for fleets of one node.
    pub replace_stack: bool,
    /// How long to insist where AWS throttles or is busy with this entry.
    pub patience: Duration,
    /// The ports on which a peer shows that it lives.
    pub peer_ports: Vec<u16>,
}

/// Tells whoever listens what was done.
pub type Say<'a> = &'a dyn Fn(Step);

/// Registers this node in all its services, then takes out peers that are proven gone.
///
/// # Errors
/// A [`RegisterError`] that says what had been changed by then. That peers could not be judged or
/// removed is no error: they stay, a step says so, and this node is registered.
pub async fn register(
    cloud: &Cloud,
    clock: &Clock,
    node: &ThisNode,
    options: &Options,
    say: Say<'_>,
) -> Result<(), RegisterError> {
    let mut writer = Writer::new(cloud, clock, node, options.patience, say);
    say(Step::Known(Box::new(node.clone()), cloud.region().to_owned()));
    // Every service is read before the first is changed: one that is not there stops it all.
    let listed = writer.list_all().await?;
    if options.replace_stack {
        replace::is_alone(&writer).await?;
    }
    for (service, members) in listed {
        writer.put(&service, members).await?;
    }
    if options.replace_stack {
        return replace::others(&mut writer).await;
    }
    clean::gone(&mut writer, &options.peer_ports).await
}

/// Takes this node out of all its services.
///
/// # Errors
/// A [`RegisterError`] that says what had been changed by then.
pub async fn leave(
    cloud: &Cloud,
    clock: &Clock,
    node: &ThisNode,
    options: &Options,
    say: Say<'_>,
) -> Result<(), RegisterError> {
    let mut writer = Writer::new(cloud, clock, node, options.patience, say);
    say(Step::Known(Box::new(node.clone()), cloud.region().to_owned()));
    for service in &node.services {
        writer.leave(service).await?;
    }
    Ok(())
}
