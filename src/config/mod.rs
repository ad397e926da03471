//! Configuration: file, environment and flags become one validated `Settings`, every value with
//! its origin. The only room that reads the environment.

mod contexts;
mod environment;
mod error;
mod file;
mod flags;
mod layers;
mod load;
mod looks;
mod probe_path;
mod products;
mod sample;
mod settings;
#[cfg(test)]
mod tests;
mod values;

pub use contexts::{ContextLine, Frame};
pub use environment::Environment;
pub use error::{ConfigError, Invalid, nearest};
pub use flags::Flags;
pub use load::load;
pub use looks::is_utf8;
pub use probe_path::{ProbePath, RefusedPath};
pub use products::default_products;
pub use sample::{sample, show};
pub use settings::{
    AwsSettings, Cadence, Chosen, ClockSetting, DnsSetting, Mode, Origin, ProbeKind, ProbeSettings,
    ProductSettings, Settings, WebhookSettings,
};
pub use values::{
    BadValue, parse_clock, parse_request_limit, parse_span, parse_timeout, without_password,
};
