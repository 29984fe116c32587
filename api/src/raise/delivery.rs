//! Physical delivery.

use exchange::{CloseOutEvent, Event, Exchange, IntervalOutcome};
use instruments::{AccountId, ObligationId};
use schemars::JsonSchema;
use serde::Serialize;
use settlement::{Acceptance, ChallengeOutcome, FailCause, Obligation, Verdict};

use super::hex;
use crate::venue::history::ReceiptRecord;
use crate::venue::{ChallengeTask, TakenRoots, Venue, VerifierTask};
use crate::wire::{
    Number, WireChallenge, WireDraw, WireMeter, WireObligation, WireReceipt, WireSalts, WireTask,
    to_result,
};

/// A demand for work; `None` once its receipt has come.
pub(crate) fn challenge(task: &ChallengeTask) -> Option<WireChallenge> {
    Some(WireChallenge {
        obligation_id: task.obligation.0,
        number: task.challenge,
        lots: task.lots.lots(),
        slots: task.slots.into(),
        profile: task.profile.clone(),
        segments: task.segments,
        seed: hex(&task.seed),
        session_seed: hex(&task.session_seed),
        salts: task.salts.iter().map(|slot| hex(slot.as_flattened())).collect(),
        answer_by: task.answer_by?.millis(),
        prev: hex(&task.prev),
        gpu_millis: task.gpu_millis,
        challenges: task.challenges,
        terms: hex(&task.terms),
    })
}

/// A demand to open rows; `None` before they are drawn.
pub(crate) fn draw(task: &ChallengeTask) -> Option<WireDraw> {
    Some(WireDraw {
        obligation_id: task.obligation.0,
        challenge: task.challenge,
        draw_seed: hex(&task.draw_seed?),
        work_root: hex(&task.work_root?),
        profile: task.profile.clone(),
        slots: task.slots.into(),
        segments: task.segments,
        seed: hex(&task.seed),
        session_seed: hex(&task.session_seed),
        salt_key: hex(&task.salt_key?),
    })
}

/// Opened rows, for a verifier. `None` when what the agent sent is no longer JSON, which it was when it was taken.
pub(crate) fn task(task: &VerifierTask) -> Option<WireTask> {
    Some(WireTask {
        kind: "openings".to_owned(),
        obligation_id: task.obligation.0,
        challenge: task.challenge,
        slots: task.slots.into(),
        profile: task.profile.clone(),
        segments: task.segments,
        challenge_seed: hex(&task.challenge_seed),
        draw_seed: hex(&task.draw_seed),
        work_root: hex(&task.work_root),
        session_seed: hex(&task.session_seed),
        salt_key: hex(&task.salt_key),
        roots: task.roots.iter().map(|slot| hex(slot.as_flattened())).collect(),
        root_times: task.root_times.clone(),
        claimed_after: task.claimed_after,
        reference_gflops: task.reference,
        openings: serde_json::value::RawValue::from_string(task.openings.clone()).ok()?,
    })
}

/// What an agent gets for its roots.
pub(crate) fn salts(taken: &TakenRoots) -> WireSalts {
    WireSalts {
        first_segment: taken.first_salt,
        salts: taken.salts.iter().map(|salt| hex(salt)).collect(),
        received_at: taken.received_at.millis(),
    }
}

