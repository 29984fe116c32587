//! `tenor book replay --stream`: a binary command stream through the whole engine, counted and timed.
//!
//! Every duty of the engine is on the path: events, ids, hash, the self-trade check. So that the check is made but nothing is ever one's
//! own, each order belongs to an account of its own and cancels the newest. The stream's ids are turned into the engine's by one flat table.
//!
//! The clock is read once a slice of commands; the figure is the sum over slices of the least time seen in any pass, so that what else the
//! machine did in between is left out. Counts are of the whole stream and come from one pass; all passes have to agree with it.

mod pass;

use std::io::{self, Read, Write};
use std::time::Duration;

use matching_engine::BookReject;
use matching_engine::stream::{self, Op, Stream, StreamError};
use serde::Serialize;

use pass::Pass;

/// What may be read: 2^25 commands and the header.
const BYTES_MAX: u64 = 64 + 16 * (1 << 25);

/// Bounds the table from the stream's ids to the engine's: 256 MiB.
const ID_MAX: u32 = (1 << 25) - 1;

/// Passes that are made however long they take, and the most that are made.
const PASSES_MIN: usize = 3;
const PASSES_MAX: usize = 7;

/// No further pass begins once so much has been spent.
const PASSES_FOR: Duration = Duration::from_secs(3);

/// What an xz file begins with.
const XZ: &[u8] = b"\xfd7zXZ\0";

/// Why a stream was not replayed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamRunError {
    /// The input failed.
    #[error("cannot read the stream")]
    Read(#[source] io::Error),
    /// The output failed.
    #[error("cannot write the output")]
    Write(#[source] io::Error),
    /// Not even looked at.
    #[error("length is above the limit of {limit} bytes")]
    TooLong {
        /// The most that is read.
        limit: u64,
    },
    /// A stream, but packed.
    #[error("the stream is packed by xz: unpack it with `xz --decompress --keep FILE`")]
    Packed,
    /// Not a stream.
    #[error(transparent)]
    Format(#[from] StreamError),
    /// The table of ids would be too large.
    #[error("id_high at byte 40 is {value}, above the limit of {limit}")]
    IdHigh {
        /// What the header says.
        value: u32,
        /// The most it may say.
        limit: u32,
    },
    /// Two orders of one id.
    #[error("id at byte {offset} is {id}, which an earlier order has")]
    IdTwice {
        /// Where.
        offset: u64,
        /// Which.
        id: u32,
    },
    /// The engine did not take an order.
    #[error("command at byte {offset} was refused: {}", reason.code())]
    Refused {
        /// Where.
        offset: u64,
        /// Why.
        reason: BookReject,
    },
}

/// What a replay says: the last line of its output.
#[derive(Debug, Serialize)]
struct Report {
    commands: u64,
    trades: u64,
    volume: u64,
    notional: u128,
    /// Cancels and modifies of orders that had ended.
    rejected: u64,
    /// Absent when no command is behind the warm-up.
    ns_per_command: Option<f64>,
    events_hash: String,
    /// Orders left in the books.
    resting: u64,
}

/// Replays a stream and writes what it came to: for people, and as JSON in the last line; with `is_json` nothing but that line.
///
/// # Errors
/// See [`StreamRunError`]; nothing has been written then.
pub(crate) fn run(
    input: impl Read,
    mut output: impl Write,
    is_json: bool,
) -> Result<(), StreamRunError> {
    let bytes = read_all(input, BYTES_MAX)?;
    let stream = stream::read(&bytes)?;
    check_ids(&stream)?;

    let (first, passes, nanos) = measure(&stream)?;
    let warmup = stream.header().warmup;
    let timed = count(stream.len()).saturating_sub(warmup);
    let report = Report {
        commands: count(stream.len()),
        trades: first.tally.trades,
        volume: first.tally.volume,
        notional: first.tally.notional,
        rejected: first.tally.rejected,
        ns_per_command: per_command(nanos, timed),
        events_hash: format!("{:016x}", first.hash),
        resting: first.resting,
    };
    write_report(&report, (passes, warmup), is_json, &mut output).map_err(StreamRunError::Write)
}

/// Reads no more than `limit` bytes, and nothing that is packed.
fn read_all(input: impl Read, limit: u64) -> Result<Vec<u8>, StreamRunError> {
    let mut bytes = Vec::new();
    let read = input.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    if limit < read.map(count).map_err(StreamRunError::Read)? {
        return Err(StreamRunError::TooLong { limit });
    }
    if bytes.starts_with(XZ) {
        return Err(StreamRunError::Packed);
    }
    Ok(bytes)
}

/// Ids stay within the table, and no two orders have the same.
fn check_ids(stream: &Stream<'_>) -> Result<(), StreamRunError> {
    let value = stream.header().id_high;
    if ID_MAX < value {
        return Err(StreamRunError::IdHigh { value, limit: ID_MAX });
    }
    let mut is_known = vec![false; place_of(value).saturating_add(1)];
    for (command, place) in stream.iter().zip(0..) {
        if matches!(command.op, Op::Add | Op::Ioc | Op::Market)
            && let Some(is_known) = is_known.get_mut(place_of(command.id))
            && std::mem::replace(is_known, true)
        {
            let offset = offset_of(place).saturating_add(8);
            return Err(StreamRunError::IdTwice { offset, id: command.id });
        }
    }
    Ok(())
}

/// Makes the passes. Returns the first one, how many there were, and the nanoseconds of the best slices.
fn measure(stream: &Stream<'_>) -> Result<(Pass, usize, u128), StreamRunError> {
    let first = pass::run(stream)?;
    let mut best = first.slices.clone();
    let (mut passes, mut spent) = (1, first.took);
    while passes < PASSES_MIN || passes < PASSES_MAX && spent < PASSES_FOR {
        let next = pass::run(stream)?;
        assert_eq!(next.tally, first.tally, "the same commands made other trades");
        assert_eq!(next.hash, first.hash, "the same commands made other events");
        for (best, slice) in best.iter_mut().zip(next.slices) {
            *best = slice.min(*best);
        }
        spent = spent.saturating_add(next.took);
        passes += 1;
    }
    Ok((first, passes, best.iter().sum::<Duration>().as_nanos()))
}

/// To a tenth of a nanosecond.
fn per_command(nanos: u128, commands: u64) -> Option<f64> {
    let tenths = nanos.saturating_mul(10).checked_div(u128::from(commands))?;
    u32::try_from(tenths).ok().map(|tenths| f64::from(tenths) / 10.0)
}

fn write_report(
    report: &Report,
    (passes, warmup): (usize, u64),
    is_json: bool,
    output: &mut impl Write,
) -> io::Result<()> {
    if !is_json {
        writeln!(output, "commands        {} ({warmup} before the clock)", report.commands)?;
        writeln!(output, "trades          {}", report.trades)?;
        writeln!(output, "volume          {}", report.volume)?;
        writeln!(output, "notional        {}", report.notional)?;
        writeln!(
            output,
            "rejected        {} (cancels and modifies that came too late)",
            report.rejected
        )?;
        writeln!(output, "resting         {}", report.resting)?;
        writeln!(output, "events hash     {}", report.events_hash)?;
        if let Some(nanos) = report.ns_per_command {
            writeln!(output, "ns per command  {nanos} (best slices of {passes} passes)")?;
        }
    }
    serde_json::to_writer(&mut *output, report)?;
    writeln!(output)?;
    output.flush()
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// The place of an id in a table.
fn place_of(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}

/// Where a command begins, in bytes.
fn offset_of(place: u64) -> u64 {
    place.saturating_mul(16).saturating_add(64)
}

#[cfg(test)]
mod tests;
