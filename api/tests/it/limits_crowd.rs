//! Very many at once: who comes back all at the same time, and who stops reading.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use api::client::Client;
use api::limits::Limits;
use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpSocket;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::stand::{SERIES, Stand, is_alone, limit, resident, soon};

fn number(name: &str, standard: u32) -> u32 {
    std::env::var(name).map_or(standard, |text| text.parse().unwrap())
}

/// The time that 99 of 100 took at most.
fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() * 99 / 100]
}

#[expect(clippy::disallowed_methods, reason = "what is measured is told")]
fn now() -> Instant {
    Instant::now()
}

/// LIMIT-004: `TENOR_STORM_CLIENTS=5000 TENOR_STORM_ACCEPTS=500` is the row F15 of the fault matrix.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_004_who_comes_back_at_once_is_let_in_one_after_another() {
    let clients = number("TENOR_STORM_CLIENTS", 150);
    let accepts = number("TENOR_STORM_ACCEPTS", 100);
    let limits = Limits { accepts_per_second: accepts, ..Limits::lifted() };
    let stand = Stand::open_with(|options| options.limits = limits).await;
    let credential = stand.account(1_000_000).await;
    let (trader, _) = stand.login(&credential).await;
    let start = now();
    let back = || {
        let (url, credential) = (stand.url(), credential.clone());
        tokio::spawn(async move {
            // A connection that the system dropped is tried again, as every client does.
            let (client, messages) = loop {
                if let Ok(connected) = Client::connect(&url).await {
                    break connected;
                }
                tokio::task::yield_now().await;
            };
            client.auth(&credential.client_id, &credential.client_secret).await.unwrap();
            let book = format!("book.{SERIES}.raw");
            client.subscribe(&[&book, "user.orders.any.any.raw"]).await.unwrap();
            (start.elapsed(), client, messages)
        })
    };
    let storm: Vec<_> = (0..clients).map(|_| back()).collect();
    let mut orders = Vec::new();
    let resting = limit(1, "1");
    while !storm.iter().all(tokio::task::JoinHandle::is_finished) {
        let asked = now();
        soon(trader.buy(&resting)).await.unwrap();
        orders.push(asked.elapsed());
        trader.cancel_all().await.unwrap();
    }
    let served: Vec<_> = join_all(storm).await.into_iter().map(Result::unwrap).collect();
    let last = served.iter().map(|(at, ..)| *at).max().unwrap();
    println!(
        "{clients} clients served in {last:?}; p99 of {} orders {:?}",
        orders.len(),
        p99(orders.clone())
    );
    // One second's worth at once, and the others at that pace.
    let pace = Duration::from_secs(1) * clients.saturating_sub(accepts) / accepts;
    assert!(pace * 9 / 10 <= last, "{clients} were let in within {last:?}");
}

/// LIMIT-030: `TENOR_CROWD_CLIENTS=1000` is the row F14 of the fault matrix.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_030_one_in_a_hundred_stops_reading_and_the_others_notice_nothing() {
    const CHANGES: usize = 100;
    if !is_alone(
        "limits_crowd::limit_030_one_in_a_hundred_stops_reading_and_the_others_notice_nothing",
    ) {
        return;
    }
    let clients = number("TENOR_CROWD_CLIENTS", 100);
    let limits = Limits { outbound_bytes: 65_536, ..Limits::lifted() };
    let stand = Stand::open_with(|options| options.limits = limits).await;
    let (trader, _) = stand.trader(100_000_000).await;
    let channel = format!("book.{SERIES}.raw");
    let mut slow = Vec::new();
    for _ in 0..clients.div_ceil(100) {
        // A receive buffer so small that the server soon cannot write.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let address = (Ipv4Addr::LOCALHOST, stand.address.port()).into();
        let stream = soon(socket.connect(address)).await.unwrap();
        let (mut session, _) = soon(client_async(stand.url(), stream)).await.unwrap();
        let subscribe = json!({"jsonrpc": "2.0", "id": 0, "method": "public/subscribe",
            "params": {"channels": [channel]}});
        soon(session.send(Message::Text(subscribe.to_string().into()))).await.unwrap();
        // Answered, so subscribed.
        soon(session.next()).await.unwrap().unwrap();
        slow.push(session);
    }
    let mut others = Vec::new();
    for _ in clients.div_ceil(100)..clients {
        let (client, messages) = stand.stranger().await;
        client.subscribe(&[&channel]).await.unwrap();
        others.push((client, messages));
    }
    let before = resident();
    let start = now();
    for tick in 0..CHANGES {
        soon(trader.buy(&limit(1, &format!("1.{tick:03}")))).await.unwrap();
    }
    let last = format!("1.{:03}", CHANGES - 1).trim_end_matches('0').to_owned();
    let told = join_all(others.iter_mut().map(async |(_, messages)| {
        loop {
            let message = soon(messages.next()).await.expect("the session lives");
            if message.data.get().contains(&last) {
                return start.elapsed();
            }
        }
    }));
    let times = told.await;
    let held = resident().saturating_sub(before);
    println!(
        "{} others were told of {CHANGES} changes within {:?}, {} bytes of memory more",
        times.len(),
        p99(times.clone()),
        held
    );
    assert_eq!(times.len() + slow.len(), usize::try_from(clients).unwrap());
    // Whatever waits for those who do not read is bounded: 2 MiB for each of them, and what the others needed.
    assert!(held < (slow.len() * 3 + times.len()) << 20, "{held}");
}
