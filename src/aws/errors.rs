//! What went wrong with a call, told apart by what the operator can do about it. One reading for
//! every service and both protocols: the SDK's error, its code, and where there is none the raw
//! answer.

use super::xml::ErrorDocument;
use super::{codes, credentials, gate, permission, whole};
use crate::core::error::{ErrorKind, SourceError};
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use std::error::Error;
use std::io;

/// The longest message kept, in characters: enough for AWS's longest denials, which name a
/// principal, an action and a resource, and far too little for a page of HTML.
const MESSAGE_LIMIT_CHARS: usize = 500;

/// The longest word kept, in characters: an ARN or a URL is shorter; a session token or EC2's
/// encoded authorisation message is longer, and neither belongs on a screen or in a log.
const WORD_LIMIT_CHARS: usize = 220;

/// Reads the failure of a call to any service.
pub fn source_error<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> SourceError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let mut found = match (ours(error), error) {
        (Some(found), _) => found,
        (None, SdkError::ServiceError(inner)) => answered(inner.err(), error, inner.raw()),
        (None, SdkError::TimeoutError(_)) => Found::new(ErrorKind::TimedOut, chain(error)),
        (None, SdkError::DispatchFailure(inner)) => {
            Found::new(undelivered(error, inner.is_timeout()), chain(error))
        }
        (None, SdkError::ResponseError(inner)) => match inner.raw().body().bytes() {
            Some(body) => unparsed(error, inner.raw(), body),
            None => Found::new(unreadable(error), chain(error)),
        },
        (None, _) => Found::new(ErrorKind::Failed, chain(error)),
    };
    if found.request_id.is_none() {
        found.request_id = error.request_id().map(str::to_owned);
    }
    // EC2 says only that one is not authorized; whoever is to ask for the permission needs its name.
    if found.kind == ErrorKind::Denied
        && let Some(action) = permission::of_read(operation)
        && !found.message.contains(&format!(":{operation}"))
    {
        found.message = format!("{} ({action} is missing)", found.message);
    }
    SourceError {
        kind: found.kind,
        operation: operation.to_owned(),
        message: found.message,
        code: found.code,
        request_id: found.request_id,
        status: error.raw_response().map(|raw| raw.status().as_u16()).filter(|of| *of >= 500),
    }
}

struct Found {
    kind: ErrorKind,
    message: String,
    code: Option<String>,
    request_id: Option<String>,
}

impl Found {
    fn new(kind: ErrorKind, message: impl AsRef<str>) -> Self {
        Self { kind, message: short(message.as_ref()), code: None, request_id: None }
    }
}

