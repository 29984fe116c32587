//! The whole matrix: every method and every scope, one's own and somebody else's objects, over a real server.

use std::collections::BTreeSet;

use api::client::{Blobs, Client, ClientError};
use api::reference::{Route, routes};
use ethers_core::types::H256;
use serde_json::{Value, json};

use crate::jobs::Parties;
use crate::stand::{Stand, limit, refusal};
use crate::wallets::{account_of, owner_of, sign_in, wallet};

/// Fields that name an object of one account. A field of a new method stands here or in [`NO_OBJECTS`].
const OBJECTS: &[&str] = &["id", "job_id", "obligation_id", "order_id"];

/// Fields that name nothing that belongs to somebody: terms, filters, names of series, and what everybody may see.
const NO_OBJECTS: &[&str] = &[
    "cancel_type",
    "combo_id",
    "delta_limit",
    "detailed",
    "extended",
    "frozen_time",
    "index_name",
    "interval",
    "max_delta",
    "max_quote_quantity",
    "min_delta",
    "mmp",
    "mmp_group",
    "quantity_limit",
    "quote_id",
    "quote_set_id",
    "quotes",
    "state",
    "trade_limit",
    "trades",
    "vega_limit",
    "wait_for_response",
    "timeout",
    "client_order_id",
    "from_user_seq",
    "from_seq",
    "channel",
    "abandon",
    "account",
    "add_positions",
    "address",
    "amount",
    "auction_id",
    "blobs",
    "cancel_on_revoke",
    "ceiling_price",
    "challenge",
    "challenges",
    "channels",
    "checkpoints",
    "claim",
    "client_id",
    "client_name",
    "client_secret",
    "client_version",
    "continuation",
    "contracts",
    "count",
    "counterparty",
    "counterparty_signature",
    "currency",
    "data",
    "day",
    "depth",
    "destination",
    "direction",
    "display_amount",
    "dry_run",
    "enabled",
    "end_seq",
    "end_timestamp",
    "endpoint",
    "exercise",
    "expired",
    "expires_at",
    "extended",
    "fee",
    "first_segment",
    "from",
    "good_til",
    "gpu_millis",
    "gpu_seconds",
    "gpus",
    "grade",
    "grant_type",
    "hash",
    "historical",
    "include_old",
    "include_unfilled",
    "index_name",
    "instrument_name",
    "interval",
    "invalidate_token",
    "ip_whitelist",
    "kind",
    "label",
    "margin_model",
    "max_scope",
    "message",
    "mode",
    "name",
    "nodes",
    "nonce",
    "offset",
    "openings",
    "overlap",
    "page",
    "partition",
    "post_only",
    "prev",
    "price",
    "purpose",
    "quality",
    "reason",
    "reduce_only",
    "referee",
    "refresh_token",
    "region",
    "reject_post_only",
    "replay_cost",
    "reservation",
    "resolution",
    "result",
    "role",
    "roots",
    "said",
    "scope",
    "search_start_timestamp",
    "signature",
    "simulated_positions",
    "slot",
    "sorting",
    "spec",
    "split_id",
    "start_seq",
    "start_timestamp",
    "step",
    "steps",
    "stp",
    "stp_token",
    "stride",
    "terms",
    "time_in_force",
    "timestamp",
    "trades",
    "trigger",
    "trigger_price",
    "type",
    "until",
    "upheld",
    "valid_until",
    "value",
    "verdict",
    "wallet",
    "with_portfolio",
    "work_root",
];

/// Whether a route names an object of one account.
fn names_an_object(route: &Route) -> bool {
    // An address is anybody's, but for the wallets and session keys of an account.
    let names_address =
        matches!(route.name, "private/unlink_wallet" | "private/remove_session_key");
    // A transcript is public, and so is who delivers what.
    let is_private = route.scope.is_some();
    is_private && (names_address || route.fields.iter().any(|field| OBJECTS.contains(field)))
}

#[test]
fn auth_001_every_field_of_every_method_is_known_to_name_an_object_or_none() {
    let (objects, others) = (BTreeSet::from_iter(OBJECTS), BTreeSet::from_iter(NO_OBJECTS));
    assert!(objects.is_disjoint(&others));
    for route in routes() {
        for field in route.fields {
            let is_known = objects.contains(field) || others.contains(field);
            assert!(is_known, "{}: say whether `{field}` names an account's object", route.name);
        }
        let is_private = !route.name.starts_with("public/");
        assert_eq!(is_private, route.scope.is_some(), "{}", route.name);
    }
}

/// Every scope there is, alone; the last is a wallet's.
const SCOPES: [&str; 7] = [
    "",
    "account:read",
    "account:read_write",
    "trade:read",
    "trade:read_write",
    "wallet:read",
    "wallet:read_write",
];

