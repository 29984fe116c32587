//! What every session and every HTTP request shares.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::value::RawValue;

use crate::auth::Authority;
use crate::channels::Hub;
use crate::methods::{Answer, Method};
use crate::venue::Venue;
use crate::wire::{Stamp, reply_text};
use instruments::Nanos;

/// The venue and who may use it.
pub(crate) struct Gateway {
    pub(crate) venue: Venue,
    pub(crate) authority: Authority,
    pub(crate) testnet: bool,
    pub(crate) hub: Hub,
    sessions: AtomicU64,
}

impl Gateway {
    pub(crate) fn new(venue: Venue) -> Self {
        let testnet = venue.exchange().is_testnet();
        let authority = Authority::new(venue.now());
        Self { venue, authority, testnet, hub: Hub::default(), sessions: AtomicU64::new(1) }
    }

    /// A number for a session, as long as this process lives: the orders of sessions before it are gone.
    pub(crate) fn number_session(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes how long an order waited for its durable answer.
    pub(crate) fn note_answer(&self, method: Method, answer: &Answer, asked_at: Nanos) {
        let is_order = matches!(
            method,
            Method::Buy | Method::Sell | Method::Edit | Method::EditByLabel | Method::Cancel
        );
        if is_order && answer.is_ok() {
            self.venue.operations().metrics.note_order(asked_at, self.venue.now());
        }
    }

    /// A reply to a request that was read at `received_at`.
    pub(crate) fn reply(
        &self,
        id: Option<&RawValue>,
        answer: &Answer,
        received_at: Nanos,
    ) -> String {
        if let Err(error) = answer {
            self.venue.operations().metrics.note_refusal(error.code().code());
        }
        let stamp = Stamp { received_at, sent_at: self.venue.now(), testnet: self.testnet };
        reply_text(id, answer, stamp)
    }
}
