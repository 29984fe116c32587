//! Market data: what the channels say is what the book is.

use std::collections::BTreeMap;

use api::client::{Client, Notifications};
use api::wire::{Number, WireBookChange, WireTicker, WireTrade};
use serde_json::{Value, json};

use crate::stand::{SERIES, Stand, decimal, limit, refusal, soon};

/// A book rebuilt from a channel.
#[derive(Default)]
pub(crate) struct Mirror {
    levels: BTreeMap<(&'static str, Number), Number>,
    change_id: Option<u64>,
    pub(crate) messages: usize,
    pub(crate) snapshots: usize,
}

impl Mirror {
    /// Takes in a message as a client does that never clears its book. A change must continue the chain and change what is there; after
    /// every message the best levels must have the venue's checksum.
    pub(crate) fn apply(&mut self, message: &WireBookChange) {
        self.messages += 1;
        let is_snapshot = message.kind == "snapshot";
        match message.kind.as_str() {
            "snapshot" => self.snapshots += 1,
            "change" => assert_eq!(message.prev_change_id, self.change_id, "a gapless chain"),
            other => panic!("a message of kind {other}"),
        }
        self.change_id = Some(message.change_id);
        for (side, changes) in [("bid", &message.bids), ("ask", &message.asks)] {
            for change in changes {
                let key = (side, change.1);
                let before = match change.0.as_str() {
                    "new" | "change" => self.levels.insert(key, change.2),
                    "delete" => self.levels.remove(&key),
                    other => panic!("a level that is {other}"),
                };
                assert!(is_snapshot || before.is_none() == (change.0 == "new"), "{change:?}");
            }
        }
        assert_eq!(message.checksum, Some(self.checksum()));
    }

    /// As the documentation says it is made.
    fn checksum(&self) -> u32 {
        let (bids, asks) = (self.side("bid"), self.side("ask"));
        let (mut bids, mut asks) = (bids.iter().rev(), asks.iter());
        let best = (0..25).flat_map(|_| [bids.next(), asks.next()]).flatten();
        let texts: Vec<String> = best.map(|(price, amount)| format!("{price}:{amount}")).collect();
        crc32fast::hash(texts.join(":").as_bytes())
    }

    fn side(&self, wanted: &str) -> Vec<(Number, Number)> {
        let of_side = self.levels.iter().filter(|((side, _), _)| *side == wanted);
        of_side.map(|((_, price), amount)| (*price, *amount)).collect()
    }

    /// Lots on the levels of one side whose price begins like this.
    pub(crate) fn total(&self, wanted: &str, beginning: &str) -> usize {
        let levels = self.side(wanted).into_iter();
        let levels = levels.filter(|(price, _)| price.to_string().starts_with(beginning));
        levels.map(|(_, amount)| amount.to_string().parse::<usize>().unwrap()).sum()
    }

