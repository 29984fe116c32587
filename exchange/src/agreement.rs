//! What two parties agree elsewhere and both sign: trades off the book, and deliveries off the clearing house.
//!
//! The shell hashes the agreement and recovers the signers; here they are compared with the keys that the accounts registered. The key that
//! signs agreements is not the agent's: that one lives on machines that are rented out.
//!
//! Invariant: an agreement is taken once. Its nonce is remembered until it would not be valid any more, and no agreement is valid for longer
//! than a day.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, InstrumentId, Nanos, NanosSpan, ObligationId, Price, Qty, Side};
use settlement::Assignment;

use crate::Exchange;
use crate::event::Event;
use crate::limits::{AGREEMENTS_MAX, LEGS_MAX};
use crate::reject::{AgreementReject, Reject};
use crate::run_timers::later;

/// No agreement is valid for longer.
const VALID_FOR_MAX: NanosSpan = NanosSpan::from_seconds(86_400);

/// What two accounts agreed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Agreement {
    /// The two, in the order of their signatures.
    pub parties: [AccountId; 2],
    /// What they agreed.
    pub agreed: Agreed,
    /// The first party's own number for it: the same number with the same end is taken once.
    pub nonce: u64,
    /// At this instant it is too late.
    pub valid_until: Nanos,
}

/// What can be agreed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Agreed {
    /// The two trade with each other, all legs or none.
    Trades {
        /// In which series, at which prices: 1 to 8, each series once.
        legs: Vec<BlockLeg>,
        /// The hash of the private reservation that the futures take the place of, if there is one.
        reservation: Option<[u8; 32]>,
    },
    /// The first party delivers to the second what they hold of an expired series, without the clearing house.
    Match {
        /// Which series.
        instrument: InstrumentId,
        /// How much.
        lots: Qty,
    },
    /// Seller and buyer, in this order, release each other from an obligation before its delivery begins.
    Release {
        /// Which.
        obligation: ObligationId,
    },
}

/// One trade of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlockLeg {
    /// Where.
    pub instrument: InstrumentId,
    /// Which way the first party goes; the second goes the other.
    pub side: Side,
    /// How much.
    pub qty: Qty,
    /// At which price.
    pub price: Price,
}

/// An agreement with what proves it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedAgreement {
    /// What was agreed.
    pub agreement: Agreement,
    /// The hash that both signed.
    pub digest: [u8; 32],
    /// Whose keys signed it, in the order of the parties; the shell has recovered them.
    pub signers: [[u8; 20]; 2],
    /// The signatures themselves, kept so that anyone can check them later.
    pub signatures: [Vec<u8>; 2],
}

/// The keys that sign agreements, and which agreements cannot come again.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Agreements {
    keys: BTreeMap<AccountId, [u8; 20]>,
    /// Until when, by whom, with which nonce.
    taken: BTreeSet<(Nanos, AccountId, u64)>,
}

impl Exchange {
    /// Says which key signs an account's agreements. A new key applies from the next agreement on.
    pub(crate) fn register_trading_key(
        &mut self,
        account: AccountId,
        key: [u8; 20],
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        self.check_alive(account)?;

        // From here on nothing can fail.
        self.agreements.keys.insert(account, key);
        events.push(Event::TradingKeyRegistered { account, key });
        Ok(())
    }

    pub(crate) fn submit_agreement(
        &mut self,
        account: AccountId,
        signed: &SignedAgreement,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        self.check_agreement(account, signed)?;
        let agreement = &signed.agreement;
        match &agreement.agreed {
            Agreed::Trades { legs, reservation } => {
                self.check_trades(agreement.parties, legs, reservation.is_some())?;
            }
            Agreed::Match { instrument, lots } => {
                self.check_match(*instrument, &assignment(agreement.parties, *lots))?;
            }
            Agreed::Release { obligation } => {
                self.check_release(agreement.parties, *obligation)?;
            }
        }

        // From here on nothing can fail.
        self.forget_agreements();
        let key = (agreement.valid_until, agreement.parties[0], agreement.nonce);
        self.agreements.taken.insert(key);
        events.push(Event::AgreementTaken(Box::new(signed.clone())));
        match &agreement.agreed {
            Agreed::Trades { legs, reservation } => {
                self.book_block(agreement.parties, legs, *reservation, events);
            }
            Agreed::Match { instrument, lots } => {
                self.record_match(*instrument, assignment(agreement.parties, *lots), events);
            }
            Agreed::Release { obligation } => {
                self.release(agreement.parties, *obligation, events);
            }
        }
        Ok(())
    }

    /// What no longer is valid is refused for that, so it need not be remembered.
    pub(crate) fn forget_agreements(&mut self) {
        let now = self.now;
        while self.agreements.taken.first().is_some_and(|(until, ..)| *until <= now) {
            self.agreements.taken.pop_first();
        }
    }

