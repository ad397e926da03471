//! Taking out peers that are proven gone. Nothing here is an error: whatever cannot be read, is
//! denied, or is only half there, leaves every entry where it is.

use super::proof::{self, AddressSays, BETWEEN_LOOKS, Ec2Says, Evidence, Verdict};
use super::write::Writer;
use super::{RegisterError, Step, entry};
use crate::core::error::SourceError;
use crate::core::ids::{InstanceId, ServiceId};
use crate::core::inventory::{AutoScalingGroup, Ec2Instance, Member};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind as Io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How long a port may take to take a connection. Peers are in the same VPC.
const CONNECT: Duration = Duration::from_secs(2);
/// Ids in one question to EC2.
const IDS: usize = crate::aws::ec2::IDS_PER_CALL;

/// Takes out of each service the peers of this node's fleet that are proven gone.
///
/// # Errors
/// Only of this node's own entry: where somebody took it out meanwhile, it is put back.
pub(super) async fn gone(writer: &mut Writer<'_>, ports: &[u16]) -> Result<(), RegisterError> {
    writer.start_anew();
    let proven = match prove(writer, ports).await {
        Ok(proven) => proven,
        Err(error) => {
            (writer.say)(Step::Doubt(error.to_string()));
            return Ok(());
        }
    };
    for service in writer.node.services.clone() {
        if proven.is_empty() {
            return Ok(());
        }
        // What was proven was proven of what was listed then: an entry that changed since is not
        // the same entry.
        let members = match writer.list(&service).await {
            Ok(members) => members,
            Err(error) => {
                (writer.say)(Step::Doubt(error.to_string()));
                return Ok(());
            }
        };
        let same =
            |one: &&(ServiceId, Member, String)| one.0 == service && members.contains(&one.1);
        let still: Vec<_> = proven.iter().filter(same).collect();
        for (_, member, why) in still {
            match writer.remove(&service, &member.id).await {
                Ok(true) => {
                    let step = Step::Removed(service.clone(), member.id.clone(), why.clone());
                    (writer.say)(step);
                }
                Ok(false) => {
                    let why = "another node removed it".to_owned();
                    (writer.say)(Step::Removed(service.clone(), member.id.clone(), why));
                }
                Err(error) => {
                    let why = format!("{error}: {}", cause(&error));
                    (writer.say)(Step::Stays(service.clone(), member.id.clone(), why));
                }
            }
        }
        writer.keep(&service, members).await?;
    }
    Ok(())
}

