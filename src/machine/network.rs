//! The way to AWS and to the nodes. In production there is nothing in between: the SDK's HTTP client
//! and reqwest send. Where a [`Network`] is given, both ask it instead.

use jiff::Timestamp;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body, as far as it came.
    pub body: Vec<u8>,
}

impl Answered {
    /// A header by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What comes instead of an answer. One that never comes is no answer at all: whoever asks has a
/// limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The connection was refused.
    #[error("connection refused")]
    Refused,
    /// There is no way there.
    #[error("host unreachable")]
    NoRoute,
    /// The connection broke off; with the status, where one had come.
    #[error("the connection broke off")]
    CutOff(Option<u16>),
}

/// What a network makes of a request.
pub type Exchange<'a> = Pin<Box<dyn Future<Output = Result<Answered, NoAnswer>> + Send + 'a>>;

/// A network.
pub trait Network: Send + Sync {
    /// Sends a request and brings the answer.
    fn exchange(&self, asked: Asked) -> Exchange<'_>;

    /// What the wall clock says where it begins: requests are signed by it.
    fn wall(&self) -> Timestamp;

    /// The keys that requests to AWS are signed with.
    fn keys(&self) -> Keys;
}

/// An access key and its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The id.
    pub id: String,
    /// The secret.
    pub secret: String,
}

/// How requests travel: directly, or through a network that was given.
#[derive(Clone, Default)]
pub struct Route(Option<Arc<dyn Network>>);

impl Route {
    /// Through this network.
    pub fn through(network: Arc<dyn Network>) -> Self {
        Self(Some(network))
    }

    /// The network; `None` where requests travel directly.
    pub fn network(&self) -> Option<&Arc<dyn Network>> {
        self.0.as_ref()
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "through a network" } else { "direct" })
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(another)) => Arc::ptr_eq(one, another),
            (None, None) => true,
            _ => false,
        }
    }
}

impl Eq for Route {}
