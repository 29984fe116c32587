//! One book of the naive engine: a list of orders, what it refuses, and how orders change.

use instruments::{InstrumentId, Nanos, OrderId, Price, Qty, Side};
use matching_engine::{
    Amend, Bands, BookEvent, BookMode, BookReject, BookTerms, CancelReason, NewOrder, Order,
    OrderKind, Phase, PostOnly, PriceSource, TimeInForce, TriggerWhen,
};

use super::{Desk, SLOT_BITS};

/// An order and its place in the queue: a lower number was there before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) order: Order,
    pub(super) place: u64,
}

/// Orders that rest and orders that wait, in one list without an order.
#[derive(Debug, Clone)]
pub(super) struct NaiveBook {
    pub(super) instrument: InstrumentId,
    pub(super) terms: BookTerms,
    pub(super) held: Vec<Held>,
    pub(super) phase: Phase,
    pub(super) bands: Bands,
    /// Of the newest trade, the mark and the index.
    pub(super) last: Option<Price>,
    mark: Option<Price>,
    index: Option<Price>,
    /// What the breaker looks at: all trades since the last auction, or at least those of its window.
    pub(super) trades: Vec<(Nanos, Price)>,
    /// Of bids and asks, the order that made the best price.
    pub(super) tops: [Option<OrderId>; 2],
}

impl NaiveBook {
    pub(super) const fn new(instrument: InstrumentId, terms: BookTerms) -> Self {
        Self {
            instrument,
            terms,
            held: Vec::new(),
            phase: Phase::Continuous,
            bands: Bands { low: None, high: None },
            last: None,
            mark: None,
            index: None,
            trades: Vec::new(),
            tops: [None; 2],
        }
    }

    pub(super) fn is_continuous(&self) -> bool {
        self.phase == Phase::Continuous
    }

    /// One side's resting orders, best price first, then by place.
    pub(super) fn queue(&self, side: Side) -> Vec<Held> {
        let rests = |held: &&Held| held.order.side == side && held.order.trigger.is_none();
        let mut queue: Vec<_> = self.held.iter().filter(rests).copied().collect();
        queue.sort_by_key(|held| (worth(&held.order), held.place));
        queue
    }

    pub(super) fn best(&self, side: Side) -> Option<Held> {
        let rests = |held: &&Held| held.order.side == side && held.order.trigger.is_none();
        let key = |held: &&Held| (worth(&held.order), held.place);
        self.held.iter().filter(rests).min_by_key(key).copied()
    }

    fn waiting(&self) -> Vec<Order> {
        let mut waiting: Vec<_> = self.held.iter().map(|held| held.order).collect();
        waiting.retain(|order| order.trigger.is_some());
        waiting.sort_by_key(|order| order.id);
        waiting
    }

    pub(super) fn resting(&self) -> Vec<Order> {
        let mut all = self.queue(Side::Buy);
        all.extend(self.queue(Side::Sell));
        all.iter().map(|held| held.order).chain(self.waiting()).collect()
    }

    pub(super) fn find(&self, id: OrderId) -> Option<usize> {
        self.held.iter().position(|held| held.order.id == id)
    }

    pub(super) fn cancel(&mut self, id: OrderId, reason: CancelReason, desk: &mut Desk<'_>) {
        let held = self.held.remove(self.find(id).unwrap());
        let (book, qty) = (self.instrument, held.order.open);
        desk.say(BookEvent::Cancelled { book, id, qty, reason });
    }

    pub(super) fn end_all(&mut self, reason: CancelReason, desk: &mut Desk<'_>) {
        for order in self.resting() {
            self.cancel(order.id, reason, desk);
        }
    }

    pub(super) fn place(&mut self, new: &NewOrder, desk: &mut Desk<'_>) {
        let book = self.instrument;
        let kind = match self.check_place(new, desk.now) {
            Ok(kind) => kind,
            Err(reason) => return desk.say(BookEvent::Rejected { book, id: None, reason }),
        };
        let place = desk.next_arrival();
        let order = Order {
            id: OrderId(place << SLOT_BITS),
            book,
            account: new.account,
            side: new.side,
            kind,
            open: new.qty,
            shown: Qty::ZERO,
            filled: Qty::ZERO,
            time_in_force: new.time_in_force,
            post_only: new.post_only,
            stp: new.stp,
            stp_token: new.stp_token,
            display: new.display,
            trigger: new.trigger,
            ceiling: new.ceiling,
        };
        desk.say(BookEvent::Accepted { book, id: order.id, price: limit_of(&order) });
        if order.trigger.is_some() {
            self.held.push(Held { order, place });
        } else {
            self.arrive(order, Some(place), desk);
        }
    }

