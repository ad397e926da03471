//! The engine: what runs. It feeds the news of the world to whoever folds them (a read command,
//! `watch`, the console) and owns the one clock. Knows no terminal (a `Surface` is handed in) and
//! decides nothing about the model (`app::update` does).

mod background;
pub mod console;
mod contexts;
mod desk;
mod elsewhere;
mod feed;
pub mod host;
mod memory_file;
mod operations;
pub mod planning;
pub mod player;
pub mod recording;
pub mod records;
mod round;
mod services;
mod watch;

pub use background::give_way;
pub use contexts::{Enter, World, contexts, no_contexts};
pub use desk::operator;
pub use elsewhere::Elsewhere;
pub use feed::{Connected, Feed, FeedError, Patience};
pub use operations::Operations;
pub use round::{Round, RoundError, round, round_of};
pub use services::{Answer, ask_each_service};
pub use watch::watch;
