//! What an option's book or its newest trade says about volatility.

use instruments::Nanos;

use super::OptionState;
use crate::pricing::svi::fit::Quote;

/// A two-sided market wider than this, in volatility from mid to either side, says nothing.
const HALF_WIDTH_MAX: f64 = 0.25;

/// A trade is as good as a market so wide, as a part of its price.
const TRADE_WIDTH: f64 = 0.05;

/// The volatility that is quoted for an option, if one is. A book that is crossed by an auction quotes nothing.
pub(super) fn quote(option: &OptionState, now: Nanos, has_fresh_trade: bool) -> Option<Quote> {
    let tick = option.tick();
    let two_sided = option.bid.zip(option.ask).filter(|(bid, ask)| bid < ask);
    let of_book = two_sided.and_then(|(bid, ask)| {
        let (bid, ask) = (option.dollars(bid), option.dollars(ask));
        of_price(option, now, 0.5 * (bid + ask), 0.5 * (ask - bid))
    });
    of_book.or_else(|| {
        let price = option.dollars(option.last_trade.filter(|_| has_fresh_trade)?);
        of_price(option, now, price, (TRADE_WIDTH * price).max(tick))
    })
}

/// The volatility of a price that may be off by `half_width`, and how much it counts: the inverse square of its uncertainty.
fn of_price(option: &OptionState, now: Nanos, price: f64, half_width: f64) -> Option<Quote> {
    let european = option.european(now)?;
    let iv = european.implied_vol(price).ok()?;
    let vega = european.value(iv).ok()?.vega;
    let uncertainty = half_width.max(0.5 * option.tick()) / vega;
    let tells = uncertainty <= HALF_WIDTH_MAX && iv <= 10.0;
    // Tighter than a tenth of a percentage point is as good as that.
    tells.then(|| Quote { k: option.k(), iv, weight: (1e-3 / uncertainty.max(1e-3)).powi(2) })
}
