//! What two parties agree elsewhere and both sign: blocks, futures in place of reservations, deliveries without the clearing house.

use exchange::{Agreement, Command, Event};

use super::Answer;
use super::submit::{instrument, submit};
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::wire::{Params, WireBlockFill, WireBlockTrade, WireError, to_result};
use crate::{lower, raise};

/// A method of what is agreed elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agreements {
    RegisterTradingKey,
    VerifyBlock,
    ExecuteBlock,
    VerifyDelivery,
    ExecuteDelivery,
}

pub(super) async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    method: Agreements,
    params: &Params,
) -> Answer {
    match method {
        Agreements::RegisterTradingKey => {
            let (account, key) = (caller.account, params.required_hex("address")?);
            submit(gateway, Command::RegisterTradingKey { account, key }).await?;
            Ok(to_result(&"ok"))
        }
        Agreements::VerifyBlock => Ok(to_result(&raise::to_sign(&block(gateway, caller, params)?))),
        Agreements::ExecuteBlock => {
            let agreement = block(gateway, caller, params)?;
            Ok(to_result(&execute(gateway, caller, params, agreement).await?))
        }
        Agreements::VerifyDelivery => {
            Ok(to_result(&raise::to_sign(&delivery(gateway, caller, params)?)))
        }
        Agreements::ExecuteDelivery => {
            let agreement = delivery(gateway, caller, params)?;
            execute(gateway, caller, params, agreement).await?;
            Ok(to_result(&"ok"))
        }
    }
}

fn block(gateway: &Gateway, caller: &Caller, params: &Params) -> Result<Agreement, WireError> {
    lower::block(&gateway.venue.exchange(), params, caller.account)
}

fn delivery(gateway: &Gateway, caller: &Caller, params: &Params) -> Result<Agreement, WireError> {
    lower::delivery_agreement(&gateway.venue.exchange(), params, caller.account)
}

async fn execute(
    gateway: &Gateway,
    caller: &Caller,
    params: &Params,
    agreement: Agreement,
) -> Result<WireBlockTrade, WireError> {
    let account = caller.account;
    let signed = lower::signed(params, account, agreement)?;
    let id = raise::hex(&signed.digest);
    let command = Command::SubmitAgreement { account, signed: Box::new(signed) };
    let outcome = submit(gateway, command).await?;
    let blocks = outcome
        .events
        .iter()
        .filter_map(|event| if let Event::BlockTraded(block) = event { Some(block) } else { None });
    let fills: Result<Vec<WireBlockFill>, WireError> = blocks
        .map(|block| {
            let terms = instrument(gateway, block.instrument)?;
            Ok(raise::block_fill(block, account, (&id, outcome.at), &terms))
        })
        .collect();
    let trades = fills?;
    Ok(WireBlockTrade { id, timestamp: outcome.at.millis(), trades })
}
