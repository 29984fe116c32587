//! Whose price counts for how much: tiers, leases, owners, stake, administered prices.

use oracle::{State, Tier, WhyIgnored, Withheld};

use crate::book::{TICKS_PER_DAY, micros, moved};
use crate::market::Market;

const FIVE: [i64; 5] = [1_800_000, 2_000_000, 2_100_000, 2_300_000, 2_900_000];

/// The share of one seller after a tick, in millionths.
fn share(market: &mut Market, name: &str) -> i64 {
    let (_, told) = market.explained();
    let voice = told.voices.iter().find(|voice| voice.provider.as_str() == name);
    voice.map_or(0, |voice| voice.share_before_cap.ppm())
}

/// ORACLE-031: a rate card weighs half of an ask, an ask half of a lease, and a judgement nothing.
#[test]
fn oracle_031_better_evidence_weighs_more() {
    let mut market = Market::of(&[2_000_000; 6]);
    market.sellers[0].tier = Tier::RateCard;
    market.sellers[1].tier = Tier::Leased;
    market.ticks(2);
    // A quarter, one, and four halves are three and a quarter.
    assert_eq!(share(&mut market, "seller-0"), 76_923);
    assert_eq!(share(&mut market, "seller-1"), 307_692);
    assert_eq!(share(&mut market, "seller-2"), 153_846);
}

/// ORACLE-031: a judgement is shown and does not count, not even as somebody who was there.
#[test]
fn oracle_031_a_judgement_never_counts() {
    let mut market = Market::of(&[2_000_000; 4]);
    market.ticks(2);
    market.sellers[3].tier = Tier::Judgement;
    market.wait(12);
    let (print, told) = market.explained();
    let expected = Withheld::Providers { voting: 3, needed: 4, on_probation: 0 };
    assert_eq!(print.state, State::Withheld(expected));
    assert_eq!(told.ignored[0].why, WhyIgnored::Judgement);
}

/// ORACLE-032: leased GPU-hours weigh in proportion, and what is reported at once counts slowly.
#[test]
fn oracle_032_weights_are_linear_in_leased_hours() {
    let mut market = Market::leasing(&[2_000_000; 6], 100);
    market.ticks(20 * TICKS_PER_DAY);
    let before = share(&mut market, "seller-0");
    assert!((166_000..=167_000).contains(&before), "all the same: {before}");
    market.sellers[0].lease = Some((2_000_000, 300));
    market.tick();
    let at_once = share(&mut market, "seller-0");
    assert!(at_once - before < 500, "from {before} to {at_once}");
    market.ticks(30 * TICKS_PER_DAY);
    // Three times the others' hours are three eighths.
    assert!((374_000..=375_500).contains(&share(&mut market, "seller-0")));
}

/// ORACLE-032: without stake there is no weight.
#[test]
fn oracle_032_stake_that_is_not_bonded_does_not_weigh() {
    let mut market = Market::of(&[2_000_000; 6]);
    market.sellers[0].stake = 0;
    market.sellers[1].stake = 500_000;
    market.ticks(2);
    assert_eq!(share(&mut market, "seller-0"), 0);
    assert_eq!(share(&mut market, "seller-1"), 111_111);
}

/// ORACLE-033: the names of one owner count as one owner, for the cap and for every count.
#[test]
fn oracle_033_four_names_of_one_owner_are_no_market() {
    let mut market = Market::of(&[2_000_000; 4]);
    market.sellers[3].owner = "owner-2".to_owned();
    let reason = Withheld::Clusters { voting: 3, needed: 4, on_probation: 0 };
    let print = market.tick();
    assert_eq!(print.state, State::Withheld(reason));
    assert_eq!(print.state.to_string(), "WITHHELD(3 of 4 owners)");
}

/// ORACLE-033: a provider that appears under ten names weighs what it weighed under one, and moves the index no further.
#[test]
fn oracle_033_clones_of_one_owner_change_nothing() {
    for leased in [0, 50] {
        let single = |factor: i64| {
            let mut market = market_of_six(leased);
            market.ticks(TICKS_PER_DAY);
            market.sellers[0].price *= factor;
            micros(&market.after(TICKS_PER_DAY))
        };
        let cloned = |factor: i64| {
            let mut market = market_of_six(leased);
            let clone = market.sellers[0].clone();
            let names = (0..9).map(|place| format!("clone-{place}"));
            market.sellers[0].lease = clone.lease.map(|(price, hours)| (price, hours / 10));
            let like = market.sellers[0].clone();
            market.sellers.extend(names.map(|name| crate::market::Seller { name, ..like.clone() }));
            market.ticks(TICKS_PER_DAY);
            for seller in market.sellers.iter_mut().filter(|one| one.owner == clone.owner) {
                seller.price *= factor;
            }
            micros(&market.after(TICKS_PER_DAY))
        };
        for factor in [1, 10] {
            assert!(moved(single(factor), cloned(factor)) <= 2_000, "x{factor}, {leased} hours");
        }
    }
}

fn market_of_six(hours: u64) -> Market {
    let prices = [1_900_000, 2_000_000, 2_050_000, 2_100_000, 2_200_000, 2_400_000];
    if hours == 0 { Market::of(&prices) } else { Market::leasing(&prices, hours) }
}

/// ORACLE-030: the first lease of a provider is a level that was always there, and no move.
#[test]
fn oracle_030_the_first_lease_is_no_step() {
    let mut market = Market::of(&FIVE);
    let before = micros(&market.after(4));
    for seller in &mut market.sellers {
        (seller.tier, seller.lease) = (Tier::Leased, Some((seller.price * 4 / 5, 10_000)));
    }
    assert!(moved(before, micros(&market.tick())) <= 400);
    let later = micros(&market.after(5 * TICKS_PER_DAY));
    assert!(later < before, "the level follows: {before} to {later}");
}

/// ORACLE-030: what is leased moves the index at once, what is only asked hardly.
#[test]
fn oracle_030_an_ask_that_nobody_pays_does_not_count_beside_a_lease() {
    let mut market = Market::leasing(&FIVE, 10_000);
    let before = micros(&market.after(TICKS_PER_DAY));
    let mut asked = market.clone();
    asked.sellers.iter_mut().for_each(|seller| seller.price = seller.price * 6 / 5);
    assert!(moved(before, micros(&asked.tick())) <= 2_500);
    for seller in &mut market.sellers {
        seller.price = seller.price * 6 / 5;
        seller.lease = Some((seller.price, 1_000_000));
    }
    assert!(120_000 < moved(before, micros(&market.tick())));
}

/// ORACLE-036: a provider that moves in equal steps is marked, and weighs what a rate card weighs.
#[test]
fn oracle_036_an_administered_price_weighs_as_a_rate_card() {
    let mut market = Market::of(&FIVE);
    for tick in 0..8 {
        let price = if tick % 2 == 0 { 1_890_000 } else { 1_800_000 };
        market.sellers[0].price = price;
        market.tick();
    }
    let fresh = share(&mut market, "seller-0");
    market.ticks(2 * TICKS_PER_DAY);
    let (_, told) = market.explained();
    let voice = &told.voices[0];
    assert!(voice.is_administered && voice.tier == Tier::RateCard);
    assert!((110_000..=112_000).contains(&voice.share_before_cap.ppm()), "a ninth");
    assert!(150_000 < fresh, "not at once: {fresh}");
    assert!(told.voices[1..].iter().all(|voice| !voice.is_administered));
}
