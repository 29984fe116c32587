//! What an audit can find: one variant for each thing that must hold, with what was seen. `docs/rules/sim.md` has the sentences.

use instruments::{
    AccountId, InstrumentId, MicroUsd, Nanos, NetQty, ObligationId, OrderId, Price, Qty, Seq, Side,
};
use settlement::{Bucket, TransferId};
use thiserror::Error;

/// Something that must hold and does not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Finding {
    /// SIM-001: commands are gapless and time does not run backwards.
    #[error("command {found:?} follows {last:?}, or its time runs backwards")]
    OutOfOrder {
        /// The last one.
        last: Option<Seq>,
        /// This one.
        found: Seq,
    },
    /// SIM-001: an id is issued once, in order.
    #[error("{kind} id {found} does not follow {last}")]
    IdOutOfOrder {
        /// What kind of id.
        kind: &'static str,
        /// The last one.
        last: u64,
        /// This one.
        found: u64,
    },
    /// SIM-002: a refusal is the only event of its command.
    #[error("a refused command has {events} events")]
    RefusalWithEffect {
        /// How many.
        events: usize,
    },
    /// SIM-003: money is conserved and nothing but custody is below zero.
    #[error("{bucket:?} holds {} micro-dollars", balance.micros())]
    BelowZero {
        /// Where.
        bucket: Bucket,
        /// How much.
        balance: MicroUsd,
    },
    /// SIM-003: what custody owes is what was deposited.
    #[error("custody owes {} micro-dollars, {} were deposited", owed.micros(), deposited.micros())]
    Custody {
        /// By the transfers.
        owed: MicroUsd,
        /// By the commands.
        deposited: MicroUsd,
    },
    /// SIM-004: nothing stays in suspense.
    #[error("{} micro-dollars are stuck in suspense", stuck.micros())]
    Suspense {
        /// How much.
        stuck: MicroUsd,
    },
    /// SIM-005: money enters and leaves an account only for a reason that an event states.
    #[error("{} micro-dollars moved at {whose:?}, the events state {}", moved.micros(), stated.micros())]
    Unexplained {
        /// Whose; none for the house's own buckets.
        whose: Option<AccountId>,
        /// By the transfers.
        moved: MicroUsd,
        /// By the reasons.
        stated: MicroUsd,
    },
    /// SIM-028: what stands or falls together follows on each other within one command.
    #[error("{transfer} is of the chain {chain}, which is not open")]
    OutOfChain {
        /// Which transfer.
        transfer: TransferId,
        /// Of which chain.
        chain: TransferId,
    },
    /// SIM-028: a transfer says what it is for.
    #[error("{transfer} does not say what it is for")]
    WithoutReason {
        /// Which transfer.
        transfer: TransferId,
    },
    /// SIM-006: a fee is what the rates say, or less when the account has no more.
    #[error("a fee of {} micro-dollars, {} are due", fee.micros(), limit.micros())]
    Fee {
        /// What was taken.
        fee: MicroUsd,
        /// What the rate gives.
        limit: MicroUsd,
    },
    /// SIM-051, SIM-052: what is agreed elsewhere is signed by both, taken once, and booked as it was signed.
    #[error("what was agreed elsewhere {what}")]
    Agreement {
        /// What is wrong with it.
        what: &'static str,
    },
    /// SIM-007: our balance of a bucket is the exchange's.
    #[error("{bucket:?} holds {} micro-dollars by the events and {} by the exchange", ours.micros(), theirs.micros())]
    Balance {
        /// Where.
        bucket: Bucket,
        /// By the events.
        ours: MicroUsd,
        /// By the exchange.
        theirs: MicroUsd,
    },
    /// SIM-008: positions sum to zero and are the exchange's.
    #[error("{account} holds {} lots of {instrument} by the events and {} by the exchange", ours.lots(), theirs.lots())]
    Position {
        /// Of which series.
        instrument: InstrumentId,
        /// Whose.
        account: AccountId,
        /// By the events.
        ours: NetQty,
        /// By the exchange.
        theirs: NetQty,
    },
    /// SIM-008: long lots are short lots.
    #[error("the positions of {instrument} sum to {sum} lots")]
    PositionsUnbalanced {
        /// Of which series.
        instrument: InstrumentId,
        /// To how much.
        sum: i128,
    },
    /// SIM-009: the depth that the events draw is what the orders add up to.
    #[error("{instrument} {side:?} {} shows {} lots, the orders there have {}", price.ticks(), shown.lots(), open.lots())]
    Depth {
        /// Of which series.
        instrument: InstrumentId,
        /// Which side.
        side: Side,
        /// Which level.
        price: Price,
        /// By the depth events, or by the exchange's book.
        shown: Qty,
        /// By the orders.
        open: Qty,
    },
    /// SIM-010: no book is crossed between two commands.
    #[error("{instrument} is crossed: bid {} meets ask {}", bid.ticks(), ask.ticks())]
    Crossed {
        /// Of which series.
        instrument: InstrumentId,
        /// The best bid.
        bid: Price,
        /// The best ask.
        ask: Price,
    },
    /// SIM-011: an order does what its terms allow and nothing else.
    #[error("{order}: {what}")]
    Order {
        /// Which.
        order: OrderId,
        /// What it did.
        what: OrderFault,
    },
    /// SIM-012: holds are what orders and positions require, as far as the money goes.
    #[error("{bucket:?} holds {} micro-dollars, required are {}", held.micros(), required.micros())]
    Hold {
        /// Where.
        bucket: Bucket,
        /// What is held.
        held: MicroUsd,
        /// What is required and can be paid.
        required: MicroUsd,
    },
    /// SIM-012: a margin term is what the rules make of it.
    #[error("margin of {instrument} is said to be at {said}, due is {due}")]
    Scale {
        /// Of which series.
        instrument: InstrumentId,
        /// What the exchange says.
        said: i128,
        /// What it should be.
        due: i128,
    },
    /// SIM-013: variation pays exactly what the mark moved.
    #[error("{account} is due {due} micro-dollars in {instrument}, variation says {}", said.micros())]
    Variation {
        /// Of which series.
        instrument: InstrumentId,
        /// Whose.
        account: AccountId,
        /// By trades and marks.
        due: i128,
        /// By the event, before what could not be paid; zero when there was none.
        said: MicroUsd,
    },
    /// SIM-040: what a loser cannot pay is paid by the layers in their order, each as far as it goes.
    #[error("the loss of {account} runs down another way than the layers say; {} micro-dollars are left for winners", lost.micros())]
    Waterfall {
        /// The first who could not pay.
        account: AccountId,
        /// What no layer could pay.
        lost: MicroUsd,
    },
    /// SIM-041: a loss that several bear is split pro rata, by largest remainder.
    #[error("{account} has a part of {theirs}, pro rata it is {ours}")]
    Split {
        /// The first whose part is another.
        account: AccountId,
        /// By the auditor.
        ours: i128,
        /// As told.
        theirs: i128,
    },
    /// SIM-042 to SIM-044: an account is liquidated when it has too little, at what that may cost, and closed out pro rata.
    #[error("the liquidation of {account}: {what}")]
    Liquidation {
        /// Whose.
        account: AccountId,
        /// What is wrong.
        what: DefaultFault,
    },
    /// SIM-014: what is delivered is what was held.
    #[error("{account} delivers or receives {} lots of {instrument}, assigned are {}", closed.lots(), assigned.lots())]
    Assignment {
        /// Of which series.
        instrument: InstrumentId,
        /// Whose.
        account: AccountId,
        /// By the position's end.
        closed: Qty,
        /// By the obligations.
        assigned: Qty,
    },
    /// SIM-014: an assignment is published with what it follows from, is fair, and is what the obligations are.
    #[error("the assignment of {instrument} is not what was held, not fair, or not what is owed")]
    Unfair {
        /// Of which series.
        instrument: InstrumentId,
    },
    /// SIM-015: an interval goes its way, in time, and pays what its outcome says.
    #[error("{obligation} interval {interval}: {what}")]
    Interval {
        /// Of which obligation.
        obligation: ObligationId,
        /// Which.
        interval: u32,
        /// What is wrong.
        what: IntervalFault,
    },
    /// SIM-016: escrow and bond are what the open obligations hold.
    #[error("{bucket:?} holds {} micro-dollars, the open obligations hold {}", held.micros(), owed.micros())]
    SetAside {
        /// Where.
        bucket: Bucket,
        /// By the transfers.
        held: MicroUsd,
        /// By the obligations.
        owed: MicroUsd,
    },
    /// SIM-016: an obligation ends with the counts and sums of its intervals.
    #[error("{obligation} ends with other sums than its intervals give")]
    Closing {
        /// Which.
        obligation: ObligationId,
    },
    /// SIM-017: every obligation ends.
    #[error("{obligation} never ended")]
    Endless {
        /// Which.
        obligation: ObligationId,
    },
    /// SIM-017: when everything is delivered, all money is free and nobody holds anything.
    #[error("{bucket:?} still holds {} micro-dollars at the end", left.micros())]
    LeftOver {
        /// Where.
        bucket: Bucket,
        /// How much.
        left: MicroUsd,
    },
    /// SIM-018: the same commands give the same events and the same state.
    #[error("command {at:?} does something else when it is replayed")]
    Replay {
        /// The first that does.
        at: Seq,
    },
    /// SIM-019: a snapshot restores to what was saved.
    #[error("a snapshot does not restore to what was saved")]
    Snapshot,
    /// SIM-020: nonsense is refused.
    #[error("nonsense was not refused")]
    NonsenseAccepted,
    /// SIM-021: the timer leaves nothing behind that is due.
    #[error("something is due at {} and the timer at {} left it", due.nanos(), at.nanos())]
    TimerStuck {
        /// Since when.
        due: Nanos,
        /// When the timer ran.
        at: Nanos,
    },
    /// SIM-023: a mark is the median of index, mid and last trade.
    #[error("{instrument} is marked at {} ticks, by book, trades and index {ours:?}", theirs.ticks())]
    Mark {
        /// Which series.
        instrument: InstrumentId,
        /// By the events.
        ours: Option<Price>,
        /// As the exchange says.
        theirs: Price,
    },
    /// SIM-024, SIM-050: a settlement price is the fixing over the last day of the index, or what a day's trades, depth and marks give.
    #[error("{instrument} settles at {} ticks, by the prints {ours:?}", theirs.ticks())]
    SettlementPrice {
        /// Which series.
        instrument: InstrumentId,
        /// By the events.
        ours: Option<Price>,
        /// As the exchange says.
        theirs: Price,
    },
    /// SIM-022: a command is refused or answered by its event.
    #[error("a command was neither refused nor answered")]
    Unanswered,
    /// SIM-022: an event about something that was never announced.
    #[error("an event about an unknown {kind} {id}")]
    Unannounced {
        /// What kind of thing.
        kind: &'static str,
        /// Its id.
        id: u64,
    },
}

