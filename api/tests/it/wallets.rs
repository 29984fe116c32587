//! Wallets: signing in with a text, session keys with typed data, and what is refused of both.

use api::client::{Client, ClientError};
use api::io::sign_agreement::agreement_digest;
use api::io::sign_session::{
    SessionKeyGrant, SessionLogin, session_key_digest, session_login_digest,
};
use ethers_core::types::{H256, U256};
use ethers_core::utils::hash_message;
use ethers_signers::{LocalWallet, Signer};
use exchange::{Agreed, Agreement, BlockLeg};
use instruments::{AccountId, InstrumentId, Nanos, NanosSpan, Price, Qty, Side};
use serde_json::{Value, json};

use crate::stand::{Stand, limit, refusal, start_of_time};

const ORDER: U256 =
    U256([0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, 0xffff_ffff_ffff_fffe, u64::MAX]);

pub(crate) fn wallet(seed: u8) -> LocalWallet {
    LocalWallet::from_bytes(&[seed; 32]).unwrap()
}

pub(crate) fn address(wallet: &LocalWallet) -> String {
    format!("{:?}", wallet.address())
}

fn sign(wallet: &LocalWallet, digest: [u8; 32]) -> String {
    format!("0x{}", wallet.sign_hash(H256(digest)).unwrap())
}

pub(crate) fn sign_text(wallet: &LocalWallet, text: &str) -> String {
    sign(wallet, hash_message(text).0)
}

/// The signature under what `public/create_session_key` is sent.
pub(crate) fn sign_grant(wallet: &LocalWallet, key: &LocalWallet, params: &Value) -> String {
    let text = |name: &str| params[name].as_str().unwrap();
    let number = |name: &str| params[name].as_u64().unwrap();
    let grant = SessionKeyGrant {
        account: number("account"),
        key: key.address().0,
        scope: text("scope"),
        expiry: number("expires_at"),
        nonce: text("nonce"),
        host: "localhost",
    };
    sign(wallet, session_key_digest(&grant))
}

pub(crate) async fn account_of(client: &Client) -> AccountId {
    let summary = client.call("private/get_account_summary", json!({})).await.unwrap();
    AccountId(summary["id"].as_u64().unwrap())
}

/// The text that the venue gives for a purpose.
async fn challenge(client: &Client, wallet: &LocalWallet, purpose: &str) -> Value {
    let params = json!({"address": address(wallet), "purpose": purpose});
    client.call("public/get_sign_in_challenge", params).await.unwrap()
}

async fn send_text(
    client: &Client,
    (text, signature): (&str, String),
) -> Result<Value, ClientError> {
    let params = json!({"grant_type": "wallet", "message": text, "signature": signature});
    client.call("public/auth", params).await
}

/// What a wallet sends to log in.
pub(crate) async fn wallet_login(client: &Client, wallet: &LocalWallet) -> Value {
    let challenge = challenge(client, wallet, "sign_in").await;
    let text = challenge["message"].as_str().unwrap();
    json!({"grant_type": "wallet", "message": text, "signature": sign_text(wallet, text)})
}

/// Logs a client in with a wallet.
pub(crate) async fn sign_in(client: &Client, wallet: &LocalWallet) -> Result<Value, ClientError> {
    let params = wallet_login(client, wallet).await;
    client.call("public/auth", params).await
}

/// A login of the account that may take money out: its own wallet's.
pub(crate) async fn owner_of(stand: &Stand, client: &Client) -> Client {
    let account = account_of(client).await;
    let seed = u8::try_from(account.0 % 200).unwrap() + 1;
    stand.venue.link_wallet(account, wallet(seed).address().0).unwrap();
    let (owner, _) = stand.stranger().await;
    let granted = sign_in(&owner, &wallet(seed)).await.unwrap();
    assert_eq!(
        granted["scope"],
        "connection account:read_write trade:read_write wallet:read_write"
    );
    owner
}

