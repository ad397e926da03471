//! One request to one URL, for whoever knows a URL rather than a node's address: the node's own
//! side, which asks its products by the names that docker gives them, and the metadata service.
//! The same clients, limits and words for what went wrong as the probes have, and no proxy: what
//! is asked here is on this host or one hop from it.

use super::failure::{self, Way};
use super::read::{self, Answer, Reading};
use super::{CONNECT_EARLIER, ProbeSetupError, builder, causes, exchange};
use crate::core::inventory::ProbeReason;
use reqwest::{Certificate, Client, Method, Url};
use std::time::Duration;

/// Asks single URLs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Asker {
    limit: Duration,
    /// Without any TLS set-up: a host that has no CA certificates can ask over HTTP.
    http: Client,
    /// Set up only where somebody wants TLS; why it failed is what those requests then say.
    https: Option<Result<Client, String>>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The whole URL.
    pub url: &'a str,
    /// GET, unless the metadata service is asked for a token, which takes a PUT, or there is a body.
    pub put: bool,
    /// Headers beside the usual ones.
    pub headers: &'a [(&'static str, &'a str)],
    /// What is told rather than asked: it is POSTed.
    pub body: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// A plain GET.
    pub fn get(url: &'a str) -> Self {
        Self { url, put: false, headers: &[], body: None }
    }
}

impl Asker {
    /// An asker whose requests take no longer than `limit`, connection included; `tls` where some
    /// of them go to https.
    ///
    /// # Errors
    /// If there can be no HTTP client at all. Missing CA certificates are no error here: they spoil
    /// the requests over TLS and no others.
    pub fn new(limit: Duration, tls: bool) -> Result<Self, ProbeSetupError> {
        let client = || builder(limit, None, CONNECT_EARLIER.min(limit / 2));
        let http = client().tls_certs_only(Vec::<Certificate>::new()).build();
        let http = http.map_err(|error| ProbeSetupError::Client(causes(&error)))?;
        let https = tls.then(|| client().build().map_err(|error| causes(&error)));
        Ok(Self { limit, http, https })
    }

    /// Sends one request and reads the answer's beginning.
    ///
    /// # Errors
    /// A [`Reading`] of what came instead of an answer.
    pub async fn ask(&self, request: Request<'_>) -> Result<Answer, Reading> {
        let url = Url::parse(request.url).map_err(|error| {
            Reading::unknown(ProbeReason::NoAddress, format!("could not ask: {error}"))
        })?;
        let tls = url.scheme() == "https";
        let client = match (&self.https, tls) {
            (_, false) => &self.http,
            (Some(Ok(client)), true) => client,
            (Some(Err(why)), true) => return Err(no_tls(why)),
            (None, true) => return Err(no_tls("not set up")),
        };
        let method = match (request.body, request.put) {
            (Some(_), _) => Method::POST,
            (None, true) => Method::PUT,
            (None, false) => Method::GET,
        };
        let mut sent = client.request(method, url);
        if let Some(body) = request.body {
            sent = sent.body(body.to_owned());
        }
        for (name, value) in request.headers {
            sent = sent.header(*name, *value);
        }
        let way = Way { tls, proxy: false, limit: self.limit };
        let mut status = None;
        match tokio::time::timeout(self.limit, exchange(sent, &mut status)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(failure::failed(&error, way, status)),
            Err(_) => Err(failure::timed_out(way, status)),
        }
    }
}

fn no_tls(why: &str) -> Reading {
    let detail = format!("TLS cannot be set up here: {}", read::quote(why));
    Reading::unknown(ProbeReason::Tls, detail)
}
