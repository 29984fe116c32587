//! `tenor option`: one option's price and derivatives by Black's formula, or its volatility from a price.
//!
//! All arithmetic is in `api::pricing`; this file reads and writes.

#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::Path;

use api::pricing::{European, PricingError, Terms, Value as Priced};
use instruments::Right;
use serde::{Deserialize, Serialize};

use crate::figures::{self, Given, InputError, needed, number, wrong};

/// The formats of `tenor option`, shown by its `--help`.
pub(crate) const HELP: &str = r#"In, one JSON object; every number may be a string, with the same result. Fields that are not named here are refused.
  {"F":"2.5","K":"2.6","T":"0.25","sigma":"0.55","r":"0","type":"C"}
  F      price of the future, 1e-12 to 1e12                        K  strike, in the same unit, 1e-12 to 1e12
  T      years of 365 days to expiry, 0 to 1000                    r  rate, continuously compounded, -0.5 to 0.5; 0 when absent
  sigma  volatility, 0.55 = 55 % a year, 0 to 1000; or, in its place, price: what the option costs now, for its volatility
  type   C call | P put

Out with --json, every digit there is:
  {"price":..,"delta":..,"gamma":..,"vega":..,"theta":..,"rho":..}     with price in, also "iv" and the figures at it
  vega is per 1 of sigma, theta per year, rho per 1 of r at a fixed F."#;

/// Why there is no value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OptionError {
    /// The file.
    #[error(transparent)]
    Input(#[from] InputError),
    /// What it asks for.
    #[error(transparent)]
    Pricing(#[from] PricingError),
    /// So close to the strike, with so little time or volatility left, that a derivative has no number.
    #[error("{figure}: beyond every number there is, because sigma x sqrt(T) is too small")]
    Overflow {
        /// Which.
        figure: &'static str,
    },
    /// The output failed.
    #[error("cannot write the value")]
    Write(#[source] io::Error),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    #[serde(rename = "F")]
    forward: Given,
    #[serde(rename = "K")]
    strike: Given,
    #[serde(rename = "T")]
    years: Given,
    sigma: Given,
    price: Given,
    r: Given,
    #[serde(rename = "type")]
    kind: Given,
}

/// One line of JSON.
#[derive(Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    iv: Option<f64>,
    price: f64,
    delta: f64,
    gamma: f64,
    vega: f64,
    theta: f64,
    rho: f64,
}

/// Reads an option from `file` and writes what it is worth to `out`.
///
/// # Errors
/// [`OptionError`], with the field and its limits.
pub(crate) fn run(file: &Path, json: bool, out: &mut impl Write) -> Result<(), OptionError> {
    let text = figures::read(file)?;
    of_text(&text, json, out)
}

fn of_text(text: &str, json: bool, out: &mut impl Write) -> Result<(), OptionError> {
    let question: Question = figures::parse(text, "an option {\"F\":..,\"K\":..}")?;
    let answer = question.answer()?;
    let written = if json { answer.write_json(out) } else { answer.write_table(out) };
    written.map_err(OptionError::Write)
}

impl Question {
    fn answer(&self) -> Result<Answer, OptionError> {
        let right = match figures::text("type", &self.kind)?.as_str() {
            "C" => Right::Call,
            "P" => Right::Put,
            other => return Err(wrong("type", &format!("{other:?}"), "\"C\" or \"P\"").into()),
        };
        let option = European::new(Terms {
            right,
            forward: needed("F", &self.forward)?,
            strike: needed("K", &self.strike)?,
            years: needed("T", &self.years)?,
            rate: self.r.as_ref().map_or(Ok(0.0), |given| number("r", given))?,
        })?;
        let (iv, sigma) = match (&self.sigma, &self.price) {
            (Some(sigma), None) => (None, number("sigma", sigma)?),
            (None, Some(price)) => {
                let sigma = option.implied_vol(number("price", price)?)?;
                (Some(sigma), sigma)
            }
            (None, None) => {
                return Err(InputError::Missing { field: "sigma or price".to_owned() }.into());
            }
            (Some(_), Some(_)) => {
                let reason = "either sigma or price, not both";
                return Err(InputError::Unwanted { field: "price".to_owned(), reason }.into());
            }
        };
        let Priced { price, delta, gamma, vega, theta, rho } = option.value(sigma)?;
        let answer = Answer { iv, price, delta, gamma, vega, theta, rho };
        match answer.figures().into_iter().find(|(_, figure)| !figure.is_finite()) {
            Some((figure, _)) => Err(OptionError::Overflow { figure }),
            None => Ok(answer),
        }
    }
}

impl Answer {
    fn figures(&self) -> [(&'static str, f64); 6] {
        [
            ("price", self.price),
            ("delta", self.delta),
            ("gamma", self.gamma),
            ("vega", self.vega),
            ("theta", self.theta),
            ("rho", self.rho),
        ]
    }

    fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", serde_json::to_string(self)?)
    }

    fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        if let Some(iv) = self.iv {
            writeln!(out, "{:<8}{iv}", "iv")?;
        }
        for (name, figure) in self.figures() {
            writeln!(out, "{name:<8}{figure}")?;
        }
        Ok(())
    }
}
