//! The embedded world: an AWS that speaks the real wire protocols on loopback, and the nodes
//! behind it. The product has no special case for it: whoever talks to it talks HTTP.
//!
//! There are no timers here. Each request advances the world to the clock first; between two
//! requests nothing can be observed, so nothing need happen. A clock at rate 0 and the advance
//! call make tests exact.
//!
//! `world` is the state and its behaviour (pure, single-threaded, no sockets), `wire` turns calls
//! of the AWS protocols into reads and changes of it, `nodes` opens the nodes' own listeners,
//! `spec` reads worlds from TOML, and `serve` puts it all on a port.

mod admin;
mod catalog;
mod dns;
#[cfg(feature = "torture")]
mod embedded;
mod fault;
mod http;
mod limits;
mod log;
mod nodes;
mod principal;
mod serve;
mod spec;
mod state;
#[cfg(test)]
mod tests;
mod wire;
mod world;

pub use catalog::{CatalogEntry, catalog};
#[cfg(feature = "torture")]
pub use embedded::{Embedded, Mishap, NodeSaid, Said, View};
pub use serve::{Options, Served, ServedFleet, ServedInfo, SimError, WorldSource, serve};
pub use spec::{BIG_WORLD, SpecError, WorldSpec, big_world, parse_world, recorded_world};
pub use state::InjectError;
