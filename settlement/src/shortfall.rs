//! The money of an obligation: prefunding, bond, pay per interval. What is missing is settled by the hour, in `hour.rs`.
//!
//! Invariants:
//! - what was paid for intervals and what the buyer got back are together what it prefunded, once closed;
//! - an account's `DeliveryEscrow` and `Bond` are the sums over its open obligations.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::div_floor;
use instruments::{AccountId, GpuSeconds, Instrument, MicroUsd, Ppm};

use crate::ledger::{Bucket, HoldKey, Ledger, Reason};
use crate::obligation::{IntervalState, Obligation};

/// Of the notional, what the bond does not drain below.
const BOND_FLOOR: Ppm = Ppm::new(50_000);
/// Of what a buyer does not prefund, what it pays instead.
const BUYER_DEFAULT: Ppm = Ppm::new(100_000);

/// What prefunding brought together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Funding {
    /// The buyer's money now in escrow: all that is prefunded at first, or nothing.
    pub escrowed: MicroUsd,
    /// The seller's money now in the bond.
    pub bonded: MicroUsd,
    /// What the buyer lacks.
    pub buyer_short: MicroUsd,
    /// What the seller's bond lacks.
    pub seller_short: MicroUsd,
}

impl Funding {
    /// Whether the buyer lacks anything; the caller then ends the obligation with [`default_buyer`].
    #[must_use]
    pub fn buyer_defaulted(&self) -> bool {
        MicroUsd::ZERO < self.buyer_short
    }
}

/// How the money of one interval moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct IntervalSettled {
    /// Who delivered it, or should have.
    pub deliverer: AccountId,
    /// From the escrow to it.
    pub paid: MicroUsd,
    /// From the escrow back to the buyer.
    pub returned_to_buyer: MicroUsd,
    /// How much of it counted, rounded down.
    pub counted: GpuSeconds,
}

/// What became of a day that was to be prefunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum TopUp {
    /// The buyer has prefunded all until before this interval.
    Prefunded {
        /// Which.
        until: u32,
        /// With how much.
        amount: MicroUsd,
    },
    /// The buyer could not, and what is prefunded is all that is delivered.
    Ended {
        /// The intervals that are left.
        until: u32,
        /// What the others would have cost.
        given_up: MicroUsd,
        /// What it paid for them.
        paid: MicroUsd,
    },
}

/// What was collected of damages.
pub(crate) struct Collected {
    pub insured: MicroUsd,
    pub unpaid: MicroUsd,
}

/// Sets aside what the buyer prefunds at first and the seller's bond, from position margin, cash and last the order holds.
///
/// A buyer who lacks anything prefunds nothing, and no bond is taken. A seller who lacks something bonds what it has.
pub fn fund(ledger: &mut Ledger, obligation: &mut Obligation) -> Funding {
    let buyer = obligation.buyer;
    let bond = obligation.bond_rate.of_ceil(obligation.notional);
    let first = obligation.ahead.min(obligation.interval_count());
    let prefunded = obligation.value_of(0, first);
    let has: MicroUsd = purse(buyer).into_iter().map(|bucket| ledger.balance(bucket)).sum();
    if has < prefunded {
        let buyer_short = prefunded - has;
        let none = MicroUsd::ZERO;
        return Funding { escrowed: none, bonded: none, buyer_short, seller_short: none };
    }

    // From here on nothing can fail.
    let buyer_short = set_aside(ledger, escrow_of(obligation), prefunded);
    let seller_short = set_aside(ledger, bond_of(obligation), bond);
    obligation.escrow = prefunded;
    obligation.funded = first;
    obligation.bond = bond - seller_short;
    obligation.bond_initial = obligation.bond;
    Funding { escrowed: obligation.escrow, bonded: obligation.bond, buyer_short, seller_short }
}

/// Ends an obligation whose buyer could not prefund it: the buyer pays the seller a tenth of the notional, or what it has.
/// Returns what was paid.
///
/// # Panics
/// When the obligation was funded or is closed.
pub fn default_buyer(ledger: &mut Ledger, obligation: &mut Obligation) -> MicroUsd {
    let is_unfunded = obligation.escrow == MicroUsd::ZERO && obligation.bond == MicroUsd::ZERO;
    assert!(is_unfunded && !obligation.closed, "only an unfunded obligation ends by its buyer");
    let owed = BUYER_DEFAULT.of_ceil(obligation.notional);
    let seller = Bucket::Cash(obligation.seller);
    let purse = purse(obligation.buyer);
    let unpaid = ledger.because(Reason::Damages).pay(&purse, seller, owed);
    obligation.closed = true;
    owed - unpaid
}

