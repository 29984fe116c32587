//! Withdrawals, instructions, nominations, and which part of the past is asked for.

use exchange::{Command, Exchange, Instruction, Node, Nomination};
use instruments::{AccountId, Date, Nanos, Qty, Region, Seq};
use serde::Deserialize;
use settlement::TransferId;

use super::order::{MILLIS_MAX, NANOS_PER_MILLI};
use super::{money, series};
use crate::raise;
use crate::venue::history::Place;
use crate::wire::{Params, WireError};

/// Fields of `private/get_transaction_log`.
pub(crate) const LOG_FIELDS: &[&str] =
    &["currency", "start_timestamp", "end_timestamp", "count", "continuation"];
/// Fields of `private/nominate`.
pub(crate) const NOMINATION_FIELDS: &[&str] = &["instrument_name", "region", "endpoint", "nodes"];

/// Which movements are asked for.
pub(crate) struct LogQuery {
    /// Only those before this one.
    pub(crate) before: Option<TransferId>,
    /// From when to when, both included.
    pub(crate) between: (Nanos, Nanos),
}

/// Money that is to leave, to the micro-dollar.
pub(crate) fn withdrawal(params: &Params, account: AccountId) -> Result<Command, WireError> {
    Ok(Command::Withdraw { account, amount: money(params, "amount")? })
}

/// A part of the log.
pub(crate) fn log_query(params: &Params) -> Result<LogQuery, WireError> {
    let first = params.integer("start_timestamp", MILLIS_MAX)?.unwrap_or(0);
    let last = params.integer("end_timestamp", MILLIS_MAX)?.unwrap_or(MILLIS_MAX);
    let millis = |millis: u64| millis.saturating_mul(NANOS_PER_MILLI);
    // All of the last millisecond.
    let until = millis(last).saturating_add(NANOS_PER_MILLI.saturating_sub(1));
    Ok(LogQuery {
        before: params.integer("continuation", u64::MAX)?.map(TransferId),
        between: (Nanos::new(millis(first)), Nanos::new(until)),
    })
}

/// A day of the calendar, `2026-12-01`.
pub(crate) fn day(params: &Params) -> Result<Date, WireError> {
    let text = params.required_text("day")?;
    let wrong = || WireError::param("day", "must be a day from 1970 on, as in 2026-12-01");
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return Err(wrong()) };
    let is_digits = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    if [year.len(), month.len(), day.len()] != [4, 2, 2] || !parts.iter().all(is_digits) {
        return Err(wrong());
    }
    let small = |part: &str| part.parse::<u8>().map_err(|_range| wrong());
    let year = year.parse().map_err(|_range| wrong())?;
    let date = Date { year, month: small(month)?, day: small(day)? };
    // A day that does not exist becomes another one on its way through the calendar.
    let is_day = 1970 <= year && (1..=12).contains(&date.month) && 0 < date.day;
    if is_day && Date::from_days(date.days()) == date { Ok(date) } else { Err(wrong()) }
}

/// What is to be done with an option at its end.
pub(crate) fn instruction(params: &Params) -> Result<Instruction, WireError> {
    let lots = |name| params.integer(name, u64::MAX).map(|lots| Qty::from_lots(lots.unwrap_or(0)));
    Ok(Instruction { exercise: lots("exercise")?, abandon: lots("abandon")? })
}

/// `123-4`: where something happened, and nothing that only looks like it.
pub(crate) fn place(params: &Params, name: &str) -> Result<Option<Place>, WireError> {
    let Some(text) = params.text(name)? else { return Ok(None) };
    let wrong = || WireError::param(name, "must be what the venue has given, as in 123-4");
    let (seq, event) = text.split_once('-').ok_or_else(wrong)?;
    let seq = Seq(seq.parse().map_err(|_digits| wrong())?);
    let place = Place { seq, event: event.parse().map_err(|_digits| wrong())? };
    if raise::place(place) == text { Ok(Some(place)) } else { Err(wrong()) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeRow {
    name: String,
    #[serde(default)]
    digest: Option<String>,
}

/// Where an account delivers or wants to receive.
pub(crate) fn nomination(
    exchange: &Exchange,
    params: &Params,
    account: AccountId,
) -> Result<Command, WireError> {
    let instrument = series(exchange, params)?.instrument.id;
    let region = params.text("region")?.map(|code| {
        let codes: Vec<&str> = Region::ALL.into_iter().map(Region::code).collect();
        let wrong = || WireError::param("region", format!("must be one of {}", codes.join(", ")));
        Region::from_code(&code).ok_or_else(wrong)
    });
    let wrong = "must be an array of objects with a `name` and, if you like, a `digest`";
    let rows: Vec<NodeRow> = params.value("nodes", wrong)?.unwrap_or_default();
    let nodes: Result<Vec<Node>, WireError> = rows.into_iter().map(node).collect();
    let endpoint = params.text("endpoint")?.unwrap_or_default();
    let nomination = Box::new(Nomination { region: region.transpose()?, endpoint, nodes: nodes? });
    Ok(Command::Nominate { account, instrument, nomination })
}

fn node(row: NodeRow) -> Result<Node, WireError> {
    let mut digest = [0; 32];
    if let Some(text) = &row.digest {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let wrong = |_error| WireError::param("nodes", "a `digest` is 32 bytes in hexadecimal");
        hex::decode_to_slice(digits, &mut digest).map_err(wrong)?;
    }
    Ok(Node { name: row.name, digest })
}
