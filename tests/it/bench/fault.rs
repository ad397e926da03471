//! What can go wrong with a call on the wire, in the words and shapes of each service.

use super::http::Response;
use serde_json::json;
use std::time::Duration;

/// A fault of every call of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The answer comes, later.
    Delay(Duration),
    /// The service's own word for "too many calls".
    Throttled,
    /// The service's own word for "not allowed".
    Denied,
    /// The service's own word for "these credentials have expired".
    Expired,
    /// The request is taken and nothing is ever said.
    Hang,
    /// Something else answers: a page with status 200, as a captive portal or a proxy sends it.
    Html,
    /// Status 500 and a page: how Moto answers a call it does not implement.
    HtmlError,
    /// Half of the bytes that the answer declares, then the end of the connection.
    Truncated,
    /// A whole answer whose document ends after so many hundredths of it.
    CutDocument(u8),
    /// Status 500 with the service's own error document.
    ServerError,
    /// The connection closes without an answer.
    Cut,
}

/// The services that quarterdeck reads, by the shape of their protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    CloudMap,
    Elbv2,
    AutoScaling,
    Ec2,
    Sts,
    /// None of these: a version we do not know.
    Other,
}

impl Service {
    /// The query protocols name their API version in each request.
    pub fn of_version(version: Option<&str>) -> Self {
        match version {
            Some("2015-12-01") => Self::Elbv2,
            Some("2011-01-01") => Self::AutoScaling,
            Some("2016-11-15") => Self::Ec2,
            Some("2011-06-15") => Self::Sts,
            _ => Self::Other,
        }
    }
}

/// The answer to a call with this fault, unless the fault needs the real one.
pub fn error_body(fault: Fault, service: Service) -> Option<Response> {
    use Service::{CloudMap, Ec2, Elbv2};
    let (status, code, message) = match (fault, service) {
        (Fault::Throttled, CloudMap | Elbv2) => (400, "ThrottlingException", "Rate exceeded"),
        (Fault::Throttled, Ec2) => (503, "RequestLimitExceeded", "Request limit exceeded."),
        (Fault::Throttled, _) => (400, "Throttling", "Rate exceeded"),
        (Fault::Denied, CloudMap) => {
            (400, "AccessDeniedException", "User: x is not authorized to perform this")
        }
        (Fault::Denied, Ec2) => {
            (403, "UnauthorizedOperation", "You are not authorized to perform this operation.")
        }
        (Fault::Denied, _) => (403, "AccessDenied", "User: x is not authorized to perform this"),
        (Fault::Expired, CloudMap) => {
            (400, "ExpiredTokenException", "The security token included in the request is expired")
        }
        (Fault::Expired, Ec2) => (400, "RequestExpired", "Request has expired."),
        (Fault::Expired, _) => {
            (403, "ExpiredToken", "The security token included in the request is expired")
        }
        (Fault::ServerError, CloudMap) => (500, "InternalServerError", "try again"),
        (Fault::ServerError, Ec2) => (500, "InternalError", "An internal error has occurred"),
        (Fault::ServerError, _) => (500, "InternalFailure", "try again"),
        (Fault::Html, _) => return Some(page(200)),
        (Fault::HtmlError, _) => return Some(page(500)),
        _ => return None,
    };
    Some(error(service, status, code, message))
}

fn page(status: u16) -> Response {
    let body = "<!doctype html>\n<html><head><title>Sign in</title></head><body></body></html>\n";
    Response::new(status, "text/html; charset=utf-8", body)
}

/// An error document of a service.
pub fn error(service: Service, status: u16, code: &str, message: &str) -> Response {
    const ID: &str = "00000000-0000-4000-8000-000000000000";
    let body = match service {
        Service::CloudMap => {
            let body = json!({ "__type": code, "message": message }).to_string();
            let mut response = Response::new(status, "application/x-amz-json-1.1", body);
            response.headers.push(("x-amzn-RequestId".into(), ID.into()));
            return response;
        }
        Service::Ec2 => format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>\
             </Errors><RequestID>{ID}</RequestID></Response>"
        ),
        _ => format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>\
             <Message>{message}</Message></Error><RequestId>{ID}</RequestId></ErrorResponse>"
        ),
    };
    Response::new(status, "text/xml", body)
}
