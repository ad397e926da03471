//! `/memberlist`: who gossips, which keys, and one key as it is gossiped.

use super::super::answer::{NOT_FOUND, NodeAnswer};
use super::{NO_GOSSIP, Page};
use std::fmt::Write;

impl Page<'_> {
    /// The page, by what is asked and by what the version knows.
    pub(super) fn memberlist(&self) -> NodeAnswer {
        let (loki, version) = (self.is_loki(), self.version);
        if loki && version < (2, 6) {
            return NodeAnswer::text(404, NOT_FOUND);
        }
        if self.alone() {
            return NodeAnswer::plain(NO_GOSSIP);
        }
        let asks = |key: &str, value: &str| {
            form_urlencoded::parse(self.asked.query.as_bytes())
                .any(|(asked, given)| asked == key && given == value)
        };
        if asks("viewKey", "collectors/ring") && asks("format", "json") {
            return NodeAnswer::json(200, self.gossiped_ring());
        }
        if self.asked.json && (loki || version >= (1, 2)) {
            return NodeAnswer::json(200, self.members_json());
        }
        NodeAnswer::html(self.members_html())
    }

    /// The keys of the gossip: any member spreads all of them.
    fn keys(&self) -> &'static [&'static str] {
        let loki = self.gossip().iter().any(|(key, _)| key.1.as_str() == "loki");
        match loki {
            true => &[
                "collectors/compactor",
                "collectors/distributor",
                "collectors/ring",
                "collectors/scheduler",
            ],
            false => &["collectors/compactor", "collectors/ring"],
        }
    }

    fn members_json(&self) -> String {
        let (loki, version) = (self.is_loki(), self.version);
        let mut text =
            format!("{{\"Now\":\"{:.9}\",\"Memberlist\":{{}},\"SortedMembers\":[", self.now());
        for (index, (_, peer)) in self.gossip().into_iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            // A String takes whatever is written to it.
            let _infallible = write!(
                text,
                "{comma}{{\"Name\":\"{}\",\"Addr\":\"{}\",\"Port\":{},\"Meta\":null,\"State\":0,\"PMin\":1,\"PMax\":5,\"PCur\":2,\"DMin\":0,\"DMax\":0,\"DCur\":0}}",
                peer.name, peer.ip, peer.gossip_port
            );
        }
        text.push_str("],\"Store\":{");
        let oldest = !loki && version < (1, 4);
        let newest = loki && version >= (3, 6);
        for (index, key) in self.keys().iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let value = match (oldest, newest) {
                (true, _) => "{}",
                (_, true) => {
                    "{\"Version\":9,\"CodecID\":\"ringDesc\",\"Deleted\":false,\"UpdateTime\":\"0001-01-01T00:00:00Z\"}"
                }
                _ => "{\"Version\":9,\"CodecID\":\"ringDesc\"}",
            };
            let _infallible = write!(text, "{comma}\"{key}\":{value}");
        }
        text.push('}');
        if newest {
            let sizes = self.keys().iter().map(|key| format!("\"{key}\":108"));
            let sizes = sizes.collect::<Vec<_>>().join(",");
            let _infallible = write!(
                text,
                ",\"StoreSizes\":{{{sizes}}},\"TotalStoreSize\":{}",
                108 * self.keys().len()
            );
        }
        if !oldest {
            text.push_str(",\"MessageHistoryBufferBytes\":0");
        }
        text.push_str(",\"SentMessages\":null,\"ReceivedMessages\":null");
        if newest {
            text.push_str(
                ",\"ZoneAwareRouting\":{\"Enabled\":false,\"Zone\":\"\",\"Role\":\"member\"}",
            );
        }
        text.push_str("}\n");
        text
    }

    fn members_html(&self) -> String {
        let peers = self.gossip();
        let mut text = format!(
            "<!DOCTYPE html>\n<html>\n<head>\n    <meta charset=\"UTF-8\">\n    <title>Memberlist Status</title>\n</head>\n<body>\n<h1>Memberlist Status</h1>\n<p>Current time: {} &#43;0000 UTC m=&#43;28.877584797</p>\n\n<ul>\n    <li>Health Score: 0 (lower = better, 0 = healthy)</li>\n    <li>Members: {}</li>\n</ul>\n\n<h2>KV Store</h2>\n\n<table width=\"100%\" border=\"1\">\n    <thead>\n    <tr>\n        <th>Key</th>\n        <th>Codec</th>\n        <th>Version</th>\n        <th>Actions</th>\n    </tr>\n    </thead>\n\n    <tbody>\n",
            self.now().strftime("%Y-%m-%d %H:%M:%S.%9f"),
            peers.len(),
        );
        for key in self.keys() {
            let link = key.replace('/', "%2f");
            let _infallible = write!(
                text,
                "        <tr>\n            <td>{key}</td>\n            <td>ringDesc</td>\n            <td>9</td>\n            <td>\n                <a href=\"?viewKey={link}&format=json\">json</a>\n            </td>\n        </tr>\n"
            );
        }
        text.push_str("    </tbody>\n</table>\n\n<h2>Memberlist Cluster Members</h2>\n\n<table width=\"100%\" border=\"1\">\n    <thead>\n    <tr>\n        <th>Name</th>\n        <th>Address</th>\n        <th>State</th>\n    </tr>\n    </thead>\n\n    <tbody>\n");
        for (_, peer) in peers {
            let _infallible = write!(
                text,
                "        <tr>\n            <td>{}</td>\n            <td>{}:{}</td>\n            <td>0</td>\n        </tr>\n",
                peer.name, peer.ip, peer.gossip_port
            );
        }
        text.push_str("    </tbody>\n</table>\n\n<p>State: 0 = Alive, 1 = Suspect, 2 = Dead, 3 = Left</p>\n</body>\n</html>");
        text
    }

    /// The ring as it is gossiped: those that left are in it, and a state of 0 is left out.
    fn gossiped_ring(&self) -> String {
        let mut text = "{\"ingesters\":{".to_owned();
        for (index, one) in self.world.ring(&self.node.id, self.name).iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let state = match one.state {
                "LEFT" => "\"state\":4,",
                "PENDING" => "\"state\":2,",
                _ => "",
            };
            let tokens = if one.left { "" } else { &one.tokens };
            let _infallible = write!(
                text,
                "{comma}\"{}\":{{\"addr\":\"{}\",\"timestamp\":{},{state}\"tokens\":[{tokens}]}}",
                one.id,
                one.address,
                one.beat.as_second()
            );
        }
        text.push_str("}}\n");
        text
    }
}
