//! rings and ring-debris: this version reads no rings, and says so. When a source of rings exists,
//! these two functions take the scene and judge what it says.

use super::nothing;
use crate::core::plan::guard::Verdict;

pub(super) fn look() -> Verdict {
    nothing("this version of quarterdeck reads no rings: look at /ring yourself")
}

pub(super) fn look_for_debris() -> Verdict {
    nothing("this version of quarterdeck reads no rings")
}
