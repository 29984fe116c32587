//! A client that comes back: connects again, logs in again, subscribes again, and learns what it has missed.
//!
//! ```text
//! connect -> log in -> subscribe to user.reports and the channels -> private/replay from the last user_seq -> live
//!    ^                                                                                                        |
//!    +---------------------------- wait (100 ms, doubling to 10 s) <------------------------------------------+
//! ```
//!
//! Invariants:
//! - a report is taken in exactly once and in its order: a hole is filled by `private/replay` before anything behind it is looked at;
//! - an order is sent until the venue has said what became of it, always under the same id and in the same terms, so that it is one order;
//! - between two connections an order that was not answered is [`super::OrderStatus::Unknown`], and nothing else.

use std::sync::Arc;
use std::time::Duration;

use instruments::Side;
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::orders::{Orders, TrackedOrder};
use super::requests::text;
use super::streams::{Books, Streams};
use super::{
    Backoff, CALL_TIMEOUT, Client, ClientError, LocalBook, NewOrder, Notification, Notifications,
};
use crate::wire::{WireOrder, WirePlaced, WireReport, WireReports};

/// What is told to the program and not read; a program that is further behind holds its session up.
pub const UPDATES_MAX: usize = 4_096;
/// The channel of every execution report of the account.
const REPORTS: &str = "user.reports";
/// Reports that are asked for at once.
const REPORTS_PAGE: u64 = 1_000;
/// Errors of the gateway, before the exchange has looked: of an order that was sent before they say nothing.
const OF_GATEWAY: [i64; 7] = [10_028, 10_047, 11_051, 11_094, 13_004, 13_009, 13_021];
/// Errors of a login that do not go away.
const OF_LOGIN: [i64; 2] = [13_004, 13_021];

/// Where, as whom, and what besides the account's own reports.
#[derive(Clone)]
pub struct SessionOptions {
    /// `ws://HOST:PORT/ws/api/v2`.
    pub url: String,
    /// Whose key.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Channels that are subscribed to on every connection.
    pub channels: Vec<String>,
    /// The last execution report that the program has; `None` to begin with what happens from now on.
    pub last_user_seq: Option<u64>,
    /// How long one call may take.
    pub timeout: Duration,
    /// How long to wait between two connections.
    pub backoff: Backoff,
}

impl SessionOptions {
    /// The usual ones.
    #[must_use]
    pub fn new(url: &str, client_id: &str, client_secret: &str) -> Self {
        Self {
            url: url.to_owned(),
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            channels: Vec::new(),
            last_user_seq: None,
            timeout: CALL_TIMEOUT,
            backoff: Backoff::default(),
        }
    }
}

/// What a session tells its program.
#[derive(Debug, Clone)]
pub enum Update {
    /// A connection stands, and what was missed has been told.
    Connected,
    /// It has ended; the session tries again.
    Disconnected {
        /// Why.
        reason: String,
    },
    /// An execution report, each once and in order.
    Report(Box<WireReport>),
    /// A message of a channel, each once and in order as far as the venue still had it.
    Message(Notification),
    /// Messages of a channel are lost; what comes next is a snapshot, or begins anew.
    Gap {
        /// Of which channel.
        channel: String,
    },
    /// The venue does not let this client in; the session has ended.
    Refused(ClientError),
}

/// What a session has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionCounts {
    /// Connections that stood.
    pub connections: u64,
    /// Orders that were sent more than once, counted by copies.
    pub resent: u64,
    /// Answers that were of an order placed before.
    pub duplicates: u64,
    /// Orders whose fate was told by a report, after their connection had ended.
    pub told: u64,
    /// Reports that came by a replay.
    pub replayed: u64,
    /// Holes that were filled.
    pub gaps: u64,
}

/// What the handles and the task share.
struct Shared {
    options: SessionOptions,
    orders: Mutex<Orders>,
    counts: Mutex<SessionCounts>,
    live: watch::Receiver<Live>,
    books: Books,
}

/// The connection of now.
#[derive(Clone)]
enum Live {
    Down,
    Up(Client),
    Refused(ClientError),
}

impl Shared {
    fn count(&self, which: impl FnOnce(&mut SessionCounts) -> &mut u64) {
        let mut counts = self.counts.lock();
        let count = which(&mut counts);
        *count = count.saturating_add(1);
    }
}

struct EndWithLast(AbortHandle);

impl Drop for EndWithLast {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A client that comes back. Cheap to clone; it ends with its last handle.
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
    _task: Arc<EndWithLast>,
}

impl Session {
    /// Begins to connect. The updates must be read or dropped.
    #[must_use]
    pub fn start(options: SessionOptions) -> (Self, mpsc::Receiver<Update>) {
        let (updates, told) = mpsc::channel(UPDATES_MAX);
        let (up, live) = watch::channel(Live::Down);
        let (orders, counts) = (Mutex::default(), Mutex::default());
        let streams = Streams::default();
        let books = Arc::clone(&streams.books);
        let shared = Arc::new(Shared { options, orders, counts, live, books });
        let task = Task {
            shared: Arc::clone(&shared),
            up,
            updates,
            last_user_seq: shared.options.last_user_seq,
            streams,
        };
        let handle = tokio::spawn(task.run()).abort_handle();
        (Self { shared, _task: Arc::new(EndWithLast(handle)) }, told)
    }

