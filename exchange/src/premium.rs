//! Products whose price is paid at the trade: who pays what, what orders hold for it, and what short lots require.

use instruments::{AccountId, Instrument, InstrumentId, MicroUsd, Ppm, Price, Product, Qty, Side};
use matching_engine::{CancelReason, Trade};
use settlement::{Bucket, Reason, premium_fee};

use crate::Exchange;
use crate::event::Event;
use crate::funds::Exposure;

/// What a trade costs one side: a rate of its worth, or of its worth at the strike where the premium is paid at once.
pub(crate) fn fee_of(terms: &Instrument, (price, qty): (Price, Qty), rate: Ppm) -> MicroUsd {
    // The checks bound the notional of whole positions; one trade is less.
    let worth = |price| terms.notional(price, qty).unwrap_or_default();
    match terms.strike() {
        Some(strike) => premium_fee(rate, worth(strike), worth(price)),
        None => rate.of_ceil(worth(price)),
    }
}

impl Exchange {
    /// OPTION-002: the buyer pays the seller.
    pub(crate) fn pay_premium(&mut self, terms: &Instrument, trade: &Trade) {
        let parties = match trade.taker_side {
            Side::Buy => (trade.taker_account, trade.maker_account),
            Side::Sell => (trade.maker_account, trade.taker_account),
        };
        self.move_premium(terms, parties, (trade.price, trade.qty));
    }

    /// Moves a premium, where the product has one, from the buyer to the seller.
    ///
    /// # Panics
    /// When the buyer cannot: its order held the premium, and is cancelled before it could not.
    pub(crate) fn move_premium(
        &mut self,
        terms: &Instrument,
        (buyer, seller): (AccountId, AccountId),
        (price, qty): (Price, Qty),
    ) {
        if !terms.is_premium_style() || buyer == seller {
            return;
        }
        let premium = terms.notional(price, qty).unwrap_or_default();
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

    /// What a fill of one lot may cost: a buy its premium and fee; a sell the fee, which it may owe on more than its
    /// limit, and what it is below the mark.
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
            // What is sold below its mark is short at the mark.
            Side::Sell => {
                let given_away = terms.notional(mark, one)? - terms.notional(order.held_at, one)?;
                given_away.max(MicroUsd::ZERO).checked_add(fee)
            }
        }
    }

    /// OPTION-004: cancels buy orders whose premiums their accounts' money no longer covers.
    ///
    /// Runs before anything may trade that was not placed just now, so that a trade can always be paid; never between an operation and the
    /// order it names.
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
}
