//! One channel, computed once for everybody who listens to it.
//!
//! Invariants:
//! - a message is serialised once, has the channel's next number, and is the same bytes for every session;
//! - what is told follows from what was told before, never from who listens.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use instruments::Seq;
use parking_lot::{Mutex, MutexGuard};
use serde_json::value::RawValue;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::book::BookFeed;
use super::chart::ChartFeed;
use super::name::{Channel, Pace, Topic};
use super::newest::Newest;
use super::ring::Ring;
use super::{Text, own};
use crate::gateway::Gateway;
use crate::raise;
use crate::venue::history::Report;
use crate::venue::{Published, VerifierTask};
use crate::wire::{Place, notification_text, to_result};

/// Things that one message may list.
const LIST_MAX: usize = 1_000;

/// What waits to be told.
pub(super) struct Waiting {
    data: Box<RawValue>,
    mark: u64,
    pub(super) user_seq: Option<u64>,
}

impl Waiting {
    fn of_event(at: Seq, data: Box<RawValue>) -> Self {
        Self { data, mark: at.0, user_seq: None }
    }

    /// What goes up to a report of an account.
    pub(super) const fn of_report(user_seq: u64, data: Box<RawValue>) -> Self {
        Self { data, mark: user_seq, user_seq: Some(user_seq) }
    }

    /// What everybody is told, whenever it subscribed.
    const fn always(data: Box<RawValue>) -> Self {
        Self { data, mark: u64::MAX, user_seq: None }
    }
}

enum State {
    Book(BookFeed),
    Newest(Newest),
    Chart(ChartFeed),
    /// What must not be left out, oldest first.
    Queue(VecDeque<Waiting>),
}

/// Wakes a session.
#[derive(Default)]
pub(crate) struct Signal(Notify);

impl Signal {
    /// Returns when one of the session's channels has something new.
    pub(crate) async fn heard(&self) {
        self.0.notified().await;
    }
}

/// One session's ear at one channel.
pub(super) struct Listener {
    /// Whether something may be new since it looked.
    pub(super) is_due: AtomicBool,
    signal: Arc<Signal>,
}

impl Listener {
    pub(super) fn new(signal: &Arc<Signal>) -> Arc<Self> {
        Arc::new(Self { is_due: AtomicBool::new(false), signal: Arc::clone(signal) })
    }

    fn wake(&self) {
        if !self.is_due.swap(true, Ordering::AcqRel) {
            self.signal.0.notify_one();
        }
    }
}

/// One channel.
pub(super) struct Feed {
    pub(super) name: String,
    pub(super) channel: Channel,
    /// When its numbering began, milliseconds since 1970.
    pub(super) epoch: u64,
    inner: Mutex<Inner>,
}

/// What changes of it.
pub(super) struct Inner {
    state: State,
    pub(super) ring: Ring,
    /// Events up to here came before anybody listened.
    since: Seq,
    listeners: BTreeMap<u64, Arc<Listener>>,
    /// Since when nobody listens.
    idle_since: Option<Instant>,
    /// The state as a snapshot, and up to which message it goes.
    whole: Option<(u64, Arc<RawValue>)>,
    /// Whether messages were missed of which none may be left out.
    pub(super) is_lost: bool,
}

impl Feed {
    /// A channel that has told nothing. It must be [begun](Self::begin) before anybody listens.
    pub(super) fn new(name: &str, channel: Channel, epoch: u64, bytes: Arc<AtomicUsize>) -> Self {
        let inner = Inner {
            state: State::Queue(VecDeque::new()),
            ring: Ring::new(bytes),
            since: Seq(u64::MAX),
            listeners: BTreeMap::new(),
            idle_since: Some(Instant::now()),
            whole: None,
            is_lost: false,
        };
        Self { name: name.to_owned(), channel, epoch, inner: Mutex::new(inner) }
    }

