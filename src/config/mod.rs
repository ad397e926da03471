//! Configuration: file, environment and flags become one validated `Settings`, every value with
//! its origin. The only room that reads the environment.

mod probe_path;
mod products;
mod settings;

pub use probe_path::{ProbePath, RefusedPath};
pub use products::default_products;
pub use settings::{
    AwsSettings, Cadence, Origin, ProbeKind, ProbeSettings, ProductSettings, Settings,
};
