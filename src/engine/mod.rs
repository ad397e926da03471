//! The engine: what runs. It feeds the news of the world to whoever folds them (a read command,
//! `watch`, the console) and owns the one clock.

mod feed;
mod memory_file;
mod round;
mod services;
mod watch;

pub use feed::{Feed, FeedError};
pub use round::{Round, RoundError, round};
pub use services::{Answer, ask_each_service};
pub use watch::watch;
