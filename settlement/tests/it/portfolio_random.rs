//! MARGIN: a long random life of a risk book, compared after every step with a portfolio that is computed from nothing.

use std::collections::BTreeMap;

use instruments::{AccountId, InstrumentId, MicroUsd, NetQty, Qty, Side};
use settlement::{
    Beyond, LANES, Leg, RiskArray, RiskBook, RiskOrder, RiskParameters, RiskSeries, SCENARIOS,
};

const ACCOUNTS: u64 = 7;
const SERIES: u64 = 18;
/// Series that share a future's delta.
const OF_ONE_EXPIRY: u64 = 3;
/// Series of the first grade; the rest are of the second.
const OF_FIRST_GRADE: u64 = 12;

/// A splitmix64 sequence.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// A number around zero.
    fn around(&mut self, bound: i64) -> i64 {
        i64::try_from(self.below(2 * bound.unsigned_abs() + 1)).expect("in range") - bound
    }

    fn side(&mut self) -> Side {
        if self.below(2) == 0 { Side::Buy } else { Side::Sell }
    }
}

/// The book, and beside it nothing but legs and arrays.
#[derive(Clone)]
struct Market {
    book: RiskBook,
    legs: BTreeMap<(u64, u64), Leg>,
    series: BTreeMap<u64, RiskSeries>,
}

const fn grade_of(series: u64) -> u32 {
    if series <= OF_FIRST_GRADE { 0 } else { 1 }
}

fn parameters(grade: u32) -> RiskParameters {
    let liquid = RiskParameters::liquid();
    let base = if grade == 0 { liquid } else { RiskParameters::thin() };
    // A threshold that is crossed.
    RiskParameters { contingency_from: MicroUsd::new(40_000_000_000), ..base }
}

impl Market {
    fn new(draw: &mut Draw) -> Self {
        let mut book = RiskBook::default();
        book.set_parameters(0, &parameters(0));
        book.set_parameters(1, &parameters(1));
        let mut market = Self { book, legs: BTreeMap::new(), series: BTreeMap::new() };
        for series in 1..=SERIES {
            market.set_array(series, draw);
        }
        market
    }

    /// A future's array, or any array at all.
    fn set_array(&mut self, series: u64, draw: &mut Draw) {
        let grade = grade_of(series);
        let expiry = (series - 1) / OF_ONE_EXPIRY * OF_ONE_EXPIRY + 1;
        let value = MicroUsd::new(500_000_000 + draw.around(400_000_000));
        let mut lanes = *RiskArray::of_future(&parameters(grade), value).expect("in range").lanes();
        let mut short_minimum = MicroUsd::ZERO;
        if series != expiry {
            lanes = [0; LANES].map(|_| draw.around(300_000_000));
            short_minimum = MicroUsd::new(draw.around(50_000_000).abs());
        }
        let array = RiskArray::new(lanes);
        let terms = RiskSeries { grade, expiry: InstrumentId(expiry), array, short_minimum };
        self.book.set_series(InstrumentId(series), &terms);
        self.series.insert(series, terms);
    }

    fn leg(&self, key: (u64, u64)) -> Leg {
        self.legs.get(&key).copied().unwrap_or_default()
    }

    /// What the account requires in both grades: with orders, without, and to maintain.
    fn naive(&self, account: u64) -> [i128; 3] {
        let mut sum = [0; 3];
        for grade in [0, 1] {
            let of = |key: &(u64, u64)| key.0 == account && grade_of(key.1) == grade;
            let legs = self.legs.iter().filter(|(key, _)| of(key));
            let legs: Vec<(&RiskSeries, Leg)> =
                legs.map(|(key, leg)| (&self.series[&key.1], *leg)).collect();
            let alone = legs.iter().map(|(terms, leg)| (*terms, Leg { buys: 0, sells: 0, ..*leg }));
            let alone = naive(grade, &alone.collect::<Vec<_>>());
            let maintenance = i128::from(parameters(grade).maintenance.ppm());
            sum[0] += naive(grade, &legs);
            sum[1] += alone;
            sum[2] += up(alone * maintenance);
        }
        sum
    }

    #[track_caller]
    fn compare(&self, account: u64) {
        let expected = self.naive(account);
        let mut found = [0_i128; 3];
        for (_, parts) in self.book.components(AccountId(account)) {
            found[0] += i128::from(parts.total().micros());
            found[1] += i128::from(parts.initial.micros());
            found[2] += i128::from(parts.maintenance.micros());
        }
        assert_eq!(found, expected, "account {account}: {:?}", self.legs);
        let initial = self.book.initial(AccountId(account));
        assert_eq!(i128::from(initial.micros()), expected[0]);
    }

