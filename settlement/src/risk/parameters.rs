//! The numbers of portfolio margin. All of them are data; those here are what a venue starts with.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{GradeId, MicroUsd, Ppm};

/// How well a grade's price is known and how easily its positions are closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum RiskClass {
    /// Rented everywhere, priced for years.
    Liquid,
    /// New or rare.
    Thin,
}

impl RiskClass {
    /// The class that a grade begins in. A grade that nobody has heard of is thin.
    #[must_use]
    pub fn of_grade(grade: &GradeId) -> Self {
        match grade.as_str() {
            "H100" | "A100" | "H200" | "RTX4090" => Self::Liquid,
            _ => Self::Thin,
        }
    }
}

/// What portfolio margin is computed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RiskParameters {
    /// How far prices move in the standard scenarios, up and down, in four steps each.
    pub price_range: Ppm,
    /// By how much of itself an implied volatility rises.
    pub vol_up: Ppm,
    /// By how much of itself it falls.
    pub vol_down: Ppm,
    /// A lower volatility rises as if it were this one.
    pub vol_up_floor: Ppm,
    /// The power of 30 days over the days left, by which volatility moves are scaled: below 30 days.
    pub power_near: Ppm,
    /// The same from 30 days on.
    pub power_far: Ppm,
    /// How far prices move in the extended scenarios. An option's array has them times `price_range / |move|`.
    pub extended_moves: [Ppm; 8],
    /// Charged on both sides of what offsets between two expiries: compute cannot be stored, so that one month is no other.
    pub roll_rate: Ppm,
    /// Charged on the net delta beyond a threshold.
    pub contingency_rate: Ppm,
    /// The threshold.
    pub contingency_from: MicroUsd,
    /// Maintenance margin, as a share of initial margin.
    pub maintenance: Ppm,
    /// The least that a short option costs, as a share of its underlying's value.
    pub short_option_minimum: Ppm,
}

const EXTENDED_MOVES: [Ppm; 8] = [
    Ppm::new(-660_000),
    Ppm::new(-330_000),
    Ppm::new(500_000),
    Ppm::new(1_000_000),
    Ppm::new(2_000_000),
    Ppm::new(3_000_000),
    Ppm::new(4_000_000),
    Ppm::new(5_000_000),
];

impl RiskParameters {
    /// What a class begins with.
    #[must_use]
    pub const fn of(class: RiskClass) -> Self {
        match class {
            RiskClass::Liquid => Self::liquid(),
            RiskClass::Thin => Self::thin(),
        }
    }

    /// 20 % up and down, and at most 70 % off for what offsets: two legs cost 40 % apart and at least 12 % together.
    #[must_use]
    pub const fn liquid() -> Self {
        Self {
            price_range: Ppm::new(200_000),
            vol_up: Ppm::new(450_000),
            vol_down: Ppm::new(300_000),
            vol_up_floor: Ppm::new(500_000),
            power_near: Ppm::new(300_000),
            power_far: Ppm::new(130_000),
            extended_moves: EXTENDED_MOVES,
            roll_rate: Ppm::new(60_000),
            contingency_rate: Ppm::new(6_000),
            contingency_from: MicroUsd::new(1_000_000_000_000),
            maintenance: Ppm::new(800_000),
            short_option_minimum: Ppm::new(10_000),
        }
    }

    /// 30 % up and down, and at most 50 % off for what offsets: two legs cost 60 % apart and at least 30 % together.
    #[must_use]
    pub const fn thin() -> Self {
        Self {
            price_range: Ppm::new(300_000),
            vol_up: Ppm::new(600_000),
            vol_down: Ppm::new(350_000),
            roll_rate: Ppm::new(150_000),
            contingency_rate: Ppm::new(12_000),
            contingency_from: MicroUsd::new(250_000_000_000),
            maintenance: Ppm::new(850_000),
            short_option_minimum: Ppm::new(20_000),
            ..Self::liquid()
        }
    }
}
