//! Takes free money out of an account. Who sends it where is the shell's business: here it leaves custody.

use instruments::{AccountId, MicroUsd};
use settlement::Bucket;

use crate::Exchange;
use crate::reject::Reject;

impl Exchange {
    pub(crate) fn withdraw(&mut self, account: AccountId, amount: MicroUsd) -> Result<(), Reject> {
        let limit = self.withdrawable(account).ok_or(Reject::UnknownAccount)?;
        self.check_alive(account)?;
        self.check_not_halted()?;
        if amount <= MicroUsd::ZERO || limit < amount {
            return Err(Reject::WithdrawalOutOfRange { limit });
        }

        // From here on nothing can fail.
        let moved = self.ledger.transfer(Bucket::Cash(account), Bucket::Custody, amount);
        assert!(moved.is_ok(), "free money is cash");
        Ok(())
    }

    /// What an account may take out: cash that neither its holds nor its unrealised losses need.
    #[must_use]
    pub fn withdrawable(&self, account: AccountId) -> Option<MicroUsd> {
        let summary = self.account_summary(account)?;
        Some(summary.available.min(summary.cash))
    }
}
