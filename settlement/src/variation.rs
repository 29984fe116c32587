//! Variation: what positions lost since the last mark moves to those that gained, over all series at once, through suspense.
//!
//! Invariants:
//! - suspense is zero before and after;
//! - what is due sums to zero over every series, whatever anyone can pay;
//! - an account pays or receives one amount, the sum of its dues: what it gains in one series pays what it loses in another;
//! - winners are cut only by what no layer of the waterfall could pay, each by its share to the micro-dollar;
//! - an account without a position is never touched.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, Instrument, InstrumentId, MicroUsd, Price};

use crate::ledger::{Bucket, Ledger};
use crate::position::{Positions, saturate};
use crate::split::Split;
use crate::waterfall::{Covered, DefaultResolved, cover, own_margin};

/// What one cycle meant for one account in one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct VariationDue {
    /// Where.
    pub instrument: InstrumentId,
    /// Whose.
    pub account: AccountId,
    /// What was due to the account (positive) or by it (negative), at most what the ledger can hold. Sums to zero over the series.
    pub amount: MicroUsd,
}

/// What came of one cycle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VariationCycle {
    /// Every due that is not zero, by series, then account.
    pub dues: Vec<VariationDue>,
    /// Who could not pay, and who paid instead.
    pub covered: Covered,
    /// How the winners were cut, if they had to be: the pot over their gains.
    pub haircut: Option<Split>,
}

/// Marks every position of the given series and moves what is due, netted per account.
///
/// Losers pay from cash, position margin, order holds, quote holds; what they cannot runs down the waterfall, and what no layer can pay
/// the winners do without, in proportion to their gains.
///
/// # Panics
/// When the gains and losses of a series do not sum to zero: a trade was booked on one side only.
pub fn run_variation(
    ledger: &mut Ledger,
    positions: &mut Positions,
    marks: &[(&Instrument, Price)],
) -> VariationCycle {
    assert!(ledger.balance(Bucket::Suspense) == MicroUsd::ZERO, "suspense between cycles");
    let mut dues = Vec::new();
    let mut nets: BTreeMap<AccountId, i128> = BTreeMap::new();
    for (instrument, mark) in marks {
        let mut sum = 0_i128;
        for (account, position) in positions.of_instrument(instrument.id) {
            let micros = position.due(instrument, *mark);
            sum = sum.saturating_add(micros);
            let net = nets.entry(account).or_default();
            *net = net.saturating_add(micros);
            if micros != 0 {
                // The same most for both sides of a series.
                let amount = saturate(micros.max(i128::from(i64::MIN).saturating_add(1)));
                dues.push(VariationDue { instrument: instrument.id, account, amount });
            }
        }
        assert!(sum == 0, "variation of a series does not sum to zero");
    }

    let covered = collect_losses(ledger, positions, &nets);
    let haircut = pay_gains(ledger, &nets);
    assert!(ledger.balance(Bucket::Suspense) == MicroUsd::ZERO, "suspense between cycles");
    mark_all(positions, marks);
    VariationCycle { dues, covered, haircut }
}

/// Losers pay into suspense, and the layers behind them what they cannot.
fn collect_losses(
    ledger: &mut Ledger,
    positions: &Positions,
    nets: &BTreeMap<AccountId, i128>,
) -> Covered {
    let mut defaults = Vec::new();
    for (account, net) in nets.iter().filter(|(_, net)| **net < 0) {
        let lost = net.saturating_neg();
        let loss = saturate(lost);
        let unpaid = ledger.pay(&own_margin(*account), Bucket::Suspense, loss);
        if unpaid != MicroUsd::ZERO {
            defaults.push(DefaultResolved::new(*account, lost, loss - unpaid));
        }
    }
    if defaults.is_empty() { Covered::default() } else { cover(ledger, positions, defaults) }
}

/// Winners receive all that is in suspense. The split, when that is less than their gains.
fn pay_gains(ledger: &mut Ledger, nets: &BTreeMap<AccountId, i128>) -> Option<Split> {
    let winners = nets.iter().filter(|(_, net)| 0 < **net);
    let gains: Vec<(AccountId, u128)> =
        winners.map(|(account, net)| (*account, net.unsigned_abs())).collect();
    let pot = ledger.balance(Bucket::Suspense).micros().unsigned_abs();
    let gained = gains.iter().fold(0_u128, |sum, (_, gain)| sum.saturating_add(*gain));
    if gained == u128::from(pot) {
        for (account, gain) in gains {
            pay(ledger, account, u64::try_from(gain).unwrap_or(u64::MAX));
        }
        return None;
    }
    let split = Split::new(pot, &gains)?;
    for line in &split.lines {
        pay(ledger, line.account, line.part);
    }
    Some(split)
}

fn pay(ledger: &mut Ledger, account: AccountId, micros: u64) {
    let amount = saturate(i128::from(micros));
    let paid = ledger.transfer(Bucket::Suspense, Bucket::Cash(account), amount);
    assert!(paid.is_ok(), "suspense is split, not multiplied");
}

fn mark_all(positions: &mut Positions, marks: &[(&Instrument, Price)]) {
    for (instrument, mark) in marks {
        let held: Vec<(AccountId, MicroUsd)> = positions
            .of_instrument(instrument.id)
            .map(|(account, position)| (account, saturate(position.due(instrument, *mark))))
            .collect();
        for (account, due) in held {
            positions.mark_to(instrument, account, *mark, due);
        }
    }
}
