//! Who this node is: what flags and the boot script's variables say, and from the instance
//! metadata what they do not. Every value is checked before anything is asked of AWS.

use super::metadata::{Metadata, MetadataError};
use crate::config::Environment;
use crate::core::ids::{InstanceId, ServiceId, StackId};
use crate::core::inventory::STACK_KEYS;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};

/// A value and where it came from, for the log and for what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// As written.
    pub text: String,
    /// The flag, the variable, or the path in the instance metadata.
    pub origin: &'static str,
}

/// What was said of this node before anybody is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Cloud Map services, comma-separated.
    pub services: Option<Said>,
    /// The fleet.
    pub stack: Option<Said>,
    /// The private address.
    pub ip: Option<Said>,
    /// The EC2 instance id.
    pub id: Option<Said>,
}

/// This node, every value checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThisNode {
    /// The registry services it belongs in.
    pub services: Vec<ServiceId>,
    /// Its id.
    pub id: InstanceId,
    /// Its fleet.
    pub stack: StackId,
    /// Its address.
    pub ip: Ipv4Addr,
    /// What the operator should know of where these came from, as fragments.
    pub notes: Vec<String>,
}

/// Why it is not known who this node is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// A variable is there with nothing in it: a template that was not filled in.
    #[error("{0} is set and empty")]
    Empty(&'static str),
    /// A value that cannot be.
    #[error("{origin} is {text:?}: {problem}")]
    Bad {
        /// Where it was said.
        origin: &'static str,
        /// As written.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Said nowhere.
    #[error("{variable} (or {flag}) is not set, and {metadata}")]
    Missing {
        /// The variable.
        variable: &'static str,
        /// The flag.
        flag: &'static str,
        /// What came of asking the instance metadata.
        metadata: MetadataError,
    },
    /// Said nowhere, and the instance metadata does not know it either.
    #[error("{variable} (or {flag}) is not set, and the instance metadata has no {path}")]
    Unknown {
        /// The variable.
        variable: &'static str,
        /// The flag.
        flag: &'static str,
        /// Where it would be.
        path: &'static str,
    },
    /// The address is somebody else's.
    #[error("{origin} is {ip}, which is not an address of this host{says}")]
    NotOurs {
        /// Where it was said.
        origin: &'static str,
        /// The address.
        ip: Ipv4Addr,
        /// What the instance metadata says, if it was reached.
        says: String,
    },
}

impl InputError {
    /// Whether the configuration must change (exit code 2) or a service must answer (exit code 4).
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::Missing { metadata, .. } if metadata.may_pass())
    }

    /// What to do next, as a sentence.
    pub fn next_step(&self) -> String {
        match self {
            Self::Empty(name) => format!("Give {name} a value, or do not set it."),
            Self::Bad { origin, .. } => format!("Correct {origin}."),
            Self::Missing { variable, flag, metadata } => {
                format!("Set {variable} or {flag}; or: {}", metadata.next_step())
            }
            Self::Unknown { variable, flag, path } if path.starts_with("tags/") => format!(
                "Set {variable} or {flag}; or tag the instance and let its metadata show tags \
                 (InstanceMetadataTags=enabled)."
            ),
            Self::Unknown { variable, flag, .. } => format!("Set {variable} or {flag}."),
            Self::NotOurs { .. } => {
                "Give the address that this host has; in a container, run it on \
                 the host's network, or let it reach the instance metadata (hop limit 2)."
                    .to_owned()
            }
        }
    }
}

/// How one value is called.
struct Named {
    variable: &'static str,
    flag: &'static str,
}

const SERVICES: Named = Named { variable: "SERVICE_ID", flag: "--service" };
const STACK: Named = Named { variable: "STACK_ID", flag: "--stack" };
const IP: Named = Named { variable: "SYSTEM_IP_ADDR", flag: "--ip" };
const ID: Named = Named { variable: "SYSTEM_INSTANCE_ID", flag: "--instance-id" };

impl Given {
    /// Lays flags over variables.
    ///
    /// # Errors
    /// A variable that is set and empty.
    pub fn new(flags: Flagged, env: &Environment) -> Result<Self, InputError> {
        let said = |flag: Option<String>, named: &Named| match (flag, env.text(named.variable)) {
            (Some(text), _) if text.trim().is_empty() => Err(InputError::Empty(named.flag)),
            (Some(text), _) => Ok(Some(Said { text, origin: named.flag })),
            (None, Some(text)) if !text.trim().is_empty() => {
                Ok(Some(Said { text: text.to_owned(), origin: named.variable }))
            }
            (None, None) if env.names().all(|name| name != named.variable) => Ok(None),
            (None, _) => Err(InputError::Empty(named.variable)),
        };
        let services = (!flags.services.is_empty()).then(|| flags.services.join(","));
        Ok(Self {
            services: said(services, &SERVICES)?,
            stack: said(flags.stack, &STACK)?,
            ip: said(flags.ip, &IP)?,
            id: said(flags.id, &ID)?,
        })
    }

