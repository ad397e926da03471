//! The metrics of the real servers, as far as they were recorded (gauges; requests are not in the
//! samples), read by the parser that reads the wire.

use super::*;
use std::fs;
use std::path::Path;

const EXPECTED: &str = include_str!("../../../tests/fixtures/glt-expected.txt");

#[test]
fn every_sample_of_the_real_servers_is_read_rightly() {
    let mut read = 0;
    for line in EXPECTED.lines().filter_map(|line| line.strip_prefix("metrics ")) {
        let (name, expected) = line.split_once(" = ").unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/glt");
        let page = fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap();
        let (_, body) = page.split_once("\n\n").or_else(|| page.split_once("\r\n\r\n")).unwrap();
        let kind = if name.starts_with("loki") { ProbeKind::Loki } else { ProbeKind::Tempo };
        let mut parser = Parser::new(kind);
        parser.take(body.as_bytes());
        let sample = parser.finish().unwrap();
        let or_none = |of: Option<String>| of.unwrap_or_else(|| "-".into());
        let told = format!(
            "{} gossip {} compactor {} started {}",
            or_none(sample.version.map(|version| version.to_string())),
            or_none(sample.gossip_members.map(|members| members.to_string())),
            or_none(sample.compactor_running.map(|running| u8::from(running).to_string())),
            or_none(sample.started.map(|at| format!("{}", at.floor()))),
        );
        assert_eq!(told, expected, "{name}");
        read += 1;
    }
    assert_eq!(read, 17);
}
