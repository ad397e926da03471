//! `findings -o json`, and the findings that other documents bear.

use super::{Head, stamp};
use crate::cli::world::Round;
use crate::core::finding::{Finding, FindingKind, Fix, Severity};
use crate::core::ids::{InstanceId, ServiceId, StackId, TargetGroupArn};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct FindingsView {
    #[serde(flatten)]
    pub head: Head,
    pub findings: Vec<FindingView>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct FindingView {
    pub id: String,
    pub kind: FindingKind,
    pub severity: Severity,
    pub stack_id: Option<StackId>,
    pub instance_id: Option<InstanceId>,
    pub service_id: Option<ServiceId>,
    pub target_group: Option<TargetGroupArn>,
    pub since: Timestamp,
    pub summary: String,
    pub runbook: String,
    pub fix: Option<Fix>,
}

impl FindingsView {
    pub fn of(round: &Round) -> Self {
        let findings = round.estate.findings.iter().map(FindingView::of).collect();
        Self { head: Head::of(round), findings }
    }
}

impl FindingView {
    pub fn of(finding: &Finding) -> Self {
        let finding = finding.clone();
        Self {
            id: finding.id,
            kind: finding.kind,
            severity: finding.severity,
            stack_id: finding.stack_id,
            instance_id: finding.instance_id,
            service_id: finding.service_id,
            target_group: finding.target_group,
            since: stamp(finding.since),
            summary: finding.summary,
            runbook: finding.runbook,
            fix: finding.fix,
        }
    }
}
