//! Why the exchange refuses. Within each verb, variants stand in the order in which they are checked; if two apply, the first is given.

mod agreement;
mod close_out;
mod control;
mod fixing;
mod job;
mod quote;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{MicroUsd, NanosSpan, OrderId, Price, Qty, TermsError};

use crate::default_reject::DefaultReject;
pub use agreement::AgreementReject;
pub use close_out::CloseOutReject;
pub use control::ControlReject;
pub use fixing::FixingReject;
pub use job::JobReject;
pub use quote::QuoteReject;

/// A refusal: journaled by replay, shown to whoever asked, moving no money.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Reject {
    /// VENUE-001: the venue is not open yet; `OpenVenue` comes first.
    VenueNotOpen,
    /// VENUE-002: the venue is open already.
    VenueAlreadyOpen,
    /// VENUE-003: a series' terms are not listable.
    BadTerms(TermsError),
    /// VENUE-004: a series of that name is listed.
    SeriesListed,
    /// VENUE-005: the venue lists no more series.
    TooManySeries {
        /// How many it lists at most.
        limit: u64,
    },

    /// ACCOUNT-001: no such account.
    UnknownAccount,
    /// ACCOUNT-002: the name is empty or longer than 64 bytes.
    BadAccountName,
    /// ACCOUNT-003: an account of that name is open.
    AccountNameTaken,
    /// ACCOUNT-004: the venue opens no more accounts.
    TooManyAccounts {
        /// How many it opens at most.
        limit: u64,
    },
    /// ACCOUNT-005: test money exists on a test venue only.
    TestMoneyClosed,
    /// ACCOUNT-006: a deposit is above zero and at most the limit.
    DepositOutOfRange {
        /// The largest deposit.
        limit: MicroUsd,
    },
    /// ACCOUNT-007: an account's equity stays within the limit, so that no sum of all accounts can overflow.
    EquityOutOfRange {
        /// The largest equity that a deposit may lead to.
        limit: MicroUsd,
    },

    /// ORDER-027: the command has come after the instant until which it was valid.
    TooLate,
    /// ORDER-001: the series is not listed.
    UnknownInstrument,
    /// ORDER-002: the clearing house does not clear this kind of product yet (options and spreads).
    ProductNotCleared,
    /// ORDER-003: the series has stopped trading.
    SeriesExpired,
    /// ORDER-028: only an order that waits has a trigger to change.
    NotWaiting,
    /// ORDER-029: a market order has no limit to change.
    NoLimit,
    /// ORDER-004: zero lots.
    ZeroQuantity,
    /// ORDER-005: more lots than one order may have.
    QtyAboveLimit {
        /// The most.
        limit: Qty,
    },
    /// ORDER-006: a price of zero or less.
    PriceNotPositive,
    /// ORDER-007: a price above what a series may cost.
    PriceAboveLimit {
        /// The highest.
        limit: Price,
    },
    /// ORDER-008: a post-only order must be a limit order that may rest.
    PostOnlyImmediate,
    /// ORDER-030: what never rests has nothing to hide.
    DisplayImmediate,
    /// ORDER-031: an iceberg shows at least a thousandth of itself, and at least one lot.
    DisplayOutOfRange {
        /// The least it may show.
        limit: Qty,
    },
    /// ORDER-032: an order for one phase cannot wait for a price.
    TriggerTimeInForce,
    /// ORDER-033: an order that waits does not slide.
    TriggerSlides,
    /// ORDER-034: the instant at which it would end has passed.
    ExpiryPassed,
    /// AUCTION-001: good for auction, and there is none.
    NotInContinuous,
    /// AUCTION-002: an auction takes in what can rest until it ends, and nothing else.
    NotInAuction,
    /// ORDER-035: the limit is beyond the order's own ceiling.
    BeyondCeiling {
        /// The ceiling.
        limit: Price,
    },
    /// ORDER-009: a label is at most 64 bytes.
    LabelTooLong {
        /// The most bytes.
        limit: u64,
    },
    /// ORDER-010: the account has as many open orders as it may have.
    TooManyOpenOrders {
        /// The most.
        limit: u64,
    },
    /// ORDER-036: the venue has as many open orders as it may have.
    VenueFull,
    /// ORDER-011: a reduce-only order must be against a position and, with the others of its side, not larger than it.
    WouldNotReduce {
        /// The most it may have.
        limit: Qty,
    },
    /// ORDER-012: a position or an open interest beyond what the clearing house clears.
    PositionAboveLimit {
        /// The most lots a position may have, open orders included.
        limit: Qty,
    },
    /// ORDER-013: price times quantity does not fit into the ledger.
    NotionalOutOfRange,
    /// ORDER-014: the account cannot fund the order.
    InsufficientMargin {
        /// What the account's holds would have to grow by.
        required: MicroUsd,
        /// What is available.
        available: MicroUsd,
    },
    /// BAND-001: a buy above the band.
    AboveBand {
        /// The highest limit of a buy.
        limit: Price,
    },
    /// BAND-001: a sell below the band.
    BelowBand {
        /// The lowest limit of a sell.
        limit: Price,
    },
    /// ORDER-015: a post-only order would have taken, or could not slide.
    PostOnlyWouldCross,
    /// ORDER-016: no open order of this account has that id.
    UnknownOrder,
    /// ORDER-017: an amend that changes nothing says so.
    NothingToAmend,

    /// ORDER-037: a batch has one part at least, and at most so many.
    BatchOutOfRange {
        /// The most.
        limit: u64,
    },
    /// ORDER-038: a batch is one account's.
    BatchOfOthers,

    /// AUCTION-003: an auction is under way already.
    AuctionUnderWay,
    /// AUCTION-004: an auction ends after now and before the series' last trade.
    AuctionOutOfTime,

    /// INDEX-001: no series has that grade.
    UnknownGrade,
    /// INDEX-002: prints of a grade come in the order of their observation.
    IndexOutOfOrder,
    /// INDEX-003: an index is above zero and at most the limit, its band not negative; a withheld print has no value.
    IndexOutOfRange {
        /// The highest.
        limit: MicroUsd,
    },

    /// AGENT-001: no such obligation.
    UnknownObligation,
    /// AGENT-002: only the obligation's seller, or who stands in for it, delivers it.
    NotTheSeller,
    /// AGENT-003: no challenge of that number is at this step.
    WrongStep,
    /// AGENT-004: the receipt is not signed by the key the seller nominated.
    WrongSigner,
    /// AGENT-005: the receipt does not continue the chain: its sums, terms or previous hash is not the next.
    ReceiptOutOfChain {
        /// The field that is not the next.
        field: ReceiptField,
    },
    /// AGENT-006: rows are drawn once.
    RowsDrawn,
    /// AGENT-007: only a verifier's verdicts count, and never on its own delivery.
    NotAVerifier,
    /// AGENT-008: a quality is 0 to 1,000,000 ppm.
    QualityOutOfRange,
    // Ledger.
    /// LEDGER-014: a withdrawal is above zero and at most what is free.
    WithdrawalOutOfRange {
        /// What is free.
        limit: MicroUsd,
    },
    /// LEDGER-015: the exchange puts its own money up for losses alone.
    NotAHouseFund,
    // Margin and risk arrays.
    /// MARGIN-011: a venue margins so many grades.
    TooManyGrades {
        /// How many at most.
        limit: u64,
    },
    /// MARGIN-012: risk is published of one option at least, and of so many at most.
    RisksOutOfRange {
        /// The most.
        limit: u64,
    },
    /// MARGIN-013: a future's array follows from its mark; only an option's is published.
    RiskOfNoOption,
    /// MARGIN-014: a number of a risk array is within the range in which sums are exact.
    ArrayOutOfRange {
        /// The largest distance from zero, in micro-dollars a lot.
        limit: i64,
    },
    /// MARGIN-015: more GPUs than an account may register.
    CapacityOutOfRange {
        /// The most.
        limit: u64,
    },
    /// MARGIN-009: more of what can be delivered than one account may hold shortly before delivery.
    BeyondDeliverable {
        /// The most lots, open orders included.
        limit: Qty,
    },
    /// MARGIN-016: the account's margin is computed that way already.
    MarginModeSet,
    /// MARGIN-017: the account could not carry what it has in that mode.
    MarginModeNotCarried {
        /// What would be required.
        required: MicroUsd,
        /// What there is.
        available: MicroUsd,
    },
    // Options, cascades and cash futures.
    /// OPTION-001: an option is on a listed future of its grade, tick, lot and node that trades as long as it does.
    BadUnderlying,
    /// OPTION-010: only an option can be exercised or abandoned.
    NotAnOption,
    /// OPTION-011: an instruction is for at most the lots held long.
    InstructionAboveHolding {
        /// The most.
        limit: Qty,
    },
    /// MARK-016: a curve has at least one point, and so many at most.
    CurveTooLong {
        /// The most.
        limit: u64,
    },
    /// MARK-016: the curve is of futures.
    CurveOfNoFuture,
    /// FIX-002, 004, 007: a claim against a fixing, or a ruling on one.
    Fixing(FixingReject),
    // Default funds and liquidation.
    /// What concerns liquidation, its auctions and the default fund.
    Default(DefaultReject),
    // Physical close-out.
    /// Something between the last trade and the close.
    CloseOut(CloseOutReject),
    // Trades agreed elsewhere.
    /// BLOCK-001 to 010, 016, 017: what two parties agreed cannot be taken.
    Agreement(AgreementReject),
    // Buyers' jobs.
    /// DISPUTE-001, 002, 003, 005: what concerns a job cannot be taken.
    Job(JobReject),
    // Whoever is gone.
    /// ORDER-060: an account's own id of an order has 1 to 64 bytes of visible ASCII.
    BadClientOrderId {
        /// The most bytes.
        limit: u64,
    },
    /// ORDER-062: the id names an order that was asked for in other terms.
    ClientOrderIdTaken {
        /// Which order.
        order: OrderId,
    },
    /// ORDER-066: the timer runs for a second at least, and for an hour at most.
    TimeoutOutOfRange {
        /// The longest.
        limit: NanosSpan,
    },
    // What operators have stopped.
    /// OPS-002 to 005, 009: an operator has stopped what this would need.
    Control(ControlReject),
    // Quotes.
    /// QUOTE-001 to 013: what a market maker asks.
    Quote(QuoteReject),
}

