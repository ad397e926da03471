//! Every recorded answer, and the forms that only newer versions or rarer states have.

use super::product;
use crate::config::{ProbeKind, ProductSettings};
use crate::core::inventory::ProbeReason::{self, *};
use crate::core::inventory::Verdict;
use crate::sources::probe::read::{Answer, quote, read};
use std::collections::BTreeSet;
use std::path::PathBuf;

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/glt")
}

/// An answer as `curl -i` prints it.
fn recorded(file: &str) -> Answer {
    let text = std::fs::read_to_string(fixtures().join(file)).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let location = head.lines().find_map(|line| line.strip_prefix("Location: "));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, location: location.map(str::to_owned), body: body.to_owned() }
}

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, location: None, body: body.to_owned() }
}

fn grafana() -> ProductSettings {
    product(ProbeKind::Grafana, 3000, "/api/health")
}

fn loki() -> ProductSettings {
    product(ProbeKind::Loki, 3100, "/ready")
}

fn healthz() -> ProductSettings {
    ProductSettings { optional: true, ..product(ProbeKind::Healthz, 8080, "/healthz") }
}

fn reading(product: &ProductSettings, answer: &Answer) -> (Verdict, ProbeReason, String) {
    let reading = read(product, false, answer);
    (reading.verdict, reading.reason, reading.detail)
}

/// Every recorded answer to `/ready`, `/`, `/api/health` and `/healthz`: the file, the reason and
/// the fragment. What is asked at `/` is read as the plain check for 404.
fn recordings() -> Vec<(&'static str, ProbeReason, &'static str)> {
    let blocked = || BlockedBy("127.0.1.3:9095".to_owned());
    const SETTLING: &str = "settling after becoming ready";
    const ONE_OF_TEN: &str = "starting, 1 of 10 services";
    vec![
        ("grafana-6.5.1-apihealth.txt", Ready, "ready, version 6.5.1"),
        ("grafana-6.5.1-healthz.txt", Redirected, "302 to /login"),
        ("grafana-6.5.1-root.txt", Redirected, "302 to /login"),
        ("loki-2.4.2-ready-200.txt", Ready, "ready"),
        ("loki-2.4.2-ready-starting-503.txt", Settling, SETTLING),
        ("loki-2.4.2-root-ready-404.txt", Ready, "ready"),
        ("loki-2.7.7-ready-crossjoined-200.txt", Ready, "ready"),
        ("loki-2.7.7-ready-crossjoined-tempoall-503.txt", Settling, SETTLING),
        ("loki-2.7.7-ready-peer-killed-200.txt", Ready, "ready"),
        ("loki-2.7.7-ready-ready-200.txt", Ready, "ready"),
        (
            "loki-2.7.7-ready-replacement-blocked-503.txt",
            blocked(),
            "blocked by 127.0.1.3:9095 (past heartbeat timeout)",
        ),
        ("loki-2.7.7-ready-splitbrain-200.txt", Ready, "ready"),
        ("loki-2.7.7-ready-starting-503.txt", Settling, SETTLING),
        ("loki-2.7.7-root-crossjoined-404.txt", Ready, "ready"),
        ("loki-2.7.7-root-crossjoined-tempoall-404.txt", Ready, "ready"),
        ("loki-2.7.7-root-peer-killed-404.txt", Ready, "ready"),
        ("loki-2.7.7-root-ready-404.txt", Ready, "ready"),
        ("loki-2.7.7-root-replacement-blocked-404.txt", Ready, "ready"),
        ("loki-2.7.7-root-splitbrain-404.txt", Ready, "ready"),
        ("loki-2.7.7-root-starting-404.txt", Ready, "ready"),
        ("loki-3.7.6-ready-peer-killed-200.txt", Ready, "ready"),
        ("loki-3.7.6-ready-ready-200.txt", Ready, "ready"),
        ("loki-3.7.6-ready-starting-503.txt", Starting, "starting, 5 of 16 services"),
        ("loki-3.7.6-root-peer-killed-404.txt", Ready, "ready"),
        ("loki-3.7.6-root-ready-404.txt", Ready, "ready"),
        ("loki-3.7.6-root-starting-404.txt", Ready, "ready"),
        ("tempo-1.3.2-ready-start-503.txt", Starting, ONE_OF_TEN),
        ("tempo-1.3.2-root-start-404.txt", Ready, "ready"),
        ("tempo-1.5.0-ready-crossjoined-ssb-503.txt", Starting, ONE_OF_TEN),
        ("tempo-1.5.0-ready-peer-killed-ssb-200.txt", Ready, "ready"),
        ("tempo-1.5.0-ready-ready-targetall-200.txt", Ready, "ready"),
        ("tempo-1.5.0-ready-starting-503.txt", Starting, ONE_OF_TEN),
        ("tempo-1.5.0-ready-stopping-503.txt", Stopping, "stopping, 10 of 10 services"),
        ("tempo-1.5.0-root-crossjoined-ssb-404.txt", Ready, "ready"),
        ("tempo-1.5.0-root-peer-killed-ssb-404.txt", Ready, "ready"),
        ("tempo-1.5.0-root-ready-targetall-404.txt", Ready, "ready"),
        ("tempo-1.5.0-root-starting-404.txt", Ready, "ready"),
        ("tempo-1.5.0-root-stopping-404.txt", Ready, "ready"),
        ("tempo-3.0.3-ready-starting-200.txt", Ready, "ready"),
        ("tempo-3.0.3-root-starting-404.txt", Ready, "ready"),
    ]
}

