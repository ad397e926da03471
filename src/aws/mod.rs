//! Builds every AWS client: one configuration, one HTTP client, one set of time limits, one
//! interceptor (the gate, see [`READS`]) and one reading of what went wrong. AWS SDK types pass
//! through here and stop at `sources`, `exec` and `node`; nothing here decides when to call, how
//! often, or whether to try again.
//!
//! EC2 is called without its SDK crate, of which one call in hundreds is needed (see [`ec2`]).

mod codes;
mod connect;
mod connect_error;
mod credentials;
pub mod ec2;
mod ec2_xml;
mod endpoint;
mod errors;
mod gate;
mod permission;
mod profiles;
mod route;
#[cfg(test)]
pub(crate) mod tests;
mod whole;
mod xml;

pub use connect::Aws;
pub use connect_error::ConnectError;
pub use credentials::Lasting;
pub use errors::source_error;
pub use gate::{Armed, Call, READS};
pub use permission::permission;