    fn check_place(&self, new: &NewOrder, now: Nanos) -> Result<OrderKind, BookReject> {
        let is_limit = matches!(new.kind, OrderKind::Limit(_));
        let may_rest = is_limit && new.time_in_force.rests();
        let is_for_a_phase = matches!(new.time_in_force, TimeInForce::Gfa | TimeInForce::Gfn);
        if new.qty == Qty::ZERO {
            return Err(BookReject::ZeroQuantity);
        }
        if u64::from(u32::MAX) < new.account.0 {
            return Err(BookReject::AccountOutOfRange);
        }
        if new.post_only != PostOnly::No && !may_rest {
            return Err(BookReject::PostOnlyImmediate);
        }
        if new.display.is_some() && !may_rest {
            return Err(BookReject::DisplayImmediate);
        }
        check_display(new.display, new.qty)?;
        if new.trigger.is_some() && is_for_a_phase {
            return Err(BookReject::TriggerTimeInForce);
        }
        if matches!(new.time_in_force, TimeInForce::Gtd(at) if at <= now) {
            return Err(BookReject::ExpiryPassed);
        }
        self.check_phase(new, may_rest)?;
        if let OrderKind::Limit(price) = new.kind {
            check_ceiling(new.side, price, new.ceiling)?;
            if new.trigger.is_none() {
                self.check_band(new.side, price)?;
            }
        }
        self.check_open(new.side, Qty::ZERO, new.qty)?;
        match new.kind {
            OrderKind::Limit(price) if new.trigger.is_none() => {
                self.off_the_touch(new.post_only, new.side, price).map(OrderKind::Limit)
            }
            OrderKind::Limit(_) | OrderKind::Market => Ok(new.kind),
        }
    }

    fn check_phase(&self, new: &NewOrder, may_rest: bool) -> Result<(), BookReject> {
        let force = new.time_in_force;
        let is_batch = matches!(self.terms.mode, BookMode::Batch { .. });
        if new.trigger.is_some() {
            return if is_batch { Err(BookReject::NotInAuction) } else { Ok(()) };
        }
        if self.is_continuous() && force == TimeInForce::Gfa {
            return Err(BookReject::NotInContinuous);
        }
        let asks_about_arrival =
            !may_rest || force == TimeInForce::Gfn || new.post_only != PostOnly::No;
        if !self.is_continuous() && asks_about_arrival {
            return Err(BookReject::NotInAuction);
        }
        Ok(())
    }

    pub(super) fn check_band(&self, side: Side, price: Price) -> Result<(), BookReject> {
        match (side, self.bands.low, self.bands.high) {
            (Side::Buy, _, Some(limit)) if limit < price => Err(BookReject::AboveBand { limit }),
            (Side::Sell, Some(limit), _) if price < limit => Err(BookReject::BelowBand { limit }),
            (Side::Buy | Side::Sell, _, _) => Ok(()),
        }
    }

    fn check_open(&self, side: Side, without: Qty, with: Qty) -> Result<(), BookReject> {
        let lots = |order: &Order| i128::from(order.open.lots());
        let mine = self.held.iter().filter(|held| held.order.side == side);
        let sum: i128 = mine.map(|held| lots(&held.order)).sum();
        let after = sum - i128::from(without.lots()) + i128::from(with.lots());
        if i128::from(u64::MAX) < after { Err(BookReject::QtyOutOfRange) } else { Ok(()) }
    }

    /// The price at which an order rests that must not take.
    pub(super) fn off_the_touch(
        &self,
        post_only: PostOnly,
        side: Side,
        price: Price,
    ) -> Result<Price, BookReject> {
        let touch = self.best(side.opposite()).and_then(|held| limit_of(&held.order));
        let Some(touch) = touch.filter(|touch| meets(side, Some(price), *touch)) else {
            return Ok(price);
        };
        if post_only == PostOnly::No || !self.is_continuous() {
            return Ok(price);
        }
        let better = match side {
            Side::Buy => touch.ticks().checked_sub(1),
            Side::Sell => touch.ticks().checked_add(1),
        };
        let better = better.filter(|_| post_only == PostOnly::Slide);
        better.map(Price::from_ticks).ok_or(BookReject::PostOnlyWouldCross)
    }

    pub(super) fn amend(&mut self, id: OrderId, amend: &Amend, desk: &mut Desk<'_>) {
        let (book, at) = (self.instrument, self.find(id).unwrap());
        let before = self.held[at].order;
        let after = match self.check_amend(&before, amend) {
            Ok(after) => after,
            Err(reason) => return desk.say(BookEvent::Rejected { book, id: Some(id), reason }),
        };
        if after.open == Qty::ZERO {
            return self.cancel(id, CancelReason::Amended, desk);
        }
        let (price, qty) = (limit_of(&after), after.total());
        desk.say(BookEvent::Amended { book, id, price, qty });
        let keeps_place = after.kind == before.kind && after.open <= before.open;
        if before.trigger.is_some() {
            self.held[at].order = after;
        } else if keeps_place {
            self.lose(id, before.open - after.open);
        } else {
            self.held.remove(at);
            self.arrive(after, None, desk);
        }
    }

