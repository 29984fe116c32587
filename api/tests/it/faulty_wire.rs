//! What lies between a client and a venue and does not do what it should: a wire that is cut anywhere, one that loses, doubles and
//! reorders messages. All of it follows from a seed, but for what the scheduler does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{accept_async, connect_async};

/// Numbers that follow from a seed (splitmix64).
#[derive(Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// What a wire has done to what went over it.
#[derive(Default)]
pub(crate) struct Faults {
    pub(crate) cuts: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) doubled: AtomicU64,
    pub(crate) delayed: AtomicU64,
    /// From here on the wire is sound.
    pub(crate) is_over: std::sync::atomic::AtomicBool,
}

impl Faults {
    pub(crate) fn of(&self, count: &AtomicU64) -> u64 {
        count.load(Ordering::Relaxed)
    }

    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn are_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn count(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// A wire to `target` that is cut after so many bytes as the seed says, one way or the other, in the middle of anything; so many times.
pub(crate) async fn cutting(target: SocketAddr, seed: u64, cuts: u64) -> (String, Arc<Faults>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ws/api/v2", listener.local_addr().unwrap());
    let faults = Arc::new(Faults::default());
    let shared = Arc::clone(&faults);
    tokio::spawn(async move {
        let mut chance = Chance::new(seed);
        while let Ok((client, _)) = listener.accept().await {
            let mut bytes = || {
                let most =
                    [2_000, 6_000, 15_000, 40_000][usize::try_from(chance.below(4)).unwrap()];
                chance.below(most)
            };
            let budgets = [bytes(), bytes()].map(Some);
            let is_sound = cuts <= shared.of(&shared.cuts);
            let budgets = if is_sound { [None, None] } else { budgets };
            tokio::spawn(cut_after(client, target, budgets, Arc::clone(&shared)));
        }
    });
    (url, faults)
}

async fn cut_after(
    client: TcpStream,
    target: SocketAddr,
    [up, down]: [Option<u64>; 2],
    faults: Arc<Faults>,
) {
    let Ok(venue) = TcpStream::connect(target).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_venue, to_venue) = venue.into_split();
    // Whichever ends first takes the other with it.
    let is_cut = tokio::select! {
        is_cut = carry(from_client, to_venue, up) => is_cut,
        is_cut = carry(from_venue, to_client, down) => is_cut,
    };
    if is_cut {
        Faults::count(&faults.cuts);
    }
}

/// Carries bytes until an end is gone or as many have gone as may; whether that was it.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, budget: Option<u64>) -> bool {
    let mut buffer = [0; 4_096];
    let mut left = budget.unwrap_or(u64::MAX);
    while 0 < left {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let Ok(read @ 1..) = from.read(&mut buffer[..most]).await else { return false };
        if to.write_all(&buffer[..read]).await.is_err() {
            return false;
        }
        left -= u64::try_from(read).unwrap();
    }
    true
}

/// A wire to `url` that loses, doubles and delays whole messages, each one in twenty, both ways.
pub(crate) async fn unfaithful(url: String, seed: u64) -> (String, Arc<Faults>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = format!("ws://{}/ws/api/v2", listener.local_addr().unwrap());
    let faults = Arc::new(Faults::default());
    let shared = Arc::clone(&faults);
    tokio::spawn(async move {
        let mut chance = Chance::new(seed);
        while let Ok((client, _)) = listener.accept().await {
            let (url, faults) = (url.clone(), Arc::clone(&shared));
            let chances = [(); 2].map(|()| Chance::new(chance.below(u64::MAX)));
            tokio::spawn(async move {
                let (Ok(client), Ok((venue, _))) =
                    (accept_async(client).await, connect_async(url).await)
                else {
                    return;
                };
                let (to_client, from_client) = client.split();
                let (to_venue, from_venue) = venue.split();
                let [up, down] = chances;
                tokio::select! {
                    () = pass(from_client, to_venue, up, &faults) => {}
                    () = pass(from_venue, to_client, down, &faults) => {}
                }
            });
        }
    });
    (own, faults)
}

async fn pass(
    mut from: impl Stream<Item = Result<Message, Error>> + Unpin,
    mut to: impl Sink<Message> + Unpin,
    mut chance: Chance,
    faults: &Faults,
) {
    let (late, mut arrived) = mpsc::channel::<Message>(1_024);
    loop {
        let message = tokio::select! {
            Some(message) = arrived.recv() => message,
            message = from.next() => {
                let Some(Ok(message)) = message else { return };
                let roll = if faults.are_over() { 20 } else { chance.below(20) };
                match roll {
                    0 => {
                        Faults::count(&faults.lost);
                        continue;
                    }
                    1 => {
                        Faults::count(&faults.doubled);
                        if to.send(message.clone()).await.is_err() {
                            return;
                        }
                        message
                    }
                    2 => {
                        Faults::count(&faults.delayed);
                        let (late, wait) = (late.clone(), Duration::from_millis(chance.below(30)));
                        tokio::spawn(async move {
                            tokio::time::sleep(wait).await;
                            drop(late.send(message).await);
                        });
                        continue;
                    }
                    _ => message,
                }
            }
        };
        if to.send(message).await.is_err() {
            return;
        }
    }
}
