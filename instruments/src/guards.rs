//! What keeps a series' prices from running away: bands around the mark, the breaker, and the mark itself.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::marking::MarkTerms;
use crate::units::{NanosSpan, Ppm, Qty};

/// What keeps a series' prices from running away. A venue whose days are minutes has other numbers, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Guards {
    /// How far from the mark a limit may be; any distance when absent.
    pub bands: Option<BandWidths>,
    /// What stops trading when prices run; nothing when absent.
    pub breaker: Option<BreakerTerms>,
    /// How the mark is made.
    pub mark: MarkTerms,
    /// Which trades agreed elsewhere are taken; none when absent.
    pub block: Option<BlockTerms>,
}

/// Which trades agreed elsewhere are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlockTerms {
    /// How far from the mark their price may be.
    pub band: Ppm,
    /// The least of them.
    pub lots_min: Qty,
}

/// How far from the mark a limit may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BandWidths {
    /// While the series is among the next to stop trading.
    pub front: Ppm,
    /// Before that.
    pub back: Ppm,
}

/// What stops trading when prices run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BreakerTerms {
    /// How far prices may run, relative to the series' reference.
    pub width: Ppm,
    /// Within how long.
    pub window: NanosSpan,
    /// How long the auction collects that follows.
    pub call: NanosSpan,
    /// The most that is added to that.
    pub random: NanosSpan,
    /// How often it is extended when its price would stop trading again.
    pub extensions: u8,
}

/// The longest of a guard's spans: a day.
const SPAN_MAX: NanosSpan = NanosSpan::from_seconds(86_400);
/// The widest guard: nine times the price on top of it.
const WIDTH_MAX: Ppm = Ppm::new(9_000_000);
const EXTENSIONS_MAX: u8 = 8;

impl Guards {
    /// Nothing is guarded.
    pub const NONE: Self = Self { bands: None, breaker: None, mark: MarkTerms::PLAIN, block: None };

    /// 5 % and 10 % around the mark; 7 % within an hour stops trading for five minutes and a bit; blocks of 25 lots within 20 %.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            bands: Some(BandWidths { front: Ppm::new(50_000), back: Ppm::new(100_000) }),
            breaker: Some(BreakerTerms {
                width: Ppm::new(70_000),
                window: NanosSpan::from_seconds(3_600),
                call: NanosSpan::from_seconds(300),
                random: NanosSpan::from_seconds(30),
                extensions: 2,
            }),
            mark: MarkTerms::standard(),
            block: Some(BlockTerms { band: Ppm::new(200_000), lots_min: Qty::from_lots(25) }),
        }
    }

    /// Whether every number makes sense.
    pub(crate) fn are_sound(&self) -> bool {
        let is_width = |width: Ppm| Ppm::ZERO < width && width <= WIDTH_MAX;
        let is_span = |span: NanosSpan| NanosSpan::ZERO < span && span <= SPAN_MAX;
        self.mark.are_sound()
            && self.block.is_none_or(|block| is_width(block.band) && !block.lots_min.is_zero())
            && self.bands.is_none_or(|bands| is_width(bands.front) && is_width(bands.back))
            && self.breaker.is_none_or(|breaker| {
                is_width(breaker.width)
                    && is_span(breaker.window)
                    && is_span(breaker.call)
                    && breaker.random <= SPAN_MAX
                    && breaker.extensions <= EXTENSIONS_MAX
            })
    }
}
