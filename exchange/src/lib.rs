//! The exchange: a pure function from a journal of commands to a stream of events.
//!
//! Read `command.rs`, then the `match` in [`Exchange::apply`], then any verb. One arm, one verb, one file.
//!
//! Invariants, asserted by the auditor after every command:
//! - money is conserved: the ledger sums to zero, because a transfer is the only way to change it;
//! - positions of a series sum to zero;
//! - the holds of an account are what its open orders and positions require, as far as its money goes;
//! - no book is crossed at rest outside an auction.
//!
//! Nothing here reads a clock, a file, a socket or a random number. Time is in the command.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::expect_used,
        clippy::float_arithmetic,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod absence;
mod accept_delivery;
mod agreement;
mod amend_order;
mod assign_series;
mod audit;
mod backstop;
mod batch;
mod buy_in;
mod cancel_order;
mod cascade;
mod claim_job;
mod client_orders;
mod close_out;
mod close_outs;
mod close_series;
mod command;
mod control;
mod declare_outage;
mod default_event;
mod default_fund;
mod default_reject;
mod defaults;
mod deliver;
mod delivery;
mod deposit;
mod dispute_fixing;
mod dispute_job;
mod event;
mod exercise;
mod expire_series;
mod fund_house;
mod funds;
mod guards;
#[cfg(feature = "journal")]
pub mod io;
mod jobs;
mod ladder;
pub mod limits;
mod liquidate;
mod list_instrument;
mod margin_view;
mod margins;
mod mark;
mod mass_quote;
mod match_order;
mod nominate;
mod offer_standby;
mod open_account;
mod open_auction;
mod open_order;
mod open_venue;
mod own_prices;
mod place_order;
mod premium;
mod premium_mark;
mod price;
mod protect;
mod publish_curve;
mod publish_index;
mod publish_risk;
mod quoting;
mod read_meter;
mod records;
mod reduce_only;
mod register_capacity;
mod rehold;
mod reject;
mod roll_day;
mod run_timers;
mod run_variation;
mod series;
mod set_margin_mode;
mod settle_hours;
mod settlement_price;
mod snapshot;
mod statement;
mod submit_job;
mod time_in_force;
mod trade_block;
mod view;
mod withdraw;

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, GradeId, InstrumentId, Nanos, ObligationId, OrderId, Price, Seq};
use matching_engine::{Capacity, Engine};
use settlement::{FeeRates, Ledger, OpenOrders, Positions};

use absence::Absence;
use agreement::Agreements;
use client_orders::ClientOrders;
use quoting::Quoting;
use reduce_only::ReduceOnly;

pub use agreement::{Agreed, Agreement, BlockLeg, SignedAgreement};
pub use audit::AuditFinding;
pub use backstop::OfferedPortfolio;
pub use close_outs::CloseOuts;
pub use command::{
    AmendOrder, Answer, AuctionReason, BatchItem, CancelFilter, CancelKind, Command, IndexPrint,
    OpenVenue, PlaceOrder, Stamped, StateScope, TradingState,
};
pub use control::Controls;
pub use default_event::{DefaultEvent, MoveCause, SplitPurpose};
pub use default_reject::DefaultReject;
pub use defaults::{Bid, Defaults, Liquidation, Stage};
pub use delivery::{Delivery, OpenChallenge};
pub use event::{
    AmendReason, BlockFill, BlockTraded, CloseOutEvent, ControlEvent, Event, Fill, FixingEvent,
    HourSettled, IntervalOutcome, IntervalSettled, JobEvent, OrderAccepted, PublishedAssignment,
    QuoteEvent, Traded,
};
pub use exercise::Instruction;
pub use jobs::Jobs;
pub use margin_view::{OrderMargins, Simulated};
pub use margins::{GradeMargin, MarginMode, Margins};
pub use mark::{Basis, Impact, Pricing, Reach, Realised, Tape, Traffic};
pub use nominate::{Node, Nomination};
pub use offer_standby::StandbyOffer;
pub use open_account::Account;
pub use open_order::OpenOrder;
pub use own_prices::OwnPrices;
pub use publish_curve::CurvePoint;
pub use publish_index::IndexHistory;
pub use publish_risk::{OptionGreeks, OptionRisk};
pub use quoting::{
    GroupName, MassQuote, ProtectionTerms, QuoteCommand, QuoteEntry, QuoteFilter, QuoteGroup,
    QuoteMark,
};
pub use rehold::Health;
pub use reject::{
    AgreementReject, CloseOutReject, ControlReject, FixingReject, JobReject, QuoteReject,
    ReceiptField, Reject,
};
pub use roll_day::Roll;
pub use series::{Series, SeriesState};
pub use settlement_price::{Closing, SettlementSource};
pub use snapshot::SnapshotError;
pub use statement::{DeliveredInDay, Movement, Statement, Statements, TradedInDay};
pub use time_in_force::TimeInForce;
pub use view::{AccountSummary, OrderView, PositionView};

