//! Which series a venue lists: for each grade the calendar's futures, options on its front months, caps and a spread.
//!
//! A cycle lists what is missing, so it may run as often as it likes. Names are unique for all time.

use exchange::{Command, Exchange};
use instruments::{
    BandWidths, Grade, GradeId, Guards, Instrument, InstrumentId, MicroUsd, Nanos, NanosSpan,
    Period, Ppm, Price, Product, Right, Schedule, Style, launch_grades, series_of_grade,
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
const STRIKE_GRID: MicroUsd = MicroUsd::new(50_000);
/// Months with options.
const OPTION_MONTHS: usize = 2;
/// Strikes below the middle, and above it.
const STRIKES_EACH_WAY: i64 = 5;
/// Strikes of caps above the middle.
const CAPS_ABOVE: i64 = 4;
/// Nobody publishes what a cap is worth, so the band around its reference is a wide one.
const CAP_BANDS: BandWidths = BandWidths { front: Ppm::new(200_000), back: Ppm::new(200_000) };

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
    (listing, grades): (&Listing, &[Grade]),
    now: Nanos,
) {
    let Listing::Standard(prices) = listing else { return };
    for price in prices {
        let Some(grade) = grades.iter().find(|grade| grade.id == price.grade) else {
            tracing::warn!(grade = price.grade.as_str(), "no terms for this grade, nothing listed");
            continue;
        };
        let futures = missing(&exchange.read(), futures((price, grade), now));
        list(inbox, futures);
        // These name the ids of listed futures, so they come second.
        let derived = derived(&exchange.read(), (price, grade), now);
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

/// The futures of a grade that should be listed at `now`.
fn futures((price, grade): (&ReferencePrice, &Grade), now: Nanos) -> Vec<Instrument> {
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
                guards: Guards::standard(),
            };
            Instrument { reference: instrument.nearest_price(price.per_hour), ..instrument }
        })
        .collect()
}

/// What names listed futures: options on the front months, caps on the first month to come, a spread of the first two months.
fn derived(exchange: &Exchange, terms: (&ReferencePrice, &Grade), now: Nanos) -> Vec<Instrument> {
    let of = |style| {
        let product = Product::Future { style, period: Period::Month };
        let listed = futures(terms, now).into_iter().filter(move |terms| terms.product == product);
        let listed = listed.filter_map(|terms| exchange.series_by_name(&terms.name));
        listed.map(|series| (series.instrument.clone(), series.mark)).collect::<Vec<_>>()
    };
    let (months, cash) = (of(Style::Physical), of(Style::Cash));
    let with_options = months.iter().filter(|(month, _)| now < option_ends_at(month));
    let mut all = Vec::new();
    for (month, mark) in with_options.take(OPTION_MONTHS) {
        for strike in strikes(month, *mark, -STRIKES_EACH_WAY..=STRIKES_EACH_WAY) {
            all.extend([Right::Call, Right::Put].map(|right| option(month, *mark, strike, right)));
        }
    }
    let to_come = cash.iter().find(|(month, _)| now < month.schedule.deliver_from);
    if let Some((month, mark)) = to_come {
        let strikes = strikes(month, *mark, 0..=CAPS_ABOVE);
        all.extend(strikes.into_iter().map(|strike| cap(month, *mark, strike)));
    }
    if let [(near, _), (far, _), ..] = months.as_slice() {
        all.push(spread(near, far));
    }
    all
}

fn option_ends_at(month: &Instrument) -> Nanos {
    month.schedule.deliver_from - OPTION_ENDS_BEFORE
}

/// Strikes around `mark`, so many steps below and above: a step is about a twentieth of the mark, in whole grid steps, and no strike is
/// further away than half of it.
fn strikes(month: &Instrument, mark: Price, steps: std::ops::RangeInclusive<i64>) -> Vec<Price> {
    let mark = month.per_hour(mark).micros();
    let grid = STRIKE_GRID.micros();
    let step = mark.div_euclid(20).div_euclid(grid).max(1).saturating_mul(grid);
    let middle = mark.saturating_add(grid / 2).div_euclid(grid).max(1).saturating_mul(grid);
    steps
        .map(|steps| middle.saturating_add(step.saturating_mul(steps)))
        .filter(|strike| mark <= strike.saturating_mul(2) && strike.saturating_mul(2) <= mark * 3)
        .map(|strike| month.nearest_price(MicroUsd::new(strike)))
        .collect()
}

/// `2d50`: two decimals, because the grid has them.
fn in_name(month: &Instrument, strike: Price) -> String {
    let cents = month.per_hour(strike).micros().div_euclid(10_000);
    format!("{}d{:02}", cents.div_euclid(100), cents.rem_euclid(100))
}

