//! Auctions of the naive engine: when they open and end, and the price by a look at every tick.

use instruments::{Nanos, NanosSpan, Price, Qty, Side};
use matching_engine::{
    Auction, AuctionKind, BookEvent, BookMode, CancelReason, Cross, CrossRule, Phase, TimeInForce,
    Trade,
};

use super::Desk;
use super::book::{Held, NaiveBook, limit_of};

impl NaiveBook {
    /// When time has something to do here.
    pub(super) fn timer(&self) -> Option<Nanos> {
        match self.phase {
            Phase::Continuous => None,
            Phase::Auction(auction) => auction.ends_at.or(auction.until),
        }
    }

    pub(super) fn open_auction(
        &mut self,
        kind: AuctionKind,
        until: Option<Nanos>,
        desk: &mut Desk<'_>,
    ) {
        if !self.is_continuous() {
            return;
        }
        let breaker = self.terms.breaker.filter(|_| kind == AuctionKind::Volatility);
        self.phase = Phase::Auction(Auction {
            kind,
            until,
            ends_at: None,
            length: until.map_or(NanosSpan::ZERO, |until| until.since(desk.now)),
            extensions: breaker.map_or(0, |breaker| breaker.extensions),
        });
        desk.say(BookEvent::AuctionOpened { book: self.instrument, kind, until });
        self.cancel_all(TimeInForce::Gfn, CancelReason::AuctionOpened, desk);
    }

    /// Ends the resting orders of one time in force.
    fn cancel_all(&mut self, force: TimeInForce, reason: CancelReason, desk: &mut Desk<'_>) {
        for order in self.resting() {
            if order.time_in_force == force {
                self.cancel(order.id, reason, desk);
            }
        }
    }

    /// The instant of [`NaiveBook::timer`] has come.
    pub(super) fn time_is_up(&mut self, desk: &mut Desk<'_>) {
        let Phase::Auction(mut auction) = self.phase else { panic!("no auction to end") };
        let reference = self.last.unwrap_or(self.terms.reference);
        if let BookMode::Batch { every } = self.terms.mode {
            self.end_auction(reference, desk);
            return self.await_batch(every, desk.now);
        }
        let until = auction.until.unwrap();
        let drawn = desk.drawn.filter(|at| auction.ends_at.is_none() && desk.now < *at);
        if let Some(ends_at) = drawn {
            let most = self.terms.breaker.unwrap().call.random;
            assert!(until <= ends_at && ends_at <= until + most, "drawn out of range");
            auction.ends_at = Some(ends_at);
            self.phase = Phase::Auction(auction);
            return;
        }
        let limits = self.limits(desk.now).filter(|_| auction.extensions != 0);
        let price = self.cross(reference).map(|cross| i128::from(cross.price.ticks()));
        if let (Some((low, high)), Some(price)) = (limits, price)
            && !(low..=high).contains(&price)
        {
            auction.length = NanosSpan::new(3 * auction.length.nanos());
            let until = desk.now + auction.length;
            auction.until = Some(until);
            auction.ends_at = None;
            auction.extensions -= 1;
            self.phase = Phase::Auction(auction);
            return desk.say(BookEvent::AuctionExtended { book: self.instrument, until });
        }
        self.end_auction(reference, desk);
    }

    /// A batch book trades whenever so much time has passed, counted from the beginning of time.
    pub(super) fn await_batch(&mut self, every: NanosSpan, now: Nanos) {
        let passed = now.nanos() / every.nanos();
        self.phase = Phase::Auction(Auction {
            kind: AuctionKind::Batch,
            until: Some(Nanos::new((passed + 1) * every.nanos())),
            ends_at: None,
            length: every,
            extensions: 0,
        });
    }

    pub(super) fn end_auction(&mut self, reference: Price, desk: &mut Desk<'_>) {
        if self.is_continuous() {
            return;
        }
        let cross = self.cross(reference);
        if self.terms.mode == BookMode::Continuous {
            self.phase = Phase::Continuous;
        }
        if let Some(cross) = cross {
            self.trade_all(cross, desk);
            self.last = Some(cross.price);
            self.trades.clear();
        }
        desk.say(BookEvent::AuctionEnded {
            book: self.instrument,
            price: cross.map(|cross| cross.price),
            volume: cross.map_or(Qty::ZERO, |cross| cross.volume),
        });
        self.cancel_all(TimeInForce::Gfa, CancelReason::AuctionOver, desk);
    }

