//! What every account holds of every series, and what it has cost since the last variation.
//!
//! Invariants, per series, once both sides of every trade are booked:
//! - the lots held long equal the lots held short;
//! - the costs sum to zero, and so does what the positions gain or lose at any mark.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::div_half_even;
use instruments::{AccountId, Instrument, InstrumentId, MicroUsd, NetQty, Price, Qty, Side};

/// What an account holds of one series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Position {
    /// Lots, negative when short.
    pub net: NetQty,
    /// Micro-dollars: what was paid (positive) or received (negative) for the lots since the last variation, at whose mark they stand.
    ///
    /// Zero where the premium is paid at the trade. What is settled and not yet paid, a day of a cash future or an exercise, is taken
    /// from it until the next variation pays it.
    pub cost: i128,
    /// Micro-dollars: the cost of the open lots at their trade prices, by the average-cost method. For display only.
    pub entry: i128,
    /// The variation that moved so far. For display only.
    pub realised: MicroUsd,
}

impl Position {
    /// What the position has gained (positive) or lost since the last variation. Saturates at the ledger's range.
    #[must_use]
    pub fn unrealised(&self, instrument: &Instrument, mark: Price) -> MicroUsd {
        saturate(self.due(instrument, mark))
    }

    /// Dollars per GPU-hour of the open lots, half-even; `None` when there are none.
    #[must_use]
    pub fn average_price(&self, instrument: &Instrument) -> Option<MicroUsd> {
        let hours = self.lots().checked_mul(i128::from(instrument.hours_per_lot))?;
        match hours.signum() {
            1 => MicroUsd::from_i128(div_half_even(self.entry, hours)),
            -1 => {
                let received = self.entry.checked_neg()?;
                MicroUsd::from_i128(div_half_even(received, hours.checked_neg()?))
            }
            _ => None,
        }
    }

    /// The variation due at `mark`, before anyone's purse is looked into.
    pub(crate) fn due(&self, instrument: &Instrument, mark: Price) -> i128 {
        owed(instrument, mark, self.net).saturating_sub(self.cost)
    }

    fn lots(&self) -> i128 {
        i128::from(self.net.lots())
    }

    fn is_gone(&self) -> bool {
        self.net == NetQty::ZERO && self.cost == 0
    }

    #[expect(clippy::expect_used, reason = "no series holds more than 2^40 lots")]
    fn book(&mut self, lots: NetQty, booked: Booked) {
        let side = if lots.lots() < 0 { Side::Sell } else { Side::Buy };
        let net =
            self.net.after(side, lots.long().max(lots.short())).expect("position out of range");
        self.cost = self.cost.saturating_add(booked.cost);
        let (old, new) = (i128::from(self.net.lots()), i128::from(net.lots()));
        self.entry = match (old.signum(), new.signum()) {
            (_, 0) => 0,
            (0, _) => booked.entry,
            // What is left after a turn through zero was booked just now.
            (was, is) if was != is => share(booked.entry, new, i128::from(lots.lots())),
            _ if old.unsigned_abs() < new.unsigned_abs() => self.entry.saturating_add(booked.entry),
            _ => share(self.entry, new, old),
        };
        self.net = net;
    }

    #[expect(clippy::expect_used, reason = "may_trade is asked before an order is accepted")]
    fn trade(&mut self, instrument: &Instrument, side: Side, qty: Qty, price: Price) {
        let net = self.net.after(side, qty).expect("position out of range");
        let traded = NetQty::ZERO.after(side, qty).expect("position out of range");
        let paid = value(instrument, price, traded);
        self.cost = self.cost.saturating_add(owed(instrument, price, traded));
        self.entry = match (self.net.lots().signum(), net.lots().signum()) {
            (_, 0) => 0,
            (0, _) => paid,
            (old, new) if old != new => value(instrument, price, net),
            _ if self.net.lots().unsigned_abs() < net.lots().unsigned_abs() => {
                self.entry.saturating_add(paid)
            }
            _ => {
                let kept = self.entry.saturating_mul(i128::from(net.lots().unsigned_abs()));
                div_half_even(kept, i128::from(self.net.lots().unsigned_abs()))
            }
        };
        self.net = net;
    }
}

/// What lots are booked at that were not traded, in micro-dollars; negative for short lots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Booked {
    /// What variation counts from.
    pub cost: i128,
    /// What the average price shows.
    pub entry: i128,
}

/// All positions of all accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Positions {
    // By series first: variation and expiry walk a series.
    positions: BTreeMap<(InstrumentId, AccountId), Position>,
    // The same keys the other way round: margin is a question about one account.
    held: BTreeSet<(AccountId, InstrumentId)>,
}

impl Positions {
    /// Books one side of a trade.
    ///
    /// # Panics
    /// Beyond the range of a position: [`Positions::may_trade`] says no before that.
    #[expect(clippy::too_many_arguments, reason = "one side of a trade is these five facts")]
    pub fn trade(
        &mut self,
        instrument: &Instrument,
        account: AccountId,
        side: Side,
        qty: Qty,
        price: Price,
    ) {
        let mut position = self.get(instrument.id, account).copied().unwrap_or_default();
        position.trade(instrument, side, qty, price);
        self.put(instrument.id, account, position);
    }

    /// Books lots at an exact cost: what a cascade or an exercise makes of a position elsewhere. The caller books the same lots and the
    /// same cost the other way.
    ///
    /// # Panics
    /// Beyond the range of a position, which takes more positions of the most lots than there are series.
    pub fn book(
        &mut self,
        instrument: &Instrument,
        account: AccountId,
        lots: NetQty,
        cost: Booked,
    ) {
        let mut position = self.get(instrument.id, account).copied().unwrap_or_default();
        position.book(lots, cost);
        self.put(instrument.id, account, position);
    }

