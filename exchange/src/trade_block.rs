//! Books trades that two parties agreed elsewhere: off the book, at their own price, within a band around the mark.
//!
//! A block changes positions, money and volume, and nothing that prices anybody else: not the last price, not the mark, not a trigger, not a
//! settlement price.

use instruments::{
    AccountId, Instrument, MicroUsd, Ppm, Price, Product, Qty, Side, Style, TradeId,
};
use settlement::Bucket;

use crate::agreement::BlockLeg;
use crate::command::PlaceOrder;
use crate::event::{BlockFill, BlockTraded, Event};
use crate::funds::Exposure;
use crate::open_order::OpenOrder;
use crate::premium::fee_of;
use crate::price::{away_from, check_price, check_qty};
use crate::reject::{AgreementReject, Reject};
use crate::series::Series;
use crate::{Exchange, Issued};

impl Exchange {
    /// Whether the two may trade these legs with each other.
    pub(crate) fn check_trades(
        &mut self,
        parties: [AccountId; 2],
        legs: &[BlockLeg],
        for_reservation: bool,
    ) -> Result<(), Reject> {
        for leg in legs {
            let series = self.trading_series(leg.instrument)?;
            self.check_open(leg.instrument)?;
            check_qty(leg.qty)?;
            check_price(leg.price)?;
            check_block(series, leg, for_reservation)?;
        }
        let mut supposed = Vec::new();
        let carried = self.suppose(parties, legs, &mut supposed);
        for record in &supposed {
            self.suppose_no_more(record);
        }
        carried
    }

    /// Whether both parties could have all legs open as orders at the prices agreed, which is what they can certainly carry.
    fn suppose(
        &mut self,
        parties: [AccountId; 2],
        legs: &[BlockLeg],
        supposed: &mut Vec<OpenOrder>,
    ) -> Result<(), Reject> {
        let [first, _] = parties;
        for account in parties {
            for leg in legs {
                let side = if account == first { leg.side } else { leg.side.opposite() };
                let (instrument, qty, price) = (leg.instrument, leg.qty, leg.price);
                let series = self.trading_series(instrument)?;
                let exposure =
                    Exposure { account, instrument, side, qty, limit: price, held_at: price };
                let reserve = self.check_funds(&exposure, series, None)?;
                let order = PlaceOrder::limit(account, instrument, side, price, qty);
                let record = OpenOrder::new(&order, price, reserve, self.now);
                self.suppose_open(&record);
                supposed.push(record);
            }
        }
        Ok(())
    }

    /// Books every leg.
    pub(crate) fn book_block(
        &mut self,
        parties: [AccountId; 2],
        legs: &[BlockLeg],
        reservation: Option<[u8; 32]>,
        events: &mut Vec<Event>,
    ) {
        for leg in legs {
            self.book_leg(parties, leg, reservation, events);
        }
        for account in parties {
            for leg in legs {
                self.trim_booked(account, leg.instrument, events);
            }
            self.rehold(account);
        }
    }

    fn book_leg(
        &mut self,
        [first, second]: [AccountId; 2],
        leg: &BlockLeg,
        reservation: Option<[u8; 32]>,
        events: &mut Vec<Event>,
    ) {
        let Some(series) = self.series.get_mut(&leg.instrument) else { return };
        let trade_seq = series.count_trade(leg.qty);
        let mark = series.mark;
        let terms = series.instrument.clone();
        let (buyer, seller) = match leg.side {
            Side::Buy => (first, second),
            Side::Sell => (second, first),
        };
        self.positions.trade(&terms, buyer, Side::Buy, leg.qty, leg.price);
        self.positions.trade(&terms, seller, Side::Sell, leg.qty, leg.price);
        self.move_premium(&terms, (buyer, seller), (leg.price, leg.qty));
        let rate = match reservation {
            Some(_) => self.fee_rates.reservation,
            None => self.fee_rates.block,
        };
        let fee = fee_of(&terms, (leg.price, leg.qty), rate);
        let buyer = BlockFill { account: buyer, fee: self.pay_block_fee(buyer, fee) };
        let seller = BlockFill { account: seller, fee: self.pay_block_fee(seller, fee) };
        events.push(Event::BlockTraded(Box::new(BlockTraded {
            trade: TradeId(Issued::next(&mut self.issued.trades)),
            trade_seq,
            instrument: leg.instrument,
            price: leg.price,
            qty: leg.qty,
            first_side: leg.side,
            mark,
            index: self.index_value(&terms.grade),
            buyer,
            seller,
            reservation,
        })));
    }

    fn pay_block_fee(&mut self, account: AccountId, fee: MicroUsd) -> MicroUsd {
        let purse =
            [Bucket::Cash(account), Bucket::OrderHold(account), Bucket::PositionMargin(account)];
        fee - self.ledger.pay(&purse, Bucket::Fees, fee)
    }
}

/// Whether the series takes such a block: size and price.
fn check_block(series: &Series, leg: &BlockLeg, for_reservation: bool) -> Result<(), Reject> {
    let terms = &series.instrument;
    let block = terms.guards.block.ok_or(Reject::Agreement(AgreementReject::NoBlocks))?;
    let is_physical = matches!(terms.product, Product::Future { style: Style::Physical, .. });
    if for_reservation && !is_physical {
        return Err(Reject::Agreement(AgreementReject::NoBlocks));
    }
    let limit = if for_reservation { Qty::from_lots(1) } else { block.lots_min };
    if leg.qty < limit {
        return Err(Reject::Agreement(AgreementReject::BelowSize { limit }));
    }
    let (low, high) = block_band(terms, series.mark, block.band);
    if leg.price < low {
        return Err(Reject::Agreement(AgreementReject::BeyondBand { limit: low }));
    }
    if high < leg.price {
        return Err(Reject::Agreement(AgreementReject::BeyondBand { limit: high }));
    }
    Ok(())
}

/// BLOCK-008: around the mark by a share of it; where the premium is paid at once, by a quarter of that share of the strike.
fn block_band(terms: &Instrument, mark: Price, band: Ppm) -> (Price, Price) {
    let Some(strike) = terms.strike() else {
        return (away_from(mark, Side::Sell, band), away_from(mark, Side::Buy, band));
    };
    let quarter = Ppm::new(band.ppm().div_euclid(4));
    let width = away_from(strike, Side::Buy, quarter).ticks().saturating_sub(strike.ticks());
    let at = |ticks: i64| Price::from_ticks(ticks.clamp(1, Instrument::PRICE_MAX.ticks()));
    (at(mark.ticks().saturating_sub(width)), at(mark.ticks().saturating_add(width)))
}
