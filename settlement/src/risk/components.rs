//! What a portfolio must hold, split into parts that anyone can compute again.

use instruments::{MicroUsd, Ppm};

use super::lanes::{BEYOND, GROSS_MAX, rate_ceil};
use super::parameters::RiskParameters;

/// The portfolio margin of one account in one grade.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RiskComponents {
    /// The largest loss in any scenario.
    pub scan: MicroUsd,
    /// For what offsets between expiries.
    pub roll: MicroUsd,
    /// For the net delta beyond the threshold.
    pub contingency: MicroUsd,
    /// The least that the short options cost.
    pub short_option_minimum: MicroUsd,
    /// The three first together, or the minimum where that is more.
    pub initial: MicroUsd,
    /// A share of that.
    pub maintenance: MicroUsd,
    /// What open orders add, however they may fill.
    pub orders: MicroUsd,
}

impl RiskComponents {
    /// MARGIN-030: the most that lots times the largest number of their arrays may come to.
    #[expect(clippy::as_conversions, reason = "2^54 fits; `From` is not const")]
    pub const GROSS_MAX: MicroUsd = MicroUsd::new(GROSS_MAX as i64);

    /// For positions and orders together.
    #[must_use]
    pub fn total(&self) -> MicroUsd {
        self.initial + self.orders
    }

    /// MARGIN-030: whether its sums could be inexact, so that its numbers say no more than that.
    #[must_use]
    pub const fn is_beyond(&self) -> bool {
        BEYOND <= self.initial.micros()
    }

    /// A portfolio whose parts cannot be told apart any more.
    pub(super) fn of_all(required: MicroUsd) -> Self {
        Self { scan: required, initial: required, maintenance: required, ..Self::default() }
    }
}

/// The rates, as bare numbers for the path of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rates {
    roll: i64,
    contingency: i64,
    contingency_from: i64,
    maintenance: i64,
}

/// What the charges are computed from, in micro-dollars.
#[derive(Debug, Clone, Copy)]
pub(super) struct Charged {
    /// The largest loss, not below zero.
    pub(super) worst: i64,
    /// Delta held long, expiry by expiry, added up; not below zero. With orders, as much of it as there may be.
    pub(super) long: i64,
    /// The same of what is short.
    pub(super) short: i64,
    /// What may offset, both sides counted: each expiry is long or short, whatever fills, and a lone one offsets nothing.
    pub(super) offset: i64,
    /// The net delta's distance from zero.
    pub(super) delta: i64,
    /// The least that the short options cost.
    pub(super) minimum: i64,
}

impl Rates {
    pub(super) fn of(parameters: &RiskParameters) -> Self {
        let rate = |rate: Ppm| rate.ppm().clamp(0, Ppm::ONE.ppm());
        Self {
            roll: rate(parameters.roll_rate),
            contingency: rate(parameters.contingency_rate),
            contingency_from: parameters.contingency_from.micros().max(0),
            maintenance: rate(parameters.maintenance),
        }
    }

    /// Charged on both sides of what offsets.
    #[inline]
    fn roll_of(&self, of: &Charged) -> i64 {
        rate_ceil(of.long.min(of.short).wrapping_mul(2).min(of.offset), self.roll)
    }

    #[inline]
    fn contingency_of(&self, of: &Charged) -> i64 {
        rate_ceil(of.delta.saturating_sub(self.contingency_from).max(0), self.contingency)
    }

    /// Initial margin but for the minimum.
    #[inline]
    pub(super) fn charged(&self, of: &Charged) -> i64 {
        of.worst.wrapping_add(self.roll_of(of)).wrapping_add(self.contingency_of(of))
    }

    /// Initial margin.
    #[inline]
    pub(super) fn initial(&self, of: &Charged) -> i64 {
        self.charged(of).max(of.minimum)
    }

    /// All parts, `held` with the positions alone and `initial` with the orders too.
    pub(super) fn components(&self, held: &Charged, initial: i64) -> RiskComponents {
        let alone = self.initial(held);
        let of = MicroUsd::new;
        RiskComponents {
            scan: of(held.worst),
            roll: of(self.roll_of(held)),
            contingency: of(self.contingency_of(held)),
            short_option_minimum: of(held.minimum),
            initial: of(alone),
            maintenance: of(rate_ceil(alone, self.maintenance)),
            orders: of(initial.saturating_sub(alone).max(0)),
        }
    }
}
