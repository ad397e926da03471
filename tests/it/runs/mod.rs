//! Runs on the embedded world, started and driven by the program itself: what reaches the world is
//! read from the world's own log, what became of it through boto3.

pub mod bench;
mod engine;
mod killed;
mod locks;
mod policies;
mod rollback;
mod state;
mod takeover;
mod webhook;
