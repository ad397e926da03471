//! What must hold in every world at every time; the property test asks after each step.

use super::World;
use std::collections::BTreeSet;

impl World {
    /// Everything that is wrong with the world's books, as sentences.
    pub(crate) fn broken_invariants(&self) -> Vec<String> {
        let mut broken = Vec::new();
        self.check_addresses(&mut broken);
        self.check_groups(&mut broken);
        self.check_targets(&mut broken);
        self.check_sizes(&mut broken);
        broken
    }

    fn check_addresses(&self, broken: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        for node in self.instances.values().filter(|one| one.state != "terminated") {
            if !seen.insert(node.ip) {
                broken.push(format!("two machines have {}", node.ip));
            }
            if node.ip.octets()[0] != 127 {
                broken.push(format!("{} is not a loopback address", node.ip));
            }
            if self.is_free(node.ip) {
                broken.push(format!("{} is in use and counts as free", node.ip));
            }
        }
    }

    fn check_groups(&self, broken: &mut Vec<String>) {
        let mut listed = BTreeSet::new();
        for group in self.groups.values() {
            if group.desired < group.min || group.desired > group.max {
                broken.push(format!("{}: desired {} is out of bounds", group.name, group.desired));
            }
            for (id, member) in &group.members {
                if !listed.insert(id.clone()) {
                    broken.push(format!("{id} is in two groups"));
                }
                let state = self.instances.get(id).map(|one| one.state);
                if state.is_none() || state == Some("terminated") {
                    broken.push(format!("{} lists {id}, which is {state:?}", group.name));
                }
                if member.lifecycle == "InService" && state == Some("pending") {
                    broken.push(format!("{id} is in service and pending"));
                }
            }
            let open = group.activities.iter().filter(|one| one.ended.is_none()).count();
            if open > group.members.len() {
                broken.push(format!("{}: {open} activities without an instance", group.name));
            }
        }
    }

    fn check_targets(&self, broken: &mut Vec<String>) {
        for group in self.target_groups.values() {
            let named = self
                .listeners
                .values()
                .any(|one| one.forward.groups.iter().any(|(arn, _)| arn == &group.arn));
            if named != group.used {
                broken.push(format!("{} is used: {}, named: {named}", group.name, group.used));
            }
        }
        for service in self.services.values() {
            if service.members.len() > 1_000 {
                broken.push(format!("{} has too many members", service.name));
            }
        }
        if self.traffic.served < 0.0 || self.traffic.lost < 0.0 {
            broken.push("traffic is negative".to_owned());
        }
    }

    /// Nothing grows without end. Per instance a few entries of the agenda may wait, void ones
    /// included, for the longest span there is (an hour).
    fn check_sizes(&self, broken: &mut Vec<String>) {
        if self.operations.len() > super::KEPT + 1 || self.chronicle.len() > super::KEPT + 1 {
            broken.push("operations or chronicle grow without end".to_owned());
        }
        let held: usize = self.groups.values().map(|one| one.members.len()).sum();
        let allowed = 20_000 + held * 100;
        if self.waiting() > allowed {
            broken.push(format!("{} entries wait in the agenda", self.waiting()));
        }
    }
}