/// The version of these rules. A journal replays only under the rules it was written under.
pub const RULES_VERSION: u32 = 6;

/// Open orders that the books have room for before they grow.
const ORDERS_RESERVED: usize = 1_024;

/// The whole state of the venue.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Exchange {
    venue: Option<OpenVenue>,
    last_seq: Seq,
    now: Nanos,
    /// Rolling hash over every command's place and events.
    history: [u8; 32],
    issued: Issued,
    series: BTreeMap<InstrumentId, Series>,
    series_by_name: BTreeMap<String, InstrumentId>,
    engine: Engine,
    /// Series whose books are emptied at their last trade, by that instant.
    stopping: BTreeSet<(Nanos, InstrumentId)>,
    accounts: BTreeMap<AccountId, Account>,
    accounts_by_name: BTreeMap<String, AccountId>,
    orders: BTreeMap<OrderId, OpenOrder>,
    // By account first: margin is a question about one account.
    open_orders: BTreeMap<AccountId, BTreeMap<InstrumentId, OpenOrders>>,
    reduce_only: BTreeMap<(AccountId, InstrumentId), ReduceOnly>,
    ledger: Ledger,
    positions: Positions,
    indices: BTreeMap<GradeId, IndexHistory>,
    deliveries: BTreeMap<ObligationId, Delivery>,
    variation_at: Nanos,
    /// Series whose book or trades changed since their mark was computed, and when that is due.
    unmarked: BTreeSet<InstrumentId>,
    marks_at: Option<Nanos>,
    fee_rates: FeeRates,
    // Margin and risk arrays.
    margins: Margins,
    // Marks and settlement prices.

    // Options, cascades and cash futures.
    /// Options that have not expired, by what they are on.
    options_on: BTreeMap<InstrumentId, BTreeSet<InstrumentId>>,
    instructions: BTreeMap<(InstrumentId, AccountId), Instruction>,
    /// What the underlying of an option that has stopped was worth at that instant.
    exercise_prices: BTreeMap<InstrumentId, Price>,
    /// Micro-dollars: what a lot of a series that cascades is worth, fixed at its last trade.
    lot_values: BTreeMap<InstrumentId, i128>,
    /// What settles against the index, and when its next day ends.
    rolls: BTreeMap<InstrumentId, Roll>,
    rolling: BTreeSet<(Nanos, InstrumentId)>,
    /// Accounts whose orders hold less than they should. Not state: looked at before the books are touched again, and emptied.
    #[borsh(skip)]
    unpayable: BTreeSet<AccountId>,
    fixings: dispute_fixing::Fixings,
    // Default funds and liquidation.
    defaults: Defaults,
    // Physical close-out.
    close_outs: CloseOuts,
    // Trades agreed elsewhere.
    agreements: Agreements,
    // Buyers' jobs.
    jobs: Jobs,
    // Whoever is gone.
    client_orders: ClientOrders,
    absence: Absence,
    // What operators have stopped.
    controls: Controls,
    // Quotes.
    quoting: Quoting,
}

/// The last id of each kind. Ids are never reused.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Issued {
    series: u64,
    accounts: u64,
    trades: u64,
    obligations: u64,
}

impl Issued {
    /// Issues the next id of the kind whose counter is given.
    #[expect(clippy::expect_used, reason = "2^64 ids take 500,000 years at 1 M/s")]
    fn next(counter: &mut u64) -> u64 {
        *counter = counter.checked_add(1).expect("ids exhausted");
        *counter
    }
}

impl Default for Exchange {
    fn default() -> Self {
        Self::new()
    }
}

