//! The option desk behind a real server: what it computes arrives, counts, and is not overwritten.

use std::time::Duration;

use api::venue::Outcome;
use exchange::{Command, Event, IndexPrint, OptionRisk};
use instruments::{GradeId, MicroUsd, NanosSpan, Ppm, Price};
use rust_decimal::Decimal;
use serde_json::json;
use tokio::sync::broadcast;

use crate::margin::{CALL, option};
use crate::stand::{SERIES, Stand, soon, start_of_time};

/// The next numbers that the desk publishes and that `wanted` takes.
async fn published(
    feed: &mut broadcast::Receiver<Outcome>,
    wanted: impl Fn(&OptionRisk) -> bool,
) -> OptionRisk {
    loop {
        let outcome = soon(feed.recv()).await.unwrap();
        let told = outcome.events.iter().filter_map(|event| {
            if let Event::RiskPublished(risk) = event { Some(risk.as_ref()) } else { None }
        });
        let told = told.filter(|risk| wanted(risk)).map(OptionRisk::clone).next();
        if let Some(risk) = told {
            return risk;
        }
    }
}

async fn index(stand: &Stand, seconds: u64, millis: i64) {
    let at = start_of_time() + NanosSpan::from_seconds(seconds);
    stand.clock.set(at);
    let print = IndexPrint {
        grade: GradeId::new("H100").unwrap(),
        observed_at: at,
        value: Some(MicroUsd::new(millis * 1_000)),
        conf: Ppm::new(1_000),
        state: oracle::State::Ok,
    };
    stand.submit(Command::PublishIndex(print)).await;
}

/// OPTION-005: nobody quotes the call, its reference is 0.10, and it is worth another price: the desk's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn option_005_the_desk_publishes_and_nothing_overwrites_it() {
    let stand = Stand::open_with(|options| {
        options.price_every = Some(Duration::from_millis(5));
    })
    .await;
    let (client, _) = stand.stranger().await;
    index(&stand, 1, 2_500).await;
    let mut feed = stand.venue.subscribe();
    let underlying = stand.venue.exchange().series_by_name(SERIES).unwrap().instrument.id;
    let call = stand.list(option(underlying)).await;
    let first = published(&mut feed, |risk| risk.instrument == call).await;
    assert_ne!(first.mark, Price::from_ticks(100), "another one than the reference");

    let series = json!({"instrument_name": CALL});
    let ticker = async || client.call("public/ticker", series.clone()).await.unwrap();
    let number = |digits: i64, scale: u32| Decimal::new(digits, scale).normalize().to_string();
    let dollars = |mark: Price| number(mark.ticks(), 3);
    let shown = ticker().await;
    assert_eq!(shown["mark_price"].to_string(), dollars(first.mark));
    assert_eq!(shown["mark_iv"], json!(80), "nobody has quoted: the volatility of the grade");
    assert_eq!(shown["greeks"]["delta"].to_string(), number(first.greeks.delta, 6));
    let arrays = client.call("public/get_risk_arrays", series.clone()).await.unwrap();
    assert_eq!(arrays["arrays"][0]["array"], json!(first.array.to_vec()));

    // The future's mark moves, and the mark of its option is still what the desk has said, until the desk says something else.
    let forward = |risk: &OptionRisk, than: &OptionRisk| than.mark < risk.mark;
    index(&stand, 20, 2_550).await;
    let second = published(&mut feed, |risk| forward(risk, &first)).await;
    let exchange_mark = || stand.venue.exchange().series_by_id(call).unwrap().mark;
    assert_eq!(exchange_mark(), second.mark);
    assert!(first.greeks.delta < second.greeks.delta);
    // A cycle of variation looks at all marks again, and a tick at those that move.
    stand.clock.set(start_of_time() + NanosSpan::from_seconds(40));
    stand.submit(Command::Tick).await;
    assert_ne!(ticker().await["mark_price"], json!(0.1));
}
