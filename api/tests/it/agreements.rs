//! What two parties agree elsewhere: signed by both, brought by one, over the wire.

use api::client::{Client, ClientError, Notifications};
use ethers_core::types::transaction::eip712::TypedData;
use ethers_signers::{LocalWallet, Signer};
use exchange::Command;
use instruments::{BlockTerms, CloseOut, NanosSpan, Ppm, Qty};
use serde_json::{Value, json};

use crate::stand::{Stand, refusal, soon, start_of_time, terms};

/// Takes blocks of ten lots within a fifth of the mark, and matches for half an hour after its last trade.
const BLOCKS: &str = "H100_USDC-17JAN27";

/// Two clients with keys of their own.
struct Pair {
    stand: Stand,
    seller: Client,
    /// What the seller is told.
    told: Notifications,
    buyer: Client,
    keys: [LocalWallet; 2],
    ids: [Value; 2],
}

impl Pair {
    async fn open() -> Self {
        let stand = Stand::open().await;
        let mut blocks = terms(BLOCKS);
        let block = BlockTerms { band: Ppm::new(200_000), lots_min: Qty::from_lots(10) };
        blocks.guards.block = Some(block);
        let after = |seconds| blocks.schedule.last_trade_at + NanosSpan::from_seconds(seconds);
        blocks.schedule.close_out =
            CloseOut { nominate_until: after(600), match_until: after(1_800), ..CloseOut::NONE };
        stand.list(blocks).await;
        let [(seller, told), (buyer, _)] =
            [stand.trader(100_000).await, stand.trader(100_000).await];
        let keys = [5, 6].map(|seed| LocalWallet::from_bytes(&[seed; 32]).unwrap());
        let id = async |client: &Client| {
            client.call("private/get_account_summary", json!({})).await.unwrap()["id"].clone()
        };
        let ids = [id(&seller).await, id(&buyer).await];
        Self { stand, seller, told, buyer, keys, ids }
    }

    async fn register(&self) {
        for (client, key) in [(&self.seller, &self.keys[0]), (&self.buyer, &self.keys[1])] {
            let address = json!({"address": format!("{:?}", key.address())});
            let registered = client.call("private/register_trading_key", address).await;
            assert_eq!(registered.unwrap(), json!("ok"));
        }
    }

    /// What a role sends of a block in which the seller is the maker.
    fn block(&self, role: &str, trades: &Value, nonce: u64) -> Value {
        let counterparty = if role == "maker" { &self.ids[1] } else { &self.ids[0] };
        json!({
            "role": role, "counterparty": counterparty, "trades": trades, "nonce": nonce,
            "valid_until": self.stand.clock.now().millis() + 60_000,
        })
    }

    /// Both parties' signatures under what the venue shows them.
    async fn sign(&self, method: &str, params: &Value) -> [String; 2] {
        let shown = self.seller.call(method, params.clone()).await.unwrap();
        assert_eq!(shown["parties"], json!(self.ids));
        let typed: TypedData = serde_json::from_value(shown["typed_data"].clone()).unwrap();
        let mut signatures = Vec::new();
        for key in &self.keys {
            signatures.push(format!("0x{}", key.sign_typed_data(&typed).await.unwrap()));
        }
        signatures.try_into().unwrap()
    }

    /// The buyer brings what both have signed: `own` says it as the buyer does, `signed` as the seller did.
    async fn execute(
        &self,
        methods: [&str; 2],
        own: Value,
        signed: &Value,
    ) -> Result<Value, ClientError> {
        let [seller, buyer] = self.sign(methods[0], signed).await;
        self.buyer.call(methods[1], with(own, &buyer, &seller)).await
    }

    async fn execute_block(&self, trades: &Value, nonce: u64) -> Result<Value, ClientError> {
        let methods = ["private/verify_block_trade", "private/execute_block_trade"];
        let (own, signed) =
            (self.block("taker", trades, nonce), self.block("maker", trades, nonce));
        self.execute(methods, own, &signed).await
    }

    async fn size(&self, client: &Client) -> Value {
        let series = json!({"instrument_name": BLOCKS});
        client.call("private/get_position", series).await.unwrap()["size"].clone()
    }
}

fn with(mut params: Value, own: &str, other: &str) -> Value {
    params["signature"] = json!(own);
    params["counterparty_signature"] = json!(other);
    params
}

