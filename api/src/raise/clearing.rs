//! Money on record, and how a series was assigned.

use exchange::{Exchange, PublishedAssignment};
use instruments::{AccountId, Date, InstrumentId, MicroUsd};
use settlement::{Assignment, Holder};

use super::CURRENCY;
use crate::venue::history::{DayRecord, Pots, TransferRecord};
use crate::wire::{
    WireAssignment, WireDeliveredInDay, WireHolder, WireMovement, WirePair, WireStatement,
    WireTradedInDay, WireTransfer, WireVariationInDay,
};

/// What every file of an assignment begins with.
pub(crate) const ASSIGNMENT_FORMAT: &str = "tenor-assignment-1";

/// A movement as its account sees it. Whose the other end is, is not said.
pub(crate) fn transfer(
    record: &TransferRecord,
    account: AccountId,
    username: &str,
) -> WireTransfer {
    let transfer = &record.transfer;
    let gained =
        if transfer.to.account() == Some(account) { transfer.amount } else { MicroUsd::ZERO };
    let lost =
        if transfer.from.account() == Some(account) { transfer.amount } else { MicroUsd::ZERO };
    WireTransfer {
        id: transfer.id.0,
        chain: transfer.chain.0,
        kind: transfer.reason.name().to_owned(),
        timestamp: record.at.millis(),
        currency: CURRENCY.to_owned(),
        account: account.0,
        username: username.to_owned(),
        from: transfer.from.name().to_owned(),
        to: transfer.to.name().to_owned(),
        amount: transfer.amount.into(),
        change: (gained - lost).into(),
        balance: record.balance.into(),
    }
}

/// One account's day.
pub(crate) fn statement(
    exchange: &Exchange,
    username: &str,
    day: Date,
    record: &DayRecord,
) -> WireStatement {
    let name = |id: &InstrumentId| {
        let series = exchange.series_by_id(*id);
        series.map_or_else(|| id.to_string(), |series| series.instrument.name.clone())
    };
    let movements = record.movements.iter().map(|((pot, reason), sum)| WireMovement {
        bucket: pot.name().to_owned(),
        kind: reason.name().to_owned(),
        transfers: sum.transfers,
        received: sum.received.into(),
        paid: sum.paid.into(),
    });
    let trades = record.trades.iter().map(|(id, sum)| WireTradedInDay {
        instrument_name: name(id),
        trades: sum.trades,
        bought: sum.bought.into(),
        sold: sum.sold.into(),
        fees: sum.fees.into(),
    });
    let variation = record
        .variation
        .iter()
        .map(|(id, sum)| WireVariationInDay { instrument_name: name(id), amount: (*sum).into() });
    let deliveries = record.deliveries.iter().map(|(id, sum)| WireDeliveredInDay {
        obligation_id: id.0,
        intervals: sum.intervals,
        pay: sum.pay.into(),
        damages: sum.damages.into(),
    });
    let pots = |pots: &Pots| {
        pots.iter().map(|(pot, money)| (pot.name().to_owned(), (*money).into())).collect()
    };
    WireStatement {
        username: username.to_owned(),
        day: day_name(day),
        currency: CURRENCY.to_owned(),
        is_open: Date::of(exchange.now()) <= day,
        opening: pots(&record.opening),
        movements: movements.collect(),
        trades: trades.collect(),
        variation: variation.collect(),
        deliveries: deliveries.collect(),
        closing: pots(&record.closing),
    }
}

/// `2026-12-01`.
pub(crate) fn day_name(day: Date) -> String {
    let Date { year, month, day } = day;
    format!("{year:04}-{month:02}-{day:02}")
}

/// How a series was assigned.
pub(crate) fn assignment(instrument: &str, published: &PublishedAssignment) -> WireAssignment {
    let PublishedAssignment { inputs, seed, inputs_hash, assigned } = published;
    let row = |holder: &Holder| WireHolder {
        account: holder.account.0,
        net: holder.net.lots(),
        region: holder.region.map(|region| region.code().to_owned()),
    };
    WireAssignment {
        format: ASSIGNMENT_FORMAT.to_owned(),
        instrument: instrument.to_owned(),
        instrument_id: inputs.instrument.0,
        settlement_price_ticks: inputs.settlement_price.ticks(),
        last_seq: inputs.last_seq.0,
        node_size: inputs.node_size,
        holders: inputs.holders.iter().map(row).collect(),
        matches: pairs(&inputs.matches),
        seed: hex::encode(seed),
        inputs_hash: hex::encode(inputs_hash),
        matched: pairs(&assigned.matched),
        pairs: pairs(&assigned.pairs),
    }
}

fn pairs(pairs: &[Assignment]) -> Vec<WirePair> {
    let pair = |pair: &Assignment| WirePair {
        seller: pair.seller.0,
        buyer: pair.buyer.0,
        lots: pair.lots.lots(),
    };
    pairs.iter().map(pair).collect()
}
