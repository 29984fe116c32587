//! The default fund's shares, and the terms of defaults.

use instruments::{AccountId, MicroUsd, Nanos};
use settlement::{Bucket, DefaultTerms};

use crate::Exchange;
use crate::default_event::DefaultEvent;
use crate::default_reject::DefaultReject;
use crate::event::Event;
use crate::reject::Reject;
use crate::run_timers::later;

impl Exchange {
    pub(crate) fn set_default_terms(
        &mut self,
        terms: &DefaultTerms,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !terms.are_sound() {
            return Err(Reject::Default(DefaultReject::BadDefaultTerms));
        }

        // From here on nothing can fail.
        self.defaults.terms = *terms;
        events.push(Event::Default(DefaultEvent::DefaultTermsSet(*terms)));
        Ok(())
    }

    pub(crate) fn contribute_default_fund(
        &mut self,
        account: AccountId,
        amount: MicroUsd,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let limit = self.withdrawable(account).ok_or(Reject::UnknownAccount)?;
        if amount <= MicroUsd::ZERO || limit < amount {
            return Err(Reject::Default(DefaultReject::ShareOutOfRange { limit }));
        }

        // From here on nothing can fail.
        let share = Bucket::DefaultFundShare(account);
        let moved = self.ledger.transfer(Bucket::Cash(account), share, amount);
        assert!(moved.is_ok(), "free money is cash");
        self.defaults.contributed_at.insert(account, self.now);
        events.push(Event::Default(DefaultEvent::DefaultFundChanged {
            account,
            share: self.ledger.balance(share),
        }));
        self.rehold(account);
        Ok(())
    }

    pub(crate) fn withdraw_default_fund(
        &mut self,
        account: AccountId,
        amount: MicroUsd,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        self.check_alive(account)?;
        self.check_not_halted()?;
        let share = Bucket::DefaultFundShare(account);
        let limit = self.ledger.balance(share);
        if amount <= MicroUsd::ZERO || limit < amount {
            return Err(Reject::Default(DefaultReject::ShareOutOfRange { limit }));
        }
        if self.positions.of_account(account).next().is_some() {
            return Err(Reject::Default(DefaultReject::ShareAtRisk));
        }
        if let Some(until) = self.notice_until(account).filter(|until| self.now < *until) {
            return Err(Reject::Default(DefaultReject::NoticeRunning { until }));
        }

        // From here on nothing can fail.
        let moved = self.ledger.transfer(share, Bucket::Cash(account), amount);
        assert!(moved.is_ok(), "a share pays what it holds");
        if limit == amount {
            self.defaults.contributed_at.remove(&account);
        }
        events.push(Event::Default(DefaultEvent::DefaultFundChanged {
            account,
            share: limit - amount,
        }));
        self.rehold(account);
        Ok(())
    }

    /// Until when the account's last contribution stays at least.
    #[must_use]
    pub fn notice_until(&self, account: AccountId) -> Option<Nanos> {
        let contributed_at = *self.defaults.contributed_at.get(&account)?;
        Some(later(contributed_at, self.defaults.terms.notice))
    }
}