    fn trade_all(&mut self, cross: Cross, desk: &mut Desk<'_>) {
        let (bids, asks) = (self.queue(Side::Buy), self.queue(Side::Sell));
        let mut left = cross.volume;
        while left != Qty::ZERO {
            let first = |side: &[Held]| {
                let mut still = side.iter().filter_map(|held| self.find(held.order.id));
                self.held[still.next().unwrap()]
            };
            let (bid, ask) = (first(&bids), first(&asks));
            let qty = left.min(bid.order.open).min(ask.order.open);
            let (maker, taker) = if bid.place < ask.place { (bid, ask) } else { (ask, bid) };
            desk.say(BookEvent::Traded(Trade {
                book: self.instrument,
                maker: maker.order.id,
                taker: taker.order.id,
                maker_account: maker.order.account,
                taker_account: taker.order.account,
                taker_side: taker.order.side,
                price: cross.price,
                qty,
            }));
            self.fill(&bid, qty);
            self.fill(&ask, qty);
            left -= qty;
        }
        for side in [Side::Buy, Side::Sell] {
            for held in self.queue(side) {
                if held.order.shown == Qty::ZERO {
                    self.refresh(held.order.id, desk);
                }
            }
        }
    }

    /// What is shown trades first, then what hides.
    fn fill(&mut self, held: &Held, qty: Qty) {
        let at = self.find(held.order.id).unwrap();
        let order = &mut self.held[at].order;
        order.open -= qty;
        order.filled += qty;
        order.shown -= qty.min(order.shown);
        if order.open == Qty::ZERO {
            self.held.remove(at);
        }
    }

    /// The auction's price: every tick between the lowest and the highest limit, one by one.
    pub(super) fn cross(&self, reference: Price) -> Option<Cross> {
        let limits = [Side::Buy, Side::Sell].map(|side| {
            let open = |held: &Held| (limit_of(&held.order).unwrap().ticks(), held.order.open);
            self.queue(side).iter().map(open).collect::<Vec<_>>()
        });
        let [bids, asks] = &limits;
        let ticks = limits.iter().flatten().map(|(tick, _)| *tick);
        let (low, high) = (ticks.clone().min()?, ticks.max()?);
        let sum = |side: &[(i64, Qty)], counts: &dyn Fn(i64) -> bool| -> i128 {
            let counted = side.iter().filter(|(tick, _)| counts(*tick));
            counted.map(|(_, open)| i128::from(open.lots())).sum()
        };
        let mut tied: Vec<_> = (low..=high)
            .map(|tick| {
                let demand = sum(bids, &|limit| tick <= limit);
                let supply = sum(asks, &|limit| limit <= tick);
                (tick, demand.min(supply), demand - supply)
            })
            .collect();
        let volume = tied.iter().map(|(_, volume, _)| *volume).max().filter(|v| 0 < *v)?;
        tied.retain(|(_, other, _)| *other == volume);
        let least = tied.iter().map(|(_, _, imbalance)| imbalance.abs()).min()?;
        tied.retain(|(_, _, imbalance)| imbalance.abs() == least);
        let ((price, _, imbalance), rule) = if tied.len() == 1 {
            (tied[0], CrossRule::Unique)
        } else if tied.iter().all(|(_, _, imbalance)| 0 < *imbalance) {
            (*tied.last()?, CrossRule::BuyPressure)
        } else if tied.iter().all(|(_, _, imbalance)| *imbalance < 0) {
            (tied[0], CrossRule::SellPressure)
        } else {
            let distance = |tick: i64| (i128::from(tick) - i128::from(reference.ticks())).abs();
            let nearest = tied.iter().min_by_key(|(tick, ..)| (distance(*tick), *tick));
            (*nearest?, CrossRule::Reference)
        };
        let volume = Qty::from_lots(u64::try_from(volume).unwrap());
        Some(Cross { price: Price::from_ticks(price), volume, imbalance, rule })
    }
}
