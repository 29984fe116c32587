//! Kills the real server twenty times under load: nothing that was acknowledged may be lost.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use api::client::Client;
use serde_json::{Value, json};

use crate::running::{Keys, Server, create_account, tenor};

const KILLS: u64 = 20;

/// What a client was told before the server died.
#[derive(Default)]
struct Acknowledged {
    /// Order id to label.
    orders: BTreeMap<String, String>,
    /// Trade ids.
    trades: BTreeMap<String, u64>,
}

async fn connect(server: &Server, keys: &Keys) -> Client {
    let (client, _) = Client::connect(&server.url).await.expect("connects");
    client.auth(&keys.client_id, &keys.client_secret).await.expect("logs in");
    client
}

async fn first_series(client: &Client) -> String {
    let query = json!({ "currency": "any", "kind": "future" });
    let listed = client.call("public/get_instruments", query).await.expect("instruments");
    let names = listed.as_array().expect("a list").iter();
    let name = names
        .filter_map(|one| one["instrument_name"].as_str())
        .find(|name| name.starts_with("H100_USDC"));
    name.expect("an H100 month").to_owned()
}

/// Where a client notes what it was told.
struct Told {
    noted: Arc<Mutex<Acknowledged>>,
    acks: Arc<AtomicU64>,
}

impl Told {
    fn note(&self, order_id: &str, label: String, trades: &Value) {
        let mut noted = self.noted.lock().expect("nobody panics while noting");
        noted.orders.insert(order_id.to_owned(), label);
        for trade in trades.as_array().into_iter().flatten() {
            let trade_id = trade["trade_id"].as_str().expect("an id").to_owned();
            noted.trades.insert(trade_id, trade["amount"].as_u64().expect("lots"));
        }
        self.acks.fetch_add(1, Ordering::SeqCst);
    }
}

/// Trades until the server dies, noting every acknowledgement.
async fn load(client: Client, name: String, (round, trader): (u64, u64), told: Told) {
    for n in 0_u64.. {
        let label = format!("{round}-{trader}-{n}");
        // Both cross at 2.5 now and then, and rest apart otherwise.
        let (method, price) = match (trader, n % 3) {
            (0, 0) => ("private/buy", "2.5"),
            (0, _) => ("private/buy", "2.4"),
            (_, 0) => ("private/sell", "2.5"),
            (_, _) => ("private/sell", "2.6"),
        };
        let price: Value = serde_json::from_str(price).expect("a number");
        let order = json!({
            "instrument_name": name, "amount": 1, "type": "limit", "price": price, "label": label,
        });
        let Ok(reply) = client.call(method, order).await else { return };
        let order_id = reply["order"]["order_id"].as_str().expect("an id").to_owned();
        told.note(&order_id, label, &reply["trades"]);
        if n % 3 == 2 {
            let cancel = json!({ "order_id": order_id });
            if client.call("private/cancel", cancel).await.is_err() {
                return;
            }
        }
    }
}

async fn all_trades(client: &Client, name: &str) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let mut before: Option<u64> = None;
    loop {
        let mut query = json!({ "instrument_name": name, "count": 1000 });
        if let Some(seq) = before {
            query["end_seq"] = json!(seq);
        }
        let page = client.call("private/get_user_trades_by_instrument", query).await;
        let page = page.expect("user trades");
        let trades = page["trades"].as_array().expect("a list").clone();
        let lowest = trades.iter().filter_map(|trade| trade["trade_seq"].as_u64()).min();
        for trade in &trades {
            let id = trade["trade_id"].as_str().expect("an id").to_owned();
            found.insert(id, trade["amount"].as_u64().expect("lots"));
        }
        match lowest {
            Some(lowest) if page["has_more"] == json!(true) && 1 < lowest => {
                before = Some(lowest - 1)
            }
            _ => return found,
        }
    }
}

async fn check(server: &Server, traders: &[Keys], noted: &[Arc<Mutex<Acknowledged>>], name: &str) {
    for (keys, noted) in traders.iter().zip(noted) {
        let client = connect(server, keys).await;
        let (orders, trades) = {
            let noted = noted.lock().expect("nobody panics while noting");
            (noted.orders.clone(), noted.trades.clone())
        };
        for (order_id, label) in orders {
            let query = json!({ "order_id": order_id });
            let state = client.call("private/get_order_state", query).await;
            let state = state.unwrap_or_else(|error| panic!("order {order_id} is lost: {error}"));
            assert_eq!(state["label"], json!(label), "order {order_id} is another");
        }
        let found = all_trades(&client, name).await;
        for (trade_id, amount) in trades {
            assert_eq!(found.get(&trade_id), Some(&amount), "trade {trade_id} is lost");
        }
    }
}

#[test]
fn journal_no_acknowledged_order_or_trade_is_lost_in_twenty_kills() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runs");
    runtime.block_on(async {
        let dir = tempfile::tempdir().expect("a directory");
        let traders = [create_account(dir.path(), "long"), create_account(dir.path(), "short")];
        let noted: Vec<Arc<Mutex<Acknowledged>>> =
            (0..traders.len()).map(|_| Arc::default()).collect();
        let mut name = String::new();
        for round in 0..KILLS {
            let server = Server::start(dir.path());
            let acks = Arc::new(AtomicU64::new(0));
            let mut loads = Vec::new();
            for (trader, keys) in traders.iter().enumerate() {
                let client = connect(&server, keys).await;
                if name.is_empty() {
                    name = first_series(&client).await;
                }
                let trader = u64::try_from(trader).expect("two traders");
                let noted = Arc::clone(&noted[usize::try_from(trader).expect("two traders")]);
                let told = Told { noted, acks: Arc::clone(&acks) };
                loads.push(tokio::spawn(load(client, name.clone(), (round, trader), told)));
            }
            // A different number each round, so that the kill hits every phase of a commit.
            let enough = 40 + round * 17 % 97;
            while acks.load(Ordering::SeqCst) < enough {
                tokio::task::yield_now().await;
            }
            server.kill();
            for load in loads {
                load.await.expect("the load ends with the server");
            }
            if round % 5 == 4 {
                let server = Server::start(dir.path());
                check(&server, &traders, &noted, &name).await;
                server.kill();
            }
        }
        let server = Server::start(dir.path());
        check(&server, &traders, &noted, &name).await;
        assert!(server.terminate(), "a polite end");
        let verified = tenor()
            .args(["journal", "verify", "--json", "--data"])
            .arg(dir.path())
            .output()
            .expect("runs");
        let report: Value = serde_json::from_slice(&verified.stdout).expect("JSON");
        assert_eq!(report["ok"], json!(true), "{report}");
        assert_eq!(report["torn_tail_bytes"], json!(0), "{report}");
    });
}
