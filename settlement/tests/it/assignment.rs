//! EXPIRY: who delivers to whom.

use std::collections::BTreeMap;

use instruments::{InstrumentId, NetQty, Price, Region, Seq};
use proptest::prelude::*;
use settlement::{Assignment, AssignmentInputs, Holder, assign, assignment_seed};

use crate::world::{account, lots, ticks};

fn holders(nets: &[(u64, i64)]) -> Vec<Holder> {
    let holder = |(id, net): &(u64, i64)| Holder {
        account: account(*id),
        net: NetQty::from_lots(*net),
        region: None,
    };
    nets.iter().map(holder).collect()
}

fn paired(seed: [u8; 32], holders: &[Holder], node_size: u32) -> Vec<Assignment> {
    assign(seed, holders, &[], node_size).pairs
}

fn pairs(assignments: &[Assignment]) -> Vec<(u64, u64, u64)> {
    let pair = |part: &Assignment| (part.seller.0, part.buyer.0, part.lots.lots());
    assignments.iter().map(pair).collect()
}

#[test]
fn expiry_001_only_whole_nodes_are_delivered() {
    let nets = holders(&[(1, -20), (2, 13), (3, 7)]);
    assert_eq!(pairs(&paired([0; 32], &nets, 8)), [(1, 2, 8)]);
    assert_eq!(pairs(&paired([0; 32], &nets, 1)), [(1, 2, 13), (1, 3, 7)]);
    assert_eq!(pairs(&paired([0; 32], &nets, 100)), []);
}

