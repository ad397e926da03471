//! Plan files: a plan as it was made, to be carried out within minutes, in the account and region
//! it was made for, and as it was shown.

use super::refusal::RefusalKind;
use super::{GOOD_FOR, Plan, Refusal, SCHEMA, good_for};
use crate::core::observed::age;
use jiff::Timestamp;

/// The digest of a plan, its own field apart: FNV-1a, 128 bits, over the plan's value. Layout and
/// unknown fields of a file make no difference; a changed value does. It is there for a slip of an
/// editor, not for a forger: whoever may start a run may write a plan as well.
pub fn digest(plan: &Plan) -> String {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let bare = Plan { digest: String::new(), ..plan.clone() };
    let hash = format!("{bare:?}")
        .bytes()
        .fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    format!("{hash:032x}")
}

/// Whether a plan may be carried out now, whoever made it and wherever it was kept meanwhile.
///
/// # Errors
/// Its schema is unknown, it was edited or made by another version, it has no steps, it is too old,
/// or it was made in the future.
pub fn accept(plan: &Plan, now: Timestamp, times: u32) -> Result<(), Refusal> {
    let again = "Make the plan again: the world may have changed.";
    if plan.schema != SCHEMA {
        return refuse(
            format!("the plan's schema is {:?}, and only {SCHEMA} is known", plan.schema),
            again,
        );
    }
    if plan.digest != digest(plan) {
        return refuse("the plan was edited, or made by another version of quarterdeck", again);
    }
    if plan.steps.is_empty() {
        return refuse("the plan has no steps", again);
    }
    if plan.made_at > now && age(now, plan.made_at) > good_for(times) {
        return refuse(
            format!("the plan was made in the future, at {}, and it is {now}", plan.made_at),
            "Set the clocks of the two hosts right, then make a new plan.",
        );
    }
    if age(plan.made_at, now) > good_for(times) {
        let minutes = GOOD_FOR.as_secs() / 60;
        return refuse(
            format!(
                "the plan was made at {}, and a plan is good for {minutes} minutes",
                plan.made_at
            ),
            again,
        );
    }
    Ok(())
}

/// Whether a plan is about this account and region.
///
/// # Errors
/// It is about others.
pub fn is_for(plan: &Plan, account: &str, region: &str) -> Result<(), Refusal> {
    if (plan.account.as_str(), plan.region.as_str()) == (account, region) {
        return Ok(());
    }
    let (made_for, made_in) = (&plan.account, &plan.region);
    refuse(
        format!(
            "the plan is for account {made_for} in {made_in}, and this is account {account} in {region}"
        ),
        "Use that account's credentials and that region, or make a plan here.",
    )
}

fn refuse(why: impl Into<String>, next: &str) -> Result<(), Refusal> {
    Err(Refusal::new(RefusalKind::Usage, why, next))
}
