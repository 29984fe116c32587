//! Reads a journal from its first byte and believes only what follows from the bytes before it.
//!
//! A frame that does not check ends the journal only where an append can have been cut short: in the last segment, while that segment has
//! its full length, with no valid frame after it. That is a torn tail, and nobody was told of it. Everywhere else it is damage.

use std::path::{Path, PathBuf};

use instruments::{Nanos, Seq};

use super::data_dir::DataDir;
use super::disk::Disk;
use super::frame::{BLOCK, Frame, Item, Record};
use super::journal_error::{Damage, JournalError};
use super::segment::{self, FORMAT, Header, Settings};

/// A place in the journal: the last command up to it, and the hash of every byte up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The last command; zero before the first.
    pub seq: Seq,
    /// When the last record was written.
    pub at: Nanos,
    /// The hash chain.
    pub chain: [u8; 32],
}

/// What a journal holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanReport {
    /// How many commands.
    pub commands: u64,
    /// How many frames.
    pub frames: u64,
    /// How many segments.
    pub segments: u64,
    /// The end of the journal.
    pub last: Position,
    /// How many bytes of an append that was cut short follow. They were never acknowledged.
    pub torn_tail_bytes: u64,
    /// Whether the last thing written is the mark of a clean end.
    pub ended_cleanly: bool,
}

