//! Who stands behind others: shares of the default fund, and backstops that bid for portfolios.

use exchange::{Command, OfferedPortfolio};

use super::Answer;
use super::market_data::check_currency;
use super::submit::submit;
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::wire::{Params, WireBackstopAuction, to_result};
use crate::{lower, raise};

/// A method of the default fund or of a backstop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DefaultFund {
    Get,
    Contribute,
    Withdraw,
    RegisterBackstop,
    GetAuctions,
    Bid,
}

pub(super) async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    method: DefaultFund,
    params: &Params,
) -> Answer {
    let account = caller.account;
    match method {
        DefaultFund::Get => Ok(standing(gateway, caller)),
        DefaultFund::GetAuctions => Ok(auctions(gateway, caller)),
        DefaultFund::Contribute => {
            check_currency(params)?;
            let amount = lower::money(params, "amount")?;
            submit(gateway, Command::ContributeDefaultFund { account, amount }).await?;
            Ok(standing(gateway, caller))
        }
        DefaultFund::Withdraw => {
            check_currency(params)?;
            let amount = lower::money(params, "amount")?;
            submit(gateway, Command::WithdrawDefaultFund { account, amount }).await?;
            Ok(standing(gateway, caller))
        }
        DefaultFund::RegisterBackstop => {
            let capacity = lower::money(params, "amount")?;
            submit(gateway, Command::RegisterBackstop { account, capacity }).await?;
            Ok(standing(gateway, caller))
        }
        DefaultFund::Bid => {
            let auction = params.required_integer("auction_id", u64::MAX)?;
            let ask = lower::money(params, "amount")?;
            submit(gateway, Command::BidBackstop { account, auction, ask }).await?;
            Ok(to_result(&"ok"))
        }
    }
}

fn standing(gateway: &Gateway, caller: &Caller) -> Box<serde_json::value::RawValue> {
    let standing = raise::default_standing(&gateway.venue.exchange(), caller.account);
    to_result(&standing)
}

fn auctions(gateway: &Gateway, caller: &Caller) -> Box<serde_json::value::RawValue> {
    let exchange = gateway.venue.exchange();
    let row = |offered: &OfferedPortfolio| raise::backstop_auction(&exchange, offered);
    let auctions: Vec<WireBackstopAuction> =
        exchange.offered_to(caller.account).iter().map(row).collect();
    drop(exchange);
    to_result(&auctions)
}
