//! The chain: each line is bound to all lines before it, so that nothing can be changed, lost or put in
//! without the first such line being named.

use super::{MAGIC, VERSION};
use sha2::{Digest, Sha256};

/// So many hexadecimal digits of each link stand in the file: 128 bits.
pub(super) const DIGITS: usize = 32;

/// The chain so far.
#[derive(Clone, Debug)]
pub(super) struct Chain(String);

impl Chain {
    /// A chain that begins with the first line of a file.
    pub(super) fn new(head: &[u8]) -> Self {
        Self(link(b"", head))
    }

    /// The next link: over this one and a line.
    pub(super) fn next(&mut self, line: &[u8]) -> &str {
        self.0 = link(self.0.as_bytes(), line);
        &self.0
    }

    /// A line as it stands in the file.
    pub(super) fn seal(&mut self, line: &str) -> String {
        let link = self.next(line.as_bytes());
        format!("{link} {line}\n")
    }
}

fn link(before: &[u8], line: &[u8]) -> String {
    let digest = Sha256::new().chain_update(before).chain_update(line).finalize();
    digest.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// The first line of a file.
pub(super) fn head() -> String {
    format!("{MAGIC}{VERSION} {}\n", env!("CARGO_PKG_VERSION"))
}
