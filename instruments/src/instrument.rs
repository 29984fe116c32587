//! One listed series: its product, its tick and lot, its schedule, and the exact conversions between decimals and ticks.

use borsh::{BorshDeserialize, BorshSerialize};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use thiserror::Error;

use crate::close_out::CloseOut;
use crate::grade::GradeId;
use crate::guards::Guards;
use crate::ids::InstrumentId;
use crate::rounding::div_half_even;
use crate::units::{GpuSeconds, MicroUsd, Nanos, NanosSpan, Price, Qty};

/// The kind of thing a series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Product {
    /// A future on a delivery period.
    Future {
        /// How it ends.
        style: Style,
        /// What it delivers.
        period: Period,
    },
    /// A European option on the month future of the same style.
    Option {
        /// The future it becomes.
        underlying: InstrumentId,
        /// In ticks of the underlying.
        strike: Price,
        /// Call or put.
        right: Right,
    },
    /// Pays, for every hour of the delivery period, what the index is above the strike.
    Cap {
        /// In ticks of the series.
        strike: Price,
    },
    /// Buys `near` and sells `far` as one.
    Spread {
        /// The earlier series.
        near: InstrumentId,
        /// The later series.
        far: InstrumentId,
    },
}

/// How a future ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Style {
    /// Sellers deliver compute to buyers.
    Physical,
    /// Money moves against the index.
    Cash,
}

/// The length of a delivery period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Period {
    /// One UTC day.
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
    /// Three calendar months.
    Quarter,
    /// A calendar year.
    Year,
}

/// What an option gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Right {
    /// To buy the future.
    Call,
    /// To sell the future.
    Put,
}

/// When things happen in a series' life. All of it is data: a demo compresses it to seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Schedule {
    /// Trading stops, the settlement price is fixed.
    pub last_trade_at: Nanos,
    /// How long each of the five steps of the delivery ladder is, the last of which ends with the last trade. Without it there is none.
    pub ladder_step: NanosSpan,
    /// Sellers are assigned to buyers, where there is something to deliver.
    pub assign_at: Nanos,
    /// The first interval begins.
    pub deliver_from: Nanos,
    /// The last interval has ended.
    pub deliver_until: Nanos,
    /// Metered intervals between the two; of what settles against the index, the days that are settled one by one.
    pub intervals: u32,
    /// How long after a challenge its receipt may arrive.
    pub answer_within: NanosSpan,
    /// How long after a receipt its verdict may arrive.
    pub verdict_within: NanosSpan,
    /// Whatever is still open is closed.
    pub close_at: Nanos,
    /// What lies between the last trade and the close.
    pub close_out: CloseOut,
}

impl Schedule {
    /// The step of the delivery ladder at `now`: 1 to 5, and 0 before it or where there is none. From the last trade on it is the fifth.
    #[must_use]
    pub fn ladder_step_at(&self, now: Nanos) -> u8 {
        let left = self.last_trade_at.since(now).nanos();
        let step = self.ladder_step.nanos();
        if step == 0 {
            return 0;
        }
        let steps_left = left.div_ceil(step).max(1);
        6_u64.checked_sub(steps_left).and_then(|step| u8::try_from(step).ok()).unwrap_or(0)
    }

    /// The next instant after `now` at which the ladder goes up a step.
    #[must_use]
    pub fn next_ladder_step(&self, now: Nanos) -> Option<Nanos> {
        let step = self.ladder_step.nanos();
        let steps = (1..=5_u64).rev().filter_map(|steps_left| {
            let before = step.checked_mul(steps_left)?;
            self.last_trade_at.nanos().checked_sub(before).map(Nanos::new)
        });
        steps.filter(|at| step != 0 && now < *at).min()
    }

