//! What a process has of the machine it runs on: a disk, other processes to speak to, addresses, a
//! name, chance, and the way to AWS and to the nodes. Each has one implementation for production
//! ([`System`]; for the network the SDK's client and reqwest); a simulation brings its own.

mod disk;
mod network;
mod place;

pub use disk::{About, Appending, Disk, DiskOfSystem, Held};
pub use network::{Answered, Asked, Exchange, Keys, Network, NoAnswer, Route};
pub use place::Place;

use std::fmt;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// A machine. Cheap to clone.
#[derive(Clone)]
pub struct Machine {
    /// Its files.
    pub disk: Arc<dyn Disk>,
    /// Its processes and what it knows of itself.
    pub host: Arc<dyn Host>,
}

impl Default for Machine {
    fn default() -> Self {
        Self { disk: Arc::new(DiskOfSystem), host: Arc::new(System) }
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Machine").field(&self.host.name()).finish()
    }
}

/// What comes back from another process.
pub type Heard<'a> = Pin<Box<dyn Future<Output = io::Result<String>> + Send + 'a>>;

/// A machine beside its disk.
pub trait Host: Send + Sync {
    /// Says a line at a socket and hears one; an empty one where the other end hung up.
    fn say<'a>(&'a self, socket: &'a Path, line: String) -> Heard<'a>;

    /// The address from which it would send to a peer; `None` where no route leads there.
    ///
    /// # Errors
    /// That the system gives no socket at all.
    fn own_address(&self, peer: IpAddr) -> io::Result<Option<IpAddr>>;

    /// Its name.
    fn name(&self) -> Option<String>;

    /// The id of this process.
    fn process(&self) -> u32;

    /// A number that nobody could have guessed.
    fn chance(&self) -> u64;
}

/// The machine this program runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

/// The discard port: nothing is sent to it, but a socket must be connected to some port.
const DISCARD: u16 = 9;
/// The longest path a socket may have (`sun_path`), with room to spare.
const PATH_MOST: usize = 100;

impl Host for System {
    fn say<'a>(&'a self, socket: &'a Path, line: String) -> Heard<'a> {
        Box::pin(async move {
            let (_held, reachable) = reachable(socket)?;
            let stream = UnixStream::connect(reachable).await?;
            let (read, mut write) = stream.into_split();
            write.write_all(line.as_bytes()).await?;
            let mut answer = String::new();
            BufReader::new(read).read_line(&mut answer).await?;
            Ok(answer)
        })
    }

    /// Connecting a datagram socket asks the routing table only: no packet leaves.
    fn own_address(&self, peer: IpAddr) -> io::Result<Option<IpAddr>> {
        let any = match peer {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
        let connected = socket.connect(SocketAddr::new(peer, DISCARD));
        Ok(connected.and_then(|()| socket.local_addr()).ok().map(|own| own.ip()))
    }

    fn name(&self) -> Option<String> {
        rustix::system::uname().nodename().to_str().ok().map(str::to_owned)
    }

    fn process(&self) -> u32 {
        std::process::id()
    }

    /// The standard library's hasher is seeded by the system's random numbers.
    fn chance(&self) -> u64 {
        RandomState::new().build_hasher().finish()
    }
}

/// A path that fits a socket's address: a long one by way of its directory's descriptor.
///
/// # Errors
/// Whatever the system says of the directory.
pub fn reachable(path: &Path) -> io::Result<(Option<File>, PathBuf)> {
    if path.as_os_str().len() <= PATH_MOST {
        return Ok((None, path.to_owned()));
    }
    let directory = File::open(path.parent().unwrap_or(Path::new("/")))?;
    let name = path.file_name().unwrap_or_default();
    let short = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
    Ok((Some(directory), short))
}
