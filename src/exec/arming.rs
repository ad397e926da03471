//! Who may start a run. Reading is the default; operating is switched on by a flag or a context, and
//! `--read-only` wins over everything. It is enforced here, not by hiding keys: without an
//! [`Arming`], which only the settings make, nothing can be started.

use crate::config::{Mode, Origin, Settings};

/// That the settings allow runs to be started.
#[derive(Clone, Debug)]
pub struct Arming {
    _private: (),
}

/// Why nothing may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotArmed {
    /// Nothing switched it on.
    #[error("this session is read-only")]
    NotAllowed,
    /// It was switched off.
    #[error("--read-only was given, and wins over everything")]
    ReadOnly,
}

impl NotArmed {
    /// What to do next, as a sentence.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::NotAllowed => {
                "Add --operate, or set mode = \"operate\" in the context of your configuration."
            }
            Self::ReadOnly => "Leave out --read-only.",
        }
    }
}

impl Arming {
    /// Arms, if the settings allow it.
    ///
    /// # Errors
    /// Why they do not.
    pub fn of(settings: &Settings) -> Result<Self, NotArmed> {
        not_read_only(settings)?;
        match settings.mode {
            Mode::Operate => Ok(Self { _private: () }),
            Mode::ReadOnly => Err(NotArmed::NotAllowed),
        }
    }
}

/// Refuses where `--read-only` was given. Stopping what was started already (hold, abort, the rollback
/// of a run) needs no arming, and this only.
///
/// # Errors
/// That it was given.
pub fn not_read_only(settings: &Settings) -> Result<(), NotArmed> {
    let flag = matches!(settings.origins.get("mode"), Some(Origin::Flag("--read-only")));
    if flag { Err(NotArmed::ReadOnly) } else { Ok(()) }
}