/// What an order did that its terms do not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OrderFault {
    /// It traded, shrank or ended by more than was open.
    #[error("more than its open size")]
    Overfilled,
    /// It ended with another size than was open.
    #[error("ended with another size than was open")]
    WrongRest,
    /// It traded beyond its limit, or the maker not at its own.
    #[error("traded beyond its limit")]
    BeyondLimit,
    /// It traded though another was before it.
    #[error("traded before an order with priority")]
    OutOfTurn,
    /// It traded for another account or on the wrong side.
    #[error("traded for another account or on the wrong side")]
    WrongParty,
    /// It rests though it is immediate, or though trading has stopped.
    #[error("rests though it may not")]
    Lingers,
    /// It traded in part though it is fill or kill.
    #[error("traded in part though it is fill or kill")]
    Partial,
    /// It took on arrival though it is post-only.
    #[error("took though it is post-only")]
    Took,
}

/// What is wrong with a liquidation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DefaultFault {
    /// The account was not below maintenance.
    #[error("the account has enough, or another equity")]
    NotBelow,
    /// What it is said to have is not what it has.
    #[error("another equity than it has")]
    OtherEquity,
    /// A slice closed more than it was to, or cost more than its rate.
    #[error("a slice too large or too dear")]
    Slice,
    /// Lots changed hands at another price than the mark.
    #[error("lots changed hands off the mark")]
    OffMark,
    /// Lots were not closed in proportion to what the other side holds.
    #[error("closed out by other parts than pro rata")]
    NotProRata,
    /// Two on the other side received different money for a lot.
    #[error("closed out for different money")]
    UnequalPay,
}

/// What is wrong with an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IntervalFault {
    /// A step that does not follow on the last one.
    #[error("a step out of turn")]
    OutOfTurn,
    /// A step before or after its time.
    #[error("a step out of time")]
    OutOfTime,
    /// A receipt that does not continue its chain or was signed by a stranger.
    #[error("a receipt out of its chain")]
    OutOfChain,
    /// An outcome that nothing supports.
    #[error("an outcome that nothing supports")]
    Unsupported,
    /// Payment, damages or bond other than the outcome gives.
    #[error("other money than its outcome gives")]
    WrongMoney,
}
