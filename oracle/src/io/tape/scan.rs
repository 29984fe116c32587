//! The log, read back: what is sound, what is not, and what stands behind the end.
//!
//! A row is sound when its link follows from the one before it, as that stands there or as it should: so a wrong byte in a link costs its own row
//! only. Behind a frame that cannot be read the next whole frame is looked for, and the link before it stands just before that frame.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use instruments::{Nanos, Seq};

use super::fault::{Fault, TapeError};
use super::log::{
    FRAME_HEAD_BYTES, FRAME_MAGIC, FrameHead, HEADER_BYTES, HEADER_FIELD_BYTES, Header, LINK_BYTES,
    Link, LogEnd, MAGIC, Stored, len_u64, next_link,
};

const LEN_BYTES: usize = 4;
/// How much is searched at once for the next frame behind damage.
const SEARCH_BYTES: u64 = 1 << 20;
/// More faults than this are not listed one by one.
pub(super) const FAULTS_MAX: usize = 64;

/// What reading the whole log has shown.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) header: Option<Header>,
    pub(super) key: Link,
    /// Behind the last frame that may be believed.
    pub(super) end: LogEnd,
    /// The first row of the last frame that may be believed.
    pub(super) last_frame: Seq,
    pub(super) faults: Vec<Fault>,
    /// What stands behind the end and is no whole frame.
    pub(super) tail: Option<Tail>,
}

/// The rest of a log that no whole frame follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) bytes: u64,
    /// Its last row, as far as its head can be read.
    pub(super) last: Option<Seq>,
    /// Whether it simply stops too early. Otherwise bytes in it are wrong.
    pub(super) is_short: bool,
    /// The rows that are wrong, where it is a whole frame with wrong rows.
    pub(super) faults: Vec<Fault>,
}

/// The log while it is read.
struct Reader<'a> {
    file: BufReader<File>,
    path: &'a Path,
    len: u64,
    offset: u64,
    key: Link,
    /// The link of the last row, as it stands there and as it should.
    links: [Link; 2],
    due: Seq,
    faults: Vec<Fault>,
}

/// Reads the whole log, and gives every sound row to `on_row`, in order.
///
/// # Errors
/// When the disk refuses, or `on_row` does. What is wrong with the log is no error but a finding.
pub(super) fn scan(
    path: &Path,
    on_row: &mut dyn FnMut(Stored) -> Result<(), TapeError>,
) -> Result<Scan, TapeError> {
    let unread = || TapeError::io("read", path);
    let file = File::open(path).map_err(unread())?;
    let len = file.metadata().map_err(unread())?.len();
    let mut file = BufReader::new(file);
    let start = read_up_to(&mut file, HEADER_BYTES).map_err(unread())?;
    let mut reader = Reader {
        file,
        path,
        len,
        offset: len_u64(start.len()),
        key: Link::default(),
        links: [Link::default(); 2],
        due: Seq(1),
        faults: Vec::new(),
    };
    let header = reader.take_header(&start)?;
    let mut end =
        LogEnd { offset: reader.offset, last: Seq(0), link: reader.key, written_at: Nanos::new(0) };
    let mut last_frame = Seq(0);
    let mut tail = None;
    while reader.offset < len {
        match reader.frame()? {
            Found::Frame { head, rows, offset, faults } => {
                reader.fault_all(faults);
                last_frame = head.first;
                for stored in rows {
                    on_row(stored)?;
                }
                end = LogEnd {
                    offset,
                    last: head.last(),
                    link: reader.links[0],
                    written_at: head.written_at,
                };
            }
            Found::Nothing(rest) => {
                tail = Some(rest);
                break;
            }
        }
    }
    let Reader { key, faults, .. } = reader;
    Ok(Scan { header, key, end, last_frame, faults, tail })
}

/// What stands at an offset.
enum Found {
    Frame { head: FrameHead, rows: Vec<Stored>, offset: u64, faults: Vec<Fault> },
    Nothing(Tail),
}