fn cause(error: &RegisterError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

/// Every entry of a peer that is proven gone, and why.
async fn prove(
    writer: &Writer<'_>,
    ports: &[u16],
) -> Result<Vec<(ServiceId, Member, String)>, SourceError> {
    let node = writer.node;
    let mut entries: Vec<(ServiceId, Member)> = Vec::new();
    for service in &node.services {
        let members = writer.list(service).await?;
        let peers = entry::peers(&members, &node.stack, &node.id);
        entries.extend(peers.map(|one| (service.clone(), one.clone())));
    }
    let ids: BTreeSet<InstanceId> =
        entries.iter().map(|(_, one)| one.id.clone()).filter(InstanceId::is_ec2).collect();
    let mut said = look(writer, &ids).await?;
    said.known.retain(|_, says| *says != Ec2Says::Exists);
    let suspects = said.known;
    entries.retain(|(_, one)| suspects.contains_key(&one.id));
    if entries.is_empty() {
        (writer.say)(Step::AllLive(ids.len()));
        return Ok(Vec::new());
    }
    let suspects = second_look(writer, suspects).await?;
    let groups = writer.insist(async || writer.cloud.groups().await).await?;
    let account = writer.insist(async || writer.cloud.account().await).await?;
    let mut proven = Vec::new();
    for (service, member) in entries {
        let Some(ec2) = suspects.get(&member.id).copied() else { continue };
        let address = address(writer, &member, (&said.found, &groups), ports).await?;
        let seen = Evidence { ec2, groups: &groups, account: &account, address };
        match proof::judge(&member, &seen) {
            Verdict::Gone(why) => proven.push((service, member, why)),
            Verdict::Stays(why) => (writer.say)(Step::Stays(service, member.id, why)),
        }
    }
    Ok(proven)
}

/// One complete answer of EC2 about some ids.
struct Look {
    known: BTreeMap<InstanceId, Ec2Says>,
    found: Vec<Ec2Instance>,
}

async fn look(writer: &Writer<'_>, ids: &BTreeSet<InstanceId>) -> Result<Look, SourceError> {
    let ids: Vec<InstanceId> = ids.iter().cloned().collect();
    let mut found = Vec::new();
    for some in ids.chunks(IDS) {
        found.extend(writer.insist(async || writer.cloud.instances(some).await).await?);
    }
    let known = ids.into_iter().map(|id| {
        let says = Ec2Says::once(&found, &id);
        (id, says)
    });
    Ok(Look { known: known.collect(), found })
}

/// A second answer about the ids that the first left out.
async fn second_look(
    writer: &Writer<'_>,
    mut suspects: BTreeMap<InstanceId, Ec2Says>,
) -> Result<BTreeMap<InstanceId, Ec2Says>, SourceError> {
    let left_out: BTreeSet<InstanceId> = suspects
        .iter()
        .filter(|(_, says)| **says == Ec2Says::LeftOutOnce)
        .map(|(id, _)| id.clone())
        .collect();
    if left_out.is_empty() {
        return Ok(suspects);
    }
    (writer.say)(Step::LooksAgain(left_out.len(), BETWEEN_LOOKS));
    writer.clock.sleep(BETWEEN_LOOKS).await;
    for (id, later) in look(writer, &left_out).await?.known {
        if let Some(says) = suspects.get_mut(&id) {
            *says = says.twice(later);
        }
    }
    Ok(suspects)
}

/// What an entry's address does. Where something answers there, the fleet's groups are asked whose
/// the address is now: a new instance may have got the address of a dead one.
async fn address(
    writer: &Writer<'_>,
    member: &Member,
    (known, groups): (&[Ec2Instance], &[AutoScalingGroup]),
    ports: &[u16],
) -> Result<AddressSays, SourceError> {
    let Some(ip) = member.ipv4().and_then(|text| text.parse::<Ipv4Addr>().ok()) else {
        return Ok(AddressSays::Unknown);
    };
    if ip == writer.node.ip || proof::owner(known, ip, &member.id) {
        return Ok(AddressSays::IsAnothers);
    }
    let says = knock(ip, ports).await;
    if says != AddressSays::Answers {
        return Ok(says);
    }
    let ids: BTreeSet<InstanceId> =
        groups.iter().flat_map(|group| &group.instances).map(|one| one.id.clone()).collect();
    let found = look(writer, &ids).await?.found;
    let anothers = proof::owner(&found, ip, &member.id);
    Ok(if anothers { AddressSays::IsAnothers } else { AddressSays::Answers })
}

/// Tries all ports at once: one that takes the connection decides.
async fn knock(ip: Ipv4Addr, ports: &[u16]) -> AddressSays {
    let mut tried = JoinSet::new();
    for port in ports {
        let address = SocketAddrV4::new(ip, *port);
        tried.spawn(async move {
            match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(_)) => AddressSays::Answers,
                Ok(Err(error)) => match error.kind() {
                    Io::ConnectionRefused => AddressSays::Refuses,
                    Io::HostUnreachable | Io::TimedOut => AddressSays::TimesOut,
                    // Whoever resets a connection is there.
                    Io::ConnectionReset | Io::ConnectionAborted => AddressSays::Answers,
                    _ => AddressSays::Unknown,
                },
                Err(_) => AddressSays::TimesOut,
            }
        });
    }
    let said = tried.join_all().await;
    let some = |says: AddressSays| said.contains(&says);
    if said.is_empty() || some(AddressSays::Unknown) && !some(AddressSays::Answers) {
        AddressSays::Unknown
    } else if some(AddressSays::Answers) {
        AddressSays::Answers
    } else if some(AddressSays::TimesOut) {
        AddressSays::TimesOut
    } else {
        AddressSays::Refuses
    }
}