/// AUTH-003, AUTH-022: the whole way of a wallet that a key links, and of one that the operator or an owner links.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_003_a_wallet_that_a_key_has_linked_logs_in_and_does_not_withdraw() {
    let stand = Stand::open().await;
    let (client, _) = stand.trader(1_000).await;
    let account = account_of(&client).await;
    let link = async |by: &Client, wallet: &LocalWallet| {
        let asked = json!({"address": address(wallet)});
        let challenge = by.call("private/get_link_challenge", asked).await.unwrap();
        let text = challenge["message"].as_str().unwrap();
        assert!(text.contains(&format!("Link this wallet to Tenor account {}.", account.0)));
        let params = json!({"message": text, "signature": sign_text(wallet, text)});
        by.call("private/link_wallet", params).await
    };
    let linked = link(&client, &wallet(9)).await.unwrap();
    assert_eq!(linked["may_withdraw"], json!(false));
    let (by_key, _) = stand.stranger().await;
    let granted = sign_in(&by_key, &wallet(9)).await.unwrap();
    assert_eq!(granted["scope"], "connection account:read_write trade:read_write wallet:read");
    let withdraw = json!({"amount": 1});
    let refused = refusal(by_key.call("private/withdraw", withdraw.clone()).await);
    assert_eq!((refused.0, refused.1), (13021, json!("scope")));

    let owner = owner_of(&stand, &client).await;
    assert!(owner.call("private/withdraw", withdraw.clone()).await.is_ok());
    let linked = link(&owner, &wallet(10)).await.unwrap();
    assert_eq!(linked["may_withdraw"], json!(true));
    let all = client.call("private/list_wallets", json!({})).await.unwrap();
    assert_eq!(all.as_array().unwrap().len(), 3);

    // A key that was stolen does not lock the owner out, and another account has nothing to say.
    let owners = json!({"address": address(&wallet(10))});
    assert_eq!(refusal(client.call("private/unlink_wallet", owners.clone()).await).0, 13021);
    assert_eq!(refusal(link(&client, &wallet(10)).await).0, 11050, "it is linked already");
    let (other, _) = stand.trader(1).await;
    assert_eq!(refusal(other.call("private/unlink_wallet", owners.clone()).await).0, 13020);
    owner.call("private/unlink_wallet", owners).await.unwrap();
    assert_eq!(refusal(sign_in(&stand.stranger().await.0, &wallet(10)).await).0, 13004);
}

/// AUTH-020, AUTH-021: S2, S4 and S6 for the text.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_021_a_text_logs_in_once_and_only_for_what_it_says() {
    let stand = Stand::open().await;
    let (client, _) = stand.trader(1_000).await;
    let account = account_of(&client).await;
    stand.venue.link_wallet(account, wallet(7).address().0).unwrap();
    let (stranger, _) = stand.stranger().await;

    for (from, to) in [
        ("localhost wants", "evil.example wants"),
        ("https://localhost/", "https://evil.example/"),
        ("Version: 1", "Version: 2"),
        ("Chain ID: 31337", "Chain ID: 1"),
        ("Sign in to Tenor.", "Link this wallet to Tenor account 1."),
        ("Nonce: ", "Nonce: 0"),
        ("Nonce: 0", "Nonce: 1"),
    ] {
        let given = challenge(&stranger, &wallet(7), "sign_in").await;
        let text = given["message"].as_str().unwrap().replacen(from, to, 1);
        let sent = send_text(&stranger, (&text, sign_text(&wallet(7), &text))).await;
        assert_eq!(refusal(sent).0, 13004, "{to}");
    }
    // Somebody else's signature, and a nonce that was given for something or somebody else.
    let given = challenge(&stranger, &wallet(7), "sign_in").await;
    let text = given["message"].as_str().unwrap();
    let forged = send_text(&stranger, (text, sign_text(&wallet(8), text))).await;
    let unknown = sign_in(&stranger, &wallet(8)).await;
    assert_eq!(forged.unwrap_err().to_string(), unknown.unwrap_err().to_string());
    let other = challenge(&stranger, &wallet(7), "session_key").await;
    let swapped = text.replace(given["nonce"].as_str().unwrap(), other["nonce"].as_str().unwrap());
    let sent = send_text(&stranger, (&swapped, sign_text(&wallet(7), &swapped))).await;
    assert_eq!(refusal(sent).1, json!("nonce"));

    for (what, signature) in malleated(&sign_text(&wallet(7), text)) {
        let sent = refusal(send_text(&stranger, (text, signature)).await);
        assert!(matches!(sent.0, 13004 | -32602), "{what}: {sent:?}");
    }
    // None of that has used the nonce up; the login does.
    let signature = sign_text(&wallet(7), text);
    send_text(&stranger, (text, signature.clone())).await.unwrap();
    let (thief, _) = stand.stranger().await;
    let again = refusal(send_text(&thief, (text, signature)).await);
    assert_eq!((again.0, again.1), (13004, json!("nonce")));
    let late = challenge(&thief, &wallet(7), "sign_in").await;
    let text = late["message"].as_str().unwrap();
    stand.clock.set(start_of_time() + NanosSpan::from_seconds(300));
    let sent = refusal(send_text(&thief, (text, sign_text(&wallet(7), text))).await);
    assert_eq!(sent.0, 13004);
}

