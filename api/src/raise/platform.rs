//! What the venue lets through, for everybody.

use exchange::TradingState;
use instruments::Nanos;

use super::state_word;
use crate::venue::Venue;
use crate::wire::{WirePlatformState, WireStatus, WireStoppedSeries};

/// The word for the whole venue: the strictest of all, or that it is about to end.
fn word(venue: &Venue, state: TradingState) -> &'static str {
    if venue.is_draining() { "draining" } else { state_word(state) }
}

/// The message of channel `platform_state`.
pub(crate) fn platform_state(venue: &Venue, at: Nanos) -> WirePlatformState {
    let exchange = venue.exchange();
    let controls = exchange.controls();
    let everywhere = controls.everywhere();
    WirePlatformState {
        locked: TradingState::PostOnly < everywhere,
        maintenance: everywhere != TradingState::Open || venue.is_draining(),
        state: word(venue, everywhere),
        venue: state_word(controls.venue),
        restart: state_word(controls.restart),
        timestamp: at.millis(),
    }
}

/// The answer of `public/status`.
pub(crate) fn status(venue: &Venue) -> WireStatus {
    let exchange = venue.exchange();
    let controls = exchange.controls();
    let everywhere = controls.everywhere();
    let stopped = controls.series.iter().filter_map(|(id, state)| {
        let instrument_name = exchange.series_by_id(*id)?.instrument.name.clone();
        Some(WireStoppedSeries { instrument_name, state: state_word(*state) })
    });
    let is_locked = venue.has_failed() || TradingState::PostOnly < everywhere;
    let is_partly = everywhere != TradingState::Open || !controls.series.is_empty();
    let locked = match (is_locked, is_partly) {
        (true, _) => "true",
        (false, true) => "partial",
        (false, false) => "false",
    };
    WireStatus {
        locked,
        locked_indices: [],
        state: if venue.has_failed() { "failed" } else { word(venue, everywhere) },
        venue: state_word(controls.venue),
        restart: state_word(controls.restart),
        series: stopped.collect(),
    }
}
