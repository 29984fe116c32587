//! Tokens: what a client holds after it has logged in.

use std::collections::BTreeMap;

use instruments::{Nanos, NanosSpan};

use super::Caller;
use crate::wire::{ErrorCode, WireError};

/// How long a refresh token is good for.
const REFRESH_LIFETIME: NanosSpan = NanosSpan::from_seconds(7 * 86_400);
/// Logins of one client that are remembered; the oldest is forgotten first. Twice Deribit's sessions per key.
pub(crate) const TOKENS_PER_CLIENT_MAX: usize = 32;

/// What a login gives.
pub(crate) struct Grant {
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
}

struct Login {
    caller: Caller,
    refresh: [u8; 32],
    granted: u64,
    expires_at: Nanos,
    refresh_until: Nanos,
}

/// Every login, by the hash of its access token.
#[derive(Default)]
pub(super) struct Tokens {
    logins: BTreeMap<[u8; 32], Login>,
    by_refresh: BTreeMap<[u8; 32], [u8; 32]>,
    granted: u64,
}

impl Tokens {
    pub(super) fn grant(
        &mut self,
        caller: &Caller,
        lifetime: NanosSpan,
        now: Nanos,
    ) -> Result<Grant, WireError> {
        let (access_token, refresh_token) = (draw()?, draw()?);
        self.make_room(&caller.client_id, now);
        self.granted = self.granted.saturating_add(1);
        let (access, refresh) = (super::digest(&access_token), super::digest(&refresh_token));
        let expires_at = now + lifetime;
        let login = Login {
            caller: caller.clone(),
            refresh,
            granted: self.granted,
            expires_at,
            refresh_until: now + REFRESH_LIFETIME,
        };
        self.by_refresh.insert(refresh, access);
        self.logins.insert(access, login);
        Ok(Grant { access_token, refresh_token })
    }

    pub(super) fn caller(&self, token: &str, now: Nanos) -> Result<Caller, WireError> {
        let login = self.logins.get(&super::digest(token)).filter(|login| now < login.expires_at);
        login.map(|login| login.caller.clone()).ok_or_else(unauthorized)
    }

    pub(super) fn refresh(&mut self, token: &str, now: Nanos) -> Result<Caller, WireError> {
        let access = self.by_refresh.remove(&super::digest(token)).ok_or_else(unauthorized)?;
        let login = self.logins.remove(&access).ok_or_else(unauthorized)?;
        if login.refresh_until <= now {
            return Err(unauthorized());
        }
        Ok(login.caller)
    }

    pub(super) fn revoke(&mut self, token: &str) {
        if let Some(login) = self.logins.remove(&super::digest(token)) {
            self.by_refresh.remove(&login.refresh);
        }
    }

    /// Forgets what has expired, and the client's oldest login when it has too many.
    fn make_room(&mut self, client_id: &str, now: Nanos) {
        self.logins.retain(|_, login| now < login.refresh_until);
        let of_client = self.logins.iter().filter(|(_, login)| login.caller.client_id == client_id);
        let count = of_client.clone().count();
        let oldest = of_client.min_by_key(|(_, login)| login.granted).map(|(access, _)| *access);
        if let Some(oldest) = oldest.filter(|_| TOKENS_PER_CLIENT_MAX <= count) {
            self.logins.remove(&oldest);
        }
        let logins = &self.logins;
        self.by_refresh.retain(|_, access| logins.contains_key(access));
    }
}

fn unauthorized() -> WireError {
    WireError::new(ErrorCode::Unauthorized, "the token is unknown or has expired; log in")
}

/// 32 bytes nobody can guess, in hexadecimal.
fn draw() -> Result<String, WireError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|_system| WireError::new(ErrorCode::Internal, "no randomness from the system"))?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use instruments::AccountId;

    use super::*;
    use crate::auth::{By, Scope};

    fn caller(client_id: &str) -> Caller {
        Caller {
            account: AccountId(1),
            client_id: client_id.to_owned(),
            scope: Scope::of_keys(),
            by: By::Key { rotation: 0 },
            networks: Vec::new(),
            connection: None,
            session: None,
        }
    }

    const HOUR: NanosSpan = NanosSpan::from_seconds(3600);

    #[test]
    fn api_013_a_token_expires_and_a_refresh_token_works_once() {
        let (mut tokens, now) = (Tokens::default(), Nanos::from_seconds(1_000));
        let grant = tokens.grant(&caller("a"), HOUR, now).unwrap();
        assert_eq!(tokens.caller(&grant.access_token, now), Ok(caller("a")));
        assert_eq!(tokens.caller(&grant.refresh_token, now).unwrap_err().code().code(), 13009);
        assert!(tokens.caller(&grant.access_token, now + HOUR).is_err());
        assert_eq!(tokens.refresh(&grant.refresh_token, now + HOUR), Ok(caller("a")));
        assert!(tokens.refresh(&grant.refresh_token, now + HOUR).is_err());
        assert!(tokens.logins.is_empty() && tokens.by_refresh.is_empty());
    }

    #[test]
    fn api_013_a_client_keeps_its_newest_logins_and_no_more() {
        let (mut tokens, now) = (Tokens::default(), Nanos::from_seconds(1_000));
        let other = tokens.grant(&caller("b"), HOUR, now).unwrap();
        let grants: Vec<Grant> = (0..=TOKENS_PER_CLIENT_MAX)
            .map(|_| tokens.grant(&caller("a"), HOUR, now).unwrap())
            .collect();
        assert!(tokens.caller(&grants[0].access_token, now).is_err());
        assert!(tokens.refresh(&grants[0].refresh_token, now).is_err());
        assert!(tokens.caller(&grants[1].access_token, now).is_ok());
        assert!(tokens.caller(&other.access_token, now).is_ok());
        tokens.revoke(&other.access_token);
        assert!(tokens.caller(&other.access_token, now).is_err());
    }
}
