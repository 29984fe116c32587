//! The one door: everything that can change the exchange, as integers.
//!
//! A command is an imperative. It is journaled before it is applied, and applying the same commands again gives the same exchange.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{
    AccountId, GradeId, Instrument, InstrumentId, JobId, MicroUsd, Nanos, NanosSpan, ObligationId,
    OrderId, Ppm, Price, Qty, Seq, Side,
};
use matching_engine::{OrderKind, PostOnly, StpMode, Trigger};
use settlement::{Bucket, DefaultTerms, DeliveryReceipt, JobClaim, JobTask, JobTerms, Verdict};

use crate::agreement::SignedAgreement;
use crate::exercise::Instruction;
use crate::margins::MarginMode;
use crate::nominate::{Node, Nomination};
use crate::publish_curve::CurvePoint;
use crate::publish_risk::OptionRisk;
use crate::quoting::QuoteCommand;
use crate::time_in_force::TimeInForce;

/// A command with its place in the journal. The only way time and order enter the core.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Stamped {
    /// Gapless, from 1.
    pub seq: Seq,
    /// Read once from the clock by the sequencer, never by the core. Never runs backwards.
    pub at: Nanos,
    /// What is asked.
    pub command: Command,
}

/// What can be asked of the exchange.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Command {
    /// The first command of every journal.
    OpenVenue(OpenVenue),
    /// Lists a series. Its id is issued by the exchange; the one sent is ignored.
    ListInstrument(Box<Instrument>),
    /// Opens an account. Its keys never enter the journal.
    OpenAccount {
        /// Unique, for reports.
        name: String,
        /// Whether its verdicts count.
        is_verifier: bool,
    },
    /// Credits test money. On a test venue only.
    Deposit {
        /// Who receives it.
        account: AccountId,
        /// How much.
        amount: MicroUsd,
    },
    /// Takes free money out of an account, and out of custody.
    Withdraw {
        /// Whose.
        account: AccountId,
        /// How much.
        amount: MicroUsd,
    },
    /// Credits the exchange's own money to a bucket that bears losses. On a test venue only.
    FundHouse {
        /// First loss, insurance or default fund.
        bucket: Bucket,
        /// How much.
        amount: MicroUsd,
    },
    /// Places an order.
    PlaceOrder(PlaceOrder),
    /// Changes a resting order's price or total size, wholly or not at all.
    AmendOrder(AmendOrder),
    /// Cancels one order.
    CancelOrder {
        /// Who asks.
        account: AccountId,
        /// Which order.
        order: OrderId,
    },
    /// Cancels every open order of an account that the filter lets through.
    CancelAll {
        /// Who asks.
        account: AccountId,
        /// Which orders.
        filter: CancelFilter,
    },
    /// Places, amends and cancels in the order given, each by itself: what is refused stops nothing that follows.
    Batch {
        /// Who asks.
        account: AccountId,
        /// What, at most 64 of them.
        items: Vec<BatchItem>,
    },
    /// Collects the orders of a series until an instant, and then trades them at one price.
    OpenAuction {
        /// Where.
        instrument: InstrumentId,
        /// Why.
        reason: AuctionReason,
        /// Until when at least.
        until: Nanos,
    },
    /// Brings one print of the oracle's index.
    PublishIndex(IndexPrint),
    /// Says what one partition of a provisional settlement price should have been.
    DisputeFixing {
        /// Who backs the claim with a bond.
        account: AccountId,
        /// Of which series.
        instrument: InstrumentId,
        /// Which of the 48, from 0.
        partition: u32,
        /// The right value; none where the index should have been withheld.
        value: Option<MicroUsd>,
    },
    /// Ends a claim against a settlement price: the operator says whether it was right.
    RuleOnFixing {
        /// Of which series.
        instrument: InstrumentId,
        /// Which partition, from 0.
        partition: u32,
        /// Whether the claim is right.
        is_upheld: bool,
    },
    /// Says which key signs an account's delivery receipts.
    NominateAgent {
        /// The provider.
        account: AccountId,
        /// The Ethereum address of the agent's key.
        signer: [u8; 20],
    },
    /// Ends every challenge that is open as if it had never been: the venue was started again, and what it knew of them is gone. It comes
    /// before the timers, because nobody could have answered meanwhile.
    VoidChallenges,
    /// Demands work; the exchange numbers the challenge. The seed is fresh randomness of the shell.
    IssueChallenge {
        /// Whose duty.
        obligation: ObligationId,
        /// What the work is derived from.
        seed: [u8; 32],
    },
    /// Brings the agent's claim that it did the work. The shell has recovered the signer from the signature.
    SubmitReceipt {
        /// Who sent it.
        account: AccountId,
        /// Whose key signed it.
        signer: [u8; 20],
        /// The hash of the signed receipt, which the next one names.
        digest: [u8; 32],
        /// The claim.
        receipt: DeliveryReceipt,
        /// The signature itself, kept so that anyone can check it later.
        signature: Vec<u8>,
    },
    /// Draws the rows that the agent must open. The seed is fresh randomness of the shell, drawn after the claim.
    DrawRows {
        /// Whose duty.
        obligation: ObligationId,
        /// Which challenge.
        challenge: u32,
        /// What the rows are derived from.
        seed: [u8; 32],
    },
    /// Brings a verifier's judgement of one challenge.
    SubmitVerdict {
        /// The verifier.
        account: AccountId,
        /// Whose duty.
        obligation: ObligationId,
        /// Which challenge.
        challenge: u32,
        /// The judgement.
        verdict: Verdict,
    },
    // Margin and risk arrays.
    /// Brings what the forward curve says of futures.
    PublishCurve {
        /// At least one.
        points: Vec<CurvePoint>,
    },
    /// Brings what the shell has computed of options: all of it, or none.
    PublishRisk {
        /// One entry per option, at most 256.
        risks: Vec<OptionRisk>,
    },
    /// Says how many GPUs of a grade an account can deliver; zero when none any more.
    RegisterCapacity {
        /// The provider.
        account: AccountId,
        /// Of which grade.
        grade: GradeId,
        /// How many in all.
        gpus: u64,
    },
    /// Changes how an account's margin is computed.
    SetMarginMode {
        /// Whose.
        account: AccountId,
        /// How from now on.
        mode: MarginMode,
    },

    // Options, cascades and cash futures.
    /// Says what of an option is not to be exercised in the money, or to be exercised out of it. Replaces what was said before.
    InstructExercise {
        /// Who asks.
        account: AccountId,
        /// Which option.
        instrument: InstrumentId,
        /// What; nothing withdraws it.
        instruction: Instruction,
    },

    // Default funds and liquidation.
    /// Sets the terms on which accounts that have too little are dealt with.
    SetDefaultTerms(DefaultTerms),
    /// Puts free money into the account's share of the default fund.
    ContributeDefaultFund {
        /// Whose.
        account: AccountId,
        /// How much.
        amount: MicroUsd,
    },
    /// Takes money out of the account's share of the default fund.
    WithdrawDefaultFund {
        /// Whose.
        account: AccountId,
        /// How much.
        amount: MicroUsd,
    },
    /// Says what an account takes over at most when a portfolio is auctioned.
    RegisterBackstop {
        /// Who.
        account: AccountId,
        /// The largest notional; nothing when it takes none any more.
        capacity: MicroUsd,
    },
    /// Bids for a portfolio that is auctioned. Sealed until the auction ends.
    BidBackstop {
        /// Who.
        account: AccountId,
        /// Which auction.
        auction: u64,
        /// What it is to be paid for taking the whole portfolio over at its marks; negative where it pays.
        ask: MicroUsd,
    },

    // Physical close-out.
    /// Says where an account delivers or wants to receive what it holds of a series that has stopped trading.
    Nominate {
        /// Who holds it.
        account: AccountId,
        /// Of which series.
        instrument: InstrumentId,
        /// What there is to say.
        nomination: Box<Nomination>,
    },
    /// Accepts a delivery that is about to begin, after the burn-in.
    AcceptDelivery {
        /// Its seller or its buyer.
        account: AccountId,
        /// Which.
        obligation: ObligationId,
    },
    /// Brings a verifier's judgement of a burn-in.
    JudgeBurnIn {
        /// The verifier.
        account: AccountId,
        /// Of which delivery.
        obligation: ObligationId,
        /// The judgement.
        verdict: Verdict,
    },
    /// Says in time that whole intervals of a delivery will be missing.
    DeclareOutage {
        /// The seller.
        account: AccountId,
        /// Of which delivery.
        obligation: ObligationId,
        /// From this interval on,
        from: u32,
        /// until before this one.
        until: u32,
    },
    /// Brings other hardware in place of what fails.
    Substitute {
        /// The seller.
        account: AccountId,
        /// Of which delivery.
        obligation: ObligationId,
        /// What hardware it is: what was sold, or better.
        grade: GradeId,
        /// The machines.
        nodes: Vec<Node>,
    },
    /// Offers to deliver in a seller's place whenever called. Takes the place of the account's earlier offer; zero GPUs withdraw it.
    OfferStandby {
        /// The provider.
        account: AccountId,
        /// What hardware.
        grade: GradeId,
        /// How many GPUs.
        gpus: Qty,
        /// Dollars per GPU-hour for holding them ready.
        fee: MicroUsd,
    },
    /// Disputes the newest invoice of a delivery.
    DisputeInvoice {
        /// Its seller or its buyer.
        account: AccountId,
        /// Which delivery.
        obligation: ObligationId,
    },

    // Trades agreed elsewhere.
    /// Says which key signs what an account agrees elsewhere.
    RegisterTradingKey {
        /// Whose.
        account: AccountId,
        /// The Ethereum address of the key.
        key: [u8; 20],
    },
    /// Brings what two parties agreed elsewhere and both signed.
    SubmitAgreement {
        /// Who sent it: one of the two.
        account: AccountId,
        /// What, and what proves it.
        signed: Box<SignedAgreement>,
    },
    /// The timer. The exchange decides what is due.
    Tick,

    // Buyers' jobs.
    /// Sets the terms on which jobs are run and argued about.
    SetJobTerms(JobTerms),
    /// Asks for work on the hardware that is being delivered.
    SubmitJob {
        /// The buyer.
        account: AccountId,
        /// Whose hardware.
        obligation: ObligationId,
        /// What is asked.
        task: JobTask,
    },
    /// Brings the result of a job. The shell has recovered the signer from the signature.
    ClaimJob {
        /// Who sent it.
        account: AccountId,
        /// Of which job.
        job: JobId,
        /// What has come of it.
        claim: JobClaim,
        /// Whose key signed it.
        signer: [u8; 20],
        /// The signature itself, kept so that anyone can check it later.
        signature: Vec<u8>,
    },
    /// Says that a job will not be run.
    DeclineJob {
        /// Who was to run it.
        account: AccountId,
        /// Which.
        job: JobId,
    },
    /// Takes a result.
    AcceptJob {
        /// The buyer.
        account: AccountId,
        /// Of which job.
        job: JobId,
    },
    /// Doubts a result, and stakes money on that.
    OpenDispute {
        /// The buyer.
        account: AccountId,
        /// Of which job.
        job: JobId,
        /// The hash of what is said to be wrong.
        claim: [u8; 32],
        /// What it has cost the buyer to run the job itself.
        replay_cost: MicroUsd,
    },
    /// Makes a move in a dispute, or calls the referee.
    AnswerDispute {
        /// Whose turn it is.
        account: AccountId,
        /// In which dispute.
        job: JobId,
        /// What is said.
        answer: Answer,
    },
    /// Brings a verifier's ruling in a dispute: valid for the prover, invalid for the challenger.
    RuleDispute {
        /// The verifier.
        account: AccountId,
        /// In which dispute.
        job: JobId,
        /// The ruling.
        verdict: Verdict,
    },

    // Whoever is gone.
    /// Cancels every order of an account after a time, unless this comes again before.
    CancelAllAfter {
        /// Whose.
        account: AccountId,
        /// From now on; zero stops the timer.
        timeout: NanosSpan,
    },
    /// Says whether every session of an account takes its orders with it.
    SetCancelOnDisconnect {
        /// Whose.
        account: AccountId,
        /// Whether.
        is_enabled: bool,
    },
    /// A session has ended, or lets go of its orders.
    EndSession {
        /// Whose.
        account: AccountId,
        /// Which.
        session: u64,
        /// Whether its orders stay.
        keeps_orders: bool,
    },
    /// Every session has ended: the venue was started again. It comes before the timers, as `VoidChallenges` does.
    EndSessions,
    // What operators stop.
    /// Says what is let through, everywhere or in one series.
    SetTradingState {
        /// What is meant.
        scope: StateScope,
        /// What is let through there.
        state: TradingState,
    },
    /// Cancels everything that an account has open, and lets it do nothing new.
    KillAccount {
        /// Which.
        account: AccountId,
    },
    /// Lets an account go on.
    ReviveAccount {
        /// Which.
        account: AccountId,
    },
    // Quotes.
    /// What a market maker asks: quotes in many series at once, and their protection.
    Quoting(QuoteCommand),
}

