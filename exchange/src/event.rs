//! The one output: what happened, in order. Clients, reports, the auditor and replicas read the same stream.

mod close_out;
mod control;
mod fixing;
mod job;
mod quote;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{
    AccountId, GradeId, Instrument, InstrumentId, MicroUsd, Nanos, NetQty, ObligationId, OrderId,
    Ppm, Price, Qty, Side, TradeId,
};
use matching_engine::{AuctionKind, CancelReason, OrderKind, PostOnly, StpMode, Trigger};
use settlement::{ChallengeOutcome, DeliveryReceipt, FailCause, Transfer, Verdict};

use crate::agreement::SignedAgreement;
use crate::command::IndexPrint;
use crate::default_event::DefaultEvent;
use crate::exercise::Instruction;
use crate::margins::MarginMode;
use crate::publish_curve::CurvePoint;
use crate::publish_risk::OptionRisk;
use crate::reject::Reject;
use crate::settlement_price::SettlementSource;
use crate::time_in_force::TimeInForce;

pub use close_out::{CloseOutEvent, HourSettled, PublishedAssignment};
pub use control::ControlEvent;
pub use fixing::FixingEvent;
pub use job::JobEvent;
pub use quote::QuoteEvent;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Event {
    /// The command was refused; nothing changed.
    Rejected(Reject),
    /// The venue opened.
    VenueOpened,
    /// A series was listed.
    InstrumentListed(Box<Instrument>),
    /// An account was opened.
    AccountOpened {
        /// Its id.
        account: AccountId,
        /// Its name.
        name: String,
    },
    /// Money moved from one bucket to another.
    MoneyMoved(Transfer),
    /// An order was accepted.
    OrderAccepted(Box<OrderAccepted>),
    /// An order that rests or waits was changed.
    OrderAmended {
        /// Whose.
        account: AccountId,
        /// Where.
        instrument: InstrumentId,
        /// Which.
        order: OrderId,
        /// Its limit now.
        price: Price,
        /// Its total size now, fills included.
        qty: Qty,
        /// The price it waits for, or has waited for.
        trigger: Option<Price>,
        /// Why.
        reason: AmendReason,
    },
    /// A waiting order's price has come: it arrives now.
    OrderTriggered {
        /// Whose.
        account: AccountId,
        /// Where.
        instrument: InstrumentId,
        /// Which.
        order: OrderId,
    },
    /// What was left of an order is gone.
    OrderCancelled {
        /// Whose.
        account: AccountId,
        /// Where.
        instrument: InstrumentId,
        /// Which.
        order: OrderId,
        /// How much was left.
        qty: Qty,
        /// Why.
        reason: CancelReason,
    },
    /// Two orders met.
    Traded(Box<Traded>),
    /// A part of a batch has been looked at: the events before it, back to the part before, are what it did.
    BatchItemDone {
        /// Its place in the batch, from 0.
        place: u32,
        /// Why it was refused, if it was.
        refusal: Option<Reject>,
    },
    /// What a price level shows is now this.
    DepthChanged {
        /// Where.
        instrument: InstrumentId,
        /// Which side.
        side: Side,
        /// Which level.
        price: Price,
        /// All that is shown there; zero when the level is gone.
        open: Qty,
    },
    /// Orders are collected from now on.
    AuctionOpened {
        /// Where.
        instrument: InstrumentId,
        /// Why.
        kind: AuctionKind,
        /// When it ends at the earliest.
        until: Option<Nanos>,
    },
    /// The auction's price would trip the breaker again: it goes on.
    AuctionExtended {
        /// Where.
        instrument: InstrumentId,
        /// When it ends at the earliest.
        until: Nanos,
    },
    /// The auction's trades have been printed, and orders match on arrival again.
    AuctionEnded {
        /// Where.
        instrument: InstrumentId,
        /// The one price; absent when nothing traded.
        price: Option<Price>,
        /// What traded.
        volume: Qty,
    },
    /// What an auction would do if it ended now.
    IndicativePrice {
        /// Where.
        instrument: InstrumentId,
        /// The one price; absent when nothing would trade.
        price: Option<Price>,
        /// What would trade.
        volume: Qty,
    },
    /// The index has a new print.
    IndexPublished(IndexPrint),
    /// A series' mark price is now this.
    MarkChanged {
        /// Where.
        instrument: InstrumentId,
        /// The mark price.
        mark: Price,
    },
    /// Profit or loss since the last mark was settled. What moves is the sum of an account's dues over all series; where somebody cannot
    /// pay, `DefaultResolved` and `LossSplit` say what moved less.
    VariationPaid {
        /// Where.
        instrument: InstrumentId,
        /// Whose.
        account: AccountId,
        /// Due to the account (positive) or by it (negative). Sums to zero over the series.
        amount: MicroUsd,
    },
    /// Trading in a series has stopped at a final price.
    SeriesExpired {
        /// Which.
        instrument: InstrumentId,
        /// The settlement price.
        settlement_price: Price,
    },
    /// A position ended.
    PositionClosed {
        /// Where.
        instrument: InstrumentId,
        /// Whose.
        account: AccountId,
        /// What was held.
        net: NetQty,
        /// How much of it is delivered; the rest was settled in money at the settlement price.
        delivered: Qty,
    },
    /// A seller owes a buyer compute.
    ObligationAssigned {
        /// Its id.
        obligation: ObligationId,
        /// Of which series.
        instrument: InstrumentId,
        /// Who delivers.
        seller: AccountId,
        /// Who receives.
        buyer: AccountId,
        /// How many GPUs.
        lots: Qty,
        /// At which price.
        settlement_price: Price,
        /// The buyer's money that is set aside for it.
        escrow: MicroUsd,
        /// The seller's bond.
        bond: MicroUsd,
    },
    /// A provider's signing key is now this.
    AgentNominated {
        /// The provider.
        account: AccountId,
        /// The key's address.
        signer: [u8; 20],
    },
    /// An interval of delivery began.
    IntervalOpened {
        /// Of which obligation.
        obligation: ObligationId,
        /// Which.
        interval: u32,
    },
    /// Work was demanded.
    ChallengeIssued {
        /// Of which obligation.
        obligation: ObligationId,
        /// Its number.
        challenge: u32,
        /// Who must work.
        seller: AccountId,
        /// How many GPUs must work.
        lots: Qty,
        /// What the work is derived from.
        seed: [u8; 32],
        /// When the receipt must have arrived.
        answer_by: Nanos,
    },
    /// A claim arrived in time and continues the chain.
    ReceiptAccepted {
        /// The claim.
        receipt: DeliveryReceipt,
        /// Its hash.
        digest: [u8; 32],
        /// Whose key signed it.
        signer: [u8; 20],
        /// The signature itself.
        signature: Vec<u8>,
    },
    /// Rows were drawn that the agent must open.
    RowsDrawn {
        /// Of which obligation.
        obligation: ObligationId,
        /// Of which challenge.
        challenge: u32,
        /// Who must open them.
        seller: AccountId,
        /// What the rows are derived from.
        seed: [u8; 32],
    },
    /// A verifier judged.
    VerdictRecorded {
        /// Of which obligation.
        obligation: ObligationId,
        /// Of which challenge.
        challenge: u32,
        /// The verifier.
        verifier: AccountId,
        /// The judgement.
        verdict: Verdict,
    },
    /// Nothing more comes of a challenge.
    ChallengeEnded {
        /// Of which obligation.
        obligation: ObligationId,
        /// Which.
        challenge: u32,
        /// How.
        outcome: ChallengeOutcome,
    },
    /// An interval ended and its money moved.
    IntervalSettled(Box<IntervalSettled>),
    /// Every interval of an obligation has ended.
    ObligationClosed {
        /// Which.
        obligation: ObligationId,
        /// Intervals that counted.
        intervals_delivered: u32,
        /// Intervals that failed.
        intervals_failed: u32,
        /// Intervals nobody could judge.
        intervals_unverified: u32,
        /// What the seller received.
        paid_to_seller: MicroUsd,
        /// What the seller paid for what was missing.
        shortfall_paid: MicroUsd,
    },
    /// A buyer could not prefund; the obligation ended before it began.
    BuyerDefaulted {
        /// Which.
        obligation: ObligationId,
        /// What the seller received instead.
        paid: MicroUsd,
    },
    // Ledger.

    // Margin and risk arrays.
    /// What the shell has computed of an option counts from now on.
    RiskPublished(Box<OptionRisk>),
    /// How many GPUs an account can deliver has been noted.
    CapacityRegistered {
        /// The provider.
        account: AccountId,
        /// Of which grade.
        grade: GradeId,
        /// How many.
        gpus: u64,
        /// What can be delivered of the grade in all: lots of any of its series.
        deliverable: Qty,
    },
    /// An account's margin is computed in another way.
    MarginModeChanged {
        /// Whose.
        account: AccountId,
        /// How from now on.
        mode: MarginMode,
    },
    /// A series' open interest has moved the initial rate.
    MarginScaled {
        /// Where.
        instrument: InstrumentId,
        /// How far the rate is from the plain one towards the whole.
        scale: Ppm,
    },
    /// A series has come closer to its delivery.
    LadderClimbed {
        /// Which.
        instrument: InstrumentId,
        /// The step of the delivery ladder, 1 to 5.
        step: u8,
    },
    // Marks and settlement prices.
    /// The price was fixed at which variation settles a series.
    SettlementPriceFixed {
        /// Which.
        instrument: InstrumentId,
        /// The price.
        price: Price,
        /// What it was made of.
        source: SettlementSource,
    },
    /// The forward curve says this of a future.
    CurvePublished(CurvePoint),
    /// Something happened to a fixing that is not final.
    Fixing(FixingEvent),
    // Options, cascades and cash futures.
    /// What is to be done with an option at its end is now this.
    ExerciseInstructed {
        /// Whose.
        account: AccountId,
        /// Which option.
        instrument: InstrumentId,
        /// What.
        instruction: Instruction,
    },
    /// Lots of an option were exercised, or assigned, and are now lots of its future.
    OptionExercised {
        /// Which option.
        instrument: InstrumentId,
        /// Whose.
        account: AccountId,
        /// Lots exercised (positive) or assigned (negative).
        exercised: NetQty,
        /// The future.
        underlying: InstrumentId,
        /// Lots of the future booked at the strike.
        booked: NetQty,
        /// What the future is worth: the difference to the strike is paid with the next variation event of the option.
        underlying_price: Price,
    },
    /// A series has become shorter ones: positions in it end, and as many lots of each of these begin.
    SeriesCascaded {
        /// Which.
        instrument: InstrumentId,
        /// Micro-dollars: what a lot of it is worth, exactly. A child's lot costs its share of it by hours.
        lot_value: i128,
        /// Its children, in the order of delivery.
        into: Vec<InstrumentId>,
    },
    /// A day of a cash future has rolled off, or a day of a cap was paid; the next variation event of the series pays it.
    DaySettled {
        /// Which.
        instrument: InstrumentId,
        /// Its place in the delivery period, from 0.
        day: u32,
        /// What it brought a long lot.
        per_lot: MicroUsd,
        /// Hours of it that had an index of their own.
        valued: u32,
        /// Hours that a lot has left.
        hours_left: u32,
    },
    /// Every day of a series has been settled.
    SeriesSettled {
        /// Which.
        instrument: InstrumentId,
        /// The mean of its hourly values, to the micro-dollar.
        mean: MicroUsd,
        /// To the tick.
        settlement_price: Price,
        /// The share of its hours that had an index of their own.
        coverage: Ppm,
    },
    // Default funds and liquidation.
    /// One cycle's dues, defaults and splits have all been told; the transfers that come next are its chain.
    VariationEnded,
    /// Something about accounts that have too little, and who stands behind them.
    Default(DefaultEvent),
    // Physical close-out.
    /// Something between the last trade and the close of a physical series.
    CloseOut(CloseOutEvent),
    // Trades agreed elsewhere.
    /// The key that signs an account's agreements is now this.
    TradingKeyRegistered {
        /// Whose.
        account: AccountId,
        /// The key's address.
        key: [u8; 20],
    },
    /// What two parties agreed elsewhere is taken; the events that follow are what it does.
    AgreementTaken(Box<SignedAgreement>),
    /// Two parties traded off the book.
    BlockTraded(Box<BlockTraded>),
    // Buyers' jobs.
    /// Something happened to a buyer's job.
    Job(JobEvent),
    // Whoever is gone.
    /// An order was sent again under its account's own id. Nothing changed.
    OrderResent {
        /// Whose.
        account: AccountId,
        /// The order that the id names.
        order: OrderId,
    },
    /// The timer that cancels all of an account's orders was set, or stopped, or has run out.
    CancelAllAfterSet {
        /// Whose.
        account: AccountId,
        /// When it runs out; none when it no longer runs.
        at: Option<Nanos>,
    },
    /// Whether every session of an account takes its orders with it is now this.
    CancelOnDisconnectSet {
        /// Whose.
        account: AccountId,
        /// Whether.
        is_enabled: bool,
    },
    // What operators stop.
    /// Something was stopped, or goes on.
    Control(ControlEvent),
    // Quotes.
    /// Something happened to quotes and their groups.
    Quote(QuoteEvent),
}

