//! Which series a venue lists: for each grade the calendar's futures, and of its front month one option and one spread.
//!
//! A cycle lists what is missing, so it may run as often as it likes. Names are unique for all time.

use exchange::{Command, Exchange};
use instruments::{
    GradeId, Instrument, InstrumentId, MicroUsd, Nanos, NanosSpan, Period, Price, Product, Right,
    Schedule, Style, launch_grades, series_of_grade,
};
use parking_lot::RwLock;

use super::sequencer::Inbox;
use super::wait::wait;

/// Below this a tick is a hundredth of a cent: a tenth of a cent would be a fifth of a percent and more.
const FINE_TICK_BELOW: MicroUsd = MicroUsd::new(600_000);
const TICK: MicroUsd = MicroUsd::new(1_000);
const FINE_TICK: MicroUsd = MicroUsd::new(100);
/// From the last trade of an option, 08:00, to the first delivery hour that lies five whole days later.
const OPTION_ENDS_BEFORE: NanosSpan = NanosSpan::from_seconds((6 * 24 - 8) * 3_600);
/// Strikes are multiples of five cents.
const STRIKE_STEP: MicroUsd = MicroUsd::new(50_000);

/// What a grade costs before anything is known: the first mark price of its series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferencePrice {
    /// Which grade.
    pub grade: GradeId,
    /// Dollars per GPU-hour.
    pub per_hour: MicroUsd,
}

/// What the venue lists by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// Nothing: whoever runs the venue lists what it wants.
    None,
    /// The standard cycle of these grades, at the start and every day.
    Standard(Vec<ReferencePrice>),
}

impl Listing {
    /// The launch grades at about what they cost in late 2026.
    #[must_use]
    pub fn standard() -> Self {
        let prices = launch_grades().into_iter().map(|grade| {
            let micros = match grade.id.as_str() {
                "H100" => 2_500_000,
                "H200" => 3_300_000,
                "B200" => 4_800_000,
                "A100" => 1_400_000,
                _ => 400_000,
            };
            ReferencePrice { grade: grade.id, per_hour: MicroUsd::new(micros) }
        });
        Self::Standard(prices.collect())
    }
}

/// Lists what is missing at `now`. Returns when the exchange has answered.
pub(crate) fn list_missing(
    inbox: &Inbox,
    exchange: &RwLock<Exchange>,
    listing: &Listing,
    now: Nanos,
) {
    let Listing::Standard(prices) = listing else { return };
    for price in prices {
        let futures = missing(&exchange.read(), futures(price, now));
        list(inbox, futures);
        // These name the ids of listed futures, so they come second.
        let derived = derived(&exchange.read(), price, now);
        let derived = missing(&exchange.read(), derived);
        list(inbox, derived);
    }
}

fn missing(exchange: &Exchange, terms: Vec<Instrument>) -> Vec<Instrument> {
    terms.into_iter().filter(|terms| exchange.series_by_name(&terms.name).is_none()).collect()
}

fn list(inbox: &Inbox, missing: Vec<Instrument>) {
    // All of them are sent before the first is awaited: one frame, one fsync.
    let sent: Vec<_> = missing
        .into_iter()
        .map(|terms| {
            let name = terms.name.clone();
            (name, inbox.send(Command::ListInstrument(Box::new(terms))))
        })
        .collect();
    for (name, sent) in sent {
        let outcome = match sent {
            Ok(outcome) => wait(outcome),
            Err(error) => {
                tracing::warn!(instrument = name, %error, "series not listed");
                continue;
            }
        };
        if let Some(reason) = outcome.iter().find_map(|outcome| outcome.refusal()) {
            tracing::warn!(instrument = name, rule = reason.rule(), "series not listed");
        }
    }
}

/// The futures of a grade that should be listed at `now`. Empty for a grade without terms.
fn futures(price: &ReferencePrice, now: Nanos) -> Vec<Instrument> {
    let Some(grade) = launch_grades().into_iter().find(|grade| grade.id == price.grade) else {
        tracing::warn!(grade = price.grade.as_str(), "no terms for this grade, nothing listed");
        return Vec::new();
    };
    let tick_size = if price.per_hour < FINE_TICK_BELOW { FINE_TICK } else { TICK };
    let grade_terms = grade.terms_hash();
    series_of_grade(price.grade.as_str(), now)
        .into_iter()
        .map(|terms| {
            let instrument = Instrument {
                id: InstrumentId(0),
                name: terms.name,
                grade: grade.id.clone(),
                grade_terms,
                node_size: grade.node_size,
                product: terms.product,
                tick_size,
                hours_per_lot: terms.hours_per_lot,
                schedule: terms.schedule,
                reference: Price::from_ticks(1),
                guards: instruments::Guards::standard(),
            };
            Instrument { reference: instrument.nearest_price(price.per_hour), ..instrument }
        })
        .collect()
}

