//! Products whose price is paid at the trade: who pays what, what orders hold for it, and what short lots require.

use instruments::rounding::div_ceil;
use instruments::{
    Instrument, InstrumentId, MicroUsd, NetQty, Ppm, Price, Product, Qty, Right, Side,
};
use matching_engine::{CancelReason, Trade};
use settlement::{Bucket, OpenOrders, Reason, Requirement, premium_fee};

use crate::Exchange;
use crate::event::Event;
use crate::funds::Exposure;
use crate::series::Series;

/// What a trade costs one side: a rate of its worth, or of its worth at the strike where the premium is paid at once.
pub(crate) fn trade_fee(terms: &Instrument, trade: &Trade, rate: Ppm) -> MicroUsd {
    // The checks bound the notional of whole positions; one trade is less.
    let worth = |price| terms.notional(price, trade.qty).unwrap_or_default();
    match terms.strike() {
        Some(strike) => premium_fee(rate, worth(strike), worth(trade.price)),
        None => rate.of_ceil(worth(trade.price)),
    }
}

impl Exchange {
    /// OPTION-002: the buyer pays the seller.
    ///
    /// # Panics
    /// When the buyer cannot: its order held the premium, and is cancelled before it could not.
    pub(crate) fn pay_premium(&mut self, terms: &Instrument, trade: &Trade) {
        let (buyer, seller) = match trade.taker_side {
            Side::Buy => (trade.taker_account, trade.maker_account),
            Side::Sell => (trade.maker_account, trade.taker_account),
        };
        if !terms.is_premium_style() || buyer == seller {
            return;
        }
        let premium = terms.notional(trade.price, trade.qty).unwrap_or_default();
        let purse = [Bucket::Cash(buyer), Bucket::OrderHold(buyer), Bucket::PositionMargin(buyer)];
        let unpaid =
            self.ledger.because(Reason::Premium).pay(&purse, Bucket::Cash(seller), premium);
        assert!(unpaid == MicroUsd::ZERO, "an order holds the premium that it may cost");
        for account in [buyer, seller] {
            if self.net(terms.id, account).long().is_zero() {
                self.instructions.remove(&(terms.id, account));
            }
        }
    }

    /// What a fill of one lot may cost: a buy its premium and fee, a sell the fee, which it may owe on more than its limit.
    pub(crate) fn premium_reserve(
        &self,
        terms: &Instrument,
        order: &Exposure,
        mark: Price,
    ) -> Option<MicroUsd> {
        let one = Qty::from_lots(1);
        let at_strike = terms.notional(terms.strike()?, one)?;
        let dearest = match order.side {
            Side::Buy => order.held_at,
            Side::Sell => order.limit.max(order.held_at).max(mark),
        };
        let premium = terms.notional(dearest, one)?;
        let fee = premium_fee(self.fee_rates.taker, at_strike, premium);
        match order.side {
            Side::Buy => premium.checked_add(fee),
            Side::Sell => Some(fee),
        }
    }

    /// OPTION-004: cancels buy orders whose premiums their accounts' money no longer covers.
    ///
    /// Runs before anything else happens in the books, so that a trade can always be paid.
    pub(crate) fn cancel_unpayable(&mut self, events: &mut Vec<Event>) {
        while let Some(account) = self.unpayable.pop_first() {
            let Some(by_series) = self.open_orders.get(&account) else { continue };
            let premiums: Vec<(InstrumentId, i128)> = by_series
                .iter()
                .filter(|(id, open)| !open.buys.is_zero() && self.is_premium_style(**id))
                .map(|(id, open)| (*id, i128::from(open.reserve.micros())))
                .collect();
            let needed = premiums.iter().fold(0_i128, |sum, (_, part)| sum.saturating_add(*part));
            let held = self.ledger.balance(Bucket::OrderHold(account));
            if needed <= i128::from(held.micros()) {
                continue;
            }
            for (instrument, _) in premiums {
                self.cancel_in(instrument, CancelReason::Unfunded, events, |record| {
                    record.account == account && record.side == Side::Buy
                });
            }
        }
    }

    fn is_premium_style(&self, instrument: InstrumentId) -> bool {
        self.series.get(&instrument).is_some_and(|series| series.instrument.is_premium_style())
    }

    /// What a premium is compared with: the mark of an option's future, the index under a cap.
    pub(crate) fn underlying_price(&self, terms: &Instrument) -> Option<Price> {
        match terms.product {
            Product::Option { underlying, .. } => {
                self.series.get(&underlying).map(|series| series.mark)
            }
            Product::Cap { .. } => {
                self.index_value(&terms.grade).map(|value| terms.nearest_price(value))
            }
            Product::Future { .. } | Product::Spread { .. } => None,
        }
    }

    /// What must be held for a cap beside its value. `None` when it does not fit into the ledger.
    pub(crate) fn cap_requirement(
        &self,
        series: &Series,
        net: NetQty,
        open: &OpenOrders,
    ) -> Option<Requirement> {
        let terms = &series.instrument;
        let underlying = self.underlying_price(terms).or(terms.strike())?;
        short_premium(terms, net, open, (series.mark, underlying))
    }
}

/// Long lots are paid for; a short lot requires beside its mark a quarter of the underlying less what it is out of the money, at least 15 %.
fn short_premium(
    terms: &Instrument,
    net: NetQty,
    open: &OpenOrders,
    (mark, underlying): (Price, Price),
) -> Option<Requirement> {
    let (mark, underlying) = (i128::from(mark.ticks()), i128::from(underlying.ticks()));
    let moneyness = terms.moneyness(Price::from_ticks(i64::try_from(underlying).ok()?));
    let out_of_money = i128::from(moneyness).min(0).checked_neg()?.checked_mul(1_000_000)?;
    let share = |ppm: i128| underlying.checked_mul(ppm);
    let initial = share(250_000)?.checked_sub(out_of_money)?.max(share(150_000)?);
    let is_put = matches!(terms.product, Product::Option { right: Right::Put, .. });
    let of_mark = if is_put { mark.checked_mul(100_000)? } else { 0 };
    let maintenance = share(100_000)?.max(of_mark);
    let per_tick = i128::from(terms.tick_value().micros());
    let of = |rate: i128, lots: Qty| {
        let whole = rate.checked_mul(per_tick)?.checked_mul(i128::from(lots.lots()))?;
        MicroUsd::from_i128(div_ceil(whole, 1_000_000))
    };
    let short = net.short();
    let worst = (short + open.sells).saturating_sub(net.long());
    let position = of(initial, short)?;
    Some(Requirement {
        position,
        orders: (of(initial, worst.max(short))? - position).checked_add(open.reserve)?,
        maintenance: of(maintenance, short)?,
    })
}
