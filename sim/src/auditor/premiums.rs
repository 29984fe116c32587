//! The auditor's arithmetic of options and caps: premiums, what short lots must hold, what exercise makes of a position.

use exchange::{Event, Traded};
use instruments::rounding::div_ceil;
use instruments::{AccountId, Instrument, MicroUsd, Price, Product, Right, Side};

use super::Auditor;
use super::margins::Margins;
use super::money::money;
use super::positions::value;
use crate::finding::Finding;

/// Who pays whom what at the trade; `None` where nothing is paid.
pub(super) fn premium(
    traded: &Traded,
    terms: &Instrument,
) -> Option<(AccountId, AccountId, MicroUsd)> {
    let (taker, maker) = (traded.taker.account, traded.maker.account);
    let (buyer, seller) = match traded.taker_side {
        Side::Buy => (taker, maker),
        Side::Sell => (maker, taker),
    };
    let premium = money(value(terms, traded.price, i128::from(traded.qty.lots())));
    terms.is_premium_style().then_some((buyer, seller, premium))
}

/// What short lots require beyond their mark: a quarter of what they are on less what they are out of the money, at least 15 %, and of a
/// put at least a tenth of its mark; of a thin grade 40, 30 and 20 %.
pub(super) fn short_premium(
    terms: &Instrument,
    (mark, underlying): (Price, Price),
    lots: i128,
    margins: &Margins,
) -> i128 {
    let [at_money, least, kept] = margins.option_rates(terms);
    let ticks = i128::from(underlying.ticks());
    let out_of_money = i128::from(-terms.moneyness(underlying)).max(0);
    let is_put = matches!(terms.product, Product::Option { right: Right::Put, .. });
    let of_mark = if is_put { kept * i128::from(mark.ticks()) } else { 0 };
    let per_lot = (at_money * ticks - 1_000_000 * out_of_money).max(least * ticks).max(of_mark);
    div_ceil(per_lot * i128::from(terms.tick_value().micros()) * lots, 1_000_000)
}

impl Auditor {
    /// SIM-014: what is exercised was held, becomes as many lots of the future at its price, and is due what the strike is better.
    pub(super) fn read_exercise(&mut self, event: &Event) -> Result<(), Finding> {
        let Event::OptionExercised {
            instrument, account, exercised, booked, underlying_price, ..
        } = event
        else {
            return Ok(());
        };
        let (terms, _) = self.prices.terms(*instrument)?;
        let Product::Option { underlying, strike, right } = terms.product else {
            return Err(Finding::Unannounced { kind: "option", id: instrument.0 });
        };
        let lots = i128::from(exercised.lots());
        let becomes = if right == Right::Call { lots } else { -lots };
        let held = self.positions.lots((*instrument, *account));
        let is_held = lots.abs() <= held.abs() && 0 < lots * held;
        if !is_held || becomes != i128::from(booked.lots()) {
            let (instrument, account, theirs) = (*instrument, *account, *exercised);
            return Err(Finding::Position { instrument, account, ours: *booked, theirs });
        }
        let (future, _) = self.prices.terms(underlying)?;
        let at_price = value(&future, *underlying_price, becomes);
        let gain = at_price - value(&future, strike, becomes);
        self.positions.book((*instrument, *account), 0, -gain);
        self.positions.book((underlying, *account), becomes, at_price);
        Ok(())
    }
}
