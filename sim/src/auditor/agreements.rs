//! What two parties agreed elsewhere: that both signed it once, and that a block is what they signed.

use std::collections::{BTreeMap, BTreeSet};

use exchange::{Agreed, Agreement, BlockLeg, BlockTraded, Event, SignedAgreement};
use instruments::{AccountId, Nanos, NanosSpan, Price, Product, Side, Style};

use super::money::money;
use super::orders::fee_at;
use super::positions::{owed, value};
use super::{Auditor, Sheet};
use crate::finding::Finding;

/// Two and a half basis points for either side; one where futures take the place of a reservation.
const BLOCK_PPM: i128 = 250;
const RESERVATION_PPM: i128 = 100;
const VALID_FOR_MAX: NanosSpan = NanosSpan::from_seconds(86_400);

/// The keys that sign, and what has been taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Agreements {
    keys: BTreeMap<AccountId, [u8; 20]>,
    taken: BTreeSet<(Nanos, AccountId, u64)>,
}

/// The blocks of an agreement that have not been booked yet.
#[derive(Debug)]
pub(super) struct Outstanding {
    parties: [AccountId; 2],
    legs: Vec<BlockLeg>,
    reservation: Option<[u8; 32]>,
}

impl Default for Outstanding {
    fn default() -> Self {
        Self { parties: [AccountId(0); 2], legs: Vec::new(), reservation: None }
    }
}

impl Outstanding {
    pub(super) fn is_empty(&self) -> bool {
        self.legs.is_empty()
    }
}

impl Auditor {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the exhaustive match is in `read_event`")]
    pub(super) fn read_agreement(
        &mut self,
        event: &Event,
        now: Nanos,
        sheet: &mut Sheet,
    ) -> Result<(), Finding> {
        match event {
            Event::TradingKeyRegistered { account, key } => {
                self.agreements.keys.insert(*account, *key);
                Ok(())
            }
            Event::AgreementTaken(signed) => self.read_signed(signed, now, sheet),
            Event::BlockTraded(block) => self.read_block(block, sheet),
            _ => Ok(()),
        }
    }

    /// SIM-051: both have signed, in time, and never before.
    fn read_signed(
        &mut self,
        signed: &SignedAgreement,
        now: Nanos,
        sheet: &mut Sheet,
    ) -> Result<(), Finding> {
        let Agreement { parties, agreed, nonce, valid_until } = &signed.agreement;
        let is_signed = |(party, signer): (&AccountId, &[u8; 20])| {
            self.agreements.keys.get(party) == Some(signer)
        };
        if parties[0] == parties[1] || !parties.iter().zip(&signed.signers).all(is_signed) {
            return Err(Finding::Agreement { what: "is not signed by both" });
        }
        if *valid_until <= now || now + VALID_FOR_MAX < *valid_until {
            return Err(Finding::Agreement { what: "is out of time" });
        }
        if !self.agreements.taken.insert((*valid_until, parties[0], *nonce)) {
            return Err(Finding::Agreement { what: "is taken twice" });
        }
        match agreed {
            Agreed::Trades { legs, reservation } => {
                let (parties, reservation) = (*parties, *reservation);
                sheet.blocks = Outstanding { parties, legs: legs.clone(), reservation };
                Ok(())
            }
            Agreed::Match { .. } => Ok(()),
            Agreed::Release { obligation } => self.deliveries.release(*obligation, now),
        }
    }

    /// SIM-052: a block is the next leg of what was signed, within its band and not too small, and moves what a trade moves.
    fn read_block(&mut self, block: &BlockTraded, sheet: &mut Sheet) -> Result<(), Finding> {
        self.next_id("trade", block.trade.0)?;
        self.next_trade(block.instrument, block.trade_seq)?;
        let (terms, mark) = self.prices.terms(block.instrument)?;
        let [first, second] = sheet.blocks.parties;
        let (buyer, seller) =
            if block.first_side == Side::Buy { (first, second) } else { (second, first) };
        let (instrument, side, qty, price) =
            (block.instrument, block.first_side, block.qty, block.price);
        let leg = BlockLeg { instrument, side, qty, price };
        let is_next = !sheet.blocks.is_empty() && sheet.blocks.legs.remove(0) == leg;
        let is_theirs = (block.buyer.account, block.seller.account) == (buyer, seller);
        if !is_next || !is_theirs || block.reservation != sheet.blocks.reservation {
            return Err(Finding::Agreement { what: "is booked otherwise" });
        }
        let Some(allowed) = terms.guards.block else {
            return Err(Finding::Agreement { what: "is for a series that takes no blocks" });
        };
        let is_physical = matches!(terms.product, Product::Future { style: Style::Physical, .. });
        let is_small = match block.reservation {
            Some(_) => !is_physical,
            None => block.qty < allowed.lots_min,
        };
        let at = terms.strike().map_or(mark, |strike| Price::from_ticks(strike.ticks() / 4));
        let away = i128::from((block.price.ticks() - mark.ticks()).abs()) * 1_000_000;
        // A band is a tick wide at least, and rounded towards the mark.
        let widest = i128::from(at.ticks()) * i128::from(allowed.band.ppm());
        if is_small || widest.max(1_000_000) < away {
            return Err(Finding::Agreement { what: "is too small or too far from the mark" });
        }
        let lots = i128::from(block.qty.lots());
        let cost = owed(&terms, block.price, lots);
        self.positions.book((block.instrument, buyer), lots, cost);
        self.positions.book((block.instrument, seller), -lots, -cost);
        sheet.traded_in.insert(block.instrument);
        if terms.is_premium_style() {
            let premium = money(value(&terms, block.price, lots));
            sheet.stated.gain(buyer, -premium);
            sheet.stated.gain(seller, premium);
        }
        let rate = if block.reservation.is_some() { RESERVATION_PPM } else { BLOCK_PPM };
        let limit = money(fee_at(rate, &terms, block.price, lots));
        for fill in [block.buyer, block.seller] {
            self.read_fee(fill.account, fill.fee, limit, sheet)?;
        }
        Ok(())
    }
}
