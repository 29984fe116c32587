//! Streams: everybody is told the same under the same numbers, what was told can be told again, and nobody hears of another account.

use api::client::{Client, Notifications};
use api::wire::{WireBookChange, WireReport, WireReports};
use serde_json::{Value, json};

use crate::books::{Mirror, Numbers};
use crate::stand::{SERIES, Socket, Stand, limit, soon};

/// A socket that is logged in as a new account, and a client of the same account.
async fn trader(stand: &Stand) -> (Socket, Client) {
    let credential = stand.account(10_000_000).await;
    let (client, _) = stand.login(&credential).await;
    let mut socket = stand.socket().await;
    let keys = json!({
        "grant_type": "client_credentials", "client_id": credential.client_id,
        "client_secret": credential.client_secret,
    });
    let reply = socket.ask("public/auth", keys).await;
    assert!(reply["result"]["access_token"].is_string(), "{reply}");
    (socket, client)
}

/// Messages up to the reply of a question asked after them. Batched channels may have more to say.
async fn heard(socket: &mut Socket) -> Vec<Value> {
    let question = json!({"jsonrpc": "2.0", "id": 99, "method": "public/test", "params": {}});
    socket.send(question.to_string()).await;
    let mut messages = Vec::new();
    loop {
        let message = socket.next().await.unwrap();
        if message["id"] == 99 {
            return messages;
        }
        messages.push(message["params"].clone());
    }
}

/// Waits until a channel has told so many messages in all.
async fn until(socket: &mut Socket, told: &mut Vec<Value>, channel: &str, seq: u64) {
    let last = |told: &[Value]| {
        let of_channel = told.iter().filter(|message| message["channel"] == channel);
        of_channel.filter_map(|message| message["seq"].as_u64()).max().unwrap_or(0)
    };
    while last(told) < seq {
        told.extend(heard(socket).await);
    }
}

async fn subscribe(socket: &mut Socket, channels: &[&str]) {
    let reply = socket.ask("private/subscribe", json!({"channels": channels})).await;
    assert_eq!(reply["result"], json!(channels), "{reply}");
}

/// Random orders, changes and cancels of two clients that meet in a narrow book.
async fn trade(clients: [&Client; 2], numbers: &mut Numbers, count: usize) {
    let mut open: Vec<(&Client, String)> = Vec::new();
    for _ in 0..count {
        let client = clients[usize::try_from(numbers.below(2)).unwrap()];
        let price = format!("2.{}", 480 + numbers.below(30));
        let placed = match numbers.below(4) {
            0 if !open.is_empty() => {
                let (client, order) = open.swap_remove(0);
                // It may have traded in the meantime.
                drop(client.cancel(&order).await);
                continue;
            }
            1 => client.buy(&limit(3, &price)).await.unwrap(),
            _ => client.sell(&limit(2, &price)).await.unwrap(),
        };
        if placed.order.order_state == "open" {
            open.push((client, placed.order.order_id));
        }
    }
}

