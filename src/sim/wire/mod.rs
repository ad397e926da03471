//! The wire: AWS's protocols on one port. A request becomes a `Call`; the service's file turns it
//! into a read or a change of the world; the protocol's file writes the answer or the refusal.

mod attachments;
mod autoscaling;
mod cloudmap;
mod cloudmap_write;
mod ec2;
mod elb_write;
mod elbv2;
mod groups_write;
pub(crate) mod imds;
mod pages;
mod params;
pub(crate) mod sts;
mod xml;

use super::principal::Caller;
use super::world::{Refused, World};
use axum::http::HeaderMap;
use serde_json::{Value, json};

pub(crate) use params::Params;
use xml::Xml;

/// The services that are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    CloudMap,
    AutoScaling,
    Elbv2,
    Ec2,
    Sts,
}

impl Service {
    /// Its name in IAM.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CloudMap => "servicediscovery",
            Self::AutoScaling => "autoscaling",
            Self::Elbv2 => "elasticloadbalancing",
            Self::Ec2 => "ec2",
            Self::Sts => "sts",
        }
    }

    fn of_version(version: &str) -> Option<Self> {
        match version {
            "2011-01-01" => Some(Self::AutoScaling),
            "2015-12-01" => Some(Self::Elbv2),
            "2016-11-15" => Some(Self::Ec2),
            "2011-06-15" => Some(Self::Sts),
            _ => None,
        }
    }

    fn namespace(self) -> &'static str {
        match self {
            Self::AutoScaling => "http://autoscaling.amazonaws.com/doc/2011-01-01/",
            Self::Elbv2 => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::CloudMap | Self::Ec2 => "http://ec2.amazonaws.com/doc/2016-11-15/",
        }
    }

    /// The codes under which the services refuse because of the rate.
    pub(crate) fn throttled(self) -> Refused {
        match self {
            Self::Ec2 => {
                Refused::with_status("RequestLimitExceeded", 503, "Request limit exceeded.")
            }
            Self::CloudMap | Self::Elbv2 => Refused::new("ThrottlingException", "Rate exceeded"),
            _ => Refused::new("Throttling", "Rate exceeded"),
        }
    }

    /// The codes under which the services say that a caller may not.
    pub(crate) fn denied(self, arn: &str, call: &str) -> Refused {
        let said = format!(
            "User: {arn} is not authorized to perform: {call} because no identity-based policy allows the {call} action"
        );
        match self {
            Self::Ec2 => Refused::with_status(
                "UnauthorizedOperation",
                403,
                format!("You are not authorized to perform this operation. {said}"),
            ),
            Self::CloudMap => Refused::with_status("AccessDeniedException", 403, said),
            _ => Refused::with_status("AccessDenied", 403, said),
        }
    }

    /// The codes under which the services say that credentials were good once.
    pub(crate) fn expired(self) -> Refused {
        let said = "The security token included in the request is expired";
        match self {
            Self::CloudMap => Refused::with_status("ExpiredTokenException", 400, said),
            Self::Ec2 => Refused::new("RequestExpired", "Request has expired."),
            _ => Refused::with_status("ExpiredToken", 403, said),
        }
    }

    /// A request without a signature.
    pub(crate) fn unsigned(self) -> Refused {
        let said = "Request is missing Authentication Token";
        match self {
            Self::CloudMap => {
                Refused::with_status("MissingAuthenticationTokenException", 403, said)
            }
            _ => Refused::with_status("MissingAuthenticationToken", 403, said),
        }
    }
}

/// The arguments, as the protocol carries them.
#[derive(Clone, Debug)]
pub(crate) enum Arguments {
    Json(Value),
    Query(Params),
}

/// A call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) action: String,
    pub(crate) arguments: Arguments,
}

/// An answer, ready to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) body: String,
    /// The error code, where it is one.
    pub(crate) code: Option<String>,
}

/// What the target header of Cloud Map's protocol starts with.
const CLOUD_MAP: &str = "Route53AutoNaming_v20170314.";

