//! What the absence of an answer means. reqwest keeps the kinds of its causes to itself where they
//! are another crate's, so two of them are known by their words; the tests pin these.

use super::read::{Reading, quote};
use crate::core::inventory::ProbeReason;
use std::error::Error;
use std::io;
use std::time::Duration;

/// What lies between us and the node, and what was asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Whether the product is asked over TLS.
    pub tls: bool,
    /// Whether a proxy is on the way.
    pub proxy: bool,
    /// How long the request might take.
    pub limit: Duration,
}

/// What a failed exchange says. `status` is the one that had come before it failed.
pub fn failed(error: &reqwest::Error, way: Way, status: Option<u16>) -> Reading {
    let io = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>());
    if let Some(io) = io.filter(|io| is_ours(io)) {
        return Reading::unknown(ProbeReason::NoRoute, format!("could not ask: {io}"));
    }
    if let Some(status) = status {
        return Reading::fail(ProbeReason::CutOff, format!("cut off in the body of a {status}"));
    }
    let tls_failed = way.tls && io.is_some_and(is_tls) && !is_of_a_proxy(error);
    if tls_failed {
        return Reading::fail(ProbeReason::Tls, format!("TLS failed: {}", last_words(error)));
    }
    if way.proxy {
        return through_proxy(error, way);
    }
    if error.is_connect() { not_connected(error, io, way) } else { not_answered(error) }
}

/// What the end of the limit says, with the status if one had come.
pub fn timed_out(way: Way, status: Option<u16>) -> Reading {
    let limit = span(way.limit);
    match status {
        Some(status) => {
            let detail = format!("no end of the body of a {status} within {limit}");
            Reading::fail(ProbeReason::CutOff, detail)
        }
        // Proxies differ in when they report a connection (OpenSSH does so before it has one), so
        // silence through one says nothing of the node.
        None if way.proxy => {
            let detail = format!("no answer through the proxy within {limit}");
            Reading::unknown(ProbeReason::Proxy, detail)
        }
        None => Reading::fail(ProbeReason::Frozen, format!("no answer within {limit}")),
    }
}

/// Nothing took the connection within the limit.
pub fn no_connection(way: Way) -> Reading {
    Reading::fail(ProbeReason::NoRoute, format!("no connection within {}", span(way.limit)))
}

fn not_connected(error: &reqwest::Error, io: Option<&io::Error>, way: Way) -> Reading {
    if error.is_timeout() {
        // The limit of the TCP connection alone ends as an I/O error. That of TCP and TLS does not,
        // and may end first even where there is no connection: the prober looks once more.
        return if way.tls && io.is_none() {
            Reading::fail(
                ProbeReason::Frozen,
                format!("no TLS handshake within {}", span(way.limit)),
            )
        } else {
            no_connection(way)
        };
    }
    match io.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => {
            Reading::fail(ProbeReason::Refused, "connection refused")
        }
        Some(io::ErrorKind::HostUnreachable) => {
            Reading::fail(ProbeReason::NoRoute, "host unreachable")
        }
        _ if way.tls => {
            Reading::fail(ProbeReason::Tls, format!("TLS failed: {}", last_words(error)))
        }
        _ => {
            Reading::unknown(ProbeReason::NoRoute, format!("could not ask: {}", last_words(error)))
        }
    }
}

fn not_answered(error: &reqwest::Error) -> Reading {
    if is_not_http(error) {
        return Reading::fail(ProbeReason::NotTheProduct, "answers, but not in HTTP");
    }
    Reading::fail(ProbeReason::CutOff, "cut off before the answer")
}

/// A SOCKS proxy says in its reply that the node refused or cannot be reached: that is news of the
/// node. All else that goes wrong between us and the proxy is none.
fn through_proxy(error: &reqwest::Error, way: Way) -> Reading {
    let said = |reply: &str| causes(error).any(|cause| cause.to_string() == reply);
    if said("SOCKS error: connection refused") {
        return Reading::fail(ProbeReason::Refused, "connection refused, says the proxy");
    }
    if said("SOCKS error: host unreachable") {
        return Reading::fail(ProbeReason::NoRoute, "host unreachable, says the proxy");
    }
    if error.is_timeout() {
        return timed_out(way, None);
    }
    let detail = format!("proxy: {}", last_words(error));
    Reading::unknown(ProbeReason::Proxy, detail)
}

/// Faults of this machine: nothing was sent, so nothing was learnt.
fn is_ours(io: &io::Error) -> bool {
    // EMFILE and ENFILE have no kind of their own in std.
    const NO_FILES_LEFT: [i32; 2] =
        [rustix::io::Errno::MFILE.raw_os_error(), rustix::io::Errno::NFILE.raw_os_error()];
    io.raw_os_error().is_some_and(|code| NO_FILES_LEFT.contains(&code))
        || matches!(
            io.kind(),
            io::ErrorKind::AddrNotAvailable
                | io::ErrorKind::AddrInUse
                | io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::NetworkDown
                | io::ErrorKind::PermissionDenied
                | io::ErrorKind::OutOfMemory
        )
}

/// rustls reports what is wrong with a handshake or a record as invalid data.
fn is_tls(io: &io::Error) -> bool {
    io.kind() == io::ErrorKind::InvalidData
}

fn is_of_a_proxy(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| {
        let words = cause.to_string();
        words.starts_with("SOCKS error") || words.starts_with("tunnel error")
    })
}

fn is_not_http(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| {
        let words = cause.to_string();
        words.starts_with("invalid HTTP") || words.starts_with("message head is too large")
    })
}

/// The causes of an error, from the outermost to the innermost, without the error itself.
pub fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| {
        let cause: &'a (dyn Error + 'static) = *cause;
        cause.source()
    })
}

/// The innermost cause. The outer ones repeat the URL, which stands beside it anyway.
fn last_words(error: &reqwest::Error) -> String {
    causes(error)
        .last()
        .map_or_else(|| "no cause given".to_owned(), |cause| quote(&cause.to_string()))
}

/// A limit as people write it: `3 s`, `0.5 s`.
fn span(limit: Duration) -> String {
    format!("{} s", limit.as_secs_f64())
}