    /// The connection of now; waits for one.
    ///
    /// # Errors
    /// When the venue does not let the client in.
    pub async fn client(&self) -> Result<Client, ClientError> {
        let mut live = self.shared.live.clone();
        loop {
            match &*live.borrow_and_update() {
                Live::Up(client) if !client.is_closed() => return Ok(client.clone()),
                Live::Refused(error) => return Err(error.clone()),
                Live::Up(_) | Live::Down => {}
            }
            if live.changed().await.is_err() {
                return Err(ClientError::Closed { reason: "the session has ended".to_owned() });
            }
        }
    }

    /// What is known of an order.
    #[must_use]
    pub fn order(&self, client_order_id: &str) -> Option<TrackedOrder> {
        self.shared.orders.lock().get(client_order_id).cloned()
    }

    /// What is known of every order.
    #[must_use]
    pub fn orders(&self) -> Vec<TrackedOrder> {
        self.shared.orders.lock().all()
    }

    /// The book of a channel `book.SERIES.raw` or `book.SERIES.100ms` of the session, once it has come. It is the venue's: what does not
    /// follow on, or has another checksum, has been asked for again.
    #[must_use]
    pub fn book(&self, channel: &str) -> Option<LocalBook> {
        self.shared.books.lock().get(channel).cloned()
    }

    /// What the session has done so far.
    #[must_use]
    pub fn counts(&self) -> SessionCounts {
        *self.shared.counts.lock()
    }

    /// Places an order, however often the connection ends meanwhile: returns when the venue has said what became of it. A refusal is
    /// [`super::OrderStatus::Rejected`].
    ///
    /// # Errors
    /// Without a `client_order_id`, and when the venue does not let the client in.
    pub async fn place(&self, side: Side, order: &NewOrder) -> Result<TrackedOrder, ClientError> {
        let method = if side == Side::Buy { "private/buy" } else { "private/sell" };
        let Some(id) = order.client_order_id.as_deref() else {
            let reason = "an order of a session has a client_order_id".to_owned();
            return Err(ClientError::Unexpected { method: method.to_owned(), reason });
        };
        let params = text(order);
        let mut backoff = self.shared.options.backoff.clone();
        let mut attempts: u32 = 0;
        loop {
            let client = self.client().await?;
            if 0 < attempts {
                // The reports that were missed have been read before the connection stands.
                if let Some(known) = self.order(id).filter(|order| order.status.is_settled()) {
                    self.shared.count(|counts| &mut counts.told);
                    return Ok(known);
                }
                self.shared.count(|counts| &mut counts.resent);
            }
            attempts = attempts.saturating_add(1);
            self.shared.orders.lock().sent(id);
            let answer = client.call_as::<WirePlaced>(method, &params).await;
            if self.settle(id, answer, 1 < attempts) {
                return self.order(id).ok_or_else(|| ClientError::Unexpected {
                    method: method.to_owned(),
                    reason: format!("{id} has been forgotten"),
                });
            }
            if !client.is_closed() {
                tokio::time::sleep(backoff.next_wait()).await;
            }
        }
    }

    /// Takes in an answer to an order; whether its fate is known by that.
    fn settle(&self, id: &str, answer: Result<WirePlaced, ClientError>, is_again: bool) -> bool {
        let mut orders = self.shared.orders.lock();
        match answer {
            Ok(placed) => {
                orders.placed(id, &placed);
                if placed.duplicate {
                    self.shared.count(|counts| &mut counts.duplicates);
                }
                true
            }
            Err(ClientError::Rpc { code, data, .. }) => {
                let is_of_exchange = data.get("rule").is_some();
                let is_final = is_of_exchange || !OF_GATEWAY.contains(&code);
                if is_final || !is_again && code != 11_094 {
                    orders.refused(id, code);
                    return true;
                }
                orders.lost(id);
                false
            }
            Err(
                ClientError::Closed { .. }
                | ClientError::Timeout { .. }
                | ClientError::Connect { .. }
                | ClientError::Unexpected { .. },
            ) => {
                orders.lost(id);
                false
            }
        }
    }

    /// Cancels an order by the client's own id, however often the connection ends meanwhile.
    ///
    /// # Errors
    /// [`ClientError`]; code 10004 when no order of that id was accepted.
    pub async fn cancel(&self, client_order_id: &str) -> Result<TrackedOrder, ClientError> {
        loop {
            let client = self.client().await?;
            match self.try_cancel(&client, client_order_id).await {
                Err(ClientError::Closed { .. } | ClientError::Timeout { .. }) => {}
                Err(error) => return Err(error),
                Ok(now) => {
                    let mut orders = self.shared.orders.lock();
                    orders.seen(client_order_id, &now);
                    if let Some(known) = orders.get(client_order_id) {
                        return Ok(known.clone());
                    }
                    orders.sent(client_order_id);
                    orders.seen(client_order_id, &now);
                }
            }
        }
    }