    fn order(&self, draw: &mut Draw) -> RiskOrder {
        let account = AccountId(1 + draw.below(ACCOUNTS));
        let instrument = InstrumentId(1 + draw.below(SERIES));
        let qty = Qty::from_lots(1 + draw.below(40));
        RiskOrder { account, instrument, side: draw.side(), qty }
    }

    /// Whatever there is, an order fits exactly when what is required with it is no more than that.
    fn ask(&self, order: &RiskOrder, required: MicroUsd, draw: &mut Draw) {
        for off in [-1, 0, draw.around(20_000_000_000)] {
            let available = MicroUsd::new(required.micros() + off);
            let expected = if 0 <= off { Ok(()) } else { Err(Beyond::Margin { required }) };
            assert_eq!(self.book.check(order, available), expected);
        }
    }

    /// Does something, and says to whom.
    fn step(&mut self, draw: &mut Draw) -> u64 {
        let mut order = self.order(draw);
        let key = (order.account.0, order.instrument.0);
        let mut leg = self.leg(key);
        let sign = if order.side == Side::Buy { 1 } else { -1 };
        let open = if sign == 1 { &mut leg.buys } else { &mut leg.sells };
        let lots = i64::try_from(order.qty.lots()).expect("in range");
        let taken = lots.min(*open);
        let part = Qty::from_lots(u64::try_from(taken).expect("in range"));
        match draw.below(100) {
            0..35 => {
                let expected = self.book.required_with(&order).expect("in range");
                self.ask(&order, expected, draw);
                let reached = if taken == 0 || *open < 400 { lots } else { 0 };
                if reached != 0 {
                    *open += lots;
                    self.book.order_opened(&order);
                    assert_eq!(self.book.initial(order.account), expected);
                }
            }
            35..60 => {
                *open -= taken;
                order.qty = part;
                self.book.order_closed(&order);
            }
            60..85 => {
                *open -= taken;
                leg.net += sign * taken;
                order.qty = part;
                self.book.order_filled(&order);
            }
            85..95 => {
                leg.net = (leg.net + sign * lots).clamp(-500, 500);
                let moved = leg.net - self.leg(key).net;
                order.qty = Qty::from_lots(moved.unsigned_abs());
                order.side = if 0 <= moved { Side::Buy } else { Side::Sell };
                self.book.filled(&order);
            }
            95..97 => {
                leg = Leg { net: draw.around(300), buys: draw.around(9).abs(), sells: 0 };
                self.book.set_leg(order.account, order.instrument, leg);
            }
            97 => self.book.prune(),
            98 => {
                leg = Leg::default();
                self.book.set_leg(order.account, order.instrument, leg);
            }
            _ => {
                self.set_array(order.instrument.0, draw);
                (1..=ACCOUNTS).for_each(|account| self.compare(account));
            }
        }
        if leg == Leg::default() {
            self.legs.remove(&key);
        } else {
            self.legs.insert(key, leg);
        }
        key.0
    }
}

fn up(product: i128) -> i128 {
    (product + 999_999).div_euclid(1_000_000)
}

/// A portfolio's margin, from nothing.
fn naive(grade: u32, legs: &[(&RiskSeries, Leg)]) -> i128 {
    let terms = parameters(grade);
    let mut worst = [0_i128; SCENARIOS];
    let mut expiries: BTreeMap<InstrumentId, (i128, i128)> = BTreeMap::new();
    let (mut high, mut low, mut least) = (0, 0, 0);
    for (series, leg) in legs {
        let lanes = *series.array.as_ref().expect("in range").lanes();
        let most = i128::from(leg.net + leg.buys);
        let fewest = i128::from(leg.net - leg.sells);
        for (worst, lane) in worst.iter_mut().zip(lanes) {
            *worst += (most * i128::from(lane)).min(fewest * i128::from(lane));
        }
        let delta = i128::from(lanes[SCENARIOS]);
        let top = (most * delta).max(fewest * delta);
        let bottom = (most * delta).min(fewest * delta);
        let entry = expiries.entry(series.expiry).or_default();
        *entry = (entry.0 + top, entry.1 + bottom);
        high += top;
        low += bottom;
        least += (-fewest).max(0) * i128::from(series.short_minimum.micros());
    }
    let scan = worst.into_iter().min().expect("in range").min(0);
    let long: i128 = expiries.values().map(|(top, _)| *top.max(&0)).sum();
    let short: i128 = expiries.values().map(|(_, bottom)| -*bottom.min(&0)).sum();
    let larger = expiries.values().map(|(top, bottom)| *top.max(&-bottom).max(&0));
    let larger: Vec<i128> = larger.filter(|side| *side != 0).collect();
    let either: i128 = if larger.len() < 2 { 0 } else { larger.iter().sum() };
    let roll = up((2 * long.min(short)).min(either) * i128::from(terms.roll_rate.ppm()));
    let beyond = high.max(-low) - i128::from(terms.contingency_from.micros());
    let contingency = up(beyond.max(0) * i128::from(terms.contingency_rate.ppm()));
    (roll + contingency - scan).max(least)
}

