//! Credits the exchange's own money to one of the buckets that bear losses. On a test venue only, as all money that a command makes.

use instruments::MicroUsd;
use settlement::Bucket;

use crate::Exchange;
use crate::limits::{DEPOSIT_MAX, DEPOSITS_MAX, EQUITY_MAX};
use crate::reject::Reject;

impl Exchange {
    pub(crate) fn fund_house(&mut self, bucket: Bucket, amount: MicroUsd) -> Result<(), Reject> {
        if !self.is_testnet() {
            return Err(Reject::TestMoneyClosed);
        }
        if !matches!(bucket, Bucket::FirstLoss | Bucket::Insurance | Bucket::DefaultFund) {
            return Err(Reject::NotAHouseFund);
        }
        if amount <= MicroUsd::ZERO || DEPOSIT_MAX < amount {
            return Err(Reject::DepositOutOfRange { limit: DEPOSIT_MAX });
        }
        let owed_to_all = -self.ledger.balance(Bucket::Custody);
        if EQUITY_MAX < self.ledger.balance(bucket) + amount || DEPOSITS_MAX < owed_to_all + amount
        {
            return Err(Reject::EquityOutOfRange { limit: EQUITY_MAX });
        }

        // From here on nothing can fail.
        let moved = self.ledger.transfer(Bucket::Custody, bucket, amount);
        assert!(moved.is_ok(), "custody may go below zero");
        Ok(())
    }
}