    /// Who this node is, asking the metadata for what was not said. Where `leaving`, only what
    /// leaving takes: the services and the id.
    ///
    /// # Errors
    /// An [`InputError`] that says what is missing or wrong.
    pub async fn resolve(
        &self,
        metadata: &mut Metadata,
        leaving: bool,
    ) -> Result<ThisNode, InputError> {
        // What was said is checked first: a typing error should not wait for the network.
        let (mut services, mut stack) = (self.services.clone(), self.stack.clone());
        let mut id = self.id.clone();
        services.as_ref().map(service_ids).transpose()?;
        stack.as_ref().map(stack_id).transpose()?;
        id.as_ref().map(instance_id).transpose()?;
        self.ip.as_ref().map(address).transpose()?;
        if services.is_none() {
            services = Some(asked(metadata, &SERVICES, &["tags/instance/SERVICE_ID"]).await?);
        }
        if id.is_none() {
            id = Some(asked(metadata, &ID, &["instance-id"]).await?);
        }
        let mut node = ThisNode {
            services: services.as_ref().map(service_ids).transpose()?.unwrap_or_default(),
            id: id.as_ref().map(instance_id).transpose()?.unwrap_or_else(|| InstanceId::from("")),
            stack: StackId::from(""),
            ip: Ipv4Addr::UNSPECIFIED,
            notes: [&services, &id].into_iter().flatten().map(note).collect(),
        };
        if leaving {
            return Ok(node);
        }
        if stack.is_none() {
            stack = Some(asked(metadata, &STACK, &STACK_TAGS).await?);
        }
        if let Some(said) = &stack {
            node.stack = stack_id(said)?;
            node.notes.push(note(said));
        }
        let ip = match &self.ip {
            Some(said) => said.clone(),
            None => asked(metadata, &IP, &["local-ipv4"]).await?,
        };
        node.ip = address(&ip)?;
        if self.ip.is_some() {
            ours(&ip, node.ip, metadata).await?;
        }
        node.notes.push(note(&ip));
        if node.ip.is_loopback() {
            node.notes.push(format!("{} is a loopback address, no other host reaches it", node.ip));
        }
        Ok(node)
    }
}

/// The tags that name a fleet, in the order of preference.
const STACK_TAGS: [&str; STACK_KEYS.len()] = ["tags/instance/STACK", "tags/instance/STACK_ID"];

/// The flags, as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flagged {
    /// `--service`, each time it was given.
    pub services: Vec<String>,
    /// `--stack`.
    pub stack: Option<String>,
    /// `--ip`.
    pub ip: Option<String>,
    /// `--instance-id`.
    pub id: Option<String>,
}

fn note(said: &Said) -> String {
    format!("{} from {}", said.text, said.origin)
}

/// Asks the metadata for one value, in the first of these places that has it.
async fn asked(
    metadata: &mut Metadata,
    named: &Named,
    paths: &[&'static str],
) -> Result<Said, InputError> {
    let Named { variable, flag } = *named;
    for path in paths {
        match metadata.get(path).await {
            Ok(Some(text)) if !text.trim().is_empty() => {
                return Ok(Said { text: text.trim().to_owned(), origin: path });
            }
            Ok(_) => {}
            Err(metadata) => return Err(InputError::Missing { variable, flag, metadata }),
        }
    }
    let path = paths.first().copied().unwrap_or_default();
    Err(InputError::Unknown { variable, flag, path })
}

fn bad(said: &Said, problem: &'static str) -> InputError {
    InputError::Bad { origin: said.origin, text: said.text.clone(), problem }
}

/// Service ids, or ARNs that end in one; each once.
fn service_ids(said: &Said) -> Result<Vec<ServiceId>, InputError> {
    let mut all = Vec::new();
    for part in said.text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let id = match part.strip_prefix("arn:") {
            Some(rest) => rest.rsplit_once(":service/").map_or(part, |(_, id)| id),
            None => part,
        };
        let word = |text: &str| {
            (1..=60).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if !id.strip_prefix("srv-").is_some_and(word) {
            return Err(bad(said, "Cloud Map service ids look like srv-0123456789abcdef"));
        }
        let id = ServiceId::from(id);
        if !all.contains(&id) {
            all.push(id);
        }
    }
    if all.is_empty() {
        return Err(bad(said, "it names no service"));
    }
    Ok(all)
}

/// What Cloud Map takes as an attribute's value (API model, AttrValue): at most 1,024 printable
/// ASCII characters, with no blank at either end.
fn stack_id(said: &Said) -> Result<StackId, InputError> {
    let text = said.text.as_str();
    if text.is_empty() || text.len() > 1024 {
        return Err(bad(said, "a stack id has 1 to 1,024 characters"));
    }
    if !text.bytes().all(|b| matches!(b, b' '..=b'~')) || text.trim() != text {
        let problem = "a stack id has printable ASCII characters only, and no blank at either end";
        return Err(bad(said, problem));
    }
    Ok(StackId::from(text))
}

/// What Cloud Map takes as an instance's id (API model, InstanceId).
fn instance_id(said: &Said) -> Result<InstanceId, InputError> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_/:.@-".contains(&b);
    if said.text.is_empty() || said.text.len() > 64 || !said.text.bytes().all(fits) {
        return Err(bad(said, "an instance id looks like i-0123456789abcdef0"));
    }
    Ok(InstanceId::from(&said.text))
}

