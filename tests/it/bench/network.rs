//! A piece of 127.0.0.0/8 for one test's "nodes". Tests run side by side, in threads and in
//! processes, and fake nodes listen on fixed ports, so each test takes a network of its own.

use std::net::{Ipv4Addr, TcpListener};

/// The port whose listener marks a network as taken. Below the range from which the kernel hands
/// out ports, so that no outgoing connection occupies it by chance.
const LOCK_PORT: u16 = 7077;

/// The second byte: 127.0 and a few after it are left to everybody else.
const FIRST: u8 = 16;
const COUNT: u8 = 230;

/// `127.N.0.0/16`, ours for as long as this lives.
pub struct Network {
    second: u8,
    _lock: TcpListener,
}

impl Network {
    /// Takes the first free one, beginning at another place in each process.
    pub fn claim() -> Self {
        let start = (std::process::id() % u32::from(COUNT)) as u8;
        (0..COUNT)
            .map(|step| FIRST + ((u16::from(start) + u16::from(step)) % u16::from(COUNT)) as u8)
            .find_map(|second| {
                let address = (Ipv4Addr::new(127, second, 15, 254), LOCK_PORT);
                TcpListener::bind(address).ok().map(|lock| Self { second, _lock: lock })
            })
            .expect("a free network among 127.16.0.0 to 127.245.0.0: do tests leak?")
    }

    /// Its first two bytes, `127.77`.
    pub fn prefix(&self) -> String {
        format!("127.{}", self.second)
    }

    pub fn address(&self, third: u8, fourth: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, self.second, third, fourth)
    }
}
