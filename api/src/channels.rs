//! What sessions are subscribed to.
//!
//! Each channel is computed once, by the hub, and its messages are numbered and kept for a while; a session only knows which message of
//! each channel comes next. Messages go out at the pace of the client: whoever falls behind with books and tickers is given the newest
//! state instead, and where nothing may be left out the session is ended.
//!
//! Invariants:
//! - a book's messages form a chain: each names the place the one before went up to, and a snapshot starts it anew;
//! - a snapshot deletes what has gone, so that a client which ignores the chain converges too.

mod book;
mod chart;
mod checksum;
mod ear;
mod feed;
mod gone;
mod hub;
mod messages;
mod name;
mod newest;
mod own;
mod replay;
mod ring;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::session::Outbound;
use crate::wire::{ErrorCode, WireError};
use rust_decimal::Decimal;

use ear::Ear;
use name::Channel;

pub(crate) use ear::WAITING_MAX;
pub(crate) use feed::Signal;
pub(crate) use gone::GONE_MAX;
pub(crate) use hub::{CHANNELS_MAX, Hub, IDLE_MAX, Work};
pub(crate) use messages::{CHANNELS, Described, describe, part, parts_of};
pub(crate) use replay::{REPLAY_LEN_MAX, replay};
pub(crate) use ring::{MESSAGES_MAX, RING_BYTES_MAX, RINGS_BYTES_MAX};

/// A frame's text. Cloning one does not copy it.
pub(crate) type Text = tokio_tungstenite::tungstenite::Utf8Bytes;

/// Subscriptions of one session, as on Deribit.
pub(crate) const SUBSCRIPTIONS_MAX: usize = 500;

/// Messages that are taken together, by as many of which the bytes that wait may go beyond their limit.
const AT_ONCE_MAX: usize = 16;

/// One session's subscriptions, by the channel's name.
#[derive(Default)]
pub(crate) struct Subscriptions {
    ears: BTreeMap<String, Ear>,
    signal: Arc<Signal>,
    /// Whether the socket had no room for all there was.
    is_full: bool,
}

/// A channel's client is too far behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooSlow {
    pub(crate) channel: String,
    /// The last message that it was sent.
    pub(crate) seq: u64,
    /// The last report that it was sent.
    pub(crate) user_seq: Option<u64>,
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
        let channels: Result<Vec<Option<Channel>>, WireError> =
            names.iter().map(|name| Channel::parse(&exchange, caller, name)).collect();
        drop(exchange);
        let granted: Vec<(String, Channel)> = std::iter::zip(names, channels?)
            .filter_map(|(name, channel)| Some((name.clone(), channel?)))
            .collect();
        let new = granted.iter().filter(|(name, _)| !self.ears.contains_key(name)).count();
        if SUBSCRIPTIONS_MAX < self.ears.len().saturating_add(new) {
            let reason = format!("a session has at most {SUBSCRIPTIONS_MAX} subscriptions");
            let error = WireError::new(ErrorCode::TooManyRequests, reason).of("channels");
            return Err(error.with_limit(Decimal::from(SUBSCRIPTIONS_MAX)));
        }
        let names = granted.iter().map(|(name, _)| name.clone()).collect();
        let joined: Result<Vec<(String, Ear)>, WireError> = granted
            .into_iter()
            .map(|(name, channel)| {
                let ear = gateway.hub.join(gateway, (&name, channel), &self.signal)?;
                Ok((name, ear))
            })
            .collect();
        self.ears.extend(joined?);
        Ok(names)
    }

    /// Ends subscriptions; returns those that there were.
    pub(crate) fn unsubscribe(&mut self, names: &[String]) -> Vec<String> {
        names.iter().filter(|name| self.ears.remove(*name).is_some()).cloned().collect()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ears.len()
    }

    /// Ends every subscription.
    pub(crate) fn clear(&mut self) {
        self.ears.clear();
    }

    /// Ends the subscriptions that need a login.
    pub(crate) fn clear_private(&mut self) {
        self.ears.retain(|_, ear| !ear.feed.channel.topic.is_private());
    }

    /// Wakes whoever waits for something new.
    pub(crate) fn signal(&self) -> Arc<Signal> {
        Arc::clone(&self.signal)
    }

    /// Whether something waits for room.
    pub(crate) const fn is_full(&self) -> bool {
        self.is_full
    }

    /// Sends what is new as far as there is room, an account's own messages first. Returns how many snapshots stood in for messages.
    pub(crate) fn flush(&mut self, outbound: &Outbound<Text>) -> Result<u64, TooSlow> {
        let mut resyncs: u64 = 0;
        let was_full = std::mem::replace(&mut self.is_full, false);
        for is_private in [true, false] {
            let ears = self
                .ears
                .values_mut()
                .filter(|ear| ear.is_due() && ear.feed.channel.topic.is_private() == is_private);
            for ear in ears {
                while ear.is_due() {
                    let room = outbound.capacity().min(AT_ONCE_MAX);
                    if room == 0 {
                        self.is_full = true;
                        return Ok(resyncs);
                    }
                    for text in ear.take(room, was_full)? {
                        // There is room, unless nobody is there any more.
                        drop(outbound.put(text));
                    }
                    resyncs = resyncs.saturating_add(std::mem::take(&mut ear.resyncs));
                }
            }
        }
        Ok(resyncs)
    }
}
