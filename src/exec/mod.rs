//! Changes the world (safety.md, Run engine): the run engine, its steps, journal, control socket
//! and lock. **The only room that names a mutating AWS call**, and each of them stands in
//! `mutate`, `lock` or `undo`. What is to be done comes as an approved plan; nothing here chooses.

pub mod arming;
mod compare;
pub mod control;
pub mod engine;
mod eye;
pub mod journal;
mod ledger;
mod lock;
mod mark;
mod mutate;
pub mod permissions;
pub mod process;
pub mod start;
pub mod state;
#[cfg(test)]
mod tests;
pub mod trust;
mod undo;
mod webhook;
