//! Which short lots are exercised against: a pure function of the positions, what is exercised, and a seed that nobody can choose.
//!
//! Invariants:
//! - the short lots assigned are the long lots exercised;
//! - nobody is assigned more than its position, nor a lot more or less than its share in proportion to the short lots;
//! - the order in which the holders are given does not matter.

use instruments::{AccountId, NetQty, Qty, Side};

use crate::assignment::{Holder, by_tie, shares};

/// What of one account's option lots is exercised (positive) or assigned (negative).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exercised {
    /// Whose.
    pub account: AccountId,
    /// How much.
    pub lots: NetQty,
}

/// Assigns `exercised` lots of the long holders to the short ones, pro rata with the largest remainder. All of them, by account; sums to
/// zero. Who exercises more than it holds exercises what it holds.
#[must_use]
pub fn allot(
    seed: [u8; 32],
    holders: &[Holder],
    exercised: impl Fn(AccountId) -> Qty,
) -> Vec<Exercised> {
    let mut all = Vec::new();
    let mut wanted: u128 = 0;
    for Holder { account, net, .. } in holders {
        let lots = exercised(*account).min(net.long());
        if !lots.is_zero() {
            wanted = wanted.saturating_add(u128::from(lots.lots()));
            all.push(Exercised { account: *account, lots: signed(Side::Buy, lots) });
        }
    }
    let shorts = by_tie(&seed, holders, |holder| holder.net.short().lots());
    for (lots, (_, account), _) in shares(&shorts, wanted) {
        all.push(Exercised { account, lots: signed(Side::Sell, Qty::from_lots(lots)) });
    }
    all.sort_by_key(|part| part.account);
    all
}

fn signed(side: Side, lots: Qty) -> NetQty {
    NetQty::ZERO.after(side, lots).unwrap_or_default()
}
