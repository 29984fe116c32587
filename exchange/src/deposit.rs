//! Credits test money.

use instruments::{AccountId, MicroUsd};
use settlement::Bucket;

use crate::Exchange;
use crate::limits::{DEPOSIT_MAX, DEPOSITS_MAX, EQUITY_MAX};
use crate::reject::Reject;

impl Exchange {
    pub(crate) fn deposit(&mut self, account: AccountId, amount: MicroUsd) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        if !self.is_testnet() {
            return Err(Reject::TestMoneyClosed);
        }
        if amount <= MicroUsd::ZERO || DEPOSIT_MAX < amount {
            return Err(Reject::DepositOutOfRange { limit: DEPOSIT_MAX });
        }
        let owed_to_all = -self.ledger.balance(Bucket::Custody);
        if EQUITY_MAX < self.ledger.equity(account) + amount || DEPOSITS_MAX < owed_to_all + amount
        {
            return Err(Reject::EquityOutOfRange { limit: EQUITY_MAX });
        }

        // From here on nothing can fail.
        let moved = self.ledger.transfer(Bucket::Custody, Bucket::Cash(account), amount);
        assert!(moved.is_ok(), "custody may go below zero");
        // An account whose holds lack something holds the new money first.
        self.rehold(account);
        Ok(())
    }
}
