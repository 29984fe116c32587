//! Call auctions: the one price, and the trades at it.
//!
//! Volume and imbalance change only at order prices, so between two neighbouring order prices all ticks are alike. A stretch of such ticks
//! is one candidate; the rule looks at every tick without walking them.

use instruments::{Price, Qty};

use super::{Book, Desk};
use crate::event::{BookEvent, Trade};
use crate::slab::{Slab, Slot, flag};

/// The price at which an auction trades, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cross {
    /// The one price.
    pub price: Price,
    /// What trades.
    pub volume: Qty,
    /// What buyers ask for at that price beyond what sellers offer; negative when sellers are in excess.
    pub imbalance: i128,
    /// What decided.
    pub rule: CrossRule,
}

/// What decided an auction's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrossRule {
    /// One tick has the largest volume and, of these, the smallest imbalance.
    Unique,
    /// At every tied tick buyers are in excess: the highest.
    BuyPressure,
    /// At every tied tick sellers are in excess: the lowest.
    SellPressure,
    /// The tied tick closest to the reference price, the lower of two.
    Reference,
}

/// Neighbouring ticks with equal demand and supply, `low` to `high`.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    low: i64,
    high: i64,
    demand: u64,
    supply: u64,
}

impl Stretch {
    fn volume(&self) -> u64 {
        self.demand.min(self.supply)
    }

    fn imbalance(&self) -> i128 {
        i128::from(self.demand).saturating_sub(i128::from(self.supply))
    }
}

/// The best stretches so far, from the lowest to the highest tick; all have one volume and one size of imbalance.
#[derive(Debug, Clone, Copy)]
struct Tied {
    volume: u64,
    excess: u128,
    lowest: Stretch,
    highest: Stretch,
    all_buy: bool,
    all_sell: bool,
    /// The tick closest to the reference, the lower of two, and its stretch.
    nearest: (i64, Stretch),
}

impl Tied {
    fn new(stretch: Stretch, reference: i64) -> Self {
        let imbalance = stretch.imbalance();
        Self {
            volume: stretch.volume(),
            excess: imbalance.unsigned_abs(),
            lowest: stretch,
            highest: stretch,
            all_buy: 0 < imbalance,
            all_sell: imbalance < 0,
            nearest: (reference.clamp(stretch.low, stretch.high), stretch),
        }
    }

    /// The tie with the next stretch upwards.
    fn with(self, next: Stretch, reference: i64) -> Self {
        let (volume, excess) = (next.volume(), next.imbalance().unsigned_abs());
        if self.volume < volume || self.volume == volume && excess < self.excess {
            return Self::new(next, reference);
        }
        if volume < self.volume || self.excess < excess {
            return self;
        }
        let imbalance = next.imbalance();
        let tick = reference.clamp(next.low, next.high);
        let is_nearer = tick.abs_diff(reference) < self.nearest.0.abs_diff(reference);
        Self {
            highest: next,
            all_buy: self.all_buy && 0 < imbalance,
            all_sell: self.all_sell && imbalance < 0,
            nearest: if is_nearer { (tick, next) } else { self.nearest },
            ..self
        }
    }

    fn cross(&self) -> Cross {
        let (tick, stretch, rule) = if self.lowest.low == self.highest.high {
            (self.lowest.low, self.lowest, CrossRule::Unique)
        } else if self.all_buy {
            (self.highest.high, self.highest, CrossRule::BuyPressure)
        } else if self.all_sell {
            (self.lowest.low, self.lowest, CrossRule::SellPressure)
        } else {
            (self.nearest.0, self.nearest.1, CrossRule::Reference)
        };
        Cross {
            price: Price::from_ticks(tick),
            volume: Qty::from_lots(self.volume),
            imbalance: stretch.imbalance(),
            rule,
        }
    }
}

