//! Lines of transcripts: what was owed, and how each challenge was judged.

use std::sync::Arc;

use exchange::{Exchange, OpenChallenge};
use instruments::{Instrument, Metering, Nanos, ObligationId};
use settlement::{ChallengeOutcome, ChallengeState, FailCause, Obligation, Verdict};

use super::statement::whole_millis;
use super::work::Work;
use super::{DeliveryDesk, DeliveryOptions, VerifierTask};
use crate::io::sign::CHAIN_ID;
use crate::raise::hex;
use crate::venue::history::{History, ReceiptRecord};
use crate::venue::transcript::TranscriptError;
use crate::wire::{
    TRANSCRIPT_VERSION, WireDeclaredOutage, WireMetering, WireTranscriptClaim, WireTranscriptEntry,
    WireTranscriptHeader, WireTranscriptLine,
};

/// Receipts that are looked through for the one of a challenge: it is among the newest, or there is none.
const RECEIPTS_NEWEST: usize = 64;

/// A challenge that is over, with all that is known of it.
pub(super) struct Judged {
    pub(super) place: (ObligationId, u32),
    pub(super) outcome: ChallengeOutcome,
    /// When it was.
    pub(super) at: Nanos,
    /// Its seed and its work.
    pub(super) work: Option<([u8; 32], Work)>,
    /// What verifiers were given.
    pub(super) task: Option<Arc<VerifierTask>>,
    /// It was open when the process before this one ended.
    pub(super) lost: Option<OpenChallenge>,
}

impl Judged {
    /// Writes its line; before the first one that of the obligation.
    pub(super) fn write(
        self,
        desk: &DeliveryDesk,
        exchange: &Exchange,
        history: &History,
    ) -> Result<(), TranscriptError> {
        let (id, number) = self.place;
        let Some(delivery) = exchange.delivery(id) else { return Ok(()) };
        let newest = history.receipts(id, RECEIPTS_NEWEST);
        let receipt = newest.into_iter().find(|record| record.receipt.challenge == number);
        let entry = match (&self.work, &self.lost) {
            (Some((seed, work)), _) => {
                self.of_work((seed, work), receipt.as_ref(), delivery.session_seed, &desk.options)
            }
            (None, Some(open)) => {
                of_lost(exchange, (open, self.at), receipt.as_ref(), &desk.options)
            }
            // Neither demanded by this process nor found open by it: nothing is known.
            (None, None) => return Ok(()),
        };
        begin(desk, exchange, history, id)?;
        desk.transcripts.append(id, |after| {
            WireTranscriptLine::Challenge(WireTranscriptEntry { after, ..entry })
        })
    }

    fn of_work(
        &self,
        (seed, work): (&[u8; 32], &Work),
        receipt: Option<&ReceiptRecord>,
        session_seed: Option<[u8; 32]>,
        options: &DeliveryOptions,
    ) -> WireTranscriptEntry {
        let issued = work.issued;
        let roots = work.roots().iter().map(|slot| hex(slot.as_flattened())).collect();
        WireTranscriptEntry {
            after: String::new(),
            number: self.place.1,
            session: issued.map_or(0, |issued| issued.session),
            profile: options.profile.clone(),
            pool: None,
            slots: work.shape.slots,
            segments: work.shape.segments,
            session_seed: session_seed.map(|seed| hex(&seed)),
            seed: hex(seed),
            salt_key: Some(hex(&work.salt_key())),
            issued_at: issued.map_or(0, |issued| issued.issued_at.nanos()),
            sent_at: work.sent_at().nanos(),
            answer_by: issued.map_or(0, |issued| issued.answer_by.nanos()),
            judged_at: self.at.nanos(),
            roots,
            root_times: work.root_times(),
            claim: receipt.map(claim),
            draw_seed: self.task.as_ref().map(|task| hex(&task.draw_seed)),
            openings: self.task.as_ref().map(|task| task.openings.clone()),
            verdict: verdict_name(self.outcome).to_owned(),
            quality: quality(self.outcome, receipt),
            reason: work.reason.clone(),
        }
    }
}

/// A challenge whose salts and times are gone with the process that had them.
fn of_lost(
    exchange: &Exchange,
    (open, at): (&OpenChallenge, Nanos),
    receipt: Option<&ReceiptRecord>,
    options: &DeliveryOptions,
) -> WireTranscriptEntry {
    let (answer_by, issued_at) = asked_when(exchange, open);
    let shape = options.shape(open.lots);
    WireTranscriptEntry {
        after: String::new(),
        number: open.challenge,
        session: open.session,
        profile: options.profile.clone(),
        pool: None,
        slots: shape.slots,
        segments: shape.segments,
        session_seed: Some(hex(&open.session_seed)),
        seed: hex(&open.seed),
        salt_key: None,
        issued_at: issued_at.nanos(),
        sent_at: issued_at.nanos(),
        answer_by: answer_by.nanos(),
        judged_at: at.nanos(),
        roots: Vec::new(),
        root_times: Vec::new(),
        claim: receipt.map(claim),
        draw_seed: open.draw_seed.map(|seed| hex(&seed)),
        openings: None,
        verdict: verdict_name(ChallengeOutcome::Unknown).to_owned(),
        quality: 0,
        reason: "the venue was started again".to_owned(),
    }
}

