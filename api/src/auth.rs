//! Who is asking: secrets, signatures, nonces and tokens.
//!
//! Invariants:
//! - secrets and signatures are compared in constant time, and an unknown client id costs as much as a wrong secret;
//! - a signature is accepted once: it is remembered for as long as its timestamp would pass;
//! - only a hash of a token is kept; nothing here is logged.

mod nonce;
mod scope;
mod token;

use hmac::{Hmac, KeyInit, Mac};
use instruments::{AccountId, Nanos, NanosSpan};
use parking_lot::Mutex;
use rust_decimal::Decimal;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::venue::Credential;
use crate::wire::{ErrorCode, WireError};

pub(crate) use nonce::{NONCE_LEN_MAX, NONCES_PER_CLIENT_MAX};
pub(crate) use scope::{Need, Scope};
pub(crate) use token::{Grant, TOKENS_PER_CLIENT_MAX};

use nonce::Nonces;
use token::Tokens;

/// How far a signed timestamp may be from the venue's clock: a badly set clock passes, a request recorded yesterday does not.
pub(crate) const TIMESTAMP_WINDOW: NanosSpan = NanosSpan::from_seconds(60);

/// Who is asking, and what for it may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: AccountId,
    pub(crate) client_id: String,
    pub(crate) scope: Scope,
    /// The session that takes the orders with it that are placed over it.
    pub(crate) session: Option<u64>,
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
#[derive(Default)]
pub(crate) struct Authority {
    /// Since when used nonces are remembered.
    since: Nanos,
    tokens: Mutex<Tokens>,
    nonces: Mutex<Nonces>,
}

impl Authority {
    /// Remembers from `now` on.
    pub(crate) fn new(now: Nanos) -> Self {
        Self { since: now, ..Self::default() }
    }

    /// Checks a client's secret.
    pub(crate) fn check_secret(
        credential: Option<Credential>,
        secret: &str,
    ) -> Result<Credential, WireError> {
        let expected = credential.as_ref().map_or("", |credential| &credential.client_secret);
        // Equal digests instead of equal texts: no length leaks.
        let is_right = digest(expected).ct_eq(&digest(secret));
        credential.filter(|_| bool::from(is_right)).ok_or_else(not_who_it_says)
    }