/// API-080, API-082
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_080_everybody_is_told_the_same_messages_under_the_same_numbers() {
    let stand = Stand::open().await;
    let ((mut early, a), (mut late, b)) = (trader(&stand).await, trader(&stand).await);
    let [book, trades] = [format!("book.{SERIES}.raw"), format!("trades.{SERIES}.raw")];
    subscribe(&mut early, &[&book, &trades]).await;
    let mut numbers = Numbers(11);
    trade([&a, &b], &mut numbers, 60).await;
    subscribe(&mut late, &[&book, &trades]).await;
    trade([&a, &b], &mut numbers, 60).await;
    let kept = early.ask("public/replay", json!({"channel": book, "from_seq": 1, "count": 1}));
    let kept = kept.await;
    // What was told before the question is answered first.
    let (mut heard_early, mut heard_late) = (Vec::new(), Vec::new());
    let kept = if kept["id"] == 1 { kept } else { reply(&mut early, &mut heard_early, kept).await };
    assert_eq!(kept["result"]["first_seq"], 1);
    let last = kept["result"]["last_seq"].as_u64().unwrap();
    until(&mut early, &mut heard_early, &book, last).await;
    until(&mut late, &mut heard_late, &book, last).await;

    let of = |heard: &[Value], channel: &str| -> Vec<Value> {
        heard.iter().filter(|message| message["channel"] == *channel).cloned().collect()
    };
    let (whole, joined) = (of(&heard_early, &book), of(&heard_late, &book));
    let seqs: Vec<u64> = whole.iter().map(|message| message["seq"].as_u64().unwrap()).collect();
    assert!(seqs.iter().copied().eq(1..=last), "{seqs:?}");
    // Whoever comes later begins with a snapshot of its own, and goes on with everybody's messages.
    assert_eq!(
        (&joined[0]["data"]["type"], &whole[0]["data"]["type"]),
        (&json!("snapshot"), &json!("snapshot"))
    );
    assert!(joined[0]["epoch"].is_u64() && 1 < joined[0]["seq"].as_u64().unwrap());
    let after = usize::try_from(joined[0]["seq"].as_u64().unwrap()).unwrap();
    assert_eq!(joined[1..], whole[after..]);
    let tape = of(&heard_late, &trades);
    let told = of(&heard_early, &trades);
    assert!(!tape.is_empty() && told.ends_with(&tape), "{} of {}", tape.len(), told.len());
}

/// The reply among the messages that come before it.
async fn reply(socket: &mut Socket, heard: &mut Vec<Value>, first: Value) -> Value {
    let mut message = first;
    while message["id"] != 1 {
        heard.push(message["params"].clone());
        message = socket.next().await.unwrap();
    }
    message
}

/// API-082
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_082_what_was_told_is_told_again_and_what_is_not_kept_is_refused() {
    let stand = Stand::open().await;
    let (maker, _) = stand.trader(10_000_000).await;
    let (other, _) = stand.trader(10_000_000).await;
    let (watcher, mut messages) = stand.stranger().await;
    let channel = format!("book.{SERIES}.raw");
    let none = watcher.call("public/replay", json!({"channel": channel, "from_seq": 1})).await;
    let (code, param, ..) = crate::stand::refusal(none);
    assert_eq!((code, param), (13020, json!("channel")), "nobody listens");
    watcher.subscribe(&[&channel]).await.unwrap();
    trade([&maker, &other], &mut Numbers(5), 80).await;
    let mut mirror = Mirror::default();
    mirror.catch_up(&watcher, &mut messages, &channel).await;

    // Over HTTP too, page by page, from the first message on: another client that builds the same book.
    let (mut rebuilt, mut next) = (Mirror::default(), 1);
    loop {
        let path = format!("/api/v2/public/replay?channel={channel}&from_seq={next}&count=7");
        let (status, reply) = stand.get(&path, "").await;
        assert_eq!(status, 200, "{reply}");
        let page = reply["result"]["messages"].as_array().unwrap();
        if page.is_empty() {
            assert_eq!(reply["result"]["last_seq"], next - 1);
            break;
        }
        for message in page {
            assert_eq!(message["seq"], next);
            next += 1;
            let change: WireBookChange = serde_json::from_value(message["data"].clone()).unwrap();
            rebuilt.apply(&change);
        }
    }
    assert_eq!(rebuilt.total("bid", "2"), mirror.total("bid", "2"));
    for from_seq in [0, next + 1] {
        let asked = json!({"channel": channel, "from_seq": from_seq});
        let refused = watcher.call("public/replay", asked).await.unwrap_err();
        let api::client::ClientError::Rpc { code, data, .. } = refused else { panic!("{refused}") };
        assert_eq!((code, &data["param"]), (13020, &json!("from_seq")));
        assert_eq!((&data["first_seq"], &data["last_seq"]), (&json!(1), &json!(next - 1)));
        assert!(data["epoch"].is_u64(), "{data}");
    }
    let mixed = json!({"channel": channel, "from_user_seq": 1});
    assert_eq!(crate::stand::refusal(maker.call("private/replay", mixed).await).0, 11047);
    // An account's channel is nobody else's.
    maker.subscribe(&["user.reports"]).await.unwrap();
    let own = json!({"channel": "user.reports", "from_seq": 1});
    assert!(maker.call("private/replay", own.clone()).await.is_ok());
    assert_eq!(crate::stand::refusal(other.call("private/replay", own.clone()).await).0, 13020);
    assert_eq!(crate::stand::refusal(watcher.call("public/replay", own).await).0, 13020);
}

