//! Standard margin: a rate of what the worst side is worth at the mark.
//!
//! Pure arithmetic: whether an account has the money is the caller's question to the ledger.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::div_ceil;
use instruments::{Instrument, MicroUsd, NetQty, Ppm, Price, Qty};

/// How much of a position's value must be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MarginRates {
    /// To open it.
    pub initial: Ppm,
    /// To keep it.
    pub maintenance: Ppm,
}

impl MarginRates {
    /// 20 % and 12.5 %: four to five days of a bad month at the volatilities compute has shown.
    #[must_use]
    pub const fn standard() -> Self {
        Self { initial: Ppm::new(200_000), maintenance: Ppm::new(125_000) }
    }
}

/// An account's open orders in one series, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OpenOrders {
    /// Lots of all buy orders.
    pub buys: Qty,
    /// Lots of all sell orders.
    pub sells: Qty,
    /// What fills at the limits would lose against the mark at acceptance, with the taker fee.
    pub reserve: MicroUsd,
}

/// What must be held for a position and its open orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Requirement {
    /// For the position.
    pub position: MicroUsd,
    /// For the open orders beyond it, reserves included.
    pub orders: MicroUsd,
    /// Below this equity the account is liquidated.
    pub maintenance: MicroUsd,
}

/// What must be held. `None` when it does not fit into the ledger.
///
/// The position counts with the larger of two sides: all buys filled, or all sells filled. So an order that can only reduce a position
/// needs nothing.
#[must_use]
pub fn requirement(
    instrument: &Instrument,
    rates: &MarginRates,
    net: NetQty,
    open: &OpenOrders,
    mark: Price,
) -> Option<Requirement> {
    let net = i128::from(net.lots());
    let if_bought = net.checked_add(i128::from(open.buys.lots()))?;
    let if_sold = i128::from(open.sells.lots()).checked_sub(net)?;
    let worst = if_bought.max(if_sold);
    let held = i128::try_from(net.unsigned_abs()).ok()?;

    let per_lot = i128::from(mark.ticks().unsigned_abs())
        .checked_mul(i128::from(instrument.tick_value().micros()))?;
    let position = rate_of(rates.initial, per_lot, held)?;
    let with_orders = rate_of(rates.initial, per_lot, worst)?;
    Some(Requirement {
        position,
        orders: (with_orders - position).checked_add(open.reserve)?,
        maintenance: rate_of(rates.maintenance, per_lot, held)?,
    })
}

/// Rounded up once, over the whole: two halves of a position never need less than the whole.
fn rate_of(rate: Ppm, per_lot: i128, lots: i128) -> Option<MicroUsd> {
    let value = per_lot.checked_mul(lots)?;
    let product = value.checked_mul(i128::from(rate.ppm()))?;
    MicroUsd::from_i128(div_ceil(product, i128::from(Ppm::ONE.ppm())))
}