    /// What changes of it. Whoever holds it may read the exchange; whoever reads the exchange may not wait for it.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    pub(super) fn is_batched(&self) -> bool {
        self.channel.pace == Pace::Batched
    }

    /// Whether messages may be left out, because each state holds those before it.
    pub(super) const fn is_conflated(&self) -> bool {
        match &self.channel.topic {
            Topic::Book(_) | Topic::Newest(_) | Topic::Chart { .. } => true,
            Topic::Trades(_)
            | Topic::TradesOf { .. }
            | Topic::MmpTrigger { .. }
            | Topic::Blocks { .. }
            | Topic::SeriesState { .. }
            | Topic::PlatformState
            | Topic::MethodsState
            | Topic::UserChanges { .. }
            | Topic::UserOrders { .. }
            | Topic::UserTrades { .. }
            | Topic::UserReports { .. }
            | Topic::UserDelivery { .. }
            | Topic::UserJobs { .. }
            | Topic::VerifierTasks => false,
        }
    }

    /// Begins with the state as it is now.
    pub(super) fn begin(&self, gateway: &Gateway, inner: &mut Inner) {
        inner.since = gateway.venue.exchange().last_seq();
        inner.state = match &self.channel.topic {
            Topic::Book(_) => State::Book(BookFeed::default()),
            Topic::Newest(_) => State::Newest(Newest::new()),
            Topic::Chart { terms, resolution } => {
                State::Chart(ChartFeed::begin(gateway, terms, *resolution))
            }
            Topic::VerifierTasks => State::Queue(open_tasks(gateway).collect()),
            Topic::Trades(_)
            | Topic::TradesOf { .. }
            | Topic::MmpTrigger { .. }
            | Topic::Blocks { .. }
            | Topic::SeriesState { .. }
            | Topic::PlatformState
            | Topic::MethodsState
            | Topic::UserChanges { .. }
            | Topic::UserOrders { .. }
            | Topic::UserTrades { .. }
            | Topic::UserReports { .. }
            | Topic::UserDelivery { .. }
            | Topic::UserJobs { .. } => State::Queue(VecDeque::new()),
        };
        self.speak(gateway, inner);
    }

    /// Takes in what has happened; tells it at once unless it is batched or may wait for what else has happened by now.
    pub(super) fn note(&self, gateway: &Gateway, published: &Published) {
        let mut inner = self.lock();
        if published.seq <= inner.since {
            return;
        }
        match (&self.channel.topic, &mut inner.state) {
            (Topic::Book(terms), State::Book(book)) => book.note(terms, published),
            (Topic::Newest(latest), State::Newest(newest)) => newest.note(latest, published),
            (Topic::Chart { terms, resolution }, State::Chart(chart)) => {
                chart.note((terms, *resolution), published);
            }
            (topic, State::Queue(waiting)) => {
                let told = own::messages(gateway, topic, published);
                let told = told.into_iter().map(|data| Waiting::of_event(published.seq, data));
                waiting.extend(told);
            }
            // Every topic has its kind of state, see `begin`.
            (_, State::Book(_) | State::Newest(_) | State::Chart(_)) => {}
        }
        if !self.is_batched() && !matches!(inner.state, State::Newest(_)) {
            self.speak(gateway, &mut inner);
        }
    }

    /// Takes in what one command's reports tell.
    pub(super) fn note_reports(&self, gateway: &Gateway, reports: &[Report]) {
        let mut inner = self.lock();
        let told = own::of_reports(gateway, &self.channel.topic, reports);
        if let State::Queue(waiting) = &mut inner.state {
            waiting.extend(told);
        }
        if !self.is_batched() {
            self.speak(gateway, &mut inner);
        }
    }

    /// Takes in opened rows for verifiers.
    pub(super) fn note_task(&self, gateway: &Gateway, task: &VerifierTask) {
        let mut inner = self.lock();
        if let State::Queue(waiting) = &mut inner.state {
            waiting.extend(raise::task(task).map(|task| Waiting::always(to_result(&task))));
        }
        self.speak(gateway, &mut inner);
    }

    /// Events were missed: states are told afresh, and where nothing may be left out the channel ends.
    pub(super) fn lose(&self, gateway: &Gateway) {
        let mut inner = self.lock();
        match (&self.channel.topic, &mut inner.state) {
            (_, State::Book(book)) => book.resynchronise(),
            (_, State::Newest(newest)) => newest.resynchronise(),
            (Topic::Chart { terms, resolution }, State::Chart(chart)) => {
                chart.resynchronise(gateway, terms, *resolution);
            }
            // Reports are read from the history, which misses nothing.
            (topic, State::Queue(_)) if topic.reports_of().is_some() => return,
            (_, State::Queue(_) | State::Chart(_)) => {
                inner.is_lost = true;
                inner.wake();
                return;
            }
        }
        self.speak(gateway, &mut inner);
    }

    /// Tells what waits.
    pub(super) fn tell(&self, gateway: &Gateway) {
        self.speak(gateway, &mut self.lock());
    }

    fn speak(&self, gateway: &Gateway, inner: &mut Inner) {
        let before = inner.ring.last_seq();
        while let Some(Waiting { data, mark, user_seq }) = self.next(gateway, inner) {
            let (channel, seq) = (self.name.as_str(), inner.ring.next_seq());
            let place = Place { channel, seq, user_seq, missed_from: None, epoch: None };
            let text = Text::from(notification_text(place, &data));
            inner.ring.push(text, data.get().len(), (mark, user_seq));
        }
        if before != inner.ring.last_seq() {
            inner.wake();
        }
    }

    /// The next message's data.
    fn next(&self, gateway: &Gateway, inner: &mut Inner) -> Option<Waiting> {
        let seq = inner.ring.next_seq();
        let data = match (&self.channel.topic, &mut inner.state) {
            (Topic::Book(terms), State::Book(book)) => {
                if !book.is_pending() {
                    return None;
                }
                to_result(&book.message(gateway, terms, seq)?)
            }
            (Topic::Newest(latest), State::Newest(newest)) => {
                if !newest.is_pending() {
                    return None;
                }
                newest.message(gateway, latest)?
            }
            (Topic::Chart { terms, resolution }, State::Chart(chart)) => {
                chart.message(gateway, (terms, *resolution))?
            }
            (topic, State::Queue(waiting)) if topic.sends_lists(self.channel.pace) => {
                let count = waiting.len().min(LIST_MAX);
                let all: Vec<Waiting> = waiting.drain(..count).collect();
                let last = all.last()?;
                let (mark, user_seq) = (last.mark, last.user_seq);
                let all: Vec<&RawValue> = all.iter().map(|one| one.data.as_ref()).collect();
                return Some(Waiting { data: to_result(&all), mark, user_seq });
            }
            (_, State::Queue(waiting)) => return waiting.pop_front(),
            (_, State::Book(_) | State::Newest(_) | State::Chart(_)) => return None,
        };
        Some(Waiting::always(data))
    }

    /// The state as it was told last, as one message for one client; `None` where there is no state.
    pub(super) fn whole(&self, inner: &mut Inner, missed_from: Option<u64>) -> Option<Text> {
        let seq = inner.ring.last_seq();
        let known = inner.whole.take().filter(|(up_to, _)| *up_to == seq);
        let data = match known {
            Some((_, data)) => data,
            None => Arc::from(self.whole_data(&mut inner.state)?),
        };
        let (channel, epoch) = (self.name.as_str(), Some(self.epoch));
        let place = Place { channel, seq, user_seq: None, missed_from, epoch };
        let text = notification_text(place, &data);
        inner.whole = Some((seq, data));
        Some(Text::from(text))
    }

    fn whole_data(&self, state: &mut State) -> Option<Box<RawValue>> {
        match (&self.channel.topic, state) {
            (Topic::Book(terms), State::Book(book)) => Some(to_result(&book.whole(terms)?)),
            (Topic::Newest(latest), State::Newest(newest)) => newest.whole(latest),
            (_, State::Chart(chart)) => chart.whole(),
            (_, State::Book(_) | State::Newest(_) | State::Queue(_)) => None,
        }
    }

    /// What whoever begins to listen is told first, besides what comes.
    pub(super) fn opening(&self, gateway: &Gateway, inner: &mut Inner) -> VecDeque<Text> {
        if !matches!(self.channel.topic, Topic::VerifierTasks) {
            return self.whole(inner, None).into_iter().collect();
        }
        let (channel, seq) = (self.name.as_str(), inner.ring.last_seq());
        let epoch = Some(self.epoch);
        let place = Place { channel, seq, user_seq: None, missed_from: None, epoch };
        open_tasks(gateway).map(|task| notification_text(place, &task.data).into()).collect()
    }
}

