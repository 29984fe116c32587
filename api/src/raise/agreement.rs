//! What two parties agreed elsewhere.

use exchange::{Agreement, BlockTraded};
use instruments::{AccountId, Instrument, Nanos, Side};

use super::{CURRENCY, direction, hex};
use crate::io::sign_agreement::{agreement_digest, typed_data};
use crate::wire::{Number, WireBlockFill, WireToSign};

/// What both parties sign.
pub(crate) fn to_sign(agreement: &Agreement) -> WireToSign {
    WireToSign {
        digest: hex(&agreement_digest(agreement)),
        parties: agreement.parties.map(|party| party.0),
        typed_data: typed_data(agreement),
    }
}

/// An account's side of a trade of the block that is called `id`.
pub(crate) fn block_fill(
    block: &BlockTraded,
    account: AccountId,
    (id, at): (&str, Nanos),
    terms: &Instrument,
) -> WireBlockFill {
    let is_buyer = block.buyer.account == account;
    let (side, fill) = if is_buyer { (Side::Buy, block.buyer) } else { (Side::Sell, block.seller) };
    WireBlockFill {
        trade_id: block.trade.to_string(),
        trade_seq: block.trade_seq,
        block_trade_id: id.to_owned(),
        instrument_name: terms.name.clone(),
        timestamp: at.millis(),
        direction: direction(side).to_owned(),
        price: terms.price_to_decimal(block.price).into(),
        amount: block.qty.into(),
        mark_price: terms.price_to_decimal(block.mark).into(),
        index_price: block.index.map(Number::from),
        fee: fill.fee.into(),
        fee_currency: CURRENCY.to_owned(),
    }
}
