//! Which of the nodes this host is: a run lives on the host that starts it, so it must not be one
//! that loses its traffic, or is stopped.

use crate::machine::Machine;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses that this host would speak to these peers from. `None` where no socket can be had
/// at all.
pub fn own_addresses(
    machine: &Machine,
    peers: impl IntoIterator<Item = IpAddr>,
) -> Option<BTreeSet<IpAddr>> {
    let mut own =
        BTreeSet::from([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
    for peer in peers {
        // A peer that no route leads to is not this host.
        own.extend(machine.host.own_address(peer).ok()?);
    }
    Some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_knows_itself() {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert!(own_addresses(&Machine::default(), [here]).unwrap().contains(&here));
        // Another address of the loopback network is spoken to from 127.0.0.1.
        let node = IpAddr::V4(Ipv4Addr::new(127, 10, 0, 7));
        assert!(!own_addresses(&Machine::default(), [node]).unwrap().contains(&node));
    }
}
