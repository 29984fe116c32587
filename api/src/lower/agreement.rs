//! What two parties agreed elsewhere: blocks in Deribit's words, deliveries without the clearing house in ours.

use exchange::{Agreed, Agreement, BlockLeg, Exchange, Reject, SignedAgreement};
use instruments::{AccountId, Nanos, Side};
use serde::Deserialize;

use super::order::{instant, lots_of, price_of};
use super::{combination, obligation_id, series};
use crate::io::sign::{SIGNATURE_LEN, recover_digest};
use crate::io::sign_agreement::agreement_digest;
use crate::raise;
use crate::wire::{Number, Params, WireError, missing};

/// Fields of `private/verify_block_trade`.
pub(crate) const BLOCK_FIELDS: &[&str] =
    &["role", "counterparty", "trades", "reservation", "nonce", "valid_until"];
/// Fields of `private/execute_block_trade`.
pub(crate) const EXECUTE_BLOCK_FIELDS: &[&str] = &[
    "role",
    "counterparty",
    "trades",
    "reservation",
    "nonce",
    "valid_until",
    "signature",
    "counterparty_signature",
];
/// Fields of `private/verify_delivery_agreement`.
pub(crate) const DELIVERY_FIELDS: &[&str] =
    &["role", "counterparty", "instrument_name", "amount", "obligation_id", "nonce", "valid_until"];
/// Fields of `private/execute_delivery_agreement`.
pub(crate) const EXECUTE_DELIVERY_FIELDS: &[&str] = &[
    "role",
    "counterparty",
    "instrument_name",
    "amount",
    "obligation_id",
    "nonce",
    "valid_until",
    "signature",
    "counterparty_signature",
];

/// One trade of a block, as the maker sees it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TradeRow {
    instrument_name: String,
    direction: String,
    amount: Number,
    price: Number,
}

/// A block, or futures in place of a reservation. The maker is the first party.
pub(crate) fn block(
    exchange: &Exchange,
    params: &Params,
    account: AccountId,
) -> Result<Agreement, WireError> {
    let wrong =
        "must be an array of objects with `instrument_name`, `direction`, `amount`, `price`";
    let rows: Vec<TradeRow> = params.value("trades", wrong)?.ok_or_else(|| missing("trades"))?;
    let legs: Result<Vec<BlockLeg>, WireError> =
        rows.iter().map(|row| leg(exchange, row)).collect();
    let has_reservation = params.has("reservation");
    let reservation = has_reservation.then(|| params.required_hex("reservation")).transpose()?;
    let parties = parties(params, account, ["maker", "taker"])?;
    agreement(params, parties, Agreed::Trades { legs: legs?, reservation })
}

fn leg(exchange: &Exchange, row: &TradeRow) -> Result<BlockLeg, WireError> {
    let unknown = || raise::reject(&Reject::UnknownInstrument, None).of("trades");
    let terms = &exchange.series_by_name(&row.instrument_name).ok_or_else(unknown)?.instrument;
    let side = match row.direction.as_str() {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        _ => return Err(WireError::param("trades", "a `direction` is buy or sell")),
    };
    Ok(BlockLeg {
        instrument: terms.id,
        side,
        qty: lots_of(terms, row.amount.0, "amount")?,
        price: price_of(terms, row.price.0, "price")?,
    })
}

/// A delivery without the clearing house: lots of a series that has expired, or the end of an obligation.
pub(crate) fn delivery_agreement(
    exchange: &Exchange,
    params: &Params,
    account: AccountId,
) -> Result<Agreement, WireError> {
    if !params.has("obligation_id") {
        let terms = &series(exchange, params)?.instrument;
        let amount = params.number("amount")?.ok_or_else(|| missing("amount"))?;
        let lots = lots_of(terms, amount, "amount")?;
        let parties = parties(params, account, ["seller", "buyer"])?;
        return agreement(params, parties, Agreed::Match { instrument: terms.id, lots });
    }
    for field in ["role", "counterparty", "instrument_name", "amount"] {
        if params.has(field) {
            return Err(combination(field, "follows from the obligation"));
        }
    }
    let obligation = obligation_id(params)?;
    let unknown = || raise::reject(&Reject::UnknownObligation, None);
    let duty = &exchange.delivery(obligation).ok_or_else(unknown)?.obligation;
    let is_party = raise::is_party(duty, account);
    let parties = is_party.then_some([duty.seller, duty.buyer]).ok_or_else(unknown)?;
    agreement(params, parties, Agreed::Release { obligation })
}

/// The two parties, in the order of their signatures: the caller has one role, its counterparty the other.
fn parties(
    params: &Params,
    account: AccountId,
    roles: [&str; 2],
) -> Result<[AccountId; 2], WireError> {
    let other = AccountId(params.required_integer("counterparty", u64::MAX)?);
    let role = params.required_text("role")?;
    match roles.iter().position(|name| *name == role) {
        Some(0) => Ok([account, other]),
        Some(_) => Ok([other, account]),
        None => Err(WireError::param("role", format!("must be {} or {}", roles[0], roles[1]))),
    }
}

fn agreement(
    params: &Params,
    parties: [AccountId; 2],
    agreed: Agreed,
) -> Result<Agreement, WireError> {
    let nonce = params.required_integer("nonce", u64::MAX)?;
    let valid_until: Nanos =
        instant(params, "valid_until")?.ok_or_else(|| missing("valid_until"))?;
    Ok(Agreement { parties, agreed, nonce, valid_until })
}

/// An agreement of this account with the signatures of both, in the order of the parties.
pub(crate) fn signed(
    params: &Params,
    account: AccountId,
    agreement: Agreement,
) -> Result<SignedAgreement, WireError> {
    let digest = agreement_digest(&agreement);
    let by = |name| {
        let signature: [u8; SIGNATURE_LEN] = params.required_hex(name)?;
        let recovered = recover_digest(digest, &signature);
        let signer = recovered.map_err(|error| raise::sign_error(error).of(name))?;
        Ok::<_, WireError>((signer, signature.to_vec()))
    };
    let (own, other) = (by("signature")?, by("counterparty_signature")?);
    let [first, _] = agreement.parties;
    let (one, two) = if first == account { (own, other) } else { (other, own) };
    let (signers, signatures) = ([one.0, two.0], [one.1, two.1]);
    Ok(SignedAgreement { agreement, digest, signers, signatures })
}