    /// The order as it is to be. Nothing open: it is to end.
    fn check_amend(&self, before: &Order, amend: &Amend) -> Result<Order, BookReject> {
        let mut after = *before;
        match (&mut after.trigger, amend.trigger) {
            (_, None) => {}
            (Some(trigger), Some(price)) => trigger.price = price,
            (None, Some(_)) => return Err(BookReject::NotWaiting),
        }
        if let Some(price) = amend.price {
            if before.kind == OrderKind::Market {
                return Err(BookReject::NoLimit);
            }
            after.kind = OrderKind::Limit(price);
        }
        let total = amend.total.unwrap_or(before.total());
        after.open = if total <= before.filled { Qty::ZERO } else { total - before.filled };
        if after.open == Qty::ZERO {
            return Ok(after);
        }
        check_display(after.display, after.open)?;
        if let OrderKind::Limit(price) = after.kind {
            check_ceiling(after.side, price, after.ceiling)?;
            if before.kind != after.kind && before.trigger.is_none() {
                self.check_band(after.side, price)?;
            }
        }
        self.check_open(before.side, before.open, after.open)?;
        if let OrderKind::Limit(price) = after.kind
            && before.trigger.is_none()
        {
            let price = self.off_the_touch(before.post_only, before.side, price)?;
            after.kind = OrderKind::Limit(price);
        }
        Ok(after)
    }

    /// A resting order loses open quantity, what it hides first, and keeps its place.
    pub(super) fn lose(&mut self, id: OrderId, by: Qty) {
        let at = self.find(id).unwrap();
        let order = &mut self.held[at].order;
        let hidden = order.open - order.shown;
        order.open -= by;
        order.shown -= by - by.min(hidden);
    }

    pub(super) fn set_price(&mut self, source: PriceSource, price: Price, _: &mut Desk<'_>) {
        match source {
            PriceSource::Last => {}
            PriceSource::Mark => self.mark = Some(price),
            PriceSource::Index => self.index = Some(price),
        }
    }

    /// Orders fire in the order of their ids; whatever their trades set free lines up behind.
    pub(super) fn fire_all_due(&mut self, desk: &mut Desk<'_>) {
        let mut fired = 0;
        let mut due = Vec::new();
        loop {
            let is_new = |id: &OrderId| !due[fired..].contains(id);
            let more: Vec<_> = self.due().into_iter().filter(is_new).collect();
            due.extend(more);
            // In an auction nothing fires: what is due goes on waiting.
            if fired == due.len() || !self.is_continuous() {
                return;
            }
            self.fire(due[fired], desk);
            fired += 1;
        }
    }

    /// Orders whose price has come, by id.
    fn due(&self) -> Vec<OrderId> {
        let holds = |order: &Order| {
            let trigger = order.trigger.unwrap();
            let price = match trigger.source {
                PriceSource::Last => self.last,
                PriceSource::Mark => self.mark,
                PriceSource::Index => self.index,
            };
            price.is_some_and(|price| match trigger.when {
                TriggerWhen::Rises => trigger.price <= price,
                TriggerWhen::Falls => price <= trigger.price,
            })
        };
        self.waiting().iter().filter(|order| holds(order)).map(|order| order.id).collect()
    }

    fn fire(&mut self, id: OrderId, desk: &mut Desk<'_>) {
        let book = self.instrument;
        let mut order = self.held.remove(self.find(id).unwrap()).order;
        desk.say(BookEvent::Triggered { book, id });
        order.trigger = None;
        let asked = limit_of(&order);
        let mut refused = None;
        if let OrderKind::Limit(price) = order.kind {
            match self.off_the_touch(order.post_only, order.side, price) {
                Ok(price) => order.kind = OrderKind::Limit(price),
                Err(_) => refused = Some(CancelReason::PostOnly),
            }
            if self.check_band(order.side, price).is_err() {
                refused = Some(CancelReason::Band);
            }
        }
        match refused {
            Some(reason) => desk.say(BookEvent::Cancelled { book, id, qty: order.open, reason }),
            None => {
                let price = limit_of(&order);
                if price != asked {
                    desk.say(BookEvent::Amended { book, id, price, qty: order.total() });
                }
                self.arrive(order, None, desk);
            }
        }
    }
}

/// Sorts a side's orders, best price first.
pub(super) fn worth(order: &Order) -> i128 {
    let price = i128::from(limit_of(order).unwrap().ticks());
    if order.side == Side::Buy { -price } else { price }
}

pub(super) const fn limit_of(order: &Order) -> Option<Price> {
    match order.kind {
        OrderKind::Limit(price) => Some(price),
        OrderKind::Market => None,
    }
}

/// Whether a taker with this limit, or any when it has none, takes at that price.
pub(super) fn meets(side: Side, limit: Option<Price>, price: Price) -> bool {
    limit.is_none_or(|limit| match side {
        Side::Buy => price <= limit,
        Side::Sell => limit <= price,
    })
}

fn check_ceiling(side: Side, price: Price, ceiling: Option<Price>) -> Result<(), BookReject> {
    if ceiling.is_none_or(|ceiling| meets(side, Some(ceiling), price)) {
        Ok(())
    } else {
        Err(BookReject::BeyondCeiling)
    }
}

fn check_display(display: Option<Qty>, open: Qty) -> Result<(), BookReject> {
    let most = |display: Qty| 1_000 * i128::from(display.lots());
    if display.is_some_and(|display| most(display) < i128::from(open.lots())) {
        return Err(BookReject::DisplayOutOfRange);
    }
    Ok(())
}
