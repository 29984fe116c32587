//! Keys of a desk, its wallet, and a key that the wallet lets in.

use ethers_signers::Signer;
use instruments::{AccountId, NanosSpan};
use serde_json::{Value, json};

use super::{Scribe, Session};
use crate::stand::{Stand, start_of_time};
use crate::wallets::{address, sign_grant, sign_text, wallet};

pub(super) async fn tell(scribe: &mut Scribe) {
    let stand = Stand::open().await;
    let mut desk = Session::trader(&stand, 1_000).await;
    api_keys(scribe, &mut desk).await;
    wallets(scribe, &stand, &mut desk).await;
    // A head is signed a while after what it is of.
    stand.clock.set(start_of_time() + NanosSpan::from_seconds(60));
    let signing = stand.venue.clone();
    tokio::task::spawn_blocking(move || signing.sign_audit_when_due()).await.unwrap();
    scribe.ask(&mut desk, "public/get_audit_head", json!({})).await;
}

async fn api_keys(scribe: &mut Scribe, desk: &mut Session) {
    let ends = start_of_time().millis() + 86_400_000;
    let new = json!({
        "max_scope": "account:read trade:read_write", "name": "hedger", "ip_whitelist": ["10.1.0.0/16"],
        "expires_at": ends, "cancel_on_revoke": true,
    });
    let id = scribe.ask(desk, "private/create_api_key", new).await["id"].clone();
    let only = || json!({"id": id});
    scribe.ask(desk, "private/list_api_keys", json!({})).await;
    let edit =
        json!({"id": id, "max_scope": "account:read trade:read", "expires_at": ends + 1_000});
    scribe.ask(desk, "private/edit_api_key", edit).await;
    let scope = json!({"id": id, "max_scope": "trade:read"});
    scribe.ask(desk, "private/change_scope_in_api_key", scope).await;
    let name = json!({"id": id, "name": "watcher"});
    scribe.ask(desk, "private/change_api_key_name", name).await;
    scribe.ask(desk, "private/disable_api_key", only()).await;
    scribe.ask(desk, "private/enable_api_key", only()).await;
    scribe.ask(desk, "private/reset_api_key", json!({"id": id, "overlap": 600})).await;
    scribe.ask(desk, "private/remove_api_key", only()).await;
}

async fn wallets(scribe: &mut Scribe, stand: &Stand, desk: &mut Session) {
    let (owner, key) = (wallet(7), wallet(20));
    let whose = || json!({"address": address(&owner)});
    let given = scribe.ask(desk, "private/get_link_challenge", whose()).await;
    let text = given["message"].as_str().unwrap();
    let signed = json!({"message": text, "signature": sign_text(&owner, text)});
    scribe.ask(desk, "private/link_wallet", signed).await;
    scribe.ask(desk, "private/list_wallets", json!({})).await;

    let mut stranger = Session::open(stand).await;
    let asked = json!({"address": address(&owner), "purpose": "session_key"});
    let given = scribe.ask(&mut stranger, "public/get_sign_in_challenge", asked).await;
    let account = desk.number().await;
    let (scope, ends) = ("trade:read_write", start_of_time().millis() + 3_600_000);
    let mut grant = json!({
        "account": account, "wallet": address(&owner), "address": address(&key), "scope": scope,
        "expires_at": ends, "nonce": given["nonce"],
    });
    grant["signature"] = json!(sign_grant(&owner, &key, &grant));
    scribe.ask(&mut stranger, "public/create_session_key", grant).await;
    scribe.ask(desk, "private/list_session_keys", json!({})).await;
    let let_in = json!({"address": address(&key)});
    scribe.ask(desk, "private/remove_session_key", let_in).await;
    scribe.ask(desk, "private/unlink_wallet", whose()).await;
}

/// A session of an account's owner, who may take money out.
pub(super) async fn owner(stand: &Stand, of: &mut Session) -> Session {
    let account = of.number().await.as_u64().unwrap();
    stand.venue.link_wallet(AccountId(account), wallet(9).address().0).unwrap();
    let mut session = Session::open(stand).await;
    let whose = json!({"address": address(&wallet(9))});
    let given = session.ask("public/get_sign_in_challenge", whose).await;
    let text = given["message"].as_str().unwrap();
    let login: Value = json!({
        "grant_type": "wallet", "message": text, "signature": sign_text(&wallet(9), text),
    });
    session.ask("public/auth", login).await;
    session
}
