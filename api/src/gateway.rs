//! What every session and every HTTP request shares.

use serde_json::value::RawValue;

use crate::auth::Authority;
use crate::limits::{Breach, Charge, Class, Meters, Network};
use crate::methods::Answer;
use crate::venue::Venue;
use crate::wire::{Credits, ErrorCode, Stamp, WireError, reply_text};
use instruments::Nanos;

/// The venue and who may use it.
pub(crate) struct Gateway {
    pub(crate) venue: Venue,
    pub(crate) authority: Authority,
    pub(crate) meters: Meters,
    pub(crate) testnet: bool,
}

impl Gateway {
    pub(crate) fn new(venue: Venue) -> Self {
        let testnet = venue.exchange().is_testnet();
        let authority = Authority::new(venue.now());
        let meters = Meters::new(*venue.limits());
        Self { venue, authority, meters, testnet }
    }

    /// A reply to a request that was read at `received_at`.
    pub(crate) fn reply(
        &self,
        id: Option<&RawValue>,
        answer: &Answer,
        received_at: Nanos,
    ) -> String {
        self.paid_reply(id, answer, received_at, None)
    }

    /// The same, with what is left of the credits that it cost.
    pub(crate) fn paid_reply(
        &self,
        id: Option<&RawValue>,
        answer: &Answer,
        received_at: Nanos,
        credits: Option<Credits>,
    ) -> String {
        let (sent_at, testnet) = (self.venue.now(), self.testnet);
        reply_text(id, answer, Stamp { received_at, sent_at, testnet, credits })
    }

    /// Takes what a new session costs; refuses an address that is banned.
    pub(crate) fn admit(&self, network: Network) -> Result<Credits, Breach> {
        self.meters.charge(&self.meters.of_network(network), Charge::one(Class::Query))
    }

    /// What is said to whoever has no credit left.
    pub(crate) fn refuse(&self, breach: &Breach) -> WireError {
        let class = breach.class.name();
        let reason = if breach.ends {
            let strikes = self.venue.limits().strikes;
            format!(
                "{strikes} requests too many; for {} seconds nothing but cancels is taken",
                self.venue.limits().ban_for.as_secs()
            )
        } else {
            format!("no credit left for requests of class {class}")
        };
        WireError::new(ErrorCode::TooManyRequests, reason)
            .with_limit(rust_decimal::Decimal::from(breach.credits.limit))
            .with_retry_after(breach.retry_after)
    }
}