    async fn try_cancel(&self, client: &Client, id: &str) -> Result<WireOrder, ClientError> {
        let known = self.order(id).and_then(|tracked| tracked.order);
        let order = match known {
            Some(order) => order,
            None => client.order_by_client_id(id).await?,
        };
        match client.cancel(&order.order_id).await {
            // It has ended already.
            Err(ClientError::Rpc { code: 10_004, .. }) => client.order_by_client_id(id).await,
            cancelled => cancelled,
        }
    }
}

/// What keeps a session up.
struct Task {
    shared: Arc<Shared>,
    up: watch::Sender<Live>,
    updates: mpsc::Sender<Update>,
    last_user_seq: Option<u64>,
    streams: Streams,
}

impl Task {
    async fn run(mut self) {
        let mut backoff = self.shared.options.backoff.clone();
        loop {
            let reason = match self.connect().await {
                Ok((client, notifications)) => {
                    backoff.reset();
                    self.live(client, notifications).await
                }
                Err(error) if error.code().is_some_and(|code| OF_LOGIN.contains(&code)) => {
                    self.up.send_replace(Live::Refused(error.clone()));
                    self.tell(Update::Refused(error)).await;
                    return;
                }
                Err(error) => error.to_string(),
            };
            self.up.send_replace(Live::Down);
            self.shared.orders.lock().disconnected();
            self.tell(Update::Disconnected { reason }).await;
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }

    /// A connection on which everything that was missed has been read.
    async fn connect(&mut self) -> Result<(Client, Notifications), ClientError> {
        let options = self.shared.options.clone();
        let late = |_elapsed| ClientError::Connect {
            url: options.url.clone(),
            reason: format!("no answer within {} ms", options.timeout.as_millis()),
        };
        let connecting = tokio::time::timeout(options.timeout, Client::connect(&options.url));
        let (client, notifications) = connecting.await.map_err(late)??;
        let client = client.with_timeout(options.timeout);
        client.auth(&options.client_id, &options.client_secret).await?;
        client.subscribe(&[REPORTS]).await?;
        self.catch_up(&client).await?;
        self.streams.begin(&client, &options.channels).await?;
        Ok((client, notifications))
    }

    /// Reads every report from the last one on.
    async fn catch_up(&mut self, client: &Client) -> Result<(), ClientError> {
        loop {
            let next = self.last_user_seq.map_or(u64::MAX, |last| last.saturating_add(1));
            let params = json!({ "from_user_seq": next, "count": REPORTS_PAGE }).to_string();
            let page: WireReports = client.call_as("private/replay", &params).await?;
            let Some(last) = self.last_user_seq else {
                self.last_user_seq = Some(page.last_user_seq);
                return Ok(());
            };
            for report in page.reports {
                self.shared.count(|counts| &mut counts.replayed);
                self.report(report).await;
            }
            let is_at_end = self.last_user_seq.is_some_and(|now| page.last_user_seq <= now);
            if is_at_end || self.last_user_seq == Some(last) {
                return Ok(());
            }
        }
    }

    /// Takes a report in that is the next.
    async fn report(&mut self, report: WireReport) {
        if self.last_user_seq.is_some_and(|last| report.user_seq <= last) {
            return;
        }
        self.last_user_seq = Some(report.user_seq);
        self.shared.orders.lock().reported(&report);
        self.tell(Update::Report(Box::new(report))).await;
    }

    /// Until the connection ends; says why.
    async fn live(&mut self, client: Client, mut notifications: Notifications) -> String {
        self.shared.count(|counts| &mut counts.connections);
        self.up.send_replace(Live::Up(client.clone()));
        self.tell(Update::Connected).await;
        while let Some(message) = notifications.next().await {
            let taken = if message.channel == REPORTS {
                self.reported(&client, &message).await
            } else {
                self.message(&client, message).await
            };
            if let Err(error) = taken {
                return error.to_string();
            }
        }
        "the connection has ended".to_owned()
    }

    async fn reported(
        &mut self,
        client: &Client,
        message: &Notification,
    ) -> Result<(), ClientError> {
        let report: WireReport = message.read()?;
        let next = self.last_user_seq.map(|last| last.saturating_add(1));
        if next.is_some_and(|next| next < report.user_seq) {
            self.shared.count(|counts| &mut counts.gaps);
            self.catch_up(client).await?;
        }
        self.report(report).await;
        Ok(())
    }

    async fn message(&mut self, client: &Client, message: Notification) -> Result<(), ClientError> {
        let channel = message.channel.clone();
        let taken = self.streams.take(client, message).await?;
        if taken.has_gap {
            self.shared.count(|counts| &mut counts.gaps);
        }
        if taken.is_lost {
            self.tell(Update::Gap { channel }).await;
        }
        for message in taken.messages {
            self.tell(Update::Message(message)).await;
        }
        Ok(())
    }

    /// A program that has dropped its updates wants none.
    async fn tell(&self, update: Update) {
        drop(self.updates.send(update).await);
    }
}
