//! The laboratory: the world, the machines around it, and what goes wrong between them. Everything
//! that passes through it is a line of the log, and is judged.

use super::chance::Chance;
use super::checker::{Checker, Write};
use super::disk::MemoryDisk;
use crate::clock::{Clock, HostTime};
use crate::core::run::RunId;
use crate::exec::engine::Petition;
use crate::machine::{Answered, Asked, Exchange, Heard, Host, Keys, Network, NoAnswer};
use crate::sim::{Embedded, Mishap, NodeSaid, Said};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// What a disk says to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtDisk {
    /// It is taken.
    Works,
    /// There is no room.
    Full,
}

/// What goes wrong, for a time.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    /// What: `throttle`, `deny`, `fails_before`, `fails_after`, `hang`, `lost_answer`.
    pub kind: &'static str,
    /// With calls whose names contain this.
    pub call: &'static str,
    /// Of this machine, or of all.
    pub host: Option<usize>,
    /// One of so many.
    pub one_in: u64,
    /// Until when.
    pub until: Duration,
}

/// A machine.
pub(super) struct MachineState {
    /// Its name.
    pub name: String,
    /// Its time.
    pub time: Arc<HostTime>,
    /// How often it was started. A process of an earlier life hears nothing and sends nothing.
    pub life: u64,
    /// It dies after so many more calls or syncs.
    pub dies_in: Option<u64>,
    /// Until when nothing on it goes on.
    pub paused: Duration,
    /// When a pause last began and ended.
    pub last_pause: Option<(Duration, Duration)>,
    /// Whether its disk is full.
    pub full: bool,
    /// The next sync takes so long.
    pub stall: Option<Duration>,
    /// Woken when it dies.
    pub death: Arc<Notify>,
    /// Sockets that its processes listen at.
    pub sockets: BTreeMap<PathBuf, mpsc::Sender<Petition>>,
}

/// What the lock guards.
pub(super) struct Inner {
    pub chance: Chance,
    pub hosts: Vec<MachineState>,
    pub troubles: Vec<Trouble>,
    pub log: Vec<String>,
    pub calls: u64,
    pub checker: Checker,
    /// Faults that struck, by kind and phase.
    pub struck: BTreeMap<(String, &'static str), u64>,
    /// What the operators are about.
    pub phase: &'static str,
    /// Somebody else has written to a listener.
    pub others_wrote: bool,
    /// Nothing goes wrong any more.
    pub well: bool,
    disks: Vec<MemoryDisk>,
}

/// The laboratory. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lab {
    inner: Arc<Mutex<Inner>>,
    pub world: Embedded,
    pub clock: Clock,
}

impl Lab {
    pub(super) fn new(world: Embedded, clock: Clock, seed: u64, names: &[&str]) -> Self {
        let hosts = names.iter().map(|name| MachineState {
            name: (*name).to_owned(),
            time: HostTime::starting_at(clock.now()),
            life: 0,
            dies_in: None,
            paused: Duration::ZERO,
            last_pause: None,
            full: false,
            stall: None,
            death: Arc::default(),
            sockets: BTreeMap::new(),
        });
        let inner = Inner {
            chance: Chance::new(seed),
            hosts: hosts.collect(),
            troubles: Vec::new(),
            log: Vec::new(),
            calls: 0,
            checker: Checker::default(),
            struck: BTreeMap::new(),
            phase: "plan",
            others_wrote: false,
            well: false,
            disks: Vec::new(),
        };
        Self { inner: Arc::new(Mutex::new(inner)), world, clock }
    }

    /// The state; never held across an await.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True time since the beginning.
    pub(super) fn now(&self) -> Duration {
        self.clock.real_elapsed()
    }

    /// Adds a line to the log.
    pub(super) fn say(&self, host: &str, what: &str) {
        let at = self.now().as_millis();
        self.lock().log.push(format!("{at:>9} {host} {what}"));
    }

    /// The disks of its machines, by their numbers.
    pub(super) fn own(&self, disks: Vec<MemoryDisk>) {
        let before = std::mem::replace(&mut self.lock().disks, disks);
        drop(before);
    }

    /// Nothing goes wrong from here on.
    pub(super) fn all_well(&self) {
        let mut inner = self.lock();
        inner.troubles.clear();
        for machine in &mut inner.hosts {
            machine.dies_in = None;
            machine.paused = Duration::ZERO;
            machine.full = false;
            machine.stall = None;
            machine.time.set_offset(0);
        }
        inner.well = true;
    }

