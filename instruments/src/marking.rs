//! How a series' mark and its daily settlement price are made.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::units::{MicroUsd, NanosSpan, Ppm};

/// How a series' mark and its daily settlement price are made. A venue whose days are minutes has a shorter step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MarkTerms {
    /// The money for which each side's average price is taken, for a lot of 720 hours; of a shorter lot its share.
    pub impact: MicroUsd,
    /// Time passes in steps this long: a trade fades over sixty of them, the basis goes a thirtieth of its way in each.
    pub step: NanosSpan,
    /// How far the mark may move in one step; any distance when absent.
    pub move_max: Option<Ppm>,
    /// How long a print of the index prices the series.
    pub index_for: NanosSpan,
    /// The widest market whose middle settles a day, relative to its bid.
    pub spread_max: Ppm,
}

/// A million dollars a side.
const IMPACT_MAX: MicroUsd = MicroUsd::new(1_000_000_000_000);
/// A month of the index.
const INDEX_FOR_MAX: NanosSpan = NanosSpan::from_seconds(31 * 86_400);
/// An hour.
const STEP_MAX: NanosSpan = NanosSpan::from_seconds(3_600);

impl MarkTerms {
    /// The best bid and ask of any size, and marks that move as far as they like.
    pub const PLAIN: Self = Self { impact: MicroUsd::ZERO, move_max: None, ..Self::standard() };

    /// 25,000 dollars a side; steps of five seconds, 1 % each; an index is good for two hours, a market 2 % wide settles a day.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            impact: MicroUsd::new(25_000_000_000),
            step: NanosSpan::from_seconds(5),
            move_max: Some(Ppm::new(10_000)),
            index_for: NanosSpan::from_seconds(7_200),
            spread_max: Ppm::new(20_000),
        }
    }

    /// Whether every number makes sense.
    pub(crate) fn are_sound(&self) -> bool {
        let is_span = |span: NanosSpan, max| NanosSpan::ZERO < span && span <= max;
        let is_share = |share: Ppm| Ppm::ZERO < share && share <= Ppm::ONE;
        (MicroUsd::ZERO..=IMPACT_MAX).contains(&self.impact)
            && is_span(self.step, STEP_MAX)
            && self.move_max.is_none_or(is_share)
            && is_span(self.index_for, INDEX_FOR_MAX)
            && is_share(self.spread_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_of_a_mark_are_positive_and_bounded() {
        let good = MarkTerms::standard();
        assert!(good.are_sound() && MarkTerms::PLAIN.are_sound());
        let bad = [
            MarkTerms { impact: MicroUsd::new(-1), ..good },
            MarkTerms { impact: IMPACT_MAX + MicroUsd::new(1), ..good },
            MarkTerms { step: NanosSpan::ZERO, ..good },
            MarkTerms { move_max: Some(Ppm::ZERO), ..good },
            MarkTerms { index_for: NanosSpan::ZERO, ..good },
            MarkTerms { spread_max: Ppm::new(1_000_001), ..good },
        ];
        for terms in bad {
            assert!(!terms.are_sound(), "{terms:?}");
        }
    }
}
