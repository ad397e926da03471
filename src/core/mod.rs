//! The shared discovery/health core: ids, observations, the inventory, `reconcile`, findings,
//! causes, explanations, capacity, differences, the timeline, the filter language. Total functions
//! over plain data: no I/O, no clock, no terminal, nothing that can fail because of the outside
//! world (invariant 1).

pub mod annotations;
pub mod capacity;
pub mod cause;
pub mod commands;
pub mod compare;
pub mod diff;
pub mod error;
pub mod estate;
pub mod explain;
pub mod finding;
pub mod history;
pub mod ids;
pub mod inventory;
pub mod joined;
pub mod lock;
pub mod meter;
pub mod observed;
pub mod plan;
pub mod query;
pub mod reconcile;
pub mod record;
pub mod rings;
pub mod rollback_record;
pub mod run;
pub mod scrub;
pub mod source;
pub mod timeline;
