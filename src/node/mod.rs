//! What runs *on* a fleet node: [`register`], which keeps this node's entry in the registry without
//! the race of the boot script it replaces, and [`healthz`], which tells the load balancer the
//! truth. Neither needs arming: `register` may name two calls that change something, for its own
//! id and for peers of its own STACK that are proven gone; `healthz` names none.

pub mod healthz;
mod input;
mod metadata;
mod policy;
pub mod register;

pub use input::{Flagged, Given, InputError, Said, ThisNode};
pub use metadata::{Metadata, MetadataError};
pub use policy::{Place, Policy, Statement, node_policy};
