//! The ways in which the servers write times: RFC 3339, Go's `2026-11-22 14:33:33 +0000 UTC`, with
//! or without a monotonic part, and on newer pages an age, `2m22.065s ago (14:24:10)`.

use jiff::Timestamp;

/// A moment, in any of the ways. The year 1 is Go's word for "never".
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let parsed: Timestamp = match text.parse() {
        Ok(parsed) => parsed,
        Err(_) => {
            let mut parts = text.split_ascii_whitespace();
            let (date, time, offset) = (parts.next()?, parts.next()?, parts.next()?);
            let (hours, minutes) = offset.split_at_checked(3)?;
            format!("{date}T{time}{hours}:{minutes}").parse().ok()?
        }
    };
    (parsed > Timestamp::UNIX_EPOCH).then_some(parsed)
}

/// How long before `now` something was, in whole seconds; never less than nothing.
pub(super) fn seconds_before(now: Option<Timestamp>, text: &str) -> Option<u64> {
    if let Some(age) = text.trim().split_once(" ago").and_then(|(age, _)| duration(age)) {
        return Some(age);
    }
    let ago = now?.duration_since(moment(text)?).as_secs();
    Some(u64::try_from(ago).unwrap_or(0))
}

/// A duration as Go writes it, in whole seconds: `2m22.065s`, `1h0m5s`, `350ms`.
fn duration(text: &str) -> Option<u64> {
    let mut seconds = 0.0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        let unit = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "µs" | "us" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * unit;
        rest = next;
    }
    std::time::Duration::try_from_secs_f64(seconds).ok().map(|whole| whole.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn every_way_of_writing_a_moment() {
        for (text, means) in [
            ("2026-11-22T14:30:02Z", Some("2026-11-22T14:30:02Z")),
            ("2026-11-22 14:33:33 +0000 UTC", Some("2026-11-22T14:33:33Z")),
            (
                "2026-11-22 14:33:38.465790095 +0000 UTC m=+6.545144764",
                Some("2026-11-22T14:33:38.465790095Z"),
            ),
            ("2026-11-22 16:33:33 +0200 CEST", Some("2026-11-22T14:33:33Z")),
            ("0001-01-01T00:00:00Z", None),
            ("0001-01-01 00:00:00 +0000 UTC", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(moment(text), means.map(at), "{text}");
        }
    }

    #[test]
    fn ages_come_from_the_page_or_from_its_own_now() {
        let now = Some(at("2026-11-22T14:26:32Z"));
        assert_eq!(seconds_before(now, "2m22.065s ago (14:24:10)"), Some(142));
        assert_eq!(seconds_before(None, "5s ago (14:40:46)"), Some(5));
        assert_eq!(seconds_before(now, "2026-11-22T14:24:10Z"), Some(142));
        assert_eq!(seconds_before(None, "2026-11-22T14:24:10Z"), None, "no now, no age");
        assert_eq!(seconds_before(now, "2026-11-22T14:30:00Z"), Some(0), "clocks that disagree");
        assert_eq!(duration("1h0m5s"), Some(3605));
        assert_eq!(duration("350ms"), Some(0));
        assert_eq!(duration("5 parsecs"), None);
    }
}
