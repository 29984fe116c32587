//! Execution reports.

use instruments::Instrument;

use super::{order, user_trade};
use crate::venue::history::{Report, Reported};
use crate::wire::WireReport;

/// An execution report. `tick_direction` is the trade's, and means nothing without one.
pub(crate) fn report(report: &Report, tick_direction: u8, terms: &Instrument) -> WireReport {
    let (kind, trade) = match &report.what {
        Reported::Order(_) => ("order", None),
        Reported::Trade(trade) => ("trade", Some(user_trade(trade, tick_direction, terms))),
    };
    WireReport {
        user_seq: report.user_seq,
        timestamp: report.at.millis(),
        kind: kind.to_owned(),
        order: order(report.what.order(), terms),
        trade,
    }
}
