//! All channels that somebody listens to, each computed once.
//!
//! ```text
//! events -> [hub: compute, number, serialise] -> ring of the channel -> sessions, each from where it is
//! ```
//!
//! Invariants:
//! - there are at most [`CHANNELS_MAX`] channels; one that nobody has listened to for [`IDLE_MAX`] ends;
//! - the table is locked before a channel, never after it, and neither by whoever holds the exchange.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use exchange::Event;
use instruments::{AccountId, InstrumentId};
use parking_lot::Mutex;
use rust_decimal::Decimal;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Instant, MissedTickBehavior};

use super::ear::Ear;
use super::feed::{Feed, Listener, Signal};
use super::name::{Channel, Latest, Topic};
use crate::gateway::Gateway;
use crate::venue::{Outcome, Published, VerifierTask};
use crate::wire::{ErrorCode, WireError};

/// Channels of all sessions together.
pub(crate) const CHANNELS_MAX: usize = 8_192;
/// How long a channel goes on without anybody who listens, so that whoever was cut off finds what it has missed.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(600);
/// How often batched channels speak.
const BEAT: Duration = Duration::from_millis(100);
/// How often channels without listeners are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// Commands that are taken in before newest states are told.
const BATCH_MAX: usize = 256;
/// Reports that are read at once.
const REPORTS_MAX: usize = 1_000;

/// A channel's name, and whose it is.
type Key = (Option<AccountId>, String);

/// Every channel that somebody listens to.
#[derive(Default)]
pub(crate) struct Hub {
    table: Mutex<Table>,
    /// Rises whenever a channel begins or ends.
    version: AtomicU64,
    /// Bytes of all rings.
    bytes: Arc<AtomicUsize>,
    listeners: AtomicU64,
}

#[derive(Default)]
struct Table {
    feeds: BTreeMap<Key, Arc<Feed>>,
    accounts: BTreeMap<AccountId, Arc<ReportsOf>>,
    last_epoch: u64,
}

/// How far an account's reports have been told.
struct ReportsOf {
    account: AccountId,
    told: AtomicU64,
}

impl Hub {
    /// Listens to a channel, which begins with it if nobody else does.
    pub(super) fn join(
        &self,
        gateway: &Gateway,
        (name, channel): (&str, Channel),
        signal: &Arc<Signal>,
    ) -> Result<Ear, WireError> {
        let key = (channel.topic.account(), name.to_owned());
        let mut table = self.table.lock();
        let known = table.feeds.get(&key).filter(|feed| !feed.lock().is_lost).cloned();
        let is_new = known.is_none();
        let feed = match known {
            Some(feed) => feed,
            None => self.begin(gateway, &mut table, (key, channel))?,
        };
        // Behind whatever the client may have learnt by asking.
        let since = match feed.channel.topic.reports_of() {
            Some(account) => gateway.venue.history().last_user_seq(account),
            None => gateway.venue.exchange().last_seq().0,
        };
        let id = self.listeners.fetch_add(1, Ordering::Relaxed);
        let listener = Listener::new(signal);
        let mut inner = feed.lock();
        // What has begun with this listener is told from its first message on.
        let is_whole = !is_new || feed.is_conflated();
        let opening = if is_whole { feed.opening(gateway, &mut inner) } else { Default::default() };
        let next = if is_whole { inner.ring.next_seq() } else { 1 };
        inner.join(id, Arc::clone(&listener));
        drop(inner);
        drop(table);
        Ok(Ear::new(feed, (id, listener), (next, since), opening))
    }

    fn begin(
        &self,
        gateway: &Gateway,
        table: &mut Table,
        (key, channel): (Key, Channel),
    ) -> Result<Arc<Feed>, WireError> {
        if CHANNELS_MAX <= table.feeds.len() {
            self.end_longest_idle(table)?;
        }
        table.last_epoch = gateway.venue.now().millis().max(table.last_epoch.saturating_add(1));
        let reports_of = channel.topic.reports_of();
        let feed = Feed::new(&key.1, channel, table.last_epoch, Arc::clone(&self.bytes));
        let feed = Arc::new(feed);
        let mut inner = feed.lock();
        table.feeds.insert(key, Arc::clone(&feed));
        if let Some(account) = reports_of {
            let history = gateway.venue.history();
            table.accounts.entry(account).or_insert_with(|| {
                let told = AtomicU64::new(history.last_user_seq(account));
                Arc::new(ReportsOf { account, told })
            });
        }
        // What is published after the hub has seen this is for the channel; what it had published before, the exchange has already.
        self.version.fetch_add(1, Ordering::SeqCst);
        feed.begin(gateway, &mut inner);
        drop(inner);
        Ok(feed)
    }

