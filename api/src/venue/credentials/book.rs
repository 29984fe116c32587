//! What the book of credentials holds, and how it changes. Nothing here touches the disk.

use std::collections::BTreeMap;

use instruments::{AccountId, Nanos};

use super::{
    Credential, KEYS_PER_ACCOUNT_MAX, KeyError, SESSION_KEYS_PER_ACCOUNT_MAX,
    WALLETS_PER_ACCOUNT_MAX,
};
use crate::auth::{Network, Scope, Secret};
use crate::venue::directory::random_bytes;

/// A key that proves itself by a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiKey {
    /// Its number, among all keys of the venue.
    pub(crate) id: u64,
    pub(crate) client_id: String,
    pub(crate) secret: Secret,
    pub(crate) account: AccountId,
    pub(crate) name: String,
    pub(crate) max_scope: Scope,
    /// Where it is good; everywhere when there is none.
    pub(crate) networks: Vec<Network>,
    pub(crate) created_at: Nanos,
    pub(crate) expires_at: Option<Nanos>,
    pub(crate) is_enabled: bool,
    /// Whether the account's orders end with it.
    pub(crate) cancels_orders: bool,
    /// How often its secret was replaced.
    pub(crate) rotation: u32,
    /// The secret before, while it is still good.
    pub(crate) previous: Option<Previous>,
}

/// A secret that was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Previous {
    pub(crate) secret: Secret,
    pub(crate) until: Nanos,
}

impl ApiKey {
    pub(crate) fn credential(&self) -> Credential {
        Credential {
            client_id: self.client_id.clone(),
            client_secret: self.secret.clone(),
            account: self.account,
        }
    }

    /// Whether a login under its secret of that rotation is good.
    pub(crate) fn is_good(&self, rotation: u32, now: Nanos) -> bool {
        let is_current = rotation == self.rotation;
        let is_previous = rotation.checked_add(1) == Some(self.rotation)
            && self.previous.as_ref().is_some_and(|previous| now < previous.until);
        self.is_enabled && !self.has_expired(now) && (is_current || is_previous)
    }

    pub(crate) fn has_expired(&self, now: Nanos) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// A key that is to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewKey {
    pub(crate) account: AccountId,
    pub(crate) name: String,
    pub(crate) max_scope: Scope,
    pub(crate) networks: Vec<Network>,
    pub(crate) created_at: Nanos,
    pub(crate) expires_at: Option<Nanos>,
    pub(crate) cancels_orders: bool,
}

impl Default for NewKey {
    fn default() -> Self {
        Self {
            account: AccountId(0),
            name: String::new(),
            max_scope: Scope::of_keys(),
            networks: Vec::new(),
            created_at: Nanos::new(0),
            expires_at: None,
            cancels_orders: false,
        }
    }
}

/// What is changed of a key; what is absent stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyEdit {
    pub(crate) name: Option<String>,
    pub(crate) max_scope: Option<Scope>,
    pub(crate) networks: Option<Vec<Network>>,
    pub(crate) expires_at: Option<Nanos>,
    pub(crate) is_enabled: Option<bool>,
    pub(crate) cancels_orders: Option<bool>,
}

/// A wallet that signs in as an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wallet {
    pub(crate) account: AccountId,
    pub(crate) linked_at: Nanos,
    /// Whether its login may take money out: only when such a login, or the operator, has linked it.
    pub(crate) may_withdraw: bool,
}

/// A key that a wallet has let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionKey {
    pub(crate) account: AccountId,
    pub(crate) wallet: [u8; 20],
    pub(crate) scope: Scope,
    pub(crate) expires_at: Nanos,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Book {
    pub(super) last_id: u64,
    pub(super) keys: BTreeMap<String, ApiKey>,
    pub(super) wallets: BTreeMap<[u8; 20], Wallet>,
    pub(super) session_keys: BTreeMap<[u8; 20], SessionKey>,
}

const NO_KEY: KeyError = KeyError::Unknown { what: "API key" };

impl Book {
    pub(crate) fn key(&self, client_id: &str) -> Option<&ApiKey> {
        self.keys.get(client_id)
    }

    /// The key of that number, if it is this account's.
    pub(crate) fn key_of(&self, account: AccountId, id: u64) -> Result<&ApiKey, KeyError> {
        self.keys_of(account).find(|key| key.id == id).ok_or(NO_KEY)
    }