impl Inner {
    pub(super) fn join(&mut self, id: u64, listener: Arc<Listener>) {
        self.listeners.insert(id, listener);
        self.idle_since = None;
    }

    pub(super) fn leave(&mut self, id: u64) {
        self.listeners.remove(&id);
        if self.listeners.is_empty() {
            self.idle_since = Some(Instant::now());
        }
    }

    /// Since when nobody has listened; `None` while somebody does.
    pub(super) const fn idle_since(&self) -> Option<Instant> {
        self.idle_since
    }

    fn wake(&self) {
        for listener in self.listeners.values() {
            listener.wake();
        }
    }

    /// Whether one snapshot is less to send than `bytes` of messages, and leaves nothing of what they say out, after a message.
    pub(super) fn is_healed_by_whole(&self, after: u64, bytes: usize) -> bool {
        /// Bytes of a level in a book's message.
        const LEVEL_LEN: usize = 24;
        match &self.state {
            State::Book(book) => book.heals(after) && book.len().saturating_mul(LEVEL_LEN) < bytes,
            State::Newest(_) | State::Chart(_) => true,
            State::Queue(_) => false,
        }
    }
}

fn open_tasks(gateway: &Gateway) -> impl Iterator<Item = Waiting> + use<> {
    let open = gateway.venue.open_verifier_tasks().into_iter();
    open.filter_map(|task| Some(Waiting::always(to_result(&raise::task(&task)?))))
}
