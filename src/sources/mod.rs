//! Reads the world and never changes anything (invariant 12). What to read is computed by
//! [`demand()`] from what is known; when to read it is the [`Scheduler`]'s business; a [`Reader`]
//! does one read and says what came of it. What AWS, reqwest or a socket say ends here: out of
//! this room come only the core's own words.

mod autoscaling;
mod cadence;
mod cloudmap;
mod connection;
mod demand;
mod dns;
mod ec2;
mod elbv2;
mod metrics;
mod pace;
mod policy;
pub mod probe;
mod reader;
mod rings;
mod schedule;
mod sts;

pub use demand::{Ask, Pace, SWEEP_RANK, Want, demand};
pub use dns::Resolver;
pub(crate) use elbv2::forward;
pub use policy::policy;
pub use reader::{Reader, Senses};
pub use schedule::{Orders, Scheduler};
