//! Daily variation: what positions lost since the last mark moves to those that gained, through suspense.
//!
//! Invariants:
//! - suspense is zero afterwards;
//! - what is due sums to zero over a series, whatever anyone can pay;
//! - winners are cut only by what neither the losers nor the insurance fund could pay, each by its share to the micro-dollar;
//! - an account without a position is never touched.

use std::cmp::Reverse;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, Instrument, MicroUsd, Price};

use crate::ledger::{Bucket, Ledger};
use crate::position::{Positions, saturate};

/// What one variation cycle meant for one account in one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct VariationMoved {
    /// Whose.
    pub account: AccountId,
    /// What was due to the account (positive) or by it (negative). Sums to zero over the series.
    pub amount: MicroUsd,
    /// What a loser could not pay of it.
    pub unpaid: MicroUsd,
    /// What a winner did not receive of it.
    pub haircut: MicroUsd,
}

impl VariationMoved {
    /// What the account really received (positive) or paid (negative).
    #[must_use]
    pub fn moved(&self) -> MicroUsd {
        self.amount + self.unpaid - self.haircut
    }
}

/// What one account is due, before anyone has paid.
struct Due {
    account: AccountId,
    micros: i128,
}

/// Marks every position of a series and moves what is due. Returns one entry per account to which something was due, by account id.
///
/// Losers pay from cash, then position margin, then order holds. The insurance fund pays what they cannot; what it cannot either, the
/// winners do without, in proportion to their gains.
///
/// # Panics
/// When the gains and losses of the series do not sum to zero: a trade was booked on one side only.
pub fn run_variation(
    ledger: &mut Ledger,
    positions: &mut Positions,
    instrument: &Instrument,
    mark: Price,
) -> Vec<VariationMoved> {
    assert!(ledger.balance(Bucket::Suspense) == MicroUsd::ZERO, "suspense between cycles");
    let dues: Vec<Due> = positions
        .of_instrument(instrument.id)
        .map(|(account, position)| Due { account, micros: position.due(instrument, mark) })
        .collect();
    let sum = dues.iter().fold(0_i128, |sum, due| sum.saturating_add(due.micros));
    assert!(sum == 0, "variation of a series does not sum to zero");

    let mut moved = collect_losses(ledger, &dues);
    moved.extend(pay_gains(ledger, &dues));
    moved.sort_by_key(|part| part.account);
    assert!(ledger.balance(Bucket::Suspense) == MicroUsd::ZERO, "suspense between cycles");

    let mut parts = moved.iter().peekable();
    for due in &dues {
        let part = parts.next_if(|part| part.account == due.account);
        let received = part.map_or(MicroUsd::ZERO, VariationMoved::moved);
        positions.mark_to(instrument, due.account, mark, received);
    }
    moved
}

/// Losers pay into suspense, and the insurance fund what they cannot.
fn collect_losses(ledger: &mut Ledger, dues: &[Due]) -> Vec<VariationMoved> {
    let mut moved = Vec::new();
    let mut unpaid_by_all: i128 = 0;
    for due in dues.iter().filter(|due| due.micros < 0) {
        let account = due.account;
        let purse =
            [Bucket::Cash(account), Bucket::PositionMargin(account), Bucket::OrderHold(account)];
        let loss = saturate(due.micros.saturating_neg());
        let unpaid = ledger.pay(&purse, Bucket::Suspense, loss);
        let paid = i128::from((loss - unpaid).micros());
        let rest = due.micros.saturating_neg().saturating_sub(paid);
        unpaid_by_all = unpaid_by_all.saturating_add(rest);
        moved.push(VariationMoved { account, amount: -loss, unpaid, haircut: MicroUsd::ZERO });
    }
    // What insurance cannot pay either is missing in suspense, and cuts the winners.
    ledger.pay(&[Bucket::Insurance], Bucket::Suspense, saturate(unpaid_by_all));
    moved
}

/// Winners receive all that is in suspense.
fn pay_gains(ledger: &mut Ledger, dues: &[Due]) -> Vec<VariationMoved> {
    let winners: Vec<&Due> = dues.iter().filter(|due| 0 < due.micros).collect();
    let gains: Vec<i128> = winners.iter().map(|due| due.micros).collect();
    let received = split(ledger.balance(Bucket::Suspense), &gains);
    let mut moved = Vec::new();
    for (due, received) in winners.iter().zip(received) {
        let paid = ledger.transfer(Bucket::Suspense, Bucket::Cash(due.account), received);
        assert!(paid.is_ok(), "suspense is split, not multiplied");
        let amount = saturate(due.micros);
        moved.push(VariationMoved {
            account: due.account,
            amount,
            unpaid: MicroUsd::ZERO,
            haircut: amount - received,
        });
    }
    moved
}

/// Splits `pot` in proportion to `gains`, by largest remainder; the earlier of two equal remainders is served first.
///
/// When the pot is the sum of the gains, everyone receives exactly its gain.
fn split(pot: MicroUsd, gains: &[i128]) -> Vec<MicroUsd> {
    let pot_micros = i128::from(pot.micros());
    let total = gains.iter().fold(0_i128, |sum, gain| sum.saturating_add(*gain));
    if total == 0 {
        return Vec::new();
    }
    // Gains beyond the ledger's range, which nobody can pay, are scaled so that no product overflows.
    let scale = 64_u32.saturating_sub(total.leading_zeros()).min(64);
    let weights: Vec<i128> =
        gains.iter().map(|gain| gain.checked_shr(scale).unwrap_or(0)).collect();
    let whole = weights.iter().fold(0_i128, |sum, weight| sum.saturating_add(*weight)).max(1);

    let mut parts: Vec<i128> = Vec::with_capacity(weights.len());
    let mut remainders: Vec<(Reverse<i128>, usize)> = Vec::with_capacity(weights.len());
    for (index, weight) in weights.iter().enumerate() {
        let product = pot_micros.saturating_mul(*weight);
        parts.push(product.div_euclid(whole));
        remainders.push((Reverse(product.rem_euclid(whole)), index));
    }
    let mut left = parts.iter().fold(pot_micros, |left, part| left.saturating_sub(*part));
    remainders.sort_unstable();
    for (_, index) in remainders {
        if left == 0 {
            break;
        }
        if let Some(part) = parts.get_mut(index) {
            *part = part.saturating_add(1);
            left = left.saturating_sub(1);
        }
    }
    parts.into_iter().map(saturate).collect()
}