    /// When interval `index` begins; `index == intervals` is the end of the last one.
    ///
    /// # Panics
    /// When `index` is beyond the last interval.
    #[must_use]
    pub fn interval_starts_at(&self, index: u32) -> Nanos {
        assert!(index <= self.intervals, "interval {index} of {}", self.intervals);
        let window = self.deliver_until.since(self.deliver_from).nanos();
        let offset = u128::from(window).saturating_mul(u128::from(index));
        let offset = offset.checked_div(u128::from(self.intervals)).unwrap_or(0);
        self.deliver_from + NanosSpan::new(u64::try_from(offset).unwrap_or(u64::MAX))
    }

    /// The interval in which an instant lies: the first for all before it, the last for all after it.
    #[must_use]
    pub fn interval_at(&self, at: Nanos) -> u32 {
        let window = u128::from(self.deliver_until.since(self.deliver_from).nanos());
        let gone = u128::from(at.since(self.deliver_from).nanos()).saturating_add(1);
        // The starts are rounded down, so this is rounded up.
        let begun = gone.saturating_mul(u128::from(self.intervals)).checked_add(window);
        let begun = begun.and_then(|sum| sum.saturating_sub(1).checked_div(window)).unwrap_or(1);
        let last = self.intervals.saturating_sub(1);
        u32::try_from(begun.saturating_sub(1)).unwrap_or(u32::MAX).min(last)
    }
}

/// Why a series cannot be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, BorshSerialize, BorshDeserialize)]
pub enum TermsError {
    /// The name is empty, too long, or has characters that do not belong into a name.
    #[error("name must have 1 to 48 of A-Z, 0-9, `_`, `-`, and `d` inside a strike")]
    Name,
    /// A tick of nothing, or of more than a dollar.
    #[error("tick size must be above zero and at most 1 USD per GPU-hour")]
    TickSize,
    /// A lot of nothing, or of more than ten years.
    #[error("hours per lot must be 1 to 87840")]
    HoursPerLot,
    /// Deliveries in multiples of nothing.
    #[error("node size must be above zero")]
    NodeSize,
    /// Events of the schedule stand in the wrong order. What settles against the index may trade until the delivery period ends.
    #[error("schedule must run last trade <= assignment <= delivery from < until < close")]
    ScheduleOrder,
    /// No intervals, or more than one for every minute of a year, or not a whole number of GPU-seconds, or of hours, in each.
    #[error(
        "intervals must be 1 to 527040 and divide the lot into whole GPU-seconds, or into hours \
         where it settles against the index"
    )]
    Intervals,
    /// A strike that is no price.
    #[error("strike must be 1 to 10000000 ticks")]
    Strike,
    /// A close-out that does not fit between the last trade and the close, or counts in nothing.
    #[error(
        "close-out must nominate and match before assignment, accept before delivery, count whole hours and days, tolerate at most all \
         of it, wait a week at most, and have its last word before the close"
    )]
    CloseOut,
    /// A band or a breaker without sense.
    #[error(
        "guards must be above zero, at most 900 % wide and a day long, with 8 extensions at most; \
         marks in steps of an hour at most"
    )]
    Guards,
}

/// One listed series with fixed terms.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Instrument {
    /// Its identity.
    pub id: InstrumentId,
    /// `H100_USDC-27NOV26`.
    pub name: String,
    /// What hardware is deliverable.
    pub grade: GradeId,
    /// The hash of the grade's terms.
    pub grade_terms: [u8; 32],
    /// Deliveries are in multiples of this many lots; the odd rest is settled in money.
    pub node_size: u32,
    /// Future, option or spread.
    pub product: Product,
    /// Dollars per GPU-hour of one tick.
    pub tick_size: MicroUsd,
    /// GPU-hours in one lot.
    pub hours_per_lot: u32,
    /// When things happen.
    pub schedule: Schedule,
    /// The mark price until there is an index, a quote or a trade.
    pub reference: Price,
    /// What keeps its prices from running away.
    pub guards: Guards,
}