impl Reject {
    /// The rule that refuses, as it stands in the rule book.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a line for each refusal, and no decision")]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::VenueNotOpen => "VENUE-001",
            Self::VenueAlreadyOpen => "VENUE-002",
            Self::BadTerms(_) => "VENUE-003",
            Self::SeriesListed => "VENUE-004",
            Self::TooManySeries { .. } => "VENUE-005",
            Self::UnknownAccount => "ACCOUNT-001",
            Self::BadAccountName => "ACCOUNT-002",
            Self::AccountNameTaken => "ACCOUNT-003",
            Self::TooManyAccounts { .. } => "ACCOUNT-004",
            Self::TestMoneyClosed => "ACCOUNT-005",
            Self::DepositOutOfRange { .. } => "ACCOUNT-006",
            Self::EquityOutOfRange { .. } => "ACCOUNT-007",
            Self::TooLate => "ORDER-027",
            Self::UnknownInstrument => "ORDER-001",
            Self::ProductNotCleared => "ORDER-002",
            Self::SeriesExpired => "ORDER-003",
            Self::NotWaiting => "ORDER-028",
            Self::NoLimit => "ORDER-029",
            Self::ZeroQuantity => "ORDER-004",
            Self::QtyAboveLimit { .. } => "ORDER-005",
            Self::PriceNotPositive => "ORDER-006",
            Self::PriceAboveLimit { .. } => "ORDER-007",
            Self::PostOnlyImmediate => "ORDER-008",
            Self::DisplayImmediate => "ORDER-030",
            Self::DisplayOutOfRange { .. } => "ORDER-031",
            Self::TriggerTimeInForce => "ORDER-032",
            Self::TriggerSlides => "ORDER-033",
            Self::ExpiryPassed => "ORDER-034",
            Self::NotInContinuous => "AUCTION-001",
            Self::NotInAuction => "AUCTION-002",
            Self::BeyondCeiling { .. } => "ORDER-035",
            Self::LabelTooLong { .. } => "ORDER-009",
            Self::TooManyOpenOrders { .. } => "ORDER-010",
            Self::VenueFull => "ORDER-036",
            Self::WouldNotReduce { .. } => "ORDER-011",
            Self::PositionAboveLimit { .. } => "ORDER-012",
            Self::NotionalOutOfRange => "ORDER-013",
            Self::InsufficientMargin { .. } => "ORDER-014",
            Self::AboveBand { .. } | Self::BelowBand { .. } => "BAND-001",
            Self::PostOnlyWouldCross => "ORDER-015",
            Self::UnknownOrder => "ORDER-016",
            Self::NothingToAmend => "ORDER-017",
            Self::BatchOutOfRange { .. } => "ORDER-037",
            Self::BatchOfOthers => "ORDER-038",
            Self::AuctionUnderWay => "AUCTION-003",
            Self::AuctionOutOfTime => "AUCTION-004",
            Self::UnknownGrade => "INDEX-001",
            Self::IndexOutOfOrder => "INDEX-002",
            Self::IndexOutOfRange { .. } => "INDEX-003",
            Self::UnknownObligation => "AGENT-001",
            Self::NotTheSeller => "AGENT-002",
            Self::WrongStep => "AGENT-003",
            Self::WrongSigner => "AGENT-004",
            Self::ReceiptOutOfChain { .. } => "AGENT-005",
            Self::RowsDrawn => "AGENT-006",
            Self::NotAVerifier => "AGENT-007",
            Self::QualityOutOfRange => "AGENT-008",
            // Ledger.
            Self::WithdrawalOutOfRange { .. } => "LEDGER-014",
            Self::NotAHouseFund => "LEDGER-015",
            // Margin and risk arrays.
            Self::TooManyGrades { .. } => "MARGIN-011",
            Self::RisksOutOfRange { .. } => "MARGIN-012",
            Self::RiskOfNoOption => "MARGIN-013",
            Self::ArrayOutOfRange { .. } => "MARGIN-014",
            Self::CapacityOutOfRange { .. } => "MARGIN-015",
            Self::BeyondDeliverable { .. } => "MARGIN-009",
            Self::MarginModeSet => "MARGIN-016",
            Self::MarginModeNotCarried { .. } => "MARGIN-017",
            // Options, cascades and cash futures.
            Self::BadUnderlying => "OPTION-001",
            Self::NotAnOption => "OPTION-010",
            Self::InstructionAboveHolding { .. } => "OPTION-011",
            Self::CurveTooLong { .. } | Self::CurveOfNoFuture => "MARK-016",
            Self::Fixing(reason) => reason.rule(),
            // Default funds and liquidation.
            Self::Default(reason) => reason.rule(),
            // Physical close-out.
            Self::CloseOut(reason) => reason.rule(),
            // Trades agreed elsewhere.
            Self::Agreement(reason) => reason.rule(),
            // Buyers' jobs.
            Self::Job(reason) => reason.rule(),
            // Whoever is gone.
            Self::BadClientOrderId { .. } => "ORDER-060",
            Self::ClientOrderIdTaken { .. } => "ORDER-062",
            Self::TimeoutOutOfRange { .. } => "ORDER-066",
            // What operators have stopped.
            Self::Control(reason) => reason.rule(),
            Self::Quote(reason) => reason.rule(),
        }
    }
}

/// A field of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ReceiptField {
    /// The number of challenges answered.
    Challenges {
        /// The next.
        expected: u32,
    },
    /// The cumulative GPU-milliseconds claimed.
    GpuMillis {
        /// One more whole interval.
        limit: u64,
    },
    /// The hash of the receipt before.
    Prev,
    /// The hash of the grade's terms.
    Terms,
}
