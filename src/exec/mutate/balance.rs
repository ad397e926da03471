//! ELBv2's writes: targets in and out, and what a listener or a rule forwards to.

use super::{Taken, taken, unsendable};
use crate::aws::{Aws, source_error};
use crate::core::error::{ErrorKind, SourceError};
use crate::core::ids::TargetGroupArn;
use crate::core::inventory::Forward;
use crate::core::plan::{ActionId, Target};
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, ForwardActionConfig, TargetDescription, TargetGroupStickinessConfig,
    TargetGroupTuple,
};

pub(super) async fn register(
    aws: &Aws,
    group: &TargetGroupArn,
    targets: &[Target],
) -> Result<Taken, SourceError> {
    let request = aws
        .elbv2
        .register_targets()
        .target_group_arn(group.as_str())
        .set_targets(Some(described(targets)));
    Ok(taken("RegisterTargets", request.send().await)?.1)
}

/// Takes targets out, each with its port: without it AWS takes out whatever is registered on the
/// group's own port (API reference, DeregisterTargets).
pub(super) async fn deregister(
    aws: &Aws,
    group: &TargetGroupArn,
    targets: &[Target],
) -> Result<Taken, SourceError> {
    let request = aws
        .elbv2
        .deregister_targets()
        .target_group_arn(group.as_str())
        .set_targets(Some(described(targets)));
    Ok(taken("DeregisterTargets", request.send().await)?.1)
}

fn described(targets: &[Target]) -> Vec<TargetDescription> {
    let one = |target: &Target| {
        TargetDescription::builder().id(target.id.as_str()).port(i32::from(target.port)).build()
    };
    targets.iter().map(one).collect()
}

/// The actions of a listener or a rule as they are now.
pub(super) async fn actions(aws: &Aws, action: &ActionId) -> Result<Vec<Action>, SourceError> {
    match &action.rule {
        None => listener_actions(aws, action.listener.as_str()).await,
        Some(rule) => rule_actions(aws, rule).await,
    }
}

/// Writes the groups and weights of an action and keeps the rest of what was just read of it.
pub(super) async fn write(
    aws: &Aws,
    action: &ActionId,
    actions: Vec<Action>,
    to: &Forward,
) -> Result<Taken, SourceError> {
    let Some(rule) = &action.rule else {
        let listener = action.listener.as_str();
        let actions = rewritten("ModifyListener", actions, to)?;
        let request =
            aws.elbv2.modify_listener().listener_arn(listener).set_default_actions(Some(actions));
        return Ok(taken("ModifyListener", request.send().await)?.1);
    };
    let actions = rewritten("ModifyRule", actions, to)?;
    let request = aws.elbv2.modify_rule().rule_arn(rule).set_actions(Some(actions));
    Ok(taken("ModifyRule", request.send().await)?.1)
}

async fn listener_actions(aws: &Aws, arn: &str) -> Result<Vec<Action>, SourceError> {
    let answer = aws.elbv2.describe_listeners().listener_arns(arn).send().await;
    let answer = answer.map_err(|error| source_error("DescribeListeners", &error))?;
    let one = answer.listeners.unwrap_or_default().into_iter().next();
    let one = one.ok_or_else(|| gone("DescribeListeners", arn))?;
    Ok(one.default_actions.unwrap_or_default())
}

async fn rule_actions(aws: &Aws, arn: &str) -> Result<Vec<Action>, SourceError> {
    let answer = aws.elbv2.describe_rules().rule_arns(arn).send().await;
    let answer = answer.map_err(|error| source_error("DescribeRules", &error))?;
    let one = answer.rules.unwrap_or_default().into_iter().next();
    let one = one.ok_or_else(|| gone("DescribeRules", arn))?;
    Ok(one.actions.unwrap_or_default())
}

fn gone(operation: &str, arn: &str) -> SourceError {
    SourceError::new(ErrorKind::NotFound, operation, format!("{arn} is not there any more"))
}