/// Two parties traded off the book.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlockTraded {
    /// Its id, in the order of the journal.
    pub trade: TradeId,
    /// Its place among the series' trades, from 1, gapless.
    pub trade_seq: u64,
    /// Where.
    pub instrument: InstrumentId,
    /// The price agreed.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// Which way the first party went.
    pub first_side: Side,
    /// The mark price at that moment.
    pub mark: Price,
    /// The index at that moment, dollars per GPU-hour.
    pub index: Option<MicroUsd>,
    /// Who bought.
    pub buyer: BlockFill,
    /// Who sold.
    pub seller: BlockFill,
    /// The hash of the private reservation that the futures take the place of.
    pub reservation: Option<[u8; 32]>,
}

/// One account's side of a trade off the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlockFill {
    /// Whose.
    pub account: AccountId,
    /// What it cost.
    pub fee: MicroUsd,
}

/// The terms under which an order was accepted.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OrderAccepted {
    /// Its id.
    pub order: OrderId,
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// Limit or market, as asked.
    pub kind: OrderKind,
    /// The limit it trades at, after a slide; a market order's is its protection.
    pub limit: Price,
    /// How much.
    pub qty: Qty,
    /// How long.
    pub time_in_force: TimeInForce,
    /// When it ends by itself.
    pub ends_at: Option<Nanos>,
    /// Whether it refused to take, or moved away.
    pub post_only: PostOnly,
    /// Whether it may only reduce.
    pub reduce_only: bool,
    /// What happens when it would trade with its account.
    pub stp: StpMode,
    /// Which orders of the account count as its own for that.
    pub stp_token: u64,
    /// How much it shows at most.
    pub display: Option<Qty>,
    /// What it waits for.
    pub trigger: Option<Trigger>,
    /// The worst limit that it may be given.
    pub ceiling: Option<Price>,
    /// The account's own word for it.
    pub label: String,
    /// The account's own id of it.
    pub client_order_id: Option<String>,
}

