//! Signatures that were used: a recorded request is of no use to whoever recorded it.
//!
//! What is remembered is the signature, not the nonce: stock clients take the millisecond for a nonce, and sign two requests in one. They
//! differ in what was signed.

use std::collections::BTreeMap;

use instruments::Nanos;
use rust_decimal::Decimal;

use crate::wire::{ErrorCode, WireError};

/// Bytes of a nonce: a UUID fits twice.
pub(crate) const NONCE_LEN_MAX: usize = 64;
/// Signatures remembered for one client: 80 signed requests a second for two minutes. Whoever needs more logs in once and uses the token.
pub(crate) const NONCES_PER_CLIENT_MAX: usize = 10_000;

/// What every client has used.
#[derive(Default)]
pub(super) struct Nonces(BTreeMap<String, Used>);

#[derive(Default)]
struct Used {
    forget_at: BTreeMap<[u8; 32], Nanos>,
}

impl Nonces {
    /// Uses a signature up until `forget_at`.
    pub(super) fn take(
        &mut self,
        client_id: &str,
        signature: [u8; 32],
        forget_at: Nanos,
        now: Nanos,
    ) -> Result<(), WireError> {
        // Only clients that have signed come here, so there are as many entries as credentials.
        let used = self.0.entry(client_id.to_owned()).or_default();
        if used.forget_at.contains_key(&signature) {
            let reason =
                "the signature was used before; sign every request with a nonce of its own";
            return Err(WireError::new(ErrorCode::InvalidCredentials, reason).of("nonce"));
        }
        if NONCES_PER_CLIENT_MAX <= used.forget_at.len() {
            used.forget_at.retain(|_, forget_at| now <= *forget_at);
        }
        if NONCES_PER_CLIENT_MAX <= used.forget_at.len() {
            let reason = "too many signed requests in two minutes; log in and use the token";
            let error = WireError::new(ErrorCode::TooManyRequests, reason).of("nonce");
            return Err(error.with_limit(Decimal::from(NONCES_PER_CLIENT_MAX)));
        }
        used.forget_at.insert(signature, forget_at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_012_a_full_memory_refuses_instead_of_forgetting() {
        let mut nonces = Nonces::default();
        let (now, later) = (Nanos::from_seconds(100), Nanos::from_seconds(161));
        let forget_at = Nanos::from_seconds(160);
        let signature = |count: usize| *blake3::hash(&count.to_be_bytes()).as_bytes();
        let one_more = signature(NONCES_PER_CLIENT_MAX);
        for count in 0..NONCES_PER_CLIENT_MAX {
            assert_eq!(nonces.take("a", signature(count), forget_at, now), Ok(()));
        }
        let full = nonces.take("a", one_more, forget_at, now).unwrap_err();
        assert_eq!(full.code(), ErrorCode::TooManyRequests);
        assert_eq!(
            nonces.take("a", signature(0), forget_at, now).unwrap_err().code().code(),
            13004
        );
        assert_eq!(
            nonces.take("b", signature(0), forget_at, now),
            Ok(()),
            "one client's memory is its own"
        );
        assert_eq!(nonces.take("a", one_more, later, later), Ok(()));
    }
}
