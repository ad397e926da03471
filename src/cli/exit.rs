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
    /// A guard blocks.
    Blocked,
    /// A read command lacks data: missing, stale, throttled, denied.
    LacksData,
    /// Read-only, or a change was denied before anything had changed.
    Denied,
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
            Self::Denied => 7,
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
    use super::ExitCode::{Blocked, Denied, Done, Failed, Interrupted, LacksData, Usage};

    #[test]
    fn the_numbers_of_the_contract() {
        let all = [Done, Failed, Usage, Blocked, LacksData, Denied, Interrupted];
        assert_eq!(all.map(|code| code.number()), [0, 1, 2, 3, 4, 7, 130]);
    }
}
