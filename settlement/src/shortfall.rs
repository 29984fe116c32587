//! The money of an obligation: prefunding, bond, pay per interval, and damages for what is missing.
//!
//! For a shortfall of `u` GPU-hours at settlement price `S`, with the replacement at `R` (at most three times `S`), the seller forfeits
//! `S u` and pays `u max(0, R - S)` as compensation and `pi S u` as penalty. Every amount is rounded down once, at its end.
//!
//! Invariants:
//! - what the seller was paid and what the buyer got back are together the notional, once closed;
//! - an account's `DeliveryEscrow` and `Bond` are the sums over its open obligations.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::div_floor;
use instruments::{AccountId, GpuSeconds, Instrument, MicroUsd, Ppm};

use crate::ledger::{Bucket, HoldKey, Ledger, Reason};
use crate::obligation::{IntervalState, Obligation};
use crate::position::saturate;

/// Of what is still to be delivered, the seller's bond.
const BOND: Ppm = Ppm::new(250_000);
/// Of the notional, what the bond does not drain below.
const BOND_FLOOR: Ppm = Ppm::new(50_000);
/// Of the notional, what a buyer pays who cannot prefund.
const BUYER_DEFAULT: Ppm = Ppm::new(100_000);
/// The replacement price counts up to this multiple of the settlement price: the seller's risk has an end.
const REPLACEMENT_CAP: i64 = 3;
/// Of the price of what is missing, the penalty.
const PENALTY: Ppm = Ppm::new(100_000);
/// The same once more than [`PENALTY_STEP_SECONDS`] per GPU are missing: a host that is gone, not a hiccup.
const PENALTY_LONG: Ppm = Ppm::new(250_000);
/// 24 hours.
const PENALTY_STEP_SECONDS: u64 = 86_400;
const SECONDS_PER_HOUR: i128 = 3_600;

/// What prefunding brought together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Funding {
    /// The buyer's money now in escrow: the whole notional or nothing.
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct IntervalSettled {
    /// From the escrow to the seller.
    pub paid_to_seller: MicroUsd,
    /// From the escrow back to the buyer.
    pub returned_to_buyer: MicroUsd,
    /// Owed for what the replacement costs more.
    pub compensation: MicroUsd,
    /// Owed on top of it.
    pub penalty: MicroUsd,
    /// What the insurance fund paid of these two.
    pub insured: MicroUsd,
    /// What nobody could pay of these two.
    pub unpaid: MicroUsd,
    /// From the bond back to the seller.
    pub bond_released: MicroUsd,
}

/// What is owed for a shortfall.
struct Damages {
    compensation: MicroUsd,
    penalty: MicroUsd,
}