/// An obligation as one of its parties sees it.
pub(crate) fn obligation(
    exchange: &Exchange,
    obligation: &Obligation,
    account: AccountId,
) -> Option<WireObligation> {
    let terms = &exchange.series_by_id(obligation.instrument)?.instrument;
    let is_open = terms.schedule.close_out.accept_from <= exchange.now();
    let acceptance = match obligation.acceptance {
        Acceptance::Accepted => "accepted",
        Acceptance::Lapsed => "lapsed",
        Acceptance::Assigned | Acceptance::SellerReady | Acceptance::BuyerReady if is_open => {
            "open"
        }
        Acceptance::Assigned | Acceptance::SellerReady | Acceptance::BuyerReady => "waiting",
    };
    Some(WireObligation {
        obligation_id: obligation.id.0,
        instrument_name: terms.name.clone(),
        role: if obligation.buyer == account { "buyer" } else { "seller" }.to_owned(),
        acceptance: acceptance.to_owned(),
        lots: obligation.lots.lots(),
        settlement_price: terms.price_to_decimal(obligation.settlement_price).into(),
        state: if obligation.closed { "closed" } else { "open" }.to_owned(),
        intervals: obligation.interval_count(),
        intervals_delivered: obligation.delivered_count,
        intervals_failed: obligation.failed,
        intervals_unverified: obligation.unverified,
        escrow: obligation.escrow.into(),
        bond: obligation.bond.into(),
        paid_to_seller: obligation.paid_to_seller.into(),
        shortfall_paid: obligation.shortfall_paid.into(),
        meter: obligation.meter.as_ref().map(|meter| WireMeter {
            challenges: meter.challenges,
            soft_fails: meter.soft_fails,
            hard_fails: meter.hard_fails,
            credited_gpu_millis: meter.credited_millis,
        }),
        challenge: None,
        draw: None,
    })
}

/// A receipt and what became of it.
pub(crate) fn receipt(record: &ReceiptRecord) -> WireReceipt {
    let claim = &record.receipt;
    WireReceipt {
        obligation_id: claim.obligation.0,
        challenge: claim.challenge,
        gpu_millis: claim.gpu_millis,
        challenges: claim.challenges,
        work_root: hex(&claim.work_root),
        prev: hex(&claim.prev),
        terms: hex(&claim.terms),
        digest: hex(&record.digest),
        signer: hex(&record.signer),
        signature: hex(&record.signature),
        venue_signature: record.countersignature.as_deref().map(hex),
        verdict: record.verdict.map(|(_, verdict)| {
            match verdict {
                Verdict::Valid { .. } => "valid",
                Verdict::Invalid => "invalid",
                Verdict::Unverifiable => "unverifiable",
            }
            .to_owned()
        }),
        outcome: record.outcome.map(|outcome| ended_name(outcome).to_owned()),
        timestamp: record.accepted_at.millis(),
    }
}

const fn ended_name(outcome: ChallengeOutcome) -> &'static str {
    match outcome {
        ChallengeOutcome::Passed { .. } => "passed",
        ChallengeOutcome::Failed { .. } => "failed",
        ChallengeOutcome::Unknown => "unknown",
    }
}

const fn outcome_name(outcome: IntervalOutcome) -> &'static str {
    match outcome {
        IntervalOutcome::Delivered { .. } => "delivered",
        IntervalOutcome::Failed { .. } => "failed",
        IntervalOutcome::Unverified => "unverified",
    }
}

/// A message of the `user.delivery` channel, told apart by `type`.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(rename = "DeliveryMessage")]
pub(crate) enum Message {
    /// An obligation begins.
    Assigned(WireObligation),
    /// An interval begins.
    IntervalOpened {
        /// Which obligation.
        obligation_id: u64,
        /// Which interval, from 0.
        interval: u32,
    },
    /// Work is demanded.
    Challenge(WireChallenge),
    /// Rows are demanded.
    Draw(WireDraw),
    /// A challenge has ended.
    Judged(Judged),
    /// The buyer may accept.
    AcceptanceOpened {
        /// Which obligation.
        obligation_id: u64,
    },
    /// Another provider stands in.
    StoodIn(WireObligation),
    /// An interval has ended.
    Settled(Settled),
    /// An hour has ended.
    Hour(Hour),
    /// A bill.
    Invoice(Invoice),
    /// An obligation has ended.
    Closed(WireObligation),
}

/// How a challenge ended.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChallengeJudged")]
pub(crate) struct Judged {
    /// Which obligation.
    obligation_id: u64,
    /// Which challenge, from 0.
    challenge: u32,
    /// How it ended.
    outcome: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    /// Share of the grade.
    #[serde(skip_serializing_if = "Option::is_none")]
    quality: Option<Number>,
}

