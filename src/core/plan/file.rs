//! Plan files: a plan as it was made, to be carried out within minutes, in the account and region
//! it was made for, and as it was shown.

use super::refusal::RefusalKind;
use super::{GOOD_FOR, Plan, Refusal, SCHEMA};
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

/// Takes a plan from a file, or says why not.
///
/// # Errors
/// Its schema is unknown, it was edited or made by another version, it is too old, or it was made
/// for another account or region.
pub fn accept(plan: Plan, now: Timestamp, account: &str, region: &str) -> Result<Plan, Refusal> {
    let refuse = |why: String| {
        Err(Refusal::new(RefusalKind::Usage, why, "Make the plan again: `quarterdeck plan …`."))
    };
    if plan.schema != SCHEMA {
        return refuse(format!(
            "the plan's schema is {:?}, and only {SCHEMA} is known",
            plan.schema
        ));
    }
    if plan.digest != digest(&plan) {
        return refuse("the plan was edited, or made by another version of quarterdeck".into());
    }
    if plan.account != account {
        return refuse(format!("the plan is for account {}, and this is {account}", plan.account));
    }
    if plan.region != region {
        return refuse(format!("the plan is for {}, and this is {region}", plan.region));
    }
    if plan.made_at > now && age(now, plan.made_at) > GOOD_FOR {
        return refuse(format!("the plan was made in the future, at {}", plan.made_at));
    }
    if age(plan.made_at, now) > GOOD_FOR {
        let minutes = GOOD_FOR.as_secs() / 60;
        return refuse(format!(
            "the plan was made at {}: it is good for {minutes} minutes",
            plan.made_at
        ));
    }
    Ok(plan)
}
