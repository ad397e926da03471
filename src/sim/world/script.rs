//! What a node's boot script does to the registry, one call at a time, with the races that this
//! brings.

use super::agenda::Due;
use super::{Boot, Script, ScriptCall, World};
use crate::core::ids::InstanceId;
use std::collections::BTreeMap;
use std::time::Duration;

/// The keys under which an entry names its fleet.
const STACK_KEYS: [&str; 2] = ["STACK", "STACK_ID"];
/// Between two calls of a script.
const CALL: Duration = Duration::from_millis(150);

impl World {
    /// Starts the script of the node's group.
    pub(super) fn start_script(&mut self, id: &InstanceId) {
        let Some(group) = self.group_of(id) else { return };
        let mut todo = std::collections::VecDeque::new();
        for service in &group.services {
            match group.boot {
                Boot::Wiping => {
                    todo.push_back(ScriptCall::List(service.clone()));
                    todo.push_back(ScriptCall::Register(service.clone()));
                }
                Boot::Register => todo.push_back(ScriptCall::Register(service.clone())),
                Boot::None => {}
            }
        }
        if let Some(node) = self.instances.get_mut(id) {
            node.script = Script { todo, failed: None };
        }
        self.plan(CALL, Due::BootStep(id.clone()));
    }

    /// The next call.
    pub(super) fn script_step(&mut self, id: &InstanceId) {
        let Some(node) = self.instances.get_mut(id) else { return };
        if node.state != "running" || !node.alive {
            return;
        }
        let Some(call) = node.script.todo.pop_front() else { return };
        let done = match call {
            ScriptCall::List(service) => {
                self.wipe_list(id, &service);
                Ok(String::new())
            }
            ScriptCall::Deregister(service, member) => {
                self.deregister_member(service.as_str(), &member)
            }
            ScriptCall::Register(service) => {
                let attributes = self.own_attributes(id);
                self.register_member(service.as_str(), id, attributes, None)
            }
        };
        match done {
            Ok(_) => self.plan(CALL, Due::BootStep(id.clone())),
            // The published script catches nothing: it ends here and the node never registers.
            Err(refused) => {
                self.note(format!("the boot script of {id} ended: {}", refused.code));
                if let Some(node) = self.instances.get_mut(id) {
                    node.script.todo.clear();
                    node.script.failed = Some(refused.code);
                }
            }
        }
    }

    fn wipe_list(&mut self, id: &InstanceId, service: &crate::core::ids::ServiceId) {
        let Some(held) = self.services.get(service) else { return };
        let Some(node) = self.instances.get(id) else { return };
        let Some(stack) = node.stack.as_ref() else { return };
        let same: Vec<_> = held
            .members
            .iter()
            .filter(|(_, one)| {
                STACK_KEYS
                    .iter()
                    .any(|key| one.attributes.get(*key).is_some_and(|of| of == stack.as_str()))
            })
            .map(|(member, _)| ScriptCall::Deregister(service.clone(), member.clone()))
            .collect();
        if let Some(node) = self.instances.get_mut(id) {
            for call in same.into_iter().rev() {
                node.script.todo.push_front(call);
            }
        }
    }

    /// What a node registers itself with.
    pub(crate) fn own_attributes(&self, id: &InstanceId) -> BTreeMap<String, String> {
        let Some(node) = self.instances.get(id) else { return BTreeMap::new() };
        let named = STACK_KEYS.iter().find_map(|key| Some((*key, node.tags.get(*key)?)));
        let mut attributes =
            BTreeMap::from([("AWS_INSTANCE_IPV4".to_owned(), node.ip.to_string())]);
        if let Some((key, stack)) = named {
            attributes.insert(key.to_owned(), stack.clone());
        }
        attributes
    }
}
