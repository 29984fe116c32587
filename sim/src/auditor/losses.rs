//! The auditor's waterfall: what one variation cycle must have done to those who could not pay, and to everyone who paid for them.
//!
//! It is computed from the balances before the cycle and the dues alone, in plain integers, and compared with what was told line by line.

use std::collections::{BTreeMap, BTreeSet};

use exchange::SplitPurpose;
use instruments::{AccountId, MicroUsd};
use settlement::{Bucket, DefaultResolved, SplitPage};

use super::money::{Money, Stated, money};
use super::positions::Positions;
use crate::finding::Finding;

/// A cycle as it is told.
#[derive(Debug, Default)]
pub(super) struct Cycle {
    nets: BTreeMap<AccountId, i128>,
    /// Who held something when it began: only they may bear anything.
    at_risk: BTreeSet<AccountId>,
    resolved: Vec<DefaultResolved>,
    shares: Parts,
    haircut: Parts,
    /// Whether it is no cycle but what one account lacks at its close-out, beyond all it has.
    is_close_out: bool,
}

/// By account: what its part is in proportion to, and the part.
type Parts = BTreeMap<AccountId, (i128, i128)>;

impl Cycle {
    pub(super) fn new(positions: &Positions) -> Self {
        Self { at_risk: positions.at_risk(), ..Self::default() }
    }

    /// What an account lacks at its close-out: nothing of it is in its own margin.
    pub(super) fn of_close_out(positions: &Positions, part: &DefaultResolved) -> Self {
        let lost = i128::from(part.lost.micros());
        let nets = BTreeMap::from([(part.account, -lost)]);
        Self { nets, is_close_out: true, ..Self::new(positions) }
    }

    /// What the layers have paid, by what was told.
    pub(super) fn covered(&self) -> i128 {
        let paid = self.resolved.iter().map(|part| part.lost - part.own_margin - part.haircut);
        paid.map(|paid| i128::from(paid.micros())).sum()
    }

    pub(super) fn due(&mut self, account: AccountId, amount: MicroUsd) {
        *self.nets.entry(account).or_default() += i128::from(amount.micros());
    }

    pub(super) fn resolve(&mut self, part: DefaultResolved) {
        self.resolved.push(part);
    }

    pub(super) fn split(&mut self, purpose: SplitPurpose, page: &SplitPage) {
        let parts = match purpose {
            SplitPurpose::FundShares => &mut self.shares,
            SplitPurpose::Haircut => &mut self.haircut,
            // Told of the positions, not of the money.
            SplitPurpose::CloseOut { .. } => return,
        };
        for line in &page.lines {
            let weight = i128::try_from(line.weight).unwrap_or(i128::MAX);
            parts.insert(line.account, (weight, i128::from(line.part)));
        }
    }

    /// Whoever cannot pay from its own margin: what it lost, what that paid, and what is missing.
    fn losers(&self, of: &impl Fn(Bucket) -> i128) -> Vec<(AccountId, [i128; 7])> {
        let losers = self.nets.iter().filter(|(_, net)| **net < 0);
        let mut expected: Vec<(AccountId, [i128; 7])> = Vec::new();
        for (account, net) in losers {
            let own = [
                Bucket::Cash(*account),
                Bucket::PositionMargin(*account),
                Bucket::OrderHold(*account),
                Bucket::QuoteHold(*account),
            ];
            let own: i128 = own.into_iter().map(of).sum();
            let (lost, own) = (-net, if self.is_close_out { 0 } else { own });
            if own < lost {
                expected.push((*account, [lost, own, 0, 0, 0, 0, lost - own]));
            }
        }
        expected
    }

