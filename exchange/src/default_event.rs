//! What happens around accounts that have too little: liquidation, auctions, close-outs, and who bears what is missing.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, InstrumentId, MicroUsd, Nanos, NetQty, OrderId, Price, Qty};
use settlement::{DefaultResolved, DefaultTerms, SplitPage};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum DefaultEvent {
    /// An account's own margin did not cover its loss: who did.
    DefaultResolved(DefaultResolved),
    /// The variation of all trading series is paid at their marks, outside the calendar: the cycle that is told next.
    MarkedOut,
    /// A page of a split among those who bear a loss: its own proof, which anyone can redo.
    LossSplit {
        /// What was split, and over what.
        purpose: SplitPurpose,
        /// The page.
        page: Box<SplitPage>,
    },
    /// Accounts that have too little are dealt with on these terms from now on.
    DefaultTermsSet(DefaultTerms),
    /// An account's share of the default fund is now this.
    DefaultFundChanged {
        /// Whose.
        account: AccountId,
        /// How much.
        share: MicroUsd,
    },
    /// An account's equity is below its maintenance margin: it is being liquidated.
    LiquidationStarted {
        /// Whose.
        account: AccountId,
        /// What it would have if it closed everything at the marks.
        equity: MicroUsd,
        /// What it must have.
        maintenance: MicroUsd,
    },
    /// The house has sent an order to close a part of a position, on its account's behalf.
    LiquidationSlice {
        /// Whose.
        account: AccountId,
        /// Where.
        instrument: InstrumentId,
        /// The order.
        order: OrderId,
        /// What it was to close.
        wanted: Qty,
        /// What it has closed.
        closed: Qty,
        /// What that cost, to the insurance fund.
        fee: MicroUsd,
    },
    /// The account has its initial margin again, or nothing is left to close.
    LiquidationEnded {
        /// Whose.
        account: AccountId,
    },
    /// An account takes over portfolios up to this notional from now on.
    BackstopRegistered {
        /// Who.
        account: AccountId,
        /// How much; nothing when it takes none any more.
        capacity: MicroUsd,
    },
    /// A portfolio is offered to backstop bidders.
    BackstopOpened {
        /// The auction's number.
        auction: u64,
        /// Whose portfolio.
        account: AccountId,
        /// When the bids are opened at the earliest.
        until: Nanos,
    },
    /// A bid has come. What it asks stays sealed.
    BackstopBid {
        /// In which auction.
        auction: u64,
        /// Whose.
        account: AccountId,
    },
    /// A bidder takes a portfolio over.
    BackstopTaken {
        /// Whose it was.
        account: AccountId,
        /// Whose it is.
        bidder: AccountId,
        /// What the bidder asked for.
        ask: MicroUsd,
        /// What moves to the bidder for it: what it asked for, less what premiums are worth. Negative where the bidder pays.
        paid: MicroUsd,
    },
    /// Nobody takes a portfolio over: it is closed out at the bankruptcy price.
    ClosedOut {
        /// Whose.
        account: AccountId,
        /// What it has left, which the other side shares; negative where the other side does without.
        equity: MicroUsd,
    },
    /// The layers of the waterfall have paid what an account lacked for what it owes at its close-out.
    LossCovered {
        /// Whose.
        account: AccountId,
        /// How much.
        paid: MicroUsd,
    },
    /// A close-out has moved money beside the lots.
    CloseOutPaid {
        /// Where.
        instrument: InstrumentId,
        /// Whose position was closed out.
        account: AccountId,
        /// The other side.
        against: AccountId,
        /// What the other side received; negative where it paid.
        amount: MicroUsd,
    },
    /// What was left of an account did not divide by its lots.
    RoundingKept {
        /// Whose it was.
        account: AccountId,
        /// How much; less than a micro-dollar for each lot and position.
        amount: MicroUsd,
    },
    /// Lots have changed hands outside the book, at the mark.
    PositionMoved {
        /// Where.
        instrument: InstrumentId,
        /// Who had them.
        from: AccountId,
        /// Who has them now.
        to: AccountId,
        /// How many; negative when they were held short.
        net: NetQty,
        /// The mark.
        price: Price,
        /// Why.
        cause: MoveCause,
    },
}

/// What is split among those who bear a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum SplitPurpose {
    /// What reached suspense, over the gains of one variation cycle.
    Haircut,
    /// What the default fund's shares pay, over the shares.
    FundShares,
    /// The lots that a position is closed out by, over what its other side holds.
    CloseOut {
        /// Where.
        instrument: InstrumentId,
        /// Whose position.
        account: AccountId,
    },
}

/// Why lots have changed hands outside the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum MoveCause {
    /// A backstop bidder took a portfolio over.
    Backstop,
    /// Nobody did: it was closed out.
    CloseOut,
}