fn trade(lots: u64, price: f64) -> Value {
    json!([{"instrument_name": BLOCKS, "direction": "sell", "amount": lots, "price": price}])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn block_005_a_block_is_booked_when_both_have_signed_with_their_keys() {
    let pair = Pair::open().await;
    let trades = trade(30, 2.6);
    let refused = refusal(pair.execute_block(&trades, 1).await);
    assert_eq!((refused.0, refused.1, refused.3), (13021, json!("signature"), json!("BLOCK-005")));
    pair.register().await;

    let verify = "private/verify_block_trade";
    let shown = pair.seller.call(verify, pair.block("maker", &trades, 1)).await.unwrap();
    let other = pair.buyer.call(verify, pair.block("taker", &trades, 1)).await.unwrap();
    assert_eq!(shown, other, "both parties see the same");

    let booked = pair.execute_block(&trades, 1).await.unwrap();
    assert_eq!(booked["id"], shown["digest"]);
    let fill = &booked["trades"][0];
    assert_eq!((&fill["direction"], &fill["amount"]), (&json!("buy"), &json!(30)));
    assert_eq!((&fill["price"], &fill["block_trade_id"]), (&json!(2.6), &shown["digest"]));
    assert_eq!(pair.size(&pair.seller).await, json!(-30));
    assert_eq!(pair.size(&pair.buyer).await, json!(30));
    let series = json!({"instrument_name": BLOCKS});
    let tape = pair.seller.call("public/get_last_trades_by_instrument", series).await.unwrap();
    assert_eq!(tape["trades"][0]["block"], json!(true));

    let refused = refusal(pair.execute_block(&trades, 1).await);
    assert_eq!((refused.0, refused.1, refused.3), (-32602, json!("nonce"), json!("BLOCK-004")));
    let [seller, buyer] = pair.sign(verify, &pair.block("maker", &trades, 2)).await;
    let swapped = with(pair.block("taker", &trades, 2), &seller, &buyer);
    let refused = refusal(pair.buyer.call("private/execute_block_trade", swapped).await);
    assert_eq!(refused.3, json!("BLOCK-005"));
    let dearer = with(pair.block("taker", &trade(30, 2.601), 2), &buyer, &seller);
    let refused = refusal(pair.buyer.call("private/execute_block_trade", dearer).await);
    assert_eq!(refused.3, json!("BLOCK-005"), "a signature is of one price");
    assert!(pair.stand.venue.exchange().money_conserved());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_125_a_block_is_told_to_its_parties_and_found_again_by_them_alone() {
    let mut pair = Pair::open().await;
    pair.register().await;
    let (other, _) = pair.stand.trader(100).await;
    let channel = "block_trade_confirmations";
    let channels = json!({"channels": [channel]});
    for client in [&pair.seller, &other] {
        client.call("private/subscribe", channels.clone()).await.unwrap();
    }
    let first = pair.execute_block(&trade(30, 2.6), 1).await.unwrap();
    let second = pair.execute_block(&trade(10, 2.5), 2).await.unwrap();
    for block in [&first, &second] {
        let told = soon(pair.told.next_of(channel)).await.unwrap();
        let told: Value = serde_json::from_str(told.data.get()).unwrap();
        assert_eq!((&told["id"], &told["timestamp"]), (&block["id"], &block["timestamp"]));
        assert_eq!(told["trades"][0]["direction"], json!("sell"));
        assert_eq!(told["trades"][0]["amount"], block["trades"][0]["amount"]);
    }

    let id = json!({"id": first["id"]});
    assert_eq!(pair.buyer.call("private/get_block_trade", id.clone()).await.unwrap(), first);
    let refused = refusal(other.call("private/get_block_trade", id).await);
    assert_eq!((refused.0, refused.1), (13020, json!("id")));
    for method in ["private/get_block_trades", "private/get_last_block_trades_by_currency"] {
        let ask = |params| pair.buyer.call(method, params);
        let page = ask(json!({"currency": "USDC"})).await.unwrap();
        assert_eq!(page, json!({"block_trades": [second, first]}));
        let page = ask(json!({"count": 1})).await.unwrap();
        assert_eq!(page["block_trades"], json!([second]));
        let rest = json!({"count": 1, "continuation": page["continuation"]});
        assert_eq!(ask(rest).await.unwrap(), json!({"block_trades": [first]}));
        let none = other.call(method, json!({})).await.unwrap();
        assert_eq!(none, json!({"block_trades": []}));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_is_refused_by_field_and_limit() {
    let pair = Pair::open().await;
    pair.register().await;
    let refused = refusal(pair.execute_block(&trade(9, 2.5), 1).await);
    assert_eq!(refused, (10002, json!("amount"), json!(10), json!("BLOCK-009")));
    let refused = refusal(pair.execute_block(&trade(10, 3.001), 1).await);
    assert_eq!(refused, (10023, json!("price"), json!(3), json!("BLOCK-010")));
    let twice = json!([trade(10, 2.5)[0], trade(10, 2.5)[0]]);
    let refused = refusal(pair.execute_block(&twice, 1).await);
    assert_eq!((refused.1, refused.3), (json!("trades"), json!("BLOCK-007")));

    // In place of a reservation it may be as small as that is.
    let mut efp = [pair.block("taker", &trade(3, 2.5), 2), pair.block("maker", &trade(3, 2.5), 2)];
    for side in &mut efp {
        side["reservation"] = json!("0x".to_owned() + &"11".repeat(32));
    }
    let [own, signed] = efp;
    let methods = ["private/verify_block_trade", "private/execute_block_trade"];
    let booked = pair.execute(methods, own, &signed).await.unwrap();
    assert_eq!(booked["trades"][0]["amount"], json!(3));

    let good = pair.block("maker", &trade(10, 2.5), 3);
    let mut cases = vec![
        ("role", json!("broker")),
        ("counterparty", Value::Null),
        ("nonce", json!(-1)),
        ("valid_until", Value::Null),
        ("reservation", json!("0x11")),
        ("trades", json!("all")),
        ("trades", json!([{"instrument_name": BLOCKS}])),
    ];
    let mut row = trade(10, 2.5);
    row[0]["direction"] = json!("up");
    cases.push(("trades", row));
    for (field, value) in cases {
        let mut params = good.clone();
        params[field] = value;
        let refused = refusal(pair.seller.call("private/verify_block_trade", params).await);
        assert_eq!((refused.0, refused.1), (-32602, json!(field)));
    }
    for (field, value, param) in [
        ("price", json!(2.5005), "price"),
        ("amount", json!(1.5), "amount"),
        ("instrument_name", json!("none"), "trades"),
    ] {
        let mut params = good.clone();
        params["trades"][0][field] = value;
        let refused = refusal(pair.seller.call("private/verify_block_trade", params).await);
        assert_eq!(refused.1, json!(param));
    }
    for own in ["0x00".to_owned(), "00".repeat(65)] {
        let params = with(good.clone(), &own, &own);
        let refused = refusal(pair.seller.call("private/execute_block_trade", params).await);
        assert_eq!((refused.0, refused.1), (-32602, json!("signature")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_deliver_to_each_other_without_the_clearing_house() {
    let pair = Pair::open().await;
    pair.register().await;
    pair.execute_block(&trade(30, 2.5), 1).await.unwrap();
    let methods = ["private/verify_delivery_agreement", "private/execute_delivery_agreement"];
    let lots = |role: &str| {
        let counterparty = if role == "seller" { &pair.ids[1] } else { &pair.ids[0] };
        json!({
            "role": role, "counterparty": counterparty, "instrument_name": BLOCKS, "amount": 8,
            "nonce": 2, "valid_until": start_of_time().millis() + 26 * 3_600_000,
        })
    };
    let at = |seconds: u64| start_of_time() + NanosSpan::from_seconds(24 * 3_600 + seconds);
    pair.stand.clock.set(at(0));
    pair.stand.submit(Command::Tick).await;
    pair.execute(methods, lots("buyer"), &lots("seller")).await.unwrap();
    pair.stand.clock.set(at(3_600));
    pair.stand.submit(Command::Tick).await;
    let owed = pair.seller.call("private/get_obligations", json!({})).await.unwrap();
    assert_eq!(owed[0]["lots"], json!(22), "{owed}");

    let release = json!({
        "obligation_id": owed[0]["obligation_id"], "nonce": 3,
        "valid_until": at(3_600).millis() + 60_000,
    });
    let mut more = release.clone();
    more["role"] = json!("seller");
    let refused = refusal(pair.seller.call(methods[0], more).await);
    assert_eq!((refused.0, refused.1), (11047, json!("role")));
    let (stranger, _) = pair.stand.trader(1).await;
    let refused = refusal(stranger.call(methods[0], release.clone()).await);
    assert_eq!((refused.0, refused.1), (13020, json!("obligation_id")));
    pair.execute(methods, release.clone(), &release).await.unwrap();
    let refused = refusal(pair.execute(methods, release.clone(), &release).await);
    assert_eq!(refused.3, json!("BLOCK-004"));
    let owed = pair.buyer.call("private/get_obligations", json!({})).await.unwrap();
    assert_eq!(owed[0]["state"], json!("closed"), "{owed}");
}
