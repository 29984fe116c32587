//! Prices and sizes that orders may have, and how far from the mark.

use instruments::rounding::{div_ceil, div_floor};
use instruments::{Instrument, Ppm, Price, Qty, Side};

use crate::reject::Reject;

/// How far from the mark a market order may trade.
const MARKET_PROTECTION: Ppm = Ppm::new(50_000);

pub(crate) fn check_qty(qty: Qty) -> Result<(), Reject> {
    if qty.is_zero() {
        return Err(Reject::ZeroQuantity);
    }
    if Instrument::QTY_MAX < qty {
        return Err(Reject::QtyAboveLimit { limit: Instrument::QTY_MAX });
    }
    Ok(())
}

pub(crate) fn check_price(price: Price) -> Result<Price, Reject> {
    if price <= Price::from_ticks(0) {
        return Err(Reject::PriceNotPositive);
    }
    if Instrument::PRICE_MAX < price {
        return Err(Reject::PriceAboveLimit { limit: Instrument::PRICE_MAX });
    }
    Ok(price)
}

/// The worst price of a market order: 5 % from the mark.
fn market_protection(mark: Price, side: Side) -> Price {
    away_from(mark, side, MARKET_PROTECTION)
}

/// The limit of a market order: its protection, or its ceiling where that is better.
pub(crate) fn market_limit(mark: Price, side: Side, ceiling: Option<Price>) -> Price {
    let protection = market_protection(mark, side);
    ceiling.map_or(protection, |ceiling| match side {
        Side::Buy => protection.min(ceiling),
        Side::Sell => protection.max(ceiling),
    })
}

/// The price so far from the mark, to the worse for `side`: rounded towards the mark but never onto it, and always a price.
pub(crate) fn away_from(mark: Price, side: Side, by: Ppm) -> Price {
    let (ticks, by) = (i128::from(mark.ticks()), i128::from(by.ppm()));
    let scaled = |rate: i128| ticks.saturating_mul(rate);
    let limit = match side {
        Side::Buy => {
            let high = scaled(by.saturating_add(1_000_000));
            div_floor(high, 1_000_000).max(ticks.saturating_add(1))
        }
        Side::Sell => {
            let low = scaled(1_000_000_i128.saturating_sub(by));
            div_ceil(low, 1_000_000).min(ticks.saturating_sub(1))
        }
    };
    let limit = limit.clamp(1, i128::from(Instrument::PRICE_MAX.ticks()));
    Price::from_ticks(i64::try_from(limit).unwrap_or(1))
}

/// Whether `price` is worse for its side than `limit`.
pub(crate) fn is_beyond(side: Side, price: Price, limit: Price) -> bool {
    match side {
        Side::Buy => limit < price,
        Side::Sell => price < limit,
    }
}
