//! Cutover there and back, with the times that are its defaults, on the embedded world at speed 60: no
//! request is lost, no connection is cut, and how long it took is said.

use crate::runs::bench::Site;
use crate::sim_harness::{http, say};
use quarterdeck::clock::Clock;
use serde_json::{Value, json};

/// What the world's own clients count.
#[derive(Debug, PartialEq)]
struct Books {
    /// Requests lost, in millionths.
    lost: i64,
    /// Those that reached no node: an empty group, a zone without one.
    nowhere: Value,
    /// Long-lived connections that ended under their client.
    cut: Value,
}

impl Site {
    fn state(&self) -> Value {
        let (_, body) = http(self.world.address(), "GET", "/_world/state", "");
        serde_json::from_str(&body).unwrap()
    }

    #[expect(clippy::cast_possible_truncation, reason = "a count of requests")]
    fn books(&self) -> Books {
        let state = self.state();
        Books {
            lost: (state["lost"].as_f64().unwrap() * 1e6) as i64,
            nowhere: state["lost_by_port"].clone(),
            cut: state["streams"]["cut"].clone(),
        }
    }

    /// How many requests each fleet answered so far.
    fn served(&self, stack: &str) -> f64 {
        let state = self.state();
        let nodes = state["nodes"].as_array().unwrap().iter().filter(|one| one["stack"] == stack);
        nodes.map(|one| one["served"].as_f64().unwrap()).sum()
    }

    /// All long-lived connections that clients want are open.
    fn all_open(&self) {
        let streams = &self.state()["streams"];
        assert!(streams["wanted"].as_u64().unwrap() > 0, "{streams}");
        assert_eq!(streams["open"], streams["wanted"]);
    }

    fn moved(&self, from: &str, to: &str) {
        let started = Clock::real();
        let line = format!("cutover {from} {to} --gate none --confirm {from} --execute");
        // Whoever looked before sees that the traffic has changed, and that this host did it.
        self.run(&["findings"]);
        let outcome = self.run(&line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(outcome.code, Some(0), "{outcome:#?}");
        let findings = self.run(&["findings", "-o", "json"]).stdout;
        assert!(findings.contains("\"findings\""), "{findings}");
        assert!(!findings.contains("traffic_changed_outside"), "{findings}");
        let took = started.real_elapsed().as_secs_f64();
        say(&format!("cutover {from} to {to} at speed 60: {took:.1} s of wall time"));
    }

    /// Lets an hour pass, after which no connection is where its group lost its place.
    fn an_hour(&self) {
        let (status, body) = http(self.world.address(), "POST", "/_world/advance?seconds=3700", "");
        assert_eq!(status, 200, "{body}");
    }
}

fn there_and_back(site: &Site) {
    let before = site.books();
    assert_eq!(before, Books { lost: 0, nowhere: json!({}), cut: json!(0) });
    for (from, to) in [("blue-412", "green-413"), ("green-413", "blue-412")] {
        site.moved(from, to);
        assert_eq!(site.books(), before, "while {from} gave to {to}");
        site.an_hour();
        let got = site.served(to);
        site.an_hour();
        // Five new connections a second on each of three listeners.
        assert!(site.served(to) - got > 3700.0 * 15.0 - 1.0, "{to} is asked everything new");
        assert_eq!(site.books(), before, "in the hours after {from} gave to {to}");
        site.all_open();
    }
    let (_, body) = http(site.world.address(), "GET", "/_world/invariants", "");
    let broken: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(broken, json!({ "broken": [] }));
}

#[test]
fn by_weights() {
    let site = Site::calm();
    there_and_back(&site);
    // The connections that stayed at the old fleet were over after an hour, of their own accord.
    assert!(site.state()["streams"]["expired"].as_u64().unwrap() > 0, "{}", site.state());
}

#[test]
fn by_attaching() {
    there_and_back(&Site::named("attach"));
}
