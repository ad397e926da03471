//! What is checked: a product's URL and what it must answer, by mode.

use crate::config::{ProbeKind, ProbePath, ProductSettings, RefusedPath, without_password};
use std::collections::BTreeSet;

/// What "healthy" means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Mode {
    /// As the published aggregator: Grafana's `/api/health` is 200, Loki's and Tempo's `/` is 404,
    /// which is what their routers answer as long as the processes live.
    Up,
    /// As the products see themselves: `/ready`; Grafana's database is reported and does not fail
    /// the node, because it is one database for all nodes.
    Ready,
}

/// A product as somebody named it: `NAME=URL`, `NAME=URL=STATUS`, `NAME=off`, or a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The product.
    pub name: String,
    /// Its URL, perhaps with the status that passes, or `off`.
    pub text: String,
    /// The flag or variable that says so.
    pub origin: String,
}

/// A product that is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Its name.
    pub name: String,
    /// The URL that is asked.
    pub url: String,
    /// How its answer is read.
    pub settings: ProductSettings,
    /// Whether a database that fails, which it shares with other nodes, fails this node.
    pub needs_database: bool,
}

/// Why an endpoint cannot be checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// No URL.
    #[error("{origin} is {text:?}: {problem}")]
    Bad {
        /// The flag or variable.
        origin: String,
        /// As written, without a password.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A path on which servers act.
    #[error("{origin} is {text:?}: {why}")]
    Path {
        /// The flag or variable.
        origin: String,
        /// As written.
        text: String,
        /// Why it is refused.
        why: RefusedPath,
    },
    /// Everything is switched off.
    #[error("every product is off: nothing would be checked, and every answer would be healthy")]
    Nothing,
    /// More than a node can have.
    #[error("{0} products are more than a node has (64 at most)")]
    TooMany(usize),
}

/// Products that are checked unless somebody says otherwise: the names that docker-compose gives
/// them, and their usual ports.
const USUAL: [(&str, &str); 3] = [
    ("grafana", "http://grafana:3000"),
    ("loki", "http://loki:3100"),
    ("tempo", "http://tempo:3200"),
];
/// Bounds what one round costs.
const MOST: usize = 64;

/// The products to check: the usual ones, and over them what was said, later words over earlier.
///
/// # Errors
/// An [`EndpointError`] that names the flag or variable.
pub fn products(
    said: &[Endpoint],
    mode: Mode,
    needs_database: bool,
) -> Result<Vec<Checked>, EndpointError> {
    let usual = USUAL.map(|(name, url)| Endpoint {
        name: name.to_owned(),
        text: url.to_owned(),
        origin: name.to_owned(),
    });
    let mut named: Vec<&Endpoint> = Vec::new();
    for one in usual.iter().chain(said) {
        match named.iter_mut().find(|old| old.name == one.name) {
            Some(old) => *old = one,
            None => named.push(one),
        }
    }
    let on = named.into_iter().filter(|one| one.text != "off");
    let all = on
        .map(|one| checked(one, mode, needs_database || mode == Mode::Up))
        .collect::<Result<Vec<_>, _>>()?;
    match all.len() {
        0 => Err(EndpointError::Nothing),
        1..=MOST => Ok(all),
        more => Err(EndpointError::TooMany(more)),
    }
}

fn checked(said: &Endpoint, mode: Mode, needs_database: bool) -> Result<Checked, EndpointError> {
    let bad = |problem: &'static str| EndpointError::Bad {
        origin: said.origin.clone(),
        text: without_password(&said.text),
        problem,
    };
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
    if said.name.is_empty() || said.name.len() > 40 || !said.name.bytes().all(fits) {
        return Err(bad("a product's name has small letters, digits, - and _ only"));
    }
    let (url, status) = match said.text.rsplit_once('=') {
        Some((url, status)) => (url, Some(status)),
        None => (said.text.as_str(), None),
    };
    let status = match status.map(str::parse::<u16>) {
        None => None,
        Some(Ok(status)) if (100..=599).contains(&status) => Some(status),
        Some(_) => return Err(bad("what stands behind the = is no HTTP status (100 to 599)")),
    };
    let place = Place::read(url).map_err(bad)?;
    let rule = Rule::of(&said.name, mode, place.path);
    let path = ProbePath::new(rule.path).map_err(|why| EndpointError::Path {
        origin: said.origin.clone(),
        text: said.text.clone(),
        why,
    })?;
    Ok(Checked {
        name: said.name.clone(),
        url: format!("{}{}{}", place.scheme(), place.authority, rule.path),
        settings: ProductSettings {
            product: said.name.as_str().into(),
            kind: if status.is_some() { ProbeKind::Http } else { rule.kind },
            tls: place.tls,
            port: place.port,
            path,
            status: BTreeSet::from([status.unwrap_or(rule.status)]),
            optional: false,
        },
        needs_database,
    })
}

/// What a product must answer, and where.
struct Rule<'a> {
    path: &'a str,
    status: u16,
    kind: ProbeKind,
}