/// Why a decimal price is not a price of this series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PriceError {
    /// Between two ticks.
    #[error("price {price} is not a multiple of the tick size {tick_size}")]
    OffTick {
        /// What was sent.
        price: Decimal,
        /// What it must be a multiple of.
        tick_size: Decimal,
    },
    /// Zero or less.
    #[error("price {price} must be above zero")]
    NotPositive {
        /// What was sent.
        price: Decimal,
    },
    /// Beyond what the book holds.
    #[error("price {price} is above the limit {limit}")]
    OutOfRange {
        /// What was sent.
        price: Decimal,
        /// The largest price.
        limit: Decimal,
    },
}

/// Why a decimal amount is not a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum QtyError {
    /// Not a whole number of lots.
    #[error("amount {amount} is not a whole number of lots")]
    Fractional {
        /// What was sent.
        amount: Decimal,
    },
    /// Zero or less.
    #[error("amount {amount} must be at least 1")]
    NotPositive {
        /// What was sent.
        amount: Decimal,
    },
    /// More than the book takes in one order.
    #[error("amount {amount} is above the limit {limit}")]
    OutOfRange {
        /// What was sent.
        amount: Decimal,
        /// The largest amount.
        limit: u64,
    },
}

impl Instrument {
    /// The longest name of a series.
    pub const NAME_LEN_MAX: usize = 48;
    /// The largest tick: a dollar per GPU-hour.
    pub const TICK_SIZE_MAX: MicroUsd = MicroUsd::new(1_000_000);
    /// The largest price in ticks: a thousand times what any grade costs today, and small enough that no notional overflows.
    pub const PRICE_MAX: Price = Price::from_ticks(10_000_000);
    /// The largest order in lots: more GPUs than were ever built of one grade.
    pub const QTY_MAX: Qty = Qty::from_lots(1_000_000);

    /// Checks the terms in the order of [`TermsError`]'s variants.
    ///
    /// # Errors
    /// The first term that cannot be listed.
    pub fn check_terms(&self) -> Result<(), TermsError> {
        let allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || "_-d".contains(c);
        if self.name.is_empty()
            || Self::NAME_LEN_MAX < self.name.len()
            || !self.name.chars().all(allowed)
        {
            return Err(TermsError::Name);
        }
        if self.tick_size <= MicroUsd::ZERO || Self::TICK_SIZE_MAX < self.tick_size {
            return Err(TermsError::TickSize);
        }
        if !(1..=87_840).contains(&self.hours_per_lot) {
            return Err(TermsError::HoursPerLot);
        }
        if self.node_size == 0 {
            return Err(TermsError::NodeSize);
        }
        let s = &self.schedule;
        let trades_until =
            if self.settles_against_index() { s.deliver_until } else { s.deliver_from };
        let in_order = s.last_trade_at <= s.assign_at
            && s.assign_at <= trades_until
            && s.deliver_from < s.deliver_until
            && s.deliver_until < s.close_at;
        if !in_order {
            return Err(TermsError::ScheduleOrder);
        }
        let unit = if self.settles_against_index() {
            u64::from(self.hours_per_lot)
        } else {
            self.seconds_per_lot()
        };
        let divides = unit.checked_rem(u64::from(s.intervals)) == Some(0);
        if !(1..=527_040).contains(&s.intervals) || !divides {
            return Err(TermsError::Intervals);
        }
        let is_price = |strike: Price| Price::from_ticks(0) < strike && strike <= Self::PRICE_MAX;
        if !self.strike().is_none_or(is_price) {
            return Err(TermsError::Strike);
        }
        let window = (s.deliver_from, s.deliver_until);
        let is_physical = matches!(self.product, Product::Future { style: Style::Physical, .. });
        if is_physical && !s.close_out.is_sound(s.assign_at, window, s.close_at) {
            return Err(TermsError::CloseOut);
        }
        if !self.guards.are_sound() {
            return Err(TermsError::Guards);
        }
        Ok(())
    }

