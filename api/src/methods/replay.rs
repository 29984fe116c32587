//! What was told before, asked for once more: execution reports by their number.

use super::Answer;
use super::market_data::Count;
use super::submit::{instrument, tick_direction};
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::raise;
use crate::venue::history::{Report, Reported};
use crate::wire::{ErrorCode, Params, WireError, WireReport, WireReports, to_result};

/// A question about what was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replay {
    Private,
}

pub(super) fn answer(
    gateway: &Gateway,
    caller: &Caller,
    method: Replay,
    params: &Params,
) -> Answer {
    match method {
        Replay::Private => reports(gateway, caller, params),
    }
}

/// An account's execution reports from a number on.
fn reports(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let first = params.required_integer("from_user_seq", u64::MAX)?;
    let count = Count::of_replay(params)?.rows();
    let history = gateway.venue.history();
    let reports: Result<Vec<WireReport>, WireError> = history
        .reports(caller.account, first, count)
        .iter()
        .map(|report| wire(gateway, report))
        .collect();
    let last_user_seq = history.last_user_seq(caller.account);
    // A store that fails answers with nothing, which must not look like an account without a past.
    if !history.is_available() {
        let reason = "the venue keeps no history until its next start";
        return Err(WireError::new(ErrorCode::Maintenance, reason));
    }
    Ok(to_result(&WireReports { reports: reports?, last_user_seq }))
}

/// A report as it is told.
pub(crate) fn wire(gateway: &Gateway, report: &Report) -> Result<WireReport, WireError> {
    let terms = instrument(gateway, report.what.order().terms.instrument)?;
    let tick_direction = match &report.what {
        Reported::Order(_) => 0,
        Reported::Trade(trade) => tick_direction(gateway, &trade.trade),
    };
    Ok(raise::report(report, tick_direction, &terms))
}
