//! What every session and every HTTP request shares.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::value::RawValue;

use crate::auth::{Authority, Caller, Origin, Place, recheck};
use crate::channels::Hub;
use crate::limits::{Breach, Charge, Class, Meters, Network};
use crate::methods::{Answer, Method};
use crate::venue::{AuditEvent, Venue};
use crate::wire::{Credits, ErrorCode, Stamp, WireError, reply_text};
use instruments::Nanos;

/// The venue and who may use it.
pub(crate) struct Gateway {
    pub(crate) venue: Venue,
    pub(crate) authority: Authority,
    pub(crate) meters: Meters,
    pub(crate) testnet: bool,
    pub(crate) hub: Hub,
    sessions: AtomicU64,
}

impl Gateway {
    pub(crate) fn new(venue: Venue) -> Self {
        let testnet = venue.exchange().is_testnet();
        let window = venue.auth_options().signature_window;
        let authority = Authority::new(venue.signatures_since(), window, venue.nonces());
        let meters = Meters::new(*venue.limits());
        let sessions = AtomicU64::new(1);
        Self { venue, authority, meters, testnet, hub: Hub::default(), sessions }
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

    /// Where the venue is, as wallets sign it.
    pub(crate) fn place(&self) -> Place<'_> {
        Place { domain: &self.venue.auth_options().domain }
    }

    /// What a login is worth now, and here.
    pub(crate) fn recheck(&self, caller: Caller, origin: Origin) -> Result<Caller, WireError> {
        recheck(&self.venue.book(), caller, origin, self.venue.now())
    }

    /// Notes in the audit log what somebody may not.
    pub(crate) fn note_refusal(
        &self,
        caller: Option<&Caller>,
        (action, origin): (&str, Origin),
        error: &WireError,
    ) {
        let actor = match caller {
            Some(caller) => format!("account {} key {}", caller.account.0, caller.client_id),
            None => "unknown".to_owned(),
        };
        self.venue.audit_refusal(AuditEvent {
            actor: &actor,
            action,
            object: &format!("from {}", origin.address),
            result: error.reason(),
        });
    }

    /// [`Gateway::note_refusal`] where the refusal is one of scope: a typing error is nobody's attack.
    pub(crate) fn note_forbidden(
        &self,
        caller: Option<&Caller>,
        what: (&str, Origin),
        error: &WireError,
    ) {
        if error.code() == ErrorCode::Forbidden {
            self.note_refusal(caller, what, error);
        }
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
        if let Err(error) = answer {
            self.venue.operations().metrics.note_refusal(error.code().code());
        }
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
