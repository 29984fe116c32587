//! Prices and derivatives against numbers of others, and what must hold of any price.
//!
//! `reference.csv`: computed with 30 to 40 digits. `grid.csv`: computed with 400 digits, printed with 17; 1 hour to 1 year, forward over
//! strike 0.3 to 3, volatility 5 % to 300 %. `haug.csv`: QuantLib test-suite/europeanoption.cpp (BSD), after Haug.

use instruments::Right;
use proptest::prelude::*;

use super::*;

/// Larger than 1e-9 of a reference is wrong.
const RELATIVE_MAX: f64 = 1e-9;

/// The rows of a table whose fields are all numbers but for those named in `texts`, by column.
fn rows(table: &str) -> Vec<Vec<&str>> {
    table.lines().skip(1).map(|line| line.split(',').collect()).collect()
}

fn number(text: &str) -> f64 {
    text.parse().expect("a number")
}

#[track_caller]
fn check_close(what: &str, found: f64, expected: f64) {
    // Below the normal range there are no 9 digits to agree on.
    if expected.abs() < f64::MIN_POSITIVE {
        assert!(found.abs() <= f64::MIN_POSITIVE, "{what}: {found}, expected {expected}");
        return;
    }
    let relative = ((found - expected) / expected).abs();
    assert!(relative <= RELATIVE_MAX, "{what}: {found}, expected {expected}, off by {relative}");
}

fn option(right: Right, [forward, strike, years, rate]: [f64; 4]) -> European {
    European::new(Terms { right, forward, strike, years, rate }).expect("terms")
}

/// `[forward, strike, years, sigma, rate]` and `[call, put, delta call, delta put, gamma, vega, theta call, theta put, rho call, rho put]`.
fn check_row(given: [f64; 5], expected: &[f64]) {
    let [forward, strike, years, sigma, rate] = given;
    for (right, at) in [(Right::Call, 0), (Right::Put, 1)] {
        let value = option(right, [forward, strike, years, rate]).value(sigma).expect("a value");
        let name = |figure: &str| format!("{figure} of {right:?} {given:?}");
        check_close(&name("price"), value.price, expected[at]);
        check_close(&name("delta"), value.delta, expected[2 + at]);
        check_close(&name("gamma"), value.gamma, expected[4]);
        check_close(&name("vega"), value.vega, expected[5]);
        check_close(&name("theta"), value.theta, expected[6 + at]);
        check_close(&name("rho"), value.rho, expected[8 + at]);
    }
}

#[test]
fn the_published_grid_within_1e_9() {
    let table = rows(include_str!("reference.csv"));
    assert_eq!(table.len(), 20);
    for row in table {
        let given = [0, 1, 2, 4, 5].map(|at| number(row[at]));
        let expected: Vec<f64> = row[6..].iter().map(|text| number(text)).collect();
        check_row(given, &expected);
    }
}

#[test]
fn a_wider_grid_within_1e_9() {
    let table = rows(include_str!("grid.csv"));
    assert_eq!(table.len(), 144);
    for row in table {
        let figures: Vec<f64> = row.iter().map(|text| number(text)).collect();
        let (given, expected) = figures.split_at(5);
        check_row(given.try_into().expect("five"), expected);
    }
}

/// A spot with a yield `q` is a forward `S exp((r - q) T)`.
#[test]
fn haugs_43_prices_to_the_printed_digit() {
    let table = rows(include_str!("haug.csv"));
    assert_eq!(table.len(), 43);
    for row in table {
        let right = if row[0] == "Call" { Right::Call } else { Right::Put };
        let [strike, spot, q, r, years, vol, published, tolerance] =
            [1, 2, 3, 4, 5, 6, 7, 8].map(|at| number(row[at]));
        let forward = spot * ((r - q) * years).exp();
        let price = option(right, [forward, strike, years, r]).price(vol).expect("a price");
        assert!((price - published).abs() <= tolerance, "{row:?}: {price}");
        assert!((price - number(row[9])).abs() <= 1e-9, "{row:?}: {price}");
    }
}

/// Three options of the contract design, computed there with 8 digits.
#[test]
fn the_contract_designs_options_to_8_digits() {
    let month = 1.0 / 12.0;
    for (given, call, put, delta) in [
        ([2.5, 2.6, 0.25, 0.04], 0.229_387_11, 0.328_392_09, 0.493_002_36),
        ([2.0, 2.0, 1.0, 0.0], 0.317_038_84, 0.317_038_84, 0.579_259_71),
        ([3.1, 2.5, month, 0.05], 0.657_930_91, 0.060_425_71, 0.848_889_57),
    ] {
        let sigma = match given[0] {
            2.5 => 0.55,
            2.0 => 0.4,
            _ => 0.8,
        };
        let (of_call, of_put) = (option(Right::Call, given), option(Right::Put, given));
        assert!((of_call.price(sigma).expect("a price") - call).abs() < 5.1e-9, "{given:?}");
        assert!((of_put.price(sigma).expect("a price") - put).abs() < 5.1e-9, "{given:?}");
        assert!((of_call.value(sigma).expect("a value").delta - delta).abs() < 5.1e-9);
    }
}

