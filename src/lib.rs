//! quarterdeck: a terminal operations console for blue/green Grafana, Loki and Tempo fleets on AWS.
//!
//! The rooms of the house and the walls between them stand in `ARCHITECTURE.md`; `tests/tidy.rs`
//! checks them.

pub mod app;
pub mod aws;
pub mod cli;
pub mod clock;
pub mod config;
pub mod core;
pub mod engine;
pub mod exec;
pub mod machine;
pub mod node;
#[cfg(feature = "sim")]
pub mod sim;
pub mod sources;
#[cfg(feature = "torture")]
pub mod torture;
pub mod tui;
