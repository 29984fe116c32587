//! What is said of an option beside its price: volatilities in percent, as Deribit has them, greeks a GPU-hour, its underlying.

use exchange::{Exchange, Series};
use instruments::{Price, Product};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

use crate::pricing::{European, Terms};
use crate::wire::{Number, WireGreeks};

/// Seconds of the year that volatilities are per.
const YEAR_SECONDS: f64 = 365.0 * 86_400.0;

/// What a ticker says of an option.
#[derive(Default)]
pub(crate) struct OptionTicker {
    pub(crate) mark_iv: Option<Number>,
    pub(crate) bid_iv: Option<Number>,
    pub(crate) ask_iv: Option<Number>,
    pub(crate) greeks: Option<WireGreeks>,
    pub(crate) underlying_price: Option<Number>,
    pub(crate) underlying_index: Option<String>,
    pub(crate) interest_rate: Option<Number>,
}

fn millionths(of: i64) -> Number {
    Number(Decimal::new(of, 6))
}

/// The greeks of a GPU-hour, as they were published.
pub(crate) fn greeks(exchange: &Exchange, series: &Series) -> Option<WireGreeks> {
    let greeks = exchange.option_risk(series.instrument.id)?.greeks;
    Some(WireGreeks {
        delta: millionths(greeks.delta),
        gamma: millionths(greeks.gamma),
        vega: millionths(greeks.vega),
        theta: millionths(greeks.theta),
        rho: Number::default(),
    })
}

/// Everything a ticker says of an option; nothing of what is none.
pub(crate) fn option_ticker(
    exchange: &Exchange,
    series: &Series,
    (bid, ask): (Option<Price>, Option<Price>),
) -> OptionTicker {
    let Product::Option { underlying, .. } = series.instrument.product else {
        return OptionTicker::default();
    };
    let Some(future) = exchange.series_by_id(underlying) else { return OptionTicker::default() };
    let terms = &future.instrument;
    let iv = |price: Option<Price>| implied_percent(exchange, series, future, price?);
    OptionTicker {
        // Millionths to percent.
        mark_iv: exchange
            .option_risk(series.instrument.id)
            .map(|risk| Number(Decimal::new(risk.iv.ppm(), 4))),
        bid_iv: iv(bid),
        ask_iv: iv(ask),
        greeks: greeks(exchange, series),
        underlying_price: Some(terms.price_to_decimal(future.mark).into()),
        underlying_index: Some(terms.name.clone()),
        interest_rate: Some(Number::default()),
    }
}

/// The volatility at which an option is worth `price`, in percent to two digits; `None` where there is none.
fn implied_percent(
    exchange: &Exchange,
    option: &Series,
    future: &Series,
    price: Price,
) -> Option<Number> {
    let terms = &option.instrument;
    let Product::Option { strike, right, .. } = terms.product else { return None };
    let dollars = |price: Price| terms.price_to_decimal(price).to_f64();
    let left = terms.schedule.last_trade_at.since(exchange.now());
    let forward = future.instrument.price_to_decimal(future.mark).to_f64()?;
    let years = left.nanos() as f64 / 1e9 / YEAR_SECONDS;
    let european =
        European::new(Terms { right, forward, strike: dollars(strike)?, years, rate: 0.0 }).ok()?;
    let iv = european.implied_vol(dollars(price)?).ok()?;
    Decimal::from_f64(100.0 * iv).map(|percent| Number(percent.round_dp(2)))
}