#[test]
fn without_time_or_volatility_only_the_intrinsic_value_is_left() {
    for (years, sigma) in [(0.0, 0.6), (0.5, 0.0), (0.0, 0.0), (1e-300, 1e-300)] {
        for (right, strike, intrinsic, hit) in [
            (Right::Call, 2.0, 0.5, 1.0),
            (Right::Call, 3.0, 0.0, 0.0),
            (Right::Call, 2.5, 0.0, 0.5),
            (Right::Put, 2.0, 0.0, 0.0),
            (Right::Put, 3.0, 0.5, -1.0),
            (Right::Put, 2.5, 0.0, -0.5),
        ] {
            let option = option(right, [2.5, strike, years, 0.04]);
            let value = option.value(sigma).expect("a value");
            let discount = (-0.04 * years).exp();
            assert!((value.price - discount * intrinsic).abs() < 1e-15, "{value:?}");
            assert!((value.delta - discount * hit).abs() < 1e-15, "{value:?}");
            assert_eq!(value.gamma, 0.0);
            assert!((value.theta - 0.04 * value.price).abs() < 1e-15, "{value:?}");
            assert!(value.vega.is_finite() && value.rho <= 0.0);
        }
    }
}

#[test]
fn a_call_never_costs_more_than_its_future_nor_a_put_more_than_its_strike() {
    for sigma in [10.0, 100.0, 1_000.0] {
        let call = option(Right::Call, [2.5, 3.0, 1_000.0, 0.0]).value(sigma).expect("a value");
        let put = option(Right::Put, [2.5, 3.0, 1_000.0, 0.0]).value(sigma).expect("a value");
        assert_eq!((call.price, put.price), (2.5, 3.0));
        assert!(call.theta.is_finite() && call.vega == 0.0);
    }
}

#[test]
fn figures_out_of_range_are_refused_by_name() {
    let fine = Terms { right: Right::Call, forward: 2.5, strike: 2.5, years: 1.0, rate: 0.0 };
    let refused = |terms: Terms| European::new(terms).expect_err("refused").to_string();
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(refused(Terms { forward: wrong, ..fine }).starts_with("F "), "{wrong}");
        assert!(refused(Terms { strike: wrong, ..fine }).starts_with("K "), "{wrong}");
    }
    for wrong in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(refused(Terms { years: wrong, ..fine }).starts_with("T "), "{wrong}");
        assert!(refused(Terms { rate: wrong, ..fine }).starts_with("r "), "{wrong}");
        let sigma = European::new(fine).expect("terms").price(wrong).expect_err("refused");
        assert!(sigma.to_string().starts_with("sigma "), "{wrong}");
    }
}

fn any_option() -> impl Strategy<Value = (f64, f64, f64, f64)> {
    // Forward over strike 0.3 to 3, an hour to a year, 5 % to 300 %: even in logarithms.
    (-1.2f64..1.1, -9.07f64..0.0, -3.0f64..1.1)
        .prop_map(|(m, t, s)| (2.5, 2.5 * (-m).exp(), t.exp(), s.exp()))
}

proptest! {
    /// A call less its put is the discounted forward less the strike.
    #[test]
    fn calls_and_puts_agree((forward, strike, years, sigma) in any_option(), rate in -0.1..0.1f64) {
        let price = |right| option(right, [forward, strike, years, rate]).price(sigma).expect("a price");
        let parity = (-rate * years).exp() * (forward - strike);
        prop_assert!((price(Right::Call) - price(Right::Put) - parity).abs() < 1e-14);
    }

    /// More volatility never costs less.
    #[test]
    fn prices_rise_with_volatility((forward, strike, years, sigma) in any_option()) {
        for right in [Right::Call, Right::Put] {
            let option = option(right, [forward, strike, years, 0.0]);
            let lower = option.price(sigma).expect("a price");
            let higher = option.price(1.01 * sigma).expect("a price");
            prop_assert!(lower <= higher * (1.0 + 1e-12), "{lower} {higher}");
        }
    }

    /// A price gives back its volatility wherever more than 1e-8 of it is time value, and is refused elsewhere.
    #[test]
    fn a_price_gives_back_its_volatility((forward, strike, years, sigma) in any_option(), rate in 0.0..0.1f64) {
        for right in [Right::Call, Right::Put] {
            let option = option(right, [forward, strike, years, rate]);
            let price = option.price(sigma).expect("a price");
            // Closer to the least number there is, the solver has no digits to work with.
            let has_time_value = 1e-8 * price < price - option.intrinsic() && 1e-300 < price;
            match option.implied_vol(price) {
                Ok(implied) => prop_assert!((implied / sigma - 1.0).abs() < 1e-8, "{implied} {sigma}"),
                Err(error) => prop_assert!(!has_time_value, "{error}"),
            }
        }
    }
}
