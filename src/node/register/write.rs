//! Changes of entries: submitted until they are taken, followed to their end, looked for in the
//! listing.

use super::cloud::{Cloud, Operation};
use super::{Counted, RegisterError, Say, Step, backoff, entry};
use crate::clock::Clock;
use crate::core::error::{ErrorKind, SourceError};
use crate::core::ids::{InstanceId, ServiceId};
use crate::core::inventory::Member;
use crate::node::ThisNode;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often an entry that somebody took out again is written once more.
const WRITES: u32 = 4;
/// So many looks at a listing for what was carried out: Cloud Map promises no read after write.
const LOOKS: u32 = 6;

/// Makes changes for one node, and keeps account of them.
pub(super) struct Writer<'a> {
    pub(super) cloud: &'a Cloud,
    pub(super) clock: &'a Clock,
    pub(super) node: &'a ThisNode,
    pub(super) say: Say<'a>,
    patience: Duration,
    /// When insisting ends.
    until: Timestamp,
    changed: Vec<ServiceId>,
}

/// What became of an accepted change.
enum Followed {
    Done,
    /// AWS says itself that another attempt may go better.
    Again(String),
    Failed {
        code: String,
        message: String,
    },
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        cloud: &'a Cloud,
        clock: &'a Clock,
        node: &'a ThisNode,
        patience: Duration,
        say: Say<'a>,
    ) -> Self {
        let until = clock.now().checked_add(patience).unwrap_or(Timestamp::MAX);
        Self { cloud, clock, node, say, patience, until, changed: Vec::new() }
    }

    /// Insists anew from now on: what follows has waited for something else.
    pub(super) fn start_anew(&mut self) {
        self.until = self.clock.now().checked_add(self.patience).unwrap_or(Timestamp::MAX);
    }

    /// Makes a call until it is answered for good, or patience ends: then with the last error.
    pub(super) async fn insist<T>(
        &self,
        mut call: impl AsyncFnMut() -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let mut attempts = 0;
        loop {
            let error = match call().await {
                Err(error) if passes(&error) && self.clock.now() < self.until => error,
                answer => return answer,
            };
            attempts += 1;
            // A throttled caller waits anything; one that waits for another operation on the same
            // entry gives it time.
            let span = if is_busy(&error) {
                backoff::most_of(attempts)
            } else {
                backoff::full_jitter(attempts)
            };
            self.pause(error.to_string(), span).await;
        }
    }

    async fn pause(&self, why: String, span: Duration) {
        (self.say)(Step::Again(why, span));
        self.clock.sleep(span).await;
    }

    /// A service's entries.
    pub(super) async fn list(&self, service: &ServiceId) -> Result<Vec<Member>, SourceError> {
        self.insist(async || self.cloud.members(service).await).await
    }

    /// The entries of all services, before anything is changed.
    pub(super) async fn list_all(&self) -> Result<Vec<(ServiceId, Vec<Member>)>, RegisterError> {
        let mut all = Vec::new();
        for service in &self.node.services {
            let members = self.list(service).await.map_err(|source| match source.kind {
                ErrorKind::NotFound => self.unknown(service, source),
                _ => RegisterError::Read(source),
            })?;
            let peers = entry::peers(&members, &self.node.stack, &self.node.id).count();
            (self.say)(Step::Listed(service.clone(), Counted { all: members.len(), peers }));
            all.push((service.clone(), members));
        }
        Ok(all)
    }

    fn unknown(&self, service: &ServiceId, source: SourceError) -> RegisterError {
        let (service, region) = (service.clone(), self.cloud.region().to_owned());
        RegisterError::UnknownService { service, region, source }
    }

    /// Writes this node's entry, whatever stands there: an entry that looks right may be about to
    /// go, since operations on it may be under way. Then it must be in the listing.
    pub(super) async fn put(
        &mut self,
        service: &ServiceId,
        mut members: Vec<Member>,
    ) -> Result<(), RegisterError> {
        for write in 1..=WRITES {
            let key = entry::stack_key(&members, self.node);
            let old = entry::of(&members, &self.node.id);
            let wanted = entry::attributes(old, key, self.node);
            self.submit(service, &wanted).await?;
            let seen = async |members: &[Member]| entry::stands(members, &self.node.id, &wanted);
            match self.look_for(service, seen).await? {
                Ok(()) => {
                    let text: Vec<_> =
                        wanted.iter().map(|(key, value)| format!("{key}={value}")).collect();
                    let id = self.node.id.clone();
                    (self.say)(Step::Registered(service.clone(), id, text.join(" ")));
                    self.changed.push(service.clone());
                    return Ok(());
                }
                Err(now) => members = now,
            }
            if write < WRITES {
                (self.say)(Step::TakenOut(service.clone()));
            }
        }
        Err(RegisterError::NotSeen { service: service.clone(), changed: self.changed.clone() })
    }

    /// Puts the entry back if it is not in this listing any more.
    pub(super) async fn keep(
        &mut self,
        service: &ServiceId,
        members: Vec<Member>,
    ) -> Result<(), RegisterError> {
        if entry::of(&members, &self.node.id).is_some() {
            return Ok(());
        }
        (self.say)(Step::TakenOut(service.clone()));
        self.put(service, members).await
    }

    async fn submit(
        &self,
        service: &ServiceId,
        wanted: &BTreeMap<String, String>,
    ) -> Result<(), RegisterError> {
        loop {
            let request = format!("{:016x}{:016x}", backoff::chance(), backoff::chance());
            let id = &self.node.id;
            let taken = self
                .insist(async || self.cloud.register(service, id, wanted, &request).await)
                .await;
            let operation = taken.map_err(|source| self.not_taken(service, source))?;
            (self.say)(Step::Submitted(service.clone(), operation.clone()));
            match self.follow(&operation).await {
                Followed::Done => return Ok(()),
                Followed::Again(why) if self.clock.now() < self.until => {
                    self.pause(why, backoff::most_of(3)).await;
                }
                Followed::Again(message) => {
                    return Err(self.failed(service, String::new(), message));
                }
                Followed::Failed { code, message } => {
                    return Err(self.failed(service, code, message));
                }
            }
        }
    }

    fn not_taken(&self, service: &ServiceId, source: SourceError) -> RegisterError {
        if source.code.as_deref() == Some("ServiceNotFound") {
            return self.unknown(service, source);
        }
        RegisterError::Write { service: service.clone(), source, changed: self.changed.clone() }
    }

    fn failed(&self, service: &ServiceId, code: String, message: String) -> RegisterError {
        let (service, changed) = (service.clone(), self.changed.clone());
        RegisterError::NotCarriedOut { service, code, message, changed }
    }

    /// Follows an operation to its end. One that cannot be asked after counts as done: the listing
    /// is looked at next, and that decides.
    async fn follow(&self, operation: &str) -> Followed {
        let mut looks = 0;
        loop {
            looks += 1;
            match self.insist(async || self.cloud.operation(operation).await).await {
                Ok(Operation::Done) => return Followed::Done,
                Ok(Operation::Failed { code, message }) => {
                    let passing = matches!(code.as_str(), "THROTTLED_REQUEST" | "INTERNAL_FAILURE");
                    return if passing {
                        Followed::Again(format!("{code}: {message}"))
                    } else {
                        Followed::Failed { code, message }
                    };
                }
                Ok(Operation::UnderWay) if self.clock.now() < self.until => {}
                Ok(Operation::UnderWay) | Err(_) => return Followed::Done,
            }
            self.clock.sleep(backoff::most_of(looks.min(4))).await;
        }
    }

    /// Looks at the listing until it is as it should be; otherwise its last state.
    async fn look_for(
        &self,
        service: &ServiceId,
        good: impl AsyncFn(&[Member]) -> bool,
    ) -> Result<Result<(), Vec<Member>>, RegisterError> {
        let mut look = 1;
        loop {
            let members = self.list(service).await.map_err(|source| {
                let (service, changed) = (service.clone(), self.changed.clone());
                RegisterError::Write { service, source, changed }
            })?;
            if good(&members).await {
                return Ok(Ok(()));
            }
            if look == LOOKS {
                return Ok(Err(members));
            }
            self.clock.sleep(backoff::most_of(look)).await;
            look += 1;
        }
    }

    /// Takes this node out of one service.
    pub(super) async fn leave(&mut self, service: &ServiceId) -> Result<(), RegisterError> {
        let how = if self.remove(service, &self.node.id).await? {
            "this node is taken out"
        } else {
            "this node was not registered"
        };
        (self.say)(Step::Left(service.clone(), how));
        self.changed.push(service.clone());
        Ok(())
    }

    /// Removes an entry and sees it gone; whether it was there at all.
    pub(super) async fn remove(
        &self,
        service: &ServiceId,
        id: &InstanceId,
    ) -> Result<bool, RegisterError> {
        let taken = self.insist(async || self.cloud.deregister(service, id).await).await;
        let operation = match taken {
            Ok(operation) => operation,
            Err(error) if error.code.as_deref() == Some("InstanceNotFound") => return Ok(false),
            Err(source) => return Err(self.not_taken(service, source)),
        };
        (self.say)(Step::Submitted(service.clone(), operation.clone()));
        match self.follow(&operation).await {
            Followed::Done => {}
            Followed::Again(message) => return Err(self.failed(service, String::new(), message)),
            Followed::Failed { code, message } => return Err(self.failed(service, code, message)),
        }
        let gone = async |members: &[Member]| entry::of(members, id).is_none();
        match self.look_for(service, gone).await? {
            Ok(()) => Ok(true),
            Err(_) => {
                let (service, changed) = (service.clone(), self.changed.clone());
                Err(RegisterError::NotSeen { service, changed })
            }
        }
    }
}

/// Whether the same call may go better in a moment.
fn passes(error: &SourceError) -> bool {
    let ours = ["InternalFailure", "InternalError", "ServiceUnavailable"];
    match error.kind {
        ErrorKind::Throttled
        | ErrorKind::Unreachable
        | ErrorKind::TimedOut
        | ErrorKind::Truncated
        | ErrorKind::Malformed => true,
        ErrorKind::Failed => {
            is_busy(error) || error.code.as_deref().is_none_or(|code| ours.contains(&code))
        }
        _ => false,
    }
}

/// Whether another operation on the same entry or service is under way.
fn is_busy(error: &SourceError) -> bool {
    matches!(error.code.as_deref(), Some("DuplicateRequest" | "ResourceInUse"))
}
