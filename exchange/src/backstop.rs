//! Offers the portfolio of an account that has hardly anything left to whoever takes it over for the least.

use std::collections::BTreeMap;

use instruments::{AccountId, InstrumentId, MicroUsd, Nanos, NetQty, Price, Qty, Side};
use matching_engine::CancelReason;
use settlement::{Bucket, Reason, needs_backstop, own_margin};

use crate::Exchange;
use crate::default_event::{DefaultEvent, MoveCause};
use crate::default_reject::DefaultReject;
use crate::defaults::{Bid, Stage};
use crate::event::Event;
use crate::limits::{BACKSTOPS_MAX, EQUITY_MAX, POSITION_MAX};
use crate::liquidate::Holding;
use crate::rehold::saturate;
use crate::reject::Reject;
use crate::series::SeriesState;

/// A portfolio that is on offer, as a bidder sees it. Whose it is, is not a bidder's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedPortfolio {
    /// The auction's number.
    pub auction: u64,
    /// When the bids are opened at the earliest.
    pub until: Nanos,
    /// What is in it, with the marks at which it would be taken over.
    pub holdings: Vec<(InstrumentId, NetQty, Price)>,
    /// What all of it is worth at its marks, counted as positive: a bidder takes over no more than its capacity.
    pub notional: i128,
    /// What its options and caps are worth at their marks: what is asked is less by that.
    pub premiums: i128,
    /// What this bidder has asked for so far.
    pub own_ask: Option<MicroUsd>,
}

impl Exchange {
    /// What an account may bid for: nothing unless it is a registered backstop, and never its own portfolio.
    #[must_use]
    pub fn offered_to(&self, bidder: AccountId) -> Vec<OfferedPortfolio> {
        if !self.defaults.backstops.contains_key(&bidder) {
            return Vec::new();
        }
        let others = self.defaults.liquidations.iter().filter(|(owner, _)| **owner != bidder);
        let offered = others.filter_map(|(owner, it)| match &it.stage {
            Stage::Auction { auction, bids } => {
                let own_ask = bids.get(&bidder).map(|bid| bid.ask);
                Some(self.offered(*owner, (*auction, it.next_at), own_ask))
            }
            Stage::Slicing => None,
        });
        offered.collect()
    }

    fn offered(
        &self,
        owner: AccountId,
        (auction, until): (u64, Nanos),
        own_ask: Option<MicroUsd>,
    ) -> OfferedPortfolio {
        let held = self.closable(owner);
        let row = |it: &Holding| {
            let mark = self.series.get(&it.instrument)?.mark;
            Some((it.instrument, it.net, mark))
        };
        OfferedPortfolio {
            auction,
            until,
            holdings: held.iter().filter_map(row).collect(),
            notional: self.worth_closing(owner),
            premiums: self.premiums_at_mark(&held),
            own_ask,
        }
    }

    /// Says the largest notional that an account takes over; nothing when it takes none any more.
    pub(crate) fn register_backstop(
        &mut self,
        account: AccountId,
        capacity: MicroUsd,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        if capacity < MicroUsd::ZERO || EQUITY_MAX < capacity {
            return Err(Reject::Default(DefaultReject::CapacityOutOfRange { limit: EQUITY_MAX }));
        }
        let backstops = &self.defaults.backstops;
        if !backstops.contains_key(&account) && BACKSTOPS_MAX <= backstops.len() {
            return Err(Reject::Default(DefaultReject::TooManyBackstops { limit: 64 }));
        }

        // From here on nothing can fail.
        if capacity == MicroUsd::ZERO {
            self.defaults.backstops.remove(&account);
        } else {
            self.defaults.backstops.insert(account, capacity);
        }
        events.push(Event::Default(DefaultEvent::BackstopRegistered { account, capacity }));
        Ok(())
    }

