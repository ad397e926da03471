//! Mistakes in a world file: each is a path, a line and, where something is near, what was meant.

use crate::sim::{big_world, parse_world};

const FLEET: &str = "[[fleet]]\nstack = \"blue\"\nnodes = 2\n";

fn mistake(text: &str) -> String {
    parse_world("w.toml", text).expect_err(text).to_string()
}

#[test]
fn mistakes_are_found_and_named() {
    for (text, wanted) in [
        ("fleet = [", "w.toml:1: "),
        (
            "[[fleet]]\nstack = \"blue\"\nnods = 2\n",
            "w.toml:3: fleet[0].nods: unknown key `nods`; did you mean `nodes`?",
        ),
        ("[[fleet]]\nstack = \"blue\"\n", "fleet[0]: missing field `nodes`"),
        (
            "[[fleet]]\nstack = \"blue\"\nnodes = \"two\"\n",
            "w.toml:3: fleet[0].nodes: invalid type: string \"two\", expected u32",
        ),
        (
            "wiring = \"atach\"\n[[fleet]]\nstack = \"blue\"\nnodes = 2\n",
            "w.toml:1: wiring: unknown value `atach`; did you mean `attach`?",
        ),
        ("fleet = []\n", "a world needs at least one [[fleet]]"),
        (
            "[[fleet]]\nstack = \"b\"\nnodes = 1\n[[fleet]]\nstack = \"b\"\nnodes = 1\n",
            "w.toml:5: fleet[1].stack: there are two fleets `b`",
        ),
        ("[[fleet]]\nstack = \"b\"\nnodes = 1\nweight = 1000\n", "a weight is between 0 and 999"),
        (
            "[[fleet]]\nstack = \"b\"\nnodes = 1\nattached = true\n",
            "with wiring = \"weights\" fleets have a weight",
        ),
        (
            "[[fleet]]\nstack = \"b\"\nnodes = 5\nmax = 3\n",
            "fleet[0].max: max is less than the nodes of a group",
        ),
        (
            "[[fleet]]\nstack = \"b\"\nnodes = 5\nservices = [\"gtl\"]\n",
            "w.toml:4: fleet[0].services: there is no service `gtl`; did you mean `glt`?",
        ),
    ] {
        let said = mistake(text);
        assert!(said.contains(wanted), "{text}\nsaid: {said}\nwanted: {wanted}");
    }
}

#[test]
fn mistakes_in_schedules_are_found_before_the_world_starts() {
    for (more, wanted) in [
        (
            "[[event]]\ndo = \"kil_node\"\n",
            "event[0].do: nothing is called `kil_node`; did you mean `kill_node`?",
        ),
        ("[[event]]\ndo = \"kill_node\"\n", "w.toml:5: event[0].node: `kill_node` needs `node`"),
        (
            "[[event]]\ndo = \"kill_node\"\nnode = \"blue/3\"\n",
            "event[0].node: there is no node `blue/3`; did you mean `blue/1`?",
        ),
        (
            "[[event]]\nat = \"soon\"\ndo = \"database_down\"\n",
            "w.toml:5: event[0].at: `soon` is no time: write 30s, 5m, -10m",
        ),
        ("[[event]]\ndo = \"suspend\"\ngroup = \"blue\"\n", "there is no group `blue`"),
        (
            "[[fault]]\ncall = \"elasticloadbalancing:*\"\nkind = \"throtle\"\n",
            "fault[0].kind: there is no fault `throtle`; did you mean `throttle`?",
        ),
        (
            "[[fault]]\ncall = \"Describe*\"\nkind = \"throttle\"\n",
            "a call is written service:Action",
        ),
        (
            "[[listener]]\nproduct = \"lokki\"\nport = 1\n",
            "there is no product `lokki`; did you mean `loki`?",
        ),
    ] {
        let said = mistake(&format!("{FLEET}{more}"));
        assert!(said.contains(wanted), "{more}\nsaid: {said}\nwanted: {wanted}");
    }
}

#[test]
fn big_worlds_and_numbers_that_make_none() {
    assert!(big_world(20, 500).is_ok());
    assert!(big_world(1, 1).is_ok());
    for (fleets, nodes) in [(0, 5), (5, 4), (1, 600), (300, 300), (20, 20_000)] {
        assert!(big_world(fleets, nodes).is_err(), "{fleets} {nodes}");
    }
}
