//! Daily statements: what each account had, what moved and why, what it has. A pure reader of the events; it knows nothing else.
//!
//! Days are UTC. A day's statement stands when an event of a later day is read, or at [`Statements::finish`]. Who had no event that day
//! has no statement for it: it has what it had.
//!
//! Invariants:
//! - opening and movements are together the closing balance, bucket by bucket, to the micro-dollar;
//! - over all statements of a day, the house's included, what moved sums to zero.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, Date, InstrumentId, MicroUsd, Nanos, ObligationId, Qty, Side};
use settlement::{Bucket, Reason, Transfer};

use crate::event::{BlockTraded, Event, IntervalSettled, Traded};

/// One day of one account, or of the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Whose; `None` for the house's own buckets.
    pub whose: Option<AccountId>,
    /// Which day.
    pub day: Date,
    /// What each bucket held when the day began; what is empty is left out.
    pub opening: BTreeMap<Bucket, MicroUsd>,
    /// What each bucket received and paid, by what it was for.
    pub movements: BTreeMap<(Bucket, Reason), Movement>,
    /// What was traded, by series.
    pub trades: BTreeMap<InstrumentId, TradedInDay>,
    /// What variation paid, by series.
    pub variation: BTreeMap<InstrumentId, MicroUsd>,
    /// What became of deliveries, by obligation.
    pub deliveries: BTreeMap<ObligationId, DeliveredInDay>,
    /// What each bucket holds when the day ends; what is empty is left out.
    pub closing: BTreeMap<Bucket, MicroUsd>,
}

/// What a bucket received and paid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Movement {
    /// In how many transfers.
    pub transfers: u64,
    /// What came in.
    pub received: MicroUsd,
    /// What went out.
    pub paid: MicroUsd,
}

impl Movement {
    /// What it came to.
    #[must_use]
    pub fn net(&self) -> MicroUsd {
        self.received - self.paid
    }
}

/// One account's trades of a day in one series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TradedInDay {
    /// How many trades.
    pub trades: u64,
    /// Lots bought.
    pub bought: Qty,
    /// Lots sold.
    pub sold: Qty,
    /// What they cost.
    pub fees: MicroUsd,
}

/// One party's side of an obligation in a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DeliveredInDay {
    /// Intervals that have ended.
    pub intervals: u32,
    /// For compute: received by the seller, paid by the buyer.
    pub pay: MicroUsd,
    /// For what was missing: paid by the seller and the insurance, received by the buyer.
    pub damages: MicroUsd,
}

impl Statement {
    /// Of a day on which nothing has happened.
    #[must_use]
    pub fn quiet(
        whose: Option<AccountId>,
        day: Date,
        balances: BTreeMap<Bucket, MicroUsd>,
    ) -> Self {
        Self {
            whose,
            day,
            opening: balances.clone(),
            movements: BTreeMap::new(),
            trades: BTreeMap::new(),
            variation: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            closing: balances,
        }
    }

    /// All its money when the day began.
    #[must_use]
    pub fn equity_opening(&self) -> MicroUsd {
        self.opening.values().copied().sum()
    }

    /// All its money when the day ends.
    #[must_use]
    pub fn equity_closing(&self) -> MicroUsd {
        self.closing.values().copied().sum()
    }

    /// What its money as a whole received and paid for a reason: what moved between its own buckets comes to nothing.
    #[must_use]
    pub fn net_by_reason(&self) -> BTreeMap<Reason, MicroUsd> {
        let mut sums: BTreeMap<Reason, MicroUsd> = BTreeMap::new();
        for ((_, reason), movement) in &self.movements {
            *sums.entry(*reason).or_default() += movement.net();
        }
        sums.retain(|_, sum| *sum != MicroUsd::ZERO);
        sums
    }

    /// Opening and movements, bucket by bucket; what is empty is left out.
    fn recomputed(&self) -> BTreeMap<Bucket, MicroUsd> {
        let mut sums = self.opening.clone();
        for ((bucket, _), movement) in &self.movements {
            *sums.entry(*bucket).or_default() += movement.net();
        }
        sums.retain(|_, sum| *sum != MicroUsd::ZERO);
        sums
    }
}

/// Reads events in their order and draws up the statements of each day.
#[derive(Debug, Clone, Default)]
pub struct Statements {
    day: Option<Date>,
    balances: BTreeMap<Bucket, MicroUsd>,
    parties: BTreeMap<ObligationId, (AccountId, AccountId)>,
    sheets: BTreeMap<Option<AccountId>, Statement>,
}

impl Statements {
    /// A reader before the first event.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one command's events. Returns the statements of the day before, if this is the first of a new day.
    pub fn observe(&mut self, at: Nanos, events: &[Event]) -> Vec<Statement> {
        let day = Date::of(at);
        let is_new = self.day.is_some_and(|before| before != day);
        let ended = if is_new { self.finish() } else { Vec::new() };
        self.day = Some(day);
        for event in events {
            self.read(day, event);
        }
        ended
    }

