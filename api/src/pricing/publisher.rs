//! From what the exchange shows to what it is told of each option: mark, volatility, greeks and risk array, as integers.
//!
//! [`Market::of`] copies what is needed while the exchange is held, [`Publisher::step`] computes without it. Both books and trades count as
//! quotes: the mid of a two-sided market weighs by how tight it is, a trade for [`TRADE_COUNTS_FOR`]. Each family's surface is fitted, each
//! option is priced at its smile, undiscounted, as its margin is. Out come those options whose numbers have moved enough to matter, those
//! that have moved at all and whose last word is [`REPEAT_AFTER`] old, and those whose last word is [`SAY_AGAIN_AFTER`] old: whoever listens
//! knows the difference between calm and gone.
//!
//! Nothing is read here but the arguments: the same states in the same order give the same numbers.

mod quotes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use exchange::{Exchange, SeriesState};
use instruments::{GradeId, InstrumentId, MicroUsd, Nanos, NanosSpan, Price, Product, Right};
use settlement::{LANES, RiskClass, RiskParameters};

use super::array::{lanes, whole};
use super::black76::{European, Terms, log_moneyness};
use super::scenarios::{Contract, Scenarios};
use super::surface::{ExpiryQuotes, Slice, Surface};

/// The most options that are looked at, earliest expiry first.
pub const OPTIONS_MAX: usize = 20_000;

/// How long a trade counts as a quote.
pub const TRADE_COUNTS_FOR: NanosSpan = NanosSpan::from_seconds(300);

/// After this long an option's numbers are said again if any has changed at all.
pub const REPEAT_AFTER: NanosSpan = NanosSpan::from_seconds(60);

/// After this long they are said again as they are: a quarter of how long the exchange believes them.
pub const SAY_AGAIN_AFTER: NanosSpan = NanosSpan::from_seconds(1_800);

/// A volatility that has moved by less, in ppm, is where it was: 0.1 percentage points.
const IV_MOVE_MIN: u64 = 1_000;

/// A lane that has moved by less than one part in so many of the largest is where it was.
const LANE_MOVE_PARTS: u64 = 200;

/// Volatilities are marked between 1 % and 1000 %.
const IV_RANGE: (f64, f64) = (0.01, 10.0);

/// Seconds of the year that volatilities are per.
const YEAR_SECONDS: f64 = 365.0 * 86_400.0;

const DAYS_PER_YEAR: f64 = 365.0;

/// What one option and its future look like.
#[derive(Debug, Clone, PartialEq)]
pub struct OptionState {
    /// Which.
    pub instrument: InstrumentId,
    /// Its name up to the first dash: options on the same thing.
    pub family: String,
    /// Of what hardware.
    pub grade: GradeId,
    /// Call or put.
    pub right: Right,
    /// The mark of its future.
    pub forward: Price,
    /// In ticks, too.
    pub strike: Price,
    /// Dollars per GPU-hour of a tick.
    pub tick_size: MicroUsd,
    /// GPU-hours of a lot.
    pub hours_per_lot: u32,
    /// When it becomes a future or nothing.
    pub expires_at: Nanos,
    /// The best bid.
    pub bid: Option<Price>,
    /// The best ask.
    pub ask: Option<Price>,
    /// Trades since listing.
    pub trades: u64,
    /// The newest of them.
    pub last_trade: Option<Price>,
}

/// All options at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Market {
    /// When.
    pub at: Nanos,
    /// Earliest expiry first.
    pub options: Vec<OptionState>,
}

/// What is said of one option. Margin follows from the array alone; the greeks are for people and for market-maker protection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionNumbers {
    /// Which.
    pub instrument: InstrumentId,
    /// Ticks that it is worth, at least one.
    pub mark: Price,
    /// Volatility, in ppm a year.
    pub iv_ppm: i64,
    /// Millionths of its future's move.
    pub delta: i64,
    /// Millionths of delta, for a dollar of its future.
    pub gamma: i64,
    /// Micro-dollars per GPU-hour, for a hundredth of volatility.
    pub vega: i64,
    /// Micro-dollars per GPU-hour, for a day.
    pub theta: i64,
    /// Micro-dollars that a lot gains in each scenario, and its delta notional.
    pub array: [i64; LANES],
}

