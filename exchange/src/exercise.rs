//! Options at their end: what is exercised becomes a position in the future, the rest lapses.
//!
//! An exercised lot is booked as a trade in the future at the strike. What the strike is better or worse than the future's price is paid in
//! the same command, so the booked lots stand at that price and nobody owes anything that is not margined.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::div_floor;
use instruments::{AccountId, Instrument, InstrumentId, Nanos, NetQty, Price, Product, Qty, Right};
use matching_engine::CancelReason;
use settlement::{Booked, Exercised, Holder, OpenOrders};

use crate::Exchange;
use crate::event::Event;
use crate::margins::MarginMode;
use crate::reject::Reject;
use crate::series::SeriesState;

/// What a holder wants done otherwise than by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Instruction {
    /// Lots that are not exercised although they are in the money.
    pub abandon: Qty,
    /// Lots that are exercised although they are not.
    pub exercise: Qty,
}

/// An option and its future, for the time of its expiry.
struct Expiry {
    option: Instrument,
    future: Instrument,
    /// What the future is worth.
    price: Price,
}

impl Expiry {
    /// What exercising one lot brings, in micro-dollars; below zero out of the money.
    fn gain_per_lot(&self) -> i128 {
        let ticks = i128::from(self.option.moneyness(self.price));
        ticks.saturating_mul(i128::from(self.option.tick_value().micros()))
    }

    /// The lots of the future that lots of the option become.
    fn become_lots(&self, lots: NetQty) -> NetQty {
        match self.option.product {
            Product::Option { right: Right::Put, .. } => lots.opposite(),
            Product::Option { .. }
            | Product::Cap { .. }
            | Product::Future { .. }
            | Product::Spread { .. } => lots,
        }
    }

    fn worth(&self, lots: NetQty, price: Price) -> i128 {
        let per_lot =
            i128::from(price.ticks()).saturating_mul(i128::from(self.future.tick_value().micros()));
        per_lot.saturating_mul(i128::from(lots.lots()))
    }
}

impl Exchange {
    pub(crate) fn instruct_exercise(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        instruction: Instruction,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        let series = self.trading_series(instrument)?;
        if !matches!(series.instrument.product, Product::Option { .. }) {
            return Err(Reject::NotAnOption);
        }
        let limit = self.net(instrument, account).long();
        if limit < instruction.abandon || limit < instruction.exercise {
            return Err(Reject::InstructionAboveHolding { limit });
        }

        // From here on nothing can fail.
        if instruction == Instruction::default() {
            self.instructions.remove(&(instrument, account));
        } else {
            self.instructions.insert((instrument, account), instruction);
        }
        events.push(Event::ExerciseInstructed { account, instrument, instruction });
        Ok(())
    }

    /// OPTION-006: what an option is exercised against is its future's mark at the instant of its last trade, whenever the timer runs.
    pub(crate) fn fix_exercise_price(&mut self, instrument: InstrumentId, at: Nanos) {
        let Some(series) = self.series.get(&instrument) else { return };
        let Product::Option { underlying, .. } = series.instrument.product else { return };
        let price = self.mark_at(underlying, at);
        let mark = self.series.get(&underlying).map(|future| future.mark);
        if let Some(price) = price.or(mark) {
            self.exercise_prices.insert(instrument, price);
        }
    }

    pub(crate) fn expire_option(&mut self, instrument: InstrumentId, events: &mut Vec<Event>) {
        let Some(expiry) = self.expiry(instrument) else { return };
        self.cancel_in(instrument, CancelReason::Expired, events, |_| true);
        self.unmarked.remove(&instrument);
        if let Some(options) = self.options_on.get_mut(&expiry.future.id) {
            options.remove(&instrument);
            if options.is_empty() {
                self.options_on.remove(&expiry.future.id);
            }
        }
        let settlement_price = Price::from_ticks(expiry.option.moneyness(expiry.price).max(0));
        if let Some(series) = self.series.get_mut(&instrument) {
            series.settlement_price = Some(settlement_price);
            series.state = SeriesState::Closed;
        }
        events.push(Event::SeriesExpired { instrument, settlement_price });
        let holders: Vec<Holder> = self
            .positions
            .of_instrument(instrument)
            .map(|(account, position)| Holder { account, net: position.net, region: None })
            .collect();
        let seed = settlement::assignment_seed(instrument, expiry.price, self.last_seq);
        let parts =
            settlement::allot(seed, &holders, |account| self.lots_exercised(&expiry, account));
        for part in &parts {
            self.exercise(&expiry, part, events);
        }
        self.pay_variation(&[(instrument, settlement_price)], events);
        for holder in &holders {
            self.lapse(instrument, *holder, events);
        }
        let done = (instrument, AccountId(0))..=(instrument, AccountId(u64::MAX));
        let done: Vec<_> = self.instructions.range(done).map(|(key, _)| *key).collect();
        for key in done {
            self.instructions.remove(&key);
        }
    }