    /// Whether the buyer pays the whole price at the trade and nothing after it: options and caps.
    #[must_use]
    pub const fn is_premium_style(&self) -> bool {
        match self.product {
            Product::Option { .. } | Product::Cap { .. } => true,
            Product::Future { .. } | Product::Spread { .. } => false,
        }
    }

    /// Whether its hours are settled in money, day by day, against the index: cash futures and caps.
    #[must_use]
    pub const fn settles_against_index(&self) -> bool {
        match self.product {
            Product::Future { style: Style::Cash, .. } | Product::Cap { .. } => true,
            Product::Future { style: Style::Physical, .. }
            | Product::Option { .. }
            | Product::Spread { .. } => false,
        }
    }

    /// The strike of an option or a cap.
    #[must_use]
    pub const fn strike(&self) -> Option<Price> {
        match self.product {
            Product::Option { strike, .. } | Product::Cap { strike } => Some(strike),
            Product::Future { .. } | Product::Spread { .. } => None,
        }
    }

    /// What exercise at once would bring, in ticks, where the underlying costs `price`; below zero out of the money. Zero for what has
    /// no strike.
    #[must_use]
    pub fn moneyness(&self, price: Price) -> i64 {
        match self.product {
            Product::Option { strike, right: Right::Put, .. } => {
                strike.ticks().saturating_sub(price.ticks())
            }
            Product::Option { strike, right: Right::Call, .. } | Product::Cap { strike } => {
                price.ticks().saturating_sub(strike.ticks())
            }
            Product::Future { .. } | Product::Spread { .. } => 0,
        }
    }

    /// Dollars per lot of one tick.
    ///
    /// # Panics
    /// When the terms were never checked.
    #[must_use]
    #[expect(clippy::expect_used, reason = "check_terms bounds both factors")]
    pub fn tick_value(&self) -> MicroUsd {
        let micros = i128::from(self.tick_size.micros())
            .checked_mul(i128::from(self.hours_per_lot))
            .expect("a tick value fits");
        MicroUsd::from_i128(micros).expect("a tick value fits in the ledger")
    }

    /// What `qty` lots are worth at `price`. `None` when it does not fit into the ledger.
    #[must_use]
    pub fn notional(&self, price: Price, qty: Qty) -> Option<MicroUsd> {
        let per_lot =
            i128::from(price.ticks()).checked_mul(i128::from(self.tick_value().micros()))?;
        MicroUsd::from_i128(per_lot.checked_mul(i128::from(qty.lots()))?)
    }

    /// The compute in one interval of one lot.
    #[must_use]
    pub fn interval_seconds(&self) -> GpuSeconds {
        let seconds = self.seconds_per_lot().checked_div(u64::from(self.schedule.intervals));
        GpuSeconds::new(seconds.unwrap_or(0))
    }

    fn seconds_per_lot(&self) -> u64 {
        u64::from(self.hours_per_lot).saturating_mul(3600)
    }

    /// The tick size in dollars.
    #[must_use]
    pub fn tick_size_decimal(&self) -> Decimal {
        Decimal::new(self.tick_size.micros(), 6).normalize()
    }

    /// A price in dollars per GPU-hour, exactly.
    #[must_use]
    pub fn price_to_decimal(&self, price: Price) -> Decimal {
        (Decimal::from(price.ticks()) * Decimal::new(self.tick_size.micros(), 6)).normalize()
    }

    /// Reads a decimal price. Exact or refused, never rounded.
    ///
    /// # Errors
    /// See [`PriceError`].
    pub fn price_from_decimal(&self, price: Decimal) -> Result<Price, PriceError> {
        if price <= Decimal::ZERO {
            return Err(PriceError::NotPositive { price });
        }
        let limit = self.price_to_decimal(Self::PRICE_MAX);
        if limit < price {
            return Err(PriceError::OutOfRange { price, limit });
        }
        let tick_size = self.tick_size_decimal();
        let off_tick = PriceError::OffTick { price, tick_size };
        // `rem` before `div`: the quotient of a 28-digit price would be rounded.
        let Some(rest) = price.checked_rem(tick_size) else { return Err(off_tick) };
        if !rest.is_zero() {
            return Err(off_tick);
        }
        let ticks = price.checked_div(tick_size).and_then(|ticks| ticks.to_i64());
        ticks.map(Price::from_ticks).ok_or(off_tick)
    }