impl Exchange {
    /// A venue before its first command.
    #[must_use]
    pub fn new() -> Self {
        Self {
            venue: None,
            last_seq: Seq(0),
            now: Nanos::default(),
            history: [0; 32],
            issued: Issued::default(),
            series: BTreeMap::new(),
            series_by_name: BTreeMap::new(),
            engine: Engine::new(Capacity { orders: ORDERS_RESERVED }),
            stopping: BTreeSet::new(),
            accounts: BTreeMap::new(),
            accounts_by_name: BTreeMap::new(),
            orders: BTreeMap::new(),
            open_orders: BTreeMap::new(),
            reduce_only: BTreeMap::new(),
            ledger: Ledger::default(),
            positions: Positions::default(),
            indices: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            variation_at: Nanos::default(),
            unmarked: BTreeSet::new(),
            marks_at: None,
            fee_rates: FeeRates::standard(),
            // Margin and risk arrays.
            margins: Margins::default(),
            // Marks and settlement prices.

            // Options, cascades and cash futures.
            options_on: BTreeMap::new(),
            instructions: BTreeMap::new(),
            exercise_prices: BTreeMap::new(),
            lot_values: BTreeMap::new(),
            rolls: BTreeMap::new(),
            rolling: BTreeSet::new(),
            unpayable: BTreeSet::new(),
            // Default funds and liquidation.
            defaults: Defaults::new(),
            // Physical close-out.
            close_outs: CloseOuts::default(),
            // Trades agreed elsewhere.
            agreements: Agreements::default(),
            // Buyers' jobs.
            jobs: Jobs::default(),
            // What operators have stopped.
            controls: Controls::default(),
            // Quotes.
            quoting: Quoting::default(),
            fixings: BTreeMap::new(),
            // Whoever is gone.
            client_orders: ClientOrders::default(),
            absence: Absence::default(),
        }
    }

    /// Applies one journaled command and appends what happened to `events`.
    ///
    /// Never fails: a command the exchange refuses is an event like any other.
    ///
    /// # Panics
    /// On a gap in the journal or a clock that runs backwards; both mean the journal is corrupt.
    pub fn apply(&mut self, input: &Stamped, events: &mut Vec<Event>) {
        assert_eq!(input.seq, self.last_seq.next(), "gap in the journal");
        assert!(self.now <= input.at, "journal time runs backwards");
        self.last_seq = input.seq;
        self.now = input.at;
        let first_event = events.len();
        if input.command == Command::VoidChallenges {
            self.void_challenges(events);
        }
        if input.command == Command::EndSessions {
            self.end_sessions(events);
        }
        self.pass_time(events);
        // A verb looks at the orders that are left.
        self.cancel_unpayable(events);

        if let Err(reason) = self.dispatch(&input.command, events) {
            events.push(Event::Rejected(reason));
        }
        self.return_hours(events);
        self.start_liquidations(events);
        self.cancel_unpayable(events);
        self.tell_money(events);
        self.extend_history(input, events.get(first_event..).unwrap_or_default());
    }