/// Prefunds what begins within the next days, from the buyer's cash and last its order holds. A buyer who lacks anything prefunds nothing
/// more: what is prefunded is still delivered, and for the rest it pays the seller a tenth, or what it has.
pub fn top_up(ledger: &mut Ledger, obligation: &mut Obligation, until: u32) -> TopUp {
    let until = until.min(obligation.interval_count()).max(obligation.funded);
    let amount = obligation.value_of(obligation.funded, until);
    let buyer = obligation.buyer;
    let from = [Bucket::Cash(buyer), Bucket::OrderHold(buyer)];
    let has: MicroUsd = from.into_iter().map(|bucket| ledger.balance(bucket)).sum();
    if amount <= has {
        let lacks = ledger.top_up(escrow_of(obligation), &from, amount);
        assert!(lacks == Ok(MicroUsd::ZERO), "what begins is prefunded once, and the buyer has it");
        obligation.escrow += amount;
        obligation.funded = until;
        return TopUp::Prefunded { until, amount };
    }
    let given_up = obligation.value_of(obligation.funded, obligation.interval_count());
    let owed = BUYER_DEFAULT.of_ceil(given_up);
    let seller = Bucket::Cash(obligation.seller);
    let unpaid = ledger.because(Reason::Damages).pay(&purse(buyer), seller, owed);
    obligation.unsettled -= given_up;
    obligation.intervals.truncate(usize::try_from(obligation.funded).unwrap_or(usize::MAX));
    TopUp::Ended { until: obligation.funded, given_up, paid: owed - unpaid }
}

/// Moves the money of an interval that has just ended: what counts of it to whoever delivered it, the rest back to the buyer.
///
/// # Panics
/// When the interval has not ended, or when more intervals are settled than have ended.
pub fn settle_interval(
    ledger: &mut Ledger,
    obligation: &mut Obligation,
    instrument: &Instrument,
    index: u32,
) -> IntervalSettled {
    let state = obligation.interval(index).unwrap_or(IntervalState::Pending);
    assert!(state.has_ended(), "interval {index} has not ended");
    let quality = count(obligation, state);
    let counted = counted(obligation.interval_compute(instrument), quality);
    obligation.delivered += counted;
    let millis = credited_millis(obligation.interval_compute(instrument), quality);
    if let Some(meter) = &mut obligation.meter {
        meter.credited_millis = meter.credited_millis.saturating_add(millis);
    }
    let (deliverer, paid, returned_to_buyer) = pay_for(ledger, obligation, index, quality);
    IntervalSettled { deliverer, paid, returned_to_buyer, counted }
}

/// Ends an obligation: what is left of the bond goes back to the seller, what is left of the escrow to the buyer.
///
/// An interval that has not ended by then is unpaid and unpunished. Closing twice changes nothing.
pub fn close(ledger: &mut Ledger, obligation: &mut Obligation) {
    give_back(ledger, escrow_of(obligation), obligation.escrow);
    give_back(ledger, bond_of(obligation), obligation.bond);
    obligation.returned_to_buyer += obligation.escrow;
    obligation.unsettled = MicroUsd::ZERO;
    obligation.escrow = MicroUsd::ZERO;
    obligation.bond = MicroUsd::ZERO;
    obligation.closed = true;
}

/// What an account may prefund from, in the order in which it is drained.
const fn purse(account: AccountId) -> [Bucket; 3] {
    [Bucket::PositionMargin(account), Bucket::Cash(account), Bucket::OrderHold(account)]
}

/// Counts an interval by how it ended and returns how much of it is paid.
fn count(obligation: &mut Obligation, state: IntervalState) -> Ppm {
    let settled = [obligation.delivered_count, obligation.failed, obligation.unverified];
    let settled = settled.into_iter().fold(0_u32, u32::saturating_add);
    assert!(settled < obligation.ended, "an interval is settled twice");
    let (counter, quality) = match state {
        IntervalState::Delivered { quality, .. } => (&mut obligation.delivered_count, quality),
        IntervalState::Failed { .. } => (&mut obligation.failed, Ppm::ZERO),
        IntervalState::Unverified
        | IntervalState::Pending
        | IntervalState::Open
        | IntervalState::Challenged { .. }
        | IntervalState::Claimed { .. } => (&mut obligation.unverified, Ppm::ZERO),
    };
    *counter = counter.saturating_add(1);
    quality
}

