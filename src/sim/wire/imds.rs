//! The instance metadata service, version 2, as a node sees it: a token first, then the paths that
//! a boot script reads. Which node asks is told by the path's first part, `/imds/<node>/latest/…`,
//! or is the world's first node.

use crate::core::ids::InstanceId;
use crate::sim::world::{NodeRef, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;

/// The longest life of a token.
const TTL_MAX: i64 = 21_600;
/// Tokens kept; older ones are forgotten first.
const KEPT: usize = 1_000;

/// The tokens given out, and the nodes that are behind one hop too many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metadata {
    tokens: BTreeMap<String, Timestamp>,
}

/// A request to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// `X-aws-ec2-metadata-token`.
    pub(crate) token: Option<&'a str>,
    /// `X-aws-ec2-metadata-token-ttl-seconds`.
    pub(crate) ttl: Option<&'a str>,
    /// Whether a proxy stands in between (`X-Forwarded-For`).
    pub(crate) forwarded: bool,
}

impl Metadata {
    /// Status and text; `None` means that nothing ever comes back, as from a bridged container at
    /// hop limit 1.
    pub(crate) fn answer(&mut self, world: &mut World, asked: Asked<'_>) -> Option<(u16, String)> {
        let (node, path) =
            match asked.path.strip_prefix("/imds/").and_then(|rest| rest.split_once("/latest/")) {
                Some((node, rest)) => (Some(NodeRef(node.to_owned())), rest),
                None => (None, asked.path.strip_prefix("/latest/").unwrap_or_default()),
            };
        let id = match &node {
            Some(node) => world.node(node),
            None => world.node_names.values().next().cloned(),
        };
        if path == "api/token" {
            let hang = id.as_ref().is_some_and(|id| bridged(world, id));
            return (!hang).then(|| self.token(world, asked));
        }
        if asked.method != "GET" {
            return Some((405, String::new()));
        }
        let now = world.now;
        let good =
            asked.token.and_then(|token| self.tokens.get(token)).is_some_and(|end| now < *end);
        if !good {
            return Some((401, "Unauthorized".to_owned()));
        }
        let found = id.and_then(|id| value(world, &id, path));
        Some(found.map_or((404, "Not Found".to_owned()), |text| (200, text)))
    }

    fn token(&mut self, world: &mut World, asked: Asked<'_>) -> (u16, String) {
        if asked.method != "PUT" {
            return (405, String::new());
        }
        if asked.forwarded {
            return (403, String::new());
        }
        let ttl = asked.ttl.and_then(|text| text.parse::<i64>().ok());
        let Some(ttl) = ttl.filter(|ttl| (1..=TTL_MAX).contains(ttl)) else {
            return (400, "Bad Request".to_owned());
        };
        let token = format!("AQAE{}==", world.random.hex(32));
        let now = world.now;
        self.tokens.retain(|_, end| now < *end);
        while self.tokens.len() >= KEPT {
            self.tokens.pop_first();
        }
        let end = now.checked_add(SignedDuration::from_secs(ttl)).unwrap_or(Timestamp::MAX);
        self.tokens.insert(token.clone(), end);
        (200, token)
    }
}

/// Whether a node's processes ask from a bridged container at hop limit 1: worlds say so with the
/// tag `imds-hops` = 1.
fn bridged(world: &World, id: &InstanceId) -> bool {
    let tags = world.instances.get(id).map(|one| &one.tags);
    tags.and_then(|tags| tags.get("imds-hops")).is_some_and(|hops| hops == "1")
}

fn value(world: &World, id: &InstanceId, path: &str) -> Option<String> {
    let one = world.instances.get(id)?;
    if path == "dynamic/instance-identity/document" {
        let document = json!({
            "accountId": world.account, "architecture": "x86_64", "region": world.region,
            "availabilityZone": one.zone, "instanceId": one.id, "privateIp": one.ip,
            "imageId": "ami-0embedded", "instanceType": "m6i.large", "version": "2017-09-30",
            "pendingTime": one.launched,
        });
        return Some(document.to_string());
    }
    match path.strip_prefix("meta-data/")?.trim_end_matches('/') {
        "" => Some("instance-id\nlocal-ipv4\nplacement/\ntags/".to_owned()),
        "instance-id" => Some(one.id.to_string()),
        "local-ipv4" => Some(one.ip.to_string()),
        "placement" => Some("availability-zone\nregion".to_owned()),
        "placement/region" => Some(world.region.clone()),
        "placement/availability-zone" => Some(one.zone.to_string()),
        "tags/instance" => Some(one.tags.keys().map(String::as_str).collect::<Vec<_>>().join("\n")),
        rest => one.tags.get(rest.strip_prefix("tags/instance/")?).cloned(),
    }
}
