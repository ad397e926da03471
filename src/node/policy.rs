//! What a role must be allowed, as IAM writes it. A command says which calls it makes in a table
//! beside the code that makes them; a policy is made from such a table.

use super::register::{CALLS, Call};
use serde::Serialize;

/// A policy document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    version: &'static str,
    /// Its statements.
    pub statement: Vec<Statement>,
}

/// One statement of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// What it is for.
    pub sid: &'static str,
    effect: &'static str,
    /// The actions, sorted.
    pub action: Vec<String>,
    /// The ARNs, or `*`.
    pub resource: Vec<String>,
}

/// What narrows a policy; `*` where it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The region.
    pub region: Option<String>,
    /// The account.
    pub account: Option<String>,
    /// The registry services, by id; none: all of them.
    pub services: Vec<String>,
}

impl Policy {
    /// A policy of these statements.
    pub fn new(statement: Vec<Statement>) -> Self {
        Self { version: "2012-10-17", statement }
    }
}

impl Statement {
    /// Allows these actions on these resources.
    pub fn allow(sid: &'static str, mut action: Vec<String>, resource: Vec<String>) -> Self {
        action.sort_unstable();
        action.dedup();
        Self { sid, effect: "Allow", action, resource }
    }
}

/// What a node's role needs for `register` and `register --leave`: exactly the calls they make,
/// narrowed to the registry services where IAM can.
pub fn node_policy(place: &Place) -> Policy {
    let actions = |on_service: bool| -> Vec<String> {
        let calls = CALLS.iter().filter(|call| call.on_service == on_service);
        calls.map(|call: &Call| call.action.to_owned()).collect()
    };
    Policy::new(vec![
        Statement::allow("Registry", actions(true), place.registry()),
        Statement::allow("Look", actions(false), vec!["*".to_owned()]),
    ])
}

impl Place {
    /// The ARNs of the registry services.
    pub fn registry(&self) -> Vec<String> {
        let arn = |id: &str| self.arn("servicediscovery", &format!("service/{id}"));
        if self.services.is_empty() {
            return vec![arn("*")];
        }
        self.services.iter().map(|id| arn(id)).collect()
    }

    /// The ARN of something of a service here.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let region = self.region.as_deref().unwrap_or("*");
        let partition = match region {
            _ if region.starts_with("cn-") => "aws-cn",
            _ if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        let account = self.account.as_deref().unwrap_or("*");
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nodes_policy_names_each_call_once() {
        let place = Place {
            region: Some("us-west-2".into()),
            account: Some("123456789012".into()),
            services: vec!["srv-a".into(), "srv-b".into()],
        };
        let policy = node_policy(&place);
        let named: usize = policy.statement.iter().map(|one| one.action.len()).sum();
        assert_eq!(named, CALLS.len());
        let registry = &policy.statement[0];
        assert_eq!(
            registry.resource,
            [
                "arn:aws:servicediscovery:us-west-2:123456789012:service/srv-a",
                "arn:aws:servicediscovery:us-west-2:123456789012:service/srv-b",
            ]
        );
        assert!(policy.statement[1].action.iter().all(|one| !one.contains("egister")));
        let anywhere = node_policy(&Place::default());
        assert_eq!(anywhere.statement[0].resource, ["arn:aws:servicediscovery:*:*:service/*"]);
        let china = node_policy(&Place { region: Some("cn-north-1".into()), ..Place::default() });
        assert!(china.statement[0].resource[0].starts_with("arn:aws-cn:"), "{china:?}");
    }
}
