//! What margin is computed from, and what it comes to.

use exchange::{Account, Exchange, GradeMargin, MarginMode, Series, Simulated};
use instruments::{AccountId, InstrumentId, MicroUsd, Ppm, Product, Qty};
use rust_decimal::Decimal;
use settlement::{MarginRates, RiskParameters};

use super::{CURRENCY, listing};
use crate::wire::{
    Number, WireMargin, WireMarginRates, WireModelState, WirePortfolio, WireRisk, WireRiskArray,
    WireRiskParameters, WireSimulated,
};

/// Deribit's word for how an account's margin is computed. Nobody's balance in one currency pays for another: there is one.
pub(crate) const fn margin_model(mode: MarginMode) -> &'static str {
    match mode {
        MarginMode::Standard => "segregated_sm",
        MarginMode::Portfolio => "segregated_pm",
    }
}

/// Everything that a grade's margin is computed from: of one series, or of all.
pub(crate) fn risk(
    exchange: &Exchange,
    margin: &GradeMargin,
    only: Option<InstrumentId>,
) -> WireRisk {
    let arrays = exchange
        .series()
        .filter(|series| series.instrument.grade == margin.grade && series.is_cleared())
        .filter(|series| series.state == exchange::SeriesState::Trading)
        .filter(|series| only.is_none_or(|only| only == series.instrument.id));
    WireRisk {
        grade: margin.grade.to_string(),
        change_id: exchange.last_seq().0,
        timestamp: exchange.now().millis(),
        lanes: lanes(&margin.parameters),
        parameters: parameters(&margin.parameters),
        rates: rates(&margin.rates),
        deliverable: margin.deliverable().lots(),
        arrays: arrays.filter_map(|series| array(exchange, margin, series)).collect(),
    }
}

/// What each number of an array stands for.
fn lanes(parameters: &RiskParameters) -> Vec<String> {
    let standard = (-4..=4_i32).flat_map(|step| {
        ["vol down", "vol same", "vol up"].map(|vol| format!("{step}/4 of the range, {vol}"))
    });
    let extended = parameters.extended_moves.map(|share| format!("{} far", Number::from(share)));
    standard.chain(extended).chain(["delta".to_owned()]).collect()
}

fn parameters(of: &RiskParameters) -> WireRiskParameters {
    WireRiskParameters {
        price_range: of.price_range.into(),
        vol_up: of.vol_up.into(),
        vol_down: of.vol_down.into(),
        min_vol_for_up: of.vol_up_floor.into(),
        short_term_power: of.power_near.into(),
        long_term_power: of.power_far.into(),
        extended_moves: of.extended_moves.map(Number::from).to_vec(),
        roll_rate: of.roll_rate.into(),
        delta_contingency: of.contingency_rate.into(),
        delta_contingency_from: of.contingency_from.micros(),
        mm_factor: of.maintenance.into(),
        short_option_min_rate: of.short_option_minimum.into(),
    }
}

fn rates(of: &MarginRates) -> WireMarginRates {
    WireMarginRates {
        initial: of.initial.into(),
        maintenance: of.maintenance.into(),
        size_slope: of.size_slope.into(),
        scale_from: of.scale_from.into(),
        scale_to: of.scale_to.into(),
        option_at_money: of.option.at_money.into(),
        option_least: of.option.least.into(),
        option_maintenance: of.option.maintenance.into(),
        deliver_sell: of.deliver_sell.into(),
        deliver_buy: of.deliver_buy.into(),
        ladder: of.ladder.map(Number::from).to_vec(),
    }
}

/// One series; `None` for what has no margin. A cap has no array: no scenario covers the hours of an index.
fn array(exchange: &Exchange, margin: &GradeMargin, series: &Series) -> Option<WireRiskArray> {
    let terms = &series.instrument;
    let expiry = match terms.product {
        Product::Option { underlying, .. } => exchange.series_by_id(underlying)?,
        Product::Future { .. } | Product::Cap { .. } => series,
        Product::Spread { .. } => return None,
    };
    let is_option = expiry.instrument.id != terms.id;
    let rate = if is_option { margin.parameters.short_option_minimum } else { Ppm::ZERO };
    let value = expiry.instrument.notional(expiry.mark, Qty::from_lots(1)).unwrap_or_default();
    let array = exchange.risk_array(terms.id).map(|array| array.lanes().to_vec());
    Some(WireRiskArray {
        instrument_name: terms.name.clone(),
        kind: listing::kind(terms).to_owned(),
        expiry: expiry.instrument.name.clone(),
        mark_price: terms.price_to_decimal(series.mark).into(),
        contract_size: Number(terms.hours_per_lot.into()),
        array,
        underlying_value: exchange.cap_underlying(terms).map(MicroUsd::micros),
        short_option_minimum: rate.of_ceil(value).micros(),
        scale: series.scale.into(),
        ladder_step: series.ladder_step,
    })
}

fn together(margins: &[(MicroUsd, MicroUsd)]) -> WireMargin {
    let sum = |of: fn(&(MicroUsd, MicroUsd)) -> MicroUsd| {
        let sum: Decimal = margins.iter().map(|part| Decimal::from(of(part).micros())).sum();
        Number(sum / Decimal::from(1_000_000))
    };
    WireMargin { initial_margin: sum(|part| part.0), maintenance_margin: sum(|part| part.1) }
}

/// What an account would require, in both ways.
pub(crate) fn simulated(
    exchange: &Exchange,
    (id, account): (AccountId, &Account),
    found: &Simulated,
) -> WireSimulated {
    let standard = (found.standard.position + found.standard.orders, found.standard.maintenance);
    let more = (found.surcharge.position + found.surcharge.orders, found.surcharge.maintenance);
    let parts = found.portfolios.iter().map(|(_, part)| (part.total(), part.maintenance));
    let all: Vec<(MicroUsd, MicroUsd)> = parts.chain([more]).collect();
    let (segregated_sm, segregated_pm) = (together(&[standard]), together(&all));
    let own = match account.margin_mode {
        MarginMode::Standard => segregated_sm.clone(),
        MarginMode::Portfolio => segregated_pm.clone(),
    };
    let portfolios = found.portfolios.iter().map(|(grade, part)| WirePortfolio {
        grade: grade.to_string(),
        scan: part.scan.into(),
        roll: part.roll.into(),
        delta_contingency: part.contingency.into(),
        short_option_minimum: part.short_option_minimum.into(),
        initial_margin: part.initial.into(),
        maintenance_margin: part.maintenance.into(),
        open_orders: part.orders.into(),
    });
    let equity = exchange.account_summary(id).map(|summary| summary.equity);
    WireSimulated {
        currency: CURRENCY.to_owned(),
        margin_model: margin_model(account.margin_mode).to_owned(),
        initial_margin: own.initial_margin,
        maintenance_margin: own.maintenance_margin,
        equity: equity.unwrap_or_default().into(),
        segregated_sm,
        segregated_pm,
        portfolios: portfolios.collect(),
        surcharge: together(&[more]),
    }
}

/// What the account requires, computed in one way.
pub(crate) fn model_state(of: &WireSimulated, mode: MarginMode) -> WireModelState {
    let margin = match mode {
        MarginMode::Standard => &of.segregated_sm,
        MarginMode::Portfolio => &of.segregated_pm,
    };
    WireModelState {
        margin_model: margin_model(mode).to_owned(),
        initial_margin: margin.initial_margin,
        maintenance_margin: margin.maintenance_margin,
    }
}
