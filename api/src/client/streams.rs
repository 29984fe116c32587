//! The channels of a session: which message of each was the last, and how what is missing comes back.
//!
//! A hole in the numbers is filled by a replay. Where the venue no longer has what is missing, a channel of a state is asked for again, which
//! begins with a snapshot; of a channel of events it is lost, and the program is told so.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;

use super::{Client, ClientError, LocalBook, Notification};
use crate::wire::{WireBookChange, WireReplay};

/// The code of what the venue no longer has.
const NOT_FOUND: i64 = 13_020;

/// Where a channel is.
#[derive(Debug, Clone, Copy)]
struct Place {
    last_seq: u64,
    /// Whether it began with a snapshot.
    is_state: bool,
}

/// What is to be told of a message.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) messages: Vec<Notification>,
    /// Whether something was missing.
    pub(super) has_gap: bool,
    /// Whether it still is.
    pub(super) is_lost: bool,
}

/// Books by their channel.
pub(super) type Books = Arc<Mutex<BTreeMap<String, LocalBook>>>;

/// The channels of a session.
#[derive(Default)]
pub(super) struct Streams {
    places: BTreeMap<String, Place>,
    pub(super) books: Books,
}

impl Streams {
    /// Subscribes again. What came in between is read from the venue when the first message after it comes.
    pub(super) async fn begin(
        &mut self,
        client: &Client,
        channels: &[String],
    ) -> Result<(), ClientError> {
        // A state begins with a snapshot again.
        self.places.retain(|_, place| !place.is_state);
        let names: Vec<&str> = channels.iter().map(String::as_str).collect();
        if names.is_empty() { Ok(()) } else { client.subscribe(&names).await }
    }

    /// Takes in a message: what it completes is told before it.
    pub(super) async fn take(
        &mut self,
        client: &Client,
        message: Notification,
    ) -> Result<Taken, ClientError> {
        let mut taken = Taken::default();
        let mut waiting = VecDeque::from([message]);
        while let Some(message) = waiting.pop_front() {
            let channel = message.channel.clone();
            let Some(seq) = message.seq else {
                self.keep(client, message, &mut taken).await?;
                continue;
            };
            let is_snapshot = message.epoch.is_some() || message.missed_from.is_some();
            let place = self.places.get(&channel).copied();
            let last = place.map(|place| place.last_seq).filter(|_| !is_snapshot);
            match last {
                Some(last) if seq <= last => continue,
                Some(last) if last.saturating_add(1) < seq => {
                    taken.has_gap = true;
                    let found = missing(client, &message, last).await?;
                    if let Some(found) = found {
                        waiting.push_front(message);
                        for found in found.into_iter().rev() {
                            waiting.push_front(found);
                        }
                        continue;
                    }
                    taken.is_lost = true;
                    if place.is_some_and(|place| place.is_state) {
                        self.again(client, &channel).await?;
                        continue;
                    }
                }
                Some(_) | None => {}
            }
            let is_state = is_snapshot || place.is_some_and(|place| place.is_state);
            self.places.insert(channel, Place { last_seq: seq, is_state });
            self.keep(client, message, &mut taken).await?;
        }
        Ok(taken)
    }

    /// A message in its place; a book is checked.
    async fn keep(
        &mut self,
        client: &Client,
        message: Notification,
        taken: &mut Taken,
    ) -> Result<(), ClientError> {
        if is_book(&message.channel) {
            let change: WireBookChange = message.read()?;
            let kept = self.books.lock().entry(message.channel.clone()).or_default().take(&change);
            if kept.is_err() {
                (taken.has_gap, taken.is_lost) = (true, true);
                return self.again(client, &message.channel).await;
            }
        }
        taken.messages.push(message);
        Ok(())
    }

    /// Asks for a channel anew: it begins with a snapshot.
    async fn again(&mut self, client: &Client, channel: &str) -> Result<(), ClientError> {
        self.places.remove(channel);
        self.books.lock().remove(channel);
        client.subscribe(&[channel]).await
    }
}

/// Whether a channel tells every level of a book.
fn is_book(channel: &str) -> bool {
    channel.starts_with("book.") && channel.split('.').count() == 3
}

/// What is missing between the last message and this one. `None` when the venue has it no more.
async fn missing(
    client: &Client,
    message: &Notification,
    last: u64,
) -> Result<Option<Vec<Notification>>, ClientError> {
    let channel = &message.channel;
    let (first, until) = (last.saturating_add(1), message.seq.unwrap_or(0));
    let method = if super::is_private(channel) { "private/replay" } else { "public/replay" };
    let mut found: Vec<Notification> = Vec::new();
    let mut next = first;
    while next < until {
        let params = json!({ "channel": channel, "from_seq": next }).to_string();
        let page = match client.call_as::<WireReplay>(method, &params).await {
            Ok(page) => page,
            Err(error) if error.code() == Some(NOT_FOUND) => return Ok(None),
            Err(error) => return Err(error),
        };
        let fresh = page.messages.into_iter().filter(|told| (next..until).contains(&told.seq));
        let before = found.len();
        found.extend(fresh.map(|told| Notification {
            channel: channel.clone(),
            seq: Some(told.seq),
            user_seq: told.user_seq,
            missed_from: None,
            epoch: None,
            data: told.data,
        }));
        if found.len() == before {
            return Ok(None);
        }
        next = found.last().and_then(|told| told.seq).unwrap_or(next).saturating_add(1);
    }
    let is_whole = (first..until).eq(found.iter().filter_map(|told| told.seq));
    Ok(is_whole.then_some(found))
}
