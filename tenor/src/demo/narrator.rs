//! Says what happens, in the words of the field, from the one stream of events that everybody reads.

use std::io::{Write, stderr, stdout};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use api::venue::{Published, Venue};
use exchange::{CloseOutEvent, Event, Exchange, IntervalOutcome, IntervalSettled};
use instruments::{AccountId, InstrumentId, MicroUsd, Ppm, Price};
use rust_decimal::Decimal;
use settlement::{FailCause, Verdict};
use tokio::sync::broadcast::error::RecvError;

use super::checks::Summary;

/// Speaks to the output stream, or to the error stream when that one is for JSON.
#[derive(Clone)]
pub(super) struct Narrator {
    started: Instant,
    to_stderr: bool,
}

impl Narrator {
    #[expect(clippy::disallowed_methods, reason = "the narration prints how long it has run")]
    pub(super) fn start(to_stderr: bool) -> Self {
        Self { started: Instant::now(), to_stderr }
    }

    /// One line: when, about what, what.
    pub(super) fn say(&self, about: &str, what: &str) {
        let seconds = self.started.elapsed().as_secs_f32();
        let line = format!("{seconds:6.1} s  {about:<11} {what}\n");
        let said = if self.to_stderr {
            stderr().write_all(line.as_bytes())
        } else {
            stdout().write_all(line.as_bytes())
        };
        // A closed pipe ends the narration, not the market.
        drop(said);
    }

    /// Narrates everything the venue publishes from now on.
    pub(super) fn follow(&self, venue: &Venue) {
        let (narrator, venue) = (self.clone(), venue.clone());
        let mut published = venue.subscribe();
        tokio::spawn(async move {
            loop {
                match published.recv().await {
                    Ok(part) => narrator.tell(&venue, &part),
                    Err(RecvError::Lagged(missed)) => {
                        narrator.say("narrator", &format!("{missed} commands not narrated"));
                    }
                    Err(RecvError::Closed) => return,
                }
            }
        });
    }

    fn tell(&self, venue: &Venue, published: &Arc<Published>) {
        let exchange = venue.exchange();
        let lines: Vec<(&str, String)> =
            published.events.iter().filter_map(|event| line(&exchange, event)).collect();
        drop(exchange);
        for (about, what) in lines {
            self.say(about, &what);
        }
    }

    /// The end: a JSON object on the output stream, or a table.
    pub(super) fn summary(&self, summary: &Summary, json: bool) -> Result<()> {
        let mut out = stdout().lock();
        if json {
            writeln!(out, "{}", serde_json::to_string(summary)?)?;
        } else {
            let fields = serde_json::to_value(summary)?;
            writeln!(out)?;
            for (name, value) in fields.as_object().into_iter().flatten() {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                writeln!(out, "  {name:<24} {text}")?;
            }
        }
        Ok(())
    }
}

/// What one event says. Events that only bookkeepers read say nothing.
fn line(exchange: &Exchange, event: &Event) -> Option<(&'static str, String)> {
    let names = Names(exchange);
    market_line(&names, event).or_else(|| delivery_line(&names, event))
}

/// From listing to assignment.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a narration leaves out what only bookkeepers read"
)]
fn market_line(names: &Names<'_>, event: &Event) -> Option<(&'static str, String)> {
    Some(match event {
        Event::InstrumentListed(instrument) => ("listed", instrument.name.clone()),
        Event::AgentNominated { account, signer } => {
            let key = hex::encode(signer);
            ("agent", format!("{} delivers with key 0x{key}", names.account(*account)))
        }
        Event::Traded(trade) => {
            let (buyer, seller) = match trade.taker_side {
                instruments::Side::Buy => (trade.taker.account, trade.maker.account),
                instruments::Side::Sell => (trade.maker.account, trade.taker.account),
            };
            let (buyer, seller) = (names.account(buyer), names.account(seller));
            let price = names.price(trade.instrument, trade.price);
            ("trade", format!("{} lots @ {price}  {buyer} buys from {seller}", trade.qty.lots()))
        }
        Event::IndexPublished(print) => {
            let value = print.value.map_or_else(|| "withheld".to_owned(), usd);
            ("index", format!("{} {value} per GPU-hour, {}", print.grade, print.state))
        }
        Event::VariationPaid { account, amount, .. } if *amount != MicroUsd::ZERO => {
            ("variation", format!("{} {:+} USD", names.account(*account), decimal(*amount)))
        }
        Event::SeriesExpired { instrument, settlement_price } => {
            let price = names.price(*instrument, *settlement_price);
            ("expiry", format!("{} settles at {price}", names.series(*instrument)))
        }
        Event::ObligationAssigned { obligation, seller, buyer, lots, escrow, bond, .. } => (
            "assignment",
            format!(
                "{obligation}: {} delivers {} GPUs to {}; escrow {}, bond {}",
                names.account(*seller),
                lots.lots(),
                names.account(*buyer),
                usd(*escrow),
                usd(*bond)
            ),
        ),
        _ => return None,
    })
}

