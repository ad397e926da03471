//! fresh-reads: everything the plan's own facts need was read freshly and wholly.

use super::scene::Scene;
use super::{pass, unknown};
use crate::core::observed::{Observed, Why};
use crate::core::plan::Picture;
use crate::core::plan::guard::Verdict;
use crate::core::plan::view::{counted, listed};
use crate::core::source::Scope;

/// So many missing reads are named.
const NAMED: usize = 3;

pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    let mut needs = scene.needs();
    needs.scopes.insert(Scope::Groups);
    let picture = &scene.picture;
    let mut missing: Vec<String> = needs
        .scopes
        .iter()
        .filter_map(|scope| whole(picture, scope).err().map(|why| format!("{scope}: {why}")))
        .collect();
    let batches = picture.inventory.instance_batches.values();
    let batch = batches.map(|batch| batch.whole(picture.now).map(|_| ())).find_map(Result::err);
    let unasked = needs.instances.iter().any(|id| !picture.inventory.instances.contains_key(id));
    if let Some(why) =
        batch.or(unasked.then_some(Why::Never)).filter(|_| !needs.instances.is_empty())
    {
        missing.push(format!("instances: {why}"));
    }
    let number = needs.scopes.len() + usize::from(!needs.instances.is_empty());
    if missing.is_empty() {
        return pass(format!("{} fresh and whole", counted(number as u64, "read")));
    }
    let more = missing.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    missing.truncate(NAMED);
    unknown(format!("{}{more}", listed(&missing)))
}

/// Whether a read is young and complete.
fn whole(picture: &Picture<'_>, scope: &Scope) -> Result<(), Why> {
    fn of<T>(slot: Option<&Observed<T>>, now: jiff::Timestamp) -> Result<(), Why> {
        slot.map_or(Err(Why::Never), |slot| slot.whole(now).map(|_| ()))
    }
    let (inventory, now) = (picture.inventory, picture.now);
    match scope {
        Scope::Identity => of(Some(&inventory.identity), now),
        Scope::Namespaces => of(Some(&inventory.namespaces), now),
        Scope::Services(id) => of(inventory.services.get(id), now),
        Scope::Members(id) => of(inventory.members.get(id), now),
        Scope::MemberHealth(id) => of(inventory.member_health.get(id), now),
        Scope::Record(id) => of(inventory.records.get(id), now),
        Scope::Groups => of(Some(&inventory.groups), now),
        Scope::Activities(id) => of(inventory.activities.get(id), now),
        Scope::Refreshes(id) => of(inventory.refreshes.get(id), now),
        Scope::LoadBalancers => of(Some(&inventory.load_balancers), now),
        Scope::LoadBalancerAttributes(id) => of(inventory.load_balancer_attributes.get(id), now),
        Scope::Listeners(id) => of(inventory.listeners.get(id), now),
        Scope::Rules(id) => of(inventory.rules.get(id), now),
        Scope::TargetGroups => of(Some(&inventory.target_groups), now),
        Scope::TargetGroupAttributes(id) => of(inventory.target_group_attributes.get(id), now),
        Scope::Tags(batch) => of(inventory.tags.get(batch), now),
        Scope::TargetHealth(id) => of(inventory.target_health.get(id), now),
        Scope::Instances(batch) => of(inventory.instance_batches.get(batch), now),
        Scope::Probe(id) => of(inventory.probes.get(id), now),
        Scope::Rings(id) => of(inventory.rings.get(id), now),
        Scope::Metrics(id) => of(inventory.metrics.get(id), now),
        Scope::Dns(name) => of(inventory.dns.get(name), now),
    }
}
