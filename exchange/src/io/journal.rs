//! The journal: the one place where an acknowledgement is born.
//!
//! Invariants:
//! - what [`Journal::append`] has returned is durable, in order, and is there after any crash;
//! - one frame is in flight at most, so a crash leaves at most one torn frame, and it is the last;
//! - after a failed write nothing more is written: what the disk then holds is unknown until a restart has read it.

use std::io;
use std::path::PathBuf;

use instruments::{Nanos, Seq};

use super::data_dir::DataDir;
use super::disk::{Disk, DiskFile};
use super::frame::{BLOCK, FrameBuffer, Item, Link, Record};
use super::journal_error::JournalError;
use super::scan::{Position, ScanReport, Tail, walk};
use super::segment::{self, Header, Settings};

/// How far ahead of the frames blocks are filled with zeros. A sync is cheap where it need not also record where new blocks lie; to fill
/// a whole segment at once would make one append wait for all of it.
const ZEROED_AHEAD: u64 = 262_144;

/// A journal that is open for appending.
pub struct Journal<D: Disk> {
    place: DataDir<D>,
    settings: Settings,
    segment: OpenSegment<D::File>,
    buffer: FrameBuffer,
    /// The end of what is durable.
    last: Position,
    /// The last record in the frame being filled.
    filled: Filled,
    stopped: bool,
}

struct OpenSegment<F> {
    file: F,
    path: PathBuf,
    header: Header,
    /// Where the next frame begins.
    end: u64,
    /// Blocks before this have been written at least once.
    zeroed_to: u64,
    /// Whether the last frame ends with an end marker.
    is_ended: bool,
}

#[derive(Clone, Copy)]
struct Filled {
    seq: Seq,
    at: Nanos,
    /// The last command whose state hash is written.
    hashed: Option<Seq>,
}

impl<D: Disk> Journal<D> {
    /// Begins a journal.
    ///
    /// # Errors
    /// When there is one already, or the disk refuses.
    pub fn create(place: DataDir<D>, settings: Settings, now: Nanos) -> Result<Self, JournalError> {
        let dir = place.journal_dir();
        if place.has_journal()? {
            return Err(JournalError::Exists { dir });
        }
        place.disk.create_dir(&dir).map_err(JournalError::io("create", &dir))?;
        let parent = place.parent();
        place.disk.sync_dir(parent).map_err(JournalError::io("sync", parent))?;
        let header = Header::new(&settings, Seq(1), now, [0; 32]);
        let segment = begin_segment(&place, header)?;
        let last = Position { seq: Seq(0), at: Nanos::default(), chain: header.chain() };
        Ok(Self::at(place, settings, segment, last))
    }

    /// Opens a journal: gives every record to `visit`, in order, or with `after` only those behind that position; drops a torn tail;
    /// and is ready to append.
    ///
    /// # Errors
    /// What is wrong with the journal, by file and offset, in which case nothing has been changed on the disk; or what `visit` returned.
    pub fn open<E, V>(
        place: DataDir<D>,
        settings: Settings,
        after: Option<&Position>,
        visit: V,
    ) -> Result<(Self, ScanReport), E>
    where
        E: From<JournalError>,
        V: FnMut(Record<'_>) -> Result<(), E>,
    {
        let (report, tail) = walk(&place, &settings, after, visit)?;
        let hashed = tail.hashed;
        let segment = reopen_segment(&place, tail, &report)?;
        let mut journal = Self::at(place, settings, segment, report.last);
        journal.filled.hashed = hashed;
        Ok((journal, report))
    }

    fn at(
        place: DataDir<D>,
        settings: Settings,
        segment: OpenSegment<D::File>,
        last: Position,
    ) -> Self {
        let buffer = FrameBuffer::new(segment.header.frame_max());
        let filled = Filled { seq: last.seq, at: last.at, hashed: None };
        Self { place, settings, segment, buffer, last, filled, stopped: false }
    }

    /// The end of what is durable.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.last
    }

