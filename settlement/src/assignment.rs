//! Who delivers to whom: a pure function of the positions and a seed that nobody can choose.
//!
//! Whole nodes only. First each side is cut to what the other can take, pro rata by node with the largest remainder; then nodes are
//! paired, exact sizes first, then the largest seller with the largest buyer, so that nobody has more counterparties than it must.
//!
//! Invariants:
//! - the nodes assigned are the smaller of the two sides' whole nodes;
//! - nobody's share differs from its exact share by a node or more, and nobody delivers or receives more than its position;
//! - the order in which the holders are given does not matter.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, InstrumentId, NetQty, Price, Qty, Seq};

/// Keeps a seed for assignments from ever being a hash of something else.
const SEED_DOMAIN: &[u8] = b"tenor assignment 1";

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
}

/// An account's place among those of the same size: by a hash, so that no id is favoured.
pub(crate) type Tie = ([u8; 32], AccountId);
/// Nodes still to be paired, by size.
type Side = BTreeSet<(u64, Tie)>;

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

/// Assigns sellers to buyers. Sorted by seller, then buyer; no pair stands twice.
///
/// What is left of a holder's position, less than a node or cut by the shares, is settled in money by the caller.
#[must_use]
pub fn assign(seed: [u8; 32], holders: &[Holder], node_size: u32) -> Vec<Assignment> {
    let node_size = u64::from(node_size.max(1));
    let nodes = |lots: Qty| lots.lots().checked_div(node_size).unwrap_or(0);
    let sellers = by_tie(&seed, holders, |holder| nodes(holder.net.short()));
    let buyers = by_tie(&seed, holders, |holder| nodes(holder.net.long()));

    let assigned = total(&sellers).min(total(&buyers));
    let sellers = by_size(shares(&sellers, assigned));
    let buyers = by_size(shares(&buyers, assigned));

    let mut assignments: Vec<Assignment> = pair(sellers, buyers)
        .into_iter()
        .map(|((seller, buyer), nodes)| Assignment {
            seller,
            buyer,
            lots: Qty::from_lots(nodes.saturating_mul(node_size)),
        })
        .collect();
    assignments.sort_by_key(|assignment| (assignment.seller, assignment.buyer));
    assignments
}

pub(crate) fn by_tie(
    seed: &[u8; 32],
    holders: &[Holder],
    nodes: impl Fn(&Holder) -> u64,
) -> BTreeMap<Tie, u64> {
    let tie = |account: AccountId| {
        let hash = blake3::Hasher::new_keyed(seed).update(&account.0.to_le_bytes()).finalize();
        (*hash.as_bytes(), account)
    };
    let with_nodes = holders.iter().map(|holder| (tie(holder.account), nodes(holder)));
    with_nodes.filter(|(_, nodes)| 0 < *nodes).collect()
}

fn total(side: &BTreeMap<Tie, u64>) -> u128 {
    side.values().fold(0, |sum, nodes| sum.saturating_add(u128::from(*nodes)))
}

/// Cuts a side to `assigned` nodes, pro rata with the largest remainder; equal remainders in the order of the ties.
pub(crate) fn shares(side: &BTreeMap<Tie, u64>, assigned: u128) -> Vec<(Tie, u64)> {
    let whole = total(side).max(1);
    let mut parts: Vec<(u128, Tie, u64)> = Vec::with_capacity(side.len());
    let mut left = assigned;
    for (tie, nodes) in side {
        let product = u128::from(*nodes).saturating_mul(assigned);
        let share = product.checked_div(whole).unwrap_or(0);
        left = left.saturating_sub(share);
        let remainder = product.checked_rem(whole).unwrap_or(0);
        // At most `nodes`, because `assigned` is at most `whole`.
        parts.push((remainder, *tie, u64::try_from(share).unwrap_or(*nodes)));
    }
    // Stable: the ties stay in order among equal remainders.
    parts.sort_by_key(|(remainder, _, _)| std::cmp::Reverse(*remainder));
    let with_extra = parts.into_iter().map(|(_, tie, share)| {
        let extra = u64::from(0 < left);
        left = left.saturating_sub(1);
        (tie, share.saturating_add(extra))
    });
    with_extra.collect()
}

fn by_size(shares: Vec<(Tie, u64)>) -> Side {
    shares.into_iter().filter(|(_, nodes)| 0 < *nodes).map(|(tie, nodes)| (nodes, tie)).collect()
}

/// Pairs two sides with the same total. Every pair ends at least one of the two.
fn pair(mut sellers: Side, mut buyers: Side) -> Vec<((AccountId, AccountId), u64)> {
    let mut pairs = Vec::new();
    for (nodes, seller) in sellers.clone() {
        if let Some(buyer) = take_exact(&mut buyers, nodes) {
            sellers.remove(&(nodes, seller));
            pairs.push(((seller.1, buyer.1), nodes));
        }
    }
    while let (Some((selling, seller)), Some((buying, buyer))) =
        (sellers.pop_last(), buyers.pop_last())
    {
        let nodes = selling.min(buying);
        pairs.push(((seller.1, buyer.1), nodes));
        let (unsold, unbought) = (selling.saturating_sub(nodes), buying.saturating_sub(nodes));
        if 0 < unsold {
            if let Some(other) = take_exact(&mut buyers, unsold) {
                pairs.push(((seller.1, other.1), unsold));
            } else {
                sellers.insert((unsold, seller));
            }
        }
        if 0 < unbought {
            if let Some(other) = take_exact(&mut sellers, unbought) {
                pairs.push(((other.1, buyer.1), unbought));
            } else {
                buyers.insert((unbought, buyer));
            }
        }
    }
    pairs
}

/// Takes the first of a side that has exactly `nodes` left.
fn take_exact(side: &mut Side, nodes: u64) -> Option<Tie> {
    let from = (nodes, ([0; 32], AccountId(0)));
    let found = side.range(from..).next().copied().filter(|(size, _)| *size == nodes)?;
    side.remove(&found);
    Some(found.1)
}
