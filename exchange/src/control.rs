//! What operators have stopped: the venue, a series, an account. What each state lets through is the table in `docs/rules/ops.md`.
//!
//! A stop is a command like any other, so it survives whatever happens to the process. It stops trade, not time: what falls due falls due.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, InstrumentId, Price, Side};
use matching_engine::{BookView, CancelReason, OrderKind, PriceSource};

use crate::Exchange;
use crate::command::{PlaceOrder, StateScope, TradingState};
use crate::event::{ControlEvent, Event};
use crate::open_order::OpenOrder;
use crate::price::is_beyond;
use crate::reject::{ControlReject, Reject};
use crate::series::SeriesState;

/// What is stopped. Nothing is, at first.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Controls {
    /// What the operators let through, everywhere.
    pub venue: TradingState,
    /// What the venue lets through since its restart, everywhere.
    pub restart: TradingState,
    /// Series that are not open by themselves.
    pub series: BTreeMap<InstrumentId, TradingState>,
    /// Accounts that do nothing new.
    pub killed: BTreeSet<AccountId>,
}

impl Controls {
    /// What is let through in every series.
    #[must_use]
    pub fn everywhere(&self) -> TradingState {
        self.venue.max(self.restart)
    }

    /// What is let through in one series: the strictest of all that concern it.
    #[must_use]
    pub fn of_series(&self, instrument: InstrumentId) -> TradingState {
        self.series.get(&instrument).copied().unwrap_or_default().max(self.everywhere())
    }
}

impl Exchange {
    /// What is stopped.
    #[must_use]
    pub fn controls(&self) -> &Controls {
        &self.controls
    }

    pub(crate) fn set_trading_state(
        &mut self,
        scope: StateScope,
        state: TradingState,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if let StateScope::Series(instrument) = scope
            && !self.series.contains_key(&instrument)
        {
            return Err(Reject::UnknownInstrument);
        }

        // From here on nothing can fail.
        let before = self.controls.clone();
        match scope {
            StateScope::Venue => self.controls.venue = state,
            StateScope::Restart => self.controls.restart = state,
            StateScope::Series(instrument) if state == TradingState::Open => {
                self.controls.series.remove(&instrument);
            }
            StateScope::Series(instrument) => {
                self.controls.series.insert(instrument, state);
            }
        }
        if before == self.controls {
            return Ok(());
        }
        events.push(Event::Control(ControlEvent::TradingStateChanged { scope, state }));
        let trades = |(_, series): &(&InstrumentId, &crate::series::Series)| {
            series.state == SeriesState::Trading
        };
        let trading: Vec<InstrumentId> =
            self.series.iter().filter(trades).map(|(id, _)| *id).collect();
        for instrument in trading {
            let was_open = before.of_series(instrument) == TradingState::Open;
            let is_open = self.is_open_in(instrument);
            if was_open && !is_open {
                self.engine.hold_auction(instrument);
            } else if !was_open && is_open {
                self.resume(instrument, events);
            }
        }
        self.look_below();
        Ok(())
    }

    /// OPS-006: what waited for a price is brought the ones of now, and an auction takes its time once more.
    fn resume(&mut self, instrument: InstrumentId, events: &mut Vec<Event>) {
        self.operate(events, |engine, out| engine.release_auction(instrument, out));
        let Some(series) = self.series.get(&instrument) else { return };
        let (mark, grade) = (series.mark, series.instrument.grade.clone());
        self.set_trigger_price(instrument, PriceSource::Mark, mark, events);
        let index = self.index_value(&grade);
        let series = self.series.get(&instrument);
        if let (Some(series), Some(value)) = (series, index) {
            let index = series.instrument.nearest_price(value);
            self.set_trigger_price(instrument, PriceSource::Index, index, events);
        }
    }

    pub(crate) fn is_open_in(&self, instrument: InstrumentId) -> bool {
        self.controls.of_series(instrument) == TradingState::Open
    }