fn allows(scope: &str, needs: &str) -> bool {
    let level = |text: &str| text.ends_with("read_write");
    let area = |text: &str| text.split(':').next().map(str::to_owned);
    area(scope) == area(needs) && (level(scope) || !level(needs))
}

/// A scope with every area that it does not name at none.
fn only(scope: &str) -> String {
    let areas = ["account", "trade", "wallet"];
    let others = areas.iter().filter(|area| !scope.starts_with(**area));
    others.map(|area| format!("{area}:none ")).collect::<String>() + scope
}

/// A stand, an account with an owner's wallet, and logins of it.
struct Desk {
    stand: Stand,
    client: Client,
    credential: api::venue::Credential,
}

impl Desk {
    async fn open() -> Self {
        let stand = Stand::open().await;
        let credential = stand.account(1_000).await;
        let (client, _) = stand.login(&credential).await;
        owner_of(&stand, &client).await;
        Self { stand, client, credential }
    }

    /// A login with one scope only, and its access token, which is good elsewhere.
    async fn login(&self, scope: &str) -> (Client, String) {
        let (client, _) = self.stand.stranger().await;
        let mut params = json!({
            "grant_type": "client_credentials",
            "client_id": self.credential.client_id,
            "client_secret": self.credential.client_secret,
            "scope": format!("session:matrix {}", only(scope)),
        });
        if scope == "wallet:read_write" {
            let account = account_of(&self.client).await;
            let owner = wallet(u8::try_from(account.0 % 200).unwrap() + 1);
            params = crate::wallets::wallet_login(&client, &owner).await;
            params["scope"] = json!(format!("session:matrix {}", only(scope)));
        }
        let granted = client.call("public/auth", params).await.unwrap();
        assert!(granted["scope"].as_str().unwrap().contains(scope), "{granted}");
        (client, granted["access_token"].as_str().unwrap().to_owned())
    }
}

/// Whether an answer is the refusal of a scope.
fn is_refused(answer: &Result<Value, ClientError>) -> bool {
    matches!(answer, Err(ClientError::Rpc { code: 13021, data, .. }) if data["param"] == "scope")
}