impl Call {
    /// Reads a request; `None` when it is none of the protocols here.
    pub(crate) fn read(headers: &HeaderMap, query: &str, body: &[u8]) -> Option<Self> {
        let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
        if let Some(action) = target.and_then(|target| target.strip_prefix(CLOUD_MAP)) {
            let value =
                if body.is_empty() { json!({}) } else { serde_json::from_slice(body).ok()? };
            let (service, action) = (Service::CloudMap, action.to_owned());
            return Some(Self { service, action, arguments: Arguments::Json(value) });
        }
        let text = if body.is_empty() { query.as_bytes() } else { body };
        let params = Params::read(text);
        let action = params.get("Action")?.to_owned();
        let service = Service::of_version(params.get("Version").unwrap_or_default())?;
        Some(Self { service, action, arguments: Arguments::Query(params) })
    }

    /// `elasticloadbalancing:DescribeTargetHealth`.
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.service.name(), self.action)
    }

    /// The arguments as JSON, for the log and for faults that look at them.
    pub(crate) fn arguments_json(&self) -> Value {
        match &self.arguments {
            Arguments::Json(value) => value.clone(),
            Arguments::Query(params) => params.to_json(),
        }
    }

    /// Carries the call out and writes the answer.
    pub(crate) fn carry_out(&self, world: &mut World, caller: &Caller, request: &str) -> Reply {
        let done = match (&self.arguments, self.service) {
            (Arguments::Json(value), Service::CloudMap) => {
                cloudmap::answer(world, &self.action, value).map(|value| self.json(&value))
            }
            (Arguments::Query(params), _) => {
                self.query(world, params, caller).map(|inner| self.wrap(&inner, request))
            }
            (Arguments::Json(_), _) => Err(unknown_action(&self.action)),
        };
        done.unwrap_or_else(|refused| self.refuse(&refused, request))
    }

    fn query(&self, world: &mut World, params: &Params, caller: &Caller) -> Result<Xml, Refused> {
        match self.service {
            Service::AutoScaling => autoscaling::answer(world, &self.action, params),
            Service::Elbv2 => elbv2::answer(world, &self.action, params),
            Service::Ec2 => ec2::answer(world, &self.action, params),
            Service::Sts => sts::answer(world, &self.action, caller),
            Service::CloudMap => Err(unknown_action(&self.action)),
        }
    }

    fn json(&self, value: &Value) -> Reply {
        let body = if value.is_null() { String::new() } else { value.to_string() };
        Reply { status: 200, kind: "application/x-amz-json-1.1", body, code: None }
    }

    fn wrap(&self, inner: &Xml, request: &str) -> Reply {
        let (action, space) = (&self.action, self.service.namespace());
        let inner = inner.as_str();
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
        let body = if self.service == Service::Ec2 {
            format!(
                "{head}<{action}Response xmlns=\"{space}\"><requestId>{request}</requestId>{inner}</{action}Response>"
            )
        } else {
            format!(
                "{head}<{action}Response xmlns=\"{space}\"><{action}Result>{inner}</{action}Result><ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata></{action}Response>"
            )
        };
        Reply { status: 200, kind: "text/xml", body, code: None }
    }

    /// Writes a refusal in the words of the protocol.
    pub(crate) fn refuse(&self, refused: &Refused, request: &str) -> Reply {
        let (status, code) = (refused.status, Some(refused.code.clone()));
        if self.service == Service::CloudMap {
            let mut value = json!({ "__type": refused.code, "Message": refused.message });
            for (name, text) in &refused.fields {
                value[*name] = json!(text);
            }
            let body = value.to_string();
            return Reply { status, kind: "application/x-amz-json-1.1", body, code };
        }
        let mut xml = Xml::new();
        let fault = if status < 500 { "Sender" } else { "Receiver" };
        let space = self.service.namespace();
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
        let body = if self.service == Service::Ec2 {
            xml.text("Code", &refused.code).text("Message", &refused.message);
            let inner = xml.as_str();
            format!(
                "{head}<Response><Errors><Error>{inner}</Error></Errors><RequestID>{request}</RequestID></Response>"
            )
        } else {
            xml.text("Type", fault).text("Code", &refused.code).text("Message", &refused.message);
            let inner = xml.as_str();
            format!(
                "{head}<ErrorResponse xmlns=\"{space}\"><Error>{inner}</Error><RequestId>{request}</RequestId></ErrorResponse>"
            )
        };
        Reply { status, kind: "text/xml", body, code }
    }
}

/// The refusal for an action that does not exist here.
fn unknown_action(action: &str) -> Refused {
    Refused::new("InvalidAction", format!("The action {action} is not valid for this web service."))
}