    /// Takes in a sealed bid; a later one of the same bidder takes its place.
    pub(crate) fn bid_backstop(
        &mut self,
        account: AccountId,
        auction: u64,
        ask: MicroUsd,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        self.check_alive(account)?;
        let owner = self
            .defaults
            .account_in(auction)
            .ok_or(Reject::Default(DefaultReject::UnknownBackstop))?;
        let capacity = self
            .defaults
            .backstops
            .get(&account)
            .ok_or(Reject::Default(DefaultReject::NotABackstop))?;
        if owner == account {
            return Err(Reject::Default(DefaultReject::NotABackstop));
        }
        if !(-EQUITY_MAX..=EQUITY_MAX).contains(&ask) {
            return Err(Reject::Default(DefaultReject::CapacityOutOfRange { limit: EQUITY_MAX }));
        }
        if i128::from(capacity.micros()) < self.worth_closing(owner) {
            return Err(Reject::Default(DefaultReject::BeyondCapacity { limit: *capacity }));
        }

        // From here on nothing can fail.
        let bid = Bid { ask, seq: self.last_seq };
        let offered = self.defaults.liquidations.get_mut(&owner);
        if let Some(Stage::Auction { bids, .. }) = offered.map(|it| &mut it.stage) {
            bids.insert(account, bid);
        }
        // What is asked stays sealed until the end.
        events.push(Event::Default(DefaultEvent::BackstopBid { auction, account }));
        Ok(())
    }

    /// What an account's positions that can be closed are worth at their marks, all counted as positive.
    fn worth_closing(&self, account: AccountId) -> i128 {
        let worth = |sum: i128, it: &Holding| sum.saturating_add(it.notional);
        self.closable(account).iter().fold(0, worth)
    }

    /// LIQ-007: offers the portfolio, or closes it out at once where nobody would bid.
    pub(crate) fn open_backstop(&mut self, account: AccountId, events: &mut Vec<Event>) {
        let listed = self.open_orders.get(&account).into_iter().flat_map(|series| series.keys());
        let instruments: Vec<InstrumentId> = listed.copied().collect();
        for instrument in instruments {
            let reason = CancelReason::Liquidation;
            self.cancel_in(instrument, reason, events, |record| record.account == account);
        }
        if self.defaults.backstops.keys().all(|bidder| *bidder == account) {
            return self.resolve(account, &BTreeMap::new(), events);
        }
        let auction = self.defaults.auctions.saturating_add(1);
        self.defaults.auctions = auction;
        let stage = Stage::Auction { auction, bids: BTreeMap::new() };
        self.next_step(account, stage, self.defaults.terms.auction_for);
        let until = self.defaults.liquidations.get(&account).map(|it| it.next_at);
        let until = until.unwrap_or(self.now);
        events.push(Event::Default(DefaultEvent::BackstopOpened { auction, account, until }));
    }

    pub(crate) fn end_backstop(&mut self, account: AccountId, events: &mut Vec<Event>) {
        let stage = self.defaults.liquidations.get(&account).map(|it| it.stage.clone());
        let Some(Stage::Auction { bids, .. }) = stage else { return };
        self.resolve(account, &bids, events);
    }

    /// Pays the variation of all series at their marks, so that everything there is counts, and then ends it one way or another.
    fn resolve(
        &mut self,
        account: AccountId,
        bids: &BTreeMap<AccountId, Bid>,
        events: &mut Vec<Event>,
    ) {
        let trading = self.series.iter().filter(|(_, it)| it.state == SeriesState::Trading);
        let marks: Vec<(InstrumentId, Price)> = trading.map(|(id, it)| (*id, it.mark)).collect();
        events.push(Event::Default(DefaultEvent::MarkedOut));
        self.pay_variation(&marks, events);
        if self.has_ended(account, events) {
            return;
        }
        let health = self.health(account);
        if !needs_backstop(health.equity, health.maintenance) {
            return self.next_step(account, Stage::Slicing, self.defaults.terms.slice_every);
        }
        match self.best_bid(account, bids) {
            Some((bidder, ask)) => self.take_over(account, bidder, ask, events),
            None => self.close_out(account, events),
        }
        self.end_liquidation(account, events);
    }

    /// LIQ-008: the least that is asked by somebody who can carry it, the earlier of two equal bids.
    fn best_bid(
        &self,
        account: AccountId,
        bids: &BTreeMap<AccountId, Bid>,
    ) -> Option<(AccountId, MicroUsd)> {
        let holdings = self.closable(account);
        let premiums = self.premiums_at_mark(&holdings);
        let worth = i128::from(self.margin_usable(account).micros()).saturating_add(premiums);
        let mut ranked: Vec<(MicroUsd, Bid, AccountId)> =
            bids.iter().map(|(bidder, bid)| (bid.ask, *bid, *bidder)).collect();
        ranked.sort_by_key(|(ask, bid, bidder)| (*ask, bid.seq, *bidder));
        let best = ranked.into_iter().find(|(ask, _, bidder)| {
            i128::from(ask.micros()) <= worth
                && self.can_take(*bidder, account, &holdings, (*ask, premiums))
        });
        best.map(|(ask, _, bidder)| (bidder, ask))
    }