/// AUTH-002, AUTH-003: S7 of the requirements. Every method under every scope over both ways in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_002_every_method_is_refused_under_every_scope_that_does_not_allow_it() {
    let desk = Desk::open().await;
    let mut tried = [0, 0];
    for scope in SCOPES {
        let (mut client, mut token) = desk.login(scope).await;
        for route in routes() {
            let Some(needs) = route.scope else { continue };
            let is_allowed = allows(scope, needs);
            let (verb, path) = match route.name.split_once(' ') {
                Some((verb, _)) => (verb, format!("/api/v2/blobs/{}", "00".repeat(32))),
                None => ("GET", format!("/api/v2/{}", route.name)),
            };
            let before = desk.stand.journaled();
            let head = format!(
                "{verb} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                 authorization: bearer {token}\r\ncontent-length: 0\r\n\r\n"
            );
            let (status, body) = desk.stand.http(head).await;
            let over_http = status == 403 && body.contains(r#""param":"scope""#);
            assert_eq!(!over_http, is_allowed, "{scope} {} over HTTP: {body}", route.name);
            if !route.name.contains(' ') {
                let over_socket = is_refused(&client.call(route.name, json!({})).await);
                assert_eq!(!over_socket, is_allowed, "{scope} {}", route.name);
            }
            if is_allowed {
                tried[1] += 1;
            } else {
                tried[0] += 1;
                assert_eq!(desk.stand.journaled(), before, "{scope} {}", route.name);
            }
            if is_allowed && route.name == "private/logout" {
                (client, token) = desk.login(scope).await;
            }
        }
    }
    assert!(500 < tried[0] && 100 < tried[1], "{tried:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_002_without_a_login_only_public_methods_are_answered() {
    let stand = Stand::open().await;
    let (stranger, _) = stand.stranger().await;
    for route in routes().into_iter().filter(|route| !route.name.contains(' ')) {
        let answer = stranger.call(route.name, json!({})).await;
        let code = answer.err().and_then(|error| error.code());
        let is_refused = matches!(code, Some(13009 | 13021));
        assert_eq!(is_refused, route.scope.is_some(), "{}: {code:?}", route.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_002_channels_of_an_account_need_their_scopes() {
    let desk = Desk::open().await;
    let channels = [
        ("user.orders.any.any.raw", false),
        ("user.trades.any.any.raw", false),
        ("user.changes.any.any.raw", false),
        ("user.delivery", false),
        ("user.jobs", false),
        ("user.portfolio.usdc", true),
    ];
    for (scope, trades, sees_money) in [
        ("trade:read", true, false),
        ("trade:read account:read", true, true),
        ("account:read", false, false),
    ] {
        let (client, _) = desk.stand.stranger().await;
        let others = only(scope).replace("account:none account:read", "");
        let scope =
            if scope.contains(' ') { "wallet:none trade:read account:read" } else { &others };
        let params = json!({
            "grant_type": "client_credentials",
            "client_id": desk.credential.client_id,
            "client_secret": desk.credential.client_secret,
            "scope": scope,
        });
        client.call("public/auth", params).await.unwrap();
        for (channel, shows_money) in channels {
            let answer = client.call("private/subscribe", json!({"channels": [channel]})).await;
            let may = trades && (sees_money || !shows_money);
            assert_eq!(!is_refused(&answer), may, "{scope} {channel}: {answer:?}");
            let public = client.call("public/subscribe", json!({"channels": [channel]})).await;
            assert_eq!(refusal(public).0, 13009, "{channel}");
        }
    }
}

/// A receipt and an agreement over an obligation of somebody else.
fn foreign_papers(hash: &str, signature: &str) -> (Value, Value) {
    let receipt = json!({
        "obligation_id": 0, "challenge": 1, "gpu_millis": 1, "challenges": 1, "work_root": hash,
        "prev": hash, "terms": hash, "signature": signature,
    });
    let agreement = json!({
        "obligation_id": 0, "counterparty": 1, "role": "seller", "nonce": 1,
        "valid_until": 1_900_000_000_000_u64,
    });
    (receipt, agreement)
}

/// What somebody sends who tries each object of another account, whose id stands where a 0 is; `hash` is a blob of the thief's.
fn foreign(hash: &str) -> Vec<(&'static str, Value)> {
    let signature = format!("0x{}", wallet(5).sign_hash(H256([1; 32])).unwrap());
    let (receipt, agreement) = foreign_papers(hash, &signature);
    let signatures = json!({"signature": signature, "counterparty_signature": signature});
    let mut executed = agreement.clone();
    executed.as_object_mut().unwrap().extend(signatures.as_object().unwrap().clone());
    vec![
        ("private/edit", json!({"order_id": 0, "amount": 1, "price": 2.4})),
        ("private/cancel", json!({"order_id": 0})),
        ("private/get_order_state", json!({"order_id": 0})),
        ("private/get_user_trades_by_order", json!({"order_id": 0})),
        ("private/edit_api_key", json!({"id": 0, "name": "mine"})),
        ("private/change_scope_in_api_key", json!({"id": 0, "max_scope": "trade:read"})),
        ("private/change_api_key_name", json!({"id": 0, "name": "mine"})),
        ("private/enable_api_key", json!({"id": 0})),
        ("private/disable_api_key", json!({"id": 0})),
        ("private/reset_api_key", json!({"id": 0})),
        ("private/remove_api_key", json!({"id": 0})),
        ("private/unlink_wallet", json!({"address": 0})),
        ("private/remove_session_key", json!({"address": 0})),
        ("private/get_block_trade", json!({"id": hash})),
        (
            "private/submit_segment_roots",
            json!({"obligation_id": 0, "challenge": 1, "slot": 0, "first_segment": 0, "roots": [hash]}),
        ),
        ("private/submit_receipt", receipt),
        ("private/open_rows", json!({"obligation_id": 0, "challenge": 1, "openings": {}})),
        (
            "private/submit_verdict",
            json!({"obligation_id": 0, "challenge": 1, "verdict": "valid", "quality": 1}),
        ),
        ("private/get_receipts", json!({"obligation_id": 0})),
        (
            "private/countersign_receipt",
            json!({"obligation_id": 0, "challenge": 1, "signature": signature}),
        ),
        ("private/accept_delivery", json!({"obligation_id": 0})),
        ("private/judge_burn_in", json!({"obligation_id": 0, "verdict": "valid", "quality": 1})),
        ("private/declare_outage", json!({"obligation_id": 0, "from": 2, "until": 3})),
        ("private/substitute", json!({"obligation_id": 0, "grade": "H100", "nodes": ["n1"]})),
        ("private/dispute_invoice", json!({"obligation_id": 0})),
        (
            "private/submit_job",
            json!({
                "obligation_id": 0, "spec": hash, "mode": "exact", "gpu_seconds": 1, "steps": 1,
                "stride": 1,
            }),
        ),
        ("private/verify_delivery_agreement", agreement),
        ("private/execute_delivery_agreement", executed),
        ("private/get_jobs", json!({"job_id": 0})),
        (
            "private/claim_job",
            json!({
                "job_id": 0, "result": hash, "blobs": [], "checkpoints": 1, "replay_cost": 1,
                "signature": signature,
            }),
        ),
        ("private/decline_job", json!({"job_id": 0})),
        ("private/accept_job", json!({"job_id": 0})),
        ("private/dispute_job", json!({"job_id": 0, "claim": hash, "replay_cost": 1})),
        ("private/answer_dispute", json!({"job_id": 0, "referee": true})),
        ("private/rule_dispute", json!({"job_id": 0, "verdict": "invalid", "quality": 1})),
    ]
}

/// AUTH-004: S7, broken object level authorization. Every method that names an object, by somebody whose it is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_004_an_object_of_another_account_is_refused_by_every_method() {
    let parties = Parties::delivering().await;
    let stand = &parties.stand;
    parties.submit().await.unwrap();
    stand.list(crate::stand::terms_until("H100_USDC-20JAN27", 100)).await;
    let (victim, _) = stand.trader(1_000).await;
    owner_of(stand, &victim).await;
    let order = api::client::NewOrder {
        instrument_name: "H100_USDC-20JAN27".to_owned(),
        ..limit(1, "2.5")
    };
    let order = victim.buy(&order).await.unwrap().order.order_id;
    let key = victim.call("private/list_api_keys", json!({})).await.unwrap()[0]["id"].clone();
    let wallets = victim.call("private/list_wallets", json!({})).await.unwrap();
    let owned = |field: &str| match field {
        "order_id" => json!(order),
        "id" => key.clone(),
        "address" => wallets[0]["address"].clone(),
        _ => json!(1),
    };
    let credential = stand.account(1_000).await;
    let (thief, _) = stand.login(&credential).await;
    let thief = owner_of(stand, &thief).await;
    let blobs = Blobs::beside(&stand.url(), &credential.client_id, &credential.client_secret);
    let blob = hex::encode(blobs.unwrap().put(b"a thief's").await.unwrap());
    let keys = victim.call("private/list_api_keys", json!({})).await.unwrap();
    let state = json!({"order_id": order});
    let before = victim.call("private/get_order_state", state.clone()).await.unwrap();
    let seen = parties.jobs().await;

    let tries = foreign(&blob);
    for route in routes().iter().filter(|route| names_an_object(route)) {
        let tried = tries.iter().filter(|(name, _)| *name == route.name).count();
        assert_eq!(tried, 1, "{}: say what a thief would send", route.name);
    }
    for (name, mut params) in tries {
        for (field, value) in params.as_object_mut().unwrap() {
            if *value == json!(0) {
                *value = owned(field);
            }
        }
        let answer = thief.call(name, params).await;
        match &answer {
            Ok(nothing) if *nothing == json!([]) => {}
            Ok(nothing) if nothing["trades"] == json!([]) => {}
            Err(ClientError::Rpc { code, data, .. }) => {
                assert!(!matches!(code, -32602..=-32600), "{name}: not read: {data}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    assert_eq!(victim.call("private/list_api_keys", json!({})).await.unwrap(), keys);
    assert_eq!(victim.call("private/list_wallets", json!({})).await.unwrap(), wallets);
    assert_eq!(victim.call("private/get_order_state", state).await.unwrap(), before);
    assert_eq!(parties.jobs().await, seen);
}

/// AUTH-003: whoever has all that a key can have still has no way to the money.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_003_a_key_reaches_no_withdrawal_by_any_detour() {
    let desk = Desk::open().await;
    let withdraw = json!({"amount": 1});
    let refused = refusal(desk.client.call("private/withdraw", withdraw.clone()).await);
    assert_eq!((refused.0, refused.1), (13021, json!("scope")));
    let greedy = json!({"max_scope": "account:read_write wallet:read_write"});
    let refused = refusal(desk.client.call("private/create_api_key", greedy).await);
    assert_eq!((refused.0, refused.1), (13021, json!("max_scope")));
    let key = desk.client.call("private/list_api_keys", json!({})).await.unwrap()[0]["id"].clone();
    let greedy = json!({"id": key, "max_scope": "wallet:read_write"});
    for method in ["private/edit_api_key", "private/change_scope_in_api_key"] {
        assert_eq!(refusal(desk.client.call(method, greedy.clone()).await).0, 13021, "{method}");
    }
    // Not even the owner can give a key what it has itself.
    let (owner, _) = desk.stand.stranger().await;
    let account = account_of(&desk.client).await;
    sign_in(&owner, &wallet(u8::try_from(account.0 % 200).unwrap() + 1)).await.unwrap();
    assert!(owner.call("private/withdraw", withdraw).await.is_ok());
    assert_eq!(refusal(owner.call("private/edit_api_key", greedy).await).0, 13021);
}
