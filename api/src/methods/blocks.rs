//! Blocks that an account was a party to.

use instruments::AccountId;

use super::Answer;
use super::market_data::{Count, check_currency};
use super::submit::instrument;
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::venue::history::BlockRecord;
use crate::wire::{
    ErrorCode, Params, WireBlockFill, WireBlockTrade, WireBlockTrades, WireError, to_result,
};
use crate::{lower, raise};

/// A question about blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blocks {
    One,
    Newest,
}

pub(super) fn answer(
    gateway: &Gateway,
    caller: &Caller,
    method: Blocks,
    params: &Params,
) -> Answer {
    match method {
        Blocks::One => one(gateway, caller, params),
        Blocks::Newest => newest(gateway, caller, params),
    }
}

/// An account's side of a block.
pub(crate) fn block_of(
    gateway: &Gateway,
    account: AccountId,
    record: &BlockRecord,
) -> Result<WireBlockTrade, WireError> {
    let id = raise::hex(&record.digest);
    let trades: Result<Vec<WireBlockFill>, WireError> = record
        .trades
        .iter()
        .map(|block| {
            let terms = instrument(gateway, block.instrument)?;
            Ok(raise::block_fill(block, account, (&id, record.at), &terms))
        })
        .collect();
    Ok(WireBlockTrade { timestamp: record.at.millis(), trades: trades?, id })
}

fn one(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let digest = params.required_hex("id")?;
    let block = gateway.venue.history().block(digest);
    let own = block.filter(|block| block.parties.contains(&caller.account));
    let unknown = || WireError::new(ErrorCode::NotFound, "no such block of this account").of("id");
    Ok(to_result(&block_of(gateway, caller.account, &own.ok_or_else(unknown)?)?))
}

fn newest(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    check_currency(params)?;
    let count = Count::of_orders(params)?;
    let before = lower::place(params, "continuation")?;
    let history = gateway.venue.history();
    let mut rows = history.blocks_of(caller.account, before, count.and_one_more());
    let has_more = count.cut(&mut rows);
    let continuation = rows.last().map(|(place, _)| raise::place(*place)).filter(|_| has_more);
    let blocks: Result<Vec<WireBlockTrade>, WireError> =
        rows.iter().map(|(_, block)| block_of(gateway, caller.account, block)).collect();
    Ok(to_result(&WireBlockTrades { block_trades: blocks?, continuation }))
}
