//! The one integration-test crate: each test binary is a link of its own, so there is one.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod cli_config;
mod cli_interrupt;
mod reconcile;
