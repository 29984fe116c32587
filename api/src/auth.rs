//! Who is asking: secrets, signatures, wallets, nonces and tokens.
//!
//! Invariants:
//! - secrets and signatures are compared in constant time, and an unknown client id costs as much as a wrong secret;
//! - a signature is accepted once: it is remembered for as long as its timestamp would pass, over restarts;
//! - a login is worth what its key is worth now: whoever asks is looked up again each time;
//! - only a hash of a token is kept; nothing here is logged.

mod network;
mod nonce;
mod proof;
mod scope;
mod secret;
mod sign_in;
mod token;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use instruments::{AccountId, Nanos, NanosSpan};
use parking_lot::Mutex;
use sha2::Sha256;

use crate::venue::{ApiKey, Book};
use crate::wire::{ErrorCode, WireError};

pub use network::{Network, NetworkError};
pub use secret::Secret;

pub(crate) use network::NETWORKS_MAX;
pub(crate) use nonce::{NONCE_LEN_MAX, NONCES_PER_CLIENT_MAX, Nonces};
pub(crate) use proof::{SessionKeyProof, SessionProof};
pub(crate) use scope::{Asked, Need, Scope};
pub(crate) use sign_in::{CHALLENGE_LIFETIME, MESSAGE_LEN_MAX, Place, Purpose, checksummed};
pub(crate) use token::{Grant, TOKENS_PER_CLIENT_MAX};

use sign_in::Challenges;
use token::Tokens;

/// How far a signed timestamp may be from the venue's clock when nobody says otherwise. Stock clients sign with their own clock, which any
/// time service keeps within a second.
pub(crate) const SIGNATURE_WINDOW: NanosSpan = NanosSpan::from_seconds(5);
/// The most that may be chosen.
pub(crate) const SIGNATURE_WINDOW_MAX: NanosSpan = NanosSpan::from_seconds(60);

/// By what somebody has shown who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// An API key, with its secret of that rotation.
    Key { rotation: u32 },
    /// A wallet's own signature.
    Wallet([u8; 20]),
    /// A key that a wallet has let in.
    SessionKey([u8; 20]),
}

/// Who is asking, and what for it may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: AccountId,
    /// A key's id; an address in hexadecimal.
    pub(crate) client_id: String,
    pub(crate) scope: Scope,
    pub(crate) by: By,
    /// Where the login is good; wherever its key is, when there is none.
    pub(crate) networks: Vec<Network>,
    /// The connection that it is good on; every one, when there is none.
    pub(crate) connection: Option<u64>,
    /// The session that takes the orders with it that are placed over it.
    pub(crate) session: Option<u64>,
}

impl Caller {
    pub(crate) fn of_key(key: &ApiKey, rotation: u32) -> Self {
        Self {
            account: key.account,
            client_id: key.client_id.clone(),
            scope: key.max_scope,
            by: By::Key { rotation },
            networks: Vec::new(),
            connection: None,
            session: None,
        }
    }

    fn of_address(account: AccountId, address: [u8; 20], (by, scope): (By, Scope)) -> Self {
        Self {
            account,
            client_id: checksummed(&address),
            scope,
            by,
            networks: Vec::new(),
            connection: None,
            session: None,
        }
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) address: IpAddr,
    /// Which WebSocket; none over HTTP.
    pub(crate) connection: Option<u64>,
}

/// A signature and what it covers apart from the payload.
pub(crate) struct Signed<'a> {
    /// Milliseconds since 1970, as sent.
    pub(crate) timestamp: &'a str,
    /// The client's own word, different each time.
    pub(crate) nonce: &'a str,
    /// Hexadecimal.
    pub(crate) signature: &'a str,
}

/// Checks who is asking.
pub(crate) struct Authority {
    /// What was signed before may have been used, and nobody remembers.
    since: Nanos,
    window: NanosSpan,
    tokens: Mutex<Tokens>,
    nonces: Arc<Mutex<Nonces>>,
    challenges: Challenges,
    connections: AtomicU64,
}

