//! Pro-rata allocation: a level is shared in proportion to what is shown. Source: CME Globex, allocation with pro-rata and FIFO steps.

use instruments::{AccountId, Qty, Side};

use super::{Book, Desk, Taker};
use crate::event::{BookEvent, Trade};
use crate::slab::{Slot, flag};
use crate::terms::Allocation;

impl Book {
    /// Trades with one level, everybody in proportion. Says whether anything traded.
    pub(super) fn share_level(
        &mut self,
        taker: &mut Taker,
        level: Slot,
        desk: &mut Desk<'_>,
    ) -> bool {
        let Allocation::ProRata { min, top } = self.terms.allocation else {
            return self.take_level(taker, level, desk);
        };
        let min = min.lots();
        if !self.meet_own_at(taker, level, desk) {
            return false;
        }
        let shown = desk.slab.node(level).open;
        if shown <= taker.open {
            return self.take_shown(taker, level, desk);
        }
        let top = if top { self.top_at(level, taker.side.opposite(), desk) } else { None };
        allot(taker.open, level, min, top, desk);
        for place in 0..desk.shares.len() {
            let Some(&(slot, qty)) = desk.shares.get(place) else { break };
            if qty != 0 {
                self.trade_share(taker, slot, qty, desk);
            }
        }
        true
    }

    /// Every order of the taker's own at the level is met before anything is shared. Says whether the taker goes on here.
    fn meet_own_at(&mut self, taker: &mut Taker, level: Slot, desk: &mut Desk<'_>) -> bool {
        let side = taker.side.opposite();
        let mut slot = desk.slab.node(level).next;
        while slot != level {
            let maker = *desk.slab.node(slot);
            if taker.owns(&maker, slot, desk.slab) {
                self.meet_own(taker, slot, desk);
                if taker.open == 0 || self.ladder(side).best != level {
                    return false;
                }
            }
            slot = maker.next;
        }
        true
    }

    /// The taker wants at least all that is shown: it gets exactly that, oldest first.
    fn take_shown(&mut self, taker: &mut Taker, level: Slot, desk: &mut Desk<'_>) -> bool {
        let shown = desk.slab.node(level).open;
        let rest = taker.open.wrapping_sub(shown);
        taker.open = shown;
        while taker.open != 0 {
            self.take_level(taker, level, desk);
        }
        taker.open = rest;
        true
    }

    /// The order that made the best price, if it still stands where it did.
    fn top_at(&self, level: Slot, side: Side, desk: &Desk<'_>) -> Option<Slot> {
        let [bid, ask] = self.tops;
        let id = instruments::OrderId(if side == Side::Buy { bid } else { ask });
        desk.slab.find(id).filter(|slot| desk.slab.node(*slot).level == level)
    }

    fn trade_share(&mut self, taker: &mut Taker, slot: Slot, qty: u64, desk: &mut Desk<'_>) {
        let maker = *desk.slab.node(slot);
        let price = self.price_at(maker.level, desk.slab);
        desk.say(BookEvent::Traded(Trade {
            book: self.instrument,
            maker: maker.id(slot),
            taker: taker.id,
            maker_account: maker.account_id(),
            taker_account: AccountId(u64::from(taker.account)),
            taker_side: taker.side,
            price,
            qty: Qty::from_lots(qty),
        }));
        taker.open = taker.open.wrapping_sub(qty);
        taker.filled = taker.filled.wrapping_add(qty);
        self.fill_shown(slot, qty, desk);
    }

    /// A resting order has traded `qty` of what it shows.
    pub(crate) fn fill_shown(&mut self, slot: Slot, qty: u64, desk: &mut Desk<'_>) {
        let node = *desk.slab.node(slot);
        if node.has(flag::QUOTE) {
            self.note_fill(slot, qty, desk);
        }
        if qty == node.open && (!node.has(flag::ICEBERG) || desk.slab.hidden(slot) == 0) {
            self.pull(slot, &node, desk.slab);
            return self.end(slot, desk.slab);
        }
        desk.slab.add_filled(slot, qty);
        self.lose(slot, qty, 0, desk.slab);
        if qty == node.open {
            self.refresh(slot, desk);
        }
    }
}

/// Says who gets how much of `open`, which is less than what the level shows: the top order, then everybody else in queue order.
fn allot(open: u64, level: Slot, min: u64, top: Option<Slot>, desk: &mut Desk<'_>) {
    desk.shares.clear();
    let (mut left, mut total) = (open, desk.slab.node(level).open);
    if let Some(top) = top {
        let shown = desk.slab.node(top).open;
        desk.shares.push((top, shown.min(left)));
        total = total.wrapping_sub(shown);
        left = left.saturating_sub(shown);
    }
    let wanted = left;
    let mut slot = desk.slab.node(level).next;
    while slot != level {
        let node = desk.slab.node(slot);
        if Some(slot) != top {
            // Rounded down: the remainder is handed out by age.
            let share = u128::from(node.open)
                .saturating_mul(u128::from(wanted))
                .checked_div(u128::from(total))
                .unwrap_or(0);
            let share = u64::try_from(share).unwrap_or(0);
            let share = if share < min { 0 } else { share };
            desk.shares.push((slot, share));
            left = left.wrapping_sub(share);
        }
        slot = node.next;
    }
    for (slot, share) in desk.shares.iter_mut().skip(usize::from(top.is_some())) {
        let more = desk.slab.node(*slot).open.wrapping_sub(*share).min(left);
        *share = share.wrapping_add(more);
        left = left.wrapping_sub(more);
    }
}
