//! EC2: where instances are and how they are, by id.

use super::pace::{Calls, Read};
use crate::aws::Aws;
use crate::core::ids::InstanceId;
use crate::core::source::Fragment;

/// Asks about ids, 200 at most. Ids that EC2 does not know are simply not in the answer, because
/// the question is a filter: by `InstanceIds` one unknown id would fail the whole call.
pub(super) async fn instances(aws: &Aws, calls: &mut Calls<'_>, ids: &[InstanceId]) -> Read {
    let described = calls.make(aws.ec2.describe_instances(ids)).await;
    calls.also_made(described.calls.saturating_sub(1));
    let found = described.result?;
    Ok((Fragment::Instances { asked: ids.to_vec(), found }, None))
}
