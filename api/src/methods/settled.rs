//! At which prices series were settled, and who bore what a loser could not pay.

use instruments::AccountId;

use super::Answer;
use super::market_data::{Count, check_currency};
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::venue::history::Place;
use crate::wire::{
    ErrorCode, Params, WireError, WireSettlement, WireSettlements, WireSplitShare, WireSplits,
    missing, to_result,
};
use crate::{lower, raise};

pub(super) fn last_settlements(gateway: &Gateway, params: &Params) -> Answer {
    let count = Count::of_rows(params)?;
    let is_last = match lower::settlement_type(params)? {
        None => None,
        Some("settlement") => Some(false),
        Some("delivery") => Some(true),
        Some(_) => {
            lower::series(&gateway.venue.exchange(), params)?;
            let (settlements, continuation) = (Vec::new(), None);
            return Ok(to_result(&WireSettlements { settlements, continuation }));
        }
    };
    let until = lower::search_start(params)?;
    let before = lower::place(params, "continuation")?;
    let terms = lower::series(&gateway.venue.exchange(), params)?.instrument.clone();
    let history = gateway.venue.history();
    let mut rows = history.settlements(terms.id, is_last, before, count.and_one_more());
    let has_more = count.cut(&mut rows);
    let last = rows.last().map(|(place, _)| raise::place(*place));
    // Of a page, what is asked for: the page after it goes on where it ends.
    let early = rows.iter().filter(|(_, record)| record.at <= until);
    let settlements: Vec<WireSettlement> =
        early.map(|(_, record)| raise::settlement(record, &terms)).collect();
    Ok(to_result(&WireSettlements { settlements, continuation: last.filter(|_| has_more) }))
}

pub(super) fn splits(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    check_currency(params)?;
    let count = Count::of_rows(params)?;
    let before = lower::place(params, "continuation")?;
    let history = gateway.venue.history();
    let mut rows = history.split_lines(caller.account, before, count.and_one_more());
    let has_more = count.cut(&mut rows);
    let last = rows.last().map(|(place, _)| raise::place(*place));
    let exchange = gateway.venue.exchange();
    let row = |(place, record)| raise::split_share(&exchange, place, &record);
    let splits: Vec<WireSplitShare> = rows.into_iter().map(row).collect();
    drop(exchange);
    Ok(to_result(&WireSplits { splits, continuation: last.filter(|_| has_more) }))
}

pub(super) fn split(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let split = lower::place(params, "split_id")?.ok_or_else(|| missing("split_id"))?;
    let page = params.integer("page", u32::MAX.into())?;
    let page = page.and_then(|page| u32::try_from(page).ok());
    let own = own_page(gateway, caller.account, split)?;
    let record = gateway.venue.history().split_page(split, page.unwrap_or(own));
    let record = record.ok_or_else(|| {
        WireError::new(ErrorCode::NotFound, "the split has no such page").of("page")
    })?;
    Ok(to_result(&raise::split_page(&gateway.venue.exchange(), split, &record)))
}

/// The page on which an account stands. Whoever stands on none has nothing to check.
fn own_page(gateway: &Gateway, account: AccountId, split: Place) -> Result<u32, WireError> {
    let line = gateway.venue.history().split_line(account, split);
    line.map(|line| line.page).ok_or_else(|| {
        let reason = "no such split in which the account has a line";
        WireError::new(ErrorCode::NotFound, reason).of("split_id")
    })
}
