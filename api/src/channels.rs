//! What a session is subscribed to, and what is still to be sent of it.
//!
//! Events come in at the pace of the venue; messages go out at the pace of the client. In between, books and tickers are conflated: only
//! the newest state waits. Trades and an account's own messages wait in order, and a session that lets too many of them wait is ended.
//!
//! Invariants:
//! - a book's messages form a chain: each names the place the one before went up to, and a snapshot starts it anew;
//! - a snapshot after a gap deletes what has gone, so that a client which ignores the chain converges too.

mod book;
mod chart;
mod messages;
mod name;
mod newest;
mod own;

use std::collections::{BTreeMap, VecDeque};

use exchange::Event;
use instruments::{Instrument, Seq};
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::raise;
use crate::venue::history::TradeRecord;
use crate::venue::{Published, VerifierTask};
use crate::wire::{ErrorCode, WireError, notification_text, to_result};

use book::BookFeed;
use chart::ChartFeed;
use name::{Channel, Topic};
use newest::Newest;

pub(crate) use messages::{CHANNELS, Described, describe, part, parts_of};
pub(crate) use name::Pace;

/// Subscriptions of one session, as on Deribit.
pub(crate) const SUBSCRIPTIONS_MAX: usize = 500;
/// Messages of one channel that may wait because none may be left out. A client that is further behind will not catch up.
pub(crate) const WAITING_MAX: usize = 10_000;

/// One session's subscriptions, by the channel's name.
#[derive(Default)]
pub(crate) struct Subscriptions {
    feeds: BTreeMap<String, Feed>,
}

struct Feed {
    channel: Channel,
    /// Events up to here are in what the client has, or came before it asked.
    since: Seq,
    state: State,
}

enum State {
    Book(BookFeed),
    Newest(Newest),
    Chart(ChartFeed),
    /// Messages of which none may be left out, oldest first.
    Queue(VecDeque<Box<RawValue>>),
}

/// A channel's client is too far behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooSlow {
    pub(crate) channel: String,
}

impl Subscriptions {
    /// Subscribes to all of `names` or to none, except for those about currencies that are not here: they are left out of what is
    /// returned. A channel that is subscribed to already starts afresh.
    pub(crate) fn subscribe(
        &mut self,
        gateway: &Gateway,
        caller: Option<&Caller>,
        names: &[String],
    ) -> Result<Vec<String>, WireError> {
        let exchange = gateway.venue.exchange();
        let since = exchange.last_seq();
        let channels: Result<Vec<Option<Channel>>, WireError> =
            names.iter().map(|name| Channel::parse(&exchange, caller, name)).collect();
        drop(exchange);
        let granted: Vec<(String, Channel)> = std::iter::zip(names, channels?)
            .filter_map(|(name, channel)| Some((name.clone(), channel?)))
            .collect();
        let new = granted.iter().filter(|(name, _)| !self.feeds.contains_key(name)).count();
        if SUBSCRIPTIONS_MAX < self.feeds.len().saturating_add(new) {
            let reason = format!("a session has at most {SUBSCRIPTIONS_MAX} subscriptions");
            let error = WireError::new(ErrorCode::TooManyRequests, reason).of("channels");
            return Err(error.with_limit(Decimal::from(SUBSCRIPTIONS_MAX)));
        }
        let names = granted.iter().map(|(name, _)| name.clone()).collect();
        for (name, channel) in granted {
            let state = match self.feeds.remove(&name).map(|feed| feed.state) {
                // What the client has is known: its snapshot deletes what has gone since.
                Some(State::Book(mut book)) => {
                    book.resynchronise();
                    State::Book(book)
                }
                _ => State::begin(gateway, &channel.topic),
            };
            self.feeds.insert(name, Feed { channel, since, state });
        }
        Ok(names)
    }

    /// Ends subscriptions; returns those that there were.
    pub(crate) fn unsubscribe(&mut self, names: &[String]) -> Vec<String> {
        names.iter().filter(|name| self.feeds.remove(*name).is_some()).cloned().collect()
    }

    /// Ends every subscription.
    pub(crate) fn clear(&mut self) {
        self.feeds.clear();
    }

