//! Checks the transcript of a delivery, offline: signatures, chain, draws, rows, rates, and what was credited.
//!
//! ```text
//! line -> its place in the chain of lines -> receipt and signatures -> draw and rows, on this CPU -> rate and quality
//! all  -> chain of receipts -> credited hours by the meter's rule -> the venue's statement
//! ```
//!
//! Invariants:
//! - nothing that stands in the file is believed where it can be computed;
//! - the first thing that is wrong is named with its line and its field;
//! - memory grows with the number of challenges, never with what was opened.

mod credit;
mod entry;
mod read;
mod statement;

use std::collections::BTreeMap;
use std::io::BufRead;

use api::io::sign::CHAIN_ID;
use api::wire::{
    TRANSCRIPT_INTERVALS_MAX, TRANSCRIPT_VERSION, WireCountersignature, WireDeclaredOutage,
    WireTranscriptHeader, WireTranscriptLine, transcript_line_hash,
};

use crate::expand::Bytes32;
use crate::io::sign::AddressBytes;

pub use credit::{Credited, Mark, MarkVerdict};
pub use entry::CheckedChallenge;
pub use read::Unreadable;

/// The first thing in a transcript that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {field}: {why}")]
pub struct Wrong {
    /// Counted from one.
    pub line: usize,
    /// Which field.
    pub field: String,
    /// What is wrong with it.
    pub why: String,
}

