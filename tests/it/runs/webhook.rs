//! The webhook: told of a run's turns, by the run's own process; a listener that hangs, refuses or is
//! gone neither delays nor fails a run, and is a line in its journal.

use super::bench::{Site, bare, shift};
use crate::bench::http::{Request, Response, Server, hang};
use crate::served::until;
use quarterdeck::core::plan::{Gate, Intent, Plan, StepAction};
use serde_json::{Value, json};
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

fn plan(site: &Site) -> Plan {
    let gate = bare("stop here", StepAction::Gate(Gate::BeforeShift));
    site.plan(
        Intent::Undrain { nodes: Vec::new() },
        vec![gate, shift(&site.listeners()[0], &[50, 50])],
    )
}

/// Answers everything with this status, and keeps what it was told.
pub fn listener(status: u16) -> (Server, Arc<Mutex<Vec<Value>>>) {
    let heard: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = Arc::clone(&heard);
    let server = Server::start("127.0.0.1:0".parse().unwrap(), move |mut stream: TcpStream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some(request) = Request::read(&mut reader) {
            assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/hooks/s3cret"));
            assert_eq!(request.header("content-type"), Some("application/json"));
            kept.lock().unwrap().push(serde_json::from_slice(&request.body).unwrap());
            let answer = Response::new(status, "text/plain", "ok");
            stream.write_all(&answer.bytes(2)).unwrap();
        }
    });
    (server.unwrap(), heard)
}

fn not_told(journal: &[Value]) -> Vec<&Value> {
    journal.iter().filter(|line| line["entry"] == "not_told").collect()
}

#[test]
fn a_run_tells_its_turns() {
    let (server, heard) = listener(200);
    let site = Site::told_at(server.address());
    let run = site.detach(&plan(&site));
    assert_eq!(site.settled(&run)["reason"], "gate");
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "done");
    until("all was told", || heard.lock().unwrap().len() == 3);
    let heard = heard.lock().unwrap();
    let events: Vec<_> = heard.iter().map(|one| (&one["event"], &one["reason"])).collect();
    let expected = [
        (&json!("start"), &Value::Null),
        (&json!("gate"), &json!("gate")),
        (&json!("done"), &json!("done")),
    ];
    assert_eq!(events, expected);
    for told in heard.iter() {
        assert_eq!((&told["run"], &told["giving"]), (&json!(run), &json!("blue")), "{told:#}");
        assert_eq!(told["account"], "123456789012");
        let text = told.to_string();
        assert!(!text.contains("s3cret") && !text.contains("testing"), "{text}");
    }
    assert_eq!(not_told(&site.journal(&run)), Vec::<&Value>::new());
    let shown = site.run_without_state(&["config", "show"]).stdout;
    assert!(shown.contains("/…\"") && !shown.contains("s3cret"), "{shown}");
}

/// While the listener hangs the run goes on to its end; that nobody was told is in the journal.
#[test]
fn a_listener_that_hangs_delays_nothing() {
    let server = Server::start("127.0.0.1:0".parse().unwrap(), |stream| hang(&stream)).unwrap();
    let site = Site::told_at(server.address());
    let mut plan = plan(&site);
    plan.steps.remove(1);
    for (number, step) in (1..).zip(&mut plan.steps) {
        step.number = number;
    }
    let run = site.detach(&plan);
    let over = |line: &Value| line["entry"] == "ended";
    site.until_noted(&run, "the run is over", over);
    until("it is said that nobody was told", || {
        not_told(&site.journal(&run)).iter().any(|line| line["event"] != "start")
    });
    let journal = site.journal(&run);
    let end = journal.iter().position(over).unwrap();
    let last = journal.iter().rposition(|line| line["entry"] == "not_told").unwrap();
    assert!(end < last, "{journal:#?}");
    assert_eq!(journal[end]["end"]["end"], "done");
    let text = json!(journal[end..]).to_string();
    assert!(!text.contains("s3cret"), "{text}");
    assert_eq!(site.run(&["audit", "verify"]).code, Some(0), "the chain holds");
}

/// Refused is refused: it is said once, without a second try.
#[test]
fn a_listener_that_refuses_is_not_asked_twice() {
    let (server, heard) = listener(403);
    let site = Site::told_at(server.address());
    let run = site.detach(&plan(&site));
    assert_eq!(site.settled(&run)["reason"], "gate");
    until("both were told", || heard.lock().unwrap().len() == 2);
    assert_eq!(site.run(&["run", "abort", &run, "--confirm", "blue"]).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "aborted");
    until("it is said", || not_told(&site.journal(&run)).len() == 3);
    assert_eq!(heard.lock().unwrap().len(), 3);
    let journal = site.journal(&run);
    assert!(not_told(&journal).iter().all(|one| one["because"] == "HTTP status 403"));
}
