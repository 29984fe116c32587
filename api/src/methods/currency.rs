//! Which series a request means by a currency. Deribit's clients name what a series is settled in, `USDC`, or what is traded, `H100`.

use std::collections::BTreeSet;

use exchange::Exchange;
use instruments::Instrument;

use crate::raise;
use crate::wire::{Params, WireCurrency, WireError};

/// The longest name of a currency, as of what is traded.
const NAME_LEN_MAX: usize = 16;

/// Series of one currency, or all of them.
pub(super) struct OfCurrency(Option<String>);

impl OfCurrency {
    pub(super) fn of(params: &Params) -> Result<Self, WireError> {
        let name = params.text("currency")?;
        let is_code = |name: &str| {
            !name.is_empty()
                && name.len() <= NAME_LEN_MAX
                && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        };
        match name.as_deref() {
            None | Some("any" | raise::CURRENCY) => Ok(Self(None)),
            Some(other) if is_code(other) => Ok(Self(name)),
            Some(_) => Err(WireError::param("currency", "must be USDC, any, or what is traded")),
        }
    }

    /// Whether it lets every series through.
    pub(super) const fn is_all(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn lets_through(&self, terms: &Instrument) -> bool {
        self.0.as_deref().is_none_or(|name| name == raise::root(terms))
    }

    /// Whether no series is of it. Stock clients ask for every currency that they know: of Bitcoin an account has nothing here.
    pub(super) fn is_nowhere(&self, exchange: &Exchange) -> bool {
        self.0.is_some() && !exchange.series().any(|series| self.lets_through(&series.instrument))
    }
}

/// The currency of all money, then what is traded: clients find tickers by it.
pub(super) fn currencies(exchange: &Exchange) -> Vec<WireCurrency> {
    let roots: BTreeSet<&str> =
        exchange.series().map(|series| raise::root(&series.instrument)).collect();
    std::iter::once(raise::currency()).chain(roots.into_iter().map(raise::traded)).collect()
}
