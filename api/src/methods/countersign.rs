//! The buyer's word on a receipt: a line of the transcript, and nothing else.
//!
//! Nothing waits for it: without one, three later receipts are its acceptance. It is not journaled, because no money moves by it.

use super::Answer;
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::io::sign::{SIGNATURE_LEN, recover_digest};
use crate::io::sign_transcript::{ReceiptAcceptance, acceptance_digest};
use crate::venue::TRANSCRIPT_PAGE_MAX;
use crate::venue::history::ROWS_MAX;
use crate::wire::{
    ErrorCode, Params, WireCountersignature, WireError, WireTranscriptLine, to_result,
};
use crate::{lower, raise};

pub(super) fn countersign(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (obligation, challenge) = (lower::obligation_id(params)?, lower::challenge(params)?);
    let signature: [u8; SIGNATURE_LEN] = params.required_hex("signature")?;
    let exchange = gateway.venue.exchange();
    let delivery = exchange.delivery(obligation);
    let is_buyer = delivery.is_some_and(|delivery| delivery.obligation.buyer == caller.account);
    let nominated = exchange.account(caller.account).and_then(|account| account.signer);
    drop(exchange);
    if !is_buyer {
        let error = WireError::new(ErrorCode::NotFound, "no such obligation of this buyer");
        return Err(error.of("obligation_id"));
    }
    let receipts = gateway.venue.history().receipts(obligation, ROWS_MAX);
    let receipt = receipts.into_iter().find(|record| record.receipt.challenge == challenge);
    let receipt = receipt.ok_or_else(|| {
        WireError::new(ErrorCode::NotFound, "no receipt of that challenge").of("challenge")
    })?;
    let acceptance = ReceiptAcceptance { obligation, challenge, receipt: receipt.digest };
    let digest = acceptance_digest(&acceptance);
    let signer = recover_digest(digest, &signature).map_err(raise::sign_error)?;
    if nominated != Some(signer) {
        let reason = "not signed by the key that the account has nominated";
        return Err(WireError::param("signature", reason));
    }
    check_place(gateway, obligation, challenge)?;
    let line = |after| {
        WireTranscriptLine::Countersignature(WireCountersignature {
            after,
            number: challenge,
            signer: raise::hex(&signer),
            signature: raise::hex(&signature),
        })
    };
    gateway.venue.transcripts().append(obligation, line).map_err(|error| unwritten(&error))?;
    Ok(to_result(&"ok"))
}

/// Whether the challenge is among the newest lines, not countersigned before, and the transcript goes on.
fn check_place(
    gateway: &Gateway,
    obligation: instruments::ObligationId,
    challenge: u32,
) -> Result<(), WireError> {
    let transcripts = gateway.venue.transcripts();
    let total = transcripts.total(obligation).map_err(|error| unwritten(&error))?;
    let (mut from, mut is_there) = (total.saturating_sub(NEWEST), false);
    while from < total {
        let page = transcripts.page(obligation, from, TRANSCRIPT_PAGE_MAX);
        let page = page.map_err(|error| unwritten(&error))?;
        if page.lines.is_empty() {
            break;
        }
        for text in &page.lines {
            from = from.saturating_add(1);
            match serde_json::from_str(text) {
                Ok(WireTranscriptLine::Challenge(entry)) => is_there |= entry.number == challenge,
                Ok(WireTranscriptLine::Countersignature(signed)) if signed.number == challenge => {
                    return Err(WireError::param("challenge", "countersigned before"));
                }
                Ok(WireTranscriptLine::Statement(_)) => {
                    return Err(WireError::param("challenge", "the transcript has ended"));
                }
                Ok(
                    WireTranscriptLine::Header(_)
                    | WireTranscriptLine::Outage(_)
                    | WireTranscriptLine::Countersignature(_),
                )
                | Err(_) => {}
            }
        }
    }
    if is_there {
        return Ok(());
    }
    let reason = format!("not among the newest {NEWEST} lines of the transcript");
    Err(WireError::param("challenge", reason))
}

/// Lines in which a receipt must stand: what is older has been accepted by silence.
const NEWEST: u32 = 64;

fn unwritten(error: &crate::venue::TranscriptError) -> WireError {
    tracing::error!(%error, "a countersignature is not in the transcript");
    WireError::new(ErrorCode::Internal, "the transcript cannot be read or written")
}
