//! Sets an account's quotes in many series, each side by itself: one that is refused leaves nothing of its old quote.

use instruments::{AccountId, OrderId, Price, Qty, Side};
use matching_engine::{CancelReason, GROUP_BOOKS_MAX, PostOnly};

use crate::Exchange;
use crate::command::{AmendOrder, PlaceOrder};
use crate::event::{Event, QuoteEvent};
use crate::limits::{QUOTE_WORD_LEN_MAX, QUOTES_MAX};
use crate::quoting::{GroupName, MassQuote, QuoteEntry, QuoteFilter, QuoteMark};
use crate::reject::{QuoteReject, Reject};

/// One side of one entry.
#[derive(Clone, Copy)]
struct Leg {
    side: Side,
    /// What stands.
    old: Option<OrderId>,
    /// What is to stand.
    new: Option<(Price, Qty)>,
}

/// Whose entry it is, and where it stands in its message.
struct At<'a> {
    request: &'a MassQuote,
    place: u32,
    entry: &'a QuoteEntry,
    number: u32,
    quote_max: Qty,
}

impl Exchange {
    pub(crate) fn mass_quote(
        &mut self,
        request: &MassQuote,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        self.check_mass_quote(request)?;
        let group = self.group_that_may(request.account, &request.group)?;

        // From here on nothing can fail: a side that is refused is an event.
        let (number, quote_max) = (group.number, group.terms.quote_max);
        for (place, entry) in (0..).zip(&request.quotes) {
            self.set_entry(&At { request, place, entry, number, quote_max }, events);
        }
        Ok(())
    }

    fn check_mass_quote(&self, request: &MassQuote) -> Result<(), Reject> {
        if !self.accounts.contains_key(&request.account) {
            return Err(Reject::UnknownAccount);
        }
        self.check_valid_until(request.valid_until)?;
        if request.quotes.is_empty() || QUOTES_MAX < request.quotes.len() {
            let limit = u64::try_from(QUOTES_MAX).unwrap_or(u64::MAX);
            return Err(Reject::Quote(QuoteReject::QuotesOutOfRange { limit }));
        }
        let mut words = request.quotes.iter().map(|entry| &entry.set);
        let is_long = |word: &String| QUOTE_WORD_LEN_MAX < word.len();
        if is_long(&request.quote_id) || words.any(is_long) {
            return Err(Reject::Quote(QuoteReject::WordTooLong { limit: 64 }));
        }
        Ok(())
    }

    /// Sets both sides in one series.
    fn set_entry(&mut self, at: &At<'_>, events: &mut Vec<Event>) {
        let (account, instrument) = (at.request.account, at.entry.instrument);
        let [bid, ask] = self.engine.quotes_in(account, at.number, instrument);
        let bid = Leg { side: Side::Buy, old: bid, new: wanted(at.entry.bid) };
        let ask = Leg { side: Side::Sell, old: ask, new: wanted(at.entry.ask) };
        if let Err(reason) = self.check_entry(at, bid, ask) {
            for leg in [bid, ask] {
                self.refuse_leg(at, leg, reason.clone(), events);
            }
        } else if self.is_ask_first(bid, ask) {
            self.set_leg(at, ask, events);
            self.set_leg_after(at, bid, events);
        } else {
            self.set_leg(at, bid, events);
            self.set_leg_after(at, ask, events);
        }
    }

    /// Why neither side can be set.
    fn check_entry(&self, at: &At<'_>, bid: Leg, ask: Leg) -> Result<(), Reject> {
        let (account, instrument) = (at.request.account, at.entry.instrument);
        let series = self.trading_series(instrument)?;
        let grade = self.group(account, &at.request.group).map(|group| &group.grade);
        if grade != Ok(&series.instrument.grade) {
            return Err(Reject::Quote(QuoteReject::OtherGrade));
        }
        let is_new = bid.old.is_none() && ask.old.is_none();
        if is_new && GROUP_BOOKS_MAX <= self.engine.quotes(account, at.number).count() {
            let limit = u64::try_from(GROUP_BOOKS_MAX).unwrap_or(u64::MAX);
            return Err(Reject::Quote(QuoteReject::GroupFull { limit }));
        }
        match (bid.new, ask.new) {
            (Some((bid, _)), Some((ask, _))) if ask <= bid => {
                Err(Reject::Quote(QuoteReject::QuoteCrossed))
            }
            _ => Ok(()),
        }
    }