    /// Checks a signature over timestamp, nonce and payload: first whose it is, then whether it is fresh, then whether it is new.
    pub(crate) fn check_signature(
        &self,
        credential: Option<Credential>,
        signed: &Signed<'_>,
        payload: &str,
        now: Nanos,
    ) -> Result<Credential, WireError> {
        if signed.nonce.is_empty() || NONCE_LEN_MAX < signed.nonce.len() {
            let reason = format!("must have 1 to {NONCE_LEN_MAX} bytes");
            return Err(WireError::param("nonce", reason).with_limit(Decimal::from(NONCE_LEN_MAX)));
        }
        let secret = credential.as_ref().map_or("", |credential| &credential.client_secret);
        let text = format!("{}\n{}\n{payload}", signed.timestamp, signed.nonce);
        let expected = hmac_sha256(secret, &text);
        let is_right = expected.ct_eq(&decode(signed.signature));
        let credential = credential.filter(|_| bool::from(is_right)).ok_or_else(not_who_it_says)?;
        let signed_at = check_timestamp(signed.timestamp, now)?;
        // Which nonces were used before the venue started, nobody remembers. Clients that count whole seconds are a second behind.
        if signed_at.millis().saturating_add(1_000) < self.since.millis() {
            let reason = "the timestamp is from before the venue started; sign the request anew";
            return Err(WireError::new(ErrorCode::InvalidCredentials, reason).of("timestamp"));
        }
        let forget_at = signed_at + TIMESTAMP_WINDOW;
        self.nonces.lock().take(&credential.client_id, expected, forget_at, now)?;
        Ok(credential)
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

fn check_timestamp(timestamp: &str, now: Nanos) -> Result<Nanos, WireError> {
    let limit = Decimal::from(TIMESTAMP_WINDOW.nanos().div_euclid(1_000_000));
    let millis: u64 = timestamp
        .parse()
        .map_err(|_digits| WireError::param("timestamp", "must be milliseconds since 1970"))?;
    let distance = millis.abs_diff(now.millis());
    if limit < Decimal::from(distance) {
        let reason = format!("timestamp is {distance} ms from the venue's clock");
        let error = WireError::new(ErrorCode::InvalidCredentials, reason);
        return Err(error.of("timestamp").with_limit(limit));
    }
    Ok(Nanos::new(millis.saturating_mul(1_000_000)))
}

fn not_who_it_says() -> WireError {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn credential() -> Option<Credential> {
        Some(Credential {
            client_id: "c".to_owned(),
            client_secret: "s3cret".to_owned(),
            account: AccountId(7),
        })
    }

    fn now() -> Nanos {
        Nanos::from_seconds(1_800_000_000)
    }

    fn sign(
        authority: &Authority,
        secret: &str,
        (millis, nonce): (u64, &str),
    ) -> Result<AccountId, i64> {
        let timestamp = millis.to_string();
        let signature = hex::encode(hmac_sha256(secret, &format!("{timestamp}\n{nonce}\ndata")));
        let signed = Signed { timestamp: &timestamp, nonce, signature: &signature };
        let checked = authority.check_signature(credential(), &signed, "data", now());
        checked.map(|credential| credential.account).map_err(|error| error.code().code())
    }

    #[test]
    fn api_010_a_signature_is_accepted_once() {
        let authority = Authority::default();
        let at = now().millis();
        assert_eq!(sign(&authority, "s3cret", (at, "n1")), Ok(AccountId(7)));
        assert_eq!(sign(&authority, "s3cret", (at, "n1")), Err(13004));
        assert_eq!(sign(&authority, "s3cret", (at + 1, "n1")), Ok(AccountId(7)));
        assert_eq!(sign(&authority, "s3cret", (at, "n2")), Ok(AccountId(7)));
    }

    #[test]
    fn api_010_a_wrong_signature_does_not_use_up_the_nonce() {
        let authority = Authority::default();
        let at = now().millis();
        assert_eq!(sign(&authority, "guess", (at, "n")), Err(13004));
        assert_eq!(sign(&authority, "", (at, "n")), Err(13004));
        assert_eq!(sign(&authority, "s3cret", (at, "n")), Ok(AccountId(7)));
    }

    #[test]
    fn api_062_what_was_signed_before_the_venue_started_is_refused() {
        let authority = Authority::new(now());
        let at = now().millis();
        assert_eq!(sign(&authority, "s3cret", (at - 1_001, "n")), Err(13004));
        assert_eq!(sign(&authority, "s3cret", (at - 1_000, "n")), Ok(AccountId(7)));
    }

    #[test]
    fn api_011_a_timestamp_must_be_within_a_minute() {
        let authority = Authority::default();
        let at = now().millis();
        assert_eq!(sign(&authority, "s3cret", (at - 60_000, "a")), Ok(AccountId(7)));
        assert_eq!(sign(&authority, "s3cret", (at + 60_000, "b")), Ok(AccountId(7)));
        assert_eq!(sign(&authority, "s3cret", (at - 60_001, "c")), Err(13004));
        assert_eq!(sign(&authority, "s3cret", (at + 60_001, "d")), Err(13004));
    }

    #[test]
    fn an_unknown_client_is_told_no_more_than_one_with_a_wrong_secret() {
        let unknown = Authority::check_secret(None, "").unwrap_err();
        let wrong = Authority::check_secret(credential(), "guess").unwrap_err();
        assert_eq!(unknown, wrong);
        assert!(Authority::check_secret(credential(), "s3cret").is_ok());
    }

    /// A published vector: RFC 4231, test case 2.
    #[test]
    fn hmac_is_the_standard_one() {
        assert_eq!(
            hex::encode(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