    /// Counts a call or a sync of a machine; whether it dies at it: what runs on it is gone then, and
    /// its disk keeps what was synced.
    fn dies_here(&self, host: usize) -> bool {
        let (torn, disk, name) = {
            let mut inner = self.lock();
            let torn = inner.chance.next();
            let disk = inner.disks.get(host).cloned();
            let machine = &mut inner.hosts[host];
            let Some(left) = &mut machine.dies_in else { return false };
            *left = left.saturating_sub(1);
            if *left > 0 {
                return false;
            }
            machine.life += 1;
            machine.dies_in = None;
            machine.sockets.clear();
            machine.stall = None;
            machine.death.notify_waiters();
            (torn, disk, machine.name.clone())
        };
        if let Some(disk) = disk {
            disk.crash(torn);
        }
        self.say(&name, "dies");
        true
    }

    /// A disk asks whether a write may happen.
    pub(super) fn at_disk(&self, host: usize) -> AtDisk {
        if self.lock().hosts[host].full { AtDisk::Full } else { AtDisk::Works }
    }

    /// A disk syncs.
    pub(super) fn at_sync(&self, host: usize) -> io::Result<()> {
        if self.dies_here(host) {
            return Err(ErrorKind::Interrupted.into());
        }
        let (full, stall, name) = {
            let mut inner = self.lock();
            let machine = &mut inner.hosts[host];
            (machine.full, machine.stall.take(), machine.name.clone())
        };
        if full {
            return Err(ErrorKind::StorageFull.into());
        }
        if let Some(span) = stall {
            self.say(&name, &format!("a sync takes {} s", span.as_secs()));
            self.lock().hosts[host].time.block(span);
        }
        Ok(())
    }

    /// Waits while a machine stands still; for ever, if this life of it is over.
    async fn gate(&self, host: usize, life: u64) {
        loop {
            let (dead, wait) = {
                let inner = self.lock();
                let machine = &inner.hosts[host];
                let paused = machine.paused.saturating_sub(self.now());
                (machine.life != life, paused.max(machine.time.blocked_for()))
            };
            if dead {
                return std::future::pending().await;
            }
            if wait.is_zero() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// What goes wrong with this call.
    fn trouble(&self, host: usize, call: &str) -> Option<&'static str> {
        let now = self.now();
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.troubles.retain(|one| one.until > now);
        let fits = |one: &&Trouble| call.contains(one.call) && one.host.is_none_or(|of| of == host);
        let found = inner.troubles.iter().find(fits)?;
        let (kind, one_in) = (found.kind, found.one_in);
        if !inner.chance.next().is_multiple_of(one_in.max(1)) {
            return None;
        }
        *inner.struck.entry((kind.to_owned(), inner.phase)).or_default() += 1;
        Some(kind)
    }

    fn some_millis(&self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.lock().chance.between(least, most))
    }

    async fn aws(&self, from: &Wire, asked: &Asked) -> Result<Answered, NoAnswer> {
        let name = name_of(asked);
        let trouble = self.trouble(from.host, &name);
        let mishap = match trouble {
            Some("throttle") => Mishap::Throttled,
            Some("deny") => Mishap::Denied,
            Some("fails_before") => Mishap::FailsBefore,
            Some("fails_after") => Mishap::FailsAfter,
            Some("hang") => {
                self.note(from, &name, "hang", "never arrives");
                return std::future::pending().await;
            }
            _ => Mishap::None,
        };
        let before = is_write(&name).then(|| self.world.view());
        let said = self.world.aws(&asked.headers, &asked.body, mishap);
        let Some(said) = said else { return Err(NoAnswer::CutOff(None)) };
        let effect = said.status < 300 || mishap == Mishap::FailsAfter;
        self.note(
            from,
            &format!("{name} {}", said.arguments),
            trouble.unwrap_or("-"),
            &shown(&said),
        );
        if let Some(before) = before.filter(|_| effect) {
            let (now, after) = (self.now(), self.world.view());
            let journal = from.run.as_ref().map(|(_, path)| from.disk.kept(path));
            let mut inner = self.lock();
            let inner = &mut *inner;
            let machine = &inner.hosts[from.host];
            let write = Write {
                call: &name,
                arguments: &said.arguments,
                host: &machine.name,
                run: from.run.as_ref().map(|(run, _)| run),
                journal: journal.as_deref(),
                pause: machine.last_pause,
                now,
            };
            inner.checker.wrote(&write, &before, &after);
        }
        if effect && trouble == Some("lost_answer") {
            return std::future::pending().await;
        }
        Ok(Answered { status: said.status, headers: said.headers, body: said.body.into_bytes() })
    }