    /// Reads a decimal size in lots. Exact or refused.
    ///
    /// # Errors
    /// See [`QtyError`].
    pub fn qty_from_decimal(&self, amount: Decimal) -> Result<Qty, QtyError> {
        if amount <= Decimal::ZERO {
            return Err(QtyError::NotPositive { amount });
        }
        let limit = Self::QTY_MAX.lots();
        if Decimal::from(limit) < amount {
            return Err(QtyError::OutOfRange { amount, limit });
        }
        if !amount.fract().is_zero() {
            return Err(QtyError::Fractional { amount });
        }
        amount.to_u64().map(Qty::from_lots).ok_or(QtyError::Fractional { amount })
    }

    /// The tick nearest to `per_hour` dollars per GPU-hour, ties to even, at least one tick.
    #[must_use]
    pub fn nearest_price(&self, per_hour: MicroUsd) -> Price {
        let ticks =
            div_half_even(i128::from(per_hour.micros()), i128::from(self.tick_size.micros()));
        let ticks = ticks.clamp(1, i128::from(Self::PRICE_MAX.ticks()));
        Price::from_ticks(i64::try_from(ticks).unwrap_or(1))
    }

    /// Dollars per GPU-hour at `price`.
    #[must_use]
    pub fn per_hour(&self, price: Price) -> MicroUsd {
        MicroUsd::new(price.ticks().saturating_mul(self.tick_size.micros()))
    }