/// Splits an interval's value between whoever delivered it and the buyer.
fn pay_for(
    ledger: &mut Ledger,
    obligation: &mut Obligation,
    index: u32,
    quality: Ppm,
) -> (AccountId, MicroUsd, MicroUsd) {
    let value = obligation.interval_value(index);
    let deliverer = obligation.deliverer(index);
    let paid = quality.of_floor(value);
    let returned = value - paid;
    let escrow = escrow_of(obligation);
    move_held(ledger, escrow, Bucket::Cash(deliverer), paid);
    move_held(ledger, escrow, Bucket::Cash(obligation.buyer), returned);
    obligation.escrow -= value;
    obligation.unsettled -= value;
    if deliverer == obligation.seller {
        obligation.paid_to_seller += paid;
    } else {
        obligation.paid_to_stand_ins += paid;
    }
    obligation.returned_to_buyer += returned;
    (deliverer, paid, returned)
}

fn counted(compute: GpuSeconds, quality: Ppm) -> GpuSeconds {
    let product = i128::from(compute.seconds()).saturating_mul(i128::from(quality.ppm()));
    let seconds = div_floor(product, i128::from(Ppm::ONE.ppm()));
    GpuSeconds::new(u64::try_from(seconds).unwrap_or(0))
}

/// What counts of an interval in GPU-milliseconds, rounded down.
fn credited_millis(compute: GpuSeconds, quality: Ppm) -> u64 {
    let product = i128::from(compute.seconds()).saturating_mul(i128::from(quality.ppm()));
    u64::try_from(div_floor(product, 1_000)).unwrap_or(0)
}

/// Collects damages: from this obligation's bond, the seller's cash, its position margin and order holds, then the insurance fund.
pub(crate) fn collect(
    ledger: &mut Ledger,
    obligation: &mut Obligation,
    to: Bucket,
    owed: MicroUsd,
) -> Collected {
    let seller = obligation.seller;
    let from_bond = owed.min(obligation.bond);
    move_held(ledger, bond_of(obligation), to, from_bond);
    obligation.bond -= from_bond;

    // Order holds, too: a resting order must not shelter money from whoever waits for it.
    let beyond_bond =
        [Bucket::Cash(seller), Bucket::PositionMargin(seller), Bucket::OrderHold(seller)];
    let mut damages = ledger.because(Reason::Damages);
    let uncollected = damages.pay(&beyond_bond, to, owed - from_bond);
    let unpaid = damages.pay(&[Bucket::Insurance], to, uncollected);
    let insured = uncollected - unpaid;
    obligation.shortfall_paid += owed - uncollected;
    obligation.insured += insured;
    obligation.unpaid += unpaid;
    Collected { insured, unpaid }
}

/// Gives back what the bond holds beyond its share of what is still to be delivered.
pub(crate) fn drain_bond(ledger: &mut Ledger, obligation: &mut Obligation) -> MicroUsd {
    let needed = obligation
        .bond_rate
        .of_ceil(obligation.unsettled)
        .max(BOND_FLOOR.of_ceil(obligation.notional));
    let released = (obligation.bond - needed).max(MicroUsd::ZERO);
    move_held(ledger, bond_of(obligation), Bucket::Cash(obligation.seller), released);
    obligation.bond -= released;
    released
}

/// What the buyer has set aside.
const fn escrow_of(obligation: &Obligation) -> HoldKey {
    HoldKey::Escrow(obligation.id, obligation.buyer)
}

/// What the seller has set aside.
const fn bond_of(obligation: &Obligation) -> HoldKey {
    HoldKey::Bond(obligation.id, obligation.seller)
}

/// Opens a hold from its account's purse, and returns what that lacks.
fn set_aside(ledger: &mut Ledger, key: HoldKey, amount: MicroUsd) -> MicroUsd {
    let lack = ledger.hold(key, &purse(key.account()), amount);
    assert!(lack.is_ok(), "an obligation is funded once");
    lack.unwrap_or_default()
}

/// Pays money that the obligation says is there.
fn move_held(ledger: &mut Ledger, from: HoldKey, to: Bucket, amount: MicroUsd) {
    let moved = ledger.post(from, to, amount);
    assert!(moved.is_ok(), "an obligation knows what is set aside for it");
}

/// Gives back what is left, which is nothing where nothing was set aside.
fn give_back(ledger: &mut Ledger, key: HoldKey, left: MicroUsd) {
    let returned = ledger.void(key).unwrap_or_default();
    assert!(returned == left, "an obligation knows what is set aside for it");
}
