//! Refusals of claims against a settlement price.

use exchange::FixingReject;

use super::count;
use crate::wire::{ErrorCode, WireError};

pub(super) fn fixing(reject: &FixingReject) -> WireError {
    let other = |reason: &str| WireError::new(ErrorCode::OtherReject, reason);
    match reject {
        FixingReject::NotOpen => other("the settlement price is not open to disputes"),
        FixingReject::NoPartition { limit } => {
            let reason = "is beyond the last partition of the fixing";
            WireError::param("partition", reason).with_limit(count(*limit))
        }
        FixingReject::Disputed => other("the partition is disputed already"),
        FixingReject::OneClaim => other("the account has an open claim in this series"),
        FixingReject::NoChange => {
            WireError::param("value", "changes nothing, or leaves too little for a fixing")
        }
        FixingReject::NoBond { required, available } => {
            let error = WireError::new(ErrorCode::NotEnoughFunds, "a claim needs a bond");
            error.with_funds((*required).into(), (*available).into())
        }
        FixingReject::NotDisputed => other("the partition is not disputed"),
    }
}
