//! The state as canonical bytes, its hash, and the rolling hash of all that ever happened.

use thiserror::Error;

use crate::command::Stamped;
use crate::event::Event;
use crate::{Exchange, RULES_VERSION};

/// Why a snapshot cannot be restored.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// Written under other rules.
    #[error("snapshot follows rules version {found}, this binary follows {RULES_VERSION}")]
    Rules {
        /// The version in the snapshot.
        found: u32,
    },
    /// Not the bytes of a state.
    #[error("snapshot does not decode: {0}")]
    Malformed(#[from] borsh::io::Error),
}

impl Exchange {
    /// The whole state as canonical bytes: equal states have equal bytes.
    #[must_use]
    #[expect(clippy::expect_used, reason = "writing borsh into a Vec cannot fail")]
    pub fn snapshot(&self) -> Vec<u8> {
        borsh::to_vec(&(RULES_VERSION, self)).expect("a state encodes")
    }

    /// The state that [`Exchange::snapshot`] wrote.
    ///
    /// # Errors
    /// When the bytes are not a state, or one of other rules.
    pub fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut rest = bytes;
        let found: u32 = borsh::BorshDeserialize::deserialize(&mut rest)?;
        if found != RULES_VERSION {
            return Err(SnapshotError::Rules { found });
        }
        let mut exchange: Self = borsh::from_slice(rest)?;
        exchange.rebuild_risk();
        Ok(exchange)
    }

    /// The fingerprint of the state.
    #[must_use]
    pub fn state_hash(&self) -> [u8; 32] {
        *blake3::hash(&self.snapshot()).as_bytes()
    }

    /// The fingerprint of all that has happened: cheap, and part of the state.
    #[must_use]
    pub fn history_hash(&self) -> [u8; 32] {
        self.history
    }

    /// Rolls one command's place and events into the history.
    #[expect(clippy::expect_used, reason = "writing borsh into a Vec cannot fail")]
    pub(crate) fn extend_history(&mut self, input: &Stamped, events: &[Event]) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.history);
        let happened = borsh::to_vec(&(input.seq, input.at, events)).expect("events encode");
        hasher.update(&happened);
        self.history = *hasher.finalize().as_bytes();
    }
}
