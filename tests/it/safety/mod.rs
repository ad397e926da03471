//! Sequences in which a rollback once was refused, late or wrong, or two engines acted at once, each
//! through the real program on the embedded world.

mod check;
mod engine;
mod engine_answers;
mod engine_held;
mod engine_trust;
mod locks;
mod planner;
mod planner_zones;
mod rollback;
mod rollback_plans;