/// How a recording is read, by what its name says was asked.
fn asked_as(file: &str) -> ProductSettings {
    if file.contains("-root") {
        let status = BTreeSet::from([404]);
        return ProductSettings { status, ..product(ProbeKind::Http, 3100, "/") };
    }
    match file {
        _ if file.contains("-apihealth") => grafana(),
        _ if file.contains("-healthz") => healthz(),
        _ if file.starts_with("tempo") => product(ProbeKind::Tempo, 3200, "/ready"),
        _ => loki(),
    }
}

#[test]
fn recorded_answers_of_real_servers() {
    for (file, reason, detail) in recordings() {
        let verdict = if reason == Ready { Verdict::Pass } else { Verdict::Fail };
        let expected = (verdict, reason, detail.to_owned());
        assert_eq!(reading(&asked_as(file), &recorded(file)), expected, "{file}");
    }
}

#[test]
fn no_recording_is_left_out() {
    let files: BTreeSet<_> = std::fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // product, version, endpoint; the other endpoints are read by the readers of rings and metrics.
        .filter(|name| {
            let endpoint = name.trim_end_matches(".txt").split('-').nth(2);
            matches!(endpoint, Some("ready" | "root" | "apihealth" | "healthz"))
        })
        .collect();
    let read: BTreeSet<_> = recordings().iter().map(|(file, ..)| (*file).to_owned()).collect();
    assert_eq!(files, read);
}

#[test]
fn other_words_of_ready() {
    let blocked = |detail: &str| (BlockedBy("[fd00::7]:9095".to_owned()), detail.to_owned());
    let plain = |reason, detail: &str| (reason, detail.to_owned());
    for (body, expected) in [
        ("Application is stopping", plain(Stopping, "stopping")),
        (
            "Ingester not ready: instance [fd00::7]:9095 in state LEAVING",
            blocked("blocked by [fd00::7]:9095 (in state LEAVING)"),
        ),
        (
            "Ingester not ready: ingester check ready failed instance [fd00::7]:9095 past heartbeat timeout\n",
            blocked("blocked by [fd00::7]:9095 (past heartbeat timeout)"),
        ),
        (
            "Ingester not ready: ingester check ready failed waiting for 15s after being ready",
            plain(Settling, "settling after becoming ready"),
        ),
        ("Ingester not ready: ingester not ready: Starting", plain(Starting, "ingester starting")),
        (
            "Some services are not Running:\nRunning: 8\nFailed: 1\nStopping: 3\n",
            plain(WrongStatus, "503: 1 of 12 services failed"),
        ),
        (
            "Some services are not Running:\nTerminated: 2\nRunning: 8\n",
            plain(Stopping, "stopping, 2 of 10 services"),
        ),
        ("\n  Query Frontend not ready\nmore", plain(WrongStatus, "503: Query Frontend not ready")),
        ("", plain(WrongStatus, "503")),
        (
            "Ingester not ready: instance \u{1b}[2J past heartbeat timeout",
            plain(WrongStatus, "503: Ingester not ready: instance [2J past heartbeat timeout"),
        ),
    ] {
        let (verdict, reason, detail) = reading(&loki(), &answer(503, body));
        assert_eq!((reason, detail), expected, "{body}");
        assert_eq!(verdict, Verdict::Fail);
    }
    assert_eq!(reading(&loki(), &answer(404, "404 page not found\n")).1, WrongStatus);
    assert_eq!(reading(&loki(), &answer(500, "Application is stopping")).1, WrongStatus);
}

