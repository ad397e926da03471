//! Plans, guards and claims over bent worlds: what is refused, flagged or planned, and why.

mod claims;
mod cutover;
mod drain;
mod model;
mod registry;
mod rings;
mod rollback;
mod roundtrip;
mod table;

use super::fixture::*;
use super::guard::Effect;
use super::refusal::RefusalKind;
use super::*;
use crate::core::run::journal::{Entry, Line, Outcome};
use crate::core::run::{Run, RunId, Who};

/// The report of one guard.
fn report(plan: &Plan, guard: GuardName) -> &GuardReport {
    plan.guards.iter().find(|report| report.guard == guard).unwrap()
}

fn effect(plan: &Plan, guard: GuardName) -> Effect {
    report(plan, guard).effect
}

/// The kind of the refusal, its sentence in the message of a failure.
fn refused(result: Result<Plan, Refusal>) -> (RefusalKind, String) {
    match result {
        Ok(plan) => panic!("planned: {:#?}", plan.steps),
        Err(refusal) => {
            assert!(refusal.next.ends_with('.') || refusal.next.ends_with('?'), "{}", refusal.next);
            (refusal.kind, refusal.why)
        }
    }
}

fn titles(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.title.as_str()).collect()
}

fn mutations(plan: &Plan) -> Vec<&Mutation> {
    plan.steps
        .iter()
        .filter_map(|step| match &step.action {
            StepAction::Change(mutation) => Some(mutation),
            _ => None,
        })
        .collect()
}

/// The journal of a run that has come through this many steps.
fn journal(plan: &Plan, through: usize) -> Vec<Line> {
    let approved = ApprovedPlan {
        plan: plan.clone(),
        approved_at: now(),
        by: Who { uid: Some(1000), host: Some("here".into()), ..Who::default() },
        typed: "blue".into(),
    };
    let mut entries = vec![Entry::Opened {
        run: RunId::from("r-1"),
        approved: Box::new(approved),
        version: "0".into(),
        rules: 0,
    }];
    for step in plan.steps.iter().take(through) {
        let number = step.number;
        entries.push(Entry::StepBegan { step: number });
        if let StepAction::Change(mutation) = &step.action {
            let mutation = mutation.clone();
            entries.push(Entry::Intent { step: number, attempt: 1, mutation });
            let outcome =
                Outcome::Accepted { request: Some(format!("req-{number}")), operation: None };
            entries.push(Entry::Outcome { step: number, attempt: 1, outcome });
        }
        entries.push(Entry::StepDone { step: number });
    }
    lines(entries)
}

fn lines(entries: Vec<Entry>) -> Vec<Line> {
    let line = |(number, entry): (u64, Entry)| Line {
        number,
        at: after(i64::try_from(number).unwrap()),
        before: String::new(),
        entry,
        hash: String::new(),
    };
    (1..).zip(entries).map(line).collect()
}

fn run_of(plan: &Plan, through: usize) -> Run {
    Run::fold(&journal(plan, through)).unwrap()
}
