//! What a book refuses, in the order of [`BookReject`]'s variants. Reads, never writes.

use instruments::{Price, Qty, Side};

use super::{Book, Desk, feature};
use crate::event::BookReject;
use crate::order::{Amend, NewOrder, OrderKind, PostOnly, TimeInForce};
use crate::slab::{Slab, Slot, flag, post_only_of};

/// How many times what it shows an iceberg may be: each refresh is work for whoever takes it.
pub(crate) const DISPLAY_RATIO_MAX: u64 = 1_000;

/// How far from zero prices of linked books may be, so that what they imply fits.
const LINKED_TICKS_MAX: u64 = 1 << 60;

/// An order that was found good.
#[derive(Clone, Copy)]
pub(super) struct Admission {
    pub(super) account: u32,
    /// Its limit, after a slide.
    pub(super) price: Option<Price>,
    /// The worst depth of the other side at which it trades.
    pub(super) limit: i64,
}

/// An amend that was found good.
#[derive(Clone, Copy)]
pub(super) struct Change {
    pub(super) slot: Slot,
    pub(super) price: Option<Price>,
    pub(super) total: u64,
    pub(super) open: u64,
    pub(super) trigger: Option<Price>,
}

impl Book {
    #[inline]
    pub(super) fn check_place(
        &self,
        order: &NewOrder,
        desk: &Desk<'_>,
    ) -> Result<Admission, BookReject> {
        if order.qty.is_zero() {
            return Err(BookReject::ZeroQuantity);
        }
        let account = u32::try_from(order.account.0).ok().ok_or(BookReject::AccountOutOfRange)?;
        let is_limit = matches!(order.kind, OrderKind::Limit(_));
        let may_rest = is_limit && order.time_in_force.rests();
        if order.post_only != PostOnly::No && !may_rest {
            return Err(BookReject::PostOnlyImmediate);
        }
        check_display(order, may_rest)?;
        self.check_time(order, may_rest, desk)?;
        let price = order.price();
        self.check_linked(price)?;
        if let Some(ceiling) = order.ceiling
            && price.is_some_and(|price| is_beyond(order.side, price, ceiling))
        {
            return Err(BookReject::BeyondCeiling);
        }
        if let Some(price) = price
            && order.trigger.is_none()
        {
            self.check_band(order.side, price)?;
        }
        let sum = self.ladder(order.side).open.checked_add(order.qty.lots());
        if sum.is_none() {
            return Err(BookReject::QtyOutOfRange);
        }
        if !desk.slab.has_room(if order.trigger.is_some() { 3 } else { 2 }) {
            return Err(BookReject::BookFull);
        }
        let price = match (order.post_only, price) {
            (PostOnly::No, _) | (_, None) => price,
            (_, Some(_)) if order.trigger.is_some() => price,
            (mode, Some(price)) => Some(self.check_post_only(mode, order.side, price)?),
        };
        Ok(Admission { account, price, limit: self.limit_depth(order.side, price, order.ceiling) })
    }

    #[inline]
    fn check_time(
        &self,
        order: &NewOrder,
        may_rest: bool,
        desk: &Desk<'_>,
    ) -> Result<(), BookReject> {
        let force = order.time_in_force;
        if order.trigger.is_some() && matches!(force, TimeInForce::Gfa | TimeInForce::Gfn) {
            return Err(BookReject::TriggerTimeInForce);
        }
        if let TimeInForce::Gtd(at) = force
            && at <= desk.now
        {
            return Err(BookReject::ExpiryPassed);
        }
        if order.trigger.is_some() {
            return if self.is_batch() { Err(BookReject::NotInAuction) } else { Ok(()) };
        }
        if self.is_continuous() {
            return if force == TimeInForce::Gfa {
                Err(BookReject::NotInContinuous)
            } else {
                Ok(())
            };
        }
        if order.post_only != PostOnly::No || !may_rest || force == TimeInForce::Gfn {
            return Err(BookReject::NotInAuction);
        }
        Ok(())
    }

    /// Prices of linked books are added and subtracted.
    #[inline]
    fn check_linked(&self, price: Option<Price>) -> Result<(), BookReject> {
        let is_far = |price: Price| LINKED_TICKS_MAX < price.ticks().unsigned_abs();
        if self.has(feature::LINKED) && price.is_some_and(is_far) {
            return Err(BookReject::PriceOutOfRange);
        }
        Ok(())
    }

    #[inline]
    pub(super) fn check_band(&self, side: Side, price: Price) -> Result<(), BookReject> {
        if !self.has(feature::BANDS) {
            return Ok(());
        }
        match (side, self.bands.low, self.bands.high) {
            (Side::Buy, _, Some(limit)) if limit < price => Err(BookReject::AboveBand { limit }),
            (Side::Sell, Some(limit), _) if price < limit => Err(BookReject::BelowBand { limit }),
            (Side::Buy | Side::Sell, _, _) => Ok(()),
        }
    }

