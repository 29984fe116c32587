//! The curve desk behind a real server: a price for what nobody quotes, from what is quoted.

use std::time::Duration;

use exchange::{Command, CurvePoint, Event, IndexPrint};
use instruments::{GradeId, Instrument, InstrumentId, MicroUsd, NanosSpan, Ppm, Price, Schedule};
use serde_json::json;
use tokio::sync::broadcast;

use crate::stand::{SERIES, Stand, soon, start_of_time, terms};

const DAYS: u64 = 86_400;

const NEAR: &str = "H100_USDC-17JAN27";

/// A series that begins to deliver so many days from now, for so many.
fn future(name: &str, first: u64, days: u64) -> Instrument {
    let terms = terms(SERIES);
    let at = |days: u64| start_of_time() + NanosSpan::from_seconds(days * DAYS);
    let hours = |hours: u64| NanosSpan::from_seconds(hours * 3_600);
    let schedule = Schedule {
        last_trade_at: at(first) - hours(12),
        assign_at: at(first) - hours(6),
        deliver_from: at(first),
        deliver_until: at(first + days),
        close_at: at(first + days) + hours(12),
        ..terms.schedule
    };
    Instrument { name: name.to_owned(), schedule, ..terms }
}

/// The next point of a series that `wanted` takes.
async fn said(
    feed: &mut broadcast::Receiver<api::venue::Outcome>,
    of: InstrumentId,
    wanted: impl Fn(&CurvePoint) -> bool,
) -> CurvePoint {
    loop {
        let outcome = soon(feed.recv()).await.unwrap();
        let points = outcome.events.iter().filter_map(|event| {
            if let Event::CurvePublished(point) = event { Some(*point) } else { None }
        });
        if let Some(point) = points.filter(|it| it.instrument == of && wanted(it)).last() {
            return point;
        }
    }
}

/// MARK-015: without quotes the curve is flat at the index; a quote for tomorrow above it lifts the month after next, and what the curve
/// says there is less sure than what is quoted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mark_015_the_desk_prices_a_series_that_nobody_quotes() {
    let stand = Stand::open_with(|options| {
        options.price_every = Some(Duration::from_millis(5));
    })
    .await;
    let (maker, _) = stand.trader(1_000_000).await;
    let mut feed = stand.venue.subscribe();
    stand.list(future(NEAR, 2, 1)).await;
    let far = stand.list(future("H100_USDC-24FEB27", 40, 30)).await;
    stand.clock.set(start_of_time() + NanosSpan::from_seconds(1));
    let print = IndexPrint {
        grade: GradeId::new("H100").unwrap(),
        observed_at: start_of_time() + NanosSpan::from_seconds(1),
        value: Some(MicroUsd::new(2_500_000)),
        conf: Ppm::new(5_000),
        state: oracle::State::Ok,
    };
    stand.submit(Command::PublishIndex(print)).await;
    let flat = said(&mut feed, far, |_| true).await;
    assert_eq!(flat.price, Price::from_ticks(2_500));
    assert!(MicroUsd::new(12_500) < flat.conf, "{flat:?}");

    for (side, price) in [("private/buy", 2.55), ("private/sell", 2.56)] {
        let order = json!({"instrument_name": NEAR, "amount": 50, "price": price});
        maker.call(side, order).await.unwrap();
    }
    let lifted = said(&mut feed, far, |point| flat.price < point.price).await;
    assert!(Price::from_ticks(2_530) < lifted.price, "{lifted:?}");
    assert_eq!(stand.venue.exchange().curve_point(far), Some(lifted));
}