/// Sets aside the buyer's whole notional and the seller's bond, from position margin, cash and last the order holds.
///
/// A buyer who lacks anything prefunds nothing, and no bond is taken. A seller who lacks something bonds what it has.
pub fn fund(ledger: &mut Ledger, obligation: &mut Obligation) -> Funding {
    let buyer = obligation.buyer;
    let bond = BOND.of_ceil(obligation.notional);
    let has: MicroUsd = purse(buyer).into_iter().map(|bucket| ledger.balance(bucket)).sum();
    if has < obligation.notional {
        let buyer_short = obligation.notional - has;
        let none = MicroUsd::ZERO;
        return Funding { escrowed: none, bonded: none, buyer_short, seller_short: none };
    }

    // From here on nothing can fail.
    let buyer_short = set_aside(ledger, escrow_of(obligation), obligation.notional);
    let seller_short = set_aside(ledger, bond_of(obligation), bond);
    obligation.escrow = obligation.notional;
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

/// Moves the money of an interval that has just ended. `replacement` is dollars per GPU-hour, uncapped.
///
/// # Panics
/// When the interval has not ended, or when more intervals are settled than have ended.
pub fn settle_interval(
    ledger: &mut Ledger,
    obligation: &mut Obligation,
    instrument: &Instrument,
    index: u32,
    replacement: MicroUsd,
) -> IntervalSettled {
    let state = obligation.interval(index).unwrap_or(IntervalState::Pending);
    assert!(state.has_ended(), "interval {index} has not ended");
    let quality = count(obligation, state);
    let mut settled = pay_for(ledger, obligation, index, quality);
    let compute = obligation.interval_compute(instrument);
    let counted = counted(compute, quality);
    obligation.delivered += counted;
    if state == IntervalState::Unverified {
        return settled;
    }

    obligation.missed += GpuSeconds::new(compute.seconds().saturating_sub(counted.seconds()));
    let damages = damages(obligation, instrument, quality, replacement);
    settled.compensation = damages.compensation;
    settled.penalty = damages.penalty;
    collect(ledger, obligation, &mut settled);
    if matches!(state, IntervalState::Delivered { .. }) {
        settled.bond_released = drain_bond(ledger, obligation);
    }
    settled
}

/// Ends an obligation: what is left of the bond goes back to the seller, what is left of the escrow to the buyer.
///
/// An interval that has not ended by then is unpaid and unpunished. Closing twice changes nothing.
pub fn close(ledger: &mut Ledger, obligation: &mut Obligation) {
    give_back(ledger, escrow_of(obligation), obligation.escrow);
    give_back(ledger, bond_of(obligation), obligation.bond);
    obligation.returned_to_buyer += obligation.escrow;
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
        IntervalState::Delivered { quality } => (&mut obligation.delivered_count, quality),
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

/// Splits an interval's value between seller and buyer.
fn pay_for(
    ledger: &mut Ledger,
    obligation: &mut Obligation,
    index: u32,
    quality: Ppm,
) -> IntervalSettled {
    let value = obligation.interval_value(index);
    let paid_to_seller = quality.of_floor(value);
    let returned_to_buyer = value - paid_to_seller;
    let escrow = escrow_of(obligation);
    move_held(ledger, escrow, Bucket::Cash(obligation.seller), paid_to_seller);
    move_held(ledger, escrow, Bucket::Cash(obligation.buyer), returned_to_buyer);
    obligation.escrow -= value;
    obligation.paid_to_seller += paid_to_seller;
    obligation.returned_to_buyer += returned_to_buyer;
    IntervalSettled { paid_to_seller, returned_to_buyer, ..IntervalSettled::default() }
}

fn counted(compute: GpuSeconds, quality: Ppm) -> GpuSeconds {
    let product = i128::from(compute.seconds()).saturating_mul(i128::from(quality.ppm()));
    let seconds = div_floor(product, i128::from(Ppm::ONE.ppm()));
    GpuSeconds::new(u64::try_from(seconds).unwrap_or(0))
}

/// What the seller owes for the part of one interval that is missing. The step of the penalty counts this interval too.
fn damages(
    obligation: &Obligation,
    instrument: &Instrument,
    quality: Ppm,
    replacement: MicroUsd,
) -> Damages {
    let step = PENALTY_STEP_SECONDS.saturating_mul(obligation.lots.lots());
    let penalty = if step < obligation.missed.seconds() { PENALTY_LONG } else { PENALTY };
    let price = instrument.per_hour(obligation.settlement_price).micros();
    let capped = replacement.micros().min(price.saturating_mul(REPLACEMENT_CAP));
    let dearer = capped.saturating_sub(price).max(0);

    let whole = i128::from(Ppm::ONE.ppm());
    let missing = i128::from(obligation.interval_compute(instrument).seconds())
        .saturating_mul(whole.saturating_sub(i128::from(quality.ppm())));
    // `missing` is in millionths of GPU-seconds; so is the divisor that makes hours of them.
    let per_hour = SECONDS_PER_HOUR.saturating_mul(whole);
    let compensation = missing.saturating_mul(i128::from(dearer));
    let forfeited = missing.saturating_mul(i128::from(price));
    Damages {
        compensation: saturate(div_floor(compensation, per_hour)),
        penalty: saturate(div_floor(
            forfeited.saturating_mul(i128::from(penalty.ppm())),
            per_hour.saturating_mul(whole),
        )),
    }
}

/// Collects damages for the buyer: from this obligation's bond, the seller's cash, its position margin, then the insurance fund.
fn collect(ledger: &mut Ledger, obligation: &mut Obligation, settled: &mut IntervalSettled) {
    let (seller, buyer) = (obligation.seller, Bucket::Cash(obligation.buyer));
    let owed = settled.compensation + settled.penalty;
    let from_bond = owed.min(obligation.bond);
    move_held(ledger, bond_of(obligation), buyer, from_bond);
    obligation.bond -= from_bond;

    // Order holds, too: a resting order must not shelter money from whoever waits for it.
    let beyond_bond =
        [Bucket::Cash(seller), Bucket::PositionMargin(seller), Bucket::OrderHold(seller)];
    let mut damages = ledger.because(Reason::Damages);
    let uncollected = damages.pay(&beyond_bond, buyer, owed - from_bond);
    obligation.shortfall_paid += owed - uncollected;
    settled.unpaid = damages.pay(&[Bucket::Insurance], buyer, uncollected);
    settled.insured = uncollected - settled.unpaid;
}

/// Gives back what the bond holds beyond its share of what is still to be delivered.
fn drain_bond(ledger: &mut Ledger, obligation: &mut Obligation) -> MicroUsd {
    // The escrow is the value of what is not settled yet.
    let needed = BOND.of_ceil(obligation.escrow).max(BOND_FLOOR.of_ceil(obligation.notional));
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
