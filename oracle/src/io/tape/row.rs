//! What stands on a tape.
//!
//! Invariants:
//! - a row that is read is as sound as one that is written: [`Row::check`] is asked on both ways;
//! - nothing on a tape is changed: a print that was wrong is followed by a [`Revised`] row, and stays.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{MicroUsd, Nanos, Seq};

use crate::io::sign::{Intake, SignedObservation, SignedReport};
use crate::observation::Observation;
use crate::print::Print;
use crate::report::ReporterSet;

/// The longest name of a grade or a source, in bytes.
const LABEL_LEN_MAX: usize = 64;
/// The longest reason, in bytes.
const REASON_LEN_MAX: usize = 256;
/// The largest row, in bytes of borsh. A signed report of a dozen reporters is a twentieth of it.
pub const ROW_BYTES_MAX: usize = 65_536;

/// The name of a grade or of a source: 1 to 64 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Label(String);

impl Label {
    /// A name.
    ///
    /// # Errors
    /// [`RowError::Label`] when it is empty, too long or not printable.
    pub fn new(name: &str) -> Result<Self, RowError> {
        let label = Self(name.to_owned());
        label.check().map(|()| label)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn check(&self) -> Result<(), RowError> {
        let is_printable = self.0.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if (1..=LABEL_LEN_MAX).contains(&self.0.len()) && is_printable {
            Ok(())
        } else {
            Err(RowError::Label { len: self.0.len() })
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a body came from, and which one it was.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Body {
    /// The feed or file.
    pub source: Label,
    /// When it was read.
    pub fetched_at: Nanos,
    /// blake3 of what was read, whole and as it came.
    pub body_hash: [u8; 32],
}

/// Why an observation is believed to have been made.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Evidence {
    /// It was read in public, and nobody signed it.
    Public(Body),
    /// Its provider signed it; it stands as it came.
    Signed {
        /// The statement and its signature.
        signed: Box<SignedObservation>,
        /// The moment at which it was judged.
        taken_at: Nanos,
    },
}

/// Somebody observed something.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Observed {
    /// Of which grade.
    pub grade: Label,
    /// What.
    pub observation: Observation,
    /// From where.
    pub evidence: Evidence,
}

/// The index said something, be it that it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Printed {
    /// Of which grade.
    pub grade: Label,
    /// What it said, and by which version of the method.
    pub print: Print,
    /// From so many observations: those of the grade that came since its print before, in order.
    pub inputs: u32,
    /// The Merkle root over them.
    pub root: [u8; 32],
}

/// An input was not taken.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Refused {
    /// Of which grade, if one could tell.
    pub grade: Option<Label>,
    /// What it was.
    pub body: Body,
    /// What was wrong with it.
    pub reason: String,
}

/// A futures mark came.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Marked {
    /// Of which grade.
    pub grade: Label,
    /// When it was so.
    pub at: Nanos,
    /// Dollars per GPU-hour.
    pub price: MicroUsd,
}

/// A print is replaced because an input was wrong.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Revised {
    /// The row of the print that it replaces.
    pub of: Seq,
    /// What was wrong.
    pub reason: String,
    /// The rows of the observations that it is made from.
    pub inputs: Vec<Seq>,
    /// What the index says instead, of the same grade and tick.
    pub printed: Printed,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Row {
    /// An input.
    Observed(Observed),
    /// A print.
    Printed(Printed),
    /// An input that was not taken.
    Refused(Refused),
    /// A print that replaces another.
    Revised(Revised),
    /// What signed observations are judged by from here on.
    Judging(Box<Intake>),
    /// A price of our own futures, which the index may lean on when quotes are too few.
    Marked(Marked),
    /// Whose signatures make a report from here on.
    Reporting(ReporterSet),
    /// What reporters have signed of a print.
    Reported(Box<SignedReport>),
}

/// Why something is not a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// A name of a grade or a source.
    #[error("name of {len} bytes is not 1 to {LABEL_LEN_MAX} printable ASCII characters")]
    Label {
        /// How long it is.
        len: usize,
    },
    /// A reason.
    #[error("reason of {len} bytes is not 1 to {REASON_LEN_MAX} printable characters")]
    Reason {
        /// How long it is.
        len: usize,
    },
    /// A row over the limit.
    #[error("row of {bytes} bytes, limit {ROW_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Bytes that are no row.
    #[error("{bytes} bytes that are no row")]
    NotARow {
        /// How many.
        bytes: usize,
    },
}

impl Row {
    /// Its bytes.
    ///
    /// # Errors
    /// [`RowError`] when it is over a limit.
    pub(super) fn encode(&self) -> Result<Vec<u8>, RowError> {
        self.check()?;
        let bytes = borsh::to_vec(self).or(Err(RowError::TooLarge { bytes: usize::MAX }))?;
        if ROW_BYTES_MAX < bytes.len() {
            return Err(RowError::TooLarge { bytes: bytes.len() });
        }
        Ok(bytes)
    }

    /// The row that `bytes` are, with nothing behind it.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, RowError> {
        let row: Self =
            borsh::from_slice(bytes).or(Err(RowError::NotARow { bytes: bytes.len() }))?;
        row.check().map(|()| row)
    }

    fn check(&self) -> Result<(), RowError> {
        match self {
            // An observation checks itself when it is read.
            Self::Observed(Observed { grade, evidence, .. }) => {
                grade.check()?;
                match evidence {
                    Evidence::Public(body) => body.source.check(),
                    Evidence::Signed { .. } => Ok(()),
                }
            }
            Self::Marked(marked) => marked.grade.check(),
            Self::Judging(_) | Self::Reporting(_) | Self::Reported(_) => Ok(()),
            Self::Printed(printed) => printed.grade.check(),
            Self::Refused(Refused { grade, body, reason }) => {
                grade.as_ref().map_or(Ok(()), Label::check)?;
                body.source.check()?;
                check_reason(reason)
            }
            Self::Revised(Revised { reason, printed, .. }) => {
                printed.grade.check()?;
                check_reason(reason)
            }
        }
    }
}

fn check_reason(reason: &str) -> Result<(), RowError> {
    let is_printable = !reason.chars().any(char::is_control);
    if (1..=REASON_LEN_MAX).contains(&reason.len()) && is_printable {
        Ok(())
    } else {
        Err(RowError::Reason { len: reason.len() })
    }
}