/// Remembers what was said, and the surfaces between one fit and the next.
#[derive(Debug, Default)]
pub struct Publisher {
    surfaces: BTreeMap<String, Surface>,
    said: BTreeMap<InstrumentId, (Nanos, OptionNumbers)>,
    trades: BTreeMap<InstrumentId, (u64, Option<Nanos>)>,
}

impl Market {
    /// What `exchange` shows of options that trade and have time left.
    #[must_use]
    pub fn of(exchange: &Exchange, now: Nanos) -> Self {
        let mut options: Vec<OptionState> = exchange
            .series()
            .filter(|series| series.state == SeriesState::Trading)
            .filter_map(|series| {
                let terms = &series.instrument;
                let Product::Option { underlying, strike, right } = terms.product else {
                    return None;
                };
                let forward = exchange.series_by_id(underlying)?.mark;
                let book = exchange.book(terms.id);
                Some(OptionState {
                    instrument: terms.id,
                    family: terms.name.split('-').next().unwrap_or_default().to_owned(),
                    grade: terms.grade.clone(),
                    right,
                    forward,
                    strike,
                    tick_size: terms.tick_size,
                    hours_per_lot: terms.hours_per_lot,
                    expires_at: terms.schedule.last_trade_at,
                    bid: book.and_then(|book| book.best_bid()).map(|(price, _)| price),
                    ask: book.and_then(|book| book.best_ask()).map(|(price, _)| price),
                    trades: series.trades,
                    last_trade: series.last_trade,
                })
            })
            .filter(|option| now < option.expires_at)
            .collect();
        options.sort_by_key(|option| (option.expires_at, option.instrument));
        options.truncate(OPTIONS_MAX);
        Self { at: now, options }
    }
}

impl OptionState {
    fn dollars(&self, price: Price) -> f64 {
        // Prices and ticks are far below 2^53.
        price.ticks() as f64 * self.tick()
    }

    fn tick(&self) -> f64 {
        self.tick_size.micros() as f64 / 1e6
    }

    fn years(&self, now: Nanos) -> f64 {
        self.expires_at.since(now).nanos() as f64 / 1e9 / YEAR_SECONDS
    }

    fn european(&self, now: Nanos) -> Option<European> {
        European::new(Terms {
            right: self.right,
            forward: self.dollars(self.forward),
            strike: self.dollars(self.strike),
            years: self.years(now),
            rate: 0.0,
        })
        .ok()
    }

    /// `ln(K/F)`.
    fn k(&self) -> f64 {
        -log_moneyness(self.dollars(self.forward), self.dollars(self.strike))
    }
}

/// The volatility of a grade whose options nobody has ever quoted: what the start values of margin are made for.
#[must_use]
pub fn default_iv(grade: &GradeId) -> f64 {
    match RiskClass::of_grade(grade) {
        RiskClass::Liquid => 0.8,
        RiskClass::Thin => 1.0,
    }
}

impl From<&RiskParameters> for Scenarios {
    fn from(parameters: &RiskParameters) -> Self {
        let part = |ppm: instruments::Ppm| ppm.ppm() as f64 / 1e6;
        Self {
            price_range: part(parameters.price_range),
            vol_up: part(parameters.vol_up),
            vol_down: part(parameters.vol_down),
            min_vol_for_up: part(parameters.vol_up_floor),
            short_term_power: part(parameters.power_near),
            long_term_power: part(parameters.power_far),
            extended_moves: parameters.extended_moves.map(part).to_vec(),
            ..Self::default()
        }
    }
}

impl Publisher {
    /// The surface of a family, as of the newest step.
    #[must_use]
    pub fn surface(&self, family: &str) -> Option<&Surface> {
        self.surfaces.get(family)
    }

    /// Takes in a market and says what has moved, or not been said for long. An option without usable terms is left out.
    pub fn step(&mut self, market: &Market) -> Vec<OptionNumbers> {
        self.note_trades(market);
        self.refit(market);
        let mut news = Vec::new();
        for option in &market.options {
            let Some(numbers) = self.numbers(option, market.at) else { continue };
            let is_news = match self.said.get(&option.instrument) {
                None => true,
                Some((at, said)) => {
                    let age = market.at.since(*at);
                    let is_old = REPEAT_AFTER <= age;
                    has_moved(said, &numbers)
                        || (is_old && *said != numbers)
                        || SAY_AGAIN_AFTER <= age
                }
            };
            if is_news {
                self.said.insert(option.instrument, (market.at, numbers.clone()));
                news.push(numbers);
            }
        }
        self.forget_all_but(market);
        news
    }

