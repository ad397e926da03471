//! Claims about nodes: ready now, and well for a whole window.

use super::{Judged, broken, known, unknown};
use crate::core::estate::{Existence, Node, Standing};
use crate::core::ids::{InstanceId, StackId};
use crate::core::inventory::{ProbeReason, Verdict};
use crate::core::observed::{Why, age};
use crate::core::plan::samples::Sample;
use crate::core::plan::view::listed;
use crate::core::plan::{Answer, Picture};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// The instance runs with this address, its group has it in service, and its products are ready.
pub(super) fn ready(picture: &Picture<'_>, instance: &InstanceId, address: &str) -> Judged {
    known(picture.inventory.groups.whole(picture.now), super::groups_of)?;
    let was = || format!("{instance} is in service and ready at {address}");
    let Some(node) = picture.node(instance) else {
        return Ok(broken(was(), "no source knows it"));
    };
    if !node.is_in_service() {
        let lifecycle = node.lifecycle.as_deref().unwrap_or("listed by no group");
        return Ok(broken(was(), lifecycle));
    }
    match node.existence {
        Existence::Running => {}
        Existence::Unknown => return Err(unknown(Why::Stale, format!("EC2's word on {instance}"))),
        Existence::Present | Existence::Gone => {
            let state = node.ec2_state.as_deref().unwrap_or("unknown to EC2");
            return Ok(broken(was(), format!("EC2 says {state}")));
        }
    }
    let true_address = node.private_ip.map(|ip| ip.to_string());
    if true_address.as_deref() != Some(address) {
        let is = true_address.unwrap_or_else(|| "no address".into());
        return Ok(broken(was(), format!("its address is {is}")));
    }
    Ok(match products(picture, node) {
        Ok(()) => Answer::Holds,
        Err(Answer::Broken { is, .. }) => broken(was(), is),
        Err(other) => other,
    })
}

/// Whether every product of a node passes now. Where nodes are not probed there is nothing to ask.
pub(in crate::core::plan) fn products(picture: &Picture<'_>, node: &Node) -> Result<(), Answer> {
    if !picture.probed {
        return Ok(());
    }
    let what = || format!("probes of {}", node.id);
    let read = picture.inventory.probes.get(&node.id);
    known(read.map_or(Err(Why::Never), |of| of.whole(picture.now)), what)?;
    let present = || node.probes.iter().filter(|of| of.outcome.reason != ProbeReason::NotPresent);
    if present().next().is_none() {
        return Err(unknown(Why::Never, what()));
    }
    let failing: Vec<_> = present()
        .filter(|of| of.verdict == Verdict::Fail)
        .map(|of| format!("{}: {}", of.outcome.product, of.outcome.detail))
        .collect();
    if !failing.is_empty() {
        return Err(broken(format!("{} is ready", node.id), listed(&failing)));
    }
    if present().any(|of| of.verdict == Verdict::Unknown) {
        return Err(unknown(Why::Depends, what()));
    }
    Ok(())
}

/// What is asked of the samples of a window.
#[derive(Clone, Copy)]
pub(super) struct Demand<'a> {
    pub percent: &'a u8,
    pub last: &'a u8,
    pub window: &'a Duration,
}

/// So many of a fleet's samples of the window pass, and the last ones of each node and product.
pub(super) fn probes_pass(picture: &Picture<'_>, stack: &StackId, demand: Demand<'_>) -> Judged {
    known(picture.inventory.groups.whole(picture.now), super::groups_of)?;
    let history = || format!("{} s of probes of {stack}", demand.window.as_secs());
    let samples = picture.samples.ok_or_else(|| unknown(Why::Never, history()))?;
    let nodes: Vec<&Node> = picture.nodes_of(stack).collect();
    if let Some(node) = nodes.iter().find(|node| node.standing() == Standing::Unknown) {
        return Err(unknown(Why::Depends, format!("whether {} serves", node.id)));
    }
    let was = format!("{}% of the probes of {stack} pass", demand.percent);
    let (mut passed, mut unsure, mut all) = (0_usize, 0_usize, 0_usize);
    let mut living = false;
    // A node that has just been launched is still starting: it is judged once its grace is over,
    // unless there is no other.
    let grown = nodes.iter().any(|node| node.is_living() && !node.in_grace);
    for node in nodes.iter().filter(|node| node.is_living() && !(grown && node.in_grace)) {
        living = true;
        let what = || format!("probes of {}", node.id);
        let read =
            picture.inventory.probes.get(&node.id).ok_or_else(|| unknown(Why::Never, what()))?;
        known(read.whole(picture.now), what)?;
        let mut products = samples.of_node(&node.id).peekable();
        if products.peek().is_none() {
            return Err(unknown(Why::Never, what()));
        }
        // Where nodes are asked rarely the window still holds the samples that must be there.
        let every = read.every();
        let span = every.saturating_mul(u32::from(*demand.last)).max(*demand.window);
        for (product, history) in products {
            let what = format!("{product} on {}", node.id);
            let recent = unbroken(history, picture.now, (span, every));
            // The last ones may lie before a gap: a look may take longer than an interval.
            let newest: Vec<&Sample> =
                history.iter().rev().take(usize::from(*demand.last)).collect();
            last_pass(&newest, *demand.last, &what)?;
            // The first sample may lie one interval inside the window, not more, and the window must
            // be filled: a few good answers after a silence are no good window.
            let oldest = recent.last().map_or(Duration::ZERO, |of| age(of.at, picture.now));
            let least = demand.window.as_secs().checked_div(every.as_secs()).unwrap_or_default();
            if oldest + every < *demand.window || (recent.len() as u64) < least {
                return Err(unknown(Why::Never, format!("{what} for the whole window")));
            }
            for sample in recent {
                all += 1;
                passed += usize::from(sample.verdict == Verdict::Pass);
                unsure += usize::from(sample.verdict == Verdict::Unknown);
            }
        }
    }
    let enough = |passed: usize| passed * 100 >= all * usize::from(*demand.percent);
    match (all, enough(passed), enough(passed + unsure)) {
        (0, ..) if living => Err(unknown(Why::Stale, history())),
        (0, ..) => Ok(broken(was, format!("{stack} has no node in service"))),
        (_, true, _) => Ok(Answer::Holds),
        (_, false, true) => Err(unknown(Why::Depends, history())),
        (_, false, false) => Ok(broken(was, format!("{passed} of {all}"))),
    }
}

/// The samples of the last `span`, newest first, back to the first gap of more than two intervals:
/// nobody knows what was in it.
fn unbroken(
    history: &VecDeque<Sample>,
    now: Timestamp,
    (span, every): (Duration, Duration),
) -> Vec<&Sample> {
    let mut later = now;
    let goes_on = |sample: &&Sample| {
        let joined = age(sample.at, later) <= every * 2;
        later = sample.at;
        joined && age(sample.at, now) <= span
    };
    history.iter().rev().take_while(goes_on).collect()
}

/// Whether the last samples of a product pass, the newest coming first.
fn last_pass(recent: &[&Sample], last: u8, what: &str) -> Result<(), Answer> {
    let latest = || recent.iter().take(usize::from(last));
    if latest().count() < usize::from(last) {
        return Err(unknown(Why::Never, format!("the last {last} probes of {what}")));
    }
    if latest().any(|of| of.verdict == Verdict::Fail) {
        return Err(broken(format!("the last {last} probes of {what} pass"), "they do not"));
    }
    if latest().any(|of| of.verdict == Verdict::Unknown) {
        return Err(unknown(Why::Depends, format!("the last {last} probes of {what}")));
    }
    Ok(())
}
