//! Quotes as a test writes them: a price per provider, a tick every half-hour.

use instruments::{MicroUsd, Nanos, NanosSpan};
use oracle::{Index, Observation, Params, Print, ProviderId};

pub(crate) const HALF_HOUR: NanosSpan = NanosSpan::from_seconds(1_800);
pub(crate) const TICKS_PER_DAY: usize = 48;

/// An index, its time, and what every provider asks in micro-dollars; `None` asks nothing.
#[derive(Clone)]
pub(crate) struct Quotes {
    pub(crate) index: Index,
    pub(crate) now: Nanos,
    pub(crate) prices: Vec<Option<i64>>,
    pub(crate) configs: u32,
}

impl Quotes {
    pub(crate) fn of(prices: &[i64]) -> Self {
        let prices = prices.iter().copied().map(Some).collect();
        let index = Index::new(Params::default());
        Self { index, now: Nanos::from_seconds(1_800_000_000), prices, configs: 1 }
    }

    pub(crate) fn observations(&self) -> Vec<Observation> {
        let observed = |(provider, price): (usize, &Option<i64>)| {
            let provider = ProviderId::new(&format!("provider-{provider}")).expect("a name");
            let price = MicroUsd::new((*price)?);
            Some(Observation::new(self.now, provider, price, self.configs).expect("a price"))
        };
        self.prices.iter().enumerate().filter_map(observed).collect()
    }

    pub(crate) fn tick(&mut self) -> Print {
        let print = self.index.tick(self.now, &self.observations());
        self.now = self.now + HALF_HOUR;
        print
    }

    /// The prints of so many ticks in which nobody changes anything.
    pub(crate) fn ticks(&mut self, count: usize) -> Vec<Print> {
        (0..count).map(|_| self.tick()).collect()
    }
}

pub(crate) fn micros(print: &Print) -> i64 {
    print.value.expect("a value").micros()
}

/// The largest move between consecutive values, in millionths of the earlier.
pub(crate) fn worst_step(prints: &[Print]) -> i64 {
    let values: Vec<i64> = prints.iter().map(micros).collect();
    values.windows(2).map(|pair| moved(pair[0], pair[1])).max().unwrap_or(0)
}

pub(crate) fn moved(from: i64, to: i64) -> i64 {
    let moved = i128::from(to.abs_diff(from)) * 1_000_000 / i128::from(from);
    i64::try_from(moved).expect("a move")
}