    /// Ends the subscriptions that need a login.
    pub(crate) fn clear_private(&mut self) {
        self.feeds.retain(|_, feed| !feed.channel.topic.is_private());
    }

    /// Whether something waits that may be sent at this pace.
    pub(crate) fn is_pending(&self, pace: Pace) -> bool {
        self.feeds.values().any(|feed| feed.channel.pace == pace && feed.is_pending())
    }

    /// Takes in what has happened.
    pub(crate) fn note(&mut self, gateway: &Gateway, published: &Published) -> Result<(), TooSlow> {
        for (name, feed) in &mut self.feeds {
            if feed.since < published.seq {
                feed.note(gateway, published);
                feed.check(name)?;
            }
        }
        Ok(())
    }

    /// Takes in opened rows for verifiers.
    pub(crate) fn note_task(&mut self, task: &VerifierTask) -> Result<(), TooSlow> {
        for (name, feed) in &mut self.feeds {
            if let (Topic::VerifierTasks, State::Queue(waiting)) =
                (&feed.channel.topic, &mut feed.state)
            {
                waiting.extend(raise::task(task).map(|task| to_result(&task)));
                feed.check(name)?;
            }
        }
        Ok(())
    }

    /// Events were missed. Books and the like start afresh; where nothing may be left out the session must end.
    pub(crate) fn resynchronise(&mut self, gateway: &Gateway) -> Result<(), TooSlow> {
        self.feeds.iter_mut().try_for_each(missed)?;
        for feed in self.feeds.values_mut() {
            if let (Topic::Chart { terms, resolution }, State::Chart(chart)) =
                (&feed.channel.topic, &mut feed.state)
            {
                *chart = ChartFeed::begin(gateway, terms, *resolution);
            }
        }
        Ok(())
    }

    /// Sends what waits at this pace as far as there is room, an account's own messages first.
    pub(crate) fn flush(&mut self, gateway: &Gateway, pace: Pace, outbound: &mpsc::Sender<String>) {
        for is_private in [true, false] {
            let feeds = self.feeds.iter_mut().filter(|(_, feed)| {
                feed.channel.pace == pace && feed.channel.topic.is_private() == is_private
            });
            for (name, feed) in feeds {
                while feed.is_pending() {
                    let Ok(room) = outbound.try_reserve() else { return };
                    let Some(data) = feed.message(gateway) else { break };
                    room.send(notification_text(name, &data));
                }
            }
        }
    }
}

/// What a gap does to one channel.
fn missed((name, feed): (&String, &mut Feed)) -> Result<(), TooSlow> {
    match &mut feed.state {
        State::Book(book) => book.resynchronise(),
        State::Newest(newest) => newest.resynchronise(),
        State::Chart(_) => {}
        State::Queue(_) => return Err(TooSlow { channel: name.clone() }),
    }
    Ok(())
}

impl State {
    fn begin(gateway: &Gateway, topic: &Topic) -> Self {
        match topic {
            Topic::Book(_) => Self::Book(BookFeed::default()),
            Topic::Newest(_) => Self::Newest(Newest::new()),
            Topic::Chart { terms, resolution } => {
                Self::Chart(ChartFeed::begin(gateway, terms, *resolution))
            }
            Topic::VerifierTasks => {
                let open = gateway.venue.open_verifier_tasks();
                let tasks = open.iter().filter_map(|task| raise::task(task));
                Self::Queue(tasks.map(|task| to_result(&task)).collect())
            }
            Topic::Trades(_)
            | Topic::SeriesState { .. }
            | Topic::PlatformState
            | Topic::UserChanges { .. }
            | Topic::UserOrders { .. }
            | Topic::UserTrades { .. }
            | Topic::UserDelivery { .. }
            | Topic::UserJobs { .. } => Self::Queue(VecDeque::new()),
        }
    }
}

impl Feed {
    fn is_pending(&self) -> bool {
        match &self.state {
            State::Book(book) => book.is_pending(),
            State::Newest(newest) => newest.is_pending(),
            State::Chart(chart) => chart.is_pending(),
            State::Queue(waiting) => !waiting.is_empty(),
        }
    }