/// One option on the front month and one spread from it to the month after.
fn derived(exchange: &Exchange, price: &ReferencePrice, now: Nanos) -> Vec<Instrument> {
    let month = Product::Future { style: Style::Physical, period: Period::Month };
    let listed: Vec<Instrument> = futures(price, now)
        .into_iter()
        .filter(|terms| terms.product == month)
        .filter_map(|terms| exchange.series_by_name(&terms.name))
        .map(|series| series.instrument.clone())
        .collect();
    let underlying = listed.iter().find(|month| now < option_ends_at(month));
    let option = underlying.map(|underlying| call(underlying, price.per_hour));
    let spread = match listed.as_slice() {
        [near, far, ..] => Some(spread(near, far)),
        [] | [_] => None,
    };
    option.into_iter().chain(spread).collect()
}

fn option_ends_at(month: &Instrument) -> Nanos {
    month.schedule.deliver_from - OPTION_ENDS_BEFORE
}

/// `H100_USDC-25NOV26-2d5-C`: a call at the strike nearest to the reference.
fn call(underlying: &Instrument, reference: MicroUsd) -> Instrument {
    let last_trade_at = option_ends_at(underlying);
    let step = STRIKE_STEP.micros();
    let steps = reference.micros().saturating_add(step / 2).div_euclid(step).max(1);
    let strike = underlying.nearest_price(MicroUsd::new(steps.saturating_mul(step)));
    let in_name = underlying.price_to_decimal(strike).to_string().replace('.', "d");
    let day = instruments::Date::of(last_trade_at).expiry_name();
    Instrument {
        name: format!("{}_USDC-{day}-{in_name}-C", underlying.grade),
        product: Product::Option { underlying: underlying.id, strike, right: Right::Call },
        schedule: Schedule { last_trade_at, assign_at: last_trade_at, ..underlying.schedule },
        reference: Price::from_ticks(1),
        ..underlying.clone()
    }
}

/// `H100_USDC-FS-27NOV26_28DEC26`: buys the near month and sells the far one.
fn spread(near: &Instrument, far: &Instrument) -> Instrument {
    let day =
        |terms: &Instrument| instruments::Date::of(terms.schedule.last_trade_at).expiry_name();
    Instrument {
        name: format!("{}_USDC-FS-{}_{}", near.grade, day(near), day(far)),
        product: Product::Spread { near: near.id, far: far.id },
        reference: Price::from_ticks(1),
        ..near.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 12:00 UTC.
    const NOW: Nanos = Nanos::from_seconds(1_795_262_400);

    fn price(grade: &str, micros: i64) -> ReferencePrice {
        ReferencePrice { grade: GradeId::new(grade).unwrap(), per_hour: MicroUsd::new(micros) }
    }

    #[test]
    fn every_launch_grade_has_a_reference_and_listable_series() {
        let Listing::Standard(prices) = Listing::standard() else { panic!("a standard listing") };
        assert_eq!(prices.len(), 5);
        for price in &prices {
            let listed = futures(price, NOW);
            assert_eq!(listed.len(), 25);
            for terms in &listed {
                terms.check_terms().unwrap();
                assert_eq!(terms.per_hour(terms.reference), price.per_hour);
            }
        }
    }

    #[test]
    fn cheap_grades_have_a_finer_tick() {
        assert_eq!(futures(&price("RTX4090", 400_000), NOW)[0].tick_size, FINE_TICK);
        assert_eq!(futures(&price("RTX4090", 600_000), NOW)[0].tick_size, TICK);
    }

    #[test]
    fn the_front_month_has_a_call_and_a_spread() {
        let months: Vec<Instrument> =
            futures(&price("H100", 2_510_000), NOW).into_iter().skip(12).take(2).collect();
        let option = call(&months[0], MicroUsd::new(2_510_000));
        assert_eq!(option.name, "H100_USDC-25NOV26-2d5-C");
        option.check_terms().unwrap();
        let spread = spread(&months[0], &months[1]);
        assert_eq!(spread.name, "H100_USDC-FS-27NOV26_28DEC26");
        spread.check_terms().unwrap();
    }

    #[test]
    fn an_unknown_grade_lists_nothing() {
        assert!(futures(&price("H9000", 1_000_000), NOW).is_empty());
    }
}
