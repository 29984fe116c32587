//! An account's money and positions.

use exchange::{Account, AccountSummary, Exchange, MarginMode, PositionView, Series};
use instruments::{AccountId, MicroUsd, Product};
use rust_decimal::Decimal;

use super::{CURRENCY, listing, margin, option};
use crate::wire::{Number, WireAccountSummary, WirePosition};

/// How positions move, added up: GPU-hours of futures, and of options. The value is that of all whose premium is paid at once.
#[derive(Default)]
struct Moves {
    delta: Decimal,
    options_value: Decimal,
    options_delta: Decimal,
    gamma: Decimal,
    vega: Decimal,
    theta: Decimal,
}

impl Moves {
    fn of(exchange: &Exchange, positions: &[PositionView]) -> Self {
        let mut sum = Self::default();
        for view in positions {
            let Some(series) = exchange.series_by_id(view.instrument) else { continue };
            let part = position(exchange, series, view);
            sum.delta += part.delta.0;
            if series.instrument.is_premium_style() {
                sum.options_value += part.mark_price.0 * part.size_currency.0;
            }
            if is_option(series) {
                sum.options_delta += part.delta.0;
                sum.gamma += part.gamma.unwrap_or_default().0;
                sum.vega += part.vega.unwrap_or_default().0;
                sum.theta += part.theta.unwrap_or_default().0;
            }
        }
        sum
    }
}

const fn is_option(series: &Series) -> bool {
    matches!(series.instrument.product, Product::Option { .. })
}

/// An account's money.
pub(crate) fn account_summary(
    exchange: &Exchange,
    (id, account): (AccountId, &Account),
    money: &AccountSummary,
) -> WireAccountSummary {
    let positions = exchange.positions_of(id);
    let moves = Moves::of(exchange, &positions);
    let realised: MicroUsd = positions.iter().map(|position| position.realised).sum();
    WireAccountSummary {
        currency: CURRENCY.to_owned(),
        id: id.0,
        username: account.name.clone(),
        kind: "main".to_owned(),
        equity: money.equity.into(),
        balance: money.balance.into(),
        margin_balance: (money.cash + money.order_hold + money.position_margin).into(),
        initial_margin: money.margin_initial.into(),
        maintenance_margin: money.margin_maintenance.into(),
        available_funds: money.available.into(),
        available_withdrawal_funds: money.available.min(money.cash).into(),
        session_upl: money.unrealised.into(),
        total_pl: (realised + money.unrealised).into(),
        portfolio_margining_enabled: account.margin_mode == MarginMode::Portfolio,
        margin_model: margin::margin_model(account.margin_mode).to_owned(),
        projected_initial_margin: money.margin_initial.into(),
        projected_maintenance_margin: money.margin_maintenance.into(),
        options_value: moves.options_value.into(),
        delta_total: moves.delta.into(),
        options_delta: moves.options_delta.into(),
        options_gamma: moves.gamma.into(),
        options_vega: moves.vega.into(),
        options_theta: moves.theta.into(),
        cash: money.cash.into(),
        order_hold: money.order_hold.into(),
        position_margin: money.position_margin.into(),
        delivery_escrow: money.delivery_escrow.into(),
        bond: money.bond.into(),
    }
}

/// A position.
pub(crate) fn position(exchange: &Exchange, series: &Series, view: &PositionView) -> WirePosition {
    let terms = &series.instrument;
    let lots = view.net.lots();
    let size = Decimal::from(lots);
    let hours = size * Decimal::from(terms.hours_per_lot);
    let greeks = option::greeks(exchange, series);
    let delta = match (&greeks, is_option(series)) {
        (Some(greeks), _) => hours * greeks.delta.0,
        (None, true) => Decimal::ZERO,
        (None, false) => hours,
    };
    WirePosition {
        instrument_name: terms.name.clone(),
        kind: listing::kind(terms).to_owned(),
        direction: match lots.signum() {
            1 => "buy",
            -1 => "sell",
            _ => "zero",
        }
        .to_owned(),
        size: size.into(),
        size_currency: hours.into(),
        average_price: view.average_price.unwrap_or_default().into(),
        mark_price: terms.price_to_decimal(view.mark).into(),
        index_price: exchange.index(&terms.grade).and_then(|print| print.value).map(Number::from),
        settlement_price: series.settlement_price.map(|price| terms.price_to_decimal(price).into()),
        floating_profit_loss: view.unrealised.into(),
        realized_profit_loss: view.realised.into(),
        total_profit_loss: (view.unrealised + view.realised).into(),
        initial_margin: view.margin_initial.into(),
        maintenance_margin: view.margin_maintenance.into(),
        delta: delta.into(),
        gamma: greeks.map(|greeks| (hours * greeks.gamma.0).into()),
        vega: greeks.map(|greeks| (hours * greeks.vega.0).into()),
        theta: greeks.map(|greeks| (hours * greeks.theta.0).into()),
    }
}