impl Reader<'_> {
    fn take_header(&mut self, start: &[u8]) -> Result<Option<Header>, TapeError> {
        let (head, hash) = start.split_at_checked(HEADER_FIELD_BYTES).unwrap_or_default();
        let stored = Link::try_from(hash).ok();
        let header = borsh::from_slice::<Header>(head).ok().filter(|head| head.magic == MAGIC);
        let computed = header.map(|header| header.hash());
        if stored.is_none() || stored != computed {
            self.fault(Fault::Header);
        }
        // Of a damaged header, whichever hash the first frame was made with.
        let keys = [stored, computed].into_iter().flatten();
        let first = self.peek_head_bytes()?;
        let mut fitting = keys.clone().filter(|key| FrameHead::decode(&first, key).is_some());
        self.key = fitting.next().or(stored).or(computed).unwrap_or_default();
        self.links = [self.key; 2];
        Ok(header)
    }

    fn peek_head_bytes(&mut self) -> Result<Vec<u8>, TapeError> {
        let unread = || TapeError::io("read", self.path);
        let bytes = read_up_to(&mut self.file, FRAME_HEAD_BYTES).map_err(unread())?;
        self.file.seek(SeekFrom::Start(self.offset)).map_err(unread())?;
        Ok(bytes)
    }

    /// The frame at the offset, or the next one behind what cannot be read.
    fn frame(&mut self) -> Result<Found, TapeError> {
        let bytes = self.peek_head_bytes()?;
        let Some(head) = FrameHead::decode(&bytes, &self.key) else {
            return self.skip(bytes.len() < FRAME_HEAD_BYTES);
        };
        let body_at = self.offset.saturating_add(len_u64(FRAME_HEAD_BYTES));
        let after = body_at.saturating_add(u64::from(head.body_len));
        if self.len < after {
            let bytes = self.len.saturating_sub(self.offset);
            let last = Some(head.last());
            return Ok(Found::Nothing(Tail { bytes, last, is_short: true, faults: Vec::new() }));
        }
        if head.first != self.due {
            self.fault(Fault::Order { expected: self.due, found: head.first });
        }
        let unread = || TapeError::io("read", self.path);
        self.file.seek(SeekFrom::Start(body_at)).map_err(unread())?;
        let body_len = usize::try_from(head.body_len).unwrap_or(usize::MAX);
        let body = read_up_to(&mut self.file, body_len).map_err(unread())?;
        let (rows, faults) = self.rows(&head, &body);
        if !faults.is_empty() && after == self.len {
            // Whether this was ever acknowledged is for the store to say.
            let bytes = after.saturating_sub(self.offset);
            let tail = Tail { bytes, last: Some(head.last()), is_short: false, faults };
            return Ok(Found::Nothing(tail));
        }
        self.offset = after;
        self.due = head.last().next();
        Ok(Found::Frame { head, rows, offset: after, faults })
    }

    fn rows(&mut self, head: &FrameHead, body: &[u8]) -> (Vec<Stored>, Vec<Fault>) {
        let (mut rows, mut faults) = (Vec::new(), Vec::new());
        let (mut rest, mut seq) = (body, head.first);
        while seq <= head.last() {
            let Some((bytes, link, after)) = split_row(rest) else { break };
            let computed = self.links.map(|before| next_link(&before, seq, head.written_at, bytes));
            let is_sound = computed.contains(&link);
            let [by_stored, _] = computed;
            self.links = if is_sound { [link; 2] } else { [link, by_stored] };
            if is_sound {
                let written_at = head.written_at;
                rows.push(Stored { seq, written_at, link, bytes: bytes.to_vec() });
            } else {
                faults.push(Fault::Rows { first: seq, last: seq });
            }
            rest = after;
            seq = seq.next();
        }
        if seq <= head.last() || !rest.is_empty() {
            // A wrong length: where the rows behind it begin is not known, but the last link ends the frame.
            faults.push(Fault::Rows { first: seq.min(head.last()), last: head.last() });
            let link = body.last_chunk::<LINK_BYTES>().copied().unwrap_or_default();
            self.links = [link; 2];
        }
        (rows, faults)
    }

    /// Looks for a whole frame behind something that is none.
    fn skip(&mut self, is_short: bool) -> Result<Found, TapeError> {
        let from = self.offset;
        let Some((offset, head)) = self.search(from.saturating_add(1))? else {
            let bytes = self.len.saturating_sub(from);
            return Ok(Found::Nothing(Tail { bytes, last: None, is_short, faults: Vec::new() }));
        };
        let last = Seq(head.first.0.saturating_sub(1));
        self.fault(Fault::Rows { first: self.due.min(last), last });
        self.due = head.first;
        self.offset = offset;
        let unread = || TapeError::io("read", self.path);
        let link_at = offset.saturating_sub(len_u64(LINK_BYTES));
        self.file.seek(SeekFrom::Start(link_at)).map_err(unread())?;
        let link = read_up_to(&mut self.file, LINK_BYTES).map_err(unread())?;
        self.links = [Link::try_from(link).unwrap_or_default(); 2];
        self.frame()
    }

    fn search(&mut self, from: u64) -> Result<Option<(u64, FrameHead)>, TapeError> {
        let unread = || TapeError::io("read", self.path);
        let mut at = from;
        while at < self.len {
            self.file.seek(SeekFrom::Start(at)).map_err(unread())?;
            let search = usize::try_from(SEARCH_BYTES).unwrap_or(usize::MAX);
            let chunk = read_up_to(&mut self.file, search).map_err(unread())?;
            let heads = chunk.windows(FRAME_HEAD_BYTES).enumerate();
            let mut heads = heads.filter(|(_, bytes)| bytes.starts_with(&FRAME_MAGIC));
            let found = heads
                .find_map(|(index, bytes)| Some((index, FrameHead::decode(bytes, &self.key)?)));
            if let Some((index, head)) = found {
                return Ok(Some((at.saturating_add(len_u64(index)), head)));
            }
            let step = chunk.len().saturating_sub(FRAME_HEAD_BYTES.saturating_sub(1)).max(1);
            at = at.saturating_add(len_u64(step));
        }
        Ok(None)
    }

    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }

    fn fault_all(&mut self, faults: Vec<Fault>) {
        for fault in faults {
            self.fault(fault);
        }
    }
}

/// One row's bytes, its link, and what is behind it.
fn split_row(rest: &[u8]) -> Option<(&[u8], Link, &[u8])> {
    let (len, rest) = rest.split_first_chunk::<LEN_BYTES>()?;
    let (bytes, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
    let (link, rest) = rest.split_first_chunk::<LINK_BYTES>()?;
    Some((bytes, *link, rest))
}

fn read_up_to(from: &mut impl Read, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(len_u64(len)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