    fn note(&self, from: &Wire, call: &str, fault: &str, answer: &str) {
        let name = self.lock().hosts[from.host].name.clone();
        self.lock().calls += 1;
        self.say(&name, &format!("{call} [{fault}] {answer}"));
    }

    async fn node(&self, from: &Wire, asked: &Asked) -> Result<Answered, NoAnswer> {
        let Some((port, path)) = node_port(&asked.url) else { return Err(NoAnswer::NoRoute) };
        let json = asked.headers.iter().any(|(_, value)| value == "application/json");
        let said = self.world.node(port, path, json);
        self.lock().calls += 1;
        let shown = match &said {
            NodeSaid::Answer(status, ..) => status.to_string(),
            other => format!("{other:?}"),
        };
        let name = self.lock().hosts[from.host].name.clone();
        self.say(&name, &format!("GET {}:{}{path} {shown}", port.0, port.1));
        match said {
            NodeSaid::Answer(302, _, to) => {
                let headers = vec![("location".to_owned(), to)];
                Ok(Answered { status: 302, headers, body: Vec::new() })
            }
            NodeSaid::Answer(status, kind, body) => {
                let headers = vec![("content-type".to_owned(), kind)];
                Ok(Answered { status, headers, body: body.into_bytes() })
            }
            NodeSaid::Refused => Err(NoAnswer::Refused),
            NodeSaid::Silence => std::future::pending().await,
        }
    }
}

/// The name of a call to AWS, as far as its request tells.
fn name_of(asked: &Asked) -> String {
    let target = asked.headers.iter().find(|(name, _)| name == "x-amz-target");
    if let Some((_, target)) = target {
        return target.rsplit('.').next().unwrap_or_default().to_owned();
    }
    let body = String::from_utf8_lossy(&asked.body);
    let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
    action.unwrap_or_default().to_owned()
}

/// Whether a call changes something.
fn is_write(name: &str) -> bool {
    !["Describe", "List", "Get", "Discover"].iter().any(|verb| name.starts_with(verb))
}

fn shown(said: &Said) -> String {
    match &said.code {
        Some(code) => format!("{} {code}", said.status),
        None => said.status.to_string(),
    }
}

fn node_port(url: &str) -> Option<((Ipv4Addr, u16), &str)> {
    let rest = url.strip_prefix("http://")?;
    let (authority, _) = rest.split_once('/')?;
    let (ip, port) = authority.split_once(':')?;
    Some(((ip.parse().ok()?, port.parse().ok()?), &rest[authority.len()..]))
}

/// The network as a process of a machine has it.
#[derive(Clone)]
pub(super) struct Wire {
    pub lab: Lab,
    pub host: usize,
    pub life: u64,
    /// The machine's disk.
    pub disk: MemoryDisk,
    /// The run that the process carries out, and where its journal is.
    pub run: Option<(RunId, PathBuf)>,
}

/// The address at which the world answers for AWS.
pub(super) const AWS: &str = "http://aws.test";

impl Network for Wire {
    fn exchange(&self, asked: Asked) -> Exchange<'_> {
        Box::pin(async move {
            let lab = &self.lab;
            lab.gate(self.host, self.life).await;
            if lab.dies_here(self.host) {
                return std::future::pending().await;
            }
            tokio::time::sleep(lab.some_millis(2, 40)).await;
            let answer = if asked.url.starts_with(AWS) {
                lab.aws(self, &asked).await
            } else {
                lab.node(self, &asked).await
            };
            tokio::time::sleep(lab.some_millis(2, 40)).await;
            lab.gate(self.host, self.life).await;
            answer
        })
    }

    fn wall(&self) -> Timestamp {
        self.lab.lock().hosts[self.host].time.wall()
    }

    fn keys(&self) -> Keys {
        let name = self.lab.lock().hosts[self.host].name.to_uppercase();
        Keys { id: format!("AKIA{name}"), secret: "secret".to_owned() }
    }
}

impl Host for Wire {
    fn say<'a>(&'a self, socket: &'a Path, line: String) -> Heard<'a> {
        Box::pin(async move {
            let found = self.lab.lock().hosts[self.host].sockets.get(socket).cloned();
            match found {
                Some(words) => crate::exec::control::answer(&line, 1_000, &words).await,
                None => Err(ErrorKind::ConnectionRefused.into()),
            }
        })
    }

    fn own_address(&self, _peer: IpAddr) -> io::Result<Option<IpAddr>> {
        Ok(Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9))))
    }

    fn name(&self) -> Option<String> {
        Some(self.lab.lock().hosts[self.host].name.clone())
    }

    fn process(&self) -> u32 {
        4_000
    }

    fn chance(&self) -> u64 {
        self.lab.lock().chance.next()
    }
}