#[test]
fn expiry_002_the_larger_side_is_cut_in_proportion() {
    // Buyers can take 6 nodes, sellers offer 3, 3 and 6: shares of 1.5, 1.5 and 3. One of the two equals gets the odd node, by the seed.
    let nets = holders(&[(1, -24), (2, -24), (3, -48), (4, 48), (5, 0)]);
    let mut odd = BTreeMap::new();
    for seed in 0..64 {
        let parts = pairs(&paired([seed; 32], &nets, 8));
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
    assert_eq!(pairs(&paired([5; 32], &nets, 8)), [(1, 6, 80), (2, 4, 24), (3, 5, 8)]);
    // 10 against 7 leaves 3, which is exactly what buyer 4 wants.
    let nets = holders(&[(1, -80), (2, -8), (3, 56), (4, 24), (5, 8)]);
    assert_eq!(pairs(&paired([5; 32], &nets, 8)), [(1, 3, 56), (1, 4, 24), (2, 5, 8)]);
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
    assert_eq!(paired([0; 32], &[], 8), []);
    assert_eq!(paired([0; 32], &holders(&[(1, 8)]), 8), []);
    assert_eq!(paired([0; 32], &holders(&[(1, 8), (2, -8)]), 0).len(), 1);
}

fn agreed(seller: u64, buyer: u64, size: u64) -> Assignment {
    Assignment { seller: account(seller), buyer: account(buyer), lots: lots(size) }
}

#[test]
fn expiry_014_what_was_agreed_on_goes_away_first_as_far_as_both_still_hold_it() {
    let nets = holders(&[(1, -24), (2, -16), (3, 32), (4, 8)]);
    let agreed_on = [
        agreed(1, 3, 20),
        // Seller 1 has 4 left, buyer 3 has 12; then seller 1 has nothing left.
        agreed(1, 3, 9),
        agreed(1, 4, 8),
        // Not a seller, not a buyer, not a holder, nobody.
        agreed(3, 4, 8),
        agreed(2, 1, 8),
        agreed(9, 4, 8),
        agreed(2, 2, 8),
    ];
    let assigned = assign([0; 32], &nets, &agreed_on, 8);
    assert_eq!(pairs(&assigned.matched), [(1, 3, 20), (1, 3, 4)]);
    // 8 of buyer 3 and 8 of buyer 4 are left against 16 of seller 2.
    assert_eq!(pairs(&assigned.pairs), [(2, 3, 8), (2, 4, 8)]);
}

/// A pro-rata assignment by hand. Sellers hold 56, 40 and 28 lots short, which are 7, 5 and 3 nodes of 8 (4 lots of the last are odd);
/// buyers want 80 and 44, which are 10 and 5 nodes (4 lots odd). 15 nodes meet 15: nobody is cut. Were buyer 5 not there, 10 nodes were
/// wanted: shares of 7 * 10/15 = 4.667, 5 * 10/15 = 3.333 and 3 * 10/15 = 2 nodes. Rounded down they are 4, 3 and 2, and the one node that
/// is left goes to the largest remainder, 0.667.
#[test]
fn expiry_002_shares_by_hand() {
    let all = holders(&[(1, -56), (2, -40), (3, -28), (4, 80), (5, 44)]);
    assert_eq!(pairs(&paired([1; 32], &all, 8)), [(1, 4, 56), (2, 5, 40), (3, 4, 24)]);
    let cut = holders(&[(1, -56), (2, -40), (3, -28), (4, 80)]);
    for seed in 0..8 {
        let parts = pairs(&paired([seed; 32], &cut, 8));
        assert_eq!(parts, [(1, 4, 40), (2, 4, 24), (3, 4, 16)]);
    }
}

#[test]
fn expiry_015_a_buyer_is_served_from_the_region_it_named_as_far_as_that_goes() {
    let named = |nets: &[(u64, i64, &str)]| -> Vec<Holder> {
        let holder = |(id, net, code): &(u64, i64, &str)| Holder {
            account: account(*id),
            net: NetQty::from_lots(*net),
            region: Region::from_code(code),
        };
        nets.iter().map(holder).collect()
    };
    // The exact size is in America; Europe can serve the buyer whole.
    let nets = named(&[(1, -24, "NA"), (2, -40, "EU"), (3, 24, "EU"), (4, 40, "any")]);
    assert_eq!(pairs(&paired([0; 32], &nets, 8)), [(1, 4, 24), (2, 3, 24), (2, 4, 16)]);
    // Europe has two of the three nodes: the third comes from elsewhere.
    let nets = named(&[(1, -24, "NA"), (2, -16, "EU"), (3, 24, "EU"), (4, 16, "any")]);
    assert_eq!(pairs(&paired([0; 32], &nets, 8)), [(1, 3, 8), (1, 4, 16), (2, 3, 16)]);
    // Without a wish a buyer gets all from the one place that can serve it whole, though the largest seller is elsewhere.
    let nets = named(&[
        (1, -48, "NA"),
        (2, -32, "EU"),
        (3, -32, "EU"),
        (4, 64, "any"),
        (5, 24, "any"),
        (6, 24, "any"),
    ]);
    let parts = pairs(&paired([0; 32], &nets, 8));
    assert_eq!(parts, [(1, 5, 24), (1, 6, 24), (2, 4, 32), (3, 4, 32)]);
}

#[test]
fn expiry_016_the_published_inputs_give_the_assignment_and_a_fingerprint() {
    let inputs = AssignmentInputs {
        instrument: InstrumentId(7),
        settlement_price: ticks(2_500),
        last_seq: Seq(100),
        node_size: 8,
        holders: holders(&[(1, -24), (2, 24)]),
        matches: vec![agreed(1, 2, 8)],
    };
    assert_eq!(inputs.seed(), assignment_seed(InstrumentId(7), ticks(2_500), Seq(100)));
    assert_eq!(pairs(&inputs.assign().pairs), [(1, 2, 16)]);
    let mut other = inputs.clone();
    other.matches[0].lots = lots(9);
    assert_ne!(inputs.hash(), other.hash());
    assert_eq!(inputs.hash(), inputs.clone().hash());
}

/// Positions that sum to zero, some of them with a region.
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
        regions in prop::collection::vec(0..4_usize, 16),
    ) {
        let mut all = holders(&nets);
        for (holder, region) in all.iter_mut().zip(regions) {
            holder.region = Region::ALL.get(region).copied().filter(|_| region < 3);
        }
        let parts = paired(seed, &all, node_size);
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

        let mut shuffled = all.clone();
        shuffled.rotate_left(rotate % nets.len());
        shuffled.reverse();
        prop_assert_eq!(paired(seed, &shuffled, node_size), parts);
    }
}
