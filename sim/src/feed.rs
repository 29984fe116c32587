//! What the oracle sees: sources that quote around a price that walks, and the real index over what they quote.

use exchange::IndexPrint;
use instruments::rounding::div_floor;
use instruments::{GradeId, MicroUsd, Nanos, NanosSpan};
use oracle::{Index, Observation, Params, ProviderId};

use crate::seed::Stream;

/// How often the index prints.
pub(crate) const CADENCE: NanosSpan = NanosSpan::from_seconds(1_800);
const WHOLE: u64 = 1_000_000;
/// Of the price, how far it may go from one print to the next.
const STEP_PPM: u64 = 8_000;
/// Sources that still answer while most are dark: fewer than the index needs.
const SOURCES_IN_THE_DARK: usize = 2;

/// The sources of one grade and the index over them.
pub(crate) struct Feed {
    grade: GradeId,
    index: Index,
    chance: Stream,
    /// Micro-dollars per GPU-hour.
    price: u64,
    sources: Vec<Source>,
}

struct Source {
    name: ProviderId,
    /// Of the price.
    level_ppm: u64,
    configs: u32,
}

/// What strikes the sources at one print.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) is_dark: bool,
    pub(crate) factor_ppm: u64,
}

impl Feed {
    pub(crate) fn new(grade: GradeId, mut chance: Stream) -> Self {
        let price = chance.between(1_400_000, 2_600_000);
        let mut sources = Vec::new();
        for place in 1..=8 {
            let Ok(name) = ProviderId::new(&format!("source {place}")) else { continue };
            let level_ppm = chance.between(850_000, 1_200_000);
            let configs = u32::try_from(chance.between(1, 6)).unwrap_or(1);
            sources.push(Source { name, level_ppm, configs });
        }
        Self { grade, index: Index::new(Params::default()), chance, price, sources }
    }

    pub(crate) fn grade(&self) -> &GradeId {
        &self.grade
    }

    /// The price that nobody sees.
    pub(crate) fn price(&self) -> MicroUsd {
        MicroUsd::new(i64::try_from(self.price).unwrap_or(i64::MAX))
    }

    /// Lets the price walk one step and says what the index makes of the sources.
    pub(crate) fn print(&mut self, at: Nanos, weather: Weather) -> IndexPrint {
        let step = self.chance.around_zero(STEP_PPM);
        let factor = i64::try_from(WHOLE).unwrap_or(1) + step;
        self.price = part(self.price, factor.unsigned_abs()).clamp(200_000, 20_000_000);

        let mut seen = Vec::new();
        for (place, source) in self.sources.iter().enumerate() {
            let is_reachable = !weather.is_dark || place < SOURCES_IN_THE_DARK;
            let answers = self.chance.chance(970_000) && is_reachable;
            let noise = self.chance.between(995_000, 1_005_000);
            let quote = part(part(part(self.price, source.level_ppm), noise), weather.factor_ppm);
            let quote = MicroUsd::new(i64::try_from(quote).unwrap_or(i64::MAX));
            if answers {
                seen.extend(Observation::new(at, source.name.clone(), quote, source.configs));
            }
        }
        let print = self.index.tick(at, &seen);
        IndexPrint {
            grade: self.grade.clone(),
            observed_at: at,
            value: print.value,
            conf: print.conf,
            state: print.state,
        }
    }
}

fn part(price: u64, ppm: u64) -> u64 {
    let product = i128::from(price) * i128::from(ppm);
    u64::try_from(div_floor(product, i128::from(WHOLE))).unwrap_or(u64::MAX)
}
