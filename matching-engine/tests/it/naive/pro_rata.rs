//! One level shared out in proportion, by the plain formulas.

use instruments::{OrderId, Price, Qty};
use matching_engine::Order;

use super::Desk;
use super::book::{Held, NaiveBook, limit_of};
use super::take::is_own;

impl NaiveBook {
    /// The taker meets a level: first its own orders there, then everybody in proportion.
    pub(super) fn take_level(
        &mut self,
        taker: &mut Order,
        price: Price,
        (min, top): (Qty, bool),
        desk: &mut Desk<'_>,
    ) {
        for maker in self.level(taker, price) {
            let is_own = is_own(taker, &maker.order);
            if is_own && taker.open != Qty::ZERO {
                self.prevent(taker, &maker.order, desk);
            }
        }
        let level = self.level(taker, price);
        if taker.open == Qty::ZERO || level.is_empty() {
            return;
        }

        let top = top.then(|| self.top_of(&level)).flatten();
        for (id, qty) in shares(&level, taker.open, min, top) {
            if qty != Qty::ZERO {
                self.trade(taker, id, qty, desk);
            }
        }
    }

    /// What the taker meets at a price, by place.
    fn level(&self, taker: &Order, price: Price) -> Vec<Held> {
        let mut level = self.queue(taker.side.opposite());
        level.retain(|held| limit_of(&held.order) == Some(price));
        level
    }

    fn top_of(&self, level: &[Held]) -> Option<OrderId> {
        let ids = || level.iter().map(|held| held.order.id);
        ids().find(|id| self.tops.contains(&Some(*id)))
    }
}

/// Who gets how much: the top order first, the others by place.
fn shares(level: &[Held], wanted: Qty, min: Qty, top: Option<OrderId>) -> Vec<(OrderId, Qty)> {
    let shown: u128 = level.iter().map(|held| u128::from(held.order.shown.lots())).sum();
    if shown <= u128::from(wanted.lots()) {
        return level.iter().map(|held| (held.order.id, held.order.shown)).collect();
    }
    let mut left = wanted;
    let mut all = Vec::new();
    for held in level.iter().filter(|held| Some(held.order.id) == top) {
        let qty = held.order.shown.min(left);
        all.push((held.order.id, qty));
        left -= qty;
    }
    let others = || level.iter().filter(|held| Some(held.order.id) != top);
    let total: u128 = others().map(|held| u128::from(held.order.shown.lots())).sum();
    let open = u128::from(left.lots());
    let mut parts: Vec<_> = Vec::new();
    for held in others() {
        let part = u128::from(held.order.shown.lots()) * open / total;
        let part = Qty::from_lots(u64::try_from(part).unwrap());
        let part = if part < min { Qty::ZERO } else { part };
        parts.push((held.order.id, held.order.shown, part));
        left -= part;
    }
    for (id, shown, part) in parts {
        let more = left.min(shown - part);
        left -= more;
        all.push((id, part + more));
    }
    all
}
