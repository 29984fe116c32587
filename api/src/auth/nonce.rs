//! Signatures that were used: a recorded request is of no use to whoever recorded it.
//!
//! What is remembered is the signature, not the nonce: stock clients take the millisecond for a nonce, and sign two requests in one. They
//! differ in what was signed.

use std::collections::BTreeMap;

use instruments::Nanos;
use rust_decimal::Decimal;

use crate::venue::{Used, UsedSignatures};
use crate::wire::{ErrorCode, WireError};

/// Bytes of a nonce: a UUID fits twice.
pub(crate) const NONCE_LEN_MAX: usize = 64;
/// Signatures remembered for one client: a thousand signed requests a second. Whoever needs more logs in once and uses the token.
pub(crate) const NONCES_PER_CLIENT_MAX: usize = 10_000;

/// What every client has used.
#[derive(Default)]
pub(crate) struct Nonces {
    clients: BTreeMap<String, BTreeMap<[u8; 32], Nanos>>,
    /// Where it survives the process; nowhere in a test of this file.
    file: Option<UsedSignatures>,
}

impl Nonces {
    /// What was used before the process started, and where to note the rest.
    pub(crate) fn remember(used: Vec<Used>, file: UsedSignatures) -> Self {
        let mut clients: BTreeMap<String, BTreeMap<_, _>> = BTreeMap::new();
        for Used { client, digest, until } in used {
            clients.entry(client).or_default().insert(digest, until);
        }
        Self { clients, file: Some(file) }
    }

    /// Uses a signature up until `until`.
    pub(super) fn take(&mut self, used: Used, now: Nanos) -> Result<(), WireError> {
        // Only clients that have proven themselves come here, so there are as many entries as credentials.
        let of_client = self.clients.entry(used.client.clone()).or_default();
        if of_client.contains_key(&used.digest) {
            let reason =
                "the signature was used before; sign every request with a nonce of its own";
            return Err(WireError::new(ErrorCode::InvalidCredentials, reason).of("nonce"));
        }
        if NONCES_PER_CLIENT_MAX <= of_client.len() {
            of_client.retain(|_, until| now <= *until);
        }
        if NONCES_PER_CLIENT_MAX <= of_client.len() {
            let reason = "too many signed requests at once; log in and use the token";
            let error = WireError::new(ErrorCode::TooManyRequests, reason).of("nonce");
            return Err(error.with_limit(Decimal::from(NONCES_PER_CLIENT_MAX)));
        }
        of_client.insert(used.digest, used.until);
        self.note(&used, now)
    }

    /// What cannot be written is not accepted: after a restart nobody would know of it.
    fn note(&mut self, used: &Used, now: Nanos) -> Result<(), WireError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut noted = file.note(used);
        if noted.is_ok() && file.is_long() {
            for of_client in self.clients.values_mut() {
                of_client.retain(|_, until| now <= *until);
            }
            self.clients.retain(|_, of_client| !of_client.is_empty());
            noted = file.keep(&self.clients);
        }
        noted.map_err(|error| {
            tracing::error!(%error, "a used signature was not written; signatures are refused");
            WireError::new(ErrorCode::Internal, "the signature could not be noted; ask again")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_012_a_full_memory_refuses_instead_of_forgetting() {
        let mut nonces = Nonces::default();
        let (now, later) = (Nanos::from_seconds(100), Nanos::from_seconds(161));
        let used = |client: &str, count: usize| Used {
            client: client.to_owned(),
            digest: *blake3::hash(&count.to_be_bytes()).as_bytes(),
            until: Nanos::from_seconds(160),
        };
        let one_more = used("a", NONCES_PER_CLIENT_MAX);
        for count in 0..NONCES_PER_CLIENT_MAX {
            assert_eq!(nonces.take(used("a", count), now), Ok(()));
        }
        let full = nonces.take(one_more.clone(), now).unwrap_err();
        assert_eq!(full.code(), ErrorCode::TooManyRequests);
        assert_eq!(nonces.take(used("a", 0), now).unwrap_err().code().code(), 13004);
        assert_eq!(nonces.take(used("b", 0), now), Ok(()), "one client's memory is its own");
        assert_eq!(nonces.take(one_more, later), Ok(()));
    }

    #[test]
    fn auth_014_a_signature_is_refused_after_a_restart_too() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("used-signatures");
        let now = Nanos::from_seconds(100);
        let start = || {
            let (file, remembered) = UsedSignatures::open(&path, now).unwrap();
            Nonces::remember(remembered.used, file)
        };
        let used = |digest: u8| Used {
            client: "a".to_owned(),
            digest: [digest; 32],
            until: Nanos::from_seconds(110),
        };
        assert_eq!(start().take(used(1), now), Ok(()));
        let mut again = start();
        assert_eq!(again.take(used(1), now).unwrap_err().code().code(), 13004);
        assert_eq!(again.take(used(2), now), Ok(()));
    }
}