    /// The price at which a post-only order rests.
    pub(super) fn check_post_only(
        &self,
        mode: PostOnly,
        side: Side,
        price: Price,
    ) -> Result<Price, BookReject> {
        if mode == PostOnly::No || !self.is_continuous() {
            return Ok(price);
        }
        let direct = self.ladder(side.opposite()).best_price();
        let [bid, ask] = self.implied;
        let (touch, crosses) = match side {
            Side::Buy => {
                let touch = direct.into_iter().chain(ask).min();
                (touch, touch.is_some_and(|touch| touch <= price))
            }
            Side::Sell => {
                let touch = direct.into_iter().chain(bid).max();
                (touch, touch.is_some_and(|touch| price <= touch))
            }
        };
        if !crosses {
            return Ok(price);
        }
        let off = touch.filter(|_| mode == PostOnly::Slide).and_then(|touch| match side {
            Side::Buy => touch.ticks().checked_sub(1),
            Side::Sell => touch.ticks().checked_add(1),
        });
        off.map(Price::from_ticks).ok_or(BookReject::PostOnlyWouldCross)
    }

    /// The worst depth of the other side at which an order trades: its limit, or for a market order its ceiling and the band.
    #[inline]
    pub(super) fn limit_depth(
        &self,
        side: Side,
        price: Option<Price>,
        ceiling: Option<Price>,
    ) -> i64 {
        let others = self.ladder(side.opposite());
        match price {
            Some(price) => others.depth_of(price.ticks()),
            None => {
                let band = match side {
                    Side::Buy => self.bands.high,
                    Side::Sell => self.bands.low,
                };
                let depth =
                    |limit: Option<Price>| limit.map_or(i64::MAX, |p| others.depth_of(p.ticks()));
                depth(band).min(depth(ceiling))
            }
        }
    }

    pub(super) fn check_amend(
        &self,
        slot: Slot,
        amend: &Amend,
        slab: &Slab,
    ) -> Result<Change, BookReject> {
        let node = slab.node(slot);
        let is_waiting = node.has(flag::WAITING);
        if amend.trigger.is_some() && !is_waiting {
            return Err(BookReject::NotWaiting);
        }
        let before = limit_of(self, slot, slab);
        if amend.price.is_some() && before.is_none() {
            return Err(BookReject::NoLimit);
        }
        let filled = slab.filled(slot);
        let open_before = slab.open(slot);
        let total = amend.total.map_or_else(|| filled.wrapping_add(open_before), Qty::lots);
        let open = total.saturating_sub(filled);
        let change =
            Change { slot, price: amend.price.or(before), total, open, trigger: amend.trigger };
        if open == 0 {
            return Ok(change);
        }
        let side = node.side();
        let display = slab.display(slot).map_or(u64::MAX, Qty::lots);
        if display.saturating_mul(DISPLAY_RATIO_MAX) < open {
            return Err(BookReject::DisplayOutOfRange);
        }
        self.check_linked(amend.price)?;
        if let Some(price) = amend.price {
            let has_cold = node.has(flag::COLD);
            let ceiling = if has_cold { slab.cold(slot).ceiling } else { None };
            if ceiling.is_some_and(|ceiling| is_beyond(side, price, ceiling)) {
                return Err(BookReject::BeyondCeiling);
            }
            if !is_waiting && before != Some(price) {
                self.check_band(side, price)?;
            }
        }
        let others = self.ladder(side).open.wrapping_sub(open_before);
        if others.checked_add(open).is_none() {
            return Err(BookReject::QtyOutOfRange);
        }
        let is_smaller =
            amend.price.is_none_or(|price| before == Some(price)) && open <= open_before;
        if !is_smaller && !slab.has_room(1) {
            return Err(BookReject::BookFull);
        }
        let price = match change.price {
            Some(price) if !is_waiting => {
                Some(self.check_post_only(post_only_of(node.stamp), side, price)?)
            }
            price => price,
        };
        Ok(Change { price, ..change })
    }
}

/// The limit of an order that rests or waits.
pub(super) fn limit_of(book: &Book, slot: Slot, slab: &Slab) -> Option<Price> {
    let node = slab.node(slot);
    if node.has(flag::WAITING) {
        return slab.cold(slot).limit;
    }
    let depth = slab.node(node.level).depth();
    Some(book.ladder(node.side()).price_of(depth))
}

/// Whether `price` is worse for its account than `ceiling`.
pub(crate) fn is_beyond(side: Side, price: Price, ceiling: Price) -> bool {
    match side {
        Side::Buy => ceiling < price,
        Side::Sell => price < ceiling,
    }
}

#[inline]
fn check_display(order: &NewOrder, may_rest: bool) -> Result<(), BookReject> {
    let Some(display) = order.display else { return Ok(()) };
    if !may_rest {
        return Err(BookReject::DisplayImmediate);
    }
    if display.lots().saturating_mul(DISPLAY_RATIO_MAX) < order.qty.lots() {
        return Err(BookReject::DisplayOutOfRange);
    }
    Ok(())
}