/// Until when a challenge must be answered, or had to be, and when it was issued.
pub(super) fn asked_when(exchange: &Exchange, open: &OpenChallenge) -> (Nanos, Nanos) {
    let delivery = exchange.delivery(open.obligation);
    let series = delivery.and_then(|it| exchange.series_by_id(it.obligation.instrument));
    let within = series.map_or(0, |series| series.instrument.schedule.answer_within.nanos());
    let issued_at = open.issued_at;
    let by = Nanos::new(issued_at.nanos().saturating_add(within));
    match open.state {
        ChallengeState::Challenged { answer_by } => (answer_by, issued_at),
        ChallengeState::Claimed { .. } | ChallengeState::Ended(_) => (by, issued_at),
    }
}

fn claim(record: &ReceiptRecord) -> WireTranscriptClaim {
    let claim = &record.receipt;
    WireTranscriptClaim {
        gpu_millis: claim.gpu_millis,
        challenges: claim.challenges,
        work_root: hex(&claim.work_root),
        prev: hex(&claim.prev),
        terms: hex(&claim.terms),
        received_at: record.accepted_at.nanos(),
        signer: hex(&record.signer),
        signature: hex(&record.signature),
        venue_signature: record.countersignature.as_deref().map(hex),
    }
}

const fn verdict_name(outcome: ChallengeOutcome) -> &'static str {
    match outcome {
        ChallengeOutcome::Passed { .. }
        | ChallengeOutcome::Failed { cause: FailCause::BelowGrade } => "valid",
        ChallengeOutcome::Failed {
            cause: FailCause::Silent | FailCause::NotReady | FailCause::Declared,
        } => "silent",
        ChallengeOutcome::Failed { cause: FailCause::Refuted } => "invalid",
        ChallengeOutcome::Unknown => "unverifiable",
    }
}

/// As the verifier has measured it, before the rules of the meter round it.
fn quality(outcome: ChallengeOutcome, receipt: Option<&ReceiptRecord>) -> u32 {
    let measured = match receipt.and_then(|record| record.verdict) {
        Some((_, Verdict::Valid { quality })) => quality.ppm(),
        Some((_, Verdict::Invalid | Verdict::Unverifiable)) | None => 0,
    };
    match outcome {
        ChallengeOutcome::Passed { .. } | ChallengeOutcome::Failed { .. } => {
            u32::try_from(measured).unwrap_or(0)
        }
        ChallengeOutcome::Unknown => 0,
    }
}

fn header(
    duty: &Obligation,
    terms: &Instrument,
    reference: Option<u64>,
    venue: [u8; 20],
) -> WireTranscriptHeader {
    let schedule = &terms.schedule;
    let window = schedule.deliver_until.since(schedule.deliver_from).nanos();
    WireTranscriptHeader {
        version: TRANSCRIPT_VERSION,
        chain_id: CHAIN_ID,
        venue: hex(&venue),
        obligation_id: duty.id.0,
        instrument_name: terms.name.clone(),
        lots: duty.lots.lots(),
        grade: terms.grade.as_str().to_owned(),
        terms: hex(&terms.grade_terms),
        reference_gflops: reference,
        settlement_price: terms.per_hour(duty.settlement_price).micros(),
        deliver_from: schedule.deliver_from.nanos(),
        interval: window.checked_div(u64::from(schedule.intervals)).unwrap_or(0),
        intervals: duty.interval_count(),
        interval_millis: whole_millis(duty, terms),
        metering: match schedule.close_out.metering {
            Metering::Each => WireMetering::Each,
            Metering::Between(between) => WireMetering::Between {
                intervals_per_day: schedule.close_out.intervals_per_day,
                recheck_within: between.recheck_within.nanos(),
                soft_fails_per_day: between.soft_fails_per_day,
                hard_fails_max: between.hard_fails_max,
                silence_max: between.silence_max.nanos(),
            },
        },
    }
}

/// Writes the first line, where there is none yet.
fn begin(
    desk: &DeliveryDesk,
    exchange: &Exchange,
    history: &History,
    id: ObligationId,
) -> Result<(), TranscriptError> {
    let Some(delivery) = exchange.delivery(id) else { return Ok(()) };
    let duty = &delivery.obligation;
    let Some(series) = exchange.series_by_id(duty.instrument) else { return Ok(()) };
    if desk.transcripts.total(id)? != 0 {
        return Ok(());
    }
    let terms = &series.instrument;
    let header = header(duty, terms, desk.reference(terms), history.exchange_address());
    desk.transcripts.append(id, |_| WireTranscriptLine::Header(header))
}

/// Writes down that intervals are declared missing.
pub(super) fn outage(
    desk: &DeliveryDesk,
    (exchange, history): (&Exchange, &History),
    (id, at): (ObligationId, Nanos),
    (from_interval, until_interval): (u32, u32),
) -> Result<(), TranscriptError> {
    begin(desk, exchange, history, id)?;
    desk.transcripts.append(id, |after| {
        let declared_at = at.nanos();
        let outage = WireDeclaredOutage { after, from_interval, until_interval, declared_at };
        WireTranscriptLine::Outage(outage)
    })
}
