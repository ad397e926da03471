//! versions: Grafana migrates its shared database at start, so where versions differ the way back is
//! not guaranteed. No source reads product versions yet, so nobody can say.

use super::unknown;
use crate::core::plan::guard::Verdict;

pub(super) fn look() -> Verdict {
    unknown(
        "this version of quarterdeck reads no product versions; if Grafana's differ, it has migrated \
         the shared database and the way back is not guaranteed",
    )
}
