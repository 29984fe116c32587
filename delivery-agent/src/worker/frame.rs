//! Frames between agent and worker: four bytes of length, then borsh.

use std::io::{ErrorKind, Read, Write};

use borsh::{BorshDeserialize, BorshSerialize};

/// A request names at most some thousand rows.
pub(super) const REQUEST_MAX: u32 = 1 << 20;
/// Every root of the longest challenge of the smallest profile.
pub(super) const REPLY_MAX: u32 = 1 << 24;

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The other side closed the pipe in the middle of an exchange.
    #[error("the other side ended")]
    Ended,
    /// The frame says it is longer than any message may be.
    #[error("frame of {len} bytes, limit {limit}")]
    TooLarge {
        /// Its length.
        len: usize,
        /// The limit in that direction.
        limit: u32,
    },
    /// The bytes are not a message.
    #[error("frame is not a message: {0}")]
    Malformed(std::io::Error),
    /// The pipe broke.
    #[error("pipe broke: {0}")]
    Pipe(std::io::Error),
}

/// Writes one message and flushes it.
pub(super) fn write(
    pipe: &mut impl Write,
    message: &impl BorshSerialize,
    limit: u32,
) -> Result<(), FrameError> {
    let bytes = borsh::to_vec(message).map_err(FrameError::Malformed)?;
    let too_large = FrameError::TooLarge { len: bytes.len(), limit };
    let Ok(len) = u32::try_from(bytes.len()) else { return Err(too_large) };
    if limit < len {
        return Err(too_large);
    }
    let written = pipe.write_all(&len.to_le_bytes()).and_then(|()| pipe.write_all(&bytes));
    written.and_then(|()| pipe.flush()).map_err(FrameError::Pipe)
}

/// Reads one message; `None` when the pipe was closed between messages.
pub(super) fn read<M: BorshDeserialize>(
    pipe: &mut impl Read,
    limit: u32,
) -> Result<Option<M>, FrameError> {
    let mut first = [0; 1];
    if read_some(pipe, &mut first)? == 0 {
        return Ok(None);
    }
    let mut rest = [0; 3];
    read_all(pipe, &mut rest)?;
    let len = u32::from_le_bytes([first[0], rest[0], rest[1], rest[2]]);
    if limit < len {
        return Err(FrameError::TooLarge { len: len as usize, limit });
    }
    let mut bytes = vec![0; len as usize];
    read_all(pipe, &mut bytes)?;
    borsh::from_slice(&bytes).map(Some).map_err(FrameError::Malformed)
}

fn read_all(pipe: &mut impl Read, bytes: &mut [u8]) -> Result<(), FrameError> {
    pipe.read_exact(bytes).map_err(|error| {
        let ended = error.kind() == ErrorKind::UnexpectedEof;
        if ended { FrameError::Ended } else { FrameError::Pipe(error) }
    })
}

fn read_some(pipe: &mut impl Read, bytes: &mut [u8]) -> Result<usize, FrameError> {
    loop {
        match pipe.read(bytes) {
            Ok(read) => return Ok(read),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(FrameError::Pipe(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_018_a_frame_beyond_its_limit_is_refused_before_it_is_read() {
        let mut pipe: &[u8] = &[0xff; 4];
        let refused = read::<Vec<u8>>(&mut pipe, REQUEST_MAX).unwrap_err();
        assert!(matches!(refused, FrameError::TooLarge { len: 0xffff_ffff, .. }), "{refused}");
        let refused = write(&mut Vec::new(), &vec![0_u8; 64], 32).unwrap_err();
        assert!(matches!(refused, FrameError::TooLarge { len: 68, limit: 32 }), "{refused}");
    }

    #[test]
    fn work_018_a_frame_that_breaks_off_is_not_a_message() {
        let mut bytes = Vec::new();
        write(&mut bytes, &7_u64, REQUEST_MAX).unwrap();
        assert_eq!(read::<u64>(&mut &bytes[..], REQUEST_MAX).unwrap(), Some(7));
        for cut in 1..bytes.len() {
            let refused = read::<u64>(&mut &bytes[..cut], REQUEST_MAX).unwrap_err();
            assert!(matches!(refused, FrameError::Ended), "{refused}");
        }
        assert_eq!(read::<u64>(&mut &bytes[..0], REQUEST_MAX).unwrap(), None);
        let refused = read::<u128>(&mut &bytes[..], REQUEST_MAX).unwrap_err();
        assert!(matches!(refused, FrameError::Malformed(_)), "{refused}");
    }
}
