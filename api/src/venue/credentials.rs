//! Who may log in as which account: `DIR/credentials.json`. Keys never enter the journal.
//!
//! Invariants:
//! - what is given out is on disk;
//! - a number is never given twice, and no more of anything are kept for an account than its limit;
//! - a reader sees the book as it was before a change or after it.

mod book;
mod file;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use instruments::{AccountId, Nanos};
use parking_lot::{Mutex, RwLock};
use thiserror::Error;

use super::directory::{DirectoryError, read_secret_file, replace_file};
use crate::auth::Secret;

pub(crate) use book::{ApiKey, Book, KeyEdit, NewKey, SessionKey, Wallet};

/// API keys of an account. Twice Deribit's.
pub(crate) const KEYS_PER_ACCOUNT_MAX: usize = 16;
/// Wallets of an account.
pub(crate) const WALLETS_PER_ACCOUNT_MAX: usize = 4;
/// Session keys of an account that have not expired.
pub(crate) const SESSION_KEYS_PER_ACCOUNT_MAX: usize = 8;

/// A client's id and secret, and the account they open.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// What the client calls itself. Not a secret.
    pub client_id: String,
    /// What only the client knows, and we.
    pub client_secret: Secret,
    /// Whose session it opens.
    pub account: AccountId,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("client_id", &self.client_id)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// Why the book of credentials was not changed.
#[derive(Debug, Error)]
pub enum KeyError {
    /// Nothing of this account is called that.
    #[error("the account has no such {what}")]
    Unknown {
        /// What was named.
        what: &'static str,
    },
    /// The account has as many as it may.
    #[error("the account has {limit} {what}, the most it may have")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        limit: usize,
    },
    /// A wallet or a session key is one account's.
    #[error("the {what} is another account's, or this account has it already")]
    Taken {
        /// What was to be bound.
        what: &'static str,
    },
    /// The file could not be written.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl From<getrandom::Error> for KeyError {
    fn from(error: getrandom::Error) -> Self {
        Self::Directory(error.into())
    }
}

/// All credentials of a venue.
pub(crate) struct Credentials {
    path: PathBuf,
    book: RwLock<Arc<Book>>,
    /// One change at a time; readers do not wait for the disk.
    changing: Mutex<()>,
}

impl Credentials {
    /// Reads the file; none means nobody may log in yet.
    ///
    /// # Errors
    /// When others than its owner can read it, or it is not a book of credentials.
    pub(crate) fn load(path: &Path) -> Result<Self, DirectoryError> {
        let book = match read_secret_file(path)? {
            None => Book::default(),
            Some(text) => file::read(&text).ok_or_else(|| DirectoryError::Malformed {
                path: path.to_owned(),
                expected: "a list of credentials in JSON",
            })?,
        };
        let book = RwLock::new(Arc::new(book));
        Ok(Self { path: path.to_owned(), book, changing: Mutex::default() })
    }

    /// The book as it is now.
    pub(crate) fn book(&self) -> Arc<Book> {
        Arc::clone(&self.book.read())
    }

    /// Changes a copy, has it on disk, and puts it in the book's place. Blocks for as long as the disk takes.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&mut Book) -> Result<T, KeyError>,
    ) -> Result<T, KeyError> {
        let _one = self.changing.lock();
        let mut book = Book::clone(&self.book());
        let changed = change(&mut book)?;
        let text = file::write(&book).ok_or_else(|| DirectoryError::Malformed {
            path: self.path.clone(),
            expected: "writable as JSON",
        })?;
        replace_file(&self.path, &text)?;
        *self.book.write() = Arc::new(book);
        Ok(changed)
    }

    /// The first credential of an account: the one it has, or a new one.
    pub(crate) fn issue(&self, account: AccountId, now: Nanos) -> Result<Credential, KeyError> {
        if let Some(key) = self.book().first_of(account) {
            return Ok(key.credential());
        }
        let new = NewKey { account, created_at: now, ..NewKey::default() };
        self.change(|book| book.create(new)).map(|key| key.credential())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn at(seconds: u64) -> Nanos {
        Nanos::from_seconds(seconds)
    }

    /// AUTH-031
    #[test]
    fn a_credential_survives_a_restart_and_its_secret_is_not_printed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("credentials.json");
        let issued = Credentials::load(&path).unwrap().issue(AccountId(7), at(1)).unwrap();

        let loaded = Credentials::load(&path).unwrap();
        let key = loaded.book().key(&issued.client_id).cloned().unwrap();
        assert_eq!(key.credential(), issued);
        assert_eq!(loaded.issue(AccountId(7), at(2)).unwrap(), issued);
        assert_eq!(issued.client_secret.len(), 64);
        for shown in [format!("{issued:?}"), format!("{key:?}")] {
            assert!(!shown.contains(&*issued.client_secret), "{shown}");
        }
    }

    #[test]
    fn a_file_that_is_not_a_list_of_credentials_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("credentials.json");
        replace_file(&path, br#"{"credentials":[{"client_id":"a"}]}"#).unwrap();
        assert!(matches!(Credentials::load(&path), Err(DirectoryError::Malformed { .. })));
    }

    #[test]
    fn a_file_of_a_version_that_knew_one_key_an_account_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("credentials.json");
        let text = br#"{"credentials":[{"client_id":"a","client_secret":"s","account":3}]}"#;
        replace_file(&path, text).unwrap();
        let book = Credentials::load(&path).unwrap().book();
        let key = book.key("a").unwrap();
        assert_eq!((key.account, key.is_enabled, key.id), (AccountId(3), true, 1));
        assert_eq!(key.max_scope, crate::auth::Scope::of_keys());
    }

    #[test]
    fn auth_030_a_file_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("credentials.json");
        Credentials::load(&path).unwrap().issue(AccountId(7), at(1)).unwrap();
        for mode in [0o644, 0o640, 0o602, 0o777] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let refused = Credentials::load(&path).map(drop).unwrap_err();
            assert!(matches!(refused, DirectoryError::Exposed { .. }), "{mode:o}: {refused}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Credentials::load(&path).is_ok());
    }
}
