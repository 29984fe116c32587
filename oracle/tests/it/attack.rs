//! A coalition quotes ten times its price, or a tenth, or a stealthy 42 % more, for a day, in seeded worlds.

use instruments::MicroUsd;
use oracle::fixing;

use crate::book::{Quotes, TICKS_PER_DAY, moved};

const WORLDS: u64 = 8;
const PROVIDERS: usize = 15;
/// A fifth of them.
const COALITION: usize = 3;
const CALM_DAYS: usize = 5;

/// A linear congruential generator: enough for a test, and the same everywhere.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: u64) -> i64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((self.0 >> 33) % bound).expect("a small number")
    }

    /// Roughly normal around zero, with a standard deviation of `sigma`.
    fn normal(&mut self, sigma: i64) -> i64 {
        let sum: i64 = (0..12).map(|_| self.below(2_001) - 1_000).sum();
        sum * sigma / 2_000
    }
}

/// The fixing of the last day, in which the coalition multiplies its quotes by `per_mille`.
fn settle(world: u64, per_mille: i64) -> i64 {
    let mut draws = Draws(world);
    // Structural levels a quarter apart, own moves of a twentieth.
    let own: Vec<i64> =
        (0..PROVIDERS).map(|_| 1_000 + draws.normal(250).clamp(-600, 600)).collect();
    let mut quotes = Quotes::of(&own.iter().map(|own| own * 2_400).collect::<Vec<_>>());
    let mut honest = quotes.prices.clone();
    let mut last_day = Vec::new();
    for tick in 0..(CALM_DAYS + 1) * TICKS_PER_DAY {
        for (price, own) in honest.iter_mut().zip(&own) {
            if draws.below(20) == 0 {
                *price = Some(own * (2_400 + draws.normal(120)));
            }
        }
        quotes.prices.clone_from(&honest);
        let attacks = CALM_DAYS * TICKS_PER_DAY <= tick;
        for price in quotes.prices.iter_mut().take(if attacks { COALITION } else { 0 }) {
            *price = price.map(|price| price * per_mille / 1_000);
        }
        let print = quotes.tick();
        if attacks {
            last_day.push(print.value);
        }
    }
    fixing(&last_day).map_or(0, MicroUsd::micros)
}

/// ORACLE-018: over a day a fifth of the providers moves a fixing by a few per cent at most, typically by less than two and a half.
#[test]
fn oracle_018_a_fifth_of_the_providers_cannot_move_a_fixing_far() {
    for per_mille in [10_000, 1_420, 100] {
        let mut errors: Vec<i64> = (1..=WORLDS)
            .map(|world| moved(settle(world, 1_000), settle(world, per_mille)))
            .collect();
        errors.sort_unstable();
        let (median, worst) = (errors[errors.len() / 2], errors[errors.len() - 1]);
        assert!(median <= 25_000, "x{per_mille}: median {median} ppm of {errors:?}");
        assert!(worst <= 50_000, "x{per_mille}: worst {worst} ppm of {errors:?}");
    }
}
