//! Physical delivery: what providers and verifiers send.

use exchange::Command;
use rust_decimal::Decimal;

use super::Answer;
use super::submit::submit;
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::io::sign::{SIGNATURE_LEN, receipt_digest, recover_digest};
use crate::venue::history::ROWS_MAX;
use crate::venue::{
    ChallengeTask, OPENINGS_LEN_MAX, ROOTS_MAX, SegmentRoots, TRANSCRIPT_PAGE_MAX, TranscriptPage,
};
use crate::wire::{
    ErrorCode, Params, WireError, WireObligation, WireReceipt, WireTranscriptPage, to_result,
};
use crate::{lower, raise};

/// Bytes of a verdict's reason, which is for the operator's log and the transcript.
pub(crate) const REASON_LEN_MAX: usize = 256;

pub(super) async fn nominate_agent(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let signer = params.required_hex("address")?;
    submit(gateway, Command::NominateAgent { account: caller.account, signer }).await?;
    Ok(to_result(&"ok"))
}

pub(super) fn obligations(gateway: &Gateway, caller: &Caller) -> Answer {
    let exchange = gateway.venue.exchange();
    let mut obligations: Vec<WireObligation> = exchange
        .deliveries()
        .map(|delivery| &delivery.obligation)
        .filter(|obligation| raise::is_party(obligation, caller.account))
        .filter_map(|obligation| raise::obligation(&exchange, obligation, caller.account))
        .collect();
    drop(exchange);
    let tasks = gateway.venue.challenges_of(caller.account);
    for obligation in &mut obligations {
        let own = |task: &&ChallengeTask| task.obligation.0 == obligation.obligation_id;
        obligation.challenge = tasks.iter().filter(own).find_map(raise::challenge);
        let is_awaited = |task: &&ChallengeTask| {
            task.draw_seed.is_some() && !gateway.venue.is_opened(task.obligation, task.challenge)
        };
        obligation.draw = tasks.iter().filter(own).filter(is_awaited).find_map(raise::draw);
    }
    Ok(to_result(&obligations))
}

pub(super) async fn submit_receipt(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let receipt = lower::receipt(params)?;
    let signature: [u8; SIGNATURE_LEN] = params.required_hex("signature")?;
    let digest = receipt_digest(&receipt);
    let signer = recover_digest(digest, &signature).map_err(raise::sign_error)?;
    let command = Command::SubmitReceipt {
        account: caller.account,
        signer,
        digest,
        receipt,
        signature: signature.to_vec(),
    };
    submit(gateway, command).await?;
    Ok(to_result(&Accepted { digest: raise::hex(&digest) }))
}

/// A receipt that was taken.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub(super) struct Accepted {
    /// The hash that was signed.
    digest: String,
}

pub(super) fn open_rows(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (obligation, challenge) = (lower::obligation_id(params)?, lower::challenge(params)?);
    let openings = params.required_object("openings", OPENINGS_LEN_MAX)?;
    gateway
        .venue
        .relay_openings(caller.account, obligation, challenge, openings.get().to_owned())
        .map_err(|error| raise::openings_error(&error))?;
    Ok(to_result(&"ok"))
}

pub(super) fn submit_segment_roots(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (obligation, challenge) = (lower::obligation_id(params)?, lower::challenge(params)?);
    let narrow = |name| {
        let number = params.required_integer(name, u32::MAX.into())?;
        Ok::<_, WireError>(u32::try_from(number).unwrap_or(u32::MAX))
    };
    let (slot, first_segment) = (narrow("slot")?, narrow("first_segment")?);
    let roots = lower::hashes(params, "roots", ROOTS_MAX)?;
    let given = SegmentRoots { slot, first_segment, roots: &roots };
    let taken = gateway
        .venue
        .take_roots(caller.account, (obligation, challenge), given)
        .map_err(|error| raise::roots_error(&error))?;
    Ok(to_result(&raise::salts(&taken)))
}

pub(super) fn transcript(gateway: &Gateway, params: &Params) -> Answer {
    let obligation = lower::obligation_id(params)?;
    let from = params.integer("from", u32::MAX.into())?.unwrap_or(0);
    let limit = u64::try_from(TRANSCRIPT_PAGE_MAX).unwrap_or(u64::MAX);
    let count = params.integer("count", limit)?.unwrap_or(limit);
    let page = gateway.venue.transcripts().page(
        obligation,
        u32::try_from(from).unwrap_or(u32::MAX),
        usize::try_from(count).unwrap_or(TRANSCRIPT_PAGE_MAX),
    );
    let TranscriptPage { lines, total } = page.map_err(|error| {
        tracing::error!(%error, "a transcript cannot be read");
        WireError::new(ErrorCode::Internal, "the transcript cannot be read")
    })?;
    Ok(to_result(&WireTranscriptPage { lines, total }))
}

pub(super) async fn submit_verdict(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (obligation, challenge) = (lower::obligation_id(params)?, lower::challenge(params)?);
    let verdict = lower::verdict(params)?;
    let reason = params.text("reason")?.unwrap_or_default();
    if REASON_LEN_MAX < reason.len() {
        let error = WireError::param("reason", format!("must have at most {REASON_LEN_MAX} bytes"));
        return Err(error.with_limit(Decimal::from(REASON_LEN_MAX)));
    }
    let account = caller.account;
    gateway.venue.note_reason(account, (obligation, challenge), &reason);
    submit(gateway, Command::SubmitVerdict { account, obligation, challenge, verdict }).await?;
    tracing::info!(%obligation, challenge, ?verdict, reason, "verdict recorded");
    Ok(to_result(&"ok"))
}

pub(super) fn receipts(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let obligation = lower::obligation_id(params)?;
    let exchange = gateway.venue.exchange();
    let is_verifier = exchange.account(caller.account).is_some_and(|account| account.is_verifier);
    let may_see = exchange.delivery(obligation).is_some_and(|delivery| {
        is_verifier || raise::is_party(&delivery.obligation, caller.account)
    });
    drop(exchange);
    if !may_see {
        let error = WireError::new(ErrorCode::NotFound, "no such obligation of this account");
        return Err(error.of("obligation_id"));
    }
    let records = gateway.venue.history().receipts(obligation, ROWS_MAX);
    let receipts: Vec<WireReceipt> = records.iter().map(raise::receipt).collect();
    Ok(to_result(&receipts))
}
