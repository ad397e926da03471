//! Which of the nodes this host is: a run lives on the host that starts it, so it must not be one
//! that loses its traffic, or is stopped.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The discard port: nothing is sent to it, but a socket must be connected to some port.
const DISCARD: u16 = 9;

/// The addresses that this host would speak to these peers from. Connecting a datagram socket asks
/// the routing table only: no packet leaves. `None` where no socket can be had at all.
pub fn own_addresses(peers: impl IntoIterator<Item = IpAddr>) -> Option<BTreeSet<IpAddr>> {
    let mut own =
        BTreeSet::from([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
    let v4 = socket(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let v6 = socket(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    for peer in peers {
        let socket = if peer.is_ipv4() { v4.as_ref() } else { v6.as_ref() }?;
        // A peer that no route leads to is not this host.
        if socket.connect(SocketAddr::new(peer, DISCARD)).is_ok()
            && let Ok(local) = socket.local_addr()
        {
            own.insert(local.ip());
        }
    }
    Some(own)
}

fn socket(any: IpAddr) -> Option<UdpSocket> {
    UdpSocket::bind(SocketAddr::new(any, 0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_knows_itself() {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert!(own_addresses([here]).unwrap().contains(&here));
        // Another address of the loopback network is spoken to from 127.0.0.1.
        let node = IpAddr::V4(Ipv4Addr::new(127, 10, 0, 7));
        assert!(!own_addresses([node]).unwrap().contains(&node));
    }
}
