//! boto3 drives the world: the answers parse, the pages follow, the errors have the codes that
//! AWS's models know.

use crate::sim_harness::{TestWorld, run_script};

#[test]
fn boto3_reads() {
    run_script(&TestWorld::named("blue-green"), "reads.py");
}

#[test]
fn boto3_writes() {
    run_script(&TestWorld::named("blue-green"), "writes.py");
}
