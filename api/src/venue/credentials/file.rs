//! The book of credentials as it lies on disk. What a version before did not write has the value it had then.

use instruments::{AccountId, Nanos};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::book::{ApiKey, Book, Previous, SessionKey, Wallet};
use crate::auth::{Network, Scope, Secret};

/// Bytes that a key takes at most but for its lists, so that the text is not moved while it grows.
const ENTRY_LEN: usize = 2_048;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialsFile {
    credentials: Vec<KeyEntry>,
    #[serde(default)]
    last_id: u64,
    #[serde(default)]
    wallets: Vec<WalletEntry>,
    #[serde(default)]
    session_keys: Vec<SessionKeyEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    client_id: String,
    client_secret: Secret,
    account: u64,
    #[serde(default)]
    id: u64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    max_scope: Option<String>,
    #[serde(default)]
    networks: Vec<String>,
    #[serde(default)]
    created_at: u64,
    #[serde(default)]
    expires_at: Option<u64>,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    cancels_orders: bool,
    #[serde(default)]
    rotation: u32,
    #[serde(default)]
    previous: Option<PreviousEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PreviousEntry {
    client_secret: Secret,
    until: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WalletEntry {
    address: String,
    account: u64,
    linked_at: u64,
    may_withdraw: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionKeyEntry {
    address: String,
    account: u64,
    wallet: String,
    scope: String,
    expires_at: u64,
}

/// `None` when the text is something else.
pub(super) fn read(text: &str) -> Option<Book> {
    let file: CredentialsFile = serde_json::from_str(text).ok()?;
    let mut book = Book { last_id: file.last_id, ..Book::default() };
    for entry in file.credentials {
        let mut key = read_key(entry)?;
        if key.id == 0 {
            book.last_id = book.last_id.checked_add(1)?;
            key.id = book.last_id;
        }
        book.keys.insert(key.client_id.clone(), key);
    }
    for entry in file.wallets {
        let wallet = Wallet {
            account: AccountId(entry.account),
            linked_at: Nanos::new(entry.linked_at),
            may_withdraw: entry.may_withdraw,
        };
        book.wallets.insert(address(&entry.address)?, wallet);
    }
    for entry in file.session_keys {
        let key = SessionKey {
            account: AccountId(entry.account),
            wallet: address(&entry.wallet)?,
            scope: Scope::parse(&entry.scope).ok()?.named(),
            expires_at: Nanos::new(entry.expires_at),
        };
        book.session_keys.insert(address(&entry.address)?, key);
    }
    Some(book)
}

fn read_key(entry: KeyEntry) -> Option<ApiKey> {
    let max_scope = match &entry.max_scope {
        None => Scope::of_keys(),
        // Whatever the file says: no key takes money out.
        Some(text) => Scope::parse(text).ok()?.named().min(Scope::of_keys()),
    };
    let networks: Result<Vec<Network>, _> =
        entry.networks.iter().map(|network| network.parse()).collect();
    let previous =
        entry.previous.map(|it| Previous { secret: it.client_secret, until: Nanos::new(it.until) });
    Some(ApiKey {
        id: entry.id,
        client_id: entry.client_id,
        secret: entry.client_secret,
        account: AccountId(entry.account),
        name: entry.name,
        max_scope,
        networks: networks.ok()?,
        created_at: Nanos::new(entry.created_at),
        expires_at: entry.expires_at.map(Nanos::new),
        is_enabled: !entry.disabled,
        cancels_orders: entry.cancels_orders,
        rotation: entry.rotation,
        previous,
    })
}

fn address(text: &str) -> Option<[u8; 20]> {
    let mut bytes = [0; 20];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

/// `None` never: every book can be written.
pub(super) fn write(book: &Book) -> Option<Zeroizing<Vec<u8>>> {
    let file = CredentialsFile {
        credentials: book.keys.values().map(key_entry).collect(),
        last_id: book.last_id,
        wallets: book.wallets.iter().map(wallet_entry).collect(),
        session_keys: book.session_keys.iter().map(session_key_entry).collect(),
    };
    let entries = book.keys.len().saturating_add(book.wallets.len());
    let entries = entries.saturating_add(book.session_keys.len()).saturating_add(1);
    let mut text = Zeroizing::new(Vec::with_capacity(entries.saturating_mul(ENTRY_LEN)));
    serde_json::to_writer_pretty(&mut *text, &file).ok()?;
    Some(text)
}

fn key_entry(key: &ApiKey) -> KeyEntry {
    KeyEntry {
        client_id: key.client_id.clone(),
        client_secret: key.secret.clone(),
        account: key.account.0,
        id: key.id,
        name: key.name.clone(),
        max_scope: Some(key.max_scope.to_string()),
        networks: key.networks.iter().map(Network::to_string).collect(),
        created_at: key.created_at.nanos(),
        expires_at: key.expires_at.map(Nanos::nanos),
        disabled: !key.is_enabled,
        cancels_orders: key.cancels_orders,
        rotation: key.rotation,
        previous: key.previous.as_ref().map(|previous| PreviousEntry {
            client_secret: previous.secret.clone(),
            until: previous.until.nanos(),
        }),
    }
}

fn wallet_entry((address, wallet): (&[u8; 20], &Wallet)) -> WalletEntry {
    WalletEntry {
        address: hex::encode(address),
        account: wallet.account.0,
        linked_at: wallet.linked_at.nanos(),
        may_withdraw: wallet.may_withdraw,
    }
}

fn session_key_entry((address, key): (&[u8; 20], &SessionKey)) -> SessionKeyEntry {
    SessionKeyEntry {
        address: hex::encode(address),
        account: key.account.0,
        wallet: hex::encode(key.wallet),
        scope: key.scope.to_string(),
        expires_at: key.expires_at.nanos(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venue::credentials::{NewKey, SessionKey, Wallet};

    #[test]
    fn a_book_that_is_written_is_read_again() {
        let mut book = Book::default();
        let now = Nanos::from_seconds(5);
        let new = NewKey {
            account: AccountId(7),
            name: "desk".to_owned(),
            max_scope: Scope::parse("trade:read").unwrap().named(),
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            created_at: now,
            expires_at: Some(Nanos::from_seconds(90)),
            cancels_orders: true,
        };
        let key = book.create(new).unwrap();
        book.rotate(AccountId(7), key.id, Nanos::from_seconds(9)).unwrap();
        book.link([1; 20], Wallet { account: AccountId(7), linked_at: now, may_withdraw: true })
            .unwrap();
        let session = SessionKey {
            account: AccountId(7),
            wallet: [1; 20],
            scope: Scope::of_keys(),
            expires_at: Nanos::from_seconds(99),
        };
        book.let_in([2; 20], session, now).unwrap();
        let text = write(&book).unwrap();
        assert_eq!(read(str::from_utf8(&text).unwrap()), Some(book));
    }

    #[test]
    fn auth_003_a_key_that_a_file_lets_withdraw_may_not() {
        let text = r#"{"credentials":[{"client_id":"a","client_secret":"s","account":3,
            "max_scope":"account:read wallet:read_write"}]}"#;
        let book = read(text).unwrap();
        let scope = book.key("a").unwrap().max_scope.to_string();
        assert_eq!(scope, "account:read trade:none wallet:read");
    }
}
