//! One statement as a page of text or as one JSON object.

use std::collections::BTreeMap;
use std::io::Write;

use api::wire::Number;
use exchange::Statement;
use instruments::MicroUsd;
use serde::Serialize;
use settlement::Bucket;

use super::rows::dollars;
use super::{Day, LedgerError, Names};

pub(super) struct Page<'a> {
    pub(super) names: &'a Names,
    pub(super) statement: &'a Statement,
}

/// A page as JSON. Amounts are numbers in dollars, exact.
#[derive(Serialize)]
struct WirePage {
    /// Absent for the house.
    account: Option<String>,
    day: String,
    opening: BTreeMap<&'static str, Number>,
    movements: Vec<WireMovement>,
    net: BTreeMap<&'static str, Number>,
    trades: Vec<WireTrades>,
    variation: Vec<WireVariation>,
    deliveries: Vec<WireDelivery>,
    closing: BTreeMap<&'static str, Number>,
    equity_opening: Number,
    equity_closing: Number,
}

#[derive(Serialize)]
struct WireMovement {
    bucket: &'static str,
    reason: &'static str,
    transfers: u64,
    received: Number,
    paid: Number,
}

#[derive(Serialize)]
struct WireTrades {
    instrument_name: String,
    trades: u64,
    bought: u64,
    sold: u64,
    fees: Number,
}

#[derive(Serialize)]
struct WireVariation {
    instrument_name: String,
    amount: Number,
}

#[derive(Serialize)]
struct WireDelivery {
    obligation_id: u64,
    intervals: u32,
    pay: Number,
    damages: Number,
}

fn number(money: MicroUsd) -> Number {
    Number(dollars(money).normalize())
}

fn by_name(balances: &BTreeMap<Bucket, MicroUsd>) -> BTreeMap<&'static str, Number> {
    balances.iter().map(|(bucket, money)| (bucket.name(), number(*money))).collect()
}

impl Page<'_> {
    fn whose(&self) -> Option<String> {
        self.statement.whose.map(|account| self.names.account(account))
    }

    pub(super) fn write_json(&self, out: &mut impl Write) -> Result<(), LedgerError> {
        serde_json::to_writer(&mut *out, &self.wire())?;
        Ok(out.write_all(b"\n")?)
    }

    fn wire(&self) -> WirePage {
        let statement = self.statement;
        let movements = statement.movements.iter().map(|((bucket, reason), sum)| WireMovement {
            bucket: bucket.name(),
            reason: reason.name(),
            transfers: sum.transfers,
            received: number(sum.received),
            paid: number(sum.paid),
        });
        let trades = statement.trades.iter().map(|(instrument, sum)| WireTrades {
            instrument_name: self.names.series(*instrument),
            trades: sum.trades,
            bought: sum.bought.lots(),
            sold: sum.sold.lots(),
            fees: number(sum.fees),
        });
        let variation = statement.variation.iter().map(|(instrument, amount)| WireVariation {
            instrument_name: self.names.series(*instrument),
            amount: number(*amount),
        });
        let deliveries = statement.deliveries.iter().map(|(obligation, sum)| WireDelivery {
            obligation_id: obligation.0,
            intervals: sum.intervals,
            pay: number(sum.pay),
            damages: number(sum.damages),
        });
        let net = statement.net_by_reason().into_iter();
        WirePage {
            account: self.whose(),
            day: Day(statement.day).to_string(),
            opening: by_name(&statement.opening),
            movements: movements.collect(),
            net: net.map(|(reason, sum)| (reason.name(), number(sum))).collect(),
            trades: trades.collect(),
            variation: variation.collect(),
            deliveries: deliveries.collect(),
            closing: by_name(&statement.closing),
            equity_opening: number(statement.equity_opening()),
            equity_closing: number(statement.equity_closing()),
        }
    }

    pub(super) fn write_text(&self, out: &mut impl Write) -> Result<(), LedgerError> {
        let statement = self.statement;
        let whose = self.whose().unwrap_or_else(|| "(the house)".to_owned());
        writeln!(out, "{whose}, {} (UTC)", Day(statement.day))?;
        for (bucket, balance) in &statement.opening {
            line(out, "opening", bucket.name(), *balance)?;
        }
        line(out, "opening", "equity", statement.equity_opening())?;
        for ((bucket, reason), sum) in &statement.movements {
            for (verb, amount) in [("received", sum.received), ("paid", -sum.paid)] {
                if amount != MicroUsd::ZERO {
                    line(out, bucket.name(), &format!("{} {verb}", reason.name()), amount)?;
                }
            }
        }
        for (reason, sum) in statement.net_by_reason() {
            line(out, "net", reason.name(), sum)?;
        }
        self.write_business(out)?;
        for (bucket, balance) in &statement.closing {
            line(out, "closing", bucket.name(), *balance)?;
        }
        line(out, "closing", "equity", statement.equity_closing())?;
        Ok(writeln!(out)?)
    }

    fn write_business(&self, out: &mut impl Write) -> Result<(), LedgerError> {
        for (instrument, sum) in &self.statement.trades {
            let name = self.names.series(*instrument);
            let (trades, bought, sold) = (sum.trades, sum.bought.lots(), sum.sold.lots());
            let what = format!("{name} in {trades}: bought {bought}, sold {sold}, fees");
            line(out, "trades", &what, sum.fees)?;
        }
        for (instrument, amount) in &self.statement.variation {
            line(out, "variation", &self.names.series(*instrument), *amount)?;
        }
        for (obligation, sum) in &self.statement.deliveries {
            let what = format!("{obligation}, {} intervals: pay", sum.intervals);
            line(out, "delivery", &what, sum.pay)?;
            line(out, "delivery", &format!("{obligation}: damages"), sum.damages)?;
        }
        Ok(())
    }
}

fn line(out: &mut impl Write, kind: &str, what: &str, amount: MicroUsd) -> Result<(), LedgerError> {
    Ok(writeln!(out, "  {kind:<18}{what:<44} {:>20}", dollars(amount))?)
}
