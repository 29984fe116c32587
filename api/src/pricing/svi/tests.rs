//! Curves that must be accepted or refused, and smiles from quotes.

use proptest::prelude::*;

use super::fit::{FitError, Quote, fit};
use super::*;

/// After Vogt, in Gatheral and Jacquier (2014): it has a positive variance everywhere and can be traded against all the same.
const VOGT: Svi = Svi { a: -0.041, b: 0.1331, rho: 0.306, m: 0.3586, s: 0.4153 };
const CLEAN: Svi = Svi { a: 0.04, b: 0.1, rho: -0.3, m: 0.05, s: 0.3 };

/// `k`, total variance and `g` of both, computed with 30 digits.
const VOGT_AT: [(f64, f64, f64); 9] = [
    (-1.5, 0.136781961122298, 0.247830695258373),
    (-1.0, 0.0927556521722065, 0.26787035873646),
    (-0.5, 0.0509765716903344, 0.356853572537707),
    (0.0, 0.0174262525551591, 1.0386497312818),
    (0.5, 0.0231515656121948, 0.0693792113008289),
    (0.75, 0.0508977943127616, -0.0241854423460689),
    (1.0, 0.0868267097518852, -0.0277416959046263),
    (1.25, 0.126195505811944, -0.000846161315829371),
    (1.5, 0.167151699886369, 0.0291238656581986),
];
const CLEAN_AT: [(f64, f64, f64); 9] = [
    (-1.5, 0.244376534038469, 0.351293655346226),
    (-1.0, 0.180701648339208, 0.404162840305285),
    (-0.5, 0.119149820430708, 0.555111026275654),
    (0.0, 0.0719138126514911, 1.15232358785249),
    (0.5, 0.0805832691319598, 0.716608109831831),
    (0.75, 0.0951577310586391, 0.571421495485359),
    (1.0, 0.111124294225856, 0.493000778458747),
    (1.25, 0.12769316876853, 0.444882977717904),
    (1.5, 0.144570928949608, 0.412525106757602),
];

#[test]
fn variance_and_density_to_the_printed_digit() {
    for (svi, table) in [(VOGT, VOGT_AT), (CLEAN, CLEAN_AT)] {
        for (k, variance, g) in table {
            assert!((svi.variance(k) / variance - 1.0).abs() < 1e-13, "w at {k}");
            assert!((svi.g(k) - g).abs() < 1e-13, "g at {k}: {}", svi.g(k));
        }
    }
}

#[test]
fn vogts_curve_is_refused_where_it_can_be_traded_against() {
    let refused = VOGT.check().expect_err("arbitrage");
    let SviError::Butterfly { k, g } = refused else { panic!("{refused}") };
    assert!((0.87..0.89).contains(&k) && (g + 0.032_863_6).abs() < 1e-7, "{refused}");
    assert_eq!(CLEAN.check().expect("a smile").svi(), &CLEAN);
}

#[test]
fn parameters_outside_the_formula_are_refused_by_name() {
    let fine = CLEAN;
    for (svi, name) in [
        (Svi { b: -0.1, ..fine }, "b "),
        (Svi { b: f64::NAN, ..fine }, "b "),
        (Svi { rho: 1.0, ..fine }, "rho "),
        (Svi { m: f64::INFINITY, ..fine }, "m "),
        (Svi { s: 0.0, ..fine }, "s "),
        (Svi { a: f64::NAN, ..fine }, "a "),
        (Svi { a: -0.5, ..fine }, "least total variance "),
        (Svi { b: 1.9, ..fine }, "b (1 + |rho|) "),
    ] {
        let refused = svi.check().expect_err(name).to_string();
        assert!(refused.starts_with(name), "{refused}");
    }
}

/// A dip of a hundredth of the reach of the walk, far from its middle, is found all the same.
#[test]
fn a_narrow_place_is_found() {
    let narrow = Svi { a: 0.01, b: 0.2, rho: 0.0, m: 1.0, s: 0.001 };
    assert!(matches!(narrow.check(), Err(SviError::Butterfly { .. })), "{:?}", narrow.check());
}

#[test]
fn a_later_expiry_with_less_variance_is_refused() {
    let early = CLEAN.check().expect("a smile");
    let late = CLEAN.scaled(1.2).check().expect("a smile");
    assert_eq!(late.check_after(&early), Ok(()));
    assert_eq!(early.check_after(&early), Ok(()));
    let Err(SviError::Calendar { by, .. }) = early.check_after(&late) else { panic!("arbitrage") };
    assert!(0.0 < by);
    // Only one wing crosses.
    let tilted = Svi { rho: 0.2, a: 0.05, ..CLEAN }.check().expect("a smile");
    assert!(tilted.check_after(&early).is_err());
}

fn quotes(smile: &Svi, years: f64, ks: &[f64]) -> Vec<Quote> {
    let iv = |k: f64| (smile.variance(k) / years).sqrt();
    ks.iter().map(|&k| Quote { k, iv: iv(k), weight: 1.0 }).collect()
}

const KS: [f64; 11] = [-0.6, -0.45, -0.3, -0.2, -0.1, 0.0, 0.08, 0.18, 0.3, 0.4, 0.5];

#[track_caller]
fn worst(smile: &Smile, quotes: &[Quote], years: f64) -> f64 {
    quotes.iter().map(|quote| (smile.iv(quote.k, years) - quote.iv).abs()).fold(0.0, f64::max)
}