/// Until somebody publishes a mark: a twentieth of what it is on.
fn first_premium(mark: Price) -> Price {
    Price::from_ticks(mark.ticks().div_euclid(20).max(1))
}

/// `H100_USDC-25NOV26-2d50-C`.
fn option(month: &Instrument, mark: Price, strike: Price, right: Right) -> Instrument {
    let last_trade_at = option_ends_at(month);
    let day = instruments::Date::of(last_trade_at).expiry_name();
    let letter = match right {
        Right::Call => "C",
        Right::Put => "P",
    };
    Instrument {
        name: format!("{}_USDC-{day}-{}-{letter}", month.grade, in_name(month, strike)),
        product: Product::Option { underlying: month.id, strike, right },
        schedule: Schedule { last_trade_at, assign_at: last_trade_at, ..month.schedule },
        reference: first_premium(mark),
        // A premium may double within a minute of sense; the bands of options are wide enough for that.
        guards: Guards { breaker: None, ..month.guards },
        ..month.clone()
    }
}

/// `H100CAP_USDC-31DEC26-2d50-C`: a root of its own, so that a client which reads names takes it for no option on the month.
fn cap(month: &Instrument, mark: Price, strike: Price) -> Instrument {
    let day = instruments::Date::of(month.schedule.last_trade_at).expiry_name();
    Instrument {
        name: format!("{}CAP_USDC-{day}-{}-C", month.grade, in_name(month, strike)),
        product: Product::Cap { strike },
        reference: first_premium(mark),
        guards: Guards { bands: Some(CAP_BANDS), breaker: None, ..month.guards },
        ..month.clone()
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

    fn futures(price: &ReferencePrice, now: Nanos) -> Vec<Instrument> {
        let grades = launch_grades();
        super::futures((price, grades.iter().find(|grade| grade.id == price.grade).unwrap()), now)
    }

    /// GRADE-002.
    #[test]
    fn grade_002_series_of_a_calibrated_grade_name_its_terms() {
        let price = price("H100", 2_500_000);
        let plain = launch_grades().swap_remove(0);
        let calibrated = Grade { version: 2, reference_gflops: Some(500_000), ..plain.clone() };
        let terms = |grade: &Grade| super::futures((&price, grade), NOW)[0].grade_terms;
        assert_eq!(terms(&calibrated), calibrated.terms_hash());
        assert_ne!(terms(&calibrated), terms(&plain));
    }

    #[test]
    fn every_launch_grade_has_a_reference_and_listable_series() {
        let Listing::Standard(prices) = Listing::standard() else { panic!("a standard listing") };
        assert_eq!(prices.len(), 5);
        for price in &prices {
            let listed = futures(price, NOW);
            assert_eq!(listed.len(), 38);
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
    fn options_and_caps_stand_around_the_mark_on_a_grid_of_five_cents() {
        let months = futures(&price("H100", 2_510_000), NOW);
        let month = &months[12];
        let named = |strikes: Vec<Price>| {
            strikes.iter().map(|strike| in_name(month, *strike)).collect::<Vec<_>>().join(" ")
        };
        let around = |ticks, steps| named(strikes(month, Price::from_ticks(ticks), steps));
        assert_eq!(around(2_510, -5..=5), "2d00 2d10 2d20 2d30 2d40 2d50 2d60 2d70 2d80 2d90 3d00");
        assert_eq!(around(410, -5..=5), "0d25 0d30 0d35 0d40 0d45 0d50 0d55 0d60");
        assert_eq!(around(1, -5..=5), "", "nothing within half of it");
        assert_eq!(around(4_820, 0..=4), "4d80 5d00 5d20 5d40 5d60");
        let mark = Price::from_ticks(2_510);
        for right in [Right::Call, Right::Put] {
            let option = option(month, mark, Price::from_ticks(2_500), right);
            let letter = if right == Right::Call { "C" } else { "P" };
            assert_eq!(option.name, format!("H100_USDC-25NOV26-2d50-{letter}"));
            option.check_terms().unwrap();
            // BAND-005: no option without a band.
            assert_eq!(option.guards.bands, Guards::standard().bands);
        }
        let cash = months.iter().find(|terms| terms.settles_against_index()).unwrap();
        let cap = cap(cash, mark, Price::from_ticks(2_500));
        assert_eq!(cap.name, "H100CAP_USDC-30NOV26-2d50-C");
        cap.check_terms().unwrap();
        let spread = spread(month, &months[13]);
        assert_eq!(spread.name, "H100_USDC-FS-27NOV26_28DEC26");
        spread.check_terms().unwrap();
    }
}