    fn check_agreement(&self, account: AccountId, signed: &SignedAgreement) -> Result<(), Reject> {
        let agreement = &signed.agreement;
        let [first, second] = agreement.parties;
        for party in [account, first, second] {
            if !self.accounts.contains_key(&party) {
                return Err(Reject::UnknownAccount);
            }
        }
        for party in agreement.parties {
            self.check_alive(party)?;
        }
        if first == second {
            return Err(Reject::Agreement(AgreementReject::SameParty));
        }
        if account != first && account != second {
            return Err(Reject::Agreement(AgreementReject::NotAParty));
        }
        let limit = later(self.now, VALID_FOR_MAX);
        if agreement.valid_until <= self.now || limit < agreement.valid_until {
            return Err(Reject::Agreement(AgreementReject::OutOfTime { limit }));
        }
        let key = (agreement.valid_until, first, agreement.nonce);
        if self.agreements.taken.contains(&key) {
            return Err(Reject::Agreement(AgreementReject::Taken));
        }
        for (party, signer) in agreement.parties.into_iter().zip(signed.signers) {
            if self.agreements.keys.get(&party) != Some(&signer) {
                return Err(Reject::Agreement(AgreementReject::NotSigned { party }));
            }
        }
        if AGREEMENTS_MAX <= self.agreements.taken.len() {
            let limit = u64::try_from(AGREEMENTS_MAX).unwrap_or(u64::MAX);
            return Err(Reject::Agreement(AgreementReject::TooMany { limit }));
        }
        match &agreement.agreed {
            Agreed::Trades { legs, .. } => check_legs(legs),
            Agreed::Match { .. } | Agreed::Release { .. } => Ok(()),
        }
    }

    /// The key that signs an account's agreements.
    #[must_use]
    pub fn trading_key(&self, account: AccountId) -> Option<[u8; 20]> {
        self.agreements.keys.get(&account).copied()
    }

    /// Whether these two may release each other from an obligation now.
    fn check_release(
        &self,
        [seller, buyer]: [AccountId; 2],
        obligation: ObligationId,
    ) -> Result<(), Reject> {
        let delivery = self.deliveries.get(&obligation).ok_or(Reject::UnknownObligation)?;
        let duty = &delivery.obligation;
        if (duty.seller, duty.buyer) != (seller, buyer) {
            return Err(Reject::Agreement(AgreementReject::NotTheParties));
        }
        let begins_at = self
            .series
            .get(&duty.instrument)
            .map_or(Nanos::default(), |series| series.instrument.schedule.deliver_from);
        if duty.closed || begins_at <= self.now {
            return Err(Reject::Agreement(AgreementReject::DeliveryBegun));
        }
        Ok(())
    }

    fn release(
        &mut self,
        parties: [AccountId; 2],
        obligation: ObligationId,
        events: &mut Vec<Event>,
    ) {
        self.close_obligation(obligation, events);
        for account in parties {
            self.rehold(account);
        }
    }
}

fn assignment([seller, buyer]: [AccountId; 2], lots: Qty) -> Assignment {
    Assignment { seller, buyer, lots }
}

/// Some legs, not too many, each in a series of its own.
fn check_legs(legs: &[BlockLeg]) -> Result<(), Reject> {
    let series: BTreeSet<InstrumentId> = legs.iter().map(|leg| leg.instrument).collect();
    if legs.is_empty() || LEGS_MAX < legs.len() || series.len() != legs.len() {
        let limit = u64::try_from(LEGS_MAX).unwrap_or(u64::MAX);
        return Err(Reject::Agreement(AgreementReject::LegsOutOfRange { limit }));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open_account::Account;

    #[test]
    fn block_006_a_hundred_thousand_agreements_and_not_one_more() {
        let mut exchange = Exchange::new();
        let parties = [AccountId(1), AccountId(2)];
        for account in parties {
            let name = account.to_string();
            let margin_mode = crate::margins::MarginMode::Standard;
            let record =
                Account { name, is_verifier: false, signer: None, open_orders: 0, margin_mode };
            exchange.accounts.insert(account, record);
            exchange.agreements.keys.insert(account, [9; 20]);
        }
        let until = Nanos::from_seconds(60);
        let number = |nonce: usize| (until, parties[0], u64::try_from(nonce).unwrap_or(0));
        exchange.agreements.taken = (1..AGREEMENTS_MAX).map(number).collect();
        let agreed = Agreed::Release { obligation: ObligationId(1) };
        let signed = SignedAgreement {
            agreement: Agreement { parties, agreed, nonce: 0, valid_until: until },
            digest: [0; 32],
            signers: [[9; 20]; 2],
            signatures: [Vec::new(), Vec::new()],
        };
        assert_eq!(exchange.check_agreement(parties[0], &signed), Ok(()));
        exchange.agreements.taken.insert(number(AGREEMENTS_MAX));
        let refused = exchange.check_agreement(parties[0], &signed);
        assert_eq!(refused, Err(Reject::Agreement(AgreementReject::TooMany { limit: 100_000 })));
        exchange.now = until;
        exchange.forget_agreements();
        assert!(exchange.agreements.taken.is_empty(), "what is out of time is forgotten");
    }
}