/// MARGIN-018: TENOR_RISK_OPERATIONS and TENOR_RISK_SEED make it longer and different.
#[test]
fn margin_018_what_has_happened_step_by_step_is_what_the_legs_make_of_nothing() {
    let from_env = |name: &str, otherwise: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let operations = from_env("TENOR_RISK_OPERATIONS", 300_000);
    let mut draw = Draw(from_env("TENOR_RISK_SEED", 7));
    let mut market = Market::new(&mut draw);
    for operation in 0..operations {
        let account = market.step(&mut draw);
        if operation % 8 == 0 {
            market.compare(account);
        }
        if operation % 10_000 == 0 {
            let mut rebuilt = market.book.clone();
            (1..=ACCOUNTS).for_each(|account| rebuilt.rebuild(AccountId(account)));
            assert!(rebuilt == market.book, "a book built anew is another after {operation}");
        }
    }
    (1..=ACCOUNTS).for_each(|account| market.compare(account));
}

/// MARGIN-019: whatever part of the orders fills, no more is required than with all of them open.
#[test]
fn margin_019_no_way_to_fill_requires_more_than_the_open_orders_do() {
    let mut draw = Draw(19);
    for _ in 0..2_000 {
        let mut market = Market::new(&mut draw);
        for _ in 0..12 {
            let order = market.order(&mut draw);
            let (account, instrument) = (AccountId(1), order.instrument);
            let leg = Leg::new(
                NetQty::from_lots(draw.around(50)),
                Qty::from_lots(draw.below(60)),
                Qty::from_lots(draw.below(60)),
            );
            market.book.set_leg(account, instrument, leg);
            market.legs.insert((1, instrument.0), leg);
        }
        let open = market.book.initial(AccountId(1));
        for _ in 0..8 {
            let mut filled = market.clone();
            for ((_, instrument), leg) in &market.legs {
                let of = |draw: &mut Draw, lots: i64| match draw.below(3) {
                    0 => 0,
                    1 => lots,
                    _ => i64::try_from(draw.below(lots.unsigned_abs() + 1)).expect("in range"),
                };
                let net = leg.net + of(&mut draw, leg.buys) - of(&mut draw, leg.sells);
                let leg = Leg { net, buys: 0, sells: 0 };
                filled.book.set_leg(AccountId(1), InstrumentId(*instrument), leg);
            }
            assert!(filled.book.initial(AccountId(1)) <= open);
        }
    }
}

/// MARGIN-020: one order or many of the same lots, in any order, require the same.
#[test]
fn margin_020_splitting_an_order_changes_nothing() {
    let mut draw = Draw(20);
    let mut market = Market::new(&mut draw);
    (0..2_000).for_each(|_| {
        market.step(&mut draw);
    });
    for _ in 0..5_000 {
        let whole = market.order(&mut draw);
        let expected = market.book.required_with(&whole).expect("in range");
        let mut split = market.book.clone();
        let first = Qty::from_lots(draw.below(whole.qty.lots() + 1));
        let parts = [first, whole.qty.saturating_sub(first)];
        let mut required = market.book.initial(whole.account);
        for qty in parts {
            let part = RiskOrder { qty, ..whole };
            let with = split.required_with(&part).expect("in range");
            assert!(required <= with, "an order never lowers what is required");
            required = with;
            split.order_opened(&part);
        }
        assert_eq!((required, split.initial(whole.account)), (expected, expected));
        market.step(&mut draw);
    }
}

/// MARGIN-002: an order that can only reduce a lone position requires nothing.
#[test]
fn an_order_against_a_lone_position_requires_nothing() {
    let mut draw = Draw(2);
    for _ in 0..2_000 {
        let mut market = Market::new(&mut draw);
        let (account, instrument) = (AccountId(1), InstrumentId(1 + draw.below(SERIES)));
        let net = draw.around(50);
        let lone = Leg { net, ..Leg::default() };
        market.book.set_leg(account, instrument, lone);
        let side = if 0 <= net { Side::Sell } else { Side::Buy };
        let qty = Qty::from_lots(draw.below(net.unsigned_abs() + 1));
        let order = RiskOrder { account, instrument, side, qty };
        assert_eq!(market.book.required_with(&order), Ok(market.book.initial(account)));
    }
}
