//! The rows of each screen: which there are, and what they are sorted by. Made when the estate, the
//! order or the filter changes, never for a frame and never for a step of the selection.

mod facets;
pub(super) mod findings;
mod fleets;
mod node;
mod nodes;
pub(super) mod rings;
pub(super) mod runs;
pub(super) mod sources;
mod timeline;
pub(super) mod traffic;

pub(super) use node::commands;

use super::column::{Column, Sort};
use super::model::Model;
use super::screen::{RowId, Screen, ScreenKind};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a row is sorted by. The unknown stands last whatever the direction.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Key {
    /// A number: how many, how bad, when.
    Number(f64),
    /// A word.
    Text(Arc<str>),
    /// Not known, or not there.
    Unknown,
}

impl Key {
    fn count(number: impl TryInto<u32>) -> Self {
        number.try_into().map_or(Self::Unknown, |number: u32| Self::Number(number.into()))
    }

    fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Arc::from(text.as_ref()))
    }

    fn maybe(text: Option<impl AsRef<str>>) -> Self {
        text.map_or(Self::Unknown, Self::text)
    }

    fn time(at: Option<jiff::Timestamp>) -> Self {
        at.map_or(Self::Unknown, |at| Self::Number(at.as_duration().as_secs_f64()))
    }

    /// So much of so many; what has none of anything stands with the unknown.
    fn part(part: u32, whole: u32) -> Self {
        if whole == 0 { Self::Unknown } else { Self::Number(f64::from(part) / f64::from(whole)) }
    }

    fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let known = match (self, other) {
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (Self::Unknown, Self::Unknown) => return Ordering::Equal,
            (Self::Unknown, _) => return Ordering::Greater,
            (_, Self::Unknown) => return Ordering::Less,
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        };
        if descending { known.reverse() } else { known }
    }
}

/// A screen's rows in its own order, unfiltered.
pub(super) fn all(model: &Model, kind: &ScreenKind) -> Vec<RowId> {
    match kind {
        ScreenKind::Fleets => fleets::all(model),
        ScreenKind::Nodes(stack) => nodes::all(model, stack.as_ref()),
        ScreenKind::Node(id) => node::all(model, id),
        ScreenKind::Traffic => traffic::all(model),
        ScreenKind::Findings => findings::all(model),
        ScreenKind::Timeline => timeline::all(model),
        ScreenKind::Rings => rings::all(model),
        ScreenKind::Ring(stack, product) => rings::members(model, stack, product),
        ScreenKind::Sources => sources::all(model),
        ScreenKind::Runs => runs::all(model),
        ScreenKind::Run(id) => runs::steps(model, id),
    }
}

/// What a row is sorted by in this column.
fn key(model: &Model, kind: &ScreenKind, row: &RowId, column: &Column) -> Key {
    match kind {
        ScreenKind::Fleets => fleets::key(model, row, column),
        ScreenKind::Nodes(_) => nodes::key(model, row, column),
        ScreenKind::Node(id) => node::key(model, id, row, column),
        ScreenKind::Traffic => traffic::key(model, row, column),
        ScreenKind::Findings => findings::key(model, row, column),
        ScreenKind::Rings => rings::key(model, row, column),
        ScreenKind::Sources => sources::key(model, row, column),
        ScreenKind::Runs | ScreenKind::Run(_) => runs::key(model, row, column),
        // Its keys are found by an index (see `sort`).
        ScreenKind::Timeline | ScreenKind::Ring(..) => Key::Unknown,
    }
}

/// Sorts rows. Rows that are alike in this column keep their own order.
fn sort(model: &Model, kind: &ScreenKind, rows: &mut Vec<RowId>, sort: &Sort) {
    let entries = match kind {
        ScreenKind::Timeline => timeline::index(model),
        _ => BTreeMap::new(),
    };
    let ring = rings::index(model, kind);
    let key = |row: &RowId| match row {
        _ if matches!(kind, ScreenKind::Ring(..)) => ring.key(row, &sort.by),
        RowId::Change(seq) => {
            entries.get(seq).map_or(Key::Unknown, |entry| timeline::key(entry, &sort.by))
        }
        _ => key(model, kind, row, &sort.by),
    };
    let mut keyed: Vec<_> = rows.drain(..).map(|row| (key(&row), row)).collect();
    keyed.sort_by(|(one, _), (other, _)| one.compare(other, sort.descending));
    rows.extend(keyed.into_iter().map(|(_, row)| row));
}

/// The rows of a screen as they are to be seen.
pub(super) struct Made {
    pub rows: Vec<RowId>,
    /// How many there are without the filter.
    pub total: usize,
    /// Whether the row that was selected is there, filtered out or not.
    pub there: bool,
}

/// Makes a screen's rows.
pub(super) fn make(model: &Model, screen: &Screen) -> Made {
    let Screen { kind, list } = screen;
    let mut rows = all(model, kind);
    let total = rows.len();
    let mut there = false;
    if !list.filter.is_empty() {
        there = list.selected().is_some_and(|selected| rows.contains(selected));
        facets::keep(model, kind, &mut rows, list.filter.query());
    }
    if let Some(by) = &list.sort {
        sort(model, kind, &mut rows, by);
    }
    Made { rows, total, there }
}

/// The columns that a screen's rows can be sorted by, those of single ports and products last.
pub(super) fn columns(model: &Model, kind: &ScreenKind) -> Vec<Column> {
    let mut all = kind.columns().to_vec();
    let fleets = || model.estate.iter().flat_map(|estate| estate.fleets.values());
    if matches!(kind, ScreenKind::Fleets | ScreenKind::Nodes(_)) {
        let ports = fleets().flat_map(|fleet| fleet.targets.iter().map(|it| it.port));
        let ports: BTreeSet<u16> = ports.collect();
        let products = fleets().flat_map(|fleet| fleet.probes.iter().map(|it| &it.service));
        let products: BTreeSet<_> = products.collect();
        all.extend(ports.into_iter().map(Column::Port));
        all.extend(products.into_iter().cloned().map(Column::Product));
    }
    all
}