    /// Whether trading has stopped at `now`.
    #[must_use]
    pub fn has_expired(&self, now: Nanos) -> bool {
        self.schedule.last_trade_at <= now
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::guards::BandWidths;
    use crate::units::Ppm;

    fn at(seconds: u64) -> Nanos {
        Nanos::from_seconds(seconds)
    }

    fn instrument(tick_size: i64, hours_per_lot: u32) -> Instrument {
        Instrument {
            id: InstrumentId(1),
            name: "H100D_USDC-27NOV26".to_owned(),
            grade: GradeId::new("H100").expect("a name"),
            grade_terms: [0; 32],
            node_size: 8,
            product: Product::Future { style: Style::Physical, period: Period::Day },
            tick_size: MicroUsd::new(tick_size),
            hours_per_lot,
            schedule: Schedule {
                last_trade_at: at(10),
                ladder_step: NanosSpan::ZERO,
                assign_at: at(20),
                deliver_from: at(30),
                deliver_until: at(60),
                intervals: 3,
                answer_within: NanosSpan::from_seconds(1),
                verdict_within: NanosSpan::from_seconds(1),
                close_at: at(70),
                close_out: CloseOut::NONE,
            },
            reference: Price::from_ticks(2_500),
            guards: Guards::NONE,
        }
    }

    #[test]
    fn prices_are_read_exactly_or_refused() {
        let series = instrument(1_000, 24);
        let read = |text: &str| series.price_from_decimal(text.parse().expect("a decimal"));
        assert_eq!(read("2.345"), Ok(Price::from_ticks(2_345)));
        assert_eq!(read("2.3450000"), Ok(Price::from_ticks(2_345)));
        assert!(matches!(read("2.3455"), Err(PriceError::OffTick { .. })));
        assert!(matches!(read("2.3450000000000000000000001"), Err(PriceError::OffTick { .. })));
        assert!(matches!(read("0"), Err(PriceError::NotPositive { .. })));
        assert!(matches!(read("-1"), Err(PriceError::NotPositive { .. })));
        assert!(matches!(read("10000.001"), Err(PriceError::OutOfRange { .. })));
    }

    #[test]
    fn sizes_are_whole_lots() {
        let series = instrument(1_000, 24);
        let read = |text: &str| series.qty_from_decimal(text.parse().expect("a decimal"));
        assert_eq!(read("8.0"), Ok(Qty::from_lots(8)));
        assert!(matches!(read("0.5"), Err(QtyError::Fractional { .. })));
        assert!(matches!(read("0"), Err(QtyError::NotPositive { .. })));
        assert!(matches!(read("1000001"), Err(QtyError::OutOfRange { limit: 1_000_000, .. })));
    }

    #[test]
    fn terms_are_checked_in_order() {
        let good = instrument(1_000, 24);
        assert_eq!(good.check_terms(), Ok(()));
        let with = |change: fn(&mut Instrument)| {
            let mut terms = good.clone();
            change(&mut terms);
            terms.check_terms()
        };
        assert_eq!(with(|t| t.name = "h100".to_owned()), Err(TermsError::Name));
        assert_eq!(with(|t| t.tick_size = MicroUsd::ZERO), Err(TermsError::TickSize));
        assert_eq!(with(|t| t.hours_per_lot = 0), Err(TermsError::HoursPerLot));
        assert_eq!(with(|t| t.node_size = 0), Err(TermsError::NodeSize));
        let late = |t: &mut Instrument| t.schedule.close_at = t.schedule.deliver_until;
        assert_eq!(with(late), Err(TermsError::ScheduleOrder));
        assert_eq!(with(|t| t.schedule.intervals = 7), Err(TermsError::Intervals));
        let no_hour = |t: &mut Instrument| t.schedule.close_out.intervals_per_hour = 0;
        assert_eq!(with(no_hour), Err(TermsError::CloseOut));
        let late = |t: &mut Instrument| t.schedule.close_out.nominate_until = at(21);
        assert_eq!(with(late), Err(TermsError::CloseOut));
        let early = |t: &mut Instrument| t.schedule.close_out.accept_until = at(25);
        assert_eq!(with(early), Err(TermsError::CloseOut));
        let endless = |t: &mut Instrument| {
            t.schedule.close_out.dispute_within = NanosSpan::from_seconds(11);
        };
        assert_eq!(with(endless), Err(TermsError::CloseOut));
        let standard = |t: &mut Instrument| t.guards = Guards::standard();
        assert_eq!(with(standard), Ok(()));
        let flat = BandWidths { front: Ppm::ZERO, back: Ppm::ONE };
        let flat = Guards { bands: Some(flat), ..Guards::NONE };
        assert_eq!(Instrument { guards: flat, ..good }.check_terms(), Err(TermsError::Guards));
    }

    proptest! {
        #[test]
        fn every_tick_survives_the_way_to_decimal_and_back(
            ticks in 1_i64..=10_000_000,
            tick_size in prop::sample::select(vec![100_i64, 1_000, 5_000, 1_000_000]),
        ) {
            let series = instrument(tick_size, 24);
            let price = Price::from_ticks(ticks);
            prop_assert_eq!(series.price_from_decimal(series.price_to_decimal(price)), Ok(price));
            prop_assert_eq!(series.nearest_price(series.per_hour(price)), price);
        }

        #[test]
        fn intervals_cover_the_window_without_gap(intervals in 1_u32..=5_000) {
            let mut schedule = instrument(1_000, 24).schedule;
            schedule.intervals = intervals;
            prop_assert_eq!(schedule.interval_starts_at(0), schedule.deliver_from);
            prop_assert_eq!(schedule.interval_starts_at(intervals), schedule.deliver_until);
            for index in 0..intervals {
                let (starts, ends) = (schedule.interval_starts_at(index), schedule.interval_starts_at(index + 1));
                prop_assert!(starts <= ends);
                if starts < ends {
                    prop_assert_eq!(schedule.interval_at(starts), index);
                    prop_assert_eq!(schedule.interval_at(Nanos::new(ends.nanos() - 1)), index);
                }
            }
        }
    }
}