/// Why a transcript was not found right.
#[derive(Debug, thiserror::Error)]
pub enum TranscriptError {
    /// It is not a transcript.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// It is one, and something in it is wrong.
    #[error(transparent)]
    Wrong(#[from] Wrong),
}

/// What a sound transcript says.
#[derive(Debug, Clone)]
pub struct Summary {
    /// What was owed.
    pub header: WireTranscriptHeader,
    /// Challenges that were judged.
    pub challenges: u32,
    /// Of these, how many were found valid.
    pub valid: u32,
    /// Receipts of the chain.
    pub receipts: u32,
    /// Of these, how many the buyer has signed.
    pub countersigned: u32,
    /// Of these, how many the buyer has let pass: three came after them.
    pub accepted_by_silence: u32,
    /// What the meter credits.
    pub credited: Credited,
    /// Whether the venue has stated and signed it.
    pub is_stated: bool,
}

/// How a line's own fields are found wrong, before its number is known.
pub(crate) type Field = (String, String);

/// One field is not what it must be.
pub(crate) fn field(name: &str, why: impl Into<String>) -> Field {
    (name.to_owned(), why.into())
}

/// Later receipts that make the buyer's silence an acceptance.
const SILENCE: u32 = 3;

/// Everything of the lines so far that later lines are checked against.
pub(crate) struct Checked {
    pub(crate) header: WireTranscriptHeader,
    pub(crate) venue: AddressBytes,
    pub(crate) terms: Bytes32,
    pub(crate) session_seed: Option<Option<Bytes32>>,
    pub(crate) entries: BTreeMap<u32, Kept>,
    pub(crate) outages: Vec<(u32, u32)>,
    pub(crate) buyer: Option<AddressBytes>,
    pub(crate) countersigned: u32,
}

/// What is kept of a challenge.
pub(crate) struct Kept {
    pub(crate) line: usize,
    pub(crate) mark: Mark,
    pub(crate) receipt: Option<KeptReceipt>,
}

/// What is kept of a receipt.
pub(crate) struct KeptReceipt {
    pub(crate) challenges: u32,
    pub(crate) gpu_millis: u64,
    pub(crate) prev: Bytes32,
    pub(crate) digest: Bytes32,
    pub(crate) is_countersigned: bool,
}

/// Checks a whole transcript; `said` hears of every challenge that holds.
///
/// A transcript without a statement is sound only where `may_be_open`.
///
/// # Errors
/// [`TranscriptError`], the first.
pub fn check(
    file: impl BufRead,
    may_be_open: bool,
    mut said: impl FnMut(&CheckedChallenge),
) -> Result<Summary, TranscriptError> {
    let mut lines = read::Lines::new(file);
    let (first, mut text) = lines.next_line()?.ok_or(Unreadable::Empty)?;
    let WireTranscriptLine::Header(header) = first else {
        return Err(wrong(1, field("header", "the first line is another")).into());
    };
    let mut checked = begin(header).map_err(|found| wrong(1, found))?;
    let (mut stated, mut last) = (None, 1);
    while let Some((line, next)) = lines.next_line()? {
        last = lines.number();
        if stated.is_some() {
            return Err(wrong(last, field("statement", "a line stands after it")).into());
        }
        let after = transcript_line_hash(&text);
        let found = checked.take(last, &line, &after);
        match found.map_err(|found| wrong(last, found))? {
            Some(Taken::Challenge(challenge)) => said(&challenge),
            Some(Taken::Statement(statement)) => stated = Some((last, statement)),
            None => {}
        }
        text = next;
    }
    checked.check_receipts()?;
    let credited = credit::credit(&checked).map_err(|found| wrong(1, found))?;
    let is_stated = stated.is_some();
    match stated {
        Some((line, statement)) => {
            statement::check(&checked, &credited, &statement).map_err(|found| wrong(line, found))?
        }
        None if may_be_open => {}
        None => {
            let why = "the transcript ends without the venue's statement";
            return Err(wrong(last, field("statement", why)).into());
        }
    }
    Ok(checked.summary(credited, is_stated))
}

fn wrong(line: usize, (field, why): Field) -> Wrong {
    Wrong { line, field, why }
}

/// What a line was.
enum Taken {
    Challenge(CheckedChallenge),
    Statement(Box<api::wire::WireDeliveryStatement>),
}

fn begin(header: WireTranscriptHeader) -> Result<Checked, Field> {
    if header.version != TRANSCRIPT_VERSION {
        return Err(field("version", format!("{}, not {TRANSCRIPT_VERSION}", header.version)));
    }
    if header.chain_id != CHAIN_ID {
        return Err(field("chain_id", format!("{}, not {CHAIN_ID}", header.chain_id)));
    }
    if header.lots == 0 || header.interval == 0 || header.intervals == 0 {
        return Err(field("lots, interval, intervals", "one of them is zero"));
    }
    if TRANSCRIPT_INTERVALS_MAX < header.intervals as usize {
        let limit = TRANSCRIPT_INTERVALS_MAX;
        return Err(field("intervals", format!("{}, limit {limit}", header.intervals)));
    }
    let venue = read::hex("venue", &header.venue)?;
    let terms = read::hex("terms", &header.terms)?;
    Ok(Checked {
        venue,
        terms,
        header,
        session_seed: None,
        entries: BTreeMap::new(),
        outages: Vec::new(),
        buyer: None,
        countersigned: 0,
    })
}

impl Checked {
    /// Takes the next line in, once it is right by itself.
    fn take(
        &mut self,
        number: usize,
        line: &WireTranscriptLine,
        after: &str,
    ) -> Result<Option<Taken>, Field> {
        let named = match line {
            WireTranscriptLine::Header(_) => return Err(field("header", "a second one")),
            WireTranscriptLine::Challenge(entry) => &entry.after,
            WireTranscriptLine::Outage(outage) => &outage.after,
            WireTranscriptLine::Countersignature(signed) => &signed.after,
            WireTranscriptLine::Statement(statement) => &statement.after,
        };
        if named != after {
            let why = format!("the line before was written otherwise: it hashes to {after}");
            return Err(field("after", why));
        }
        match line {
            WireTranscriptLine::Header(_) => Ok(None),
            WireTranscriptLine::Challenge(entry) => {
                let (kept, challenge) = entry::check(self, number, entry)?;
                let session = entry.session_seed.as_deref();
                let session = session.map(|text| read::hex("session_seed", text)).transpose()?;
                self.session_seed = Some(session);
                self.entries.insert(entry.number, kept);
                Ok(Some(Taken::Challenge(challenge)))
            }
            WireTranscriptLine::Outage(outage) => self.declare(outage).map(|()| None),
            WireTranscriptLine::Countersignature(signed) => self.countersign(signed).map(|()| None),
            WireTranscriptLine::Statement(statement) => {
                Ok(Some(Taken::Statement(Box::new(statement.clone()))))
            }
        }
    }