/// Every other form of a signature that some reader might take for the same one.
fn malleated(signature: &str) -> Vec<(&'static str, String)> {
    let mut bytes = [0; 65];
    hex::decode_to_slice(signature.trim_start_matches("0x"), &mut bytes).unwrap();
    let change = |change: &dyn Fn(&mut [u8; 65])| {
        let mut changed = bytes;
        change(&mut changed);
        format!("0x{}", hex::encode(changed))
    };
    let high = |changed: &mut [u8; 65]| {
        let s = U256::from_big_endian(&changed[32..64]);
        (ORDER - s).to_big_endian(&mut changed[32..64]);
    };
    vec![
        ("high s", change(&high)),
        (
            "high s and the other v",
            change(&|it| {
                high(it);
                it[64] = 55 - it[64];
            }),
        ),
        ("v of 0 or 1", change(&|it| it[64] -= 27)),
        ("the other v", change(&|it| it[64] = 55 - it[64])),
        ("v of 29", change(&|it| it[64] = 29)),
        ("v of a chain", change(&|it| it[64] = 37)),
        ("zero", change(&|it| it.fill(0))),
        ("zero r", change(&|it| it[..32].fill(0))),
        ("zero s", change(&|it| it[32..64].fill(0))),
        ("r of the order", change(&|it| ORDER.to_big_endian(&mut it[..32]))),
        ("64 bytes", signature[..130].to_owned()),
        ("66 bytes", format!("{signature}00")),
    ]
}

/// A session key let in by wallet 7.
struct Granted {
    stand: Stand,
    client: Client,
    account: AccountId,
}

impl Granted {
    async fn open() -> Self {
        let stand = Stand::open().await;
        let (client, _) = stand.trader(1_000).await;
        let account = account_of(&client).await;
        stand.venue.link_wallet(account, wallet(7).address().0).unwrap();
        Self { stand, client, account }
    }