    /// Whether a bidder has the money for the portfolio by itself, whatever it holds already, and stays within the limits.
    fn can_take(
        &self,
        bidder: AccountId,
        account: AccountId,
        holdings: &[Holding],
        (ask, premiums): (MicroUsd, i128),
    ) -> bool {
        let worth = holdings.iter().fold(0_i128, |sum, it| sum.saturating_add(it.notional));
        let capacity = self.defaults.backstops.get(&bidder).copied().unwrap_or_default();
        let is_free = !self.defaults.liquidations.contains_key(&bidder);
        let Some(summary) = self.account_summary(bidder).filter(|_| is_free) else { return false };
        let ask = i128::from(ask.micros());
        // What it has left beyond its own margin once it is paid, and what it must pay for premiums at once.
        let left = i128::from(summary.available.micros()).saturating_add(ask);
        let free = i128::from(summary.available.min(summary.cash).micros());
        let can_pay = premiums.saturating_sub(ask) <= free;
        let fits = |it: &Holding| {
            let net = self.net(it.instrument, bidder);
            let open = self.open_orders_in(bidder, it.instrument);
            let side = it.closes_by().opposite();
            let after = net.after(side, it.lots()).is_some_and(|net| {
                (net.long() + open.buys).max(net.short() + open.sells) <= POSITION_MAX
            });
            after
                && self.series.get(&it.instrument).is_some_and(|series| {
                    self.positions.may_trade(&series.instrument, bidder, side, it.lots())
                })
        };
        worth <= i128::from(capacity.micros())
            && can_pay
            && self.required(account).position.max(0) <= left
            && holdings.iter().all(fits)
    }

    /// What premiums would pay to the account if it sold them at their marks; negative where it would have to buy them.
    pub(crate) fn premiums_at_mark(&self, holdings: &[Holding]) -> i128 {
        let premiums = holdings.iter().filter(|it| it.is_premium_style);
        premiums.fold(0, |sum: i128, it| match it.closes_by() {
            Side::Sell => sum.saturating_add(it.notional),
            Side::Buy => sum.saturating_sub(it.notional),
        })
    }

    /// The bidder takes everything over at the marks, and is paid what it asked for.
    fn take_over(
        &mut self,
        account: AccountId,
        bidder: AccountId,
        ask: MicroUsd,
        events: &mut Vec<Event>,
    ) {
        let holdings = self.closable(account);
        let premiums = self.premiums_at_mark(&holdings);
        let due = i128::from(ask.micros()).saturating_sub(premiums);
        let (from, to) = if 0 <= due { (account, bidder) } else { (bidder, account) };
        let amount = saturate(due.checked_abs().unwrap_or(i128::MAX));
        let mut ledger = self.ledger.because(Reason::Default);
        let unpaid = ledger.pay(&own_margin(from), Bucket::Cash(to), amount);
        drop(ledger);
        assert!(unpaid == MicroUsd::ZERO, "a bid that is taken can be paid");
        events.push(Event::Default(DefaultEvent::BackstopTaken {
            account,
            bidder,
            ask,
            paid: saturate(due),
        }));
        for it in holdings {
            let parties = (account, bidder);
            self.move_position(parties, (&it, it.lots()), MoveCause::Backstop, events);
        }
        self.rehold(account);
        self.rehold(bidder);
    }

    /// Books lots that change hands outside the book at the mark: `account` closes them, `other` has them.
    pub(crate) fn move_position(
        &mut self,
        (account, other): (AccountId, AccountId),
        (holding, qty): (&Holding, Qty),
        cause: MoveCause,
        events: &mut Vec<Event>,
    ) {
        let instrument = holding.instrument;
        let Some(series) = self.series.get(&instrument) else { return };
        let (terms, price) = (series.instrument.clone(), series.mark);
        let side = holding.closes_by();
        self.positions.trade(&terms, account, side, qty, price);
        self.positions.trade(&terms, other, side.opposite(), qty, price);
        let net = NetQty::ZERO.after(side.opposite(), qty).unwrap_or(NetQty::ZERO);
        let (from, to) = (account, other);
        events.push(Event::Default(DefaultEvent::PositionMoved {
            instrument,
            from,
            to,
            net,
            price,
            cause,
        }));
        self.trim_booked(account, instrument, events);
        self.trim_booked(other, instrument, events);
    }
}
