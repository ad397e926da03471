//! The integration tests: one crate, because each test binary is a large link.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking; `allow-unwrap-in-tests` does not reach helpers outside #[test]"
)]

#[cfg(feature = "sim")]
mod act_bad;
#[cfg(feature = "sim")]
mod act_console;
#[cfg(feature = "sim")]
mod act_cutover;
#[cfg(feature = "sim")]
mod act_keys;
#[cfg(feature = "sim")]
mod act_registry;
#[cfg(feature = "sim")]
mod act_verbs;
mod bench;
mod cli_config;
mod cli_interrupt;
mod console;
mod console_moto;
mod contexts;
mod demand;
#[cfg(feature = "sim")]
mod demo;
#[cfg(feature = "sim")]
mod demo_faults;
mod deploy;
#[cfg(feature = "sim")]
mod dns_world;
mod faults;
mod harness;
#[cfg(feature = "sim")]
mod kill;
mod like;
mod looks;
mod node_healthz;
#[cfg(feature = "sim")]
mod node_register;
#[cfg(feature = "sim")]
mod node_script;
#[cfg(feature = "sim")]
mod node_storm;
#[cfg(feature = "sim")]
mod pictures;
#[cfg(feature = "sim")]
mod plan_cli;
#[cfg(feature = "sim")]
mod readonly;
mod reads;
mod reconcile;
#[cfg(feature = "sim")]
mod recording;
#[cfg(feature = "sim")]
mod rings_steady;
#[cfg(feature = "sim")]
mod rings_world;
#[cfg(feature = "sim")]
mod runs;
#[cfg(feature = "sim")]
mod safety;
#[cfg(feature = "sim")]
mod scenarios;
#[cfg(feature = "sim")]
mod scenarios_runs;
#[cfg(feature = "sim")]
mod served;
#[cfg(feature = "sim")]
mod sim_big;
#[cfg(feature = "sim")]
mod sim_boto;
#[cfg(feature = "sim")]
mod sim_faults;
#[cfg(feature = "sim")]
mod sim_harness;
#[cfg(feature = "sim")]
mod sim_nodes;
#[cfg(feature = "sim")]
mod sim_sdk;
#[cfg(feature = "sim")]
mod sim_serve;
mod thousand;
#[cfg(feature = "sim")]
mod wire;
