//! The venue's side of who may ask: its book of credentials, its memory of signatures, its audit log.

use std::sync::Arc;

use instruments::{AccountId, Nanos};
use parking_lot::Mutex;

use super::Venue;
use super::audit::{AuditEvent, AuditHead};
use super::credentials::{Book, Credential, KeyError, Wallet};
use super::options::AuthOptions;
use crate::auth::Nonces;

impl Venue {
    /// Notes a security event or an operator's action in the audit log.
    pub fn audit(&self, event: AuditEvent<'_>) {
        self.running.audit.note(event, self.now());
    }

    /// The same of a refusal. A flood of them is counted instead.
    pub(crate) fn audit_refusal(&self, event: AuditEvent<'_>) {
        self.running.audit.note_refusal(event, self.now());
    }

    /// Signs the head of the audit log when it is time to.
    pub fn sign_audit_when_due(&self) {
        self.running.audit.sign_when_due(self.now());
    }

    /// The newest signed head of the audit log.
    #[must_use]
    pub fn audit_head(&self) -> Option<AuditHead> {
        self.running.audit.head()
    }

    /// Who may ask, as it is now.
    pub(crate) fn book(&self) -> Arc<Book> {
        self.running.credentials.book()
    }

    /// Changes who may ask. Blocks until it is on disk.
    pub(crate) fn change_book<T>(
        &self,
        change: impl FnOnce(&mut Book) -> Result<T, KeyError>,
    ) -> Result<T, KeyError> {
        self.running.credentials.change(change)
    }

    /// The credential of a client.
    #[must_use]
    pub fn credential(&self, client_id: &str) -> Option<Credential> {
        self.book().key(client_id).map(|key| key.credential())
    }

    /// The first credential of an account: the one it has, or a new one, on disk before it is returned.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn issue_credential(&self, account: AccountId) -> Result<Credential, KeyError> {
        let credential = self.running.credentials.issue(account, self.now())?;
        let object = format!("account {} key {}", account.0, credential.client_id);
        self.audit(AuditEvent {
            actor: "operator",
            action: "key.issue",
            object: &object,
            result: "ok",
        });
        Ok(credential)
    }

    /// Lets a wallet log in as an account and take money out of it: the operator's word, as no key's is.
    ///
    /// # Errors
    /// When the wallet is somebody's, the account has too many, or it cannot be written.
    pub fn link_wallet(&self, account: AccountId, address: [u8; 20]) -> Result<(), KeyError> {
        let wallet = Wallet { account, linked_at: self.now(), may_withdraw: true };
        self.change_book(|book| book.link(address, wallet))?;
        let object = format!("account {} wallet 0x{}", account.0, hex::encode(address));
        self.audit(AuditEvent {
            actor: "operator",
            action: "wallet.link",
            object: &object,
            result: "ok",
        });
        Ok(())
    }

    pub(super) fn has_credential(&self, account: AccountId) -> bool {
        self.book().keys_of(account).next().is_some()
    }

    /// Who may ask, and how it is known.
    pub(crate) fn auth_options(&self) -> &AuthOptions {
        &self.running.auth
    }

    /// Signatures that were accepted.
    pub(crate) fn nonces(&self) -> Arc<Mutex<Nonces>> {
        Arc::clone(&self.running.nonces)
    }

    /// What was signed before may have been used.
    pub(crate) fn signatures_since(&self) -> Nanos {
        self.running.signatures_since
    }
}