    /// OPS-009: cancels everything that an account has open; from now on it does nothing new.
    pub(crate) fn kill_account(
        &mut self,
        account: AccountId,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }

        // From here on nothing can fail.
        if self.controls.killed.insert(account) {
            events.push(Event::Control(ControlEvent::AccountKilled { account }));
        }
        self.cancel_of(account, CancelReason::Killed, events, |_| true);
        Ok(())
    }

    pub(crate) fn revive_account(
        &mut self,
        account: AccountId,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }

        // From here on nothing can fail.
        if self.controls.killed.remove(&account) {
            events.push(Event::Control(ControlEvent::AccountRevived { account }));
        }
        Ok(())
    }

    /// OPS-009: whether an account may do what is new.
    pub(crate) fn check_alive(&self, account: AccountId) -> Result<(), Reject> {
        if self.controls.killed.contains(&account) {
            return Err(Reject::Control(ControlReject::Killed));
        }
        Ok(())
    }

    /// OPS-004: whether a series trades without restraint.
    pub(crate) fn check_open(&self, instrument: InstrumentId) -> Result<(), Reject> {
        let state = self.controls.of_series(instrument);
        if state == TradingState::Open {
            return Ok(());
        }
        Err(self.not_open(instrument, state))
    }

    /// OPS-005: whether money may leave.
    pub(crate) fn check_not_halted(&self) -> Result<(), Reject> {
        let state = self.controls.everywhere();
        if state == TradingState::Halted {
            return Err(Reject::Control(ControlReject::NotOpen { state, is_venue: true }));
        }
        Ok(())
    }

    fn not_open(&self, instrument: InstrumentId, state: TradingState) -> Reject {
        let is_venue = self.controls.series.get(&instrument) != Some(&state);
        Reject::Control(ControlReject::NotOpen { state, is_venue })
    }

    /// OPS-002, OPS-003: whether the series' state lets an order of this kind in, wherever its limit lies.
    pub(crate) fn check_lets_in(&self, request: &PlaceOrder) -> Result<(), Reject> {
        let state = self.controls.of_series(request.instrument);
        let only_rests = matches!(request.kind, OrderKind::Limit(_))
            && request.time_in_force.rests()
            && request.trigger.is_none();
        match state {
            TradingState::Open => Ok(()),
            TradingState::PostOnly if only_rests => Ok(()),
            TradingState::PostOnly => Err(Reject::Control(ControlReject::MustRest)),
            TradingState::CancelOnly | TradingState::Halted => {
                Err(self.not_open(request.instrument, state))
            }
        }
    }

    /// OPS-002, OPS-003: whether the series' state lets an order be changed. `is_smaller` where it is a part of a cancel.
    pub(crate) fn check_lets_amend(
        &self,
        record: &OpenOrder,
        is_smaller: bool,
    ) -> Result<(), Reject> {
        if is_smaller {
            return Ok(());
        }
        let state = self.controls.of_series(record.instrument);
        match state {
            TradingState::Open => Ok(()),
            TradingState::PostOnly if !record.waits => Ok(()),
            TradingState::PostOnly => Err(Reject::Control(ControlReject::MustRest)),
            TradingState::CancelOnly | TradingState::Halted => {
                Err(self.not_open(record.instrument, state))
            }
        }
    }

    /// OPS-002: while a series is post-only, nothing goes in at a limit that would trade.
    pub(crate) fn check_only_rests(
        &self,
        book: &BookView<'_>,
        (instrument, side, limit): (InstrumentId, Side, Price),
    ) -> Result<(), Reject> {
        if self.controls.of_series(instrument) != TradingState::PostOnly {
            return Ok(());
        }
        let touch = match side {
            Side::Buy => book.best_ask(),
            Side::Sell => book.best_bid(),
        };
        if touch.is_some_and(|(price, _)| !is_beyond(side, price, limit)) {
            return Err(Reject::Control(ControlReject::MustRest));
        }
        Ok(())
    }
}
