//! A chart channel: the candles that have changed since the client was told of them.

use std::collections::BTreeSet;

use exchange::Event;
use instruments::Instrument;
use serde_json::value::RawValue;

use crate::gateway::Gateway;
use crate::lower::Resolution;
use crate::methods;
use crate::venue::Published;
use crate::wire::to_result;

/// Candles that may wait for a slow client before it is told the newest only.
const WAITING_MAX: usize = 1_000;

/// Numbers of candles that wait, oldest first.
pub(super) struct ChartFeed(BTreeSet<u64>);

impl ChartFeed {
    /// The newest candle comes first, where there is one.
    pub(super) fn begin(gateway: &Gateway, terms: &Instrument, resolution: Resolution) -> Self {
        Self(methods::newest_candle(gateway, terms, resolution).into_iter().collect())
    }

    pub(super) fn is_pending(&self) -> bool {
        !self.0.is_empty()
    }

    pub(super) fn note(
        &mut self,
        (terms, resolution): (&Instrument, Resolution),
        published: &Published,
    ) {
        let is_trade =
            |event: &Event| matches!(event, Event::Traded(it) if it.instrument == terms.id);
        if published.events.iter().any(is_trade) {
            self.0.insert(published.at.millis().div_euclid(resolution.millis()));
        }
        if WAITING_MAX < self.0.len() {
            self.0 = self.0.last().copied().into_iter().collect();
        }
    }

    /// The next candle, as it is now.
    pub(super) fn message(
        &mut self,
        gateway: &Gateway,
        (terms, resolution): (&Instrument, Resolution),
    ) -> Option<Box<RawValue>> {
        let number = self.0.pop_first()?;
        methods::candle(gateway, terms, resolution, number).map(|candle| to_result(&candle))
    }
}