    pub(crate) fn keys_of(&self, account: AccountId) -> impl Iterator<Item = &ApiKey> {
        self.keys.values().filter(move |key| key.account == account)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &ApiKey> {
        self.keys.values()
    }

    pub(super) fn first_of(&self, account: AccountId) -> Option<&ApiKey> {
        self.keys_of(account).min_by_key(|key| key.id)
    }

    pub(crate) fn wallet(&self, address: &[u8; 20]) -> Option<&Wallet> {
        self.wallets.get(address)
    }

    pub(crate) fn wallets_of(
        &self,
        account: AccountId,
    ) -> impl Iterator<Item = (&[u8; 20], &Wallet)> {
        self.wallets.iter().filter(move |(_, wallet)| wallet.account == account)
    }

    pub(crate) fn session_key(&self, address: &[u8; 20]) -> Option<&SessionKey> {
        self.session_keys.get(address)
    }

    pub(crate) fn session_keys_of(
        &self,
        account: AccountId,
    ) -> impl Iterator<Item = (&[u8; 20], &SessionKey)> {
        self.session_keys.iter().filter(move |(_, key)| key.account == account)
    }

    pub(crate) fn create(&mut self, new: NewKey) -> Result<ApiKey, KeyError> {
        if KEYS_PER_ACCOUNT_MAX <= self.keys_of(new.account).count() {
            return Err(KeyError::TooMany { what: "API keys", limit: KEYS_PER_ACCOUNT_MAX });
        }
        let id = random_bytes()?;
        self.last_id = self.last_id.saturating_add(1);
        let key = ApiKey {
            id: self.last_id,
            // 64 bits: names nobody has to guess, short enough to read aloud.
            client_id: hex::encode(&id[..8]),
            secret: draw_secret()?,
            account: new.account,
            name: new.name,
            max_scope: new.max_scope,
            networks: new.networks,
            created_at: new.created_at,
            expires_at: new.expires_at,
            is_enabled: true,
            cancels_orders: new.cancels_orders,
            rotation: 0,
            previous: None,
        };
        self.keys.insert(key.client_id.clone(), key.clone());
        Ok(key)
    }

    pub(crate) fn edit(
        &mut self,
        account: AccountId,
        id: u64,
        edit: KeyEdit,
    ) -> Result<ApiKey, KeyError> {
        let key = self.key_mut(account, id)?;
        let KeyEdit { name, max_scope, networks, expires_at, is_enabled, cancels_orders } = edit;
        key.name = name.unwrap_or_else(|| key.name.clone());
        key.max_scope = max_scope.unwrap_or(key.max_scope);
        key.networks = networks.unwrap_or_else(|| key.networks.clone());
        key.expires_at = expires_at.or(key.expires_at);
        key.is_enabled = is_enabled.unwrap_or(key.is_enabled);
        key.cancels_orders = cancels_orders.unwrap_or(key.cancels_orders);
        Ok(key.clone())
    }

    /// Draws another secret; the old one stays good until then.
    pub(crate) fn rotate(
        &mut self,
        account: AccountId,
        id: u64,
        until: Nanos,
    ) -> Result<ApiKey, KeyError> {
        let fresh = draw_secret()?;
        let key = self.key_mut(account, id)?;
        let secret = std::mem::replace(&mut key.secret, fresh);
        key.previous = Some(Previous { secret, until });
        key.rotation = key.rotation.wrapping_add(1);
        Ok(key.clone())
    }

    pub(crate) fn remove(&mut self, account: AccountId, id: u64) -> Result<ApiKey, KeyError> {
        let client_id = self.key_of(account, id)?.client_id.clone();
        self.keys.remove(&client_id).ok_or(NO_KEY)
    }

    fn key_mut(&mut self, account: AccountId, id: u64) -> Result<&mut ApiKey, KeyError> {
        let found = self.keys.values_mut().find(|key| key.account == account && key.id == id);
        found.ok_or(NO_KEY)
    }

    pub(crate) fn link(&mut self, address: [u8; 20], wallet: Wallet) -> Result<(), KeyError> {
        let is_known = self.wallets.contains_key(&address);
        if is_known || self.session_keys.contains_key(&address) {
            return Err(KeyError::Taken { what: "wallet" });
        }
        if WALLETS_PER_ACCOUNT_MAX <= self.wallets_of(wallet.account).count() {
            return Err(KeyError::TooMany { what: "wallets", limit: WALLETS_PER_ACCOUNT_MAX });
        }
        self.wallets.insert(address, wallet);
        Ok(())
    }

    /// With the session keys that it has let in.
    pub(crate) fn unlink(&mut self, account: AccountId, address: [u8; 20]) -> Result<(), KeyError> {
        if self.wallet(&address).is_none_or(|wallet| wallet.account != account) {
            return Err(KeyError::Unknown { what: "wallet" });
        }
        self.wallets.remove(&address);
        self.session_keys.retain(|_, key| key.wallet != address);
        Ok(())
    }

    pub(crate) fn let_in(
        &mut self,
        address: [u8; 20],
        key: SessionKey,
        now: Nanos,
    ) -> Result<(), KeyError> {
        self.session_keys.retain(|_, key| now < key.expires_at);
        let is_known = self.session_keys.contains_key(&address);
        if is_known || self.wallets.contains_key(&address) {
            return Err(KeyError::Taken { what: "session key" });
        }
        let limit = SESSION_KEYS_PER_ACCOUNT_MAX;
        if limit <= self.session_keys_of(key.account).count() {
            return Err(KeyError::TooMany { what: "session keys", limit });
        }
        self.session_keys.insert(address, key);
        Ok(())
    }

    pub(crate) fn shut_out(
        &mut self,
        account: AccountId,
        address: [u8; 20],
    ) -> Result<(), KeyError> {
        if self.session_key(&address).is_none_or(|key| key.account != account) {
            return Err(KeyError::Unknown { what: "session key" });
        }
        self.session_keys.remove(&address);
        Ok(())
    }
}

fn draw_secret() -> Result<Secret, KeyError> {
    Ok(Secret::from(hex::encode(random_bytes()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(account: u64) -> NewKey {
        NewKey { account: AccountId(account), ..NewKey::default() }
    }

    #[test]
    fn auth_010_an_account_has_sixteen_keys_and_no_number_is_given_twice() {
        let mut book = Book::default();
        for id in 1..=16 {
            assert_eq!(book.create(key(7)).unwrap().id, id);
        }
        assert!(matches!(book.create(key(7)), Err(KeyError::TooMany { limit: 16, .. })));
        assert_eq!(book.create(key(8)).unwrap().id, 17);
        book.remove(AccountId(8), 17).unwrap();
        assert_eq!(book.create(key(8)).unwrap().id, 18);
        assert!(book.remove(AccountId(8), 3).is_err(), "another account's");
        assert!(book.edit(AccountId(8), 3, KeyEdit::default()).is_err(), "another account's");
    }

    #[test]
    fn auth_012_the_old_secret_is_good_until_the_overlap_ends() {
        let (mut book, at) = (Book::default(), Nanos::from_seconds);
        let made = book.create(key(7)).unwrap();
        let rotated = book.rotate(AccountId(7), made.id, at(100)).unwrap();
        assert_ne!(rotated.secret, made.secret);
        assert!(rotated.is_good(1, at(99)) && rotated.is_good(0, at(99)));
        assert!(rotated.is_good(1, at(100)) && !rotated.is_good(0, at(100)));
        let again = book.rotate(AccountId(7), made.id, at(200)).unwrap();
        assert!(again.is_good(2, at(99)) && again.is_good(1, at(99)) && !again.is_good(0, at(99)));
    }

    /// AUTH-022, AUTH-023
    #[test]
    fn auth_022_a_wallet_is_one_accounts_and_takes_its_session_keys_with_it() {
        let (mut book, now) = (Book::default(), Nanos::from_seconds(1));
        let wallet =
            |account| Wallet { account: AccountId(account), linked_at: now, may_withdraw: false };
        for address in 0..4 {
            book.link([address; 20], wallet(7)).unwrap();
        }
        assert!(matches!(book.link([4; 20], wallet(7)), Err(KeyError::TooMany { .. })));
        assert!(matches!(book.link([0; 20], wallet(8)), Err(KeyError::Taken { .. })));
        let session = |expires_at| SessionKey {
            account: AccountId(7),
            wallet: [0; 20],
            scope: Scope::of_keys(),
            expires_at,
        };
        let later = Nanos::from_seconds(9);
        for address in 10..18 {
            book.let_in([address; 20], session(later), now).unwrap();
        }
        assert!(matches!(
            book.let_in([18; 20], session(later), now),
            Err(KeyError::TooMany { limit: 8, .. })
        ));
        assert!(matches!(book.let_in([3; 20], session(later), now), Err(KeyError::Taken { .. })));
        // What has expired makes room.
        book.let_in([18; 20], session(Nanos::from_seconds(20)), later).unwrap();
        assert_eq!(book.session_keys_of(AccountId(7)).count(), 1);
        assert!(book.unlink(AccountId(8), [0; 20]).is_err());
        book.unlink(AccountId(7), [0; 20]).unwrap();
        assert_eq!(book.session_keys_of(AccountId(7)).count(), 0);
    }
}
