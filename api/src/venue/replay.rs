//! Applies one record of the journal to an exchange: what recovery and verification have in common.

use exchange::io::Record;
use exchange::{Command, Exchange, Stamped};

use super::publish::Published;
use super::recover::RecoverError;

/// Applies a command, or compares a state hash, in which case nothing is published.
///
/// # Errors
/// When the record is no command, or the state is another than the one that was journaled.
pub(crate) fn replay(
    exchange: &mut Exchange,
    record: Record<'_>,
) -> Result<Option<Published>, RecoverError> {
    match record {
        Record::Command { seq, at, payload } => {
            let command: Command = borsh::from_slice(payload)
                .map_err(|source| RecoverError::Command { seq, source })?;
            let mut events = Vec::new();
            exchange.apply(&Stamped { seq, at, command }, &mut events);
            Ok(Some(Published { seq, at, events }))
        }
        Record::StateHash { seq, hash, .. } => {
            if exchange.state_hash() == hash {
                return Ok(None);
            }
            Err(RecoverError::StateHash { seq })
        }
    }
}
