//! What history keeps of an order, a trade and a receipt: what a client may ask for after the exchange itself has forgotten.

use borsh::{BorshDeserialize, BorshSerialize};
use exchange::{BlockTraded, OrderAccepted, QuoteMark, Traded};
use instruments::{AccountId, InstrumentId, MicroUsd, Nanos, OrderId, Price, Qty, Side, TradeId};
use matching_engine::CancelReason;
use settlement::{ChallengeOutcome, DeliveryReceipt, Verdict};

/// An order, open or ended. A refused order has no id and leaves no record.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OrderRecord {
    /// The terms under which it was accepted; limit and size are those of now.
    pub terms: OrderAccepted,
    /// Where it is in its life.
    pub state: OrderState,
    /// Whether it waits for a price.
    pub waits: bool,
    /// What of it has traded.
    pub filled: Qty,
    /// The sum of price in ticks times lots over its trades: divided by `filled` it is the average price.
    pub filled_tick_lots: i128,
    /// What its trades have cost.
    pub fee: MicroUsd,
    /// Whether it was amended.
    pub is_amended: bool,
    /// When it was accepted.
    pub placed_at: Nanos,
    /// When it was last changed.
    pub updated_at: Nanos,
    /// What it is beyond an order, where it is a quote or under a protection.
    pub mark: Option<QuoteMark>,
}

/// Where an order is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum OrderState {
    /// Something of it may still trade.
    Open,
    /// All of it has traded.
    Filled,
    /// It ended before all of it had traded.
    Cancelled {
        /// What had not traded.
        qty: Qty,
        /// Why.
        reason: CancelReason,
    },
}

impl OrderRecord {
    pub(crate) fn accepted(terms: &OrderAccepted, at: Nanos) -> Self {
        Self {
            terms: terms.clone(),
            state: OrderState::Open,
            waits: terms.trigger.is_some(),
            filled: Qty::ZERO,
            filled_tick_lots: 0,
            fee: MicroUsd::ZERO,
            is_amended: false,
            placed_at: at,
            updated_at: at,
            mark: None,
        }
    }

    pub(super) fn fill(&mut self, price: Price, qty: Qty, fee: MicroUsd, at: Nanos) {
        let tick_lots = i128::from(price.ticks()).saturating_mul(i128::from(qty.lots()));
        self.filled_tick_lots = self.filled_tick_lots.saturating_add(tick_lots);
        self.filled += qty;
        self.fee += fee;
        self.updated_at = at;
        self.fill_up();
    }

    pub(super) fn trigger(&mut self, at: Nanos) {
        self.waits = false;
        self.updated_at = at;
    }

    pub(crate) fn amend(&mut self, (price, qty): (Price, Qty), trigger: Option<Price>, at: Nanos) {
        if let (Some(waited_for), Some(trigger)) = (&mut self.terms.trigger, trigger) {
            waited_for.price = trigger;
        }
        self.terms.limit = price;
        self.terms.qty = qty;
        self.is_amended = true;
        self.updated_at = at;
        self.fill_up();
    }

    pub(super) fn cancel(&mut self, qty: Qty, reason: CancelReason, at: Nanos) {
        self.state = OrderState::Cancelled { qty, reason };
        self.updated_at = at;
    }

    fn fill_up(&mut self) {
        if self.terms.qty <= self.filled {
            self.state = OrderState::Filled;
        }
    }
}

/// A trade as everybody sees it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TradeRecord {
    /// Its id, in the order of the journal.
    pub trade: TradeId,
    /// Its place among the series' trades, from 1, gapless.
    pub trade_seq: u64,
    /// Where.
    pub instrument: InstrumentId,
    /// When.
    pub at: Nanos,
    /// The maker's price; a block's is what was agreed.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// Which way the taker went, or a block's first party.
    pub taker_side: Side,
    /// The mark price at that moment.
    pub mark: Price,
    /// The index at that moment, dollars per GPU-hour.
    pub index: Option<MicroUsd>,
    /// Whether it was agreed elsewhere.
    pub is_block: bool,
}

impl TradeRecord {
    /// The public part of a trade that happened at `at`.
    #[must_use]
    pub fn of(traded: &Traded, at: Nanos) -> Self {
        Self {
            trade: traded.trade,
            trade_seq: traded.trade_seq,
            instrument: traded.instrument,
            at,
            price: traded.price,
            qty: traded.qty,
            taker_side: traded.taker_side,
            mark: traded.mark,
            index: traded.index,
            is_block: false,
        }
    }

    /// The public part of a block that was booked at `at`.
    #[must_use]
    pub fn of_block(block: &BlockTraded, at: Nanos) -> Self {
        Self {
            trade: block.trade,
            trade_seq: block.trade_seq,
            instrument: block.instrument,
            at,
            price: block.price,
            qty: block.qty,
            taker_side: block.first_side,
            mark: block.mark,
            index: block.index,
            is_block: true,
        }
    }
}

/// One account's side of a trade.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct UserTradeRecord {
    /// What everybody sees.
    pub trade: TradeRecord,
    /// Whose side this is.
    pub account: AccountId,
    /// Which way it went.
    pub side: Side,
    /// Whether its order arrived last.
    pub is_taker: bool,
    /// What it cost.
    pub fee: MicroUsd,
    /// Its order as it was right after the trade.
    pub order: OrderRecord,
}

impl UserTradeRecord {
    /// By which order.
    #[must_use]
    pub fn order_id(&self) -> OrderId {
        self.order.terms.order
    }
}

/// A delivery receipt and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ReceiptRecord {
    /// The claim.
    pub receipt: DeliveryReceipt,
    /// Its hash.
    pub digest: [u8; 32],
    /// Whose key signed it.
    pub signer: [u8; 20],
    /// The agent's signature, 65 bytes.
    pub signature: Vec<u8>,
    /// When it was accepted.
    pub accepted_at: Nanos,
    /// Who judged it and how.
    pub verdict: Option<(AccountId, Verdict)>,
    /// How its challenge ended.
    pub outcome: Option<ChallengeOutcome>,
    /// The venue's signature under the same digest, 65 bytes, once a verifier has found it valid.
    pub countersignature: Option<Vec<u8>>,
}
