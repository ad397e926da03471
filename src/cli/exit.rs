//! Exit codes: what a script may rely on (contract.md).

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitCode {
    /// Done, or nothing to do.
    Done,
    /// Failed; for `findings --fail-on`, something was found.
    Failed,
    /// Wrong usage: a flag, the configuration, or a terminal that is none.
    Usage,
    /// A guard blocks, or what is wanted would make things worse.
    Blocked,
    /// A read command lacks data (missing, stale, throttled, denied), or a guard cannot tell.
    LacksData,
    /// The run holds, for whatever reason.
    Holds,
    /// The run that was started ended rolled back.
    RolledBack,
    /// Read-only, or denied before anything had changed.
    NotAllowed,
    /// Ended by the operator's Ctrl-C.
    Interrupted,
}

impl ExitCode {
    /// The number a shell sees.
    pub fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Blocked => 3,
            Self::LacksData => 4,
            Self::Holds => 5,
            Self::RolledBack => 6,
            Self::NotAllowed => 7,
            Self::Interrupted => 130,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

#[cfg(test)]
mod tests {
    use super::ExitCode::{
        Blocked, Done, Failed, Holds, Interrupted, LacksData, NotAllowed, RolledBack, Usage,
    };

    #[test]
    fn the_numbers_of_the_contract() {
        let all =
            [Done, Failed, Usage, Blocked, LacksData, Holds, RolledBack, NotAllowed, Interrupted];
        assert_eq!(all.map(|code| code.number()), [0, 1, 2, 3, 4, 5, 6, 7, 130]);
    }
}
