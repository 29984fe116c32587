//! Markets in, what is said of them out.

use super::*;

const T0: Nanos = Nanos::from_seconds(1_700_000_000);
const DAY: u64 = 86_400;

fn option(id: u64, right: Right, strike: i64, days: u64) -> OptionState {
    OptionState {
        instrument: InstrumentId(id),
        family: "H100_USDC".to_owned(),
        grade: GradeId::new("H100").expect("a grade"),
        right,
        forward: Price::from_ticks(2_500),
        strike: Price::from_ticks(strike),
        tick_size: MicroUsd::new(1_000),
        hours_per_lot: 744,
        expires_at: Nanos::from_seconds(1_700_000_000 + days * DAY),
        bid: None,
        ask: None,
        trades: 0,
        last_trade: None,
    }
}

/// A market around the price at `iv`, so many ticks wide on each side.
fn quoted(mut option: OptionState, iv: f64, width: i64) -> OptionState {
    let price = option.european(T0).expect("terms").price(iv).expect("a price");
    let ticks = whole(price / option.tick()).expect("ticks");
    option.bid = Some(Price::from_ticks((ticks - width).max(1)));
    option.ask = Some(Price::from_ticks(ticks + width));
    option
}

fn market(seconds: u64, options: Vec<OptionState>) -> Market {
    Market { at: T0 + NanosSpan::from_seconds(seconds), options }
}

/// By hand: `docs/pricing.md` works the first line out.
#[test]
fn without_quotes_an_option_is_marked_at_its_grades_volatility() {
    let mut publisher = Publisher::default();
    let news = publisher.step(&market(0, vec![option(1, Right::Call, 2_500, 30)]));
    let [numbers] = &news[..] else { panic!("{news:?}") };
    assert_eq!((numbers.mark.ticks(), numbers.iv_ppm), (228, 800_000));
    assert_eq!((numbers.delta, numbers.array[13]), (545_649, 0));
    // Delta notional: 0.545649.. x 2.5 x 744 hours.
    assert_eq!(numbers.array[35] / 1_000, 1_014_907);
    let european = option(1, Right::Call, 2_500, 30).european(T0).expect("terms");
    let value = european.value(0.8).expect("a value");
    assert!((value.theta / 365.0 * 1e6 - numbers.theta as f64).abs() <= 0.5);
    assert!((value.vega / 100.0 * 1e6 - numbers.vega as f64).abs() <= 0.5);
}

#[test]
fn marks_follow_the_quotes_of_the_smile() {
    let mut publisher = Publisher::default();
    let smile = |strike: i64| 0.7 + 0.3 * ((strike as f64) / 2_500.0).ln().powi(2);
    let strikes = [1_800, 2_000, 2_200, 2_400, 2_500, 2_600, 2_800, 3_000, 3_200];
    let mut options = Vec::new();
    for (strike, id) in strikes.into_iter().zip(1..) {
        let right = if strike < 2_500 { Right::Put } else { Right::Call };
        options.push(quoted(option(id, right, strike, 30), smile(strike), 2));
    }
    // Nobody quotes this one.
    options.push(option(10, Right::Call, 2_300, 30));
    let news = publisher.step(&market(0, options.clone()));
    assert_eq!(news.len(), 10);
    for (numbers, option) in news.iter().zip(&options) {
        let iv = smile(option.strike.ticks());
        let off = (numbers.iv_ppm as f64 / 1e6 - iv).abs();
        assert!(off < 0.02, "{}: {} for {iv}", option.strike.ticks(), numbers.iv_ppm);
        if let (Some(bid), Some(ask)) = (option.bid, option.ask) {
            assert!(bid <= numbers.mark && numbers.mark <= ask, "{numbers:?}");
        }
    }
}

