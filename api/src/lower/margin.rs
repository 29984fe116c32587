//! Questions about margin: of which grade, with which positions, computed how.

use std::collections::BTreeMap;

use exchange::{Exchange, GradeMargin, MarginMode, Reject};
use instruments::{AccountId, GradeId, Instrument, InstrumentId, NetQty};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::{combination, optional_series};
use crate::raise;
use crate::wire::{ErrorCode, Number, Params, WireError, missing};

/// Positions of one simulation.
pub(crate) const SIMULATED_MAX: usize = 256;

/// Of a series' name in an answer, in characters: more than any has.
const NAME_SHOWN_MAX: usize = 64;

/// The grade that is asked for, and the series if it is one only.
pub(crate) fn risk_query<'a>(
    exchange: &'a Exchange,
    params: &Params,
) -> Result<(&'a GradeMargin, Option<InstrumentId>), WireError> {
    let only = optional_series(exchange, params)?;
    let grade = match (only.and_then(|id| exchange.series_by_id(id)), params.text("grade")?) {
        (Some(_), Some(_)) => {
            return Err(combination("grade", "name a series or a grade, not both"));
        }
        (Some(series), None) => series.instrument.grade.clone(),
        (None, Some(name)) => GradeId::new(&name.to_ascii_uppercase())
            .ok_or_else(|| WireError::param("grade", "no such grade"))?,
        (None, None) => return Err(missing("grade")),
    };
    let margin = exchange.margins().grade(&grade);
    let unknown = || WireError::new(ErrorCode::NotFound, "no series of that grade").of("grade");
    margin.map(|margin| (margin, only)).ok_or_else(unknown)
}

/// The positions to add to the account's own so that it comes to have what is asked for.
pub(crate) fn simulated(
    exchange: &Exchange,
    params: &Params,
    account: AccountId,
) -> Result<Vec<(InstrumentId, NetQty)>, WireError> {
    let wrong = "must be an object of series and lots, negative when short";
    let asked = params.entries("simulated_positions", wrong)?;
    if SIMULATED_MAX < asked.len() {
        let reason = format!("at most {SIMULATED_MAX} positions are simulated");
        let error = WireError::param("simulated_positions", reason);
        return Err(error.with_limit(Decimal::from(SIMULATED_MAX)));
    }
    let mut added: BTreeMap<InstrumentId, i64> = BTreeMap::new();
    if !params.flag("add_positions")?.unwrap_or(true) {
        let held = exchange.positions_of(account).into_iter();
        added.extend(held.map(|view| (view.instrument, view.net.lots().saturating_neg())));
    }
    for (name, amount) in &asked {
        let refused = |reject| {
            let error = raise::reject(&reject, None);
            let reason = format!("{}: {}", shortened(name), error.reason());
            error.because(reason).of("simulated_positions")
        };
        let series = exchange.series_by_name(name);
        let series = series.ok_or_else(|| refused(Reject::UnknownInstrument))?;
        if !series.is_cleared() {
            return Err(refused(Reject::ProductNotCleared));
        }
        let lots = simulated_lots(name, amount.get())?;
        let entry = added.entry(series.instrument.id).or_default();
        *entry = entry.saturating_add(lots);
    }
    Ok(added.into_iter().map(|(id, lots)| (id, NetQty::from_lots(lots))).collect())
}

/// As much of a client's word as an answer repeats.
fn shortened(name: &str) -> String {
    name.chars().take(NAME_SHOWN_MAX).collect()
}

fn simulated_lots(name: &str, amount: &str) -> Result<i64, WireError> {
    let limit = Instrument::QTY_MAX;
    let number = Number::parse(amount).ok().map(|number| number.0);
    let whole = number.filter(|lots| lots.fract().is_zero()).and_then(|lots| lots.to_i64());
    whole.filter(|lots| lots.unsigned_abs() <= limit.lots()).ok_or_else(|| {
        let name = shortened(name);
        let reason =
            format!("{name}: must be a whole number of lots, at most the limit either way");
        WireError::param("simulated_positions", reason).with_limit(limit)
    })
}

/// How margin is to be computed, in Deribit's words.
pub(crate) fn margin_model(params: &Params) -> Result<MarginMode, WireError> {
    match params.required_text("margin_model")?.as_str() {
        "segregated_sm" => Ok(MarginMode::Standard),
        "segregated_pm" => Ok(MarginMode::Portfolio),
        "cross_sm" | "cross_pm" => {
            let reason = "there is one currency, and nothing to cross";
            Err(WireError::new(ErrorCode::NotImplemented, reason).of("margin_model"))
        }
        _ => Err(WireError::param("margin_model", "must be segregated_sm or segregated_pm")),
    }
}
