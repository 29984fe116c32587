//! Which seller delivers to which buyer, once both sides are cut to the same number of nodes.
//!
//! First whoever wants a region, from that region: exact sizes, then the largest buyer from the largest seller. Then everybody who is left
//! over, from anywhere: exact sizes, then the largest buyer from the largest seller of the place that can serve it whole.
//!
//! Invariant: every pair ends the search of one of its two, so there are fewer pairs than parties.

use std::collections::{BTreeMap, BTreeSet};

use instruments::{AccountId, Region};

/// An account's place among those of the same size: by a hash, so that no id is favoured.
pub(crate) type Tie = ([u8; 32], AccountId);
/// A party's nodes, its tie, and where it delivers or wants to receive.
pub(crate) type Party = (u64, Tie, Place);
/// A region, or nothing named.
pub(crate) type Place = Option<Region>;
type Pair = ((AccountId, AccountId), u64);

/// Sellers with nodes left, by size and by place.
#[derive(Default)]
struct Sellers {
    all: BTreeSet<Party>,
    by_place: BTreeMap<Place, BTreeSet<(u64, Tie)>>,
    nodes: BTreeMap<Place, u128>,
}

impl Sellers {
    fn add(&mut self, (nodes, tie, place): Party) {
        if nodes == 0 {
            return;
        }
        self.all.insert((nodes, tie, place));
        self.by_place.entry(place).or_default().insert((nodes, tie));
        let sum = self.nodes.entry(place).or_default();
        *sum = sum.saturating_add(u128::from(nodes));
    }

    fn take(&mut self, seller: Party) -> Party {
        let (nodes, tie, place) = seller;
        self.all.remove(&seller);
        if let Some(side) = self.by_place.get_mut(&place) {
            side.remove(&(nodes, tie));
        }
        if let Some(sum) = self.nodes.get_mut(&place) {
            *sum = sum.saturating_sub(u128::from(nodes));
        }
        seller
    }

    fn exact(&self, nodes: u64) -> Option<Party> {
        let from = (nodes, ([0; 32], AccountId(0)), None);
        self.all.range(from..).next().copied().filter(|(size, _, _)| *size == nodes)
    }

    fn exact_in(&self, place: Place, nodes: u64) -> Option<Party> {
        let from = (nodes, ([0; 32], AccountId(0)));
        let found = self.by_place.get(&place)?.range(from..).next().copied();
        found.filter(|(size, _)| *size == nodes).map(|(size, tie)| (size, tie, place))
    }

    fn largest_in(&self, place: Place) -> Option<Party> {
        self.by_place.get(&place)?.last().map(|(nodes, tie)| (*nodes, *tie, place))
    }

    /// The largest seller of a place that can serve `nodes` whole, else of the place with the most.
    fn largest_for(&self, nodes: u64) -> Option<Party> {
        let can_serve =
            |place: &Place| self.nodes.get(place).is_some_and(|whole| u128::from(nodes) <= *whole);
        let places = || self.by_place.keys().copied();
        let of = |place: Place| self.largest_in(place);
        let whole = places().filter(can_serve).filter_map(of).max();
        whole.or_else(|| {
            let most = |place: &Place| self.nodes.get(place).copied().unwrap_or(0);
            places().filter(|place| 0 < most(place)).max_by_key(most).and_then(of)
        })
    }
}

/// Pairs two sides with the same total.
pub(crate) fn pair(sellers: &[Party], buyers: &[Party]) -> Vec<Pair> {
    let mut left = Sellers::default();
    for seller in sellers {
        left.add(*seller);
    }
    let (mut pairs, mut waiting) = (Vec::new(), BTreeSet::new());
    let mut regional: BTreeSet<Party> = BTreeSet::new();
    for buyer in buyers {
        let side = if buyer.2.is_some() { &mut regional } else { &mut waiting };
        side.insert(*buyer);
    }
    for buyer in serve_exact(&mut left, regional, &mut pairs, |left, (nodes, _, place)| {
        left.exact_in(place, nodes)
    })
    .into_iter()
    .rev()
    {
        let (rest, tie) = serve_from(&mut left, buyer.2, (buyer.0, buyer.1), &mut pairs);
        // What its region cannot give comes from anywhere.
        if 0 < rest {
            waiting.insert((rest, tie, None));
        }
    }
    let mut waiting =
        serve_exact(&mut left, waiting, &mut pairs, |left, (nodes, _, _)| left.exact(nodes));
    while let Some((nodes, tie, _)) = waiting.pop_last() {
        let best = left.exact(nodes).or_else(|| left.largest_for(nodes));
        let Some((_, _, place)) = best else { break };
        let (rest, tie) = serve_from(&mut left, place, (nodes, tie), &mut pairs);
        if 0 < rest {
            waiting.insert((rest, tie, None));
        }
    }
    pairs
}

/// Gives each buyer the one seller of its size that `find` finds, smallest buyers first, and returns those for whom there is none.
fn serve_exact(
    left: &mut Sellers,
    buyers: BTreeSet<Party>,
    pairs: &mut Vec<Pair>,
    find: impl Fn(&Sellers, Party) -> Option<Party>,
) -> BTreeSet<Party> {
    let mut unserved = BTreeSet::new();
    for buyer in buyers {
        if let Some(seller) = find(left, buyer) {
            left.take(seller);
            pairs.push(((seller.1.1, buyer.1.1), buyer.0));
        } else {
            unserved.insert(buyer);
        }
    }
    unserved
}

/// Serves one buyer from one place, the seller of just its size first, then the largest, and returns what that place lacks.
fn serve_from(
    left: &mut Sellers,
    place: Place,
    (mut wanted, buyer): (u64, Tie),
    pairs: &mut Vec<Pair>,
) -> (u64, Tie) {
    while 0 < wanted {
        let found = left.exact_in(place, wanted).or_else(|| left.largest_in(place));
        let Some(seller) = found else { break };
        let (offered, tie, _) = left.take(seller);
        let nodes = offered.min(wanted);
        pairs.push(((tie.1, buyer.1), nodes));
        wanted = wanted.saturating_sub(nodes);
        left.add((offered.saturating_sub(nodes), tie, place));
    }
    (wanted, buyer)
}