impl Book {
    /// What an uncross would do now. `None` when nothing would trade. `bids` is room to work in.
    pub(crate) fn indicative(
        &self,
        reference: Price,
        slab: &Slab,
        bids: &mut Vec<(i64, u64)>,
    ) -> Option<Cross> {
        let (top, bottom) = (self.bids.best_price()?.ticks(), self.asks.best_price()?.ticks());
        let reference = reference.ticks();
        bids.clear();
        let mut demand = 0_u64;
        for level in self.bids.levels() {
            let ticks = self.bids.price_of(slab.node(level).depth()).ticks();
            if ticks < bottom {
                break;
            }
            let open = open_at(level, slab);
            bids.push((ticks, open));
            demand = demand.wrapping_add(open);
        }
        let mut asks = self.asks.levels().map(|level| {
            (self.asks.price_of(slab.node(level).depth()).ticks(), open_at(level, slab))
        });
        let mut asks =
            std::iter::from_fn(|| asks.next().filter(|(ticks, _)| *ticks <= top)).fuse().peekable();
        let mut bids = bids.iter().rev().copied().peekable();

        // Upwards through every tick at which somebody stands, and the stretches between.
        let (mut supply, mut next_tick, mut tied) = (0_u64, bottom, None::<Tied>);
        loop {
            let tick = match (bids.peek(), asks.peek()) {
                (Some((bid, _)), Some((ask, _))) => *bid.min(ask),
                (Some((tick, _)), None) | (None, Some((tick, _))) => *tick,
                (None, None) => break,
            };
            let mut add = |low: i64, high: i64, supply: u64| {
                let stretch = Stretch { low, high, demand, supply };
                tied = Some(
                    tied.map_or(Tied::new(stretch, reference), |t| t.with(stretch, reference)),
                );
            };
            if next_tick < tick {
                add(next_tick, tick.saturating_sub(1), supply);
            }
            supply =
                supply.wrapping_add(asks.next_if(|(t, _)| *t == tick).map_or(0, |(_, open)| open));
            add(tick, tick, supply);
            demand =
                demand.wrapping_sub(bids.next_if(|(t, _)| *t == tick).map_or(0, |(_, open)| open));
            next_tick = tick.saturating_add(1);
        }
        tied.filter(|tied| tied.volume != 0).map(|tied| tied.cross())
    }

    /// Trades what can trade at the one price, in price-time priority; the earlier arrival is the maker.
    ///
    /// Self-trade prevention does not act: nobody took.
    pub(super) fn uncross_at(&mut self, cross: &Cross, desk: &mut Desk<'_>) {
        let mut left = cross.volume.lots();
        while left != 0 && !self.bids.is_empty() && !self.asks.is_empty() {
            let bid = desk.slab.node(self.bids.best).next;
            let ask = desk.slab.node(self.asks.best).next;
            let qty = left.min(desk.slab.open(bid)).min(desk.slab.open(ask));
            let is_bid_first = desk.slab.place(bid) < desk.slab.place(ask);
            let (maker, taker) = if is_bid_first { (bid, ask) } else { (ask, bid) };
            let (made, took) = (*desk.slab.node(maker), *desk.slab.node(taker));
            desk.say(BookEvent::Traded(Trade {
                book: self.instrument,
                maker: made.id(maker),
                taker: took.id(taker),
                maker_account: made.account_id(),
                taker_account: took.account_id(),
                taker_side: took.side(),
                price: cross.price,
                qty: Qty::from_lots(qty),
            }));
            self.fill_in_auction(bid, qty, desk);
            self.fill_in_auction(ask, qty, desk);
            left = left.wrapping_sub(qty);
        }
        for side in [instruments::Side::Buy, instruments::Side::Sell] {
            let best = self.ladder(side).best;
            if self.ladder(side).is_empty() {
                continue;
            }
            let first = desk.slab.node(best).next;
            if desk.slab.node(first).open == 0 {
                self.refresh(first, desk);
            }
        }
    }

    /// An order trades in an auction: what it shows first, then what it hides, all in its place.
    fn fill_in_auction(&mut self, slot: Slot, qty: u64, desk: &mut Desk<'_>) {
        let node = *desk.slab.node(slot);
        if node.has(flag::QUOTE) {
            self.note_fill(slot, qty, desk);
        }
        if qty == desk.slab.open(slot) {
            self.pull(slot, &node, desk.slab);
            return self.end(slot, desk.slab);
        }
        let from_shown = qty.min(node.open);
        desk.slab.add_filled(slot, qty);
        self.lose(slot, from_shown, qty.wrapping_sub(from_shown), desk.slab);
    }
}

/// All that is open on a level, hidden parts included.
pub(super) fn open_at(level: Slot, slab: &Slab) -> u64 {
    let node = slab.node(level);
    let mut open = node.open;
    if node.account != 0 {
        let mut slot = node.next;
        while slot != level {
            let order = slab.node(slot);
            if order.has(flag::ICEBERG) {
                open = open.wrapping_add(slab.hidden(slot));
            }
            slot = order.next;
        }
    }
    open
}