/// Why an order was changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum AmendReason {
    /// Its account asked.
    #[default]
    Requested,
    /// Self-trade prevention took from it.
    SelfTrade,
    /// It could only reduce a position, which has become smaller than it.
    ReduceOnly,
}

/// Two orders met.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Traded {
    /// Its id, in the order of the journal.
    pub trade: TradeId,
    /// Its place among the series' trades, from 1, gapless.
    pub trade_seq: u64,
    /// Where.
    pub instrument: InstrumentId,
    /// The maker's price.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// Which way the taker went.
    pub taker_side: Side,
    /// The mark price at that moment.
    pub mark: Price,
    /// The index at that moment, dollars per GPU-hour.
    pub index: Option<MicroUsd>,
    /// The resting side.
    pub maker: Fill,
    /// The arriving side.
    pub taker: Fill,
}

/// One account's side of a trade.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Fill {
    /// Whose.
    pub account: AccountId,
    /// By which order.
    pub order: OrderId,
    /// What it cost.
    pub fee: MicroUsd,
}

/// An interval's money.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct IntervalSettled {
    /// Of which obligation.
    pub obligation: ObligationId,
    /// Which.
    pub interval: u32,
    /// How it ended.
    pub outcome: IntervalOutcome,
    /// Who has delivered it in the seller's place, or should have.
    pub stand_in: Option<AccountId>,
    /// From the buyer's escrow to whoever delivered it.
    pub paid: MicroUsd,
    /// From the buyer's escrow back to the buyer.
    pub returned_to_buyer: MicroUsd,
}

/// How an interval ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum IntervalOutcome {
    /// It counts.
    Delivered {
        /// How much of it.
        quality: Ppm,
        /// How much of it nobody could judge: that is unpaid, and not missing either.
        unjudged: Ppm,
    },
    /// It does not count and costs the seller.
    Failed {
        /// Why.
        cause: FailCause,
        /// How much of it nobody could judge.
        unjudged: Ppm,
    },
    /// Nobody could judge: unpaid, without penalty.
    Unverified,
}