#[test]
fn grafana_is_known_by_its_body() {
    for (status, body, reason, detail) in [
        (200, r#"{"database":"ok"}"#, Ready, "ready"),
        (
            200,
            r#"{"database":"ok","version":"12.1.0","commit":"x"}"#,
            Ready,
            "ready, version 12.1.0",
        ),
        (
            503,
            r#"{"database": "failing", "version": "9.0.0"}"#,
            DatabaseFailing,
            "database failing",
        ),
        (200, r#"{"database": "failing"}"#, DatabaseFailing, "database failing"),
        (503, r#"{"database": "ok"}"#, WrongStatus, r#"503: {"database": "ok"}"#),
        (200, r#"{"status":"UP"}"#, NotTheProduct, "answers, but not as Grafana does"),
        (200, "<html>Welcome</html>", NotTheProduct, "answers, but not as Grafana does"),
        (200, "", NotTheProduct, "answers, but not as Grafana does"),
        (503, "upstream connect error", WrongStatus, "503: upstream connect error"),
        (404, "404 page not found\n", WrongStatus, "404: 404 page not found"),
        (301, "", Redirected, "301 to nowhere"),
    ] {
        let (verdict, got, words) = reading(&grafana(), &answer(status, body));
        assert_eq!((&got, words.as_str()), (&reason, detail), "{status} {body}");
        assert_eq!(verdict == Verdict::Pass, reason == Ready);
    }
}

#[test]
fn the_aggregator_names_what_fails() {
    for (status, body, reason, detail) in [
        (200, "Healthy!", Ready, "ready"),
        (500, "Unhealthy :(", WrongStatus, "500: unhealthy"),
        (500, r#"{"failing":["loki","tempo"]}"#, WrongStatus, "500: loki, tempo failing"),
        (500, r#"{"failing":"loki"}"#, WrongStatus, "500: loki failing"),
        (
            500,
            r#"{"services":{"grafana":"ok","loki":"timeout","tempo":{"ok":false}}}"#,
            WrongStatus,
            "500: loki, tempo failing",
        ),
        (500, "Internal Server Error", WrongStatus, "500: Internal Server Error"),
    ] {
        let (_, got, words) = reading(&healthz(), &answer(status, body));
        assert_eq!((got, words.as_str()), (reason, detail), "{status} {body}");
    }
}

#[test]
fn only_an_optional_product_may_be_absent() {
    let absent = (Verdict::Unknown, NotPresent, "not on this node (404)".to_owned());
    assert_eq!(reading(&healthz(), &answer(404, "")), absent);
    let needed = ProductSettings { optional: false, ..healthz() };
    assert_eq!(reading(&needed, &answer(404, "")), (Verdict::Fail, WrongStatus, "404".to_owned()));
}

#[test]
fn an_error_that_a_proxy_may_have_made_says_nothing_of_the_node() {
    let through = |product: &ProductSettings, status, body: &str| {
        let reading = read(product, true, &answer(status, body));
        (reading.verdict, reading.reason)
    };
    for status in [403, 407, 500, 502, 503, 504] {
        assert_eq!(through(&loki(), status, "no"), (Verdict::Unknown, Proxy), "{status}");
    }
    assert_eq!(through(&loki(), 503, "Application is stopping"), (Verdict::Fail, Stopping));
    assert_eq!(through(&healthz(), 500, "Unhealthy :("), (Verdict::Fail, WrongStatus));
    assert_eq!(through(&loki(), 404, "404 page not found"), (Verdict::Fail, WrongStatus));
    assert_eq!(through(&loki(), 200, "ready"), (Verdict::Pass, Ready));
}

#[test]
fn quotes_are_bounded_and_harmless() {
    assert_eq!(quote("  a\u{1b}]0;x\u{7}b\u{202e}c\u{200b} "), "a]0;xbc");
    let long = quote(&"é".repeat(1000));
    assert_eq!((long.chars().count(), long.ends_with('…')), (81, true));
    assert_eq!(quote(&"é".repeat(80)).chars().count(), 80);
}
