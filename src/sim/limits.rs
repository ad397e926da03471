//! The buckets of ELBv2's API: one for the whole account, one for each kind of call (facts: AWS's
//! API throttling page for Elastic Load Balancing). A console that behaves never meets them.

use std::collections::BTreeMap;

/// A bucket: how many tokens it holds and how many come back a second.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    size: f64,
    refill: f64,
}

/// All buckets, and the time of the last call.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    buckets: BTreeMap<&'static str, Bucket>,
    last: f64,
}

impl Limits {
    /// Full buckets.
    pub(crate) fn new() -> Self {
        let full = |size: f64, refill: f64| Bucket { tokens: size, size, refill };
        let buckets = BTreeMap::from([
            ("account", full(40.0, 10.0)),
            ("read", full(40.0, 10.0)),
            ("targets", full(20.0, 4.0)),
            ("write", full(20.0, 3.0)),
        ]);
        Self { buckets, last: 0.0 }
    }

    /// Takes the tokens of an ELBv2 action at a time in seconds; whether there were enough.
    pub(crate) fn take(&mut self, action: &str, seconds: f64) -> bool {
        let passed = (seconds - self.last).max(0.0);
        self.last = self.last.max(seconds);
        for bucket in self.buckets.values_mut() {
            bucket.tokens = (bucket.tokens + passed * bucket.refill).min(bucket.size);
        }
        let kind = match action {
            "RegisterTargets" | "DeregisterTargets" => "targets",
            read if read.starts_with("Describe") => "read",
            _ => "write",
        };
        let needed = ["account", kind];
        let enough =
            needed.iter().all(|name| self.buckets.get(name).is_some_and(|b| b.tokens >= 1.0));
        if enough {
            for name in needed {
                if let Some(bucket) = self.buckets.get_mut(name) {
                    bucket.tokens -= 1.0;
                }
            }
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_refill() {
        let mut limits = Limits::new();
        let burst = (0..60).filter(|_| limits.take("DescribeTargetHealth", 100.0)).count();
        assert_eq!(burst, 40);
        let after_a_second = (0..60).filter(|_| limits.take("DescribeTargetHealth", 101.0)).count();
        assert_eq!(after_a_second, 10);
        let writes = (0..60).filter(|_| limits.take("RegisterTargets", 200.0)).count();
        assert_eq!(writes, 20, "writes have a smaller bucket of their own");
    }
}