    fn end_longest_idle(&self, table: &mut Table) -> Result<(), WireError> {
        let idle = table.feeds.iter().filter_map(|(key, feed)| {
            let since = feed.lock().idle_since()?;
            Some((since, key.clone()))
        });
        let Some((_, key)) = idle.min() else {
            let reason = format!("the venue has {CHANNELS_MAX} channels, the most it takes");
            let error = WireError::new(ErrorCode::TooManyRequests, reason).of("channels");
            return Err(error.with_limit(Decimal::from(CHANNELS_MAX)));
        };
        table.feeds.remove(&key);
        self.version.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    /// The channel of that name, everybody's or an account's own.
    pub(super) fn find(&self, account: Option<AccountId>, name: &str) -> Option<Arc<Feed>> {
        self.table.lock().feeds.get(&(account, name.to_owned())).cloned()
    }

    /// Bytes of all messages that are kept.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Ends what is lost, and what nobody has listened to for long.
    fn sweep(&self, now: Instant) {
        let mut table = self.table.lock();
        let before = table.feeds.len();
        table.feeds.retain(|_, feed| {
            let inner = feed.lock();
            let is_idle = inner.idle_since().is_some_and(|since| since + IDLE_MAX <= now);
            !is_idle && !inner.is_lost
        });
        let heard: BTreeSet<AccountId> =
            table.feeds.values().filter_map(|feed| feed.channel.topic.reports_of()).collect();
        table.accounts.retain(|account, _| heard.contains(account));
        if before != table.feeds.len() {
            self.version.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// The hub's ends of everything, and where each channel is found.
pub(crate) struct Work {
    gateway: Arc<Gateway>,
    events: broadcast::Receiver<Outcome>,
    tasks: broadcast::Receiver<Arc<VerifierTask>>,
    version: Option<u64>,
    places: Places,
}

/// The channels by what they are about.
#[derive(Default)]
struct Places {
    all: Vec<Arc<Feed>>,
    by_series: BTreeMap<InstrumentId, Vec<Arc<Feed>>>,
    /// What an index shows in too.
    tickers: Vec<Arc<Feed>>,
    elsewhere: Vec<Arc<Feed>>,
    batched: Vec<Arc<Feed>>,
    /// Newest states that are told at once.
    newest: Vec<Arc<Feed>>,
    reports: BTreeMap<AccountId, (Arc<ReportsOf>, Vec<Arc<Feed>>)>,
    verifiers: Vec<Arc<Feed>>,
}

impl Places {
    fn of(table: &Table) -> Self {
        let mut places = Self::default();
        for feed in table.feeds.values() {
            let (topic, feed) = (&feed.channel.topic, || Arc::clone(feed));
            places.all.push(feed());
            if feed().is_batched() {
                places.batched.push(feed());
            } else if matches!(topic, Topic::Newest(_)) {
                places.newest.push(feed());
            }
            if let Topic::Newest(Latest::Ticker(_) | Latest::IncrementalTicker(_)) = topic {
                places.tickers.push(feed());
            }
            let reported = topic.reports_of().and_then(|account| table.accounts.get(&account));
            if let Some(reports) = reported {
                let none = || (Arc::clone(reports), Vec::new());
                places.reports.entry(reports.account).or_insert_with(none).1.push(feed());
            } else if matches!(topic, Topic::VerifierTasks) {
                places.verifiers.push(feed());
            } else if let Some(series) = topic.series() {
                places.by_series.entry(series).or_default().push(feed());
            } else {
                places.elsewhere.push(feed());
            }
        }
        places
    }
}

impl Work {
    /// Hears everything from now on.
    pub(crate) fn new(gateway: Arc<Gateway>) -> Self {
        let (events, tasks) = (gateway.venue.subscribe(), gateway.venue.subscribe_verifier_tasks());
        Self { gateway, events, tasks, version: None, places: Places::default() }
    }

    /// Computes the channels for as long as the venue lives.
    pub(crate) async fn run(mut self) {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        loop {
            tokio::select! {
                first = self.events.recv() => match first {
                    Ok(first) => self.take_in(&first),
                    Err(RecvError::Lagged(missed)) => self.lose(missed),
                    Err(RecvError::Closed) => return,
                },
                task = self.tasks.recv() => match task {
                    Ok(task) => self.task(&task),
                    Err(RecvError::Lagged(missed)) => self.lose_tasks(missed),
                    Err(RecvError::Closed) => return,
                },
                _ = beat.tick() => self.beat(),
                _ = sweep.tick() => self.gateway.hub.sweep(Instant::now()),
            }
        }
    }

    /// Takes in a command and those that wait behind it, then tells the newest states.
    pub(super) fn take_in(&mut self, first: &Published) {
        self.note(first);
        for _ in 1..BATCH_MAX {
            match self.events.try_recv() {
                Ok(next) => self.note(&next),
                Err(TryRecvError::Lagged(missed)) => self.lose(missed),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        for feed in &self.places.newest {
            feed.tell(&self.gateway);
        }
    }

    /// Takes in all that waits.
    #[cfg(test)]
    pub(super) fn drain(&mut self) {
        while let Ok(first) = self.events.try_recv() {
            self.take_in(&first);
        }
    }

    /// Tells what batched channels have.
    pub(super) fn beat(&mut self) {
        self.look_up();
        for feed in &self.places.batched {
            feed.tell(&self.gateway);
        }
    }

    fn look_up(&mut self) {
        let version = self.gateway.hub.version.load(Ordering::SeqCst);
        if self.version != Some(version) {
            self.version = Some(version);
            self.places = Places::of(&self.gateway.hub.table.lock());
        }
    }

    fn note(&mut self, published: &Published) {
        self.look_up();
        let (gateway, places) = (&self.gateway, &self.places);
        let series: BTreeSet<InstrumentId> =
            published.events.iter().filter_map(series_of).collect();
        for feed in series.iter().filter_map(|series| places.by_series.get(series)).flatten() {
            feed.note(gateway, published);
        }
        let has_index = |event: &Event| matches!(event, Event::IndexPublished(_));
        if published.events.iter().any(has_index) {
            places.tickers.iter().for_each(|feed| feed.note(gateway, published));
        }
        places.elsewhere.iter().for_each(|feed| feed.note(gateway, published));
        let accounts: BTreeSet<AccountId> =
            published.events.iter().flat_map(reported_by).flatten().collect();
        for (reports, feeds) in accounts.iter().filter_map(|account| places.reports.get(account)) {
            catch_up(gateway, reports, feeds);
        }
    }

    fn task(&mut self, task: &VerifierTask) {
        self.look_up();
        for feed in &self.places.verifiers {
            feed.note_task(&self.gateway, task);
        }
    }

    fn lose_tasks(&mut self, missed: u64) {
        tracing::warn!(missed, "channels fell behind the opened rows");
        self.look_up();
        self.places.verifiers.iter().for_each(|feed| feed.lose(&self.gateway));
    }

    fn lose(&mut self, missed: u64) {
        tracing::warn!(missed, "channels fell behind the venue, told afresh");
        self.look_up();
        self.places.all.iter().for_each(|feed| feed.lose(&self.gateway));
        for (reports, feeds) in self.places.reports.values() {
            catch_up(&self.gateway, reports, feeds);
        }
    }
}

/// Tells an account's reports that have not been told, command by command.
fn catch_up(gateway: &Gateway, reports: &ReportsOf, feeds: &[Arc<Feed>]) {
    loop {
        let next = reports.told.load(Ordering::Relaxed).saturating_add(1);
        let page = gateway.venue.history().reports(reports.account, next, REPORTS_MAX);
        let Some(last) = page.last() else { return };
        for of_command in page.chunk_by(|a, b| a.seq == b.seq) {
            for feed in feeds {
                feed.note_reports(gateway, of_command);
            }
        }
        reports.told.store(last.user_seq, Ordering::Relaxed);
        if page.len() < REPORTS_MAX {
            return;
        }
    }
}

/// The series in whose channels an event shows.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not about one series shows in none")]
fn series_of(event: &Event) -> Option<InstrumentId> {
    match event {
        Event::DepthChanged { instrument, .. }
        | Event::MarkChanged { instrument, .. }
        | Event::AuctionOpened { instrument, .. }
        | Event::AuctionExtended { instrument, .. }
        | Event::AuctionEnded { instrument, .. }
        | Event::IndicativePrice { instrument, .. }
        | Event::SettlementPriceFixed { instrument, .. }
        | Event::SeriesExpired { instrument, .. }
        | Event::PositionClosed { instrument, .. } => Some(*instrument),
        Event::Traded(traded) => Some(traded.instrument),
        Event::BlockTraded(block) => Some(block.instrument),
        _ => None,
    }
}

/// The accounts that have a report of an event.
#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is reported")]
fn reported_by(event: &Event) -> [Option<AccountId>; 2] {
    match event {
        Event::OrderAccepted(terms) => [Some(terms.account), None],
        Event::OrderAmended { account, .. }
        | Event::OrderTriggered { account, .. }
        | Event::OrderCancelled { account, .. } => [Some(*account), None],
        Event::Traded(traded) => [&traded.maker, &traded.taker].map(|fill| Some(fill.account)),
        _ => [None, None],
    }
}
