//! The published worked portfolios, and one of everything.

use instruments::Right;

use super::*;

fn option(right: Right, [forward, strike, iv, days, qty]: [f64; 5]) -> Position {
    let contract = Contract::Option { right, strike, iv };
    Position { contract, forward, days, qty, expiry: "E1".to_owned() }
}

fn future([forward, days, qty]: [f64; 3], expiry: &str) -> Position {
    Position { contract: Contract::Future, forward, days, qty, expiry: expiry.to_owned() }
}

fn of(positions: &[Position]) -> Margin {
    margin(Scenarios::default(), Charges::default(), positions).expect("a margin")
}

#[track_caller]
fn check(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
    }
}

/// Computed with 30 digits.
#[rustfmt::skip]
const STRANGLE: [f64; 27] = [
    15.9452392679889, -62.5250624663093, -207.532371105191, 62.8616623550692, -23.9330013259396, -184.541157469929,
    92.566633913469, -0.899201113874279, -174.506031241123, 106.023449518894, 6.89579952892587, -176.916430992754,
    104.030039656267, 0.0, -191.13593859965, 87.1048958963575, -20.8629050548835, -216.443017356434,
    55.6227669180221, -54.83189059529, -252.065361251752, 10.0376157124298, -100.94123353834, -297.208034444459,
    -48.9399597799444, -158.152443373322, -351.075862349446,
];

#[rustfmt::skip]
const STRANGLE_EXTENDED: [f64; 8] = [
    -297.894806063493, -199.821799799282, -326.576885018668, -378.226576397831,
    -433.453320048683, -455.375466992515, -466.515517433507, -473.211123434959,
];

/// Of [`one_of_everything`]: worst, roll, minimum, initial, maintenance, two standard and two extended scenarios.
#[rustfmt::skip]
const ONE_OF_EVERYTHING: [f64; 9] = [
    570.813462568443, 0.0, 21.3625, 570.813462568443, 456.650770054755, 350.599643213311, -524.352532368083, 378.29402380625, -570.813462568443,
];

#[test]
fn a_short_strangle_fears_the_largest_move() {
    let margin = of(&[
        option(Right::Call, [2.5, 3.0, 0.9, 30.0, -1000.0]),
        option(Right::Put, [2.5, 2.0, 0.95, 30.0, -1000.0]),
    ]);
    check(&margin.standard, &STRANGLE);
    check(&margin.extended, &STRANGLE_EXTENDED);
    let figures = [margin.worst, margin.roll, margin.short_option_minimum];
    check(&figures, &[473.211123434959, 0.0, 50.0]);
    check(&[margin.initial, margin.maintenance], &[473.211123434959, 378.568898747967]);
}

#[test]
fn a_calendar_pays_for_the_range_and_for_the_roll() {
    let margin = of(&[future([2.5, 30.0, 5000.0], "E1"), future([2.4, 120.0, -5000.0], "E2")]);
    let steps = (-4i32..=4).flat_map(|step| [25.0 * f64::from(step); 3]);
    check(&margin.standard, &steps.collect::<Vec<_>>());
    check(&margin.extended, &[-100.0, -100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0]);
    check(&[margin.worst, margin.roll], &[100.0, 240.0]);
    check(&[margin.initial, margin.maintenance], &[340.0, 272.0]);
}

/// Computed with 40 digits: both powers, an expired option, fractions of a unit, a deep put, a volatility of zero, two expiries.
#[test]
fn one_of_everything() {
    let mut positions = vec![
        option(Right::Call, [2.5, 2.6, 0.8, 7.0, -744.5]),
        option(Right::Put, [2.5, 7.5, 0.6, 29.99, 0.25]),
        option(Right::Put, [2.5, 2.5, 0.4, 120.0, 500.0]),
        option(Right::Call, [2.5, 2.4, 0.9, 0.0, -100.0]),
        option(Right::Call, [2.5, 2.5, 0.0, 1.0, -10.0]),
        future([2.4, 60.0, -300.0], "E2"),
    ];
    positions[2].expiry = "E2".to_owned();
    let margin = of(&positions);
    check(&[margin.worst, margin.roll, margin.short_option_minimum], &ONE_OF_EVERYTHING[..3]);
    check(&[margin.initial, margin.maintenance], &ONE_OF_EVERYTHING[3..5]);
    check(&[margin.standard[0], margin.standard[26]], &ONE_OF_EVERYTHING[5..7]);
    check(&[margin.extended[0], margin.extended[7]], &ONE_OF_EVERYTHING[7..]);
}

#[test]
fn what_cannot_lose_needs_nothing() {
    let nothing = of(&[]);
    assert_eq!((nothing.standard.len(), nothing.extended.len()), (27, 8));
    assert_eq!((nothing.worst, nothing.initial, nothing.maintenance), (0.0, 0.0, 0.0));
    // Bought and sold is nothing, but for what the sold side needs at least.
    let pair = [7.0, -7.0].map(|qty| option(Right::Call, [2.5, 3.0, 0.9, 30.0, qty]));
    let margin = of(&pair);
    assert_eq!((margin.worst, margin.roll), (0.0, 0.0));
    check(&[margin.initial], &[0.01 * 2.5 * 7.0]);
}

#[test]
fn a_dampener_takes_from_extended_losses_only() {
    let short = [option(Right::Call, [2.5, 5.0, 0.9, 30.0, -1000.0])];
    let plain = of(&short);
    let charges = Charges { extended_dampener: 100.0, ..Charges::default() };
    let damped = margin(Scenarios::default(), charges, &short).expect("a margin");
    check(&[damped.worst], &[plain.worst - 100.0]);
    assert_eq!(damped.extended, plain.extended);
    let charges = Charges { extended_dampener: 1e9, ..Charges::default() };
    let standard_only = margin(Scenarios::default(), charges, &short).expect("a margin");
    let largest = plain.standard.iter().fold(0.0, |worst: f64, gain| worst.max(-gain));
    check(&[standard_only.worst], &[largest]);
}

#[test]
fn what_is_wrong_is_named() {
    let fine = option(Right::Call, [2.5, 3.0, 0.9, 30.0, 1.0]);
    let refused = |position: Position| {
        let both = [fine.clone(), position];
        margin(Scenarios::default(), Charges::default(), &both).expect_err("refused").to_string()
    };
    let named = |figures| refused(option(Right::Put, figures));
    assert!(named([0.0, 3.0, 0.9, 30.0, 1.0]).starts_with("positions[1].F 0: "));
    assert!(named([2.5, -3.0, 0.9, 30.0, 1.0]).starts_with("positions[1].K -3: "));
    assert!(named([2.5, 3.0, f64::NAN, 30.0, 1.0]).starts_with("positions[1].iv NaN: "));
    assert!(named([2.5, 3.0, 0.9, -1.0, 1.0]).starts_with("positions[1].dte -1: "));
    assert!(named([2.5, 3.0, 0.9, 30.0, f64::INFINITY]).starts_with("positions[1].qty inf: "));
    let scenarios = Scenarios { price_range: 1.0, ..Scenarios::default() };
    let refused = margin(scenarios, Charges::default(), &[]).expect_err("refused").to_string();
    assert!(refused.starts_with("parameters.price_range 1: "), "{refused}");
}
