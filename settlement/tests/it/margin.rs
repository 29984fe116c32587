//! MARGIN: what must be held for a position and its open orders.

use instruments::{NetQty, Ppm};
use proptest::prelude::*;
use settlement::{MarginRates, OpenOrders, Requirement, requirement};

use crate::world::{lots, month, series, ticks, usd};

#[track_caller]
fn required(net: i64, buys: u64, sells: u64, reserve: &str) -> Requirement {
    let open = OpenOrders { buys: lots(buys), sells: lots(sells), reserve: usd(reserve) };
    let net = NetQty::from_lots(net);
    requirement(&month(), &MarginRates::standard(), net, &open, ticks(2_500)).expect("in range")
}

#[test]
fn margin_001_the_worst_side_counts() {
    // One lot is worth 2.5 * 744 = 1860 dollars; its initial margin is 372, its maintenance margin 232.50.
    for (net, buys, sells, position, orders) in [
        (0, 3, 0, "0", "1116"),
        (0, 3, 5, "0", "1860"),
        (2, 3, 5, "744", "1116"),
        (-2, 3, 5, "744", "1860"),
        (-2, 5, 0, "744", "372"),
    ] {
        let part = required(net, buys, sells, "0");
        let expected = (usd(position), usd(orders));
        assert_eq!((part.position, part.orders), expected, "{net} +{buys} -{sells}");
    }
}

#[test]
fn margin_002_an_order_that_can_only_reduce_needs_its_reserve_alone() {
    assert_eq!(required(4, 0, 4, "0").orders, usd("0"));
    assert_eq!(required(-4, 4, 0, "12.5").orders, usd("12.5"));
    // Twice the position sold turns it round: the same size, the same need.
    assert_eq!(required(4, 0, 8, "0").orders, usd("0"));
    assert_eq!(required(4, 0, 9, "0").orders, usd("372"));
}

#[test]
fn margin_003_initial_is_20_percent_and_maintenance_12_and_a_half() {
    let part = required(8, 0, 0, "0");
    assert_eq!((part.position, part.maintenance), (usd("2976"), usd("1860")));
    assert_eq!(required(-8, 0, 0, "0"), part);
    assert_eq!(required(0, 0, 0, "0"), Requirement::default());
}

/// MARGIN-003, against published linear margins: a rate of size times index price, here with a lot of one hour and a tick of one dollar.
#[test]
fn margin_003_published_linear_margins_are_met_at_their_rates() {
    let mut instrument = series(1, 1);
    instrument.tick_size = usd("1");
    for (index, size, rate_ppm, margin) in [
        (100_000, 25, 20_000, "50000"),
        (100_000, 25, 21_250, "53125"),
        (100_000, 350, 37_500, "1312500"),
        (200, 25, 40_125, "200.625"),
        (200, 6_000, 70_000, "84000"),
    ] {
        let rates = MarginRates { initial: Ppm::new(rate_ppm), maintenance: Ppm::new(rate_ppm) };
        let net = NetQty::from_lots(size);
        let part = requirement(&instrument, &rates, net, &OpenOrders::default(), ticks(index));
        let part = part.expect("in range");
        assert_eq!((part.position, part.maintenance), (usd(margin), usd(margin)));
    }
}

#[test]
fn margin_004_a_fraction_of_a_micro_dollar_is_held_whole() {
    let rates = MarginRates { initial: Ppm::new(1), maintenance: Ppm::new(1) };
    let mut instrument = series(1, 1);
    instrument.tick_size = usd("0.000001");
    let net = NetQty::from_lots(1);
    let part = requirement(&instrument, &rates, net, &OpenOrders::default(), ticks(1));
    assert_eq!(part.map(|part| part.position), Some(usd("0.000001")));
}

#[test]
fn margin_005_what_does_not_fit_into_the_ledger_is_refused() {
    let rates = MarginRates::standard();
    let open = OpenOrders { buys: lots(u64::MAX), ..OpenOrders::default() };
    for (net, open) in [
        (NetQty::from_lots(i64::MAX), &OpenOrders::default()),
        (NetQty::from_lots(i64::MIN), &OpenOrders::default()),
        (NetQty::ZERO, &open),
    ] {
        assert_eq!(requirement(&month(), &rates, net, open, ticks(10_000_000)), None);
    }
    let open = OpenOrders { buys: lots(1), reserve: usd("9223372036854"), ..OpenOrders::default() };
    assert_eq!(requirement(&month(), &rates, NetQty::ZERO, &open, ticks(10_000_000)), None);
}

proptest! {
    /// MARGIN-001, MARGIN-004: every order can only raise what is held, and two halves never need less than the whole.
    #[test]
    fn orders_only_raise_and_halves_never_save(
        net in -1_000..1_000_i64, buys in 0..1_000_u64, sells in 0..1_000_u64, more in 1..100_u64,
        mark in 1..10_000_i64,
    ) {
        let rates = MarginRates::standard();
        let need = |net: i64, buys: u64, sells: u64| {
            let open = OpenOrders { buys: lots(buys), sells: lots(sells), ..OpenOrders::default() };
            requirement(&series(1, 1), &rates, NetQty::from_lots(net), &open, ticks(mark))
                .expect("in range")
        };
        let part = need(net, buys, sells);
        prop_assert!(usd("0") <= part.orders);
        prop_assert!(part.maintenance <= part.position);
        for other in [need(net, buys + more, sells), need(net, buys, sells + more)] {
            prop_assert!(part.orders <= other.orders);
            prop_assert_eq!(part.position, other.position);
        }
        let half = need(net / 2, 0, 0);
        let rest = need(net - net / 2, 0, 0);
        prop_assert!(part.position <= half.position + rest.position);
    }
}
