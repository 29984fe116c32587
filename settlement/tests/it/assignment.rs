//! EXPIRY: who delivers to whom.

use std::collections::BTreeMap;

use instruments::{InstrumentId, NetQty, Price, Seq};
use proptest::prelude::*;
use settlement::{Assignment, Holder, assign, assignment_seed};

use crate::world::{account, ticks};

fn holders(nets: &[(u64, i64)]) -> Vec<Holder> {
    let holder =
        |(id, net): &(u64, i64)| Holder { account: account(*id), net: NetQty::from_lots(*net) };
    nets.iter().map(holder).collect()
}

fn pairs(assignments: &[Assignment]) -> Vec<(u64, u64, u64)> {
    let pair = |part: &Assignment| (part.seller.0, part.buyer.0, part.lots.lots());
    assignments.iter().map(pair).collect()
}

#[test]
fn expiry_001_only_whole_nodes_are_delivered() {
    let nets = holders(&[(1, -20), (2, 13), (3, 7)]);
    assert_eq!(pairs(&assign([0; 32], &nets, 8)), [(1, 2, 8)]);
    assert_eq!(pairs(&assign([0; 32], &nets, 1)), [(1, 2, 13), (1, 3, 7)]);
    assert_eq!(pairs(&assign([0; 32], &nets, 100)), []);
}

#[test]
fn expiry_002_the_larger_side_is_cut_in_proportion() {
    // Buyers can take 6 nodes, sellers offer 3, 3 and 6: shares of 1.5, 1.5 and 3. One of the two equals gets the odd node, by the seed.
    let nets = holders(&[(1, -24), (2, -24), (3, -48), (4, 48), (5, 0)]);
    let mut odd = BTreeMap::new();
    for seed in 0..64 {
        let parts = pairs(&assign([seed; 32], &nets, 8));
        let of = |id| parts.iter().filter(|(seller, _, _)| *seller == id).map(|part| part.2).sum();
        let (first, second, third): (u64, u64, u64) = (of(1), of(2), of(3));
        assert_eq!((first + second, third), (24, 24), "{parts:?}");
        *odd.entry(first).or_insert(0) += 1;
    }
    assert_eq!(odd.keys().copied().collect::<Vec<_>>(), [8, 16], "the seed decides");
}

#[test]
fn expiry_003_exact_sizes_are_paired_first() {
    let nets = holders(&[(1, -80), (2, -24), (3, -8), (4, 24), (5, 8), (6, 80)]);
    assert_eq!(pairs(&assign([5; 32], &nets, 8)), [(1, 6, 80), (2, 4, 24), (3, 5, 8)]);
    // 10 against 7 leaves 3, which is exactly what buyer 4 wants.
    let nets = holders(&[(1, -80), (2, -8), (3, 56), (4, 24), (5, 8)]);
    assert_eq!(pairs(&assign([5; 32], &nets, 8)), [(1, 3, 56), (1, 4, 24), (2, 5, 8)]);
}

#[test]
fn expiry_004_the_seed_follows_from_what_nobody_can_choose() {
    let seed = assignment_seed(InstrumentId(7), ticks(2_500), Seq(100));
    assert_eq!(seed, assignment_seed(InstrumentId(7), ticks(2_500), Seq(100)));
    let others: [(InstrumentId, Price, Seq); 3] = [
        (InstrumentId(8), ticks(2_500), Seq(100)),
        (InstrumentId(7), ticks(2_501), Seq(100)),
        (InstrumentId(7), ticks(2_500), Seq(101)),
    ];
    for (instrument, price, seq) in others {
        assert_ne!(seed, assignment_seed(instrument, price, seq));
    }
}

#[test]
fn expiry_001_nothing_to_assign_is_no_assignment() {
    assert_eq!(assign([0; 32], &[], 8), []);
    assert_eq!(assign([0; 32], &holders(&[(1, 8)]), 8), []);
    assert_eq!(assign([0; 32], &holders(&[(1, 8), (2, -8)]), 0).len(), 1);
}

/// Positions that sum to zero.
fn any_holders() -> impl Strategy<Value = Vec<(u64, i64)>> {
    prop::collection::vec(-200..200_i64, 0..14).prop_map(|nets| {
        let rest: i64 = -nets.iter().sum::<i64>();
        (1..).zip(nets.into_iter().chain([rest])).collect()
    })
}

proptest! {
    /// EXPIRY-001, EXPIRY-002, EXPIRY-004, EXPIRY-005.
    #[test]
    fn assignment_is_fair_exact_and_blind_to_order(
        nets in any_holders(),
        node_size in 1..16_u32,
        seed in any::<[u8; 32]>(),
        rotate in 0..16_usize,
    ) {
        let parts = assign(seed, &holders(&nets), node_size);
        let node = u64::from(node_size);
        let nodes = |net: i64| net.unsigned_abs() / node;
        let side = |is_mine: fn(i64) -> bool| {
            nets.iter().map(|(_, net)| *net).filter(move |net| is_mine(*net))
        };
        let offered: u64 = side(|net| net < 0).map(nodes).sum();
        let wanted: u64 = side(|net| 0 < net).map(nodes).sum();
        let assigned = offered.min(wanted);

        let mut by_account: BTreeMap<u64, u64> = BTreeMap::new();
        for (seller, buyer, lots) in pairs(&parts) {
            prop_assert!(0 < lots && lots % node == 0);
            *by_account.entry(seller).or_default() += lots / node;
            *by_account.entry(buyer).or_default() += lots / node;
        }
        prop_assert_eq!(by_account.values().sum::<u64>(), 2 * assigned);
        for (id, net) in &nets {
            let share = by_account.get(id).copied().unwrap_or(0);
            let whole = if *net < 0 { offered } else { wanted };
            prop_assert!(share <= nodes(*net));
            // |share - nodes * assigned / whole| < 1, without a division.
            prop_assert!((share * whole).abs_diff(nodes(*net) * assigned) < whole.max(1));
        }
        let holders_with_nodes = by_account.len();
        prop_assert!(parts.len() < holders_with_nodes.max(1));

        let mut shuffled = nets.clone();
        shuffled.rotate_left(rotate % nets.len());
        shuffled.reverse();
        prop_assert_eq!(assign(seed, &holders(&shuffled), node_size), parts);
    }
}