/// Reads the whole journal and gives every record to `visit`, in order; with `after`, only those behind that position. Writes nothing.
///
/// # Errors
/// What is wrong with the journal, by file and offset; or what `visit` returned. Records before the wrong place have been visited then.
pub fn scan<D, E, V>(
    place: &DataDir<D>,
    settings: &Settings,
    after: Option<&Position>,
    visit: V,
) -> Result<ScanReport, E>
where
    D: Disk,
    E: From<JournalError>,
    V: FnMut(Record<'_>) -> Result<(), E>,
{
    walk(place, settings, after, visit).map(|(report, _)| report)
}

/// The last segment, as an append needs to know it.
pub(super) struct Tail {
    pub(super) path: PathBuf,
    pub(super) header: Header,
    /// Where the last frame ends.
    pub(super) end: u64,
    pub(super) file_bytes: u64,
    /// The last frame of this segment: where it begins, and its bytes.
    pub(super) last_frame: Option<(u64, Vec<u8>)>,
    /// The last command whose state hash is in the journal.
    pub(super) hashed: Option<Seq>,
}

pub(super) fn walk<D, E, V>(
    place: &DataDir<D>,
    settings: &Settings,
    after: Option<&Position>,
    visit: V,
) -> Result<(ScanReport, Tail), E>
where
    D: Disk,
    E: From<JournalError>,
    V: FnMut(Record<'_>) -> Result<(), E>,
{
    let paths = segment_paths(place)?;
    let mut walk = Walk::new(settings, after, visit);
    let mut tail = None;
    for (index, path) in paths.iter().enumerate() {
        let is_last = index.saturating_add(1) == paths.len();
        let bytes = place.disk.read(path).map_err(JournalError::io("read", path))?;
        tail = Some(walk.segment(path, &bytes, is_last)?);
    }
    let tail = tail.ok_or_else(|| JournalError::Missing { dir: place.journal_dir() })?;
    walk.check_anchor_reached()?;
    Ok((walk.report, tail))
}

fn segment_paths<D: Disk>(place: &DataDir<D>) -> Result<Vec<PathBuf>, JournalError> {
    let dir = place.journal_dir();
    let names = place.names(&dir).map_err(JournalError::io("list", &dir))?;
    for name in &names {
        if segment::first_seq(name).is_none() {
            return Err(JournalError::Stray { file: dir.join(name) });
        }
    }
    // Sixteen hex digits: the order of names is the order of sequences.
    Ok(names.iter().map(|name| dir.join(name)).collect())
}

struct Walk<'a, V> {
    settings: &'a Settings,
    after: Option<&'a Position>,
    anchor_met: bool,
    visit: V,
    report: ScanReport,
    hashed: Option<Seq>,
}

impl<'a, V> Walk<'a, V> {
    fn new(settings: &'a Settings, after: Option<&'a Position>, visit: V) -> Self {
        let last = Position { seq: Seq(0), at: Nanos::default(), chain: [0; 32] };
        let report = ScanReport {
            commands: 0,
            frames: 0,
            segments: 0,
            last,
            torn_tail_bytes: 0,
            ended_cleanly: false,
        };
        Self { settings, after, anchor_met: after.is_none(), visit, report, hashed: None }
    }

    fn segment<E>(&mut self, path: &Path, bytes: &[u8], is_last: bool) -> Result<Tail, E>
    where
        E: From<JournalError>,
        V: FnMut(Record<'_>) -> Result<(), E>,
    {
        let damaged = |offset, what| {
            E::from(JournalError::Damaged { file: path.to_path_buf(), offset, what })
        };
        let header = Header::decode(bytes).map_err(|what| damaged(0, what))?;
        self.check_settings(path, &header)?;
        self.enter(path, &header).map_err(|what| damaged(0, what))?;

        let (mut offset, mut last_frame) = (BLOCK, None);
        let defect = loop {
            let rest = bytes.get(offset..).unwrap_or_default();
            if rest.is_empty() {
                break None;
            }
            let frame = match Frame::decode(rest, header.crc) {
                Ok(frame) => frame,
                Err(what) => break Some(what),
            };
            self.frame(&frame, |what| damaged(wide(offset), what))?;
            last_frame = Some((offset, frame.bytes()));
            offset = offset.saturating_add(frame.bytes().len());
        };
        let file = SegmentBytes { header: &header, bytes, end: offset, is_last };
        self.report.torn_tail_bytes = file
            .torn_tail(defect, self.report.ended_cleanly)
            .map_err(|what| damaged(wide(offset), what))?;
        Ok(Tail {
            path: path.to_path_buf(),
            header,
            end: wide(offset),
            file_bytes: wide(bytes.len()),
            last_frame: last_frame.map(|(offset, bytes)| (wide(offset), bytes.to_vec())),
            hashed: self.hashed,
        })
    }

    fn check_settings(&self, path: &Path, header: &Header) -> Result<(), JournalError> {
        let (file, settings) = (path.to_path_buf(), self.settings);
        if header.format != FORMAT {
            return Err(JournalError::Format { file, found: header.format, known: FORMAT });
        }
        if header.shard != settings.shard {
            let (found, expected) = (header.shard, settings.shard);
            return Err(JournalError::Shard { file, found, expected });
        }
        if header.rules != settings.rules {
            let (found, expected) = (header.rules, settings.rules);
            return Err(JournalError::Rules { file, found, expected });
        }
        Ok(())
    }

    /// Checks that a segment continues the one before.
    fn enter(&mut self, path: &Path, header: &Header) -> Result<(), Damage> {
        let name = path.file_name().and_then(|name| name.to_str());
        if name.and_then(segment::first_seq) != Some(header.first_seq) {
            return Err(Damage::Name { found: header.first_seq.0 });
        }
        self.check_sequence(header.first_seq)?;
        if header.previous != self.report.last.chain {
            return Err(Damage::Chain);
        }
        self.report.last.chain = header.chain();
        self.report.segments = self.report.segments.saturating_add(1);
        self.meet_anchor();
        Ok(())
    }

    /// Checks that a frame continues the one before, and visits its records.
    fn frame<E>(&mut self, frame: &Frame<'_>, damaged: impl Fn(Damage) -> E) -> Result<(), E>
    where
        E: From<JournalError>,
        V: FnMut(Record<'_>) -> Result<(), E>,
    {
        self.check_sequence(frame.first_seq()).map_err(&damaged)?;
        if frame.previous() != self.report.last.chain {
            return Err(damaged(Damage::Chain));
        }
        for item in frame.items() {
            match item.map_err(&damaged)? {
                Item::Record(record) => self.record(record, &damaged)?,
                Item::End { at } => {
                    self.check_clock(at).map_err(&damaged)?;
                    self.report.ended_cleanly = true;
                }
            }
        }
        self.report.last.chain = frame.chain();
        self.report.frames = self.report.frames.saturating_add(1);
        self.meet_anchor();
        Ok(())
    }

    fn record<E>(&mut self, record: Record<'_>, damaged: impl Fn(Damage) -> E) -> Result<(), E>
    where
        E: From<JournalError>,
        V: FnMut(Record<'_>) -> Result<(), E>,
    {
        self.check_clock(record.at()).map_err(&damaged)?;
        self.report.ended_cleanly = false;
        match record {
            Record::Command { seq, .. } => {
                self.report.last.seq = seq;
                self.report.commands = self.report.commands.saturating_add(1);
            }
            Record::StateHash { seq, .. } => {
                if seq != self.report.last.seq {
                    return Err(damaged(Damage::Record));
                }
                self.hashed = Some(seq);
            }
        }
        let Some(after) = self.after else { return (self.visit)(record) };
        if self.report.last.seq <= after.seq {
            return Ok(());
        }
        if !self.anchor_met {
            return Err(JournalError::Diverged { seq: after.seq.0 }.into());
        }
        (self.visit)(record)
    }

    fn check_sequence(&self, found: Seq) -> Result<(), Damage> {
        let expected = self.report.last.seq.next();
        if found == expected {
            return Ok(());
        }
        Err(Damage::Sequence { expected: expected.0, found: found.0 })
    }

    fn check_clock(&mut self, at: Nanos) -> Result<(), Damage> {
        if at < self.report.last.at {
            return Err(Damage::Clock);
        }
        self.report.last.at = at;
        Ok(())
    }

    fn meet_anchor(&mut self) {
        let last = &self.report.last;
        let is_there = |after: &Position| after.seq == last.seq && after.chain == last.chain;
        self.anchor_met = self.anchor_met || self.after.is_some_and(is_there);
    }

    fn check_anchor_reached(&self) -> Result<(), JournalError> {
        let (Some(after), false) = (self.after, self.anchor_met) else { return Ok(()) };
        let last = self.report.last.seq;
        if last < after.seq {
            return Err(JournalError::Behind { last: last.0, snapshot: after.seq.0 });
        }
        Err(JournalError::Diverged { seq: after.seq.0 })
    }
}

/// A segment's bytes, valid up to `end`.
struct SegmentBytes<'a> {
    header: &'a Header,
    bytes: &'a [u8],
    end: usize,
    is_last: bool,
}

impl SegmentBytes<'_> {
    /// How many bytes of a torn append follow the last frame; or what is wrong, where there cannot have been one.
    fn torn_tail(&self, defect: Option<Damage>, ended_cleanly: bool) -> Result<u64, Damage> {
        let is_short = wide(self.bytes.len()) < self.header.segment_bytes;
        let is_complete = is_short && !(self.is_last && self.was_cut_short());
        let Some(defect) = defect else {
            // Only a clean end and the start of a next segment complete a segment.
            let is_missing = is_complete && self.is_last && !ended_cleanly;
            return if is_missing { Err(Damage::SegmentMissing) } else { Ok(0) };
        };
        let rest = self.bytes.get(self.end..).unwrap_or_default();
        let torn = nonzero_bytes(rest);
        if torn == 0 && !is_complete {
            return Ok(0);
        }
        if is_complete || !self.is_last || self.frame_follows(rest) {
            return Err(defect);
        }
        Ok(wide(torn))
    }

    /// Whether the file ends as no segment of ours does: within a block, or in the zeros behind the last frame. Then it was cut from
    /// outside, by a copy that was not finished or a file system that lost its end, and what is missing is a tail.
    fn was_cut_short(&self) -> bool {
        let last_block = self.bytes.len().saturating_sub(BLOCK).max(self.end);
        let ends_in_zeros =
            self.bytes.get(last_block..).is_some_and(|rest| nonzero_bytes(rest) == 0);
        let has_rest = self.end < self.bytes.len();
        !self.bytes.len().is_multiple_of(BLOCK) || (has_rest && ends_in_zeros)
    }

    /// Whether a valid frame stands on any block behind the first.
    fn frame_follows(&self, rest: &[u8]) -> bool {
        let blocks = rest.len().div_euclid(BLOCK);
        let mut later = (1..blocks).filter_map(|block| rest.get(block.saturating_mul(BLOCK)..));
        later.any(|from| Frame::decode(from, self.header.crc).is_ok())
    }
}

/// The length of `bytes` without the zeros at its end.
pub(super) fn nonzero_bytes(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    // Block by block first: most of a segment is usually empty.
    while let Some((before, block)) = rest.split_last_chunk::<BLOCK>() {
        if block != &[0; BLOCK] {
            break;
        }
        rest = before;
    }
    rest.iter().rposition(|byte| *byte != 0).map_or(0, |index| index.saturating_add(1))
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
