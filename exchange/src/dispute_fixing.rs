//! A settlement price made of the index is provisional first: its inputs may be disputed, for a bond, until it is final.
//!
//! The window is eight partitions of the fixing, four hours of a real day; 48 where a partition was missing. It ends before sellers are
//! assigned, whatever the calendar: delivery does not wait for an argument.

use std::collections::BTreeMap;

use instruments::{AccountId, InstrumentId, MicroUsd, Nanos, NanosSpan};
use oracle::{Claim, ClaimError, Determination};
use settlement::{Bucket, HoldKey};

use crate::Exchange;
use crate::event::{Event, FixingEvent};
use crate::limits::INDEX_MAX;
use crate::reject::{FixingReject, Reject};
use crate::run_timers::{is_delivered, later};
use crate::series::SeriesState;
use crate::settlement_price::PARTITIONS;

/// What a claim costs when it is wrong.
pub(crate) const CLAIM_BOND: MicroUsd = MicroUsd::new(1_000_000_000);
/// Partitions for which a complete fixing may be disputed.
const WINDOW: u64 = 8;

/// Fixings that are not final, by series.
pub(crate) type Fixings = BTreeMap<InstrumentId, Determination>;

impl Exchange {
    /// FIX-001: opens a series' fixing to claims, where there is time for any.
    pub(crate) fn open_fixing(
        &mut self,
        instrument: InstrumentId,
        partitions: &[Option<MicroUsd>],
        events: &mut Vec<Event>,
    ) {
        let Some(series) = self.series.get(&instrument) else { return };
        let is_whole = partitions.iter().all(Option::is_some);
        let parts = if is_whole { WINDOW } else { PARTITIONS };
        let window = NanosSpan::new(self.partition().nanos().saturating_mul(parts));
        let until = later(self.now, window).min(series.instrument.schedule.assign_at);
        if !is_delivered(series) || until <= self.now {
            return;
        }
        if let Some(fixing) = Determination::new(partitions.to_vec(), until) {
            self.fixings.insert(instrument, fixing);
            events.push(Event::Fixing(FixingEvent::Opened { instrument, until }));
        }
    }

    /// Says what one partition should have been.
    pub(crate) fn dispute_fixing(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        (partition, value): (u32, Option<MicroUsd>),
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        let fixing = self.fixings.get(&instrument).ok_or(Reject::Fixing(FixingReject::NotOpen))?;
        fixing.check(self.now, partition, value).map_err(refused)?;
        if fixing.claims().values().any(|claim| claim.claimant == account.0) {
            return Err(Reject::Fixing(FixingReject::OneClaim));
        }
        let in_range = |value: MicroUsd| MicroUsd::ZERO < value && value <= INDEX_MAX;
        if !value.is_none_or(in_range) {
            return Err(Reject::IndexOutOfRange { limit: INDEX_MAX });
        }
        let available = self.ledger.balance(Bucket::Cash(account));
        if available < CLAIM_BOND {
            let required = CLAIM_BOND;
            return Err(Reject::Fixing(FixingReject::NoBond { required, available }));
        }

        // From here on nothing can fail.
        let key = HoldKey::Claim(instrument, account);
        let lack = self.ledger.hold(key, &[Bucket::Cash(account)], CLAIM_BOND);
        assert!(lack == Ok(MicroUsd::ZERO), "a claim's bond is free money");
        if let Some(fixing) = self.fixings.get_mut(&instrument) {
            let claim = Claim { claimant: account.0, value };
            let taken = fixing.dispute(self.now, partition, claim);
            assert!(taken.is_ok(), "a claim was looked at before");
        }
        let bond = CLAIM_BOND;
        let disputed = FixingEvent::Disputed { instrument, account, partition, value, bond };
        events.push(Event::Fixing(disputed));
        self.rehold(account);
        Ok(())
    }