#[test]
fn quotes_on_a_smile_give_it_back() {
    for (years, svi) in [
        (0.25, CLEAN),
        (1.0, Svi { a: 0.2, b: 0.4, rho: 0.4, m: -0.1, s: 0.4 }),
        (0.02, Svi { a: 0.005, b: 0.02, rho: -0.5, m: 0.0, s: 0.1 }),
        (0.08, Svi::flat(0.7, 0.08)),
    ] {
        let quotes = quotes(&svi, years, &KS);
        let fitted = fit(&quotes, years, None).expect("a smile");
        let off = worst(&fitted, &quotes, years);
        assert!(off < 1e-4, "{svi:?}: {:?} off by {off}", fitted.svi());
        assert_eq!(fit(&quotes, years, None), Ok(fitted), "the same quotes, the same smile");
    }
}

#[test]
fn two_wrong_quotes_of_eleven_do_not_move_it() {
    let mut quotes = quotes(&CLEAN, 0.25, &KS);
    let right = quotes.clone();
    quotes[2].iv *= 1.6;
    quotes[7].iv *= 0.5;
    let fitted = fit(&quotes, 0.25, None).expect("a smile");
    let kept: Vec<Quote> = (0..11).filter(|at| ![2, 7].contains(at)).map(|at| right[at]).collect();
    let off = worst(&fitted, &kept, 0.25);
    assert!(off < 0.01, "off by {off}");
}

#[test]
fn quotes_that_can_be_traded_against_give_a_smile_that_cannot_or_none() {
    let quotes = quotes(&VOGT, 1.0, &[-1.5, -1.0, -0.5, 0.0, 0.5, 0.75, 1.0, 1.25, 1.5]);
    match fit(&quotes, 1.0, None) {
        Ok(smile) => {
            assert!(smile.svi().check().is_ok());
            assert!(worst(&smile, &quotes, 1.0) < 0.1, "{smile:?}");
        }
        Err(error) => assert!(matches!(error, FitError::Arbitrage(_)), "{error}"),
    }
}

#[test]
fn few_quotes_move_the_smile_before_as_a_whole() {
    let before = CLEAN.check().expect("a smile");
    let one = Quote { k: 0.1, iv: 1.1 * before.iv(0.1, 0.25), weight: 1.0 };
    let moved = fit(&[one], 0.25, Some(&before)).expect("a smile");
    for k in [-0.5, 0.0, 0.5] {
        assert!((moved.iv(k, 0.25) / before.iv(k, 0.25) - 1.1).abs() < 1e-12);
    }
    let alone = fit(&[one], 0.25, None).expect("a smile");
    assert!((alone.iv(-1.0, 0.25) - one.iv).abs() < 1e-12);
}

#[test]
fn quotes_that_make_no_sense_are_refused_by_name() {
    let fine = Quote { k: 0.0, iv: 0.5, weight: 1.0 };
    let refused = |quote| fit(&[fine, quote], 0.25, None).expect_err("refused").to_string();
    assert!(refused(Quote { iv: f64::NAN, ..fine }).starts_with("quote 1: iv NaN"));
    assert!(refused(Quote { k: 11.0, ..fine }).starts_with("quote 1: k 11"));
    assert!(refused(Quote { weight: 0.0, ..fine }).starts_with("quote 1: weight 0"));
    assert_eq!(fit(&[], 0.25, None), Err(FitError::NoQuotes));
    assert!(fit(&[fine], 0.0, None).is_err());
    assert!(matches!(fit(&[fine; 1_001], 0.25, None), Err(FitError::TooMany { count: 1_001 })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is quoted, what comes out has no arbitrage, and comes out again the same.
    #[test]
    fn no_quotes_give_a_smile_with_arbitrage(
        given in prop::collection::vec((-1.0..1.0f64, 0.05..3.0f64), 1..16),
        years in 0.001..2.0f64,
    ) {
        let quotes: Vec<Quote> = given.iter().map(|&(k, iv)| Quote { k, iv, weight: 1.0 }).collect();
        if let Ok(smile) = fit(&quotes, years, None) {
            let densest = (-400..=400).map(|step| smile.svi().g(f64::from(step) / 100.0));
            prop_assert!(densest.fold(f64::INFINITY, f64::min) >= 0.0);
            prop_assert_eq!(fit(&quotes, years, None), Ok(smile));
        }
    }

    /// Smiles of the market's kind come back within a tenth of a percentage point.
    #[test]
    fn market_smiles_come_back(
        iv in 0.3..1.5f64, skew in -0.6..0.6f64, b in 0.02..0.25f64, m in -0.15..0.15f64, s in 0.1..0.5f64,
    ) {
        let years = 0.25;
        let b = b * iv * iv;
        let svi = Svi { a: iv * iv * years - b * s * (1.0 - skew * skew).sqrt(), b, rho: skew, m, s };
        prop_assume!(svi.check().is_ok());
        let quotes = quotes(&svi, years, &KS);
        let fitted = fit(&quotes, years, None);
        prop_assert!(fitted.is_ok(), "{svi:?} {fitted:?}");
        let off = worst(&fitted.expect("a smile"), &quotes, years);
        prop_assert!(off < 1e-3, "{svi:?} off by {off}");
    }
}
