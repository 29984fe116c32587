//! Who delivers to whom: a pure function of what was held, what was agreed on before, and a seed that nobody can choose.
//!
//! First what buyer and seller have agreed on themselves goes away. Of the rest whole nodes only: each side is cut to what the other can
//! take, pro rata by node with the largest remainder; then nodes are paired, see `pairing.rs`.
//!
//! Invariants:
//! - the nodes assigned are the smaller of the two sides' whole nodes;
//! - nobody's share differs from its exact share by a node or more, and nobody delivers or receives more than its position;
//! - the order in which the holders are given does not matter.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, InstrumentId, NetQty, Price, Qty, Region, Seq, Side};

use crate::pairing::{Party, Place, Tie, pair};

/// Keeps a seed for assignments from ever being a hash of something else.
const SEED_DOMAIN: &[u8] = b"tenor assignment 1";
/// The same for the hash of what an assignment follows from.
const INPUTS_DOMAIN: &[u8] = b"tenor assignment inputs 1";

/// One seller delivers to one buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Assignment {
    /// Who delivers.
    pub seller: AccountId,
    /// Who receives.
    pub buyer: AccountId,
    /// How many GPUs; whole nodes.
    pub lots: Qty,
}

/// What one account holds of the expired series. An account is named once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Holder {
    /// Who.
    pub account: AccountId,
    /// How much.
    pub net: NetQty,
    /// Where it delivers or wants to receive; anywhere when it has not said.
    pub region: Option<Region>,
}

/// Everything that an assignment follows from. Published with it, so that anyone can make it again.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AssignmentInputs {
    /// Of which series.
    pub instrument: InstrumentId,
    /// At which price.
    pub settlement_price: Price,
    /// The last command before the assignment.
    pub last_seq: Seq,
    /// Lots of one node.
    pub node_size: u32,
    /// Who held how much, by account.
    pub holders: Vec<Holder>,
    /// What sellers and buyers have agreed on themselves, in the order in which it was reported.
    pub matches: Vec<Assignment>,
}

/// What becomes of the positions of an expired series. What stands in neither list is settled in money.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Assigned {
    /// What goes away by agreement, as far as both sides held it, in the order in which it was reported.
    pub matched: Vec<Assignment>,
    /// Who delivers to whom, by seller, then buyer; no pair stands twice.
    pub pairs: Vec<Assignment>,
}

impl AssignmentInputs {
    /// What equal parties are put in order by.
    #[must_use]
    pub fn seed(&self) -> [u8; 32] {
        assignment_seed(self.instrument, self.settlement_price, self.last_seq)
    }

    /// A fingerprint of all of it.
    #[must_use]
    #[expect(clippy::expect_used, reason = "writing borsh into a Vec cannot fail")]
    pub fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(INPUTS_DOMAIN);
        hasher.update(&borsh::to_vec(self).expect("inputs encode"));
        *hasher.finalize().as_bytes()
    }

    /// The assignment.
    #[must_use]
    pub fn assign(&self) -> Assigned {
        assign(self.seed(), &self.holders, &self.matches, self.node_size)
    }
}

/// The seed of a series' assignment. The last sequence number is known to nobody before the settlement price is.
#[must_use]
pub fn assignment_seed(
    instrument: InstrumentId,
    settlement_price: Price,
    last_seq: Seq,
) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(SEED_DOMAIN);
    hasher.update(&instrument.0.to_le_bytes());
    hasher.update(&settlement_price.ticks().to_le_bytes());
    hasher.update(&last_seq.0.to_le_bytes());
    *hasher.finalize().as_bytes()
}