/// API-084
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_084_a_book_over_a_new_connection_deletes_what_has_gone() {
    let stand = Stand::open().await;
    let (trader, _) = stand.trader(10_000_000).await;
    let channel = format!("book.{SERIES}.raw");
    let mut mirror = Mirror::default();
    let mut open = Vec::new();
    for round in 0..3_u64 {
        for ticks in 0..20_u64 {
            let price = format!("2.{}", 300 + 20 * round + ticks);
            open.push(trader.buy(&limit(1 + ticks, &price)).await.unwrap().order.order_id);
        }
        // A new connection each time: the mirror keeps what it has, as a client does that never clears its book.
        let (watcher, mut messages) = stand.stranger().await;
        watcher.subscribe(&[&channel]).await.unwrap();
        mirror.catch_up(&watcher, &mut messages, &channel).await;
        drop((watcher, messages));
        for order in open.drain(..15) {
            trader.cancel(&order).await.unwrap();
        }
    }
    let (watcher, mut messages) = stand.stranger().await;
    watcher.subscribe(&[&channel]).await.unwrap();
    mirror.catch_up(&watcher, &mut messages, &channel).await;
    assert_eq!(mirror.snapshots, 4);
}

/// The reports of a client's account from a number on.
async fn reports(client: &Client, from: u64) -> WireReports {
    let ask = json!({"from_user_seq": from}).to_string();
    client.call_as("private/replay", &ask).await.unwrap()
}

/// API-087
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_087_every_report_comes_once_over_the_channel_and_again_by_replay() {
    let stand = Stand::open().await;
    let ((mut ear, a), (_, b)) = (trader(&stand).await, trader(&stand).await);
    let mut numbers = Numbers(23);
    trade([&a, &b], &mut numbers, 20).await;
    let known = reports(&a, 1).await;
    assert!(0 < known.last_user_seq);
    let [orders, trades, changes] =
        ["orders", "trades", "changes"].map(|what| format!("user.{what}.any.any.raw"));
    subscribe(&mut ear, &["user.reports", &orders, &trades, &changes]).await;
    trade([&a, &b], &mut numbers, 120).await;
    let all = reports(&a, 1).await;
    let new = all.last_user_seq - known.last_user_seq;
    let mut told = Vec::new();
    until(&mut ear, &mut told, "user.reports", new).await;
    let of = |channel: &str| -> Vec<&Value> {
        told.iter().filter(|message| message["channel"] == *channel).collect()
    };
    let live: Vec<WireReport> = of("user.reports")
        .iter()
        .map(|message| {
            assert_eq!(message["user_seq"], message["data"]["user_seq"]);
            serde_json::from_value(message["data"].clone()).unwrap()
        })
        .collect();
    assert!(known.reports.into_iter().chain(live).eq(all.reports.iter().cloned()));
    assert!(all.reports.iter().map(|report| report.user_seq).eq(1..=all.last_user_seq));
    assert_eq!(reports(&a, all.last_user_seq + 1).await.reports, []);
    // What the other channels say is what the report of that number says.
    let report = |seq: &Value| &all.reports[usize::try_from(seq.as_u64().unwrap() - 1).unwrap()];
    for message in of(&orders) {
        let order: api::wire::WireOrder = serde_json::from_value(message["data"].clone()).unwrap();
        assert_eq!(order, report(&message["user_seq"]).order);
    }
    for message in of(&trades) {
        let last = message["data"].as_array().unwrap().last().unwrap().clone();
        let trade: api::wire::WireUserTrade = serde_json::from_value(last).unwrap();
        assert_eq!(Some(&trade), report(&message["user_seq"]).trade.as_ref());
    }
    for channel in [&orders, &trades, &changes] {
        let numbers = |field: &str| -> Vec<u64> {
            of(channel).iter().map(|message| message[field].as_u64().unwrap()).collect()
        };
        let seqs = numbers("seq");
        assert!(!seqs.is_empty() && seqs.iter().copied().eq(1..=seqs.len() as u64), "{seqs:?}");
        assert!(numbers("user_seq").is_sorted());
    }
}