    #[expect(clippy::too_many_lines, reason = "a line for each variant, and no decision")]
    fn dispatch(&mut self, command: &Command, events: &mut Vec<Event>) -> Result<(), Reject> {
        if self.venue.is_none() && !matches!(command, Command::OpenVenue(_)) {
            return Err(Reject::VenueNotOpen);
        }
        match command {
            Command::OpenVenue(terms) => self.open_venue(terms, events),
            Command::ListInstrument(terms) => self.list_instrument(terms, events),
            Command::OpenAccount { name, is_verifier } => {
                self.open_account(name, *is_verifier, events)
            }
            Command::Deposit { account, amount } => self.deposit(*account, *amount),
            Command::Withdraw { account, amount } => self.withdraw(*account, *amount),
            Command::FundHouse { bucket, amount } => self.fund_house(*bucket, *amount),
            Command::PlaceOrder(order) => self.place_order(order, events),
            Command::AmendOrder(amend) => self.amend_order(amend, events),
            Command::CancelOrder { account, order } => self.cancel_order(*account, *order, events),
            Command::CancelAll { account, filter } => self.cancel_all(*account, filter, events),
            Command::Batch { account, items } => self.batch(*account, items, events),
            Command::OpenAuction { instrument, reason, until } => {
                self.open_auction(*instrument, *reason, *until, events)
            }
            Command::PublishIndex(print) => self.publish_index(print, events),
            Command::DisputeFixing { account, instrument, partition, value } => {
                self.dispute_fixing(*account, *instrument, (*partition, *value), events)
            }
            Command::RuleOnFixing { instrument, partition, is_upheld } => {
                self.rule_on_fixing(*instrument, *partition, *is_upheld, events)
            }
            Command::NominateAgent { account, signer } => {
                self.nominate_agent(*account, *signer, events)
            }
            // Done before the timers ran.
            Command::VoidChallenges | Command::EndSessions => Ok(()),
            Command::IssueChallenge { obligation, seed } => {
                self.issue_challenge(*obligation, *seed, events)
            }
            Command::SubmitReceipt { .. } => self.submit_receipt(command, events),
            Command::DrawRows { obligation, challenge, seed } => {
                self.draw_rows(*obligation, *challenge, *seed, events)
            }
            Command::SubmitVerdict { account, obligation, challenge, verdict } => {
                self.submit_verdict(*account, (*obligation, *challenge), *verdict, events)
            }
            // Margin and risk arrays.
            Command::PublishCurve { points } => self.publish_curve(points, events),
            Command::PublishRisk { risks } => self.publish_risk(risks, events),
            Command::RegisterCapacity { account, grade, gpus } => {
                self.register_capacity(*account, grade, *gpus, events)
            }
            Command::SetMarginMode { account, mode } => {
                self.set_margin_mode(*account, *mode, events)
            }
            // Options, cascades and cash futures.
            Command::InstructExercise { account, instrument, instruction } => {
                self.instruct_exercise(*account, *instrument, *instruction, events)
            }
            // Default funds and liquidation.
            Command::SetDefaultTerms(terms) => self.set_default_terms(terms, events),
            Command::ContributeDefaultFund { account, amount } => {
                self.contribute_default_fund(*account, *amount, events)
            }
            Command::WithdrawDefaultFund { account, amount } => {
                self.withdraw_default_fund(*account, *amount, events)
            }
            Command::RegisterBackstop { account, capacity } => {
                self.register_backstop(*account, *capacity, events)
            }
            Command::BidBackstop { account, auction, ask } => {
                self.bid_backstop(*account, *auction, *ask, events)
            }
            // Physical close-out.
            Command::Nominate { account, instrument, nomination } => {
                self.nominate(*account, *instrument, nomination, events)
            }
            Command::AcceptDelivery { account, obligation } => {
                self.accept_delivery(*account, *obligation, events)
            }
            Command::JudgeBurnIn { account, obligation, verdict } => {
                self.judge_burn_in(*account, *obligation, *verdict, events)
            }
            Command::DeclareOutage { account, obligation, from, until } => {
                self.declare_outage((*account, *obligation), (*from, *until), events)
            }
            Command::Substitute { account, obligation, grade, nodes } => {
                self.substitute((*account, *obligation), grade, nodes, events)
            }
            Command::OfferStandby { account, grade, gpus, fee } => {
                self.offer_standby(*account, (grade, *gpus, *fee), events)
            }
            Command::DisputeInvoice { account, obligation } => {
                self.dispute_invoice(*account, *obligation, events)
            }
            // Trades agreed elsewhere.
            Command::RegisterTradingKey { account, key } => {
                self.register_trading_key(*account, *key, events)
            }
            Command::SubmitAgreement { account, signed } => {
                self.submit_agreement(*account, signed, events)
            }
            // Buyers' jobs.
            Command::SetJobTerms(terms) => self.set_job_terms(terms, events),
            Command::SubmitJob { account, obligation, task } => {
                self.submit_job(*account, *obligation, task, events)
            }
            Command::ClaimJob { .. } => self.claim_job(command, events),
            Command::DeclineJob { account, job } => self.decline_job(*account, *job, events),
            Command::AcceptJob { account, job } => self.accept_job(*account, *job, events),
            Command::OpenDispute { account, job, claim, replay_cost } => {
                self.open_dispute(*account, *job, (*claim, *replay_cost), events)
            }
            Command::AnswerDispute { account, job, answer } => {
                self.answer_dispute(*account, *job, *answer, events)
            }
            Command::RuleDispute { account, job, verdict } => {
                self.rule_dispute(*account, *job, *verdict, events)
            }
            // Whoever is gone.
            Command::CancelAllAfter { account, timeout } => {
                self.cancel_all_after(*account, *timeout, events)
            }
            Command::SetCancelOnDisconnect { account, is_enabled } => {
                self.set_cancel_on_disconnect(*account, *is_enabled, events)
            }
            Command::EndSession { account, session, keeps_orders } => {
                self.end_session(*account, *session, *keeps_orders, events)
            }
            // Quotes.
            Command::Quoting(command) => self.quoting(command, events),
            Command::Tick => {
                self.run_timers(events);
                Ok(())
            }
            // What operators stop.
            Command::SetTradingState { scope, state } => {
                self.set_trading_state(*scope, *state, events)
            }
            Command::KillAccount { account } => self.kill_account(*account, events),
            Command::ReviveAccount { account } => self.revive_account(*account, events),
        }
    }
}
