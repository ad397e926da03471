//! Whether a peer is proven gone. Pure: what was seen goes in, a verdict comes out. Anything that
//! was not seen, or not seen whole, leaves the entry where it is.

use crate::core::ids::InstanceId;
use crate::core::inventory::{AutoScalingGroup, Ec2Instance, Member};
use std::net::Ipv4Addr;
use std::time::Duration;

/// An answer of EC2 that leaves an id out proves nothing alone (it does so for a zone that it
/// cannot see into): there must be two, so far apart.
pub(super) const BETWEEN_LOOKS: Duration = Duration::from_secs(20);

/// What EC2's answers say of one id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ec2Says {
    /// It exists, whatever its state.
    Exists,
    /// It is terminated.
    Terminated,
    /// One complete answer left it out.
    LeftOutOnce,
    /// Two complete answers left it out, [`BETWEEN_LOOKS`] apart.
    LeftOutTwice,
}

impl Ec2Says {
    /// What one complete answer says.
    pub(super) fn once(found: &[Ec2Instance], id: &InstanceId) -> Self {
        match found.iter().find(|one| &one.id == id) {
            Some(one) if &*one.state == "terminated" => Self::Terminated,
            Some(_) => Self::Exists,
            None => Self::LeftOutOnce,
        }
    }

    /// What two say, the second at least [`BETWEEN_LOOKS`] after the first.
    pub(super) fn twice(self, later: Self) -> Self {
        match (self, later) {
            (Self::LeftOutOnce, Self::LeftOutOnce) => Self::LeftOutTwice,
            (_, later) => later,
        }
    }
}

/// What the entry's address does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub(super) enum AddressSays {
    /// Every port refused.
    #[strum(to_string = "its address refuses")]
    Refuses,
    /// No port answered in time, or nobody is there.
    #[strum(to_string = "its address does not answer")]
    TimesOut,
    /// A port took a connection, and it is not known whose the address is now.
    #[strum(to_string = "its address answers")]
    Answers,
    /// The address belongs to another running instance.
    #[strum(to_string = "its address is another instance's now")]
    IsAnothers,
    /// It could not be asked from here, or the entry has none.
    #[strum(to_string = "its address cannot be asked from here")]
    Unknown,
}

/// Everything that was seen about one entry.
#[derive(Clone, Debug)]
pub(super) struct Evidence<'a> {
    /// EC2's word.
    pub ec2: Ec2Says,
    /// A complete listing of the Auto Scaling groups.
    pub groups: &'a [AutoScalingGroup],
    /// The account that we are.
    pub account: &'a str,
    /// What the address does.
    pub address: AddressSays,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is gone: the reason, as a fragment.
    Gone(String),
    /// It stays: the reason, as a fragment.
    Stays(String),
}

/// Judges one entry.
pub(super) fn judge(entry: &Member, seen: &Evidence<'_>) -> Verdict {
    let stays = |why: &str| Verdict::Stays(why.to_owned());
    if !entry.id.is_ec2() {
        return stays("its id is no EC2 instance's, so EC2 cannot say whether it is gone");
    }
    let ec2 = match seen.ec2 {
        Ec2Says::Exists => return stays("EC2 knows it"),
        Ec2Says::LeftOutOnce => return stays("only one answer of EC2 left it out"),
        Ec2Says::Terminated => "EC2 says terminated",
        Ec2Says::LeftOutTwice => "two answers of EC2 left it out",
    };
    if let Some(group) = listing(seen.groups, &entry.id) {
        return Verdict::Stays(format!("the Auto Scaling group {} lists it", group.name));
    }
    if entry.account.as_deref().is_some_and(|account| account != seen.account) {
        return stays("another account registered it");
    }
    match seen.address {
        AddressSays::Refuses | AddressSays::TimesOut | AddressSays::IsAnothers => {
            Verdict::Gone(format!("{ec2}, no Auto Scaling group lists it, {}", seen.address))
        }
        AddressSays::Answers | AddressSays::Unknown => {
            Verdict::Stays(format!("{ec2}, but {}", seen.address))
        }
    }
}

/// The group that lists an instance.
pub(super) fn listing<'a>(
    groups: &'a [AutoScalingGroup],
    id: &InstanceId,
) -> Option<&'a AutoScalingGroup> {
    groups.iter().find(|group| group.instances.iter().any(|one| &one.id == id))
}

/// The running instance that has an address, other than this one.
pub(super) fn owner(found: &[Ec2Instance], address: Ipv4Addr, not: &InstanceId) -> bool {
    found.iter().any(|one| {
        &one.id != not
            && &*one.state == "running"
            && one.private_ip == Some(std::net::IpAddr::V4(address))
    })
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
