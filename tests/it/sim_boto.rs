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

#[test]
fn the_same_table_against_moto_and_the_world() {
    let world = TestWorld::of(
        "zones = [\"a\", \"b\"]\n[[listener]]\nproduct = \"loki\"\nport = 3100\n\
         [[listener]]\nproduct = \"tempo\"\nport = 3200\nrules = [\"traces.example\"]\n\
         [[fleet]]\nstack = \"blue\"\nnodes = 2\nmax = 4\nweight = 100\n\
         [[fleet]]\nstack = \"green\"\nnodes = 0\nweight = 0\n",
    );
    run_script(&world, "table.py");
}
