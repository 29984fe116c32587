//! What must have held at the end, and the summary that says so.

use std::path::Path;

use anyhow::Result;
use api::venue::Venue;
use instruments::{MicroUsd, ObligationId};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::value::RawValue;

use super::listing::DemoSeries;

/// What the exchange itself says at the end.
pub(super) struct Outcome {
    trades: u64,
    volume_lots: u64,
    settlement_price: Option<Decimal>,
    obligations: Vec<ObligationId>,
    obligations_closed: u64,
    intervals_delivered: u64,
    intervals_failed: u64,
    shortfall_paid: MicroUsd,
    money_conserved: bool,
    positions_zero: bool,
}

impl Outcome {
    pub(super) fn read(venue: &Venue, listed: &DemoSeries) -> Self {
        let exchange = venue.exchange();
        let future = exchange.series_by_id(listed.future.id);
        let obligations: Vec<_> =
            exchange.deliveries().map(|delivery| &delivery.obligation).collect();
        let count = |of: fn(&settlement::Obligation) -> u32| -> u64 {
            obligations.iter().map(|obligation| u64::from(of(obligation))).sum()
        };
        Self {
            trades: future.map_or(0, |series| series.trades),
            volume_lots: future.map_or(0, |series| series.volume.lots()),
            settlement_price: future.and_then(|series| {
                series.settlement_price.map(|price| series.instrument.price_to_decimal(price))
            }),
            obligations_closed: count(|obligation| u32::from(obligation.closed)),
            intervals_delivered: count(|obligation| obligation.delivered_count),
            intervals_failed: count(|obligation| obligation.failed),
            shortfall_paid: exchange.shortfall_paid(),
            money_conserved: exchange.money_conserved(),
            positions_zero: exchange.positions().next().is_none(),
            obligations: obligations.iter().map(|obligation| obligation.id).collect(),
        }
    }
}

/// The last word of a demo.
#[derive(Serialize)]
pub(super) struct Summary {
    trades: u64,
    volume_lots: u64,
    settlement_price: Box<RawValue>,
    obligations: u64,
    obligations_closed: u64,
    intervals_delivered: u64,
    intervals_failed: u64,
    shortfall_paid_usd: Box<RawValue>,
    money_conserved: bool,
    positions_zero: bool,
    replay_hash_equal: bool,
    commands: u64,
    state_hash: String,
}

impl Summary {
    /// Whether this was a whole life in which nothing was lost.
    pub(super) fn every_check_held(&self) -> bool {
        self.money_conserved
            && self.positions_zero
            && self.replay_hash_equal
            && self.obligations_closed == self.obligations
            && 2 <= self.obligations_closed
            && 20 <= self.trades
            && 2 <= self.intervals_delivered
            && self.shortfall_paid_usd.get() != "0"
    }
}

/// Replays the closed venue's journal from its first command and compares.
pub(super) fn summarise(outcome: &Outcome, live_hash: [u8; 32], dir: &Path) -> Result<Summary> {
    let replayed = api::venue::verify(dir)?;
    let number = |decimal: Decimal| RawValue::from_string(decimal.normalize().to_string());
    Ok(Summary {
        trades: outcome.trades,
        volume_lots: outcome.volume_lots,
        settlement_price: match outcome.settlement_price {
            Some(price) => number(price)?,
            None => RawValue::from_string("null".to_owned())?,
        },
        obligations: u64::try_from(outcome.obligations.len())?,
        obligations_closed: outcome.obligations_closed,
        intervals_delivered: outcome.intervals_delivered,
        intervals_failed: outcome.intervals_failed,
        shortfall_paid_usd: number(Decimal::new(outcome.shortfall_paid.micros(), 6))?,
        money_conserved: outcome.money_conserved,
        positions_zero: outcome.positions_zero,
        replay_hash_equal: replayed.state_hash == live_hash,
        commands: replayed.commands,
        state_hash: hex::encode(live_hash),
    })
}