    /// MATCH-063: the ask makes way for the bid when both go up; else the bid for the ask.
    fn is_ask_first(&self, bid: Leg, ask: Leg) -> bool {
        let limit_of = |leg: Leg| Some(self.orders.get(&leg.old?)?.limit);
        let is_above = |new: Leg, old: Leg, at_least: bool| match (new.new, limit_of(old)) {
            (Some((new, _)), Some(old)) => old < new || at_least && old == new,
            _ => false,
        };
        is_above(bid, ask, true) || is_above(bid, bid, false) && is_above(ask, ask, false)
    }

    /// Sets the second side of an entry: what stands of it may have ended with the first.
    fn set_leg_after(&mut self, at: &At<'_>, leg: Leg, events: &mut Vec<Event>) {
        let old = leg.old.filter(|order| self.orders.contains_key(order));
        self.set_leg(at, Leg { old, ..leg }, events);
    }

    /// Sets one side, by itself.
    fn set_leg(&mut self, at: &At<'_>, leg: Leg, events: &mut Vec<Event>) {
        let result = match (leg.old, leg.new) {
            (_, None) => {
                self.end_orders(leg.old.as_slice(), CancelReason::Requested, events);
                return;
            }
            (_, Some((_, qty))) if at.quote_max < qty => {
                Err(Reject::Quote(QuoteReject::AboveQuoteMax { limit: at.quote_max }))
            }
            (None, Some(new)) => self.place_leg(at, leg.side, new, events),
            (Some(old), Some(new)) => self.amend_leg(at, old, new, events),
        };
        match result {
            Ok(order) => events.push(Event::Quote(QuoteEvent::QuoteSet {
                account: at.request.account,
                instrument: at.entry.instrument,
                entry: at.place,
                order,
            })),
            Err(reason) => self.refuse_leg(at, leg, reason, events),
        }
    }

    fn place_leg(
        &mut self,
        at: &At<'_>,
        side: Side,
        (price, qty): (Price, Qty),
        events: &mut Vec<Event>,
    ) -> Result<OrderId, Reject> {
        let (account, instrument) = (at.request.account, at.entry.instrument);
        let order = PlaceOrder {
            post_only: PostOnly::Reject,
            session: at.request.session,
            ..PlaceOrder::limit(account, instrument, side, price, qty)
        };
        let admission = self.check_order(&order)?;

        // From here on nothing can fail.
        let id = self.enter(&order, &admission, Some(at.mark()), events);
        let (limit, number) = (admission.limit, at.number);
        self.operate(events, |engine, out| {
            engine.place_quote_side((account, number), (instrument, side), (limit, qty), out);
        });
        Ok(id)
    }

    /// MATCH-064: a quote names what is to be open, not what has traded before.
    fn amend_leg(
        &mut self,
        at: &At<'_>,
        order: OrderId,
        (price, qty): (Price, Qty),
        events: &mut Vec<Event>,
    ) -> Result<OrderId, Reject> {
        let filled = self.orders.get(&order).map_or(Qty::ZERO, |record| record.filled);
        let total = filled + qty;
        let amend = AmendOrder {
            account: at.request.account,
            order,
            price: Some(price),
            qty: Some(total),
            trigger: None,
            valid_until: None,
        };
        match self.amend_order(&amend, events) {
            Ok(()) | Err(Reject::NothingToAmend) => {}
            Err(reason) => return Err(reason),
        }
        self.mark_order(at.request.account, order, at.mark(), events);
        Ok(order)
    }

