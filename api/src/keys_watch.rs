//! What time does to keys: an expired one ends its account's orders where it was made to, and the audit log gets its signed heads.

use std::time::Duration;

use exchange::{CancelFilter, Command};
use instruments::{AccountId, Nanos};

use crate::venue::{AuditEvent, Venue};

/// How late anything here happens at most: sessions of an expired key end as late.
const EVERY: Duration = Duration::from_millis(250);

/// Never ends.
pub(crate) async fn run(venue: Venue) {
    let mut looked_at = venue.now();
    loop {
        tokio::time::sleep(EVERY).await;
        let now = venue.now();
        for (account, client_id) in expired(&venue, looked_at, now) {
            let object = format!("account {} key {client_id}", account.0);
            venue.audit(AuditEvent {
                actor: "venue",
                action: "key.expire",
                object: &object,
                result: "ok",
            });
            cancel_orders(&venue, account).await;
        }
        looked_at = now;
        let signing = venue.clone();
        let signed = tokio::task::spawn_blocking(move || signing.sign_audit_when_due()).await;
        if signed.is_err() {
            tracing::error!("the head of the audit log was not signed");
        }
    }
}

/// Keys that have expired since, and whose account's orders end with them.
fn expired(venue: &Venue, since: Nanos, now: Nanos) -> Vec<(AccountId, String)> {
    let book = venue.book();
    let has_expired = |at: Nanos| since < at && at <= now;
    book.keys()
        .filter(|key| key.cancels_orders && key.expires_at.is_some_and(has_expired))
        .map(|key| (key.account, key.client_id.clone()))
        .collect()
}

/// Cancels every open order of an account whose key has ended.
pub(crate) async fn cancel_orders(venue: &Venue, account: AccountId) {
    let filter = CancelFilter::default();
    if let Err(error) = venue.submit(Command::CancelAll { account, filter }).await {
        tracing::warn!(%error, "the orders of an account whose key has ended were not cancelled");
    }
}
