//! Call auctions: orders are collected, then trade at one price.
//!
//! Volume and imbalance change only at order prices, so between two neighbouring order prices all ticks are alike. A stretch of such ticks
//! is one candidate; the rule looks at every tick without walking them.

use std::collections::BTreeMap;

use instruments::{Price, Qty, Side};

use super::{Book, Phase};
use crate::event::{BookEvent, Trade};

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
    demand: Qty,
    supply: Qty,
}

impl Stretch {
    fn volume(&self) -> Qty {
        self.demand.min(self.supply)
    }

    fn imbalance(&self) -> i128 {
        i128::from(self.demand.lots()).saturating_sub(i128::from(self.supply.lots()))
    }
}

impl Book {
    /// From now on orders are collected and do not match. Nothing changes when they already are.
    pub const fn open_auction(&mut self) {
        self.phase = Phase::Auction;
    }

    /// What [`Book::uncross`] would do now. `None` when nothing would trade.
    #[must_use]
    pub fn indicative(&self, reference: Price) -> Option<Cross> {
        let stretches = self.stretches();
        let volume = stretches.iter().map(Stretch::volume).max()?;
        let imbalance_of = |stretch: &Stretch| stretch.imbalance().unsigned_abs();
        let most = stretches.iter().filter(|stretch| stretch.volume() == volume);
        let imbalance = most.clone().map(imbalance_of).min()?;
        let tied: Vec<_> = most.filter(|stretch| imbalance_of(stretch) == imbalance).collect();

        let (lowest, highest) = (tied.first()?.low, tied.last()?.high);
        let (price, rule) = if lowest == highest {
            (lowest, CrossRule::Unique)
        } else if tied.iter().all(|stretch| 0 < stretch.imbalance()) {
            (highest, CrossRule::BuyPressure)
        } else if tied.iter().all(|stretch| stretch.imbalance() < 0) {
            (lowest, CrossRule::SellPressure)
        } else {
            let nearest = tied.iter().map(|s| reference.ticks().clamp(s.low, s.high));
            let by_distance = |ticks: &i64| (ticks.abs_diff(reference.ticks()), *ticks);
            (nearest.min_by_key(by_distance)?, CrossRule::Reference)
        };
        let chosen = tied.iter().find(|stretch| (stretch.low..=stretch.high).contains(&price))?;
        let imbalance = chosen.imbalance();
        Some(Cross { price: Price::from_ticks(price), volume, imbalance, rule })
    }

    /// Ends an auction: what can trade at the one price does, in price-time priority, and orders match on arrival again.
    ///
    /// Self-trade prevention does not act: nobody took. The maker of a trade is the order that arrived first.
    /// Outside an auction nothing is crossed, so nothing happens.
    pub fn uncross(&mut self, reference: Price, out: &mut Vec<BookEvent>) {
        let cross = self.indicative(reference);
        self.phase = Phase::Continuous;
        let Some(cross) = cross else { return };
        let mut left = cross.volume;
        while !left.is_zero() {
            let (Some(bid), Some(ask)) = (self.bids.best(), self.asks.best()) else { break };
            let qty = left.min(bid.1.open).min(ask.1.open);
            let (maker, taker) =
                if bid.0.arrival < ask.0.arrival { (bid.1, ask.1) } else { (ask.1, bid.1) };
            out.push(BookEvent::Traded(Trade {
                maker: maker.id,
                taker: taker.id,
                maker_account: maker.account,
                taker_account: taker.account,
                taker_side: taker.side,
                price: cross.price,
                qty,
            }));
            for (rank, order) in [bid, ask] {
                if self.ladder_mut(order.side).fill(rank, qty) {
                    self.index.remove(&order.id);
                }
            }
            left -= qty;
        }
        assert!(!self.is_crossed(), "an auction left orders that could trade");
    }

    /// Every tick from the best ask to the best bid, in ascending stretches. Elsewhere nothing can trade.
    fn stretches(&self) -> Vec<Stretch> {
        let (Some((top, _)), Some((bottom, _))) = (self.best_bid(), self.best_ask()) else {
            return Vec::new();
        };
        let mut sizes: BTreeMap<i64, (Qty, Qty)> = BTreeMap::new();
        let mut demand = Qty::ZERO;
        for (price, open) in self.depth(Side::Buy).take_while(|(price, _)| bottom <= *price) {
            sizes.entry(price.ticks()).or_default().0 = open;
            demand += open;
        }
        for (price, open) in self.depth(Side::Sell).take_while(|(price, _)| *price <= top) {
            sizes.entry(price.ticks()).or_default().1 = open;
        }

        let mut supply = Qty::ZERO;
        let mut stretches = Vec::new();
        let mut next_tick = bottom.ticks();
        for (&ticks, &(bid, ask)) in &sizes {
            if next_tick < ticks {
                let high = ticks.saturating_sub(1);
                stretches.push(Stretch { low: next_tick, high, demand, supply });
            }
            supply += ask;
            stretches.push(Stretch { low: ticks, high: ticks, demand, supply });
            demand -= bid;
            next_tick = ticks.saturating_add(1);
        }
        stretches
    }
}