/// From the first challenge to the close.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a narration leaves out what only bookkeepers read"
)]
fn delivery_line(names: &Names<'_>, event: &Event) -> Option<(&'static str, String)> {
    Some(match event {
        Event::ChallengeIssued { obligation, challenge, seller, .. } => {
            ("challenge", format!("{obligation}/{challenge}: {} must work", names.account(*seller)))
        }
        Event::ReceiptAccepted { receipt, .. } => {
            let root: String = hex::encode(receipt.work_root).chars().take(12).collect();
            ("receipt", format!("{}/{}: work {root}..", receipt.obligation, receipt.challenge))
        }
        Event::VerdictRecorded { obligation, challenge, verdict, .. } => {
            let said = match verdict {
                Verdict::Valid { .. } => "valid",
                Verdict::Invalid => "INVALID",
                Verdict::Unverifiable => "unverifiable",
            };
            ("verdict", format!("{obligation}/{challenge}: {said}"))
        }
        Event::IntervalSettled(settled) => {
            let what = interval_money(settled);
            ("interval", format!("{}/{}: {what}", settled.obligation, settled.interval))
        }
        Event::CloseOut(CloseOutEvent::HourSettled(hour))
            if hour.settled.missing.seconds() != 0 =>
        {
            let settled = &hour.settled;
            let owed = usd(settled.compensation + settled.penalty);
            let missing = settled.missing.seconds();
            let what = format!("{missing} GPU-seconds are missing, the seller pays {owed}");
            ("shortfall", format!("{}, hour {}: {what}", hour.obligation, hour.hour))
        }
        Event::ObligationClosed { obligation, intervals_delivered, intervals_failed, .. } => {
            let counts =
                format!("{intervals_delivered} intervals delivered, {intervals_failed} failed");
            ("closed", format!("{obligation}: {counts}"))
        }
        _ => return None,
    })
}

fn interval_money(settled: &IntervalSettled) -> String {
    match settled.outcome {
        IntervalOutcome::Delivered { quality, .. } if quality < Ppm::ONE => format!(
            "{} % counts: the seller receives {}, the buyer {} back",
            Decimal::new(quality.ppm(), 4).round_dp(1).normalize(),
            usd(settled.paid),
            usd(settled.returned_to_buyer)
        ),
        IntervalOutcome::Delivered { .. } => {
            format!("delivered, the seller receives {}", usd(settled.paid))
        }
        IntervalOutcome::Failed { cause, .. } => format!(
            "FAILED, {}: the buyer receives {} back",
            cause_name(cause),
            usd(settled.returned_to_buyer)
        ),
        IntervalOutcome::Unverified => "unverified: unpaid, without penalty".to_owned(),
    }
}

fn cause_name(cause: FailCause) -> &'static str {
    match cause {
        FailCause::Silent => "no receipt in time",
        FailCause::Refuted => "the opened rows are not the work",
        FailCause::BelowGrade => "below the grade's floor",
        FailCause::NotReady => "the seller has not accepted",
        FailCause::Declared => "declared missing",
    }
}

fn decimal(money: MicroUsd) -> Decimal {
    Decimal::new(money.micros(), 6).normalize()
}

fn usd(money: MicroUsd) -> String {
    format!("{} USD", decimal(money))
}

/// Ids in words.
struct Names<'a>(&'a Exchange);

impl Names<'_> {
    fn account(&self, account: AccountId) -> String {
        self.0.account(account).map_or_else(|| account.to_string(), |record| record.name.clone())
    }

    fn series(&self, instrument: InstrumentId) -> String {
        let series = self.0.series_by_id(instrument);
        series.map_or_else(|| instrument.to_string(), |series| series.instrument.name.clone())
    }

    fn price(&self, instrument: InstrumentId, price: Price) -> String {
        let series = self.0.series_by_id(instrument);
        series.map_or_else(String::new, |series| {
            series.instrument.price_to_decimal(price).to_string()
        })
    }
}
