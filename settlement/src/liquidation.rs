//! How much of a position is closed when an account has too little, and at what price when nobody takes it over.
//!
//! Pure arithmetic: who is below maintenance, and what the book gives, are the caller's questions.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::{div_ceil, div_floor};
use instruments::{MicroUsd, NanosSpan, Ppm};

const ONE: i128 = 1_000_000;

/// The terms on which the venue deals with accounts that have too little. A venue whose days are minutes has other spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DefaultTerms {
    /// From one slice to the next, and from a warning to the first.
    pub slice_every: NanosSpan,
    /// Of what a slice closes, to the insurance fund.
    pub fee: Ppm,
    /// What a slice is expected to lose against the mark.
    pub slippage: Ppm,
    /// The least that a slice closes, of all that is open.
    pub least: Ppm,
    /// How long backstop bidders may bid for a portfolio.
    pub auction_for: NanosSpan,
    /// How long a contribution to the default fund stays at least.
    pub notice: NanosSpan,
}

impl DefaultTerms {
    /// Ten seconds, 1 %, 2 %, 20 %; a minute to bid; five days in the fund.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            slice_every: NanosSpan::from_seconds(10),
            fee: Ppm::new(10_000),
            slippage: Ppm::new(20_000),
            least: Ppm::new(200_000),
            auction_for: NanosSpan::from_seconds(60),
            notice: NanosSpan::from_seconds(5 * 86_400),
        }
    }

    /// Whether every number makes sense: rates within a half, spans from a millisecond to a year.
    #[must_use]
    pub fn are_sound(&self) -> bool {
        let is_rate = |rate: Ppm| Ppm::ZERO <= rate && rate <= Ppm::new(500_000);
        let spans = NanosSpan::from_millis(1)..=NanosSpan::from_seconds(366 * 86_400);
        is_rate(self.fee)
            && is_rate(self.slippage)
            && (Ppm::new(1)..=Ppm::ONE).contains(&self.least)
            && [self.slice_every, self.auction_for].iter().all(|span| spans.contains(span))
            && self.notice <= *spans.end()
    }
}

/// Whether what is left is so little that slices would come too late: below two thirds of maintenance.
#[must_use]
pub fn needs_backstop(equity: i128, maintenance: i128) -> bool {
    equity.saturating_mul(3) < maintenance.saturating_mul(2)
}

/// What is worth closing now of a notional `N`, in micro-dollars: `(t N - E) / (t - f - s)`, where `t` is the rate half way between initial
/// and maintenance margin. Rounded up; at least the least slice, at most everything.
///
/// Closing `x` costs `(f + s) x` and leaves `N - x`; the equity that remains is then `t` of that.
#[must_use]
pub fn slice(
    terms: &DefaultTerms,
    equity: i128,
    (initial, maintenance): (i128, i128),
    notional: i128,
) -> i128 {
    let cost = i128::from(terms.fee.ppm()).saturating_add(i128::from(terms.slippage.ppm()));
    // Twice t N, and twice (f + s) N: the margins are for just this notional, so t N is their middle.
    let target = initial.saturating_add(maintenance);
    let costs = div_floor(cost.saturating_mul(2).saturating_mul(notional), ONE);
    let lacks = target.saturating_sub(equity.saturating_mul(2));
    let frees = target.saturating_sub(costs);
    let least = part_of(terms.least, notional).min(notional);
    if frees <= 0 || notional <= 0 {
        return notional.max(0);
    }
    let exact = lacks.checked_mul(notional).map_or(notional, |product| div_ceil(product, frees));
    exact.clamp(least, notional)
}

fn part_of(rate: Ppm, notional: i128) -> i128 {
    div_ceil(i128::from(rate.ppm()).saturating_mul(notional), ONE)
}

/// A position that is closed out, and what its account has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseOut {
    /// Micro-dollars that each lot's other side receives on top of the mark.
    pub per_lot: MicroUsd,
    /// What does not divide by the lots.
    pub rounding: MicroUsd,
}

/// The bankruptcy price, as what each lot is closed for beside the mark: the equity is shared out by maintenance requirement, so that closing
/// a position takes just the part of the equity that stands behind it, and closing all of them leaves zero.
///
/// Each part is rounded down; what that leaves over is the account's, and less than a micro-dollar for each lot.
#[must_use]
pub fn close_out(equity: MicroUsd, (maintenance, of_all): (i128, i128), lots: u64) -> CloseOut {
    let lots = i128::from(lots).max(1);
    let behind = if of_all <= 0 {
        MicroUsd::ZERO
    } else {
        equity.share_floor(maintenance.clamp(0, of_all), of_all)
    };
    let per_lot = MicroUsd::from_i128(div_floor(i128::from(behind.micros()), lots));
    let per_lot = per_lot.unwrap_or_default();
    let paid = i128::from(per_lot.micros()).saturating_mul(lots);
    let paid = MicroUsd::from_i128(paid).unwrap_or_default();
    CloseOut { per_lot, rounding: behind - paid }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOLLAR: i128 = 1_000_000;

    /// The worked examples of the rule book.
    #[test]
    fn liq_005_the_slice_brings_the_equity_half_way() {
        let terms = DefaultTerms::standard();
        // N = 100,000, IM 20,000, MM 12,500: t = 16.25 %. With E = 12,000 close (16,250 - 12,000) / (0.1625 - 0.03) = 32,075.471699.
        let margins = (20_000 * DOLLAR, 12_500 * DOLLAR);
        let closed = slice(&terms, 12_000 * DOLLAR, margins, 100_000 * DOLLAR);
        assert_eq!(closed, 32_075_471_699);
        // What remains: 12,000 - 3 % of that = 11,037.735849, which is 16.25 % of 67,924.528301.
        let (left, rest) = (12_000 * DOLLAR - closed * 3 / 100, 100_000 * DOLLAR - closed);
        assert_eq!(left * 10_000 / rest, 1_625);
        // Hardly below: the least slice. Far below: everything.
        assert_eq!(slice(&terms, 15_000 * DOLLAR, margins, 100_000 * DOLLAR), 20_000 * DOLLAR);
        assert_eq!(slice(&terms, 3_000 * DOLLAR, margins, 100_000 * DOLLAR), 100_000 * DOLLAR);
        assert_eq!(slice(&terms, -1, margins, 100_000 * DOLLAR), 100_000 * DOLLAR);
        // Where margins are below what closing costs, nothing but closing everything helps.
        assert_eq!(slice(&terms, 0, (3 * DOLLAR, 2 * DOLLAR), 100 * DOLLAR), 100 * DOLLAR);
        assert_eq!(slice(&terms, 0, (0, 0), 0), 0);
    }

    #[test]
    fn liq_007_below_two_thirds_of_maintenance() {
        assert!(!needs_backstop(8_000, 12_000));
        assert!(needs_backstop(7_999, 12_000));
        assert!(needs_backstop(-1, 0));
    }

    #[test]
    fn liq_011_closing_everything_leaves_zero() {
        // 700 of equity behind two positions with maintenance 900 and 600: 420 and 280. Over 9 lots 46.666666, over 7 lots 40.
        let equity = MicroUsd::new(700_000_000);
        let first = close_out(equity, (900, 1_500), 9);
        let second = close_out(equity, (600, 1_500), 7);
        assert_eq!((first.per_lot.micros(), first.rounding.micros()), (46_666_666, 6));
        assert_eq!((second.per_lot.micros(), second.rounding.micros()), (40_000_000, 0));
    }
}