    /// A side that is refused leaves nothing: the old price is the one that is surely wrong.
    fn refuse_leg(&mut self, at: &At<'_>, leg: Leg, reason: Reject, events: &mut Vec<Event>) {
        if leg.new.is_some() {
            events.push(Event::Quote(QuoteEvent::QuoteRefused {
                account: at.request.account,
                instrument: at.entry.instrument,
                entry: at.place,
                side: leg.side,
                reason: Box::new(reason),
            }));
        }
        self.end_orders(leg.old.as_slice(), CancelReason::Quote, events);
    }

    /// Places an order that is a member of a group.
    pub(crate) fn place_member(
        &mut self,
        request: &PlaceOrder,
        name: &GroupName,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        self.cancel_unpayable(events);
        if let Some(order) = self.resent(request)? {
            events.push(Event::OrderResent { account: request.account, order });
            return Ok(());
        }
        let group = self.group_that_may(request.account, name)?;
        let (number, grade) = (group.number, &group.grade);
        let series = self.trading_series(request.instrument)?;
        if series.instrument.grade != *grade {
            return Err(Reject::Quote(QuoteReject::OtherGrade));
        }
        if request.trigger.is_some() {
            return Err(Reject::Quote(QuoteReject::MemberWaits));
        }
        let admission = self.check_order(request)?;

        // From here on nothing can fail.
        let mark = QuoteMark {
            group: name.clone(),
            is_quote: false,
            quote_id: String::new(),
            set: String::new(),
        };
        let id = self.enter(request, &admission, Some(mark), events);
        let Some(record) = self.orders.get(&id) else { return Ok(()) };
        let (instrument, order) = (request.instrument, record.in_book());
        self.operate(events, |engine, out| engine.place_member(instrument, &order, number, out));
        Ok(())
    }

    /// An order is a quote, or a member of a group.
    pub(crate) fn mark_order(
        &mut self,
        account: AccountId,
        order: OrderId,
        mark: QuoteMark,
        events: &mut Vec<Event>,
    ) {
        if !self.orders.contains_key(&order) {
            return;
        }
        if !mark.is_quote
            && let Some(group) = self.quoting.groups.get_mut(&(account, mark.group.clone()))
        {
            group.members.insert(order);
        }
        self.quoting.marks.insert(order, mark.clone());
        events.push(Event::Quote(QuoteEvent::OrderMarked { account, order, mark }));
    }

    /// Cancels the quotes that a filter lets through.
    pub(crate) fn cancel_quotes(
        &mut self,
        account: AccountId,
        filter: &QuoteFilter,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        if filter.instrument.is_some_and(|id| !self.series.contains_key(&id)) {
            return Err(Reject::UnknownInstrument);
        }
        if let Some(name) = &filter.group {
            self.group(account, name)?;
        }

        // From here on nothing can fail.
        let quotes = self.quotes_of(account, filter);
        self.end_orders(&quotes, CancelReason::Requested, events);
        Ok(())
    }

    /// A group was pulled: what is open in it and is no quote goes too.
    pub(crate) fn members_of(&self, account: AccountId, number: u32) -> Vec<OrderId> {
        let name = self.quoting.name_of(account, number);
        let group = name.and_then(|name| self.quoting.groups.get(&(account, name)));
        group.map_or_else(Vec::new, |group| group.members.iter().copied().collect())
    }
}

impl At<'_> {
    fn mark(&self) -> QuoteMark {
        QuoteMark {
            group: self.request.group.clone(),
            is_quote: true,
            quote_id: self.request.quote_id.clone(),
            set: self.entry.set.clone(),
        }
    }
}

/// A side of no lots is a side that is not wanted.
fn wanted(side: Option<(Price, Qty)>) -> Option<(Price, Qty)> {
    side.filter(|(_, qty)| !qty.is_zero())
}