/// API-088: what an account hears does not depend on what another does beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_088_two_accounts_hear_nothing_of_one_another() {
    const CHANNELS: [&str; 7] = [
        "user.reports",
        "user.orders.any.any.raw",
        "user.orders.any.any.100ms",
        "user.trades.any.any.raw",
        "user.changes.any.any.raw",
        "user.delivery",
        "user.jobs",
    ];
    let mut heard_alone = Vec::new();
    for with_neighbour in [false, true] {
        let stand = Stand::open().await;
        let ((mut ear, own), (mut other_ear, other)) = (trader(&stand).await, trader(&stand).await);
        subscribe(&mut ear, &CHANNELS).await;
        subscribe(&mut other_ear, &CHANNELS).await;
        let mut last = 0;
        for step in 0..20_u64 {
            if with_neighbour {
                let far = format!("2.{}", 600 + step);
                let theirs = other.sell(&limit(1, &far)).await.unwrap().order.order_id;
                other.cancel(&theirs).await.unwrap();
            }
            let placed = own.buy(&limit(1 + step, "2.4")).await.unwrap().order.order_id;
            own.cancel(&placed).await.unwrap();
            last += 2;
        }
        let mut told = Vec::new();
        until(&mut ear, &mut told, "user.reports", last).await;
        until(&mut ear, &mut told, "user.orders.any.any.raw", last).await;
        let label = |message: &Value| {
            let order = message["data"].get("order").unwrap_or(&message["data"]);
            let amount = order["amount"].to_string();
            json!([
                message["channel"],
                message["seq"],
                message["user_seq"],
                amount,
                order["order_state"]
            ])
        };
        // The ids of orders are everybody's; nothing else may differ.
        let raw = told.iter().filter(|message| {
            ["user.reports", "user.orders.any.any.raw"]
                .contains(&message["channel"].as_str().unwrap())
        });
        let mut said: Vec<String> = raw.map(|message| label(message).to_string()).collect();
        said.sort();
        assert_eq!(said.len(), usize::try_from(2 * last).unwrap());
        if with_neighbour {
            assert_eq!(said, heard_alone);
            let theirs: Vec<Value> = heard(&mut other_ear).await;
            let is_foreign =
                |message: &Value| message["data"].to_string().contains("\"price\":2.4,");
            assert!(!theirs.is_empty() && !theirs.iter().any(is_foreign));
        } else {
            heard_alone = said;
            assert_eq!(
                heard(&mut other_ear).await,
                Vec::<Value>::new(),
                "whoever does nothing hears nothing"
            );
        }
    }
}

/// API-080
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_080_two_sessions_of_an_account_hear_the_same() {
    let stand = Stand::open().await;
    let credential = stand.account(10_000_000).await;
    let (one, mut first): (Client, Notifications) = stand.login(&credential).await;
    let (two, mut second) = stand.login(&credential).await;
    one.subscribe(&["user.reports"]).await.unwrap();
    two.subscribe(&["user.reports"]).await.unwrap();
    for lots in 1..=5 {
        one.buy(&limit(lots, "2.4")).await.unwrap();
    }
    for _ in 1..=5 {
        let (one, two) = (soon(first.next()).await.unwrap(), soon(second.next()).await.unwrap());
        assert_eq!(one.data.get(), two.data.get());
    }
}

/// API-083: with `docs/api-streams.md`.
#[test]
fn api_083_the_example_of_the_page_is_right() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api-streams.md");
    let page = std::fs::read_to_string(page).unwrap();
    let text = page.lines().find(|line| line.starts_with("2.344:")).expect("the example's text");
    let sum = crc32fast::hash(text.as_bytes());
    assert!(page.contains(&format!("and the checksum {sum}.")), "{sum}");
    assert_eq!(crc32fast::hash(b""), 0, "the empty book's");
}
