//! What every session and every HTTP request shares.

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
    pub(crate) hub: Hub,
}

impl Gateway {
    pub(crate) fn new(venue: Venue) -> Self {
        let testnet = venue.exchange().is_testnet();
        let authority = Authority::new(venue.now());
        Self { venue, authority, testnet, hub: Hub::default() }
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