/// What is let through. The later, the stricter.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize,
)]
pub enum TradingState {
    /// Everything.
    #[default]
    Open,
    /// Orders that rest without trading, and cancels.
    PostOnly,
    /// Cancels.
    CancelOnly,
    /// Cancels, and no money leaves.
    Halted,
}

/// What a trading state is about. Where several apply, the strictest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum StateScope {
    /// The venue, as its operators wish.
    Venue,
    /// The venue, as it comes back from a restart, rung by rung.
    Restart,
    /// One series.
    Series(InstrumentId),
}

/// What a party says in a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Answer {
    /// The next move.
    Move {
        /// The hash of what is said.
        said: [u8; 32],
        /// Whether it decides the matter, so that the referee is called at once.
        is_last: bool,
    },
    /// That what was said so far decides it.
    Referee,
}

/// The terms of a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OpenVenue {
    /// Whether test money can be credited.
    pub testnet: bool,
    /// The version of the rules that replay must use.
    pub rules: u32,
    /// When the first variation cycle runs.
    pub variation_from: Nanos,
    /// How often it runs after that: a day on a real calendar.
    pub variation_every: instruments::NanosSpan,
}

/// A new order.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PlaceOrder {
    /// Who asks; the session knows, the client may not choose.
    pub account: AccountId,
    /// Where.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// Limit or market.
    pub kind: OrderKind,
    /// How much.
    pub qty: Qty,
    /// How long.
    pub time_in_force: TimeInForce,
    /// Refuse, or move away, rather than take.
    pub post_only: PostOnly,
    /// Never let it make a position larger.
    pub reduce_only: bool,
    /// What happens when the account would trade with itself.
    pub stp: StpMode,
    /// Which orders of the account count as its own for that: those with the same token.
    pub stp_token: u64,
    /// How much it shows when it rests; all when absent.
    pub display: Option<Qty>,
    /// What it waits for before it arrives.
    pub trigger: Option<Trigger>,
    /// The worst limit that it may ever be given; what it holds is held for that.
    pub ceiling: Option<Price>,
    /// The last instant at which it may be taken in.
    pub valid_until: Option<Nanos>,
    /// The account's own word for the order, at most 64 bytes.
    pub label: String,
    /// The account's own id of the order, 1 to 64 bytes of visible ASCII: whoever sends it again is given the order that it names.
    pub client_order_id: Option<String>,
    /// The session that takes the order with it when it ends.
    pub session: Option<u64>,
}

