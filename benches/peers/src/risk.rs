//! `peers risk`: what one check, fill, opened order and rebuilt account of portfolio margin take, beside one command of the bare limit book on
//! the stream `tight`, in turns, so that the ratio is fair on a machine that others use as well.

use crate::engine::Engine;
use crate::engines::Bare;
use crate::flow::{self, Choice};
use benches::desk::arrays;
use benches::draw::Draw;
use benches::streams::SEED;
use benches::tally::Tally;
use clap::Args;
use instruments::{AccountId, InstrumentId, MicroUsd, NetQty, Qty, Side};
use settlement::{Leg, RiskBook, RiskOrder};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Orders that are asked about, one after the other.
const ORDERS: usize = 1 << 16;
/// Small enough to be left alone by whoever else uses the machine.
const SLICES: usize = 1_024;
const REBUILDS: usize = 1 << 10;
const LEGS_REBUILT: u64 = 100;

/// How much there is.
#[derive(Args, Clone, Debug)]
pub(crate) struct Risk {
    #[command(flatten)]
    choice: Choice,
    /// Accounts at random
    #[arg(long, default_value_t = 10_000)]
    accounts: u64,
    /// Series at random, a sixth of them futures
    #[arg(long, default_value_t = 800)]
    series: u64,
    /// Series of which each account has lots
    #[arg(long, default_value_t = 30)]
    legs: u64,
    /// How often each is measured; the least of each slice counts
    #[arg(long, default_value_t = 20)]
    passes: u32,
}

/// The least time of each slice.
struct Least(Vec<Duration>);

impl Least {
    fn new() -> Self {
        Self(vec![Duration::MAX; SLICES])
    }

    fn pass<T>(&mut self, of: &[T], mut each: impl FnMut(&T)) {
        for (slice, least) in of.chunks(of.len().div_ceil(SLICES).max(1)).zip(&mut self.0) {
            let started = now();
            slice.iter().for_each(&mut each);
            *least = (*least).min(started.elapsed());
        }
    }

    fn ns(&self, count: usize) -> f64 {
        let measured = self.0.iter().filter(|least| **least != Duration::MAX);
        measured.sum::<Duration>().as_nanos() as f64 / count.max(1) as f64
    }
}

#[expect(clippy::disallowed_methods, reason = "to take the time is what this is for")]
fn now() -> Instant {
    Instant::now()
}

impl Risk {
    /// The last account is the one that is built anew; it has positions only.
    fn market(&self) -> (RiskBook, Vec<RiskOrder>) {
        let (mut book, mut draw) = (arrays(self.series), Draw::new(SEED));
        let mut held = Vec::new();
        for account in 1..=self.accounts + 1 {
            let is_last = account == self.accounts + 1;
            let (legs, open) = if is_last { (LEGS_REBUILT, 1) } else { (self.legs, 20) };
            for _ in 0..legs {
                let (account, instrument) =
                    (AccountId(account), InstrumentId(1 + draw.below(self.series)));
                let net = NetQty::from_lots(draw.below(200).cast_signed() - 100);
                let mut lots = || Qty::from_lots(draw.below(open));
                book.set_leg(account, instrument, Leg::new(net, lots(), lots()));
                held.push((account, instrument));
            }
        }
        held.truncate(held.len() - LEGS_REBUILT as usize);
        let orders = (0..ORDERS).map(|_| {
            let (account, instrument) = held[draw.below(held.len() as u64) as usize];
            let side = if draw.below(2) == 0 { Side::Buy } else { Side::Sell };
            RiskOrder { account, instrument, side, qty: Qty::from_lots(1) }
        });
        let orders = orders.collect();
        (book, orders)
    }

    /// Measures and prints.
    pub(crate) fn carry_out(&self) -> Result<(), String> {
        let (header, commands) = flow::load(&self.choice)?;
        let room = flow::expect(&header, &commands).room;
        let (warmup, clocked) = commands.split_at(header.warmup as usize);
        let (mut book, orders) = self.market();
        let one = vec![orders[0]; ORDERS];
        let rebuilt = AccountId(self.accounts + 1);
        // With room nothing but a bound is looked at; whoever has nothing left is looked at in every scenario.
        let (room_left, none) = (MicroUsd::new(1_000_000_000_000_000), MicroUsd::ZERO);
        let mut least: [Least; 8] = std::array::from_fn(|_| Least::new());
        for pass in 0..self.passes.max(2) & !1 {
            let [limit, check, check_one, scan, scan_one, fill, open, rebuild] = &mut least;
            let (mut bare, mut tally) = (Bare::new(&room), Tally::default());
            warmup.iter().for_each(|command| bare.apply::<false>(command, &mut tally));
            limit.pass(clocked, |command| bare.apply::<false>(command, &mut tally));
            for (least, of, available) in [
                (check, &orders, room_left),
                (check_one, &one, room_left),
                (scan, &orders, none),
                (scan_one, &one, none),
            ] {
                least.pass(of, |order| {
                    let _fits = black_box(book.check(order, available));
                });
            }
            let is_back = pass % 2 == 1;
            fill.pass(&orders, |order| {
                let side = if is_back { order.side.opposite() } else { order.side };
                book.filled(&RiskOrder { side, ..*order });
            });
            open.pass(&orders, |order| match is_back {
                true => book.order_closed(order),
                false => book.order_opened(order),
            });
            rebuild.pass(&orders[..REBUILDS], |_| book.rebuild(black_box(rebuilt)));
        }
        let [limit, check, check_one, scan, scan_one, fill, open, rebuild] = &least;
        let limit = limit.ns(clocked.len());
        println!("{:<28} {limit:>8.1} ns", "limit book, a command");
        for (name, ns) in [
            ("check with room, at random", check.ns(ORDERS)),
            ("check with room, one account", check_one.ns(ORDERS)),
            ("check at the limit, random", scan.ns(ORDERS)),
            ("check at the limit, one", scan_one.ns(ORDERS)),
            ("fill, at random", fill.ns(ORDERS)),
            ("order opened, at random", open.ns(ORDERS)),
            ("rebuild of 100 positions", rebuild.ns(REBUILDS)),
        ] {
            println!("{name:<28} {ns:>8.1} ns {:>8.2} times the limit", ns / limit);
        }
        Ok(())
    }
}
