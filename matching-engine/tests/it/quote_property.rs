//! Mass quotes, takers, time and resets at random: the engine says what the model says.

use std::fmt::{Display, Formatter, Result};

use proptest::prelude::*;

use crate::quote_model::Model;
use crate::quote_script::Desk;

/// One line of a script.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Protect {
        maker: char,
        group: u32,
        limits: Limits,
    },
    Reset {
        maker: char,
        group: u32,
    },
    Pull {
        maker: char,
        group: Option<u32>,
    },
    Quote {
        maker: char,
        group: u32,
        quotes: Vec<(u64, Side, Side)>,
    },
    Order {
        account: char,
        is_buy: bool,
        price: i64,
        lots: u64,
        book: u64,
    },
    /// Any order that was ever accepted.
    Cancel(usize),
    At(u64),
    Greeks {
        book: u64,
        delta: i64,
        vega: i64,
    },
    Band {
        book: u64,
        low: i64,
        high: i64,
    },
}

/// Lots and price.
pub(crate) type Side = Option<(u64, i64)>;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) window: u64,
    pub(crate) frozen: Option<u64>,
    pub(crate) qty: u64,
    pub(crate) trades: u64,
    pub(crate) delta: u64,
    pub(crate) vega: u64,
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Protect { maker, group, limits: l } => {
                write!(f, "{maker}.{group} protect window={} qty={}", l.window, l.qty)?;
                write!(f, " trades={} delta={} vega={}", l.trades, l.delta, l.vega)?;
                l.frozen.map_or(Ok(()), |span| write!(f, " frozen={span}"))
            }
            Self::Reset { maker, group } => write!(f, "{maker}.{group} reset"),
            Self::Pull { maker, group: None } => write!(f, "{maker} pull"),
            Self::Pull { maker, group: Some(group) } => write!(f, "{maker}.{group} pull"),
            Self::Quote { maker, group, quotes } => {
                write!(f, "{maker}.{group} quote")?;
                let side = |side: &Side| {
                    side.map_or("-".to_owned(), |(lots, price)| format!("{lots}@{price}"))
                };
                for (at, (book, bid, ask)) in quotes.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    write!(f, "{comma} {book} {} {}", side(bid), side(ask))?;
                }
                Ok(())
            }
            Self::Order { account, is_buy, price, lots, book } => {
                let verb = if *is_buy { "buy" } else { "sell" };
                write!(f, "{account} {verb} {lots}@{price} in {book}")
            }
            Self::Cancel(number) => write!(f, "cancel #{number}"),
            Self::At(at) => write!(f, "at {at}"),
            Self::Greeks { book, delta, vega } => write!(f, "greeks {book} {delta} {vega}"),
            Self::Band { book, low, high } => write!(f, "band {book} {low} {high}"),
        }
    }
}

