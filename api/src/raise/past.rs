//! What an account asks about its past.

use instruments::Instrument;
use rust_decimal::Decimal;

use super::CURRENCY;
use crate::venue::history::{TransferRecord, UserSettlement, UserSettlementRecord};
use crate::wire::{Number, WireCashMovement, WireUserSettlement};

/// Money that came from outside, or went there.
pub(crate) fn cash_movement(record: &TransferRecord, is_deposit: bool) -> WireCashMovement {
    let (id, at) = (record.transfer.id.0, record.at.millis());
    WireCashMovement {
        id,
        currency: CURRENCY.to_owned(),
        amount: record.transfer.amount.into(),
        state: "completed".to_owned(),
        transaction_id: id.to_string(),
        received_timestamp: is_deposit.then_some(at),
        created_timestamp: (!is_deposit).then_some(at),
        updated_timestamp: at,
        fee: (!is_deposit).then(Number::default),
    }
}

/// What a settlement of a series did to an account.
pub(crate) fn user_settlement(
    record: &UserSettlementRecord,
    terms: &Instrument,
) -> WireUserSettlement {
    let (kind, due, position) = match record.what {
        UserSettlement::Variation(amount) => ("settlement", Some(Number::from(amount)), None),
        UserSettlement::Closed(net) => ("delivery", None, Some(Decimal::from(net.lots()).into())),
    };
    WireUserSettlement {
        kind: kind.to_owned(),
        timestamp: record.at.millis(),
        instrument_name: terms.name.clone(),
        mark_price: record.price.map(|price| terms.price_to_decimal(price).into()),
        session_profit_loss: due,
        profit_loss: due,
        position,
    }
}
