//! Lines, hashes and signatures, read as they were written or not at all.

use std::io::{BufRead, Read};

use api::io::sign::recover_digest;
use api::wire::{TRANSCRIPT_LINE_MAX, TRANSCRIPT_LINES_MAX, WireTranscriptLine};

use super::{Field, field};
use crate::io::sign::AddressBytes;

/// Why a file is not a transcript.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It cannot be read.
    #[error("cannot read: {0}")]
    Io(#[from] std::io::Error),
    /// Nothing is in it.
    #[error("the transcript is empty")]
    Empty,
    /// Longer than a line may be.
    #[error("line {line}: longer than {TRANSCRIPT_LINE_MAX} bytes")]
    LineTooLong {
        /// Which.
        line: usize,
    },
    /// More than there may be.
    #[error("more than {TRANSCRIPT_LINES_MAX} lines")]
    TooManyLines,
    /// The last line does not end: the file was cut.
    #[error("line {line}: ends without a newline")]
    Cut {
        /// Which.
        line: usize,
    },
    /// Not text.
    #[error("line {line}: not UTF-8")]
    NotText {
        /// Which.
        line: usize,
    },
    /// Not a line of a transcript.
    #[error("line {line}: {source}")]
    NotALine {
        /// Which.
        line: usize,
        /// Where in it, and why.
        source: serde_json::Error,
    },
    /// The same content in other bytes, which no venue writes.
    #[error("line {line}: not written as a venue writes it, from byte {at}")]
    OtherForm {
        /// Which.
        line: usize,
        /// The first byte that is another.
        at: usize,
    },
}

/// The lines of a file, one at a time.
pub(super) struct Lines<R> {
    file: R,
    number: usize,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(file: R) -> Self {
        Self { file, number: 0 }
    }

    /// Of the line that was read last, from one.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// The next line, and its text without the newline.
    pub(super) fn next_line(&mut self) -> Result<Option<(WireTranscriptLine, String)>, Unreadable> {
        let mut bytes = Vec::new();
        let limit = TRANSCRIPT_LINE_MAX as u64 + 2;
        self.file.by_ref().take(limit).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.number = self.number.saturating_add(1);
        let line = self.number;
        if TRANSCRIPT_LINES_MAX < line {
            return Err(Unreadable::TooManyLines);
        }
        if bytes.pop_if(|last| *last == b'\n').is_none() {
            let is_long = TRANSCRIPT_LINE_MAX < bytes.len();
            return Err(if is_long {
                Unreadable::LineTooLong { line }
            } else {
                Unreadable::Cut { line }
            });
        }
        if TRANSCRIPT_LINE_MAX < bytes.len() {
            return Err(Unreadable::LineTooLong { line });
        }
        let text = String::from_utf8(bytes).map_err(|_bytes| Unreadable::NotText { line })?;
        let not_a_line = |source| Unreadable::NotALine { line, source };
        let read: WireTranscriptLine = serde_json::from_str(&text).map_err(not_a_line)?;
        let again = serde_json::to_string(&read).map_err(not_a_line)?;
        if again != text {
            let at = again.bytes().zip(text.bytes()).take_while(|(ours, theirs)| ours == theirs);
            return Err(Unreadable::OtherForm { line, at: at.count() });
        }
        Ok(Some((read, text)))
    }
}

/// Bytes in their one form: lower-case hexadecimal with `0x`.
pub(super) fn hex<const N: usize>(name: &str, text: &str) -> Result<[u8; N], Field> {
    let mut bytes = [0; N];
    let digits = text.strip_prefix("0x").filter(|digits| !digits.contains(char::is_uppercase));
    let read = digits.and_then(|digits| hex::decode_to_slice(digits, &mut bytes).ok());
    read.map(|()| bytes).ok_or_else(|| field(name, format!("not {N} bytes in hexadecimal")))
}

/// Whether a key has signed a digest.
pub(super) fn signed_by(
    signer: &AddressBytes,
    name: &str,
    signature: &str,
    digest: [u8; 32],
) -> Result<(), Field> {
    let signature: [u8; 65] = hex(name, signature)?;
    match recover_digest(digest, &signature) {
        Ok(found) if found == *signer => Ok(()),
        Ok(found) => {
            let (found, signer) = (::hex::encode(found), ::hex::encode(signer));
            Err(field(name, format!("signed by 0x{found}, not by 0x{signer}")))
        }
        Err(error) => Err(field(name, error.to_string())),
    }
}