    /// What was said may be lost: a command that was refused or never taken. It will be said again.
    pub fn forget(&mut self, instrument: InstrumentId) {
        self.said.remove(&instrument);
    }

    fn note_trades(&mut self, market: &Market) {
        for option in &market.options {
            // Trades from before the first look are of an unknown age.
            let seen = self.trades.entry(option.instrument).or_insert((option.trades, None));
            if seen.0 != option.trades {
                *seen = (option.trades, Some(market.at));
            }
        }
    }

    fn refit(&mut self, market: &Market) {
        let mut families: BTreeMap<&str, (f64, BTreeMap<Nanos, ExpiryQuotes>)> = BTreeMap::new();
        for option in &market.options {
            let family = families.entry(&option.family);
            let (_, expiries) =
                family.or_insert_with(|| (default_iv(&option.grade), BTreeMap::new()));
            let expires_at = option.expires_at;
            let years = option.years(market.at);
            let expiry = expiries.entry(expires_at).or_insert_with(|| ExpiryQuotes {
                expires_at,
                years,
                quotes: Vec::new(),
            });
            let traded_at = self.trades.get(&option.instrument).and_then(|seen| seen.1);
            let is_fresh = traded_at.is_some_and(|at| market.at.since(at) <= TRADE_COUNTS_FOR);
            expiry.quotes.extend(quotes::quote(option, market.at, is_fresh));
        }
        self.surfaces.retain(|family, _| families.contains_key(family.as_str()));
        for (family, (default_iv, expiries)) in families {
            let expiries: Vec<ExpiryQuotes> = expiries.into_values().collect();
            let surface = self.surfaces.entry(family.to_owned()).or_default();
            surface.refit(market.at, &expiries, default_iv);
        }
    }

    fn numbers(&self, option: &OptionState, now: Nanos) -> Option<OptionNumbers> {
        let slice = self.surfaces.get(&option.family)?.slice(option.expires_at)?;
        numbers(option, slice, now)
    }

    fn forget_all_but(&mut self, market: &Market) {
        let listed: std::collections::BTreeSet<_> =
            market.options.iter().map(|option| option.instrument).collect();
        self.said.retain(|instrument, _| listed.contains(instrument));
        self.trades.retain(|instrument, _| listed.contains(instrument));
    }
}

/// One option at its smile. `None` when a figure is beyond what is exact.
fn numbers(option: &OptionState, slice: &Slice, now: Nanos) -> Option<OptionNumbers> {
    let european = option.european(now)?;
    let iv = slice.iv(option.k()).clamp(IV_RANGE.0, IV_RANGE.1);
    let value = european.value(iv).ok()?;
    let terms = european.terms();
    let scenarios = Scenarios::from(&RiskParameters::of(RiskClass::of_grade(&option.grade)));
    let contract = Contract::Option { right: terms.right, strike: terms.strike, iv };
    let vector = scenarios.vector(&contract, terms.forward, DAYS_PER_YEAR * terms.years).ok()?;
    Some(OptionNumbers {
        instrument: option.instrument,
        mark: Price::from_ticks(whole(value.price / option.tick())?.max(1)),
        iv_ppm: whole(1e6 * iv)?,
        delta: whole(1e6 * value.delta)?,
        gamma: whole(1e6 * value.gamma)?,
        vega: whole(1e6 * value.vega / 100.0)?,
        theta: whole(1e6 * value.theta / DAYS_PER_YEAR)?,
        array: lanes(&vector, option.hours_per_lot).ok()?,
    })
}

/// Whether anybody would act on the difference.
fn has_moved(said: &OptionNumbers, now: &OptionNumbers) -> bool {
    let largest = said.array.iter().fold(0, |most: u64, lane| most.max(lane.unsigned_abs()));
    let enough = largest / LANE_MOVE_PARTS;
    said.mark != now.mark
        || IV_MOVE_MIN <= said.iv_ppm.abs_diff(now.iv_ppm)
        || said.array.iter().zip(&now.array).any(|(said, now)| enough < said.abs_diff(*now))
}