#[test]
fn what_has_not_moved_is_not_said_again_until_it_is_old() {
    let mut publisher = Publisher::default();
    let options = || vec![option(1, Right::Put, 2_400, 30), option(2, Right::Call, 9_000, 30)];
    assert_eq!(publisher.step(&market(0, options())).len(), 2);
    assert_eq!(publisher.step(&market(1, options())), []);
    // A minute later time has passed in every lane, if only by a little; the far call is still worth its one tick.
    let later = publisher.step(&market(60, options()));
    assert_eq!(later.first().map(|numbers| numbers.instrument), Some(InstrumentId(1)));
    // The future moves by a cent and a half.
    let mut moved = options();
    for option in &mut moved {
        option.forward = Price::from_ticks(2_515);
    }
    let news = publisher.step(&market(61, moved.clone()));
    assert!(news.iter().any(|numbers| numbers.instrument == InstrumentId(1)));
    publisher.forget(InstrumentId(1));
    assert_eq!(publisher.step(&market(62, moved)).len(), 1, "what was lost is said again");
}

/// OPTION-020: an option so far out of the money that nothing of it ever changes.
#[test]
fn what_does_not_change_is_said_again_before_it_is_too_old() {
    let mut publisher = Publisher::default();
    let far = || vec![option(1, Right::Call, 9_000_000, 30)];
    assert_eq!(publisher.step(&market(0, far())).len(), 1);
    assert_eq!(publisher.step(&market(61, far())), []);
    assert_eq!(publisher.step(&market(1_799, far())), []);
    assert_eq!(publisher.step(&market(1_800, far())).len(), 1);
    assert_eq!(publisher.step(&market(1_801, far())), []);
}

#[test]
fn a_trade_counts_for_five_minutes_and_then_the_smile_ages() {
    let mut publisher = Publisher::default();
    let plain = option(1, Right::Call, 2_500, 30);
    publisher.step(&market(0, vec![plain.clone()]));
    let price = plain.european(T0).expect("terms").price(1.2).expect("a price");
    let ticks = whole(price / plain.tick()).expect("ticks");
    let traded = OptionState { trades: 1, last_trade: Some(Price::from_ticks(ticks)), ..plain };
    let news = publisher.step(&market(1, vec![traded.clone()]));
    assert_eq!(news[0].mark.ticks(), ticks);
    let age = |publisher: &Publisher, seconds| {
        let surface = publisher.surface("H100_USDC").expect("a surface");
        let slice = surface.slice(traded.expires_at).expect("a smile");
        slice.age(T0 + NanosSpan::from_seconds(seconds)).map(|age| age.nanos() / 1_000_000_000)
    };
    publisher.step(&market(300, vec![traded.clone()]));
    assert_eq!(age(&publisher, 300), Some(0));
    publisher.step(&market(302, vec![traded.clone()]));
    publisher.step(&market(400, vec![traded.clone()]));
    assert_eq!(age(&publisher, 400), Some(100));
}

#[test]
fn a_wide_or_crossed_market_says_nothing() {
    let mut publisher = Publisher::default();
    let plain = option(1, Right::Call, 2_500, 30);
    let wide = OptionState {
        bid: Some(Price::from_ticks(1)),
        ask: Some(Price::from_ticks(1_900)),
        ..plain.clone()
    };
    assert_eq!(publisher.step(&market(0, vec![wide]))[0].iv_ppm, 800_000);
    let crossed = OptionState {
        bid: Some(Price::from_ticks(500)),
        ask: Some(Price::from_ticks(400)),
        ..plain
    };
    assert_eq!(publisher.step(&market(1, vec![crossed])), []);
}

#[test]
fn what_has_expired_is_forgotten() {
    let mut publisher = Publisher::default();
    publisher.step(&market(0, vec![option(1, Right::Call, 2_500, 30)]));
    publisher.step(&market(1, Vec::new()));
    assert!(publisher.said.is_empty() && publisher.trades.is_empty());
    assert!(publisher.surface("H100_USDC").is_none());
}

/// The array of a short call in the venue's units is what the published worked portfolio says of it, times the lot.
#[test]
fn arrays_have_the_start_values_of_the_grade() {
    let liquid = Scenarios::from(&RiskParameters::of(RiskClass::Liquid));
    assert_eq!(liquid, Scenarios::default());
    let thin = Scenarios::from(&RiskParameters::of(RiskClass::Thin));
    assert_eq!((thin.price_range, thin.vol_up, thin.vol_down), (0.3, 0.6, 0.35));
}
