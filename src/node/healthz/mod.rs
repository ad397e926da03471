//! What the load balancer asks a node: are this node's products healthy. The contract of the
//! aggregator it replaces (`/healthz`: 200 `Healthy!` or 500 `Unhealthy :(`), with the failing
//! product named for whoever accepts JSON, and with every cost bounded: one check is shared by all
//! who ask within an interval, however many they are, and a product that hangs costs them no more
//! than the limit, which is below what a load balancer waits.

mod answer;
mod check;
mod metrics;
mod product;
mod rounds;
mod server;

pub use product::{Checked, Endpoint, EndpointError, Mode, products};
pub use server::{Ended, Health, HealthError, HealthOptions, Note, Stop};
