//! What was told before, asked for once more: messages of a channel, and execution reports, by their numbers.

use instruments::AccountId;

use super::Answer;
use super::market_data::Count;
use super::submit::{instrument, tick_direction};
use crate::auth::Caller;
use crate::channels::replay;
use crate::gateway::Gateway;
use crate::raise;
use crate::venue::history::{Report, Reported};
use crate::wire::{ErrorCode, Params, WireError, WireReport, WireReports, to_result};

/// A question about what was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replay {
    Public,
    Private,
}

/// Fields of `public/replay`.
pub(super) const CHANNEL_FIELDS: &[&str] = &["channel", "from_seq", "count"];
/// Fields of `private/replay`.
pub(super) const FIELDS: &[&str] = &["channel", "from_seq", "from_user_seq", "count"];

/// Answers `private/replay`: of a channel, or the account's reports.
pub(super) fn own(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    match (params.has("channel"), params.has("from_user_seq")) {
        (false, true) if !params.has("from_seq") => reports(gateway, caller, params),
        (true, false) => channel(gateway, Some(caller.account), params),
        _ => {
            let reason = "either `channel` with `from_seq`, or `from_user_seq`";
            Err(WireError::new(ErrorCode::UnsupportedCombination, reason).of("channel"))
        }
    }
}

/// Messages of a channel from a number on.
pub(super) fn channel(gateway: &Gateway, account: Option<AccountId>, params: &Params) -> Answer {
    let name = params.required_text("channel")?;
    let first = params.required_integer("from_seq", u64::MAX)?;
    let count = Count::of_replay(params)?.rows();
    replay(gateway, account, &name, (first, count)).map(|replay| to_result(&replay))
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
