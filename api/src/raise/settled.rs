//! At which prices series were settled, and who bore what a loser could not pay.

use exchange::{Exchange, Reach, SettlementSource, SplitPurpose};
use instruments::Instrument;
use settlement::SplitLine;

use super::hex;
use crate::venue::history::{Place, SettlementRecord, SplitLineRecord, SplitPageRecord};
use crate::wire::{
    Number, WireSettlement, WireSettlementSource, WireSplitLine, WireSplitPage, WireSplitShare,
};

/// What every file of a split begins with.
pub(crate) const SPLIT_FORMAT: &str = "tenor-split-1";

/// `123-4`: the command, and which of its events.
pub(crate) fn place(place: Place) -> String {
    format!("{}-{}", place.seq.0, place.event)
}

/// A price at which a series was settled.
pub(crate) fn settlement(record: &SettlementRecord, terms: &Instrument) -> WireSettlement {
    WireSettlement {
        kind: if record.is_last { "delivery" } else { "settlement" }.to_owned(),
        timestamp: record.at.millis(),
        instrument_name: terms.name.clone(),
        mark_price: terms.price_to_decimal(record.price).into(),
        source: record.source.as_ref().map(source),
    }
}

fn source(source: &SettlementSource) -> WireSettlementSource {
    let reach = |reach: Reach| (reach.lots, reach.value.to_string());
    match source {
        SettlementSource::Trades { trades, lots, value } => WireSettlementSource::Trades {
            trades: *trades,
            amount: *lots,
            value: value.to_string(),
        },
        SettlementSource::Book(impact) => {
            WireSettlementSource::Book { bids: reach(impact.bids), asks: reach(impact.asks) }
        }
        SettlementSource::Mark => WireSettlementSource::Mark,
        SettlementSource::Index { until, partition, values } => WireSettlementSource::Index {
            until: until.millis(),
            part: partition.nanos().div_euclid(1_000_000),
            values: values.iter().map(|value| value.map(Number::from)).collect(),
        },
    }
}

/// What a split was for, and the series that it was about.
fn purpose(exchange: &Exchange, purpose: SplitPurpose) -> (String, Option<String>) {
    match purpose {
        SplitPurpose::Haircut => ("haircut".to_owned(), None),
        SplitPurpose::FundShares => ("fund_shares".to_owned(), None),
        SplitPurpose::CloseOut { instrument, .. } => {
            let series = exchange.series_by_id(instrument);
            let name = series.map(|series| series.instrument.name.clone());
            ("close_out".to_owned(), name)
        }
    }
}

fn line(line: &SplitLine) -> WireSplitLine {
    WireSplitLine {
        account: line.account.0,
        weight: line.weight.to_string(),
        floor: line.floor,
        remainder: line.remainder.to_string(),
        rank: line.rank,
        part: line.part,
    }
}

/// An account's line of one split.
pub(crate) fn split_share(
    exchange: &Exchange,
    split: Place,
    record: &SplitLineRecord,
) -> WireSplitShare {
    let (purpose, instrument_name) = purpose(exchange, record.purpose);
    WireSplitShare {
        split_id: place(split),
        timestamp: record.at.millis(),
        purpose,
        instrument_name,
        line: line(&record.line),
        page: record.page,
        pages: record.pages,
    }
}

/// One page of a split. Whose loss it was, is not said.
pub(crate) fn split_page(
    exchange: &Exchange,
    split: Place,
    record: &SplitPageRecord,
) -> WireSplitPage {
    let (purpose, instrument_name) = purpose(exchange, record.purpose);
    let (terms, page) = (&record.page.terms, &record.page);
    WireSplitPage {
        format: SPLIT_FORMAT.to_owned(),
        split_id: place(split),
        timestamp: record.at.millis(),
        purpose,
        instrument_name,
        amount: terms.amount,
        weights: terms.weights.to_string(),
        shift: terms.shift,
        line_count: terms.lines,
        served: terms.served,
        last_served: terms.last_served.map(|(remainder, by)| (remainder.to_string(), by.0)),
        commitment: hex(&terms.commitment),
        page: page.page,
        pages: page.pages,
        lines: page.lines.iter().map(line).collect(),
    }
}