    /// Takes from a position's cost what has been settled and is paid by the next variation: positive where the account receives.
    pub fn settle(&mut self, instrument: InstrumentId, account: AccountId, micros: i128) {
        let Some(mut position) = self.get(instrument, account).copied() else { return };
        position.cost = position.cost.saturating_sub(micros);
        self.put(instrument, account, position);
    }

    /// Scales what the open lots cost for display, once `left` of `of` hours of every lot are left.
    pub fn scale_entries(&mut self, instrument: InstrumentId, left: u32, of: u32) {
        let all = (instrument, AccountId(0))..=(instrument, AccountId(u64::MAX));
        for (_, position) in self.positions.range_mut(all) {
            let scaled = position.entry.saturating_mul(i128::from(left));
            position.entry = div_half_even(scaled, i128::from(of.max(1)));
        }
    }

    /// Whether `account` could trade `qty` and still be within the range of a position, and its value within the ledger's at any price.
    #[must_use]
    pub fn may_trade(
        &self,
        instrument: &Instrument,
        account: AccountId,
        side: Side,
        qty: Qty,
    ) -> bool {
        let net = self.get(instrument.id, account).map_or(NetQty::ZERO, |position| position.net);
        let fits = |net: NetQty| {
            instrument.notional(Instrument::PRICE_MAX, net.long().max(net.short())).is_some()
        };
        net.after(side, qty).is_some_and(fits)
    }

    /// What an account holds of a series.
    #[must_use]
    pub fn get(&self, instrument: InstrumentId, account: AccountId) -> Option<&Position> {
        self.positions.get(&(instrument, account))
    }

    /// Everyone who holds a series, in the order of their ids. A position closed since the last variation is still here, with its gain.
    pub fn of_instrument(
        &self,
        instrument: InstrumentId,
    ) -> impl Iterator<Item = (AccountId, &Position)> {
        let all = (instrument, AccountId(0))..=(instrument, AccountId(u64::MAX));
        self.positions.range(all).map(|((_, account), position)| (*account, position))
    }

    /// Everything an account holds, in the order of the series' ids.
    pub fn of_account(
        &self,
        account: AccountId,
    ) -> impl Iterator<Item = (InstrumentId, &Position)> {
        let all = (account, InstrumentId(0))..=(account, InstrumentId(u64::MAX));
        self.held
            .range(all)
            .filter_map(move |(_, instrument)| Some((*instrument, self.get(*instrument, account)?)))
    }

    /// The lots held long, which are the lots held short.
    #[must_use]
    pub fn open_interest(&self, instrument: InstrumentId) -> Qty {
        self.of_instrument(instrument).map(|(_, position)| position.net.long()).sum()
    }

    /// Removes a position whose series has ended; returns what it was.
    ///
    /// The caller removes every position of the series, so that long lots equal short lots again.
    pub fn close(&mut self, instrument: InstrumentId, account: AccountId) -> Option<Position> {
        self.held.remove(&(account, instrument));
        self.positions.remove(&(instrument, account))
    }

    /// Puts a position to its value at `mark`, after its variation has moved.
    pub(crate) fn mark_to(
        &mut self,
        instrument: &Instrument,
        account: AccountId,
        mark: Price,
        moved: MicroUsd,
    ) {
        let Some(mut position) = self.get(instrument.id, account).copied() else { return };
        position.cost = owed(instrument, mark, position.net);
        let realised = i128::from(position.realised.micros());
        position.realised = saturate(realised.saturating_add(i128::from(moved.micros())));
        self.put(instrument.id, account, position);
    }

    fn put(&mut self, instrument: InstrumentId, account: AccountId, position: Position) {
        if position.is_gone() {
            self.close(instrument, account);
        } else {
            self.held.insert((account, instrument));
            self.positions.insert((instrument, account), position);
        }
    }
}

/// What of `whole` belongs to `part` of `of` lots of the same sign, half-even.
fn share(whole: i128, part: i128, of: i128) -> i128 {
    let scaled = whole.saturating_mul(i128::try_from(part.unsigned_abs()).unwrap_or(i128::MAX));
    div_half_even(scaled, i128::try_from(of.unsigned_abs()).unwrap_or(i128::MAX).max(1))
}

/// What variation counts as the worth of `net` lots at `price`: nothing where the premium was paid at the trade.
fn owed(instrument: &Instrument, price: Price, net: NetQty) -> i128 {
    if instrument.is_premium_style() { 0 } else { value(instrument, price, net) }
}

/// Micro-dollars that `net` lots are worth at `price`; negative when short.
#[expect(clippy::expect_used, reason = "prices, lots and tick values of listed series are bounded")]
fn value(instrument: &Instrument, price: Price, net: NetQty) -> i128 {
    let per_lot = i128::from(price.ticks())
        .checked_mul(i128::from(instrument.tick_value().micros()))
        .expect("two 64-bit factors fit");
    per_lot.checked_mul(i128::from(net.lots())).expect("value of a position out of range")
}

pub(crate) fn saturate(micros: i128) -> MicroUsd {
    let limits = i128::from(i64::MIN)..=i128::from(i64::MAX);
    MicroUsd::from_i128(micros.clamp(*limits.start(), *limits.end())).unwrap_or(MicroUsd::ZERO)
}
