//! Why a registration came to nothing, what had been changed by then, and what to do next.

use crate::aws::ConnectError;
use crate::core::error::{ErrorKind, SourceError};
use crate::core::ids::ServiceId;

/// How badly it ended, for the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The configuration must change (2).
    Usage,
    /// A guard says no (3).
    Blocked,
    /// Something could not be read (4).
    LacksData,
    /// A change was denied before anything had changed (7).
    Denied,
    /// It failed (1).
    Failed,
}

/// Why this node is not registered (or not taken out) as it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// No clients.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A service that there is not.
    #[error("there is no Cloud Map service {service} in {region}")]
    UnknownService {
        /// Its id.
        service: ServiceId,
        /// Where it was looked for.
        region: String,
        /// The answer.
        source: SourceError,
    },
    /// A read that is needed before anything may be changed.
    #[error("could not read what is needed first")]
    Read(#[source] SourceError),
    /// A call that changes something was not taken.
    #[error("{service} did not take the change{}", so_far(.changed))]
    Write {
        /// The service.
        service: ServiceId,
        /// Why.
        source: SourceError,
        /// Where it was carried out before.
        changed: Vec<ServiceId>,
    },
    /// It was taken, and then not carried out.
    #[error("{service} took the change and could not carry it out: {code}: {message}{}", so_far(.changed))]
    NotCarriedOut {
        /// The service.
        service: ServiceId,
        /// AWS's code.
        code: String,
        /// AWS's words.
        message: String,
        /// Where it was carried out before.
        changed: Vec<ServiceId>,
    },
    /// It was carried out, and the listing does not show it.
    #[error("{service} carried the change out, and its listing does not show it{}", so_far(.changed))]
    NotSeen {
        /// The service.
        service: ServiceId,
        /// Where it was carried out before.
        changed: Vec<ServiceId>,
    },
    /// `--replace-stack` where it would take peers that live.
    #[error("--replace-stack is for fleets of one node, and {stack} has {nodes} ({groups})")]
    ManyNodes {
        /// The fleet.
        stack: String,
        /// How many nodes.
        nodes: usize,
        /// Its groups, by name.
        groups: String,
    },
    /// `--replace-stack` where nobody can say how many nodes there are.
    #[error("--replace-stack is for fleets of one node, and no Auto Scaling group lists {id}")]
    NoGroup {
        /// This node.
        id: String,
    },
}

fn so_far(changed: &[ServiceId]) -> String {
    if changed.is_empty() {
        return "; nothing was changed".to_owned();
    }
    let names: Vec<&str> = changed.iter().map(ServiceId::as_str).collect();
    format!("; done before that: {}", names.join(", "))
}

impl RegisterError {
    /// How badly it ended.
    pub fn end(&self) -> End {
        match self {
            Self::Connect(error) if error.is_usage() => End::Usage,
            Self::UnknownService { .. } => End::Usage,
            Self::Connect(_) | Self::Read(_) | Self::NoGroup { .. } => End::LacksData,
            Self::Write { source, changed, .. }
                if source.kind == ErrorKind::Denied && changed.is_empty() =>
            {
                End::Denied
            }
            Self::NotCarriedOut { code, changed, .. }
                if code == "ACCESS_DENIED" && changed.is_empty() =>
            {
                End::Denied
            }
            Self::ManyNodes { .. } => End::Blocked,
            Self::Write { .. } | Self::NotCarriedOut { .. } | Self::NotSeen { .. } => End::Failed,
        }
    }

    /// What to do next, as a sentence.
    pub fn next_step(&self) -> String {
        match self {
            Self::Connect(error) => error.next_step().to_owned(),
            Self::UnknownService { .. } => {
                "Correct SERVICE_ID (or --service), or the region: `aws servicediscovery \
                 list-services` lists the ids."
                    .to_owned()
            }
            Self::Read(source) | Self::Write { source, .. } => match source.kind {
                ErrorKind::Denied => {
                    "Give the instance's role what `quarterdeck policy node` prints.".to_owned()
                }
                ErrorKind::Throttled => {
                    "Run it again (systemd: Restart=on-failure); it changes nothing twice."
                        .to_owned()
                }
                kind => kind.next_step().to_owned(),
            },
            Self::NotCarriedOut { code, .. } if code == "ACCESS_DENIED" => {
                "Cloud Map changes Route 53 in the caller's name where the service has health \
                 checks there: let the instance's role do what the message names."
                    .to_owned()
            }
            Self::NotCarriedOut { .. } | Self::NotSeen { .. } => {
                "Run it again; it changes nothing twice.".to_owned()
            }
            Self::ManyNodes { .. } => "Leave --replace-stack out: without it only peers that are \
                 proven gone are taken out."
                .to_owned(),
            Self::NoGroup { .. } => "Leave --replace-stack out, or check that the instance id is \
                 right and that its group is in this account and region."
                .to_owned(),
        }
    }
}
