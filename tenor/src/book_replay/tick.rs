//! Decimal text to ticks and back. Exact or refused, never rounded.

use instruments::Price;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::value::Refused;

/// A tick has no more decimals, so a price with more lies between two.
const DECIMALS_MAX: usize = 18;

/// The smallest step of a price.
///
/// Invariant: above zero, at most nine digits and [`DECIMALS_MAX`] decimals, so that 2^63 of them are still an exact [`Decimal`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Tick(Decimal);

impl Default for Tick {
    fn default() -> Self {
        Self(Decimal::new(1, 3))
    }
}

impl Tick {
    /// Reads the JSON text of a tick: a string or a number.
    pub(super) fn parse(json: &str) -> Option<Self> {
        let tick = decimal(json, "tick").ok()?;
        let is_short = tick.mantissa() < 1_000_000_000;
        (Decimal::ZERO < tick && is_short).then_some(Self(tick))
    }

    /// Reads the JSON text of a price: a string or a number.
    pub(super) fn price(self, json: &str, field: &'static str) -> Result<Price, Refused> {
        let price = decimal(json, field)?;
        // `rem` before `div`: a quotient of many digits would be rounded.
        let rest = price.checked_rem(self.0).ok_or(Refused::PriceOutOfRange)?;
        if !rest.is_zero() {
            return Err(Refused::OffTick);
        }
        let ticks = price.checked_div(self.0).and_then(|ticks| ticks.to_i64());
        ticks.map(Price::from_ticks).ok_or(Refused::PriceOutOfRange)
    }

    /// The tick nearest to a price that need not be one, ties to the lower. Of all ticks the one closest to a price is the one closest
    /// to its nearest tick.
    pub(super) fn nearest(self, json: &str, field: &'static str) -> Result<Price, Refused> {
        let price = decimal(json, field)?;
        let rest = price.checked_rem(self.0).ok_or(Refused::PriceOutOfRange)?;
        let rest = if rest.is_sign_negative() && !rest.is_zero() { rest + self.0 } else { rest };
        let below = price - rest;
        let nearest = if self.0 < rest + rest { below + self.0 } else { below };
        let ticks = nearest.checked_div(self.0).and_then(|ticks| ticks.to_i64());
        ticks.map(Price::from_ticks).ok_or(Refused::PriceOutOfRange)
    }

    /// The shortest decimal text of a price.
    pub(super) fn text(self, price: Price) -> String {
        (Decimal::from(price.ticks()) * self.0).normalize().to_string()
    }
}

/// A decimal without an exponent, as a JSON string or as a JSON number's own text.
fn decimal(json: &str, field: &'static str) -> Result<Decimal, Refused> {
    let quoted = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let text = quoted.unwrap_or(json);
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return Err(Refused::Invalid(field));
    }
    // "1.0" and "1.00" are one price, however many zeros follow.
    let digits = fraction.trim_end_matches('0');
    if DECIMALS_MAX < digits.len() {
        return Err(Refused::OffTick);
    }
    let sign = if text == unsigned { "" } else { "-" };
    let point = if digits.is_empty() { "" } else { "." };
    let exact = Decimal::from_str_exact(&format!("{sign}{whole}{point}{digits}"));
    // With so few decimals, what does not fit is too large.
    exact.map(|decimal| decimal.normalize()).or(Err(Refused::PriceOutOfRange))
}