    async fn grant(
        &self,
        scope: &str,
        change: impl FnOnce(&mut SessionKeyGrant<'_>),
    ) -> Result<Value, ClientError> {
        let (client, _) = self.stand.stranger().await;
        let given = challenge(&client, &wallet(7), "session_key").await;
        let nonce = given["nonce"].as_str().unwrap();
        let expiry = start_of_time().millis() + 60_000;
        let mut grant = SessionKeyGrant {
            account: self.account.0,
            key: wallet(20).address().0,
            scope,
            expiry,
            nonce,
            host: "localhost",
        };
        let mut params = json!({
            "account": grant.account, "wallet": address(&wallet(7)), "scope": scope,
            "address": address(&wallet(20)), "expires_at": expiry, "nonce": nonce,
        });
        change(&mut grant);
        params["signature"] = json!(sign(&wallet(7), session_key_digest(&grant)));
        client.call("public/create_session_key", params).await
    }

    async fn login(
        &self,
        nonce: &str,
        change: impl FnOnce(&mut SessionLogin<'_>),
    ) -> (Client, Result<Value, ClientError>) {
        let (client, _) = self.stand.stranger().await;
        let timestamp = self.stand.venue.now().millis();
        let key = wallet(20).address().0;
        let mut login =
            SessionLogin { key, scope: "trade:read_write", timestamp, nonce, host: "localhost" };
        change(&mut login);
        let params = json!({
            "grant_type": "session_key", "address": address(&wallet(20)),
            "scope": "trade:read_write", "timestamp": timestamp, "nonce": nonce,
            "signature": sign(&wallet(20), session_login_digest(&login)),
        });
        let sent = client.call("public/auth", params).await;
        (client, sent)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_023_a_session_key_trades_as_its_wallet_says_and_no_longer() {
    let desk = Granted::open().await;
    let withdraw = desk.grant("trade:read_write wallet:read_write", |_| {}).await;
    let refused = refusal(withdraw);
    assert_eq!((refused.0, refused.1), (13021, json!("scope")));
    type Change = fn(&mut SessionKeyGrant<'_>);
    let other: [Change; 5] = [
        |it| it.account += 1,
        |it| it.scope = "trade:read_write account:read_write",
        |it| it.expiry += 1,
        |it| it.nonce = "another",
        |it| it.host = "evil.example",
    ];
    for change in other {
        assert_eq!(refusal(desk.grant("trade:read_write", change).await).0, 13004);
    }
    let granted = desk.grant("trade:read_write", |_| {}).await.unwrap();
    assert_eq!(granted["scope"], "account:none trade:read_write wallet:none");
    assert_eq!(refusal(desk.grant("trade:read_write", |_| {}).await).0, 11050, "it is in");

    assert_eq!(refusal(desk.login("n", |it| it.host = "evil.example").await.1).0, 13004);
    assert_eq!(refusal(desk.login("n", |it| it.scope = "").await.1).0, 13004);
    let (session, login) = desk.login("n", |_| {}).await;
    assert_eq!(login.unwrap()["scope"], "connection account:none trade:read_write wallet:none");
    session.buy(&limit(1, "2.5")).await.unwrap();
    for method in ["private/get_account_summary", "private/withdraw", "private/list_api_keys"] {
        assert_eq!(refusal(session.call(method, json!({})).await).0, 13021, "{method}");
    }
    let replayed = refusal(desk.login("n", |_| {}).await.1);
    assert_eq!((replayed.0, replayed.1), (13004, json!("nonce")));

    // It ends at its time, in a session that is in use too.
    desk.stand.clock.set(start_of_time() + NanosSpan::from_seconds(60));
    assert!(session.buy(&limit(1, "2.5")).await.is_err());
    assert_eq!(refusal(desk.login("m", |_| {}).await.1).0, 13004);
}

/// AUTH-024: S5. The numbers are eth-account's (0.14.0, `encode_typed_data`), for wallet 7 and key 20.
#[test]
fn auth_024_session_keys_have_the_digests_that_eth_account_finds() {
    let vectors: Value = serde_json::from_str(include_str!("eip712.json")).unwrap();
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
    let key = |value: &Value| {
        let mut bytes = [0; 20];
        hex::decode_to_slice(&text(value, "key")[2..], &mut bytes).unwrap();
        bytes
    };
    let mut count = 0;
    for vector in vectors["keys"].as_array().unwrap() {
        let (scope, nonce, host) =
            (text(vector, "scope"), text(vector, "nonce"), text(vector, "host"));
        let digest = session_key_digest(&SessionKeyGrant {
            account: vector["account"].as_u64().unwrap(),
            key: key(vector),
            scope: &scope,
            expiry: vector["expiry"].as_u64().unwrap(),
            nonce: &nonce,
            host: &host,
        });
        assert_eq!(hex::encode(digest), text(vector, "digest"), "{vector}");
        assert_eq!(sign(&wallet(7), digest), text(vector, "signature"), "{vector}");
        count += 1;
    }
    for vector in vectors["logins"].as_array().unwrap() {
        let (scope, nonce, host) =
            (text(vector, "scope"), text(vector, "nonce"), text(vector, "host"));
        let digest = session_login_digest(&SessionLogin {
            key: key(vector),
            scope: &scope,
            timestamp: vector["timestamp"].as_u64().unwrap(),
            nonce: &nonce,
            host: &host,
        });
        assert_eq!(hex::encode(digest), text(vector, "digest"), "{vector}");
        count += 1;
    }
    for vector in vectors["texts"].as_array().unwrap() {
        let message = text(vector, "message");
        assert_eq!(hex::encode(hash_message(&message)), text(vector, "digest"), "{message}");
        count += 1;
    }
    assert_eq!(count, 70);
}

/// AUTH-024: structs in arrays, and an empty array, where libraries have gone wrong before.
#[test]
fn auth_024_agreements_of_many_legs_have_the_digests_that_eth_account_finds() {
    let vectors: Value = serde_json::from_str(include_str!("eip712.json")).unwrap();
    let number = |value: &Value, name: &str| value[name].as_u64().unwrap();
    let leg = |leg: &Value| BlockLeg {
        instrument: InstrumentId(number(leg, "instrument")),
        side: if leg["firstBuys"] == json!(true) { Side::Buy } else { Side::Sell },
        qty: Qty::from_lots(number(leg, "lots")),
        price: Price::from_ticks(i64::try_from(number(leg, "ticks")).unwrap()),
    };
    let mut legs = std::collections::BTreeSet::new();
    for vector in vectors["agreements"].as_array().unwrap() {
        let mut reservation = [0; 32];
        hex::decode_to_slice(vector["reservation"].as_str().unwrap(), &mut reservation).unwrap();
        let is_reserved = vector["forReservation"] == json!(true);
        let agreement = Agreement {
            parties: [number(vector, "first"), number(vector, "second")].map(AccountId),
            agreed: Agreed::Trades {
                legs: vector["legs"].as_array().unwrap().iter().map(leg).collect(),
                reservation: is_reserved.then_some(reservation),
            },
            nonce: number(vector, "nonce"),
            valid_until: Nanos::new(number(vector, "validUntil")),
        };
        let digest = hex::encode(agreement_digest(&agreement));
        assert_eq!(digest, vector["digest"].as_str().unwrap(), "{vector}");
        legs.insert(vector["legs"].as_array().unwrap().len());
    }
    assert_eq!(legs, (0..5).collect());
}

/// AUTH-024: another chain, contract, name or version is another digest, and so another signer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_024_a_signature_for_another_domain_is_refused() {
    let desk = Granted::open().await;
    desk.grant("trade:read_write", |_| {}).await.unwrap();
    let vectors: Value = serde_json::from_str(include_str!("eip712.json")).unwrap();
    let foreign = vectors["foreign"].as_array().unwrap();
    assert_eq!(foreign.len(), 4);
    for vector in foreign {
        let (client, _) = desk.stand.stranger().await;
        let params = json!({
            "grant_type": "session_key", "address": address(&wallet(20)),
            "scope": "trade:read_write", "timestamp": start_of_time().millis(), "nonce": "n",
            "signature": vector["signature"],
        });
        let refused = refusal(client.call("public/auth", params).await);
        assert_eq!(refused.0, 13004, "{vector}");
    }
    assert!(desk.login("n", |_| {}).await.1.is_ok());
    desk.client
        .call("private/remove_session_key", json!({"address": address(&wallet(20))}))
        .await
        .unwrap();
    assert_eq!(refusal(desk.login("o", |_| {}).await.1).0, 13004);
}
