//! The pages as people see them: what servers answer that know no JSON, or that were asked by way
//! of something that lost the Accept header. Tables are read by the words of their heads, so a
//! column more or less does no harm.

use super::time::{moment, seconds_before};
use crate::core::inventory::{Gossip, GossipMember, Ring, RingMember, RingState};
use jiff::Timestamp;

/// A table: the words of its head, and its rows.
struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn column(&self, name: &str) -> Option<usize> {
        self.head.iter().position(|word| word.eq_ignore_ascii_case(name))
    }
}

/// A ring.
pub(super) fn ring(page: &str) -> Result<Ring, String> {
    let now = now(page);
    let table = tables(page).into_iter().find_map(|table| {
        let columns =
            (table.column("Instance ID")?, table.column("State")?, table.column("Address")?);
        Some((columns, table))
    });
    let Some(((id, state, address), table)) = table else {
        return Err("a page without a ring's table".into());
    };
    let others = ["Availability Zone", "Registered At", "Last Heartbeat", "Tokens"]
        .map(|of| table.column(of));
    let members = table.rows.iter().filter_map(|row| {
        let cell = |at: Option<usize>| at.and_then(|at| row.get(at)).map(String::as_str);
        let [zone, registered, heartbeat, tokens] = others.map(cell);
        let age = |text: Option<&str>| text.and_then(|text| seconds_before(now, text));
        Some(RingMember {
            id: cell(Some(id)).filter(|id| !id.is_empty())?.into(),
            address: cell(Some(address))?.into(),
            state: RingState::of(cell(Some(state))?),
            heartbeat_age: age(heartbeat),
            registered_age: age(registered),
            zone: zone.filter(|zone| !zone.is_empty()).map(Into::into),
            tokens: tokens.and_then(|count| count.parse().ok()),
        })
    });
    Ok(Ring { members: members.collect() })
}

/// The gossip cluster.
pub(super) fn gossip(page: &str) -> Result<Gossip, String> {
    let (mut found, mut gossip) = (false, Gossip::default());
    for table in tables(page) {
        if let (Some(name), Some(address), Some(state)) =
            (table.column("Name"), table.column("Address"), table.column("State"))
        {
            found = true;
            let members = table.rows.iter().filter_map(|row| {
                Some(GossipMember {
                    name: row.get(name)?.as_str().into(),
                    address: row.get(address)?.as_str().into(),
                    alive: row.get(state)? == "0",
                })
            });
            gossip.members.extend(members);
        } else if table.column("Key") == Some(0) {
            let keys = table.rows.iter().filter_map(|row| row.first()).cloned();
            gossip.keys.extend(keys.filter(|key| key.contains('/')));
        }
    }
    if found { Ok(gossip) } else { Err("a page without a table of members".into()) }
}

/// "Current time: …", by the server's clock.
fn now(page: &str) -> Option<Timestamp> {
    let (_, rest) = page.split_once("Current time:")?;
    let (text, _) = rest.split_once('<')?;
    moment(&plain(text))
}

fn tables(page: &str) -> Vec<Table> {
    parts(page, "table")
        .map(|table| {
            let head = parts(table, "th").map(plain).collect();
            let rows =
                parts(table, "tr").map(|row| parts(row, "td").map(plain).collect::<Vec<_>>());
            Table { head, rows: rows.filter(|row| !row.is_empty()).collect() }
        })
        .collect()
}

/// What stands between `<tag …>` and `</tag>`, each time. The pages nest none of the tags that we
/// look for.
fn parts<'a>(mut rest: &'a str, tag: &'a str) -> impl Iterator<Item = &'a str> {
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once('<')?;
            rest = after;
            let Some(after) = after.strip_prefix(tag) else { continue };
            // `<th>` is no `<thead>`.
            if !after.starts_with(['>', ' ', '\t', '\n']) {
                continue;
            }
            let (_, inside) = after.split_once('>')?;
            let (content, after) = split_at_end(inside, tag)?;
            rest = after;
            return Some(content);
        }
    })
}

fn split_at_end<'a>(inside: &'a str, tag: &str) -> Option<(&'a str, &'a str)> {
    let mut from = 0;
    loop {
        let at = from + inside.get(from..)?.find("</")?;
        let rest = inside.get(at + 2..)?;
        if rest.strip_prefix(tag).is_some_and(|rest| rest.starts_with('>')) {
            return Some((&inside[..at], rest));
        }
        from = at + 2;
    }
}

/// Text without tags, entities and the space around it.
fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut inside_tag = false;
    for c in html.chars() {
        match c {
            '<' => inside_tag = true,
            '>' if inside_tag => inside_tag = false,
            c if !inside_tag => text.push(c),
            _ => {}
        }
    }
    let entities = [
        ("&#43;", "+"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    let text = entities.into_iter().fold(text, |text, (entity, is)| text.replace(entity, is));
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_entities_are_no_text() {
        assert_eq!(plain(" <b>a &amp; b</b>\n"), "a & b");
        assert_eq!(plain("&#43;0000 &lt;&#34;x&#34;&gt;"), "+0000 <\"x\">");
    }

    #[test]
    fn half_a_page_ends_where_it_ends() {
        let table = "<table><thead><tr><th>Name</th><th>Address</th><th>State</th></tr></thead>\
                     <tr><td>a</td><td>1.2.3.4:7946</td><td>0</td></tr></table>";
        assert_eq!(gossip(table).unwrap().members.len(), 1);
        for end in 0..table.len() {
            let cut = gossip(&table[..end]);
            assert!(cut.is_err(), "{end}: a table without an end is no table");
        }
    }
}
