//! The demo's series: one day of H100 hours, compressed to seconds, and beside it an option on it that nobody trades and a spread that is
//! listed but not cleared yet.

use std::path::Path;

use anyhow::{Context, Result, bail};
use api::limits::Limits;
use api::venue::{DeliveryOptions, Listing, Venue, VenueCalendar, VenueOptions};
use exchange::{Command, Event};
use instruments::{
    BandWidths, Between, CloseOut, Date, Grade, Guards, Instrument, InstrumentId, MarkTerms,
    Metering, MicroUsd, Nanos, NanosSpan, Period, Ppm, Price, Product, Right, Schedule, Style,
};

use super::feed::Prints;
use super::narrator::Narrator;

/// Wide: a demo's prices move in seconds as far as others in days.
const BANDS: BandWidths = BandWidths { front: Ppm::new(500_000), back: Ppm::new(500_000) };
/// A step is a tenth of a second: six seconds of trades, and a basis that follows within three.
const MARKS: MarkTerms =
    MarkTerms { step: NanosSpan::from_millis(100), move_max: None, ..MarkTerms::PLAIN };
/// How long the series trades.
const TRADING_FOR: NanosSpan = NanosSpan::from_seconds(26);
/// From the last trade to assignment, and from there to the first interval.
const PAUSE: NanosSpan = NanosSpan::from_seconds(1);
/// One interval of delivery; it stands for six hours.
const INTERVAL_MILLIS: u64 = 3_000;
const INTERVALS: u32 = 4;
const HOURS: u32 = 24;
/// From one challenge to the next, on average; nobody knows when it comes.
const MEAN_GAP: NanosSpan = NanosSpan::from_seconds(2);
/// Time between two challenges counts when both are passed.
const BETWEEN: Between = Between {
    recheck_within: NanosSpan::from_seconds(2),
    silence_max: NanosSpan::from_seconds(12),
    ..Between::STANDARD
};
/// Generous, so that a busy machine never fails an honest provider.
const ANSWER_WITHIN: NanosSpan = NanosSpan::from_seconds(60);
const VERDICT_WITHIN: NanosSpan = NanosSpan::from_seconds(30);
const VARIATION_EVERY: NanosSpan = NanosSpan::from_seconds(6);

/// What was listed.
pub(super) struct DemoSeries {
    pub(super) future: Instrument,
    pub(super) spread: String,
}

pub(super) fn options(dir: &Path) -> VenueOptions {
    VenueOptions {
        testnet: true,
        calendar: VenueCalendar {
            variation_from: Some(Nanos::new(0)),
            variation_every: VARIATION_EVERY,
        },
        delivery: DeliveryOptions {
            profile: "ci".to_owned(),
            mean_gap: MEAN_GAP,
            ..DeliveryOptions::default()
        },
        listing: Listing::None,
        // The cast trades as fast as it can read.
        limits: Limits::lifted(),
        ..VenueOptions::new(dir)
    }
}

pub(super) async fn list(
    venue: &Venue,
    narrator: &Narrator,
    prints: &Prints,
) -> Result<DemoSeries> {
    let Prints { grade, opening: reference, .. } = prints;
    let (name, reference, now) = (&grade.id, *reference, venue.now());
    let day = |ahead| Date::from_days(Date::of(now).days() + ahead).expiry_name();

    let physical = Product::Future { style: Style::Physical, period: Period::Day };
    let near = terms(grade, format!("{name}D_USDC-{}", day(0)), physical, now, reference);
    let future = add(venue, near).await?;
    let tomorrow = now + NanosSpan::from_seconds(86_400);
    let far = terms(grade, format!("{name}D_USDC-{}", day(1)), physical, tomorrow, reference);
    let far = add(venue, far).await?;
    let call = Product::Option {
        underlying: future.id,
        strike: future.nearest_price(MicroUsd::new(2_500_000)),
        right: Right::Call,
    };
    let option = format!("{name}D_USDC-{}-2d50-C", day(0));
    let option = terms(grade, option, call, now, MicroUsd::new(100_000));
    add(venue, option).await?;
    let spread = Product::Spread { near: future.id, far: far.id };
    let legs = format!("{name}D-FS-{}_{}", day(0), day(1));
    let spread = terms(grade, legs, spread, now, MicroUsd::new(1_000));
    let spread = add(venue, spread).await?.name;
    narrator.say(
        "calendar",
        &format!(
            "{} trades for 26 s, then delivers {HOURS} hours in {INTERVALS} intervals of {} s, challenged every {} s or so",
            future.name,
            INTERVAL_MILLIS / 1000,
            MEAN_GAP.nanos() / 1_000_000_000
        ),
    );
    Ok(DemoSeries { future, spread })
}

async fn add(venue: &Venue, terms: Instrument) -> Result<Instrument> {
    let outcome = venue.submit(Command::ListInstrument(Box::new(terms))).await?;
    if let Some(reason) = outcome.refusal() {
        bail!("listing refused under {}: {reason:?}", reason.rule());
    }
    let listed = outcome.events.iter().find_map(|event| {
        if let Event::InstrumentListed(instrument) = event { Some(&**instrument) } else { None }
    });
    listed.cloned().context("listing gave no answer")
}

fn terms(
    grade: &Grade,
    name: String,
    product: Product,
    now: Nanos,
    reference: MicroUsd,
) -> Instrument {
    let last_trade_at = now + TRADING_FOR;
    let deliver_from = last_trade_at + PAUSE + PAUSE;
    let deliver_for = NanosSpan::from_millis(INTERVAL_MILLIS * u64::from(INTERVALS));
    let deliver_until = deliver_from + deliver_for;
    let mut instrument = Instrument {
        id: InstrumentId(0),
        name,
        grade: grade.id.clone(),
        grade_terms: grade.terms_hash(),
        node_size: grade.node_size,
        product,
        tick_size: MicroUsd::new(1_000),
        hours_per_lot: HOURS,
        schedule: Schedule {
            last_trade_at,
            ladder_step: NanosSpan::ZERO,
            assign_at: last_trade_at + PAUSE,
            deliver_from,
            deliver_until,
            intervals: INTERVALS,
            answer_within: ANSWER_WITHIN,
            verdict_within: VERDICT_WITHIN,
            close_at: deliver_until + ANSWER_WITHIN + VERDICT_WITHIN,
            close_out: CloseOut { metering: Metering::Between(BETWEEN), ..CloseOut::NONE },
        },
        reference: Price::from_ticks(1),
        guards: Guards { bands: Some(BANDS), mark: MARKS, ..Guards::NONE },
    };
    instrument.reference = instrument.nearest_price(reference);
    instrument
}