    fn expiry(&mut self, instrument: InstrumentId) -> Option<Expiry> {
        let option = self.series.get(&instrument)?.instrument.clone();
        let Product::Option { underlying, .. } = option.product else { return None };
        let future = self.series.get(&underlying)?;
        let price = self.exercise_prices.remove(&instrument).unwrap_or(future.mark);
        Some(Expiry { future: future.instrument.clone(), option, price })
    }

    /// OPTION-007, OPTION-008: all in the money but what is abandoned; out of it what was asked for and can be paid at once.
    fn lots_exercised(&self, expiry: &Expiry, account: AccountId) -> Qty {
        let instrument = expiry.option.id;
        let held = self.net(instrument, account).long();
        let said = self.instructions.get(&(instrument, account)).copied().unwrap_or_default();
        let gain = expiry.gain_per_lot();
        if 0 < gain {
            return held.saturating_sub(said.abandon);
        }
        said.exercise.min(held).min(self.lots_affordable(expiry, account, gain.saturating_neg()))
    }

    /// Lots whose loss and whose margin in the future an account's free money covers.
    fn lots_affordable(&self, expiry: &Expiry, account: AccountId, loss: i128) -> Qty {
        let one = NetQty::from_lots(1);
        let none = OpenOrders::default();
        let future = self.series.get(&expiry.future.id);
        let margin = future.and_then(|it| self.required_in(it, MarginMode::Standard, one, &none));
        let Some(margin) = margin.map(|margin| i128::from(margin.position.micros())) else {
            return Qty::ZERO;
        };
        let required = self.required(account);
        let usable = i128::from(self.margin_usable(account).micros());
        let losses = required.unrealised.min(0).saturating_add(required.option_value.min(0));
        let free = usable.saturating_add(losses).saturating_sub(required.initial()).max(0);
        let lots = div_floor(free, margin.saturating_add(loss).max(1));
        Qty::from_lots(u64::try_from(lots).unwrap_or(u64::MAX))
    }

    /// Books one account's lots in the future, and what it gains by the strike.
    fn exercise(&mut self, expiry: &Expiry, part: &Exercised, events: &mut Vec<Event>) {
        let Exercised { account, lots } = *part;
        let booked = expiry.become_lots(lots);
        let strike = expiry.option.strike().unwrap_or(expiry.price);
        let cost = Booked {
            cost: expiry.worth(booked, expiry.price),
            entry: expiry.worth(booked, strike),
        };
        self.positions.book(&expiry.future, account, booked, cost);
        let gain = expiry.gain_per_lot().saturating_mul(i128::from(lots.lots()));
        self.positions.settle(expiry.option.id, account, gain);
        self.trim_booked(account, expiry.future.id, events);
        events.push(Event::OptionExercised {
            instrument: expiry.option.id,
            account,
            exercised: lots,
            underlying: expiry.future.id,
            booked,
            underlying_price: expiry.price,
        });
    }

    /// Ends one position in an option.
    fn lapse(&mut self, instrument: InstrumentId, holder: Holder, events: &mut Vec<Event>) {
        let Holder { account, net, .. } = holder;
        self.positions.close(instrument, account);
        if net != NetQty::ZERO {
            let delivered = Qty::ZERO;
            events.push(Event::PositionClosed { instrument, account, net, delivered });
        }
        self.rehold(account);
    }
}
