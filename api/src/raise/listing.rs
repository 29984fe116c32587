//! What is listed.

use exchange::{IndexPrint, Series, SeriesState};
use instruments::{Instrument, Period, Product, Right, Style};
use settlement::FeeRates;

use super::{CURRENCY, hex, index_name};
use crate::wire::{Number, WireCurrency, WireIndexPrice, WireInstrument};

/// A series.
pub(crate) fn instrument(series: &Series) -> WireInstrument {
    let terms = &series.instrument;
    let fees = FeeRates::standard();
    let schedule = &terms.schedule;
    let (strike, option_type) = match terms.product {
        Product::Option { strike, right, .. } => {
            let right = match right {
                Right::Call => "call",
                Right::Put => "put",
            };
            (Some(terms.price_to_decimal(strike).into()), Some(right.to_owned()))
        }
        Product::Cap { strike } => {
            (Some(terms.price_to_decimal(strike).into()), Some("call".to_owned()))
        }
        Product::Future { .. } | Product::Spread { .. } => (None, None),
    };
    let is_active = series.state == SeriesState::Trading && series.is_cleared();
    WireInstrument {
        instrument_name: terms.name.clone(),
        instrument_id: terms.id.0,
        kind: kind(terms).to_owned(),
        instrument_type: "linear".to_owned(),
        base_currency: root(terms).to_owned(),
        quote_currency: CURRENCY.to_owned(),
        counter_currency: CURRENCY.to_owned(),
        settlement_currency: CURRENCY.to_owned(),
        settlement_period: period(terms).to_owned(),
        price_index: index_name(&terms.grade),
        contract_size: number(u64::from(terms.hours_per_lot)),
        min_trade_amount: number(1),
        max_trade_amount: Instrument::QTY_MAX.into(),
        tick_size: terms.tick_size_decimal().into(),
        tick_size_steps: Vec::new(),
        strike,
        option_type,
        expiration_timestamp: schedule.last_trade_at.millis(),
        creation_timestamp: series.listed_at.millis(),
        is_active,
        state: state(series).to_owned(),
        maker_commission: fees.maker.into(),
        taker_commission: fees.taker.into(),
        grade: terms.grade.to_string(),
        grade_terms: hex(&terms.grade_terms),
        settlement_style: style(terms).to_owned(),
        node_size: terms.node_size,
        hours_per_lot: terms.hours_per_lot,
        assignment_timestamp: schedule.assign_at.millis(),
        delivery_start_timestamp: schedule.deliver_from.millis(),
        delivery_end_timestamp: schedule.deliver_until.millis(),
        intervals: schedule.intervals,
    }
}

/// What stands before the currency in its name: products of one expiry day differ in it.
pub(crate) fn root(terms: &Instrument) -> &str {
    terms.name.split_once('_').map_or(terms.grade.as_str(), |(root, _)| root)
}

fn number(whole: u64) -> Number {
    Number(whole.into())
}

/// Deribit's word for the kind of product.
pub(crate) fn kind(terms: &Instrument) -> &'static str {
    match terms.product {
        Product::Future { .. } => "future",
        Product::Option { .. } | Product::Cap { .. } => "option",
        Product::Spread { .. } => "future_combo",
    }
}

pub(crate) fn state(series: &Series) -> &'static str {
    match series.state {
        SeriesState::Trading => "open",
        SeriesState::Expired | SeriesState::Delivering | SeriesState::Closed => "closed",
    }
}

fn period(terms: &Instrument) -> &'static str {
    match terms.product {
        Product::Future { period, .. } => match period {
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
            Period::Quarter => "quarter",
            Period::Year => "year",
        },
        Product::Option { .. } | Product::Cap { .. } | Product::Spread { .. } => "month",
    }
}

fn style(terms: &Instrument) -> &'static str {
    match terms.product {
        Product::Future { style: Style::Physical, .. } => "physical",
        Product::Future { style: Style::Cash, .. } | Product::Cap { .. } => "cash",
        // An option becomes a future, a spread two.
        Product::Option { .. } | Product::Spread { .. } => "future",
    }
}

/// The one currency.
pub(crate) fn currency() -> WireCurrency {
    WireCurrency {
        currency: CURRENCY.to_owned(),
        currency_long: "USD Coin".to_owned(),
        coin_type: CURRENCY.to_owned(),
        fee_precision: 6,
        decimals: 6,
    }
}

/// What is traded, as a currency: Deribit's word for what stands before the settlement currency in a name.
pub(crate) fn traded(root: &str) -> WireCurrency {
    WireCurrency {
        currency: root.to_owned(),
        currency_long: format!("GPU-hours of {root}"),
        coin_type: root.to_owned(),
        fee_precision: 0,
        decimals: 0,
    }
}

/// A print of the index; `None` while it is withheld.
pub(crate) fn index_price(print: &IndexPrint) -> Option<WireIndexPrice> {
    let value = Number::from(print.value?);
    Some(WireIndexPrice {
        index_price: value,
        estimated_delivery_price: value,
        timestamp: print.observed_at.millis(),
        state: index_state(print.state),
        confidence: print.conf.into(),
    })
}

fn index_state(state: oracle::State) -> String {
    match state {
        oracle::State::Ok => "ok".to_owned(),
        oracle::State::LowConf => "low_conf".to_owned(),
        oracle::State::Unconfirmed => "unconfirmed".to_owned(),
        oracle::State::Fallback(rung) => format!("fallback_{rung}"),
        oracle::State::Withheld(_) => "withheld".to_owned(),
    }
}