    fn declare(&mut self, outage: &WireDeclaredOutage) -> Result<(), Field> {
        let WireDeclaredOutage { from_interval: from, until_interval: until, .. } = *outage;
        if until <= from || self.header.intervals < until {
            return Err(field("until_interval", format!("{until}, from {from}")));
        }
        let begins = u128::from(from) * u128::from(self.header.interval);
        let ahead = u128::from(outage.declared_at) + u128::from(self.header.interval);
        if u128::from(self.header.deliver_from) + begins < ahead {
            return Err(field("declared_at", "less than one interval ahead"));
        }
        self.outages.push((from, until));
        Ok(())
    }

    fn countersign(&mut self, signed: &WireCountersignature) -> Result<(), Field> {
        let obligation = instruments::ObligationId(self.header.obligation_id);
        let kept = self.entries.get_mut(&signed.number);
        let Some(receipt) = kept.and_then(|kept| kept.receipt.as_mut()) else {
            return Err(field(
                "number",
                format!("challenge {} has no receipt here", signed.number),
            ));
        };
        let signer: AddressBytes = read::hex("signer", &signed.signer)?;
        let acceptance = api::io::sign_transcript::ReceiptAcceptance {
            obligation,
            challenge: signed.number,
            receipt: receipt.digest,
        };
        let digest = api::io::sign_transcript::acceptance_digest(&acceptance);
        read::signed_by(&signer, "signature", &signed.signature, digest)?;
        if receipt.is_countersigned {
            return Err(field("number", "countersigned before"));
        }
        if self.buyer.is_some_and(|buyer| buyer != signer) {
            return Err(field("signer", "not the buyer's key of the lines before"));
        }
        receipt.is_countersigned = true;
        self.buyer = Some(signer);
        self.countersigned = self.countersigned.saturating_add(1);
        Ok(())
    }

    /// Receipts in the order of their counts: each names the one before, none is missing, none claims more than its challenge can have given.
    fn check_receipts(&self) -> Result<(), Wrong> {
        let mut chain: BTreeMap<u32, (usize, &KeptReceipt)> = BTreeMap::new();
        for kept in self.entries.values() {
            let Some(receipt) = &kept.receipt else { continue };
            if let Some((other, _)) = chain.insert(receipt.challenges, (kept.line, receipt)) {
                let why = format!("{}, as in line {other}", receipt.challenges);
                return Err(wrong(kept.line, field("claim.challenges", why)));
            }
        }
        let (mut prev, mut claimed) = (Bytes32::default(), 0);
        for (expected, (count, (line, receipt))) in (1..).zip(chain) {
            if count != expected {
                let why = format!("{count}, the next receipt of the chain counts {expected}");
                return Err(wrong(line, field("claim.challenges", why)));
            }
            if receipt.prev != prev {
                return Err(wrong(line, field("claim.prev", "not the receipt before it")));
            }
            if receipt.gpu_millis <= claimed {
                let why = format!("{}, no more than {claimed} before it", receipt.gpu_millis);
                return Err(wrong(line, field("claim.gpu_millis", why)));
            }
            (prev, claimed) = (receipt.digest, receipt.gpu_millis);
        }
        Ok(())
    }

    /// The digest of the newest receipt.
    pub(crate) fn last_receipt(&self) -> Bytes32 {
        let receipts = self.entries.values().filter_map(|kept| kept.receipt.as_ref());
        receipts.max_by_key(|receipt| receipt.challenges).map_or([0; 32], |newest| newest.digest)
    }

    fn summary(self, credited: Credited, is_stated: bool) -> Summary {
        let receipts: Vec<&KeptReceipt> =
            self.entries.values().filter_map(|kept| kept.receipt.as_ref()).collect();
        let newest = receipts.iter().map(|receipt| receipt.challenges).max().unwrap_or(0);
        let is_silent = |receipt: &&&KeptReceipt| {
            !receipt.is_countersigned && receipt.challenges.saturating_add(SILENCE) <= newest
        };
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        Summary {
            challenges: count(self.entries.len()),
            valid: count(
                self.entries.values().filter(|kept| kept.mark.verdict.quality().is_some()).count(),
            ),
            receipts: count(receipts.len()),
            countersigned: self.countersigned,
            accepted_by_silence: count(receipts.iter().filter(is_silent).count()),
            header: self.header,
            credited,
            is_stated,
        }
    }
}