    /// Ends a claim. The operator brings the ruling; what it does is arithmetic.
    pub(crate) fn rule_on_fixing(
        &mut self,
        instrument: InstrumentId,
        partition: u32,
        is_upheld: bool,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let fixing =
            self.fixings.get_mut(&instrument).ok_or(Reject::Fixing(FixingReject::NotDisputed))?;
        if !fixing.claims().contains_key(&partition) {
            return Err(Reject::Fixing(FixingReject::NotDisputed));
        }

        // From here on nothing can fail.
        let ruled = fixing.rule(partition, is_upheld);
        let value = fixing.computed();
        let Ok(claim) = ruled else { return Ok(()) };
        let account = AccountId(claim.claimant);
        let ruled = FixingEvent::Ruled { instrument, account, partition, is_upheld };
        events.push(Event::Fixing(ruled));
        self.end_claim(instrument, account, is_upheld);
        self.revise(instrument, value, events);
        self.finalise_if_due(instrument, events);
        Ok(())
    }

    /// The bond goes back, or to insurance.
    fn end_claim(&mut self, instrument: InstrumentId, account: AccountId, is_returned: bool) {
        let key = HoldKey::Claim(instrument, account);
        if !is_returned {
            let posted = self.ledger.post(key, Bucket::Insurance, self.ledger.held(key));
            assert!(posted.is_ok(), "a claim's bond is held");
        }
        let voided = self.ledger.void(key);
        assert!(voided.is_ok(), "a claim's bond is held");
        self.rehold(account);
    }

    /// FIX-004: another fixing is another settlement price, and variation from the one to the other.
    fn revise(&mut self, instrument: InstrumentId, value: MicroUsd, events: &mut Vec<Event>) {
        let Some(series) = self.series.get_mut(&instrument) else { return };
        let price = series.instrument.nearest_price(value);
        if series.settlement_price == Some(price) {
            return;
        }
        series.settlement_price = Some(price);
        self.set_mark(instrument, price, events);
        events.push(Event::Fixing(FixingEvent::Revised { instrument, price }));
        self.pay_variation(&[(instrument, price)], events);
    }

    /// The fixings whose window has ended, and those that have to be final because sellers are assigned.
    pub(crate) fn finalise_fixings(&mut self, events: &mut Vec<Event>) {
        let all: Vec<InstrumentId> = self.fixings.keys().copied().collect();
        for instrument in all {
            self.finalise_if_due(instrument, events);
        }
    }

    fn finalise_if_due(&mut self, instrument: InstrumentId, events: &mut Vec<Event>) {
        let Some(series) = self.series.get(&instrument) else { return };
        let Some(fixing) = self.fixings.get_mut(&instrument) else { return };
        let is_late = series.instrument.schedule.assign_at <= self.now;
        let is_over = fixing.until() <= self.now && fixing.claims().is_empty();
        if !is_late && !is_over {
            return;
        }
        let price = series.settlement_price.unwrap_or(series.mark);
        let lapsed = fixing.finalise();
        self.fixings.remove(&instrument);
        for claim in lapsed {
            let account = AccountId(claim.claimant);
            events.push(Event::Fixing(FixingEvent::Lapsed { instrument, account }));
            self.end_claim(instrument, account, true);
        }
        events.push(Event::Fixing(FixingEvent::Finalised { instrument, price }));
    }

    /// When a fixing has something to do next.
    pub(crate) fn next_fixing(&self) -> Option<Nanos> {
        let due = self.fixings.iter().filter_map(|(instrument, fixing)| {
            let series = self.series.get(instrument)?;
            let assigned = series.instrument.schedule.assign_at;
            Some(if fixing.claims().is_empty() { fixing.until() } else { assigned })
        });
        due.min()
    }

    /// The fixing of a series, while it is not final.
    #[must_use]
    pub fn fixing(&self, instrument: InstrumentId) -> Option<&Determination> {
        self.fixings.get(&instrument)
    }

    /// Whether a series' settlement price is certain: no fixing of it is open.
    #[must_use]
    pub fn is_final(&self, instrument: InstrumentId) -> bool {
        let is_trading =
            self.series.get(&instrument).is_none_or(|it| it.state == SeriesState::Trading);
        !is_trading && !self.fixings.contains_key(&instrument)
    }
}

fn refused(error: ClaimError) -> Reject {
    Reject::Fixing(match error {
        ClaimError::Closed => FixingReject::NotOpen,
        ClaimError::NoPartition { count, .. } => {
            FixingReject::NoPartition { limit: u64::from(count) }
        }
        ClaimError::Disputed => FixingReject::Disputed,
        ClaimError::NoChange => FixingReject::NoChange,
        ClaimError::NotDisputed => FixingReject::NotDisputed,
    })
}