impl<'a> Rule<'a> {
    /// An endpoint that names no path leaves it to the mode; one that does is asked there, and
    /// 200 is expected: nothing but `/` is known to answer 404 when it is well.
    fn of(name: &str, mode: Mode, path: &'a str) -> Self {
        let bare = matches!(path, "" | "/");
        let (usual, status, kind) = match (name, mode) {
            ("grafana", Mode::Up) => ("/api/health", 200, ProbeKind::Http),
            ("grafana", Mode::Ready) => ("/api/health", 200, ProbeKind::Grafana),
            ("loki" | "tempo", Mode::Up) => ("/", 404, ProbeKind::Http),
            ("loki", Mode::Ready) => ("/ready", 200, ProbeKind::Loki),
            ("tempo", Mode::Ready) => ("/ready", 200, ProbeKind::Tempo),
            _ => ("/", 200, ProbeKind::Http),
        };
        match bare {
            true => Self { path: usual, status, kind },
            false => Self { path, status: 200, kind },
        }
    }
}

/// A URL's parts.
struct Place<'a> {
    tls: bool,
    authority: &'a str,
    port: u16,
    path: &'a str,
}

impl<'a> Place<'a> {
    fn read(url: &'a str) -> Result<Self, &'static str> {
        let (tls, rest) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err("it starts with neither http:// nor https://"),
        };
        if rest.contains(['?', '#']) {
            return Err("it has a query or a fragment");
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err("it has a user name or a password");
        }
        // The colons inside an IPv6 address's brackets start no port.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let port = match port.map(str::parse::<u16>) {
            None => {
                if tls {
                    443
                } else {
                    80
                }
            }
            Some(Ok(port)) if port > 0 => port,
            Some(_) => return Err("its port is no number from 1 to 65535"),
        };
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let fits = match inner {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                let word = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
                !host.is_empty() && host.len() <= 253 && host.bytes().all(word)
            }
        };
        if fits { Ok(Self { tls, authority, port, path }) } else { Err("it names no host") }
    }

    fn scheme(&self) -> &'static str {
        if self.tls { "https://" } else { "http://" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, text: &str) -> Endpoint {
        Endpoint { name: name.into(), text: text.into(), origin: "X".into() }
    }

    fn told(said: &[Endpoint], mode: Mode) -> Vec<String> {
        let all = products(said, mode, false).unwrap();
        all.iter()
            .map(|one| format!("{} {} {:?}", one.name, one.url, one.settings.status))
            .collect()
    }

    #[test]
    fn the_published_contract_is_the_default() {
        assert_eq!(
            told(&[], Mode::Up),
            [
                "grafana http://grafana:3000/api/health {200}",
                "loki http://loki:3100/ {404}",
                "tempo http://tempo:3200/ {404}",
            ]
        );
        assert_eq!(
            told(&[], Mode::Ready),
            [
                "grafana http://grafana:3000/api/health {200}",
                "loki http://loki:3100/ready {200}",
                "tempo http://tempo:3200/ready {200}",
            ]
        );
    }

    #[test]
    fn endpoints_are_replaced_added_and_switched_off() {
        let all = [
            said("loki", "http://127.0.0.1:9/"),
            said("tempo", "off"),
            said("grafana", "https://g/sub/api/health"),
            said("otel", "http://[::1]:13133=204"),
            said("loki", "http://localhost:3100"),
        ];
        assert_eq!(
            told(&all, Mode::Up),
            [
                "grafana https://g/sub/api/health {200}",
                "loki http://localhost:3100/ {404}",
                "otel http://[::1]:13133/ {204}",
            ]
        );
    }

    #[test]
    fn what_is_no_endpoint_is_said() {
        for bad in [
            "loki:3100",
            "ftp://loki",
            "http://",
            "http://:80",
            "http://a:b",
            "http://a:0",
            "http://a:70000",
            "http://u:p@a",
            "http://a/?x",
            "http://a b",
            "http://[::1",
            "",
            "http://a=99",
            "http://a=x",
            "http://a\n",
        ] {
            let all = products(&[said("loki", bad)], Mode::Up, false);
            assert!(matches!(all, Err(EndpointError::Bad { .. })), "{bad:?}: {all:?}");
        }
        for acts in ["http://a/shutdown", "http://a/ingester/flush"] {
            let all = products(&[said("loki", acts)], Mode::Up, false);
            assert!(matches!(all, Err(EndpointError::Path { .. })), "{acts}");
        }
        for name in ["", "Loki", "a b", "a\"b"] {
            assert!(products(&[said(name, "http://a")], Mode::Up, false).is_err(), "{name:?}");
        }
        let off = ["grafana", "loki", "tempo"].map(|name| said(name, "off"));
        assert_eq!(products(&off, Mode::Up, false), Err(EndpointError::Nothing));
        let many: Vec<_> = (0..62).map(|n| said(&format!("p{n}"), "http://a")).collect();
        assert_eq!(products(&many, Mode::Up, false), Err(EndpointError::TooMany(65)));
    }

    #[test]
    fn a_password_is_not_repeated() {
        let error = products(&[said("loki", "http://u:hush@a")], Mode::Up, false).unwrap_err();
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}
