//! What time does to keys: an expired one ends its account's orders where it was made to, and the audit log gets its signed heads.

use std::time::Duration;

use exchange::{CancelFilter, Command};
use instruments::AccountId;

use crate::venue::{AuditEvent, Book, KeyEdit, Venue};

/// How late anything here happens at most: sessions of an expired key end as late.
const EVERY: Duration = Duration::from_millis(250);

/// Never ends.
pub(crate) async fn run(venue: Venue) {
    loop {
        tokio::time::sleep(EVERY).await;
        for (account, id) in expired(&venue) {
            expire(&venue, account, id).await;
        }
        let signing = venue.clone();
        let signed = tokio::task::spawn_blocking(move || signing.sign_audit_when_due()).await;
        if signed.is_err() {
            tracing::error!("the head of the audit log was not signed");
        }
    }
}

/// Keys that have expired, and whose account's orders end with them, unless they have been dealt with: then they are disabled.
fn expired(venue: &Venue) -> Vec<(AccountId, u64)> {
    let (book, now) = (venue.book(), venue.now());
    book.keys()
        .filter(|key| key.cancels_orders && key.is_enabled && key.has_expired(now))
        .map(|key| (key.account, key.id))
        .collect()
}

/// The orders first: what is cut off in between is done again.
async fn expire(venue: &Venue, account: AccountId, id: u64) {
    cancel_orders(venue, account).await;
    let changing = venue.clone();
    let disable = move |book: &mut Book| {
        book.edit(account, id, KeyEdit { is_enabled: Some(false), ..KeyEdit::default() })
    };
    let changed = tokio::task::spawn_blocking(move || changing.change_book(disable)).await;
    if !matches!(changed, Ok(Ok(_))) {
        tracing::error!("a key that has expired could not be disabled");
    }
    venue.audit(AuditEvent {
        actor: "venue",
        action: "key.expire",
        object: &format!("account {} key {id}", account.0),
        result: "ok",
    });
}

/// Cancels every open order of an account whose key has ended.
pub(crate) async fn cancel_orders(venue: &Venue, account: AccountId) {
    let filter = CancelFilter::default();
    if let Err(error) = venue.submit(Command::CancelAll { account, filter }).await {
        tracing::warn!(%error, "the orders of an account whose key has ended were not cancelled");
    }
}
