//! Why there is no connection to AWS at all: said once, before the first poll.

use crate::core::error::SourceError;

/// How many profile names a message lists.
const LISTED_PROFILES: usize = 12;

/// Why the clients could not be built.
///
/// All but the last are mistakes in what the operator or the machine configured: nothing was
/// asked of AWS, and waiting changes nothing (exit code 2, usage). [`ConnectError::Credentials`]
/// is the state of the world: the configuration is sound, but there are no credentials, they have
/// expired, or whoever hands them out did not answer (exit code 4, as for any missing data).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The profile was named and is in neither shared file.
    #[error("there is no AWS profile {name:?}; {}", list(.known))]
    NoSuchProfile {
        /// The name.
        name: String,
        /// The profiles there are.
        known: Vec<String>,
    },
    /// The profile's own settings contradict each other or lack something.
    #[error("the AWS profile {name:?} cannot be used: {why}")]
    BadProfile {
        /// The profile.
        name: String,
        /// The SDK's words.
        why: String,
    },
    /// A shared file is there but cannot be read or understood.
    #[error("cannot read {what}: {why}")]
    ConfigFile {
        /// The path, where it is known.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// No flag, no variable, no profile and no metadata service names a region.
    #[error("no AWS region is set (profile {profile:?} has none either)")]
    NoRegion {
        /// The profile that was looked at.
        profile: String,
    },
    /// The region is not a name.
    #[error("{0:?} is no AWS region")]
    BadRegion(String),
    /// An endpoint is no URL.
    #[error("the endpoint URL {url:?} for {service} cannot be used: {why}")]
    BadEndpoint {
        /// The service it is for.
        service: String,
        /// The text.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// There are no credentials, or they are over, or they could not be fetched.
    #[error("no usable AWS credentials: {}", .0.message)]
    Credentials(SourceError),
}

impl ConnectError {
    /// Whether the configuration must change (exit code 2); otherwise the world must (exit code 4).
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::Credentials(_))
    }

    /// What the operator can do next, as a sentence.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::NoSuchProfile { .. } => {
                "Choose another with --profile or AWS_PROFILE, or add this one with `aws configure --profile`."
            }
            Self::BadProfile { .. } => {
                "Correct the profile in the shared AWS configuration, or choose another with --profile."
            }
            Self::ConfigFile { .. } => {
                "Correct the file, or name another with AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE."
            }
            Self::NoRegion { .. } => {
                "Set --region or AWS_REGION, or give the profile one (`aws configure set region`)."
            }
            Self::BadRegion(_) => "Write the region as AWS does, for example us-west-2.",
            Self::BadEndpoint { .. } => {
                "Write http://HOST:PORT or https://HOST in --endpoint-url or AWS_ENDPOINT_URL."
            }
            Self::Credentials(error) => error.kind.next_step(),
        }
    }
}

fn list(known: &[String]) -> String {
    if known.is_empty() {
        return "there are no profiles at all".to_owned();
    }
    let shown = known.iter().take(LISTED_PROFILES).cloned().collect::<Vec<_>>().join(", ");
    match known.len().checked_sub(LISTED_PROFILES) {
        Some(more) if more > 0 => format!("there are {shown} and {more} more"),
        _ => format!("there are: {shown}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_listed_up_to_a_dozen() {
        assert_eq!(list(&[]), "there are no profiles at all");
        assert_eq!(list(&["a".into(), "b".into()]), "there are: a, b");
        let many: Vec<_> = (0..14).map(|n| format!("p{n:02}")).collect();
        assert!(list(&many).ends_with("p11 and 2 more"), "{}", list(&many));
        assert!(!list(&many[..12]).contains("more"));
    }
}
