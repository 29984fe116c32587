//! An account's money and positions.

use exchange::{Account, AccountSummary, Exchange, PositionView, Series};
use instruments::{AccountId, MicroUsd};
use rust_decimal::Decimal;

use super::{CURRENCY, listing};
use crate::wire::{Number, WireAccountSummary, WirePosition};

/// An account's money.
pub(crate) fn account_summary(
    id: AccountId,
    account: &Account,
    money: &AccountSummary,
    positions: &[PositionView],
) -> WireAccountSummary {
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
        portfolio_margining_enabled: false,
        margin_model: "segregated_sm".to_owned(),
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
        size_currency: (size * Decimal::from(terms.hours_per_lot)).into(),
        average_price: view.average_price.unwrap_or_default().into(),
        mark_price: terms.price_to_decimal(view.mark).into(),
        index_price: exchange.index(&terms.grade).and_then(|print| print.value).map(Number::from),
        settlement_price: series.settlement_price.map(|price| terms.price_to_decimal(price).into()),
        floating_profit_loss: view.unrealised.into(),
        realized_profit_loss: view.realised.into(),
        total_profit_loss: (view.unrealised + view.realised).into(),
        initial_margin: view.margin_initial.into(),
        maintenance_margin: view.margin_maintenance.into(),
    }
}