    /// Reads messages until the book is what the venue says it is now, then compares every level.
    pub(crate) async fn catch_up(
        &mut self,
        client: &Client,
        messages: &mut Notifications,
        channel: &str,
    ) {
        let ask = json!({"instrument_name": SERIES, "depth": 10_000}).to_string();
        let book = client.call_raw("public/get_order_book", &ask).await.unwrap();
        let book: Levels = serde_json::from_str(book.get()).unwrap();
        let mut bids = book.bids;
        bids.reverse();
        while (self.side("bid"), self.side("ask")) != (bids.clone(), book.asks.clone()) {
            let message = soon(messages.next_of(channel)).await.expect("the chain goes on");
            self.apply(&message.read().unwrap());
        }
    }
}

#[derive(serde::Deserialize)]
struct Levels {
    bids: Vec<(Number, Number)>,
    asks: Vec<(Number, Number)>,
}

/// Numbers that look random and are the same every time.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// API-030, API-083: the mirror compares every checksum.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_030_snapshot_and_changes_add_up_to_the_book() {
    let stand = Stand::open().await;
    let (client, _) = stand.trader(10_000_000).await;
    let (other, _) = stand.trader(10_000_000).await;
    let channels = ["raw", "100ms"].map(|pace| format!("book.{SERIES}.{pace}"));
    client.buy(&limit(1, "2.4")).await.unwrap();
    let mut watchers = Vec::new();
    for channel in &channels {
        let (watcher, messages) = stand.stranger().await;
        watcher.subscribe(&[channel]).await.unwrap();
        watchers.push((watcher, messages, channel, Mirror::default()));
    }
    let mut numbers = Numbers(7);
    let mut open = Vec::new();
    for _ in 0..300 {
        let price = format!("2.{}", 480 + numbers.below(40));
        let (trader, lots) = if numbers.below(2) == 0 { (&client, 3) } else { (&other, 5) };
        let placed = match numbers.below(4) {
            0 if !open.is_empty() => {
                let (trader, order_id): (&Client, String) = open.swap_remove(0);
                // It may have traded in the meantime.
                drop(trader.cancel(&order_id).await);
                continue;
            }
            1 => trader.buy(&limit(lots, &price)).await.unwrap(),
            _ => trader.sell(&limit(lots, &price)).await.unwrap(),
        };
        if placed.order.order_state == "open" {
            open.push((trader, placed.order.order_id));
        }
    }
    for (watcher, mut messages, channel, mut mirror) in watchers {
        mirror.catch_up(&watcher, &mut messages, channel).await;
        assert_eq!(mirror.snapshots, 1, "{channel}");
        assert!(2 < mirror.messages, "{channel}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_031_trades_and_tickers_are_told_as_they_happen() {
    let stand = Stand::open().await;
    let (maker, _) = stand.trader(100_000).await;
    let (taker, _) = stand.trader(100_000).await;
    let (watcher, mut messages) = stand.stranger().await;
    let (trades, ticker) = (format!("trades.{SERIES}.raw"), format!("ticker.{SERIES}.raw"));
    watcher.subscribe(&[&trades, &ticker]).await.unwrap();
    let first = soon(messages.next_of(&ticker)).await.unwrap();
    let first: WireTicker = first.read().unwrap();
    assert_eq!((first.best_bid_price, first.last_price), (None, None));
    assert_eq!(first.mark_price, decimal("2.5").into());

    maker.sell(&limit(1, "2.501")).await.unwrap();
    maker.sell(&limit(1, "2.502")).await.unwrap();
    taker.buy(&limit(2, "2.502")).await.unwrap();
    let (mut told, mut is_shown) = (Vec::new(), false);
    while told.len() < 2 || !is_shown {
        let message = soon(messages.next()).await.unwrap();
        if message.channel == trades {
            told.extend(message.read::<Vec<WireTrade>>().unwrap());
            continue;
        }
        let now: WireTicker = message.read().unwrap();
        if now.last_price == Some(decimal("2.502").into()) {
            assert_eq!(now.stats.volume, decimal("2").into());
            assert_eq!(now.open_interest, decimal("2").into());
            is_shown = true;
        }
    }
    let told: Vec<(u64, String)> =
        told.iter().map(|trade| (trade.trade_seq, trade.price.to_string())).collect();
    assert_eq!(told, [(1, "2.501".to_owned()), (2, "2.502".to_owned())]);
    watcher.call("public/unsubscribe", json!({"channels": [ticker]})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_032_a_channel_is_subscribed_to_or_refused_by_name() {
    let stand = Stand::open().await;
    let (client, _) = stand.stranger().await;
    let subscribe =
        async |channel: &str| client.call("public/subscribe", json!({"channels": [channel]})).await;
    for (channel, code) in [
        ("book.H100_USDC-1JAN99.raw", 10020),
        (&format!("book.{SERIES}.1s"), 13017),
        ("deribit_price_index.btc_usd", 13017),
        ("", 13017),
        ("user.orders.any.any.raw", 13009),
        ("user.delivery", 13009),
        ("verifier.tasks", 13009),
    ] {
        let refused = refusal(subscribe(channel).await);
        assert_eq!((refused.0, refused.1), (code, json!("channels")), "{channel}");
    }
    let (trader, _) = stand.trader(0).await;
    let refused = trader.subscribe(&["verifier.tasks"]).await;
    assert_eq!(refusal(refused).0, 13021);
    let half = json!({"channels": [format!("book.{SERIES}.raw"), "nonsense"]});
    assert_eq!(refusal(client.call("public/subscribe", half).await).0, 13017);
    let none =
        client.call("public/unsubscribe", json!({"channels": [format!("book.{SERIES}.raw")]}));
    assert_eq!(none.await.unwrap(), json!([]), "all or none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_shows_series_in_deribits_words() {
    let stand = Stand::open().await;
    let (client, _) = stand.stranger().await;
    let listed = client.call("public/get_instruments", json!({"currency": "USDC"})).await.unwrap();
    let [series] = listed.as_array().unwrap().as_slice() else { panic!("{listed}") };
    for (field, value) in [
        ("instrument_name", json!(SERIES)),
        ("kind", json!("future")),
        ("instrument_type", json!("linear")),
        ("base_currency", json!("H100")),
        ("quote_currency", json!("USDC")),
        ("contract_size", json!(24)),
        ("min_trade_amount", json!(1)),
        ("tick_size", json!(0.001)),
        ("settlement_period", json!("day")),
        ("price_index", json!("h100_usd")),
        ("taker_commission", json!(0.0005)),
        ("is_active", json!(true)),
    ] {
        assert_eq!(series[field], value, "{field}");
    }
    let options = client.call("public/get_instruments", json!({"kind": "option"})).await.unwrap();
    assert_eq!(options, json!([]));
    let index = json!({"index_name": "h100_usd"});
    let withheld = refusal(client.call("public/get_index_price", index).await);
    assert_eq!(withheld.0, 11030);
    let unknown =
        refusal(client.call("public/get_index_price", json!({"index_name": "btc_usd"})).await);
    assert_eq!((unknown.0, unknown.1), (-32602, json!("index_name")));
    let names = client.call("public/get_index_price_names", json!({})).await.unwrap();
    assert_eq!(names, json!(["h100_usd"]));
    let time = client.call("public/get_time", Value::Null).await.unwrap();
    assert_eq!(time, json!(crate::stand::start_of_time().millis()));
}
