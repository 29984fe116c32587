//! MARGIN: what must be held for a position and its open orders.

use instruments::{MicroUsd, NetQty, Ppm, Right};
use proptest::prelude::*;
use settlement::{
    Conditions, MarginRates, OpenOrders, OptionMark, Requirement, option_requirement, quote_hold,
    requirement, surcharge,
};

use crate::world::{lots, month, series, ticks, usd};

#[track_caller]
fn required(net: i64, buys: u64, sells: u64, reserve: &str) -> Requirement {
    let open = OpenOrders { buys: lots(buys), sells: lots(sells), reserve: usd(reserve) };
    let net = NetQty::from_lots(net);
    let (rates, plain) = (MarginRates::standard(), Conditions::default());
    requirement(&month(), &rates, &plain, net, &open, ticks(2_500)).expect("in range")
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

/// MARGIN-006, against the published table of linear margins: a base and a slope per lot, here with a lot of one hour, a tick of one dollar,
/// and as much deliverable as makes the slope.
#[test]
fn margin_006_published_linear_margins_are_met() {
    let mut instrument = series(1, 1);
    instrument.tick_size = usd("1");
    // Price, position, base, lots by which the whole rate is one, and the published rate and margin.
    for (index, size, base_ppm, deliverable, rate_ppm, margin) in [
        (100_000, 25, 20_000, 20_000, 21_250, "53125"),
        (100_000, 350, 20_000, 20_000, 37_500, "1312500"),
        (200, 25, 40_000, 200_000, 40_125, "200.625"),
        (200, 6_000, 40_000, 200_000, 70_000, "84000"),
        (100_000, 25, 10_000, 20_000, 11_250, "28125"),
        (200, 25, 20_000, 200_000, 20_125, "100.625"),
    ] {
        let base = Ppm::new(base_ppm);
        let rates = MarginRates { initial: base, maintenance: base, ..MarginRates::standard() };
        let supply = Conditions { deliverable: lots(deliverable), ..Conditions::default() };
        let net = NetQty::from_lots(size);
        let none = OpenOrders::default();
        let part = requirement(&instrument, &rates, &supply, net, &none, ticks(index));
        let part = part.expect("in range");
        assert_eq!((part.position, part.maintenance), (usd(margin), usd(margin)));
        let flat = MarginRates { initial: Ppm::new(rate_ppm), ..rates };
        let plain = Conditions::default();
        let part = requirement(&instrument, &flat, &plain, net, &none, ticks(index));
        assert_eq!(part.map(|part| part.position), Some(usd(margin)));
    }
}

#[test]
fn margin_004_a_fraction_of_a_micro_dollar_is_held_whole() {
    let one = Ppm::new(1);
    let rates = MarginRates { initial: one, maintenance: one, ..MarginRates::standard() };
    let mut instrument = series(1, 1);
    instrument.tick_size = usd("0.000001");
    let net = NetQty::from_lots(1);
    let (plain, none) = (Conditions::default(), OpenOrders::default());
    let part = requirement(&instrument, &rates, &plain, net, &none, ticks(1));
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
        assert_eq!(
            requirement(&month(), &rates, &Conditions::default(), net, open, ticks(10_000_000)),
            None
        );
    }
    let open = OpenOrders { buys: lots(1), reserve: usd("9223372036854"), ..OpenOrders::default() };
    assert_eq!(
        requirement(
            &month(),
            &rates,
            &Conditions::default(),
            NetQty::ZERO,
            &open,
            ticks(10_000_000)
        ),
        None
    );
}

#[test]
fn margin_008_half_the_way_to_three_quarters_is_half_the_way_to_the_whole() {
    let rates = MarginRates::standard();
    let scale = |open: u64, whole: u64| rates.scale(lots(open), lots(whole)).ppm();
    assert_eq!([scale(25, 100), scale(26, 100), scale(50, 100)], [0, 20_000, 500_000]);
    assert_eq!([scale(75, 100), scale(1_000, 100), scale(5, 0)], [1_000_000, 1_000_000, 0]);
    // One lot of 1860 dollars: 20 %, and half of the other 80.
    let half = Conditions { scale: Ppm::new(500_000), ..Conditions::default() };
    let none = OpenOrders::default();
    let net = NetQty::from_lots(1);
    let whole = requirement(&month(), &rates, &half, net, &none, ticks(2_500));
    let more = surcharge(&month(), &rates, &half, net, &none, ticks(2_500));
    let (whole, more) = (whole.expect("in range"), more.expect("in range"));
    assert_eq!((whole.position, whole.maintenance), (usd("1116"), usd("232.5")));
    assert_eq!((more.position, more.maintenance), (usd("744"), usd("0")));
}

