//! Who we are: GetCallerIdentity, which no policy can deny.

use super::pace::{Calls, Read};
use crate::aws::{Aws, source_error};
use crate::core::inventory::Identity;
use crate::core::source::Fragment;

pub(super) async fn identity(aws: &Aws, calls: &mut Calls<'_>) -> Read {
    let answer = calls
        .make(aws.sts.get_caller_identity().send())
        .await
        .map_err(|error| source_error("GetCallerIdentity", &error))?;
    let identity = Identity {
        account: answer.account.unwrap_or_default(),
        arn: answer.arn.unwrap_or_default(),
    };
    Ok((Fragment::Identity(identity), None))
}