/// The actions with the forward's groups and weights replaced; order, stickiness' duration and
/// every other action stay as they are.
fn rewritten(
    operation: &str,
    mut actions: Vec<Action>,
    to: &Forward,
) -> Result<Vec<Action>, SourceError> {
    let found = actions.iter_mut().find(|action| action.r#type == Some(ActionTypeEnum::Forward));
    let Some(action) = found else {
        return Err(unsendable(operation, "the action does not forward any more"));
    };
    let groups: Result<Vec<TargetGroupTuple>, SourceError> = to
        .groups
        .iter()
        .map(|of| {
            let weight = i32::try_from(of.weight).map_err(|why| unsendable(operation, why))?;
            let arn = of.target_group.as_str();
            Ok(TargetGroupTuple::builder().target_group_arn(arn).weight(weight).build())
        })
        .collect();
    let groups = groups?;
    let mut config = action.forward_config.take().unwrap_or_else(empty);
    let sticky = config.target_group_stickiness_config.take();
    let seconds = to.sticky_seconds.and_then(|seconds| i32::try_from(seconds).ok());
    config.target_group_stickiness_config = match sticky {
        Some(mut had) => {
            had.enabled = Some(to.sticky);
            if let Some(seconds) = seconds {
                had.duration_seconds = Some(seconds);
            }
            Some(had)
        }
        None if to.sticky => Some(
            TargetGroupStickinessConfig::builder()
                .enabled(true)
                .set_duration_seconds(seconds)
                .build(),
        ),
        None => None,
    };
    // AWS refuses a single group's ARN beside a list that says something else.
    action.target_group_arn = match groups.as_slice() {
        [only] if action.target_group_arn.is_some() => only.target_group_arn.clone(),
        _ => None,
    };
    config.target_groups = Some(groups);
    action.forward_config = Some(config);
    Ok(actions)
}

fn empty() -> ForwardActionConfig {
    ForwardActionConfig::builder().build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::inventory::WeightedGroup;

    fn forward(groups: &[(&str, u32)], sticky: bool) -> Forward {
        let groups = groups
            .iter()
            .map(|(arn, weight)| WeightedGroup { target_group: (*arn).into(), weight: *weight });
        Forward { groups: groups.collect(), sticky, sticky_seconds: None }
    }

    fn action(sticky: Option<TargetGroupStickinessConfig>) -> Action {
        let tuple = TargetGroupTuple::builder().target_group_arn("blue").weight(1).build();
        let config = ForwardActionConfig::builder()
            .target_groups(tuple)
            .set_target_group_stickiness_config(sticky)
            .build();
        Action::builder()
            .r#type(ActionTypeEnum::Forward)
            .order(3)
            .target_group_arn("blue")
            .forward_config(config)
            .build()
    }

    #[test]
    fn what_is_not_groups_and_weights_stays() {
        let kept =
            TargetGroupStickinessConfig::builder().enabled(true).duration_seconds(60).build();
        let other = Action::builder().r#type(ActionTypeEnum::FixedResponse).order(1).build();
        let had = vec![other.clone(), action(Some(kept.clone()))];
        let to = forward(&[("blue", 90), ("green", 10)], true);
        let now = rewritten("ModifyListener", had, &to).unwrap();
        assert_eq!(now[0], other);
        assert_eq!((now[1].order, now[1].target_group_arn.as_deref()), (Some(3), None));
        let config = now[1].forward_config.as_ref().unwrap();
        assert_eq!(config.target_group_stickiness_config, Some(kept));
        let weights: Vec<_> = config
            .target_groups()
            .iter()
            .map(|of| (of.target_group_arn().unwrap(), of.weight().unwrap()))
            .collect();
        assert_eq!(weights, [("blue", 90), ("green", 10)]);
    }

    #[test]
    fn an_action_written_back_unchanged_is_the_same() {
        let had = vec![action(None)];
        let now =
            rewritten("ModifyListener", had.clone(), &forward(&[("blue", 1)], false)).unwrap();
        assert_eq!(now, had);
    }

    #[test]
    fn an_action_that_does_not_forward_is_left_alone() {
        let other = Action::builder().r#type(ActionTypeEnum::Redirect).build();
        let refused = rewritten("ModifyListener", vec![other], &forward(&[("blue", 1)], false));
        assert_eq!(refused.unwrap_err().kind, ErrorKind::Refused);
    }
}