impl PlaceOrder {
    /// A good-till-cancelled limit order that cancels itself rather than trade with its account, with nothing else special about it.
    #[must_use]
    pub const fn limit(
        account: AccountId,
        instrument: InstrumentId,
        side: Side,
        price: Price,
        qty: Qty,
    ) -> Self {
        Self {
            account,
            instrument,
            side,
            kind: OrderKind::Limit(price),
            qty,
            time_in_force: TimeInForce::Gtc,
            post_only: PostOnly::No,
            reduce_only: false,
            stp: StpMode::CancelNewest,
            stp_token: 0,
            display: None,
            trigger: None,
            ceiling: None,
            valid_until: None,
            label: String::new(),
            client_order_id: None,
            session: None,
        }
    }
}

/// A change of an order that rests or waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AmendOrder {
    /// Who asks.
    pub account: AccountId,
    /// Which order.
    pub order: OrderId,
    /// The new limit; `None` keeps it.
    pub price: Option<Price>,
    /// The new total size, fills included; `None` keeps it.
    pub qty: Option<Qty>,
    /// The new trigger price of an order that waits; `None` keeps it.
    pub trigger: Option<Price>,
    /// The last instant at which the change may be made.
    pub valid_until: Option<Nanos>,
}

impl AmendOrder {
    /// A change of limit and size alone.
    #[must_use]
    pub const fn new(
        account: AccountId,
        order: OrderId,
        price: Option<Price>,
        qty: Option<Qty>,
    ) -> Self {
        Self { account, order, price, qty, trigger: None, valid_until: None }
    }
}

