//! What the traffic shows, beside what the API says: requests a second, and a fleet's part of them.

use crate::core::estate::{Estate, Fleet};
use crate::core::ids::{Product, StackId};

/// The requests that reach a fleet, and all of their kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    /// Requests a second that reach the fleet, as far as they are counted.
    pub per_second: f64,
    /// Those that reach any fleet.
    pub all: f64,
    /// Whether every node of every fleet is counted: else both are "at least".
    pub whole: bool,
}

impl Shown {
    /// The fleet's part, 0 to 1; `None` where there is no request to have a part of.
    pub fn share(&self) -> Option<f64> {
        (self.all > 0.0).then(|| self.per_second / self.all)
    }
}

/// What the traffic shows of a fleet: of a product, or of all products together. `None` where no
/// node of it counts.
pub fn shown(estate: &Estate, stack: &StackId, product: Option<&Product>) -> Option<Shown> {
    let of = |fleet: &Fleet| {
        let own = fleet.requests.iter().filter(|one| product.is_none_or(|it| one.product == *it));
        let (mut sum, mut whole) = (None, true);
        for one in own {
            sum = one.per_second.map(|rate| sum.unwrap_or(0.0) + rate).or(sum);
            whole &= one.known == one.of;
        }
        (sum, whole)
    };
    let (own, own_whole) = of(estate.fleets.get(stack)?);
    let per_second = own?;
    let mut shown = Shown { per_second, all: per_second, whole: own_whole };
    for (_, fleet) in estate.fleets.iter().filter(|(name, _)| *name != stack) {
        let (others, others_whole) = of(fleet);
        shown.all += others.unwrap_or(0.0);
        // A fleet without a node that lives has nothing to count.
        shown.whole &= (others.is_some() && others_whole) || !has_living(estate, fleet);
    }
    Some(shown)
}

/// What the traffic shows of a fleet behind a port: of the product that answers there.
pub fn shown_at(estate: &Estate, stack: &StackId, port: u16) -> Option<Shown> {
    let fleet = estate.fleets.get(stack)?;
    let probes = fleet.nodes.iter().filter_map(|id| estate.nodes.get(id)).flat_map(|it| &it.probes);
    let product = probes.map(|probe| &probe.outcome).find(|outcome| outcome.port == port)?;
    shown(estate, stack, Some(&product.product))
}

fn has_living(estate: &Estate, fleet: &Fleet) -> bool {
    fleet.nodes.iter().filter_map(|id| estate.nodes.get(id)).any(|node| node.is_living())
}
