//! The circuit breaker: how far prices may run within a rolling window.

use instruments::{Nanos, Price};

use crate::terms::Breaker;

pub(crate) const BUCKETS: u64 = 60;

/// The lowest and the highest trade of a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// Which stretch: time divided by its length.
    pub(crate) number: u64,
    pub(crate) low: i64,
    pub(crate) high: i64,
}

/// The trades of the window, a sixtieth of it at a time, and what they allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) terms: Breaker,
    /// Where prices start from when nothing has traded within the window.
    pub(crate) anchor: i64,
    /// Oldest first, at most sixty of them.
    pub(crate) buckets: Vec<Bucket>,
    low: i64,
    high: i64,
}

impl Window {
    pub(crate) fn new(terms: Breaker, anchor: Price) -> Self {
        let buckets = Vec::with_capacity(64);
        let mut window = Self { terms, anchor: anchor.ticks(), buckets, low: 0, high: 0 };
        window.limit();
        window
    }

    /// The lowest and the highest price at which a trade may happen.
    pub(crate) const fn limits(&self) -> (i64, i64) {
        (self.low, self.high)
    }

    /// What the limits will be once what is older than the window is forgotten.
    pub(crate) fn limits_at(&self, now: Nanos) -> (i64, i64) {
        self.limits_from(self.oldest(now))
    }

    /// Forgets what is older than the window.
    pub(crate) fn advance(&mut self, now: Nanos) {
        let oldest = self.oldest(now);
        if self.buckets.first().is_some_and(|bucket| bucket.number < oldest) {
            self.buckets.retain(|bucket| oldest <= bucket.number);
            self.limit();
        }
    }

    /// A taker has traded from one price to another.
    pub(crate) fn record(&mut self, now: Nanos, first: Price, last: Price) {
        self.advance(now);
        let (low, high) = (first.min(last).ticks(), first.max(last).ticks());
        let number = self.number(now);
        self.anchor = last.ticks();
        match self.buckets.last_mut() {
            Some(bucket) if number <= bucket.number => {
                bucket.low = bucket.low.min(low);
                bucket.high = bucket.high.max(high);
            }
            Some(_) | None => self.buckets.push(Bucket { number, low, high }),
        }
        self.limit();
    }

    /// An auction has found a price: prices start from there.
    pub(crate) fn restart(&mut self, price: Price) {
        self.anchor = price.ticks();
        self.buckets.clear();
        self.limit();
    }

    pub(crate) fn limit(&mut self) {
        (self.low, self.high) = self.limits_from(0);
    }

    fn limits_from(&self, oldest: u64) -> (i64, i64) {
        let counted = || self.buckets.iter().filter(|bucket| oldest <= bucket.number);
        let lowest = counted().map(|bucket| bucket.low).min().unwrap_or(self.anchor);
        let highest = counted().map(|bucket| bucket.high).max().unwrap_or(self.anchor);
        let width = self.terms.width;
        (highest.saturating_sub_unsigned(width), lowest.saturating_add_unsigned(width))
    }

    /// The oldest stretch that still counts.
    fn oldest(&self, now: Nanos) -> u64 {
        self.number(now).saturating_sub(BUCKETS.saturating_sub(1))
    }

    /// The stretch of time in which `now` lies.
    pub(crate) fn number(&self, now: Nanos) -> u64 {
        let length = (self.terms.window.nanos() / BUCKETS).max(1);
        now.nanos().checked_div(length).unwrap_or(0)
    }
}