impl Authority {
    /// Signatures from before `since` are refused; others pass within the window, once.
    pub(crate) fn new(since: Nanos, window: NanosSpan, nonces: Arc<Mutex<Nonces>>) -> Self {
        let mut key = [0; 32];
        if let Err(error) = getrandom::fill(&mut key) {
            // A key that somebody could guess would let nonces be made up; a venue without randomness gives no tokens either.
            tracing::error!(%error, "no randomness from the system; wallets cannot sign in");
        }
        Self {
            since,
            window,
            tokens: Mutex::default(),
            nonces,
            challenges: Challenges::new(key),
            connections: AtomicU64::new(0),
        }
    }

    /// A number for a new connection.
    pub(crate) fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    /// Gives out tokens.
    pub(crate) fn grant(
        &self,
        caller: &Caller,
        lifetime: NanosSpan,
        now: Nanos,
    ) -> Result<Grant, WireError> {
        self.tokens.lock().grant(caller, lifetime, now)
    }

    /// Whose access token it is.
    pub(crate) fn caller(&self, token: &str, now: Nanos) -> Result<Caller, WireError> {
        self.tokens.lock().caller(token, now)
    }

    /// Takes a refresh token back, once.
    pub(crate) fn refresh(&self, token: &str, now: Nanos) -> Result<Caller, WireError> {
        self.tokens.lock().refresh(token, now)
    }

    /// Takes back what an access token's owner has been given with it.
    pub(crate) fn revoke(&self, token: &str) {
        self.tokens.lock().revoke(token);
    }
}

/// What a login is worth now, and here: its key may have been changed, revoked or replaced since.
pub(crate) fn recheck(
    book: &Book,
    mut caller: Caller,
    origin: Origin,
    now: Nanos,
) -> Result<Caller, WireError> {
    let ended = |what: &str| {
        let reason = format!("{what} was revoked or has expired; log in");
        WireError::new(ErrorCode::Unauthorized, reason)
    };
    let most = match caller.by {
        By::Key { rotation } => {
            let key = book.key(&caller.client_id).filter(|key| key.is_good(rotation, now));
            let key = key.ok_or_else(|| ended("the API key"))?;
            check_network(&key.networks, origin)?;
            key.max_scope
        }
        By::Wallet(address) => {
            let wallet = book.wallet(&address).filter(|it| it.account == caller.account);
            wallet_scope(wallet.ok_or_else(|| ended("the wallet"))?.may_withdraw)
        }
        By::SessionKey(address) => {
            let key = book.session_key(&address);
            let is_good = |key: &&crate::venue::SessionKey| {
                key.account == caller.account && now < key.expires_at
            };
            key.filter(is_good).ok_or_else(|| ended("the session key"))?.scope
        }
    };
    check_network(&caller.networks, origin)?;
    if caller.connection.is_some() && caller.connection != origin.connection {
        let reason = "the token is good on the connection it was given on; ask for session:NAME";
        return Err(WireError::new(ErrorCode::Unauthorized, reason));
    }
    caller.scope = caller.scope.min(most);
    Ok(caller)
}

/// The most that a wallet's login may.
pub(crate) fn wallet_scope(may_withdraw: bool) -> Scope {
    if may_withdraw { Scope::full() } else { Scope::of_keys() }
}

/// Whether a key may be used from there.
pub(crate) fn check_network(networks: &[Network], origin: Origin) -> Result<(), WireError> {
    if networks.is_empty() || networks.iter().any(|it| it.contains(origin.address)) {
        return Ok(());
    }
    let reason = "the key or the login may not be used from this address";
    Err(WireError::new(ErrorCode::Forbidden, reason).of("ip"))
}

pub(crate) fn not_who_it_says() -> WireError {
    // One answer for an unknown client, a wrong secret and a wrong signature.
    let reason = "client id, secret or signature is not right";
    WireError::new(ErrorCode::InvalidCredentials, reason)
}

/// A signature's bytes; zeros, which no secret gives, when it is not one.
fn decode(signature: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    match hex::decode_to_slice(signature, &mut bytes) {
        Ok(()) => bytes,
        Err(_) => [0; 32],
    }
}

/// HMAC-SHA256 of `text` under `secret`.
#[must_use]
#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
pub(crate) fn hmac_sha256(secret: &str, text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

fn digest(text: &str) -> [u8; 32] {
    *blake3::hash(text.as_bytes()).as_bytes()
}