/// How an interval ended, and its money in dollars.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "IntervalSettled")]
pub(crate) struct Settled {
    /// Which obligation.
    obligation_id: u64,
    /// Which interval, from 0.
    interval: u32,
    /// How it ended.
    outcome: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    /// Share of the grade.
    #[serde(skip_serializing_if = "Option::is_none")]
    quality: Option<Number>,
    /// To the seller.
    paid: Number,
    /// To the buyer.
    returned_to_buyer: Number,
}

/// What was missing of an hour, and what that costs, in dollars.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HourBilled")]
pub(crate) struct Hour {
    /// Which obligation.
    obligation_id: u64,
    /// Which hour, from 0.
    hour: u32,
    /// GPU-seconds that were not delivered.
    missing_gpu_seconds: u64,
    /// Of those, what the terms tolerate.
    tolerated_gpu_seconds: u64,
    /// Of those, what others delivered.
    stood_in_gpu_seconds: u64,
    /// What an hour elsewhere costs, in dollars per GPU-hour.
    replacement_price: Number,
    /// To the buyer for what was missing.
    compensation: Number,
    /// From the seller beyond that.
    penalty: Number,
    /// What the bond did not cover.
    unpaid: Number,
    /// What the seller got back of its bond.
    bond_released: Number,
}

/// What has come of an obligation since its last invoice, in dollars.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Invoice {
    /// Which obligation.
    obligation_id: u64,
    /// Its number, from 1.
    number: u32,
    /// GPU-seconds that were delivered.
    delivered_gpu_seconds: u64,
    /// GPU-seconds that were not delivered.
    missing_gpu_seconds: u64,
    /// To the seller.
    paid_to_seller: Number,
    /// To those who stood in.
    paid_to_stand_ins: Number,
    /// To the buyer.
    returned_to_buyer: Number,
    /// To the buyer for what was missing.
    compensation: Number,
    /// From the seller beyond that.
    penalty: Number,
    /// What the bond did not cover.
    unpaid: Number,
}

/// Whether an account is the seller, the buyer, or stands in for the seller now or did.
pub(crate) fn is_party(obligation: &Obligation, account: AccountId) -> bool {
    let stands_in = obligation.stand_ins.iter().any(|it| it.provider == account);
    obligation.seller == account || obligation.buyer == account || stands_in
}

