//! Checks a directory without changing anything in it: reads the whole journal, replays it, compares every state hash, and audits the
//! state wherever there is one.

use std::path::Path;

use exchange::io::{DataDir, JournalError, RealDisk, Settings, scan};
use exchange::{Exchange, RULES_VERSION};

use super::publish::Published;
use super::recover::RecoverError;
use super::replay::replay;

/// What a journal holds, when all of it checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyReport {
    /// How many commands.
    pub commands: u64,
    /// The state that they lead to.
    pub state_hash: [u8; 32],
    /// Bytes of an append that was cut short. They were never acknowledged.
    pub torn_tail_bytes: u64,
    /// Whether it ends with the mark of a clean end.
    pub ended_cleanly: bool,
}

/// Replays the journal of `data_dir` from its first command.
///
/// # Errors
/// Damage, by file and offset; or the command after which the state is not the one that was journaled, or does not add up.
pub fn verify(data_dir: &Path) -> Result<VerifyReport, RecoverError> {
    read_journal(data_dir, |_| Ok(()))
}

/// Replays the journal of `data_dir` from its first command and shows every command's events to `reader`. Checks all that [`verify`] does.
///
/// # Errors
/// As [`verify`], and what the reader returns.
pub fn read_journal<E: From<RecoverError> + From<JournalError>>(
    data_dir: &Path,
    mut reader: impl FnMut(&Published) -> Result<(), E>,
) -> Result<VerifyReport, E> {
    let place = DataDir::new(RealDisk, data_dir);
    let mut exchange = Exchange::new();
    let report = scan(&place, &Settings::new(RULES_VERSION), None, |record| {
        match replay(&mut exchange, record)? {
            Some(published) => reader(&published),
            None => Ok(audit(&exchange)?),
        }
    })?;
    audit(&exchange)?;
    Ok(VerifyReport {
        commands: report.commands,
        state_hash: exchange.state_hash(),
        torn_tail_bytes: report.torn_tail_bytes,
        ended_cleanly: report.ended_cleanly,
    })
}

fn audit(exchange: &Exchange) -> Result<(), RecoverError> {
    let seq = exchange.last_seq();
    exchange.audit().map_err(|finding| RecoverError::Audit { seq, finding })
}