/// One part of a batch.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum BatchItem {
    /// Places an order.
    Place(PlaceOrder),
    /// Changes one.
    Amend(AmendOrder),
    /// Cancels one.
    Cancel(OrderId),
}

/// Why the venue asks for an auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum AuctionReason {
    /// The series begins to trade.
    Opening,
    /// The venue comes back.
    Restart,
    /// Anything else.
    Call,
}

/// Which of an account's open orders are cancelled: those that meet every condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CancelFilter {
    /// Where; everywhere when absent.
    pub instrument: Option<InstrumentId>,
    /// Of one side only.
    pub side: Option<Side>,
    /// With this label only.
    pub label: Option<String>,
    /// Of which kind.
    pub kind: CancelKind,
}

impl CancelFilter {
    /// Everything, in one series or in all.
    #[must_use]
    pub fn instrument(instrument: Option<InstrumentId>) -> Self {
        Self { instrument, ..Self::default() }
    }
}

/// A kind of open order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum CancelKind {
    /// Every kind.
    #[default]
    All,
    /// What rests in a book.
    Resting,
    /// What waits for a price.
    Waiting,
}

/// One print of the index.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct IndexPrint {
    /// What it prices.
    pub grade: GradeId,
    /// When the observations were made. Later than the grade's previous print.
    pub observed_at: Nanos,
    /// Dollars per GPU-hour; absent when the oracle withholds.
    pub value: Option<MicroUsd>,
    /// Half-width of the confidence band, relative.
    pub conf: Ppm,
    /// How far the value may be relied on.
    pub state: oracle::State,
}
