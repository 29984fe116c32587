//! A chart channel: the candles that have changed since they were told.

use std::collections::BTreeSet;

use exchange::Event;
use instruments::Instrument;
use serde_json::value::RawValue;

use crate::gateway::Gateway;
use crate::lower::Resolution;
use crate::methods;
use crate::venue::Published;
use crate::wire::to_result;

/// Candles that may change between two messages before only the newest is told.
const WAITING_MAX: usize = 1_000;

/// What has been told of a chart.
pub(super) struct ChartFeed {
    /// Numbers of candles that wait, oldest first.
    waiting: BTreeSet<u64>,
    /// The candle that was told last.
    told: Option<Box<RawValue>>,
}

impl ChartFeed {
    /// The newest candle comes first, where there is one.
    pub(super) fn begin(gateway: &Gateway, terms: &Instrument, resolution: Resolution) -> Self {
        let waiting = methods::newest_candle(gateway, terms, resolution).into_iter().collect();
        Self { waiting, told: None }
    }

    /// Candles may have been missed: the newest comes next.
    pub(super) fn resynchronise(
        &mut self,
        gateway: &Gateway,
        terms: &Instrument,
        resolution: Resolution,
    ) {
        self.waiting = methods::newest_candle(gateway, terms, resolution).into_iter().collect();
    }

    pub(super) fn note(
        &mut self,
        (terms, resolution): (&Instrument, Resolution),
        published: &Published,
    ) {
        let is_trade =
            |event: &Event| matches!(event, Event::Traded(it) if it.instrument == terms.id);
        if published.events.iter().any(is_trade) {
            self.waiting.insert(published.at.millis().div_euclid(resolution.millis()));
        }
        if WAITING_MAX < self.waiting.len() {
            self.waiting = self.waiting.last().copied().into_iter().collect();
        }
    }

    /// The next candle, as it is now.
    pub(super) fn message(
        &mut self,
        gateway: &Gateway,
        (terms, resolution): (&Instrument, Resolution),
    ) -> Option<Box<RawValue>> {
        let number = self.waiting.pop_first()?;
        let candle = methods::candle(gateway, terms, resolution, number)?;
        self.told = Some(to_result(&candle));
        self.told.clone()
    }

    /// The candle that was told last.
    pub(super) fn whole(&self) -> Option<Box<RawValue>> {
        self.told.clone()
    }
}
