//! What every session and every HTTP request shares.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::value::RawValue;

use crate::auth::Authority;
use crate::channels::Hub;
use crate::methods::Answer;
use crate::venue::Venue;
use crate::wire::{Stamp, reply_text};
use instruments::Nanos;

/// The venue and who may use it.
pub(crate) struct Gateway {
    pub(crate) venue: Venue,
    pub(crate) authority: Authority,
    pub(crate) testnet: bool,
    sessions: AtomicU64,
    pub(crate) hub: Hub,
}

impl Gateway {
    pub(crate) fn new(venue: Venue) -> Self {
        let testnet = venue.exchange().is_testnet();
        let authority = Authority::new(venue.now());
        Self { venue, authority, testnet, sessions: AtomicU64::new(1), hub: Hub::default() }
    }

    /// A number for a session, as long as this process lives: the orders of sessions before it are gone.
    pub(crate) fn number_session(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::Relaxed)
    }

    /// A reply to a request that was read at `received_at`.
    pub(crate) fn reply(
        &self,
        id: Option<&RawValue>,
        answer: &Answer,
        received_at: Nanos,
    ) -> String {
        let stamp = Stamp { received_at, sent_at: self.venue.now(), testnet: self.testnet };
        reply_text(id, answer, stamp)
    }
}