    /// The statements of the day under way, as if it had ended: the house first, then by account.
    ///
    /// # Panics
    /// When opening and movements are not the closing balance.
    pub fn finish(&mut self) -> Vec<Statement> {
        let mut sheets: Vec<Statement> = std::mem::take(&mut self.sheets).into_values().collect();
        for sheet in &mut sheets {
            sheet.closing = of(sheet.whose, &self.balances);
            assert!(sheet.closing == sheet.recomputed(), "a statement does not add up");
        }
        sheets
    }

    /// What a bucket holds by the events read so far.
    #[must_use]
    pub fn balance(&self, bucket: Bucket) -> MicroUsd {
        self.balances.get(&bucket).copied().unwrap_or_default()
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "what moves nobody's money is not on it")]
    fn read(&mut self, day: Date, event: &Event) {
        match event {
            Event::MoneyMoved(transfer) => self.transfer(day, transfer),
            Event::Traded(traded) => self.traded(day, traded),
            Event::BlockTraded(block) => self.block_traded(day, block),
            Event::VariationPaid { instrument, account, amount, .. } => {
                let sheet = self.sheet(day, Some(*account));
                *sheet.variation.entry(*instrument).or_default() += *amount;
            }
            Event::ObligationAssigned { obligation, seller, buyer, .. } => {
                self.parties.insert(*obligation, (*seller, *buyer));
            }
            Event::IntervalSettled(settled) => self.settled(day, settled),
            Event::ObligationClosed { obligation, .. }
            | Event::BuyerDefaulted { obligation, .. } => {
                self.parties.remove(obligation);
            }
            _ => {}
        }
    }

    fn transfer(&mut self, day: Date, transfer: &Transfer) {
        let Transfer { from, to, amount, reason, .. } = *transfer;
        for whose in [from.account(), to.account()] {
            self.sheet(day, whose);
        }
        for (bucket, change) in [(from, -amount), (to, amount)] {
            let movements = &mut self.sheet(day, bucket.account()).movements;
            let movement = movements.entry((bucket, reason)).or_default();
            movement.transfers = movement.transfers.saturating_add(1);
            movement.received += change.max(MicroUsd::ZERO);
            movement.paid += (-change).max(MicroUsd::ZERO);
            let balance = self.balances.entry(bucket).or_default();
            *balance += change;
            if *balance == MicroUsd::ZERO {
                self.balances.remove(&bucket);
            }
        }
    }

    fn traded(&mut self, day: Date, traded: &Traded) {
        let sides =
            [(&traded.taker, traded.taker_side), (&traded.maker, traded.taker_side.opposite())];
        for (fill, side) in sides {
            self.add(day, fill.account, traded.instrument, (side, traded.qty, fill.fee));
        }
    }

    fn add(
        &mut self,
        day: Date,
        account: AccountId,
        instrument: InstrumentId,
        (side, qty, fee): (Side, Qty, MicroUsd),
    ) {
        let trades = &mut self.sheet(day, Some(account)).trades;
        let sum = trades.entry(instrument).or_default();
        sum.trades = sum.trades.saturating_add(1);
        sum.fees += fee;
        match side {
            Side::Buy => sum.bought += qty,
            Side::Sell => sum.sold += qty,
        }
    }

    fn block_traded(&mut self, day: Date, block: &BlockTraded) {
        for (fill, side) in [(block.buyer, Side::Buy), (block.seller, Side::Sell)] {
            self.add(day, fill.account, block.instrument, (side, block.qty, fill.fee));
        }
    }

    fn settled(&mut self, day: Date, settled: &IntervalSettled) {
        let Some((seller, buyer)) = self.parties.get(&settled.obligation).copied() else { return };
        for party in [seller, buyer] {
            let deliveries = &mut self.sheet(day, Some(party)).deliveries;
            let sum = deliveries.entry(settled.obligation).or_default();
            sum.intervals = sum.intervals.saturating_add(1);
            sum.pay += settled.paid_to_seller;
            sum.damages += settled.compensation + settled.penalty - settled.unpaid;
        }
    }

    fn sheet(&mut self, day: Date, whose: Option<AccountId>) -> &mut Statement {
        let balances = &self.balances;
        let begin = || Statement::quiet(whose, day, of(whose, balances));
        self.sheets.entry(whose).or_insert_with(begin)
    }
}

/// The balances of one account's buckets, or of the house's.
fn of(
    whose: Option<AccountId>,
    balances: &BTreeMap<Bucket, MicroUsd>,
) -> BTreeMap<Bucket, MicroUsd> {
    let buckets = whose.map_or(Bucket::HOUSE, Bucket::all_of);
    let held = |bucket| balances.get(&bucket).map(|balance| (bucket, *balance));
    buckets.into_iter().filter_map(held).collect()
}
