//! The console without its terminal: events, actions, effects, the model and `update`, the only
//! place where the model changes (invariant 3). Pure: no clock (every event brings its time), no
//! terminal types, no colours and no widths. What happens here from a recording happens exactly as
//! it did when it was recorded.

mod act;
pub mod column;
pub mod command;
mod contexts;
pub mod desk;
pub mod effect;
pub mod elsewhere;
pub mod event;
pub mod evidence;
pub mod field;
pub mod filter;
#[cfg(test)]
pub(crate) mod fixture;
pub mod input;
mod jump;
pub mod keymap;
pub mod layer;
pub mod looks;
pub mod model;
mod navigate;
pub mod notice;
pub mod operate;
mod palette;
mod prompt;
pub mod replay;
mod rows;
pub mod screen;
pub mod selection;
pub mod sources;
mod update;
pub mod words;

pub use column::{Column, Sort};
pub use command::{Action, Argument, COMMANDS, Command, Context};
pub use effect::{Effect, Effects, Ending};
pub use elsewhere::{Elsewhere, FarCause, FarFleet, Standing};
pub use event::{Event, EventKind, Signal};
pub use field::{Reach, TextField};
pub use filter::Filter;
pub use input::{Chord, Input, Key, Size};
pub use keymap::{Hint, Keymap, Resolution};
pub use layer::{Answering, Choice, Dialog, Layer, Problem, Prompt, Purpose, Then};
pub use looks::Looks;
pub use model::{Model, Place};
pub use notice::{Notice, NoticeKind};
pub use screen::{Answer, List, RowId, Screen, ScreenKind};
pub use selection::Selection;
pub use sources::{SourceLine, SourceState};
pub use update::update;