fn address(said: &Said) -> Result<Ipv4Addr, InputError> {
    let ip: Ipv4Addr = said.text.parse().map_err(|_| bad(said, "it is no IPv4 address"))?;
    if ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() {
        return Err(bad(said, "no host has this address"));
    }
    Ok(ip)
}

/// Whether an address that somebody wrote down is this host's: the system lends it to a socket, or
/// (in a container with a network of its own) the instance metadata says so.
async fn ours(said: &Said, ip: Ipv4Addr, metadata: &mut Metadata) -> Result<(), InputError> {
    if UdpSocket::bind(SocketAddrV4::new(ip, 0)).is_ok() {
        return Ok(());
    }
    let says = match metadata.get("local-ipv4").await {
        Ok(Some(text)) if text.trim() == said.text => return Ok(()),
        Ok(Some(text)) => format!("; the instance metadata says {}", text.trim()),
        Ok(None) | Err(_) => String::new(),
    };
    Err(InputError::NotOurs { origin: said.origin, ip, says })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Said {
        Said { text: text.to_owned(), origin: "X" }
    }

    #[test]
    fn services_are_listed_once_each() {
        let ids = |text| {
            service_ids(&said(text))
                .map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(ids("srv-a, srv-b,,srv-a").unwrap(), ["srv-a", "srv-b"]);
        let arn = "arn:aws:servicediscovery:us-west-2:1:service/srv-a";
        assert_eq!(ids(arn).unwrap(), ["srv-a"]);
        for no in ["", ",", "a", "srv-", "srv-a b", "srv-a/../b", "arn:aws:x:service/y", "srv-é"] {
            assert!(ids(no).is_err(), "{no:?}");
        }
    }

    #[test]
    fn what_a_stack_may_be_called() {
        let long = "x".repeat(1025);
        for no in ["", " blue", "blue ", "bl\nue", "bläu", "\u{1b}[2J", long.as_str()] {
            assert!(stack_id(&said(no)).is_err(), "{no:?}");
        }
        for yes in ["blue-412", "a b", "~", &long[..1024]] {
            assert_eq!(stack_id(&said(yes)).unwrap().as_str(), yes);
        }
    }

    #[test]
    fn what_an_address_and_an_id_may_be() {
        for no in ["", "::1", "10.0.0", "10.0.0.256", "0.0.0.0", "224.0.0.1", "255.255.255.255"] {
            assert!(address(&said(no)).is_err(), "{no}");
        }
        assert_eq!(address(&said("10.0.0.7")).unwrap(), Ipv4Addr::new(10, 0, 0, 7));
        for no in ["", "i 0", "i-\n", &"i".repeat(65)] {
            assert!(instance_id(&said(no)).is_err(), "{no:?}");
        }
    }

    #[test]
    fn a_flag_beats_a_variable_and_an_empty_one_is_said() {
        let env: Environment =
            [("STACK_ID", "green"), ("SERVICE_ID", "srv-a")].into_iter().collect();
        let flags = Flagged { stack: Some("blue".into()), ..Flagged::default() };
        let given = Given::new(flags, &env).unwrap();
        assert_eq!(given.stack, Some(Said { text: "blue".into(), origin: "--stack" }));
        assert_eq!(given.services, Some(Said { text: "srv-a".into(), origin: "SERVICE_ID" }));
        assert_eq!(given.ip, None);
        for empty in ["", "  "] {
            let env: Environment = [("STACK_ID", empty)].into_iter().collect();
            let given = Given::new(Flagged::default(), &env);
            assert_eq!(given, Err(InputError::Empty("STACK_ID")));
        }
    }
}