#[test]
fn margin_010_ten_to_a_hundred_percent_of_what_each_side_owes() {
    let rates = MarginRates::standard();
    let at = |net: i64, step: u8| {
        let conditions = Conditions { step, ..Conditions::default() };
        let (net, none) = (NetQty::from_lots(net), OpenOrders::default());
        let part = requirement(&month(), &rates, &conditions, net, &none, ticks(2_500));
        part.map(|part| (part.position, part.maintenance)).expect("in range")
    };
    // A lot is worth 1860 dollars: the buyer owes all of it, the seller 40 %.
    let buyer = [("372", "232.5"), ("465", "290.625"), ("837", "523.125"), ("1302", "813.75")];
    for (step, (initial, maintenance)) in (1..).zip(buyer) {
        assert_eq!(at(1, step), (usd(initial), usd(maintenance)), "step {step}");
    }
    assert_eq!(at(1, 5), (usd("1860"), usd("1162.5")));
    assert_eq!([1, 2, 3].map(|step| at(-1, step).0), [usd("372"); 3]);
    assert_eq!([4, 5].map(|step| at(-1, step).0), [usd("520.8"), usd("744")]);
}

/// MARGIN-031: the published formulas less the option's own value. A month future at 2.50 is worth 1860 dollars a lot.
#[test]
fn margin_031_a_short_option_costs_a_share_of_its_future() {
    let rates = MarginRates::standard();
    let option = |right, strike: &str, value: &str| {
        let (future, strike, value) = (usd("1860"), usd(strike), usd(value));
        let mark = OptionMark { right, future, strike, value };
        let net = NetQty::from_lots(-1);
        let part = option_requirement(&rates, &mark, net, &OpenOrders::default());
        part.map(|part| (part.position, part.maintenance)).expect("in range")
    };
    // 25 % of 1860 at the money; 372 out of the money there is the least, 15 %.
    assert_eq!(option(Right::Call, "1860", "150"), (usd("465"), usd("186")));
    assert_eq!(option(Right::Call, "1960", "90"), (usd("365"), usd("186")));
    assert_eq!(option(Right::Call, "2232", "60"), (usd("279"), usd("186")));
    assert_eq!(option(Right::Put, "1760", "80"), (usd("365"), usd("186")));
    // A put that is worth more than its future keeps 10 % of that, and opens no cheaper.
    assert_eq!(option(Right::Put, "5000", "3140"), (usd("465"), usd("314")));
    assert_eq!(option(Right::Put, "8000", "6140"), (usd("614"), usd("614")));
}

/// MARGIN-031: what is long is paid for, and what is sold of it is not short.
#[test]
fn a_long_option_needs_nothing_and_covers_its_sale() {
    let rates = MarginRates::standard();
    let one = usd("1860");
    let mark = OptionMark { right: Right::Call, future: one, strike: one, value: usd("150") };
    let need = |net: i64, buys: u64, sells: u64| {
        let open = OpenOrders { buys: lots(buys), sells: lots(sells), reserve: usd("1") };
        let part = option_requirement(&rates, &mark, NetQty::from_lots(net), &open);
        part.map(|part| (part.position, part.orders)).expect("in range")
    };
    assert_eq!(need(3, 5, 3), (usd("0"), usd("1")));
    assert_eq!(need(3, 0, 4), (usd("0"), usd("466")));
    assert_eq!(need(-2, 2, 0), (usd("930"), usd("1")));
}

#[test]
fn margin_033_a_quote_holds_a_fixed_rate_of_its_value() {
    let hold = |lots_quoted: u64| {
        quote_hold(&month(), &MarginRates::standard(), ticks(2_500), lots(lots_quoted))
    };
    assert_eq!(hold(10), Some(usd("372")));
    assert_eq!(hold(0), Some(MicroUsd::ZERO));
    assert_eq!(hold(u64::MAX), None);
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
            let (plain, net) = (Conditions::default(), NetQty::from_lots(net));
            requirement(&series(1, 1), &rates, &plain, net, &open, ticks(mark)).expect("in range")
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
