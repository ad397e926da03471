//! Calls as IAM names them.

use super::gate::{Call, READS};

/// The IAM action that allows a call.
pub fn permission((service, operation): Call) -> String {
    let prefix = match service {
        "Auto Scaling" => "autoscaling",
        super::ec2::SERVICE => "ec2",
        "Elastic Load Balancing v2" => "elasticloadbalancing",
        "ServiceDiscovery" => "servicediscovery",
        "STS" => "sts",
        other => other,
    };
    format!("{prefix}:{operation}")
}

/// The IAM action that a read by this name needs.
pub(super) fn of_read(operation: &str) -> Option<String> {
    let found = READS.iter().find(|(_, name)| *name == operation);
    found.map(|call| permission(*call))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_read_has_an_action_that_iam_knows() {
        for (_, operation) in READS {
            let action = of_read(operation).unwrap();
            let (prefix, name) = action.split_once(':').unwrap();
            assert_eq!(name, *operation);
            let known = ["autoscaling", "ec2", "elasticloadbalancing", "servicediscovery", "sts"];
            assert!(known.contains(&prefix), "{action}");
        }
    }
}
