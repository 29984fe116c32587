//! What a channel has told, once more.

use instruments::AccountId;
use serde_json::value::RawValue;

use crate::gateway::Gateway;
use crate::wire::{ErrorCode, Kept, WireError, WireMessage, WireReplay, notification_data};

/// Bytes of messages in one answer, but for the first of them.
pub(crate) const REPLAY_LEN_MAX: usize = 512 << 10;

/// Messages of a channel from a number on: everybody's channel, or one of an account's own.
pub(crate) fn replay(
    gateway: &Gateway,
    account: Option<AccountId>,
    name: &str,
    (from_seq, count): (u64, usize),
) -> Result<WireReplay, WireError> {
    let hub = &gateway.hub;
    let own = account.and_then(|account| hub.find(Some(account), name));
    let everybodys = || hub.find(None, name).filter(|feed| !feed.channel.topic.is_private());
    let Some(feed) = own.or_else(everybodys) else {
        let name: String = name.chars().take(64).collect();
        let reason =
            format!("nobody has listened to channel `{name}` for a while: subscribe first");
        return Err(WireError::new(ErrorCode::NotFound, reason).of("channel"));
    };
    let inner = feed.lock();
    let (first_seq, last_seq, epoch) = (inner.ring.first_seq(), inner.ring.last_seq(), feed.epoch);
    if from_seq < first_seq || inner.ring.next_seq() < from_seq {
        let reason = format!("messages {first_seq} to {last_seq} of the channel are kept");
        let error = WireError::new(ErrorCode::NotFound, reason).of("from_seq");
        return Err(error.with_kept(Kept { first_seq, last_seq, epoch }));
    }
    let mut len: usize = 0;
    let messages = inner.ring.from(from_seq).take(count).take_while(|message| {
        let is_first = len == 0;
        len = len.saturating_add(message.data_len);
        is_first || len <= REPLAY_LEN_MAX
    });
    let messages = messages.filter_map(|message| {
        let data = notification_data(&message.text, message.data_len).to_owned();
        let data = RawValue::from_string(data).ok()?;
        Some(WireMessage { seq: message.seq, user_seq: message.user_seq, data })
    });
    let messages = messages.collect();
    Ok(WireReplay { channel: name.to_owned(), epoch, first_seq, last_seq, messages })
}
