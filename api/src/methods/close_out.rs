//! What parties say between the last trade and the close, beside delivering.

use exchange::{Command, Node};
use instruments::Qty;

use super::Answer;
use super::submit::submit;
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::lower;
use crate::wire::{Params, WireError, to_result};

/// A method of a delivery's parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseOut {
    AcceptDelivery,
    JudgeBurnIn,
    DeclareOutage,
    Substitute,
    OfferStandby,
    DisputeInvoice,
}

pub(super) async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    method: CloseOut,
    params: &Params,
) -> Answer {
    match method {
        CloseOut::AcceptDelivery => accept(gateway, caller, params).await,
        CloseOut::JudgeBurnIn => judge_burn_in(gateway, caller, params).await,
        CloseOut::DeclareOutage => declare_outage(gateway, caller, params).await,
        CloseOut::Substitute => substitute(gateway, caller, params).await,
        CloseOut::OfferStandby => offer_standby(gateway, caller, params).await,
        CloseOut::DisputeInvoice => dispute_invoice(gateway, caller, params).await,
    }
}

async fn accept(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (account, obligation) = (caller.account, lower::obligation_id(params)?);
    submit(gateway, Command::AcceptDelivery { account, obligation }).await?;
    Ok(to_result(&"ok"))
}

async fn judge_burn_in(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (account, obligation) = (caller.account, lower::obligation_id(params)?);
    let verdict = lower::verdict(params)?;
    submit(gateway, Command::JudgeBurnIn { account, obligation, verdict }).await?;
    Ok(to_result(&"ok"))
}

async fn declare_outage(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (account, obligation) = (caller.account, lower::obligation_id(params)?);
    let (from, until) = (lower::narrow(params, "from")?, lower::narrow(params, "until")?);
    submit(gateway, Command::DeclareOutage { account, obligation, from, until }).await?;
    Ok(to_result(&"ok"))
}

async fn substitute(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (account, obligation) = (caller.account, lower::obligation_id(params)?);
    let (grade, nodes) = (lower::grade(params)?, nodes(params)?);
    submit(gateway, Command::Substitute { account, obligation, grade, nodes }).await?;
    Ok(to_result(&"ok"))
}

async fn offer_standby(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let account = caller.account;
    let gpus = Qty::from_lots(params.required_integer("amount", u64::MAX)?);
    let fee = lower::money(params, "fee")?;
    let grade = lower::grade(params)?;
    submit(gateway, Command::OfferStandby { account, grade, gpus, fee }).await?;
    Ok(to_result(&"ok"))
}

async fn dispute_invoice(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (account, obligation) = (caller.account, lower::obligation_id(params)?);
    submit(gateway, Command::DisputeInvoice { account, obligation }).await?;
    Ok(to_result(&"ok"))
}

/// Machines as `NAME` or `NAME=DIGEST`, the digest 32 bytes in hexadecimal.
fn nodes(params: &Params) -> Result<Vec<Node>, WireError> {
    let wrong =
        || WireError::param("nodes", "must be NAME or NAME=DIGEST, 32 bytes in hexadecimal");
    let node = |text: String| {
        let (name, digits) = text.split_once('=').unwrap_or((&text, ""));
        let mut digest = [0; 32];
        if !digits.is_empty() {
            hex::decode_to_slice(digits, &mut digest).map_err(|_digits| wrong())?;
        }
        Ok(Node { name: name.to_owned(), digest })
    };
    params.required_texts("nodes")?.into_iter().map(node).collect()
}
