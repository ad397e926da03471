//! STS: who am I.

use super::{Xml, unknown_action};
use crate::sim::principal::Caller;
use crate::sim::world::{Refused, World};

/// The ARN of a caller.
pub(crate) fn arn(world: &World, caller: &Caller) -> String {
    format!("arn:aws:iam::{}:user/{}", world.account, caller.name)
}

pub(super) fn answer(world: &World, action: &str, caller: &Caller) -> Result<Xml, Refused> {
    if action != "GetCallerIdentity" {
        return Err(unknown_action(action));
    }
    let mut xml = Xml::new();
    xml.text("Arn", arn(world, caller))
        .text("UserId", format!("AIDA{}", caller.name.to_ascii_uppercase()))
        .text("Account", &world.account);
    Ok(xml)
}
