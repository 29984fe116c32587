//! A client that stops reading holds up nobody, and finds the truth when it reads again.

use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::books::{Mirror, Numbers};
use crate::stand::{SERIES, Stand, limit, soon};

/// API-033, API-085
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_033_a_slow_client_is_conflated_and_converges() {
    const CHANGES: usize = 600;
    let stand = Stand::open().await;
    let (trader, _) = stand.trader(100_000_000).await;
    // A receive buffer so small that the server soon cannot write.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = soon(socket.connect((Ipv4Addr::LOCALHOST, stand.address.port()).into())).await;
    let (slow, _) = soon(client_async(stand.url(), stream.unwrap())).await.unwrap();
    let (mut sink, mut messages) = slow.split();
    let request = |id: usize, method: &str, params: Value| {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        // Padded, so that the requests that are not read fill the socket in their direction too.
        let padding = " ".repeat(32_768);
        Message::Text(format!("{request}{padding}").into())
    };
    for ticks in 0..400_u32 {
        trader.buy(&limit(1, &format!("1.{ticks:03}"))).await.unwrap();
    }
    let subscribe = json!({"channels": [format!("book.{SERIES}.raw")]});
    soon(sink.send(request(0, "public/subscribe", subscribe))).await.unwrap();
    // Replies of many kilobytes each, none of which is read: the socket fills up, then the queue, then the server reads no more.
    let ask = json!({"instrument_name": SERIES, "depth": 400});
    let mut replies = 0;
    let mut is_stuck = false;
    while !is_stuck {
        replies += 1;
        let sent = sink.send(request(replies, "public/get_order_book", ask.clone()));
        is_stuck = tokio::time::timeout(Duration::from_millis(500), sent).await.is_err();
    }

    let mut numbers = Numbers(1);
    for _ in 0..CHANGES {
        let price = format!("2.{:03}", numbers.below(5));
        soon(trader.buy(&limit(1, &price))).await.unwrap();
    }

    let mut mirror = Mirror::default();
    let mut answered = 0;
    let last = |mirror: &Mirror| mirror.total("bid", "2") == CHANGES;
    let mut unstick = tokio::spawn(async move { sink.flush().await });
    while answered <= replies || !last(&mirror) {
        let message = soon(messages.next()).await.expect("the session lives").unwrap();
        let Message::Text(text) = message else { continue };
        match serde_json::from_str::<Value>(&text).unwrap().get("id") {
            Some(_) => answered += 1,
            None => mirror.apply(&change(&text)),
        }
    }
    soon(&mut unstick).await.unwrap().unwrap();
    assert!(mirror.messages < CHANGES / 2, "{} messages for {CHANGES} changes", mirror.messages);
}

fn change(text: &str) -> api::wire::WireBookChange {
    #[derive(serde::Deserialize)]
    struct Frame<'a> {
        #[serde(borrow)]
        params: Params<'a>,
    }
    #[derive(serde::Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        data: &'a serde_json::value::RawValue,
    }
    let frame: Frame<'_> = serde_json::from_str(text).unwrap();
    serde_json::from_str(frame.params.data.get()).unwrap()
}