fn any_limits() -> impl Strategy<Value = Limits> {
    let few = |most: u64| prop_oneof![1 => Just(0), 2 => 1..most];
    let frozen = prop::option::weighted(0.8, 0..10_u64);
    let sums = (few(30), few(4), few(15_000_000), few(200));
    (0..8_u64, frozen, sums).prop_map(|(window, frozen, (qty, trades, delta, vega))| Limits {
        window,
        frozen,
        qty,
        trades,
        delta,
        vega,
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let maker = || prop::sample::select(vec!['a', 'b']);
    let (book, group) = (|| 1..4_u64, || 1..3_u32);
    let side = |low: i64| {
        let side = (0..12_u64, low..low + 12);
        prop::option::weighted(0.9, side)
    };
    let quote = (book(), side(91), side(98));
    let taker = (prop::sample::select(vec!['a', 'c', 'd']), any::<bool>());
    prop_oneof![
        1 => (maker(), group(), any_limits())
            .prop_map(|(maker, group, limits)| Step::Protect { maker, group, limits }),
        1 => (maker(), group()).prop_map(|(maker, group)| Step::Reset { maker, group }),
        1 => (maker(), prop::option::of(group()))
            .prop_map(|(maker, group)| Step::Pull { maker, group }),
        8 => (maker(), group(), prop::collection::vec(quote, 1..5))
            .prop_map(|(maker, group, quotes)| Step::Quote { maker, group, quotes }),
        10 => (taker, 92..108_i64, 1..12_u64, book()).prop_map(
            |((account, is_buy), price, lots, book)| {
                Step::Order { account, is_buy, price, lots, book }
            }
        ),
        2 => any::<prop::sample::Index>().prop_map(|index| Step::Cancel(index.index(1 << 20))),
        4 => (0..5_u64).prop_map(Step::At),
        1 => (book(), -2_000_000..3_000_000_i64, -20..20_i64)
            .prop_map(|(book, delta, vega)| Step::Greeks { book, delta, vega }),
        1 => (book(), 90..96_i64, 104..110_i64)
            .prop_map(|(book, low, high)| Step::Band { book, low, high }),
    ]
}

/// Time goes on from where it is, and an order that can be cancelled was accepted.
fn in_turn(step: Step, now: u64, accepted: usize) -> Option<Step> {
    if let Step::At(by) = step {
        return Some(Step::At(now + by));
    }
    let Step::Cancel(number) = step else { return Some(step) };
    number.checked_rem(accepted).map(|number| Step::Cancel(number + 1))
}

proptest! {
    /// MATCH-040, 041, 062 to 075: all that is said about quotes, orders and trades is what the model says.
    #[test]
    fn quotes_and_their_protection_are_those_of_the_model(
        limits in prop::collection::vec(any_limits(), 3),
        steps in prop::collection::vec(any_step(), 1..200),
    ) {
        let (mut desk, mut model) = (Desk::new(false), Model::default());
        let set_up = [('a', 1), ('a', 2), ('b', 1), ('b', 2)].into_iter().zip(limits);
        let set_up = set_up.map(|((maker, group), limits)| Step::Protect { maker, group, limits });
        for (number, step) in (1_u32..).zip(set_up.chain(steps)) {
            if number.is_multiple_of(8) {
                // Nobody notices a snapshot.
                let bytes = borsh::to_vec(&desk.engine).unwrap();
                desk.engine = borsh::from_slice(&bytes).unwrap();
                prop_assert!(borsh::to_vec(&desk.engine).unwrap() == bytes);
            }
            let Some(step) = in_turn(step, model.now, model.accepted) else { continue };
            if let Step::Reset { maker, group } = step && model.group(maker, group).is_none() {
                continue;
            }
            desk.line(&step.to_string());
            model.step(&step);
            prop_assert_eq!(&desk.said, &model.said, "after `{}`", step);
            desk.said.clear();
            model.said.clear();
        }
    }
}

/// MATCH-025: whatever is written into groups and quotes, it is a sound engine or an error.
#[test]
fn a_damaged_snapshot_of_quotes_is_an_error_or_a_sound_engine() {
    let script = "
        a.1 protect window=50 frozen=20 qty=9 delta=5000000
        a.2 protect window=9 frozen=20 trades=1
        b.1 protect vega=50
        a.1 quote 1 5@99 5@101, 2 5@99 5@101
        a.2 quote 1 5@98 5@101
        b.1 quote 1 5@97 5@103, 3 5@99 -
        at 7
        c buy 2@101 in 1
        c sell 1@98 in 1
        c buy 7@101 in 1
    ";
    let mut desk = Desk::new(true);
    script.lines().map(str::trim).filter(|line| !line.is_empty()).for_each(|line| desk.line(line));
    let bytes = borsh::to_vec(&desk.engine).unwrap();
    let (mut refused, mut accepted) = (0, 0);
    for at in 0..bytes.len() {
        for flip in [0x01, 0x04, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            let Ok(engine) = borsh::from_slice(&damaged) else {
                refused += 1;
                continue;
            };
            accepted += 1;
            desk.engine = engine;
            assert!(borsh::to_vec(&desk.engine).unwrap() == damaged, "byte {at}, {flip:#x}");
            for line in [
                "a.1 quote 1 2@99 5@102, 2 1@97 2@99",
                "c sell 30@90 in 1",
                "at 40",
                "b.1 quote 1 7@97 5@103, 3 5@99 5@101",
                "c buy 30@110 in 1",
                "a pull",
                "b pull",
            ] {
                desk.line(line);
            }
        }
    }
    assert!(accepted < refused, "{refused} refused, {accepted} accepted");
}
