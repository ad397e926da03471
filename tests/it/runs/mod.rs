//! Runs on the embedded world, started and driven by the program itself: what reaches the world is
//! read from the world's own log, what became of it through boto3.

pub mod bench;
mod credentials;
mod engine;
mod killed;
mod killed_back;
mod locks;
mod overnight;
mod policies;
mod rollback;
mod rules;
mod state;
mod takeover;
mod verdict;
mod webhook;
