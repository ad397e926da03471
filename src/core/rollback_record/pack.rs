//! A rollback record as attributes of Cloud Map services, and back. Cloud Map holds 30 attributes a
//! service, each of 1,024 printable ASCII characters at most, so the record's JSON, its repeated names
//! written once, is cut into numbered attributes over as many services as it takes. The first
//! service's header counts them and holds a checksum: a record is read whole or not at all.

use super::{Parts, RollbackRecord};
use crate::core::record::Attributes;
use serde_json::Value;
use std::collections::BTreeMap;

/// The header's name. A record without one was never written to its end.
pub const HEADER: &str = "undo";
/// The version of what is written here.
const VERSION: u32 = 1;
/// The longest value (Cloud Map API, ServiceAttributeValue).
const VALUE_MOST: usize = 1024;
/// Attributes a service (Cloud Map quotas).
const ATTRIBUTES_MOST: usize = 30;
/// So many services a record takes at most.
pub const SERVICES_MOST: usize = 8;
/// A text that is repeated and at least this long is written once.
const LONG: usize = 10;
/// What stands for a text that is written once; a text that begins so is escaped by one more.
const SHORT: char = '~';

/// A record that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rollback record takes {takes} attributes, and {most} are the most")]
pub struct TooBig {
    /// So many attributes.
    pub takes: usize,
    /// Of so many.
    pub most: usize,
}

/// Why a record cannot be used: it is read whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWhole {
    /// It was never written to its end.
    #[error("it has no header: it was not written to its end, or was cut")]
    NoHeader,
    /// The header says something else than a header does.
    #[error("its header is not understood ({0:?})")]
    BadHeader(String),
    /// A later version of the program wrote it.
    #[error("it is of version {0}, which this version of quarterdeck does not read")]
    Newer(u32),
    /// A part is not there.
    #[error("{missing} of its {of} parts are missing")]
    Missing {
        /// So many.
        missing: usize,
        /// Of so many.
        of: usize,
    },
    /// It was changed since it was written.
    #[error("its checksum is wrong: it was changed since it was written")]
    Checksum,
    /// It is whole, and says what cannot be.
    #[error("it says what cannot be: {0}")]
    Absurd(String),
}

fn room() -> usize {
    SERVICES_MOST * ATTRIBUTES_MOST - 1
}

/// The record as attributes, a map a service.
///
/// # Errors
/// It does not fit.
pub fn pack(record: &RollbackRecord) -> Result<Parts, TooBig> {
    let text = compact(record);
    let chunks: Vec<&str> = text
        .as_bytes()
        .chunks(VALUE_MOST)
        .map(|bytes| std::str::from_utf8(bytes).unwrap_or_default())
        .collect();
    let (takes, most) = (chunks.len(), room());
    if takes > most {
        return Err(TooBig { takes, most });
    }
    let header = format!("{VERSION} {takes} {} {}", text.len(), checksum(&text));
    let mut parts = vec![Attributes::from([(HEADER.to_owned(), header)])];
    for (number, chunk) in chunks.into_iter().enumerate() {
        let full = parts.last().is_some_and(|part| part.len() >= ATTRIBUTES_MOST);
        if full {
            parts.push(Attributes::new());
        }
        if let Some(part) = parts.last_mut() {
            part.insert(key(number), chunk.to_owned());
        }
    }
    Ok(parts)
}

fn key(number: usize) -> String {
    format!("undo-{number:03}")
}

/// Whether a part holds something that will not change: its first one has the header, which is written
/// last.
pub fn is_settled(part: &Attributes) -> bool {
    let first = |name: &String| *name == key(0);
    part.contains_key(HEADER) || !part.is_empty() && !part.keys().any(first)
}