/// Takes away what was agreed on, then assigns sellers to buyers.
///
/// What is left of a holder's position, less than a node or cut by the shares, is settled in money by the caller.
#[must_use]
pub fn assign(
    seed: [u8; 32],
    holders: &[Holder],
    matches: &[Assignment],
    node_size: u32,
) -> Assigned {
    let node_size = u64::from(node_size.max(1));
    let nodes = |lots: Qty| lots.lots().checked_div(node_size).unwrap_or(0);
    let mut left = holders.to_vec();
    let matched = take_matches(&mut left, matches);
    let sellers = by_tie(&seed, &left, |holder| nodes(holder.net.short()));
    let buyers = by_tie(&seed, &left, |holder| nodes(holder.net.long()));

    let assigned = total(&sellers).min(total(&buyers));
    let pairs = pair(&shares(&sellers, assigned), &shares(&buyers, assigned));
    let mut pairs: Vec<Assignment> = pairs
        .into_iter()
        .map(|((seller, buyer), nodes)| Assignment {
            seller,
            buyer,
            lots: Qty::from_lots(nodes.saturating_mul(node_size)),
        })
        .collect();
    pairs.sort_by_key(|assignment| (assignment.seller, assignment.buyer));
    Assigned { matched, pairs }
}

/// Takes every match out of the two positions, as far as both still have it.
fn take_matches(holders: &mut [Holder], matches: &[Assignment]) -> Vec<Assignment> {
    let place = |(at, holder): (usize, &Holder)| (holder.account, at);
    let places: BTreeMap<AccountId, usize> = holders.iter().enumerate().map(place).collect();
    let mut matched = Vec::new();
    for agreed in matches {
        let of = |account: AccountId| places.get(&account).copied();
        let (Some(seller), Some(buyer)) = (of(agreed.seller), of(agreed.buyer)) else { continue };
        let has = |at: usize, side: fn(NetQty) -> Qty| {
            holders.get(at).map_or(Qty::ZERO, |holder| side(holder.net))
        };
        let lots = agreed.lots.min(has(seller, NetQty::short)).min(has(buyer, NetQty::long));
        if lots.is_zero() {
            continue;
        }
        let sides = [(seller, Side::Buy), (buyer, Side::Sell)];
        for (at, side) in sides {
            let Some(holder) = holders.get_mut(at) else { continue };
            // Towards zero, so it fits.
            holder.net = holder.net.after(side, lots).unwrap_or(NetQty::ZERO);
        }
        matched.push(Assignment { lots, ..*agreed });
    }
    matched
}

pub(crate) fn by_tie(
    seed: &[u8; 32],
    holders: &[Holder],
    nodes: impl Fn(&Holder) -> u64,
) -> BTreeMap<Tie, (u64, Place)> {
    let tie = |account: AccountId| {
        let hash = blake3::Hasher::new_keyed(seed).update(&account.0.to_le_bytes()).finalize();
        (*hash.as_bytes(), account)
    };
    let party = |holder: &Holder| (tie(holder.account), (nodes(holder), holder.region));
    holders.iter().map(party).filter(|(_, (nodes, _))| 0 < *nodes).collect()
}

fn total(side: &BTreeMap<Tie, (u64, Place)>) -> u128 {
    side.values().fold(0, |sum, (nodes, _)| sum.saturating_add(u128::from(*nodes)))
}

/// Cuts a side to `assigned` nodes, pro rata with the largest remainder; equal remainders in the order of the ties.
pub(crate) fn shares(side: &BTreeMap<Tie, (u64, Place)>, assigned: u128) -> Vec<Party> {
    let whole = total(side).max(1);
    let mut parts: Vec<(u128, Party)> = Vec::with_capacity(side.len());
    let mut left = assigned;
    for (tie, (nodes, place)) in side {
        let product = u128::from(*nodes).saturating_mul(assigned);
        let share = product.checked_div(whole).unwrap_or(0);
        left = left.saturating_sub(share);
        let remainder = product.checked_rem(whole).unwrap_or(0);
        // At most `nodes`, because `assigned` is at most `whole`.
        parts.push((remainder, (u64::try_from(share).unwrap_or(*nodes), *tie, *place)));
    }
    // Stable: the ties stay in order among equal remainders.
    parts.sort_by_key(|(remainder, _)| std::cmp::Reverse(*remainder));
    let with_extra = parts.into_iter().map(|(_, (share, tie, place))| {
        let extra = u64::from(0 < left);
        left = left.saturating_sub(1);
        (share.saturating_add(extra), tie, place)
    });
    with_extra.filter(|(nodes, _, _)| 0 < *nodes).collect()
}
