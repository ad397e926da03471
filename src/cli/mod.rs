//! The commands: the clap tree, one file a subcommand, tables for people and JSON for machines,
//! exit codes. Everything is printed here and nowhere else.

mod apply;
mod args;
mod audit;
mod audit_check;
mod captive;
mod completions;
mod config;
mod console;
#[cfg(feature = "sim")]
mod demo;
mod doctor;
mod execute;
mod exit;
mod failure;
mod findings;
mod fleets;
mod global;
mod healthz;
mod json;
mod keys;
mod logging;
mod nodes;
mod output;
mod plan;
mod plan_text;
mod policy;
mod read;
mod register;
mod replay;
mod run;
mod run_engine;
mod run_words;
mod runs;
#[cfg(feature = "sim")]
mod sim;
mod sources;
mod table;
#[cfg(feature = "torture")]
mod torture;
mod traffic;
mod verb_args;
mod watch;
mod words;
mod world;

#[cfg(test)]
mod example;

pub use doctor::{Check, Health};
pub use exit::ExitCode;
pub use failure::Failure;
pub use output::Streams;
pub use run::{run, run_in};
pub use world::{Change, Live, Round, World};
