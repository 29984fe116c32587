//! The options of a portfolio, scenario by scenario. They lie apart from the rest of it, because who trades futures alone never reads them.

use super::array::LANES;
use super::lanes::{Lanes, add_held, add_order, add_position};
use super::leg::Leg;
use super::portfolio::Series;

/// What a portfolio's options gain and lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub(super) struct Curve {
    /// Over every way the orders may fill.
    pub(super) worst: Lanes,
    /// Of what is held.
    pub(super) position: Lanes,
}

impl Curve {
    pub(super) const FLAT: Self = Self { worst: [0; LANES], position: [0; LANES] };

    /// Adds a leg while the curve is computed anew: `worst` has what the orders come to by themselves until [`Self::join`].
    pub(super) fn add(&mut self, series: &Series, leg: Leg) {
        if !series.is_curved {
            return;
        }
        add_held(&mut self.position, &series.one, leg.net);
        if leg.buys != 0 {
            add_order(&mut self.worst, &series.one.bought, leg.buys);
        }
        if leg.sells != 0 {
            add_order(&mut self.worst, &series.one.sold, leg.sells);
        }
    }

    /// Adds what is held to what the orders come to.
    pub(super) fn join(&mut self) {
        for (worst, position) in self.worst.iter_mut().zip(&self.position) {
            *worst = worst.wrapping_add(*position);
        }
    }

    /// Adds a change of a leg.
    pub(super) fn change(&mut self, series: &Series, change: Leg) {
        if series.is_curved {
            add_order(&mut self.worst, &series.one.bought, change.buys);
            add_order(&mut self.worst, &series.one.sold, change.sells);
            add_position(&mut self.position, &mut self.worst, &series.one, change.net);
        }
    }
}