    /// Writes the records and makes them durable: one write and one sync for every 1 MiB or 4,096 records. A second state hash of the
    /// same sequence is left out.
    ///
    /// # Errors
    /// [`JournalError::RecordTooLarge`] before anything is written. Any other error is final: nothing of `records` may be acknowledged,
    /// and every later append fails.
    ///
    /// # Panics
    /// On a gap in the sequence or a clock that runs backwards: the caller stamps both.
    pub fn append(&mut self, records: &[Record<'_>]) -> Result<Position, JournalError> {
        self.check_sizes(records)?;
        let mut rest = records;
        while !rest.is_empty() {
            self.buffer.clear();
            let taken = self.fill(rest);
            assert!(taken != 0, "a record within the limit fits in an empty frame");
            rest = rest.get(taken..).unwrap_or_default();
            self.write_frame()?;
        }
        Ok(self.last)
    }

    /// Marks a clean end, after which a single wrong byte anywhere in the journal is damage.
    ///
    /// # Errors
    /// When the disk refuses now, or did before. The journal is then as after a crash.
    pub fn close(mut self) -> Result<Position, JournalError> {
        if self.stopped {
            return Err(JournalError::Stopped);
        }
        if !self.segment.is_ended {
            self.buffer.clear();
            let has_room = self.buffer.push(&Item::End { at: self.last.at });
            assert!(has_room, "an end marker fits in an empty frame");
            self.write_frame()?;
        }
        complete_segment(&mut self.segment)?;
        Ok(self.last)
    }

    fn check_sizes(&self, records: &[Record<'_>]) -> Result<(), JournalError> {
        if self.stopped {
            return Err(JournalError::Stopped);
        }
        let limit = self.buffer.payload_max();
        for record in records {
            if let Record::Command { payload, .. } = record
                && limit < payload.len()
            {
                return Err(JournalError::RecordTooLarge { bytes: payload.len(), limit });
            }
        }
        Ok(())
    }

    /// Puts as many records into the frame as it takes, and says how many.
    fn fill(&mut self, records: &[Record<'_>]) -> usize {
        let mut taken: usize = 0;
        for record in records {
            let is_repeated =
                matches!(record, Record::StateHash { seq, .. } if self.filled.hashed == Some(*seq));
            if !is_repeated {
                if !self.buffer.push(&Item::Record(*record)) {
                    break;
                }
                self.filled.advance(record);
            }
            taken = taken.saturating_add(1);
        }
        taken
    }

    fn write_frame(&mut self) -> Result<(), JournalError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        // Only a complete write takes it back.
        self.stopped = true;
        let (first_seq, at) = (self.last.seq.next(), self.filled.at);
        let mut previous = self.last.chain;
        let end = self.segment.end.saturating_add(self.buffer.padded_len());
        if self.segment.header.frames_end() < end {
            let header = Header::new(&self.settings, first_seq, at, previous);
            self.roll(header)?;
            previous = header.chain();
        }
        let Header { epoch, crc: seed, .. } = self.segment.header;
        let frame = self.buffer.seal(&Link { first_seq, epoch, at, previous, seed });
        self.segment.write(frame)?;
        self.segment.is_ended = false;
        let chain = *blake3::hash(frame).as_bytes();
        self.last = Position { seq: self.filled.seq, at, chain };
        self.stopped = false;
        Ok(())
    }

    /// Goes on in a new segment. The old one is complete only once the new one is there: a complete last segment without an end
    /// marker tells that one is missing.
    fn roll(&mut self, header: Header) -> Result<(), JournalError> {
        let is_new = self.segment.header.first_seq < header.first_seq;
        assert!(is_new, "a segment without commands always has room");
        let next = begin_segment(&self.place, header)?;
        self.buffer.set_limit(header.frame_max());
        let mut old = std::mem::replace(&mut self.segment, next);
        complete_segment(&mut old)
    }
}

impl Filled {
    fn advance(&mut self, record: &Record<'_>) {
        assert!(self.at <= record.at(), "journal time runs backwards");
        self.at = record.at();
        match record {
            Record::Command { seq, .. } => {
                assert_eq!(*seq, self.seq.next(), "gap in the journal");
                self.seq = *seq;
            }
            Record::StateHash { seq, .. } => {
                assert_eq!(*seq, self.seq, "state hash of another command than the last");
                self.hashed = Some(*seq);
            }
        }
    }
}

impl<F: DiskFile> OpenSegment<F> {
    /// Writes a frame behind the last and makes it durable.
    fn write(&mut self, frame: &[u8]) -> Result<(), JournalError> {
        let len = u64::try_from(frame.len()).unwrap_or(u64::MAX);
        let end = self.end.saturating_add(len);
        if self.zeroed_to < end {
            let ahead = end.saturating_add(ZEROED_AHEAD).min(self.header.segment_bytes);
            let zeros = vec![0; usize::try_from(ahead.saturating_sub(end)).unwrap_or(0)];
            self.file.write_at(&zeros, end).map_err(JournalError::io("write", &self.path))?;
            self.zeroed_to = ahead;
        }
        self.file.write_at(frame, self.end).map_err(JournalError::io("write", &self.path))?;
        self.file.sync_data().map_err(JournalError::io("sync", &self.path))?;
        self.end = end;
        Ok(())
    }
}

/// Makes a segment beside the journal and moves it in when it is whole.
fn begin_segment<D: Disk>(
    place: &DataDir<D>,
    header: Header,
) -> Result<OpenSegment<D::File>, JournalError> {
    let (unfinished, dir) = (place.unfinished("segment"), place.journal_dir());
    let path = dir.join(segment::name(header.first_seq));
    let disk = &place.disk;
    let mut file = disk.create(&unfinished).map_err(JournalError::io("create", &unfinished))?;
    let prepared = file
        .set_len(header.segment_bytes)
        .and_then(|()| file.write_at(&header.block(), 0))
        .and_then(|()| file.sync_all());
    prepared.map_err(JournalError::io("prepare", &unfinished))?;
    disk.rename(&unfinished, &path).map_err(JournalError::io("name", &path))?;
    disk.sync_dir(&dir).map_err(JournalError::io("sync", &dir))?;
    disk.sync_dir(place.root()).map_err(JournalError::io("sync", place.root()))?;
    let end = segment::block_bytes();
    Ok(OpenSegment { file, path, header, end, zeroed_to: end, is_ended: false })
}

/// Cuts a segment behind its last frame: from now on all of it must check.
fn complete_segment<F: DiskFile>(segment: &mut OpenSegment<F>) -> Result<(), JournalError> {
    let cut = segment.file.set_len(segment.end).and_then(|()| segment.file.sync_all());
    cut.map_err(JournalError::io("complete", &segment.path))
}

/// Opens the last segment as the scan has found it.
fn reopen_segment<D: Disk>(
    place: &DataDir<D>,
    tail: Tail,
    report: &ScanReport,
) -> Result<OpenSegment<D::File>, JournalError> {
    let Tail { path, header, end, file_bytes, last_frame, .. } = tail;
    let mut file = place.disk.open(&path).map_err(JournalError::io("open", &path))?;
    let mended = mend(&mut file, &header, (end, file_bytes), report.torn_tail_bytes)
        .and_then(|()| rewrite(&mut file, last_frame));
    mended.map_err(JournalError::io("recover", &path))?;
    // A process may have died between giving the segment its name and making the name durable.
    let dir = place.journal_dir();
    place.disk.sync_dir(&dir).map_err(JournalError::io("sync", &dir))?;
    Ok(OpenSegment { file, path, header, end, zeroed_to: end, is_ended: report.ended_cleanly })
}

/// Gives a complete segment its full length again, or overwrites a torn tail. A crash in between leaves either what was or what will be.
fn mend<F: DiskFile>(
    file: &mut F,
    header: &Header,
    (end, file_bytes): (u64, u64),
    torn_tail_bytes: u64,
) -> io::Result<()> {
    if file_bytes < header.segment_bytes {
        file.set_len(header.segment_bytes)?;
        return file.sync_all();
    }
    let torn = usize::try_from(torn_tail_bytes).unwrap_or(0);
    if torn == 0 {
        return Ok(());
    }
    file.write_at(&vec![0; torn.next_multiple_of(BLOCK)], end)?;
    file.sync_data()
}

/// Writes the last frame once more. It may never have reached the disk: the process that wrote it may have died before its sync, or the
/// sync may have failed and left it in memory only. From here on it counts.
fn rewrite<F: DiskFile>(file: &mut F, last_frame: Option<(u64, Vec<u8>)>) -> io::Result<()> {
    let Some((offset, frame)) = last_frame else { return Ok(()) };
    file.write_at(&frame, offset)?;
    file.sync_data()
}
