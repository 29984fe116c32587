//! VAR: what losers cannot pay runs down the layers, and every split can be redone by hand.

use expect_test::expect;
use instruments::{AccountId, MicroUsd};
use proptest::prelude::*;
use settlement::{Bucket, Positions, SPLIT_PAGE_LINES_MAX, Split, SplitPage, run_variation};

use crate::variation::{dollars, render};
use crate::world::{account, ledger, ticks, trade, usd};

/// The worked example of the rule book.
#[test]
fn var_012_the_layers_pay_in_their_order() {
    // The price falls by 1,000 dollars. Account 1 is long 10 and has 1,500 of its own.
    let instrument = dollars();
    let mut positions = Positions::default();
    trade(&mut positions, &instrument, (1, 2), 6, 2_000);
    trade(&mut positions, &instrument, (1, 3), 4, 2_000);
    let mut money = ledger(&[
        (Bucket::Cash(account(1)), usd("1000")),
        (Bucket::PositionMargin(account(1)), usd("500")),
        (Bucket::DefaultFundShare(account(1)), usd("300")),
        (Bucket::FirstLoss, usd("700")),
        (Bucket::Insurance, usd("2000")),
        (Bucket::DefaultFund, usd("1000")),
        (Bucket::DefaultFundShare(account(2)), usd("400")),
        (Bucket::DefaultFundShare(account(3)), usd("100")),
        (Bucket::DefaultFundShare(account(4)), usd("900")),
    ]);
    let cycle = run_variation(&mut money, &mut positions, &[(&instrument, ticks(1_000))]);
    expect![[r#"
        A-1 due -10000000000
        A-2 due 6000000000
        A-3 due 4000000000
        A-1 lost 10000000000: margin 1500000000, share 300000000, first loss 700000000, insurance 2000000000, mutual 1500000000, haircut 4000000000
        A-2 share 400000000 of 400000000: floor 400000000, remainder 0, rank 1
        A-3 share 100000000 of 100000000: floor 100000000, remainder 0, rank 2
        A-2 received 3600000000 of 6000000000: floor 3600000000, remainder 0, rank 1
        A-3 received 2400000000 of 4000000000: floor 2400000000, remainder 0, rank 2
    "#]]
    .assert_eq(&render(&cycle));
}

#[test]
fn var_006_an_account_that_holds_nothing_is_not_touched_and_its_share_neither() {
    let instrument = dollars();
    let mut positions = Positions::default();
    trade(&mut positions, &instrument, (1, 2), 1, 100);
    let mut money = ledger(&[
        (Bucket::DefaultFundShare(account(3)), usd("50")),
        (Bucket::Cash(account(3)), usd("50")),
    ]);
    let cycle = run_variation(&mut money, &mut positions, &[(&instrument, ticks(60))]);
    assert_eq!(cycle.covered.defaults[0].haircut, usd("40"));
    assert_eq!(money.equity(account(3)), usd("100"));
}

#[test]
fn var_013_shares_bear_a_loss_in_proportion_to_themselves() {
    // 10 micro-dollars are missing; the shares are 7, 8 and 9: 2.92, 3.33 and 3.75. Floors 2, 3, 3; the two largest remainders are served.
    let mut instrument = dollars();
    instrument.tick_size = MicroUsd::new(1);
    let mut positions = Positions::default();
    for winner in [2, 3, 4] {
        trade(&mut positions, &instrument, (1, winner), 5, 11);
    }
    let mut money = ledger(&[
        (Bucket::Cash(account(1)), MicroUsd::new(5)),
        (Bucket::DefaultFundShare(account(2)), MicroUsd::new(7)),
        (Bucket::DefaultFundShare(account(3)), MicroUsd::new(8)),
        (Bucket::DefaultFundShare(account(4)), MicroUsd::new(9)),
    ]);
    let cycle = run_variation(&mut money, &mut positions, &[(&instrument, ticks(10))]);
    expect![[r#"
        A-1 due -15
        A-2 due 5
        A-3 due 5
        A-4 due 5
        A-1 lost 15: margin 5, mutual 10
        A-2 share 3 of 7: floor 2, remainder 22, rank 1
        A-3 share 3 of 8: floor 3, remainder 8, rank 3
        A-4 share 4 of 9: floor 3, remainder 18, rank 2
    "#]]
    .assert_eq(&render(&cycle));
}

#[test]
fn var_014_of_several_who_cannot_pay_each_share_pays_before_any_other_layer() {
    let instrument = dollars();
    let mut positions = Positions::default();
    trade(&mut positions, &instrument, (1, 3), 1, 100);
    trade(&mut positions, &instrument, (2, 3), 1, 100);
    let mut money = ledger(&[
        (Bucket::DefaultFundShare(account(2)), usd("25")),
        (Bucket::FirstLoss, usd("30")),
        (Bucket::Insurance, usd("10")),
    ]);
    let cycle = run_variation(&mut money, &mut positions, &[(&instrument, ticks(60))]);
    expect![[r#"
        A-1 due -40000000
        A-2 due -40000000
        A-3 due 80000000
        A-1 lost 40000000: first loss 30000000, insurance 10000000
        A-2 lost 40000000: share 25000000, haircut 15000000
        A-3 received 65000000 of 80000000: floor 65000000, remainder 0, rank 1
    "#]]
    .assert_eq(&render(&cycle));
}

fn split(amount: u64, weights: &[u128]) -> Split {
    let weights: Vec<(AccountId, u128)> =
        (1..).map(AccountId).zip(weights.iter().copied()).collect();
    Split::new(amount, &weights).expect("somebody")
}

#[test]
fn var_015_a_split_that_was_tampered_with_does_not_hold() {
    let honest = split(7, &[5, 3, 3]);
    assert_eq!([1, 2, 3].map(|id| honest.verify(account(id))), [Some(3), Some(2), Some(2)]);
    assert_eq!(honest.verify(account(4)), None);
    let tampered: [fn(&mut Split); 8] = [
        |split| split.lines[0].part += 1,
        |split| split.lines.swap(0, 1),
        |split| split.lines[1].rank = 2,
        |split| split.lines[2].weight += 1,
        |split| split.terms.amount += 1,
        |split| split.terms.served = 1,
        |split| split.terms.last_served = None,
        |split| split.terms.commitment[0] ^= 1,
    ];
    for tamper in tampered {
        let mut split = honest.clone();
        tamper(&mut split);
        assert_eq!(split.verify(account(1)), None, "{split:?}");
    }
    // With the terms alone an account sees whether its own line is true.
    for line in &honest.lines {
        assert!(honest.terms.hold_for(line));
        let mut more = *line;
        more.part += 1;
        assert!(!honest.terms.hold_for(&more));
    }
}

#[test]
fn var_016_a_split_is_published_in_pages() {
    let weights: Vec<u128> = (1..=600).collect();
    let whole = split(1_000, &weights);
    let mut pages: Vec<SplitPage> = whole.pages().collect();
    let sizes: Vec<usize> = pages.iter().map(|page| page.lines.len()).collect();
    assert_eq!(sizes, [SPLIT_PAGE_LINES_MAX, SPLIT_PAGE_LINES_MAX, 600 - 2 * SPLIT_PAGE_LINES_MAX]);
    pages.reverse();
    assert_eq!(Split::of_pages(&pages), Some(whole));
    assert_eq!(Split::of_pages(&pages[1..]), None);
    assert_eq!(Split::of_pages(&[pages[0].clone(), pages[1].clone(), pages[1].clone()]), None);
}

proptest! {
    /// VAR-015: the parts sum to the amount, none is a whole unit away from its share, none is above its weight.
    #[test]
    fn a_split_is_exact(
        weights in prop::collection::vec(prop_oneof![1..20_u128, 1..u128::from(u64::MAX), 1..u128::MAX / 64], 1..40),
        ppm in 0..=1_000_000_u128,
    ) {
        let total: u128 = weights.iter().sum();
        let amount = u64::try_from((total / 1_000_000 * ppm).min(u128::from(u64::MAX))).expect("capped");
        let split = split(amount, &weights);
        prop_assert_eq!(split.lines.iter().map(|line| u128::from(line.part)).sum::<u128>(), u128::from(amount));
        for line in &split.lines {
            prop_assert!(split.terms.hold_for(line));
            prop_assert_eq!(split.verify(line.account), Some(line.part));
            prop_assert!(line.part - line.floor <= 1);
            if split.terms.shift == 0 {
                prop_assert!(u128::from(line.part) <= line.weight);
                let (exact, really) = (u128::from(amount) * line.weight, u128::from(line.part) * total);
                prop_assert!(exact.abs_diff(really) < total);
            }
        }
    }
}