    /// SIM-040: the layers have paid in their order as far as they go, and every split is pro rata by largest remainder.
    pub(super) fn check(self, before: &Money, stated: &mut Stated) -> Result<(), Finding> {
        let of = |bucket| i128::from(before.balance(bucket).micros());
        let mut expected = self.losers(&of);
        let mut own_shares = BTreeMap::new();
        for (account, parts) in &mut expected {
            let paid = draw(parts, 2, of(Bucket::DefaultFundShare(*account)));
            own_shares.insert(*account, paid);
        }
        let house = [(3, Bucket::FirstLoss), (4, Bucket::Insurance), (5, Bucket::DefaultFund)];
        let mut from_house = 0;
        for (layer, bucket) in house {
            let mut left = of(bucket);
            for (_, parts) in &mut expected {
                left -= draw(parts, layer, left);
            }
            from_house += of(bucket) - left;
        }
        let shares: BTreeMap<AccountId, i128> = self
            .at_risk
            .iter()
            .map(|account| {
                let spent = own_shares.get(account).copied().unwrap_or(0);
                (*account, of(Bucket::DefaultFundShare(*account)) - spent)
            })
            .filter(|(_, share)| 0 < *share)
            .collect();
        let missing = |expected: &[(AccountId, [i128; 7])]| -> i128 {
            expected.iter().map(|(_, parts)| parts[6]).sum()
        };
        let drawn = missing(&expected).min(shares.values().sum());
        let mut left = drawn;
        for (_, parts) in &mut expected {
            left -= draw(parts, 5, left);
        }
        let gains: BTreeMap<AccountId, i128> =
            self.nets.iter().filter(|(_, net)| 0 < **net).map(|(id, net)| (*id, *net)).collect();
        let cut = missing(&expected);
        let pot = gains.values().sum::<i128>() - cut;

        let told = self.resolved.iter().map(|part| (part.account, layers(part)));
        if told.ne(expected.iter().copied()) {
            let account = expected.first().map_or(AccountId(0), |(account, _)| *account);
            return Err(Finding::Waterfall { account, lost: money(cut) });
        }
        check_split(&self.shares, &shares, if drawn == 0 { None } else { Some(drawn) })?;
        let is_cut = cut != 0 && !self.is_close_out;
        check_split(&self.haircut, &gains, is_cut.then_some(pot))?;

        for (account, parts) in &expected {
            let owed = if self.is_close_out { parts[6] } else { 0 };
            stated.gain(*account, money(parts[0] - parts[1] - parts[2] - owed));
        }
        for (account, (_, part)) in &self.shares {
            stated.gain(*account, -money(*part));
        }
        for (account, (gain, part)) in &self.haircut {
            stated.gain(*account, -money(gain - part));
        }
        stated.house(-money(from_house));
        Ok(())
    }
}

/// Pays what is missing, as far as `left` goes, and says how much that was.
fn draw(parts: &mut [i128; 7], layer: usize, left: i128) -> i128 {
    let paid = parts[6].min(left);
    parts[layer] += paid;
    parts[6] -= paid;
    paid
}

fn layers(part: &DefaultResolved) -> [i128; 7] {
    let layers = [
        part.lost,
        part.own_margin,
        part.own_share,
        part.first_loss,
        part.insurance,
        part.mutual,
        part.haircut,
    ];
    layers.map(|amount| i128::from(amount.micros()))
}

/// SIM-041: whoever bears something bears its part of `amount`: the floor of its share, and one more for the largest remainders.
pub(super) fn check_split(
    told: &Parts,
    weights: &BTreeMap<AccountId, i128>,
    amount: Option<i128>,
) -> Result<(), Finding> {
    let expected = amount.map_or_else(BTreeMap::new, |amount| pro_rata(amount, weights));
    let ours: Parts =
        expected.into_iter().map(|(account, part)| (account, (weights[&account], part))).collect();
    if ours == *told {
        return Ok(());
    }
    let differs = |account: &&AccountId| ours.get(*account) != told.get(*account);
    let account = ours.keys().chain(told.keys()).find(differs).copied().unwrap_or(AccountId(0));
    let of = |parts: &Parts| parts.get(&account).map_or(0, |(_, part)| *part);
    Err(Finding::Split { account, ours: of(&ours), theirs: of(told) })
}

fn pro_rata(amount: i128, weights: &BTreeMap<AccountId, i128>) -> BTreeMap<AccountId, i128> {
    let whole: i128 = weights.values().sum::<i128>().max(1);
    let mut parts: BTreeMap<AccountId, i128> =
        weights.iter().map(|(account, weight)| (*account, amount * weight / whole)).collect();
    let mut order: Vec<AccountId> = weights.keys().copied().collect();
    order.sort_by_key(|account| (-(amount * weights[account] % whole), *account));
    let left = amount - parts.values().sum::<i128>();
    for account in order.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        *parts.entry(account).or_default() += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sim_041_a_split_is_done_again_by_hand() {
        let weights = [5, 3, 3].into_iter().zip(1..);
        let weights: BTreeMap<_, _> =
            weights.map(|(weight, account)| (AccountId(account), weight)).collect();
        let told = |parts: [i128; 3]| -> Parts {
            weights.iter().zip(parts).map(|((id, weight), part)| (*id, (*weight, part))).collect()
        };
        assert_eq!(check_split(&told([3, 2, 2]), &weights, Some(7)), Ok(()));
        let wrong = Finding::Split { account: AccountId(1), ours: 3, theirs: 4 };
        assert_eq!(check_split(&told([4, 2, 1]), &weights, Some(7)), Err(wrong));
        assert!(check_split(&told([3, 2, 2]), &weights, None).is_err());
    }
}
