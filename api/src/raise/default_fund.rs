//! Who stands behind others.

use exchange::{Exchange, OfferedPortfolio};
use instruments::AccountId;
use rust_decimal::Decimal;
use settlement::Bucket;

use super::CURRENCY;
use crate::wire::{Number, WireBackstopAuction, WireDefaultStanding, WireOfferedPosition};

/// What an account stands for beside its own positions.
pub(crate) fn default_standing(exchange: &Exchange, account: AccountId) -> WireDefaultStanding {
    let capacity = exchange.defaults().backstops.get(&account).copied();
    WireDefaultStanding {
        currency: CURRENCY.to_owned(),
        default_fund_share: exchange.ledger().balance(Bucket::DefaultFundShare(account)).into(),
        notice_until: exchange.notice_until(account).map(|until| until.millis()),
        backstop_capacity: capacity.unwrap_or_default().into(),
    }
}

/// A portfolio on offer.
pub(crate) fn backstop_auction(
    exchange: &Exchange,
    offered: &OfferedPortfolio,
) -> WireBackstopAuction {
    let rows = offered.holdings.iter().filter_map(|(id, net, mark)| {
        let terms = &exchange.series_by_id(*id)?.instrument;
        Some(WireOfferedPosition {
            instrument_name: terms.name.clone(),
            size: Number(Decimal::from(net.lots())),
            mark_price: terms.price_to_decimal(*mark).into(),
        })
    });
    WireBackstopAuction {
        auction_id: offered.auction,
        until: offered.until.millis(),
        notional: dollars(offered.notional),
        premiums: dollars(offered.premiums),
        positions: rows.collect(),
        own_bid: offered.own_ask.map(Number::from),
    }
}

/// A sum of micro-dollars that no ledger holds. Beyond 28 digits it is the largest number that is written.
fn dollars(micros: i128) -> Number {
    let largest = if micros < 0 { Decimal::MIN } else { Decimal::MAX };
    Number(Decimal::try_from_i128_with_scale(micros, 6).unwrap_or(largest))
}