/// What one event tells one account on `user.delivery`: demands go to the seller, results to both.
pub(crate) fn delivery_message(
    venue: &Venue,
    account: AccountId,
    event: &Event,
) -> Option<Box<serde_json::value::RawValue>> {
    message(venue, account, event).map(|message| to_result(&message))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not about delivery tells nothing here")]
fn message(venue: &Venue, account: AccountId, event: &Event) -> Option<Message> {
    let seen = |id: ObligationId| {
        let exchange = venue.exchange();
        let obligation = &exchange.delivery(id)?.obligation;
        is_party(obligation, account).then(|| self::obligation(&exchange, obligation, account))?
    };
    let is_seller = |id: ObligationId| seen(id).is_some_and(|seen| seen.role == "seller");
    match event {
        Event::ObligationAssigned { obligation, .. } => seen(*obligation).map(Message::Assigned),
        Event::ObligationClosed { obligation, .. } | Event::BuyerDefaulted { obligation, .. } => {
            seen(*obligation).map(Message::Closed)
        }
        Event::IntervalOpened { obligation, interval } => {
            is_seller(*obligation).then_some(Message::IntervalOpened {
                obligation_id: obligation.0,
                interval: *interval,
            })
        }
        Event::ChallengeIssued { obligation, challenge: number, seller, .. }
            if *seller == account =>
        {
            let task = venue.challenge(*obligation, *number)?;
            challenge(&task).map(Message::Challenge)
        }
        Event::RowsDrawn { obligation, challenge: number, seller, .. } if *seller == account => {
            draw(&venue.challenge(*obligation, *number)?).map(Message::Draw)
        }
        Event::ChallengeEnded { obligation, challenge, outcome } => {
            seen(*obligation)?;
            Some(Message::Judged(judged(*obligation, *challenge, *outcome)))
        }
        Event::IntervalSettled(settled) => {
            seen(settled.obligation)?;
            let (cause, quality) = match settled.outcome {
                IntervalOutcome::Delivered { quality, .. } => (None, Some(quality.into())),
                IntervalOutcome::Failed { cause, .. } => (Some(cause_name(cause)), None),
                IntervalOutcome::Unverified => (None, None),
            };
            Some(Message::Settled(Settled {
                obligation_id: settled.obligation.0,
                interval: settled.interval,
                outcome: outcome_name(settled.outcome),
                cause,
                quality,
                paid: settled.paid.into(),
                returned_to_buyer: settled.returned_to_buyer.into(),
            }))
        }
        Event::CloseOut(event) => close_out_message(event, seen),
        _ => None,
    }
}

fn judged(obligation: ObligationId, challenge: u32, outcome: ChallengeOutcome) -> Judged {
    let (cause, quality) = match outcome {
        ChallengeOutcome::Passed { quality } => (None, Some(quality.into())),
        ChallengeOutcome::Failed { cause } => (Some(cause_name(cause)), None),
        ChallengeOutcome::Unknown => (None, None),
    };
    let outcome = ended_name(outcome);
    Judged { obligation_id: obligation.0, challenge, outcome, cause, quality }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the rest tells parties nothing here")]
fn close_out_message(
    event: &CloseOutEvent,
    seen: impl Fn(ObligationId) -> Option<WireObligation>,
) -> Option<Message> {
    match event {
        CloseOutEvent::AcceptanceOpened { obligation } => {
            seen(*obligation)?;
            Some(Message::AcceptanceOpened { obligation_id: obligation.0 })
        }
        CloseOutEvent::StandbyCalled { obligation, .. } => seen(*obligation).map(Message::StoodIn),
        CloseOutEvent::HourSettled(event) => {
            seen(event.obligation)?;
            Some(Message::Hour(hour(event)))
        }
        CloseOutEvent::Invoiced(told) => {
            seen(told.obligation)?;
            Some(Message::Invoice(invoice(told)))
        }
        _ => None,
    }
}

fn hour(event: &exchange::HourSettled) -> Hour {
    let settled = &event.settled;
    Hour {
        obligation_id: event.obligation.0,
        hour: event.hour,
        missing_gpu_seconds: settled.missing.seconds(),
        tolerated_gpu_seconds: settled.tolerated.seconds(),
        stood_in_gpu_seconds: settled.stood_in.seconds(),
        replacement_price: event.replacement.into(),
        compensation: settled.compensation.into(),
        penalty: settled.penalty.into(),
        unpaid: settled.unpaid.into(),
        bond_released: settled.bond_released.into(),
    }
}

fn invoice(told: &settlement::Invoice) -> Invoice {
    let since = &told.since;
    Invoice {
        obligation_id: told.obligation.0,
        number: told.number,
        delivered_gpu_seconds: since.delivered.seconds(),
        missing_gpu_seconds: since.missed.seconds(),
        paid_to_seller: since.paid_to_seller.into(),
        paid_to_stand_ins: since.paid_to_stand_ins.into(),
        returned_to_buyer: since.returned_to_buyer.into(),
        compensation: since.compensation.into(),
        penalty: since.penalty.into(),
        unpaid: since.unpaid.into(),
    }
}

const fn cause_name(cause: FailCause) -> &'static str {
    match cause {
        FailCause::Silent => "silent",
        FailCause::Refuted => "refuted",
        FailCause::BelowGrade => "below_grade",
        FailCause::NotReady => "not_ready",
        FailCause::Declared => "declared",
    }
}