/// The record that these attributes hold, in whatever order the services come.
///
/// # Errors
/// It is not whole, or says what cannot be.
pub fn unpack<'a>(
    services: impl IntoIterator<Item = &'a Attributes>,
) -> Result<RollbackRecord, NotWhole> {
    let mut all: BTreeMap<&str, &str> = BTreeMap::new();
    for attributes in services {
        all.extend(attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    }
    let header = all.get(HEADER).copied().ok_or(NotWhole::NoHeader)?;
    let bad = || NotWhole::BadHeader(header.chars().take(60).collect());
    let mut words = header.split(' ');
    let version: u32 = words.next().and_then(|word| word.parse().ok()).ok_or_else(bad)?;
    if version == 0 {
        return Err(bad());
    }
    if version > VERSION {
        return Err(NotWhole::Newer(version));
    }
    let mut number = || words.next().and_then(|word| word.parse::<usize>().ok()).ok_or_else(bad);
    let (parts, length) = (number()?, number()?);
    let sum = words.next().ok_or_else(bad)?;
    if parts > room() {
        return Err(bad());
    }
    let chunks: Vec<&str> =
        (0..parts).filter_map(|number| all.get(key(number).as_str()).copied()).collect();
    if chunks.len() < parts {
        return Err(NotWhole::Missing { missing: parts - chunks.len(), of: parts });
    }
    let text = chunks.concat();
    if text.len() != length || checksum(&text) != sum {
        return Err(NotWhole::Checksum);
    }
    expand(&text).and_then(|record| sane(&record).map(|()| record)).map_err(NotWhole::Absurd)
}

/// What no run writes: nobody may have meant it.
fn sane(record: &RollbackRecord) -> Result<(), String> {
    if record.scopes.is_empty() {
        return Err("it names no load balancer".to_owned());
    }
    if record.run.as_str().is_empty() || record.account.is_empty() || record.region.is_empty() {
        return Err("it names no run, account or region".to_owned());
    }
    for one in &record.listeners {
        let name = one.action.rule.as_deref().unwrap_or(one.action.listener.as_str());
        for forward in std::iter::once(&one.first).chain(&one.writes) {
            if forward.groups.is_empty() {
                return Err(format!("{name} forwards to no target group"));
            }
            if forward.groups.iter().any(|group| group.weight > 999) {
                return Err(format!("{name} has a weight above 999"));
            }
        }
        let carries = |group: &crate::core::inventory::WeightedGroup| group.weight > 0;
        if one.first.groups.len() > 1 && !one.first.groups.iter().any(carries) {
            return Err(format!("{name} gave no target group any weight"));
        }
    }
    Ok(())
}

/// JSON in printable ASCII without blanks, texts that are repeated written once.
fn compact(record: &RollbackRecord) -> String {
    // Nothing of a record can fail to be JSON: its maps have texts for keys.
    let mut value = serde_json::to_value(record).unwrap_or_default();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    each_text(&mut value, &mut |text| *seen.entry(text.clone()).or_default() += 1);
    let table: Vec<String> = seen
        .into_iter()
        .filter(|(text, times)| *times > 1 && text.len() >= LONG)
        .map(|(text, _)| text)
        .collect();
    each_text(&mut value, &mut |text| match table.binary_search(text) {
        Ok(number) => *text = format!("{SHORT}{number}"),
        Err(_) if text.starts_with(SHORT) => text.insert(0, SHORT),
        Err(_) => {}
    });
    ascii(&serde_json::json!([table, value]).to_string())
}

fn expand(text: &str) -> Result<RollbackRecord, String> {
    let (table, mut value): (Vec<String>, Value) =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    each_text(&mut value, &mut |text| {
        let Some(rest) = text.strip_prefix(SHORT) else { return };
        let long = rest.parse().ok().and_then(|number: usize| table.get(number));
        *text = long.cloned().unwrap_or_else(|| rest.to_owned());
    });
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// Every text of a value but the keys of its objects.
fn each_text(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(all) => all.iter_mut().for_each(|one| each_text(one, change)),
        Value::Object(all) => all.values_mut().for_each(|one| each_text(one, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// JSON with everything that an attribute may not hold, or may lose at its ends, escaped.
fn ascii(json: &str) -> String {
    let mut all = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii_graphic() {
            all.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                all.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    all
}

/// FNV-1a, 128 bits: against a slip, not against a forger.
fn checksum(text: &str) -> String {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash =
        text.bytes().fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::super::WrittenAction;
    use super::*;
    use crate::core::inventory::{Forward, WeightedGroup};
    use crate::core::plan::{ActionId, Intent, LockScope, MinHealthy, Mutation};

    fn arn(kind: &str, name: &str) -> String {
        format!(
            "arn:aws:elasticloadbalancing:us-west-2:123456789012:{kind}/{name}/0123456789abcdef"
        )
    }

    fn record(listeners: usize) -> RollbackRecord {
        let forward = |blue, green| Forward {
            groups: [("blue", blue), ("~green é", green)]
                .map(|(name, weight)| WeightedGroup {
                    target_group: arn("targetgroup", name).into(),
                    weight,
                })
                .into(),
            sticky: blue == 90,
            sticky_seconds: None,
        };
        let action = |number: usize| ActionId {
            listener: arn("listener", &number.to_string()).into(),
            rule: (number == 1).then(|| "a rule".to_owned()),
        };
        let written = |number: usize| WrittenAction {
            action: action(number),
            first: forward(100, 0),
            writes: vec![forward(90, 10), forward(50, 50), forward(0, 100)],
        };
        RollbackRecord {
            run: "20261122-140000-abcd".into(),
            holder: "ana@bastion 7".into(),
            at: "2026-11-22T14:00:00Z".parse().unwrap(),
            account: "123456789012".into(),
            region: "us-west-2".into(),
            scopes: vec![LockScope::LoadBalancer(
                arn("loadbalancer", "front").into(),
                "front".into(),
            )],
            intent: Intent::Cutover { from: "blue 412".into(), to: "green\n413".into() },
            giving: Some("blue 412".into()),
            receiving: Some("green\n413".into()),
            min_healthy: MinHealthy::Percent(50),
            listeners: (0..listeners).map(written).collect(),
            gives: vec![Mutation::AttachTargetGroups {
                group: "~blue asg".into(),
                target_groups: vec![arn("targetgroup", "blue").into()],
            }],
            takes: Vec::new(),
            pins: [("blue-asg".into(), ["AZRebalance".to_owned()].into())].into(),
            kept: <_>::default(),
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written_in_any_order() {
        for listeners in [0, 1, 3, 13, 50, 200] {
            let record = record(listeners);
            let mut parts = pack(&record).unwrap();
            for (name, value) in parts.iter().flatten() {
                assert!(value.len() <= VALUE_MOST, "{name}");
                assert!(value.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{name}: {value}");
                assert_eq!(value.trim(), value);
            }
            assert!(parts.iter().all(|part| part.len() <= ATTRIBUTES_MOST));
            parts.reverse();
            assert_eq!(unpack(&parts).unwrap(), record, "{listeners}");
        }
        assert_eq!(pack(&record(13)).unwrap().len(), 1, "a usual record is one service");
    }

    #[test]
    fn a_record_that_does_not_fit_is_refused() {
        let refused = pack(&record(2000)).unwrap_err();
        assert!(refused.takes > refused.most, "{refused}");
    }

    #[test]
    fn a_record_that_was_cut_or_changed_is_not_read_in_part() {
        let parts = pack(&record(200)).unwrap();
        assert!(parts.len() > 1);
        let without = |number: usize| {
            let mut parts = parts.clone();
            parts.remove(number);
            unpack(&parts).unwrap_err()
        };
        assert_eq!(without(0), NotWhole::NoHeader);
        assert!(matches!(without(1), NotWhole::Missing { missing: 1.., .. }), "{}", without(1));
        for (number, part) in parts.iter().enumerate() {
            for name in part.keys() {
                let mut lost = parts.clone();
                lost[number].remove(name);
                unpack(&lost).unwrap_err();
                let mut edited = parts.clone();
                let value = edited[number].get_mut(name).unwrap();
                let other = if value.starts_with('0') { "1" } else { "0" };
                value.replace_range(..1, other);
                unpack(&edited).unwrap_err();
            }
        }
        let newer = Attributes::from([(HEADER.to_owned(), "2 1 5 x".to_owned())]);
        assert_eq!(unpack([&newer]).unwrap_err(), NotWhole::Newer(2));
        let odd = Attributes::from([(HEADER.to_owned(), "what".to_owned())]);
        assert_eq!(unpack([&odd]).unwrap_err(), NotWhole::BadHeader("what".to_owned()));
    }

    #[test]
    fn what_cannot_be_is_not_believed() {
        let absurd = |change: fn(&mut RollbackRecord)| {
            let mut record = record(2);
            change(&mut record);
            let error = unpack(&pack(&record).unwrap()).unwrap_err();
            assert!(matches!(error, NotWhole::Absurd(_)), "{error}");
        };
        absurd(|record| record.scopes.clear());
        absurd(|record| record.account.clear());
        absurd(|record| record.listeners[0].first.groups.clear());
        absurd(|record| record.listeners[1].writes[0].groups[0].weight = 4_000);
        absurd(|record| {
            record.listeners[0].first.groups.iter_mut().for_each(|of| of.weight = 0);
        });
    }
}
