//! A listed series and what has happened to it.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Instrument, Nanos, Ppm, Price, Product, Qty, Style};

use crate::command::IndexPrint;
use crate::mark::Pricing;
use crate::settlement_price::Closing;

/// Where a series is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum SeriesState {
    /// Orders are taken.
    Trading,
    /// The settlement price is fixed; sellers are not assigned yet, or there are days left to settle, or series to cascade into.
    Expired,
    /// Sellers deliver.
    Delivering,
    /// Nothing is left to do.
    Closed,
}

/// A listed series.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Series {
    /// Its terms.
    pub instrument: Instrument,
    /// Where it is in its life.
    pub state: SeriesState,
    /// When it was listed.
    pub listed_at: Nanos,
    /// The price used for margin and variation.
    pub mark: Price,
    /// What its mark is made of.
    pub pricing: Pricing,
    /// What variation settled at last.
    pub daily_price: Option<Price>,
    /// What it can settle at, seen at the instant of its last trade.
    pub closing: Option<Closing>,
    /// Fixed at expiry.
    pub settlement_price: Option<Price>,
    /// The price of the newest trade.
    pub last_trade: Option<Price>,
    /// The highest trade.
    pub high: Option<Price>,
    /// The lowest trade.
    pub low: Option<Price>,
    /// What the auction under way would do if it ended now, as it was last told.
    pub indicative: Option<(Price, Qty)>,
    /// Lots traded since listing.
    pub volume: Qty,
    /// Trades since listing.
    pub trades: u64,
    // Margin and risk arrays.
    /// How far its open interest has moved the initial rate towards the whole.
    pub scale: Ppm,
    /// The step of its delivery ladder.
    pub ladder_step: u8,
}

impl Series {
    pub(crate) fn new(instrument: Instrument, listed_at: Nanos) -> Self {
        Self {
            mark: instrument.reference,
            pricing: Pricing::new(&instrument, listed_at),
            instrument,
            state: SeriesState::Trading,
            listed_at,
            daily_price: None,
            closing: None,
            settlement_price: None,
            last_trade: None,
            high: None,
            low: None,
            indicative: None,
            volume: Qty::ZERO,
            trades: 0,
            // Margin and risk arrays.
            scale: Ppm::ZERO,
            ladder_step: 0,
        }
    }

    /// Whether the clearing house clears this kind of product.
    #[must_use]
    pub fn is_cleared(&self) -> bool {
        match self.instrument.product {
            Product::Future { .. } | Product::Option { .. } | Product::Cap { .. } => true,
            Product::Spread { .. } => false,
        }
    }

    /// Takes in what the index was until now, where that is part of what the series settles at.
    pub(crate) fn realise(&mut self, before: &IndexPrint, until: Nanos) {
        let is_cash = matches!(self.instrument.product, Product::Future { style: Style::Cash, .. });
        if let Some(value) = before.value.filter(|_| is_cash) {
            self.pricing.realised.record(&self.instrument, value, before.observed_at, until);
        }
    }

    /// Counts a trade that says nothing about the price, and returns its place among the series' trades.
    pub(crate) fn count_trade(&mut self, qty: Qty) -> u64 {
        self.volume += qty;
        self.trades = self.trades.saturating_add(1);
        self.trades
    }

    /// Takes in a trade and returns its place among the series' trades.
    pub(crate) fn record_trade(&mut self, price: Price, qty: Qty) -> u64 {
        self.last_trade = Some(price);
        self.high = Some(self.high.map_or(price, |high| high.max(price)));
        self.low = Some(self.low.map_or(price, |low| low.min(price)));
        self.count_trade(qty)
    }
}