    fn check(&self, name: &str) -> Result<(), TooSlow> {
        match &self.state {
            State::Queue(waiting) if WAITING_MAX < waiting.len() => {
                Err(TooSlow { channel: name.to_owned() })
            }
            State::Book(_) | State::Newest(_) | State::Chart(_) | State::Queue(_) => Ok(()),
        }
    }

    fn note(&mut self, gateway: &Gateway, published: &Published) {
        match (&self.channel.topic, &mut self.state) {
            (Topic::Book(terms), State::Book(book)) => book.note(terms, published),
            (Topic::Newest(latest), State::Newest(newest)) => newest.note(latest, published),
            (Topic::Chart { terms, resolution }, State::Chart(chart)) => {
                chart.note((terms, *resolution), published);
            }
            (Topic::Trades(terms), State::Queue(waiting)) => {
                waiting.extend(trades(gateway, terms, published));
            }
            (topic, State::Queue(waiting)) => {
                waiting.extend(own::messages(gateway, topic, published));
            }
            // Every topic has its kind of state, see `State::begin`.
            (_, State::Book(_) | State::Newest(_) | State::Chart(_)) => {}
        }
    }

    /// The next message; `None` when what waited has cancelled itself out.
    fn message(&mut self, gateway: &Gateway) -> Option<Box<RawValue>> {
        match (&self.channel.topic, &mut self.state) {
            (Topic::Book(terms), State::Book(book)) => {
                book.message(gateway, terms).map(|message| to_result(&message))
            }
            (Topic::Newest(latest), State::Newest(newest)) => newest.message(gateway, latest),
            (Topic::Chart { terms, resolution }, State::Chart(chart)) => {
                chart.message(gateway, (terms, *resolution))
            }
            (topic, State::Queue(waiting)) if topic.sends_lists(self.channel.pace) => {
                let all: Vec<Box<RawValue>> = waiting.drain(..).collect();
                Some(to_result(&all))
            }
            (_, State::Queue(waiting)) => waiting.pop_front(),
            (_, State::Book(_) | State::Newest(_) | State::Chart(_)) => None,
        }
    }
}

fn trades(gateway: &Gateway, terms: &Instrument, published: &Published) -> Vec<Box<RawValue>> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is a trade")]
    let record = |event: &Event| match event {
        Event::Traded(traded) => Some(TradeRecord::of(traded, published.at)),
        Event::BlockTraded(block) => Some(TradeRecord::of_block(block, published.at)),
        _ => None,
    };
    let records = published.events.iter().filter_map(record);
    records
        .filter(|record| record.instrument == terms.id)
        .map(|record| {
            let tick_direction = crate::methods::tick_direction(gateway, &record);
            to_result(&raise::public_trade(&record, tick_direction, terms))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use instruments::AccountId;

    use super::*;

    fn waiting(count: usize) -> Subscriptions {
        let channel =
            Channel { topic: Topic::UserDelivery { account: AccountId(1) }, pace: Pace::Raw };
        let messages = (0..count).map(|_| RawValue::NULL.to_owned()).collect();
        let feed = Feed { channel, since: Seq(0), state: State::Queue(messages) };
        Subscriptions { feeds: BTreeMap::from([("user.delivery".to_owned(), feed)]) }
    }

    #[test]
    fn api_034_a_client_that_lets_too_much_wait_is_too_slow() {
        let feeds = |count| waiting(count).feeds.into_values().map(|feed| feed.check("x").is_ok());
        assert!(feeds(WAITING_MAX).all(|keeps_up| keeps_up));
        assert!(feeds(WAITING_MAX + 1).all(|keeps_up| !keeps_up));
    }

    #[test]
    fn api_034_a_gap_ends_a_channel_that_leaves_nothing_out() {
        let gap = |feeds: &mut Subscriptions| feeds.feeds.iter_mut().try_for_each(missed);
        let slow = gap(&mut waiting(0)).unwrap_err();
        assert_eq!(slow, TooSlow { channel: "user.delivery".to_owned() });
        assert_eq!(gap(&mut Subscriptions::default()), Ok(()));
    }
}
