//! Transfers one by one, as CSV or as JSON lines.

use std::io::Write;

use api::venue::Published;
use api::wire::Number;
use instruments::MicroUsd;
use rust_decimal::Decimal;
use serde::Serialize;
use settlement::{Bucket, Transfer};

use super::{LedgerError, Names};
use crate::cli::ExportFormat;
use crate::oracle_index::Timestamp;

/// Dollars, exactly.
pub(super) fn dollars(money: MicroUsd) -> Decimal {
    Decimal::new(money.micros(), 6)
}

/// One transfer. An end without an account is the house's.
#[derive(Debug, Serialize)]
struct Row<'a, A> {
    seq: u64,
    at: String,
    transfer: u64,
    chain: u64,
    reason: &'a str,
    from_account: Option<String>,
    from: &'a str,
    to_account: Option<String>,
    to: &'a str,
    amount: A,
}

pub(super) enum Rows<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Json(W),
}

impl<W: Write> Rows<W> {
    pub(super) fn begin(format: ExportFormat, out: W) -> Self {
        match format {
            ExportFormat::Csv => Self::Csv(Box::new(csv::Writer::from_writer(out))),
            ExportFormat::Json => Self::Json(out),
        }
    }

    pub(super) fn write(
        &mut self,
        names: &Names,
        published: &Published,
        transfer: &Transfer,
    ) -> Result<(), LedgerError> {
        let row = row(names, published, transfer);
        match self {
            Self::Csv(out) => {
                let amount = row.amount.to_string();
                out.serialize(row.with(amount))?;
            }
            Self::Json(out) => {
                let amount = Number(row.amount.normalize());
                serde_json::to_writer(&mut *out, &row.with(amount))?;
                out.write_all(b"\n")?;
            }
        }
        Ok(())
    }

    pub(super) fn end(self) -> Result<(), LedgerError> {
        match self {
            Self::Csv(mut out) => Ok(out.flush()?),
            Self::Json(mut out) => Ok(out.flush()?),
        }
    }
}

impl<'a, A> Row<'a, A> {
    fn with<B>(self, amount: B) -> Row<'a, B> {
        let Self { seq, at, transfer, chain, reason, from_account, from, to_account, to, .. } =
            self;
        Row { seq, at, transfer, chain, reason, from_account, from, to_account, to, amount }
    }
}

fn row(names: &Names, published: &Published, transfer: &Transfer) -> Row<'static, Decimal> {
    let whose = |bucket: Bucket| bucket.account().map(|account| names.account(account));
    Row {
        seq: published.seq.0,
        at: Timestamp(published.at).in_full(),
        transfer: transfer.id.0,
        chain: transfer.chain.0,
        reason: transfer.reason.name(),
        from_account: whose(transfer.from),
        from: transfer.from.name(),
        to_account: whose(transfer.to),
        to: transfer.to.name(),
        amount: dollars(transfer.amount),
    }
}
