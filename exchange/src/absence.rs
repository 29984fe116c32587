//! What becomes of the orders of whoever is gone: a timer that must be renewed, and sessions that take their orders with them.
//!
//! All of it is state of the exchange, so that it happens whether or not anything before the exchange is still there.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, Nanos, NanosSpan, OrderId};
use matching_engine::CancelReason;

use crate::Exchange;
use crate::event::Event;
use crate::reject::Reject;
use crate::run_timers::later;

/// The shortest timer: whoever renews it over a network needs some time.
pub(crate) const CANCEL_ALL_AFTER_MIN: NanosSpan = NanosSpan::from_seconds(1);
/// The longest: whoever wants its orders for longer wants no timer.
pub(crate) const CANCEL_ALL_AFTER_MAX: NanosSpan = NanosSpan::from_seconds(3_600);

/// Who has asked for what.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Absence {
    /// When an account's orders are cancelled.
    timers: BTreeMap<AccountId, Nanos>,
    due: BTreeSet<(Nanos, AccountId)>,
    /// Accounts whose sessions all take their orders with them.
    on_disconnect: BTreeSet<AccountId>,
}

impl Exchange {
    /// Sets, renews or stops the timer that cancels every order of an account.
    pub(crate) fn cancel_all_after(
        &mut self,
        account: AccountId,
        timeout: NanosSpan,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        let runs = timeout != NanosSpan::ZERO;
        if runs && !(CANCEL_ALL_AFTER_MIN..=CANCEL_ALL_AFTER_MAX).contains(&timeout) {
            return Err(Reject::TimeoutOutOfRange { limit: CANCEL_ALL_AFTER_MAX });
        }

        // From here on nothing can fail.
        let at = runs.then(|| later(self.now, timeout));
        self.set_timer(account, at, events);
        Ok(())
    }

    fn set_timer(&mut self, account: AccountId, at: Option<Nanos>, events: &mut Vec<Event>) {
        let before = match at {
            Some(at) => self.absence.timers.insert(account, at),
            None => self.absence.timers.remove(&account),
        };
        if let Some(before) = before {
            self.absence.due.remove(&(before, account));
        }
        self.absence.due.extend(at.map(|at| (at, account)));
        events.push(Event::CancelAllAfterSet { account, at });
    }

    /// The first account whose timer has run out by an instant.
    pub(crate) fn absent_by(&self, instant: Nanos) -> Option<(Nanos, AccountId)> {
        self.absence.due.first().copied().filter(|(at, _)| *at <= instant)
    }

    /// When the next timer runs out.
    pub(crate) fn next_absence(&self) -> Option<Nanos> {
        self.absence.due.first().map(|(at, _)| *at)
    }

    /// Cancels what stood on a timer that has run out, and the timer with it.
    pub(crate) fn cancel_absent(&mut self, account: AccountId, events: &mut Vec<Event>) {
        self.set_timer(account, None, events);
        self.cancel_of(account, CancelReason::Absent, events, |_| true);
    }

    /// When every order of an account is cancelled unless it renews its timer.
    #[must_use]
    pub fn cancels_all_at(&self, account: AccountId) -> Option<Nanos> {
        self.absence.timers.get(&account).copied()
    }

    /// Says whether every session of an account takes its orders with it.
    pub(crate) fn set_cancel_on_disconnect(
        &mut self,
        account: AccountId,
        is_enabled: bool,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }

        // From here on nothing can fail.
        if is_enabled {
            self.absence.on_disconnect.insert(account);
        } else {
            self.absence.on_disconnect.remove(&account);
        }
        events.push(Event::CancelOnDisconnectSet { account, is_enabled });
        Ok(())
    }

    /// Whether every session of an account takes its orders with it.
    #[must_use]
    pub fn cancels_on_disconnect(&self, account: AccountId) -> bool {
        self.absence.on_disconnect.contains(&account)
    }

    /// Whether an open order waits for the end of a session.
    #[must_use]
    pub fn has_session_orders(&self) -> bool {
        self.orders.values().any(|record| record.session.is_some())
    }

    /// Cancels what a session takes with it, or lets go of it.
    pub(crate) fn end_session(
        &mut self,
        account: AccountId,
        session: u64,
        keeps_orders: bool,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }

        // From here on nothing can fail.
        if keeps_orders {
            for record in self.orders.values_mut() {
                if record.account == account && record.session == Some(session) {
                    record.session = None;
                }
            }
            return Ok(());
        }
        self.cancel_of(account, CancelReason::Disconnected, events, |record| {
            record.session == Some(session)
        });
        Ok(())
    }

    /// Cancels what any session takes with it: nobody is connected any more.
    pub(crate) fn end_sessions(&mut self, events: &mut Vec<Event>) {
        let orders: Vec<OrderId> = self
            .orders
            .iter()
            .filter(|(_, record)| record.session.is_some())
            .map(|(order, _)| *order)
            .collect();
        self.operate(events, |engine, out| {
            for order in orders {
                engine.cancel(order, CancelReason::Disconnected, out);
            }
        });
    }
}
