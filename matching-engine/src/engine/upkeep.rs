//! What whoever owns an engine asks and tells it between commands.

use instruments::{InstrumentId, Nanos, OrderId, Price};

use super::{Engine, desk};
use crate::book::Desk;
use crate::event::BookEvent;
use crate::order::PriceSource;
use crate::slab::flag;

impl Engine {
    /// The first instant at which [`Engine::advance`] has something to do.
    #[must_use]
    pub fn next_due(&self) -> Option<Nanos> {
        let expiry = self.slab.expiries.first().map(|((at, _), _)| at);
        let timer = self.timers.first().map(|((at, _), _)| at);
        expiry.into_iter().chain(timer).min().map(Nanos::new)
    }

    /// Whether an order would find slots and an arrival number. Orders that only get smaller need neither.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.slab.has_room(3)
    }

    /// Forgets a mark or an index price: nobody publishes it, so no order is to fire on it.
    pub fn withhold_price(&mut self, book: InstrumentId, source: PriceSource) {
        let place = super::place_of(book).unwrap_or(usize::MAX);
        if let Some(Some(entry)) = self.books.get_mut(place) {
            match source {
                PriceSource::Last => {}
                PriceSource::Mark => entry.mark = None,
                PriceSource::Index => entry.index = None,
            }
        }
    }

    /// From now on no instant ends an auction that is under way; only [`Engine::release_auction`] and [`Engine::uncross`] do.
    pub fn hold_auction(&mut self, book: InstrumentId) {
        let place = super::place_of(book).unwrap_or(usize::MAX);
        if let Some(Some(entry)) = self.books.get_mut(place) {
            let out = &mut Vec::new();
            entry.hold_auction(&mut desk!(self, out));
        }
    }

    /// An auction that was held takes its whole length again, from now on.
    pub fn release_auction(&mut self, book: InstrumentId, out: &mut Vec<BookEvent>) {
        let place = super::place_of(book).unwrap_or(usize::MAX);
        if let Some(Some(entry)) = self.books.get_mut(place) {
            entry.release_auction(&mut desk!(self, out));
        }
    }

    /// Gives an order that waits with a ceiling another one, which must not be better than its limit. Says no to every other order.
    pub fn set_ceiling(&mut self, id: OrderId, ceiling: Price) -> bool {
        let Some((slot, _)) = self.find(id) else { return false };
        if !self.slab.node(slot).has(flag::WAITING) {
            return false;
        }
        let cold = self.slab.cold_mut(slot);
        if cold.ceiling.is_none() {
            return false;
        }
        cold.ceiling = Some(ceiling);
        true
    }
}