/// The failures that are our own word: a refused call, credentials, half a document.
fn ours(error: &(dyn Error + 'static)) -> Option<Found> {
    causes(error).find_map(|cause| {
        if let Some(refused) = cause.downcast_ref::<gate::Refused>() {
            return Some(Found::new(ErrorKind::Refused, refused.to_string()));
        }
        // As if no answer had come: the world is compared before it is sent anew.
        if let Some(late) = cause.downcast_ref::<gate::Late>() {
            return Some(Found::new(ErrorKind::TimedOut, late.to_string()));
        }
        if let Some(half) = cause.downcast_ref::<whole::Half>() {
            return Some(Found::new(ErrorKind::Malformed, half.to_string()));
        }
        let failed = cause.downcast_ref::<CredentialsError>()?;
        Some(Found::new(credentials::kind(failed), chain(failed)))
    })
}

/// Reads an answer that the SDK took for an error of the service.
fn answered<E>(said: &E, error: &(dyn Error + 'static), raw: &HttpResponse) -> Found
where
    E: ProvideErrorMetadata,
{
    let Some(code) = said.code() else {
        return unparsed(error, raw, raw.body().bytes().unwrap_or_default());
    };
    Found {
        kind: codes::kind(code),
        message: said.message().map_or_else(|| in_words(raw), short),
        code: Some(code.to_owned()),
        request_id: said.meta().request_id().map(str::to_owned),
    }
}

/// Reads an answer that the SDK could not read. Some denials come as XML on a JSON protocol
/// (Moto's for Cloud Map), so an error document is looked for first.
fn unparsed(error: &(dyn Error + 'static), raw: &HttpResponse, body: &[u8]) -> Found {
    let said = ErrorDocument::read(body);
    let Some(code) = said.code else { return nameless(error, raw, body) };
    Found {
        kind: codes::kind(&code),
        message: said.message.map_or_else(|| in_words(raw), |message| short(&message)),
        code: Some(code),
        request_id: said.request_id,
    }
}

/// Reads an answer without an error code by its status and the look of its body.
fn nameless(error: &(dyn Error + 'static), raw: &HttpResponse, body: &[u8]) -> Found {
    let status = raw.status().as_u16();
    if status == 429 {
        return Found::new(ErrorKind::Throttled, in_words(raw));
    }
    if let Some(page) = Page::of(body) {
        let kind =
            if page.is_a_missing_call(raw) { ErrorKind::Unsupported } else { ErrorKind::Malformed };
        let title = page.title().unwrap_or("without a title");
        return Found::new(kind, format!("{}: an HTML page ({title})", in_words(raw)));
    }
    let blank = body.trim_ascii().is_empty();
    let kind = match status {
        401 | 403 => ErrorKind::Denied,
        501 => ErrorKind::Unsupported,
        400.. if blank => ErrorKind::Failed,
        _ => ErrorKind::Malformed,
    };
    let why = if status < 300 {
        format!("the answer could not be read: {}", chain(error))
    } else {
        format!("{} without an error code", in_words(raw))
    };
    Found::new(kind, why)
}

fn in_words(raw: &HttpResponse) -> String {
    format!("HTTP status {}", raw.status().as_u16())
}

/// A body that is a web page.
struct Page<'a>(&'a str);

impl<'a> Page<'a> {
    fn of(body: &'a [u8]) -> Option<Self> {
        // The head of a page is ASCII enough; what follows an odd byte is not looked at.
        let text = body.utf8_chunks().next()?.valid().trim_start();
        let head: String = text.chars().take(15).collect::<String>().to_ascii_lowercase();
        (head.starts_with("<!doctype html") || head.starts_with("<html")).then_some(Self(text))
    }

    fn title(&self) -> Option<&'a str> {
        let (_, rest) = self.0.split_once("<title>")?;
        rest.split_once("</title>").map(|(title, _)| title.trim())
    }

    /// Moto, the mock of AWS, answers a call it does not have with an HTTP 500 and its web
    /// server's page. Its server names itself; the page of an older one names the exception.
    fn is_a_missing_call(&self, raw: &HttpResponse) -> bool {
        let server = raw.headers().get("server").unwrap_or_default();
        raw.status().as_u16() == 500
            && (server.starts_with("Werkzeug") || self.0.contains("NotImplementedError"))
    }
}

/// The request, or the head of the answer, did not get through.
fn undelivered(error: &(dyn Error + 'static), timed_out: bool) -> ErrorKind {
    let said = full_chain(error);
    let connecting = said.contains("(Connect)") || said.contains("HTTP connect");
    if connecting {
        ErrorKind::Unreachable
    } else if timed_out {
        ErrorKind::TimedOut
    } else if broke_off(error, &said) {
        ErrorKind::Truncated
    } else if said.contains("invalid HTTP") {
        ErrorKind::Malformed
    } else {
        ErrorKind::Unreachable
    }
}

/// The body of the answer did not get through.
fn unreadable(error: &(dyn Error + 'static)) -> ErrorKind {
    let said = full_chain(error);
    if broke_off(error, &said) { ErrorKind::Truncated } else { ErrorKind::Malformed }
}

/// Whether the connection ended early. hyper's error types are not in reach, its words are; the
/// tests make each of them on the wire.
fn broke_off(error: &(dyn Error + 'static), said: &str) -> bool {
    let ended = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|cause| {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        matches!(cause.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
    });
    ended
        || said.contains("before message completed")
        || said.contains("before message length reached")
        || said.contains("unexpected EOF")
}

/// An error and what caused it, outermost first.
pub(super) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn full_chain(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = causes(error).map(ToString::to_string).collect();
    words.dedup();
    words.join(": ")
}

/// An error with its causes as one short line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    short(&full_chain(error))
}

/// The first line of a message, cut to a length that fits a screen. The first line only: AWS's
/// answer to a bad signature goes on with the signed headers, the session token among them.
fn short(message: &str) -> String {
    let line = message.trim().lines().next().unwrap_or_default();
    let words: Vec<&str> = line
        .split_whitespace()
        .map(|word| if word.chars().count() > WORD_LIMIT_CHARS { "…" } else { word })
        .collect();
    let line = words.join(" ");
    match line.char_indices().nth(MESSAGE_LIMIT_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_short_line() {
        assert_eq!(short("  a \t b\nsecret"), "a b");
        let token = "x".repeat(WORD_LIMIT_CHARS + 1);
        assert_eq!(short(&format!("message: {token} end")), "message: … end");
        let long = "word ".repeat(200);
        assert_eq!(short(&long).chars().count(), MESSAGE_LIMIT_CHARS + 1);
    }

    #[test]
    fn what_is_a_page() {
        for yes in ["<!doctype html><p>", "\n<!DOCTYPE HTML PUBLIC>", "<HTML lang=en>"] {
            assert!(Page::of(yes.as_bytes()).is_some(), "{yes}");
        }
        for no in ["", "{\"a\":1}", "<?xml version='1.0'?><html>", "<Error/>"] {
            assert!(Page::of(no.as_bytes()).is_none(), "{no}");
        }
        let titled = Page::of(b"<html><title> 502 </title>").unwrap();
        assert_eq!(titled.title(), Some("502"));
    }
}
