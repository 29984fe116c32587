//! The last line of a transcript: what was credited, signed by the venue.

use exchange::Exchange;
use instruments::{Instrument, ObligationId};
use settlement::{IntervalState, Obligation};

use super::DeliveryDesk;
use crate::io::sign_transcript::{DeliveryStatement, statement_digest};
use crate::raise;
use crate::venue::key::VenueKey;
use crate::venue::transcript::{TRANSCRIPT_PAGE_MAX, TranscriptError};
use crate::wire::{WireDeliveryStatement, WireTranscriptEntry, WireTranscriptLine};

/// Below this an answer fails, in millionths: DELIV-006.
const FLOOR: u32 = 900_000;

/// What the lines of a transcript come to.
#[derive(Default)]
struct Counted {
    challenges: u32,
    hard_fails: u32,
    is_stated: bool,
}

impl DeliveryDesk {
    /// Writes the statement of an obligation whose last interval has ended; whether there was anything to write.
    pub(super) fn state(
        &self,
        exchange: &Exchange,
        key: &VenueKey,
        id: ObligationId,
    ) -> Result<bool, TranscriptError> {
        let Some(delivery) = exchange.delivery(id) else { return Ok(false) };
        let duty = &delivery.obligation;
        let Some(series) = exchange.series_by_id(duty.instrument) else { return Ok(false) };
        let is_over = duty.ended == duty.interval_count() || duty.closed;
        if !is_over || delivery.open_challenges().next().is_some() {
            return Ok(false);
        }
        let counted = self.counted(id)?;
        if counted.challenges == 0 || counted.is_stated {
            return Ok(false);
        }
        let credited = credited(duty, &series.instrument);
        let gpu_millis = credited.iter().fold(0_u64, |sum, part| sum.saturating_add(*part));
        let Counted { challenges, hard_fails, .. } = counted;
        let last_receipt = duty.last_receipt;
        // Where every challenge judges its own interval, no failure is a soft one.
        let (soft_fails, hard_fails) = match &duty.meter {
            Some(meter) => (meter.soft_fails, meter.hard_fails),
            None => (0, hard_fails),
        };
        self.transcripts.append(id, |after| {
            let statement = DeliveryStatement {
                obligation: id,
                challenges,
                credited,
                gpu_millis,
                soft_fails,
                hard_fails,
                last_receipt,
                transcript: bytes_of(&after),
            };
            let signature = key.countersign(statement_digest(&statement));
            WireTranscriptLine::Statement(WireDeliveryStatement {
                after,
                challenges,
                credited: statement.credited,
                gpu_millis,
                soft_fails,
                hard_fails,
                last_receipt: raise::hex(&last_receipt),
                venue_signature: raise::hex(&signature),
            })
        })?;
        Ok(true)
    }

    fn counted(&self, id: ObligationId) -> Result<Counted, TranscriptError> {
        let (mut counted, mut from) = (Counted::default(), 0);
        loop {
            let page = self.transcripts.page(id, from, TRANSCRIPT_PAGE_MAX)?;
            if page.lines.is_empty() {
                return Ok(counted);
            }
            for line in &page.lines {
                from = from.saturating_add(1);
                match serde_json::from_str(line) {
                    Ok(WireTranscriptLine::Challenge(entry)) => {
                        counted.challenges = counted.challenges.saturating_add(1);
                        let failed = u32::from(has_failed(&entry));
                        counted.hard_fails = counted.hard_fails.saturating_add(failed);
                    }
                    Ok(WireTranscriptLine::Statement(_)) => counted.is_stated = true,
                    Ok(
                        WireTranscriptLine::Header(_)
                        | WireTranscriptLine::Outage(_)
                        | WireTranscriptLine::Countersignature(_),
                    )
                    | Err(_) => {}
                }
            }
        }
    }
}

/// The bytes of our own hash of a line, which always are 32.
fn bytes_of(hash: &str) -> [u8; 32] {
    let bytes = hex::decode(hash.trim_start_matches("0x")).unwrap_or_default();
    bytes.try_into().unwrap_or_default()
}

fn has_failed(entry: &WireTranscriptEntry) -> bool {
    match entry.verdict.as_str() {
        "valid" => entry.quality < FLOOR,
        "invalid" | "silent" => true,
        _ => false,
    }
}

/// GPU-milliseconds of each interval, rounded down.
fn credited(duty: &Obligation, terms: &Instrument) -> Vec<u64> {
    let whole = whole_millis(duty, terms);
    let of = |state: &IntervalState| match state {
        IntervalState::Delivered { quality, .. } => {
            let parts = u128::from(quality.ppm().unsigned_abs());
            let millis = u128::from(whole).saturating_mul(parts) / 1_000_000;
            u64::try_from(millis).unwrap_or(u64::MAX)
        }
        IntervalState::Pending
        | IntervalState::Open
        | IntervalState::Challenged { .. }
        | IntervalState::Claimed { .. }
        | IntervalState::Failed { .. }
        | IntervalState::Unverified => 0,
    };
    duty.intervals.iter().map(of).collect()
}

/// What a whole interval counts.
pub(super) fn whole_millis(duty: &Obligation, terms: &Instrument) -> u64 {
    duty.interval_compute(terms).seconds().saturating_mul(1_000)
}
