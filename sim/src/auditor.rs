//! An auditor who trusts nobody: it reads what was asked and what happened, keeps its own plain books, and says what does not add up.
//!
//! It looks into the exchange only through the public view, and only to compare. Its formulas are the rule book's, written a second time;
//! sharing them with the exchange would share their mistakes.

mod agreements;
mod answers;
mod assignments;
mod closing;
mod days;
mod defaults;
mod deliveries;
mod fixings;
mod hours;
mod jobs;
mod ladder;
mod losses;
mod margins;
mod metered;
mod money;
mod orders;
mod positions;
mod premiums;
mod prices;
mod sheet;

use std::collections::{BTreeMap, BTreeSet};

use exchange::{CloseOutEvent, Command, Event, Exchange, SettlementSource, Stamped, Traded};
use instruments::{AccountId, InstrumentId, MicroUsd, Nanos, NanosSpan, Price, Product, Seq};
use settlement::{Bucket, Reason, Transfer};

use crate::finding::{Finding, IntervalFault};
use agreements::{Agreements, Outstanding};
use answers::is_answered;
use assignments::{Assignments, agreed};
use closing::{is_of_books, is_of_time, stirs};
use defaults::Defaults;
use deliveries::{Circumstance, Deliveries};
use ladder::obligation_of;
use losses::Cycle;
use margins::Margins;
use money::{Money, Stated};
use orders::{Orders, Touched, taker_fee};
use positions::{Assigned, Needs, Positions, check_assigned};
use premiums::premium;
use prices::Prices;

/// Five basis points; the maker pays nothing.
const TAKER_FEE_PPM: i128 = 500;
/// What happens in a book reaches the marks within a second.
const MARKS_AFTER: NanosSpan = NanosSpan::from_seconds(1);

/// The auditor's books.
#[derive(Debug, Clone, Default)]
pub struct Auditor {
    last: Option<(Seq, Nanos)>,
    last_ids: BTreeMap<&'static str, u64>,
    trade_seqs: BTreeMap<InstrumentId, u64>,
    variation: Option<(Nanos, NanosSpan)>,
    prices: Prices,
    /// When what happened in the books must have reached the marks.
    marks_due: Option<Nanos>,
    money: Money,
    orders: Orders,
    positions: Positions,
    deliveries: Deliveries,
    margins: Margins,
    defaults: Defaults,
    assignments: Assignments,
    agreements: Agreements,
    claims: fixings::Claims,
    /// What a series that has stopped settles at.
    closing: BTreeMap<InstrumentId, (Price, SettlementSource)>,
    /// What a lot of a series that cascades is worth, as of its last trade.
    lot_values: BTreeMap<InstrumentId, i128>,
    days: BTreeMap<InstrumentId, days::Settled>,
    checks: u64,
}

/// What one command's events add up to.
#[derive(Default)]
struct Sheet {
    stated: Stated,
    transfers: Vec<Transfer>,
    touched: Touched,
    traded_in: BTreeSet<InstrumentId>,
    /// Series whose variation was paid, or had nothing to pay.
    varied: BTreeSet<InstrumentId>,
    /// The variation cycle that is being told.
    cycle: Option<Cycle>,
    /// Series in which a liquidation has traded: their marks follow later.
    liquidated: BTreeSet<InstrumentId>,
    /// The highest price of a trade, by series.
    dearest: BTreeMap<InstrumentId, Price>,
    ended: BTreeSet<InstrumentId>,
    /// Days have ended by time alone.
    has_days: bool,
    /// A series of which a day has just ended and is being paid.
    day: Option<InstrumentId>,
    /// Marks that nothing but an expiry explains.
    odd_marks: BTreeMap<InstrumentId, Price>,
    /// Series whose last trade has come with this command.
    stopping: BTreeMap<InstrumentId, Nanos>,
    /// Marks are still to be computed in this command.
    is_to_refresh: bool,
    /// Something has happened in the books since.
    is_stirred: bool,
    /// The marks that were computed.
    expected: BTreeMap<InstrumentId, Price>,
    /// When the cycle was due that runs with this command.
    cycle_due: Option<Nanos>,
    is_tick: bool,
    /// Who paid less than the fee, and what was due.
    short_of_fees: BTreeMap<AccountId, MicroUsd>,
    /// Series that stopped trading.
    stopped: BTreeSet<InstrumentId>,
    closed: Assigned,
    assigned: Assigned,
    has_delivery: bool,
    /// Legs of a block that are signed and not booked.
    blocks: Outstanding,
    /// What traded since the last buy-in, and what that bought.
    taken: Vec<Traded>,
    bought: Vec<settlement::Bought>,
}

impl Sheet {
    /// SIM-040: a cycle is told to its end before its money moves.
    const fn check_no_cycle(&self) -> Result<(), Finding> {
        match self.cycle {
            Some(_) => Err(Finding::Unannounced { kind: "end of a variation cycle", id: 0 }),
            None => Ok(()),
        }
    }
}

impl Auditor {
    /// An auditor before the first command.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many commands and comparisons it has checked.
    #[must_use]
    pub const fn checks(&self) -> u64 {
        self.checks
    }

    /// Reads one command and what came of it.
    ///
    /// # Errors
    /// The first thing that does not add up. The books are then of no more use.
    pub fn observe(&mut self, input: &Stamped, events: &[Event]) -> Result<(), Finding> {
        self.checks += 1;
        self.check_order(input)?;
        let is_refused = events.iter().any(|event| matches!(event, Event::Rejected(_)));
        if is_refused {
            let is_of_time = events.first().is_some_and(is_of_time);
            if 1 < events.len() && !is_of_time {
                return Err(Finding::RefusalWithEffect { events: events.len() });
            }
        } else if !is_answered(&input.command, events) {
            return Err(Finding::Unanswered);
        }
        let mut sheet = Sheet::default();
        for (instrument, last) in self.prices.overdue(input.at) {
            if !self.closing.contains_key(&instrument) {
                sheet.stopping.insert(instrument, last);
                self.note_closing(instrument, last);
            }
        }
        if !is_refused {
            self.read_command(input, &mut sheet);
        }
        for event in events {
            self.check_day(event, &mut sheet)?;
            sheet.has_days |= matches!(event, Event::DaySettled { .. });
            let is_of_day = sheet.has_days && days::is_of_day(event);
            if sheet.is_to_refresh && !is_of_books(event) && !is_of_day {
                self.refresh(input.at, &mut sheet);
            }
            let stirred = self.stirs_closing(event, &sheet);
            self.read_event(event, input.at, &mut sheet)?;
            if let Some((instrument, last)) = stirred {
                self.note_closing(instrument, last);
            }
            sheet.is_stirred |= stirs(event);
            if matches!(event, Event::IndexPublished(_) | Event::InstrumentListed(_)) {
                self.refresh(input.at, &mut sheet);
            }
        }
        if sheet.is_to_refresh {
            self.refresh(input.at, &mut sheet);
        }
        if sheet.is_stirred {
            let soon = input.at + MARKS_AFTER;
            self.marks_due = Some(self.marks_due.map_or(soon, |due| due.min(soon)));
        }
        self.check_sheet(&sheet, input.at)?;
        // New money is held at once where something lacks, and what is held is not taken out; a later change of anything would hide it.
        if matches!(input.command, Command::Deposit { .. } | Command::Withdraw { .. }) {
            self.check_holds()
        } else {
            Ok(())
        }
    }

    /// Compares the books with the exchange's own view.
    ///
    /// # Errors
    /// The first difference.
    pub fn compare(&mut self, exchange: &Exchange) -> Result<(), Finding> {
        self.checks += 1;
        let theirs: BTreeMap<Bucket, MicroUsd> = exchange.ledger().balances().collect();
        let ours: BTreeMap<Bucket, MicroUsd> = self.money.balances().collect();
        for bucket in ours.keys().chain(theirs.keys()) {
            let of = |all: &BTreeMap<_, MicroUsd>| all.get(bucket).copied().unwrap_or_default();
            if of(&ours) != of(&theirs) {
                let (ours, theirs) = (of(&ours), of(&theirs));
                return Err(Finding::Balance { bucket: *bucket, ours, theirs });
            }
        }
        self.positions.compare(exchange.positions())?;
        for instrument in self.prices.listed() {
            self.positions.check_sum(instrument)?;
            if let Some(book) = exchange.book(instrument) {
                self.orders.compare(instrument, book)?;
            }
        }
        self.deliveries.check(&self.money, self.claims.bonds())?;
        self.check_holds()
    }

    /// What must hold when everything has been delivered.
    ///
    /// # Errors
    /// What is left.
    pub fn finish(&mut self) -> Result<(), Finding> {
        self.checks += 1;
        self.deliveries.check_ended()?;
        for instrument in self.prices.listed() {
            self.positions.check_ended(instrument)?;
        }
        let is_free = |bucket: &Bucket| match bucket {
            Bucket::Custody
            | Bucket::Cash(_)
            | Bucket::DefaultFundShare(_)
            | Bucket::Fees
            | Bucket::FirstLoss
            | Bucket::Insurance
            | Bucket::DefaultFund
            | Bucket::Rounding => true,
            Bucket::OrderHold(_)
            | Bucket::QuoteHold(_)
            | Bucket::PositionMargin(_)
            | Bucket::DeliveryEscrow(_)
            | Bucket::Bond(_)
            | Bucket::Suspense => false,
        };
        match self.money.balances().find(|(bucket, _)| !is_free(bucket)) {
            Some((bucket, left)) => Err(Finding::LeftOver { bucket, left }),
            None => Ok(()),
        }
    }

    /// Open orders by the events.
    #[must_use]
    pub fn open_orders(&self) -> usize {
        self.orders.count()
    }

    fn check_order(&mut self, input: &Stamped) -> Result<(), Finding> {
        let last = self.last.replace((input.seq, input.at));
        let follows = match last {
            Some((seq, at)) => input.seq == seq.next() && at <= input.at,
            None => input.seq == Seq(1),
        };
        let last = last.map(|(seq, _)| seq);
        if follows { Ok(()) } else { Err(Finding::OutOfOrder { last, found: input.seq }) }
    }

    #[expect(clippy::too_many_lines, reason = "a line for each variant, and no decision")]
    fn read_command(&mut self, input: &Stamped, sheet: &mut Sheet) {
        match &input.command {
            Command::OpenVenue(terms) => {
                let first = terms.variation_from.max(input.at);
                self.variation = Some((first, terms.variation_every));
            }
            Command::Deposit { account, amount } => {
                self.money.deposit(*amount);
                sheet.stated.gain(*account, *amount);
                sheet.stated.house(-*amount);
            }
            Command::Withdraw { account, amount } => {
                self.money.deposit(-*amount);
                sheet.stated.gain(*account, -*amount);
                sheet.stated.house(*amount);
            }
            // From one bucket of the house to another.
            Command::FundHouse { amount, .. } => self.money.deposit(*amount),
            Command::Tick => {
                sheet.is_tick = true;
                if self.marks_due.is_some_and(|due| due <= input.at) {
                    sheet.is_to_refresh = true;
                }
                if let Some((due, every)) = self.variation.filter(|(due, _)| *due <= input.at) {
                    sheet.varied.extend(self.prices.trading());
                    sheet.is_to_refresh = true;
                    sheet.cycle_due = Some(due);
                    let missed = input.at.since(due).nanos() / every.nanos().max(1);
                    let next = due + NanosSpan::new(every.nanos() * (missed + 1));
                    self.variation = Some((next, every));
                }
            }
            Command::ListInstrument(_)
            | Command::OpenAccount { .. }
            | Command::Batch { .. }
            | Command::OpenAuction { .. }
            | Command::PlaceOrder(_)
            | Command::AmendOrder(_)
            | Command::CancelOrder { .. }
            | Command::CancelAll { .. }
            | Command::PublishIndex(_)
            | Command::DisputeFixing { .. }
            | Command::RuleOnFixing { .. }
            | Command::NominateAgent { .. }
            | Command::VoidChallenges
            | Command::IssueChallenge { .. }
            | Command::SubmitReceipt { .. }
            | Command::DrawRows { .. }
            | Command::SubmitVerdict { .. }
            | Command::InstructExercise { .. }
            | Command::SetDefaultTerms(_)
            | Command::ContributeDefaultFund { .. }
            | Command::WithdrawDefaultFund { .. }
            | Command::RegisterBackstop { .. }
            | Command::BidBackstop { .. }
            | Command::RegisterTradingKey { .. }
            | Command::SubmitAgreement { .. }
            | Command::PublishCurve { .. }
            | Command::PublishRisk { .. }
            | Command::RegisterCapacity { .. }
            | Command::SetMarginMode { .. } => {}
            // Default funds and liquidation.
            // Physical close-out.
            Command::Nominate { .. }
            | Command::AcceptDelivery { .. }
            | Command::DeclareOutage { .. }
            | Command::JudgeBurnIn { .. }
            | Command::Substitute { .. }
            | Command::OfferStandby { .. }
            | Command::DisputeInvoice { .. } => {} // Trades agreed elsewhere.
            // Buyers' jobs.
            Command::SetJobTerms(_)
            | Command::SubmitJob { .. }
            | Command::ClaimJob { .. }
            | Command::DeclineJob { .. }
            | Command::AcceptJob { .. }
            | Command::OpenDispute { .. }
            | Command::AnswerDispute { .. }
            | Command::RuleDispute { .. }
            // Whoever is gone.
            | Command::CancelAllAfter { .. }
            | Command::SetCancelOnDisconnect { .. }
            | Command::EndSession { .. }
            | Command::EndSessions
            // What operators stop.
            | Command::SetTradingState { .. }
            | Command::KillAccount { .. }
            | Command::ReviveAccount { .. }
            // Quotes.
            | Command::Quoting(_) => {}
        }
    }

    #[expect(clippy::too_many_lines, reason = "a line for each variant, and no decision")]
    fn read_event(&mut self, event: &Event, now: Nanos, sheet: &mut Sheet) -> Result<(), Finding> {
        match event {
            Event::Rejected(_) | Event::VenueOpened => Ok(()),
            Event::InstrumentListed(terms) => {
                self.prices.list(terms, now);
                self.next_id("series", terms.id.0)
            }
            Event::AccountOpened { account, .. } => self.next_id("account", account.0),
            Event::MoneyMoved(transfer) => {
                sheet.check_no_cycle()?;
                self.money.transfer(transfer, &mut sheet.stated);
                sheet.transfers.push(*transfer);
                Ok(())
            }
            Event::OrderAccepted(_)
            | Event::OrderAmended { .. }
            | Event::OrderCancelled { .. }
            | Event::OrderTriggered { .. }
            | Event::AuctionOpened { .. }
            | Event::AuctionEnded { .. }
            | Event::DepthChanged { .. } => self.read_order(event, sheet),
            Event::BatchItemDone { .. }
            | Event::Control(_)
            | Event::AuctionExtended { .. }
            | Event::IndicativePrice { .. } => Ok(()),
            Event::Traded(traded) => self.read_trade(traded, now, sheet),
            Event::IndexPublished(print) => self.prices.print(print),
            Event::MarkChanged { instrument, mark } => self.read_mark(*instrument, *mark, sheet),
            Event::SettlementPriceFixed { instrument, price, source } => {
                self.read_settlement_price(*instrument, (*price, source), now, sheet)
            }
            Event::VariationPaid { .. }
            | Event::SeriesExpired { .. }
            | Event::PositionClosed { .. } => self.read_clearing(event, sheet),
            Event::VariationEnded => self.end_cycle(sheet),
            Event::Fixing(fixing) => self.read_fixing(fixing),
            Event::CurvePublished(point) => {
                sheet.is_stirred = true;
                self.prices.curve(point, now);
                Ok(())
            }
            Event::ObligationAssigned { .. }
            | Event::AgentNominated { .. }
            | Event::IntervalOpened { .. }
            | Event::ChallengeIssued { .. }
            | Event::ReceiptAccepted { .. }
            | Event::RowsDrawn { .. }
            | Event::VerdictRecorded { .. }
            | Event::ChallengeEnded { .. }
            | Event::IntervalSettled(_)
            | Event::ObligationClosed { .. }
            | Event::BuyerDefaulted { .. } => self.read_delivery(event, now, sheet),
            // Ledger.
            // Margin and risk arrays.
            Event::RiskPublished(_)
            | Event::CapacityRegistered { .. }
            | Event::MarginModeChanged { .. } => {
                self.margins.read(event);
                Ok(())
            }
            Event::MarginScaled { instrument, scale } => {
                let open = self.positions.open_interest(*instrument);
                let (terms, _) = self.prices.terms(*instrument)?;
                self.margins.scale(&terms, i128::from(scale.ppm()), open)
            }
            Event::LadderClimbed { instrument, step } => {
                let (terms, _) = self.prices.terms(*instrument)?;
                self.margins.climb(&terms, *step, now)
            }
            // Marks and settlement prices.
            // Options, cascades and cash futures.
            Event::ExerciseInstructed { .. } => Ok(()),
            Event::OptionExercised { .. } => self.read_exercise(event),
            Event::SeriesCascaded { instrument, lot_value, into } => {
                self.read_cascade(*instrument, *lot_value, into)
            }
            Event::DaySettled { .. } => self.read_day(event, sheet),
            Event::SeriesSettled { .. } => self.read_settled(event, sheet),
            // Default funds and liquidation.
            Event::Default(event) => self.read_default(event, sheet),
            // Physical close-out.
            Event::CloseOut(event) => self.read_close_out(event, now, sheet),
            // Trades agreed elsewhere.
            Event::TradingKeyRegistered { .. }
            | Event::AgreementTaken(_)
            | Event::BlockTraded(_) => self.read_agreement(event, now, sheet),
            // Buyers' jobs.
            Event::Job(event) => self.read_job(event, sheet),
            // Whoever is gone.
            Event::OrderResent { .. }
            | Event::CancelAllAfterSet { .. }
            | Event::CancelOnDisconnectSet { .. } => Ok(()),
            // Quotes: what they do to orders is in the orders' events.
            Event::Quote(_) => Ok(()),
        }
    }

    fn read_mark(
        &mut self,
        instrument: InstrumentId,
        mark: Price,
        sheet: &mut Sheet,
    ) -> Result<(), Finding> {
        let premium = self.prices.premium(instrument);
        if premium.as_ref().or(sheet.expected.get(&instrument)) != Some(&mark) {
            sheet.odd_marks.insert(instrument, mark);
        }
        self.prices.mark(instrument, mark);
        Ok(())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the exhaustive match is in `read_event`")]
    fn read_order(&mut self, event: &Event, sheet: &mut Sheet) -> Result<(), Finding> {
        match event {
            Event::OrderAccepted(accepted) => {
                self.later_id("order", accepted.order.0)?;
                let (terms, mark) = self.prices.terms(accepted.instrument)?;
                self.orders.accept(accepted, (&terms, mark), &mut sheet.touched);
                Ok(())
            }
            Event::OrderAmended { instrument, order, price, qty, .. } => {
                let (terms, mark) = self.prices.terms(*instrument)?;
                self.orders.amend(*order, (*price, *qty), (&terms, mark), &mut sheet.touched)
            }
            Event::OrderCancelled { order, qty, .. } => {
                self.orders.cancel(*order, *qty, &mut sheet.touched)
            }
            Event::OrderTriggered { order, .. } => self.orders.trigger(*order, &mut sheet.touched),
            Event::AuctionOpened { instrument, .. } => {
                self.orders.collect(*instrument);
                Ok(())
            }
            Event::AuctionEnded { instrument, .. } => {
                self.orders.uncrossed(*instrument, &mut sheet.touched)
            }
            other => {
                self.orders.depth_changed(other, &mut sheet.touched);
                Ok(())
            }
        }
    }

    fn read_trade(
        &mut self,
        traded: &Traded,
        now: Nanos,
        sheet: &mut Sheet,
    ) -> Result<(), Finding> {
        self.next_id("trade", traded.trade.0)?;
        let (terms, _) = self.prices.terms(traded.instrument)?;
        self.next_trade(traded.instrument, traded.trade_seq)?;
        self.orders.trade(traded, &mut sheet.touched)?;
        self.positions.trade(traded, &terms);
        self.prices.trade(traded.instrument, (traded.price, traded.qty), now);
        sheet.traded_in.insert(traded.instrument);
        let dearest = sheet.dearest.entry(traded.instrument).or_insert(traded.price);
        *dearest = (*dearest).max(traded.price);
        sheet.taken.push(traded.clone());
        let full = taker_fee(&terms, traded.price, i128::from(traded.qty.lots()));
        if let Some((buyer, seller, premium)) = premium(traded, &terms) {
            sheet.stated.gain(buyer, -premium);
            sheet.stated.gain(seller, premium);
        }
        let limits = [(&traded.maker, MicroUsd::ZERO), (&traded.taker, full)];
        for (fill, limit) in limits {
            self.read_fee(fill.account, fill.fee, limit, sheet)?;
        }
        Ok(())
    }

    /// SIM-006.
    fn read_fee(
        &mut self,
        account: AccountId,
        fee: MicroUsd,
        limit: MicroUsd,
        sheet: &mut Sheet,
    ) -> Result<(), Finding> {
        if fee < MicroUsd::ZERO || limit < fee {
            return Err(Finding::Fee { fee, limit });
        }
        if fee < limit {
            sheet.short_of_fees.insert(account, limit);
        }
        sheet.stated.gain(account, -fee);
        sheet.stated.house(fee);
        Ok(())
    }

    /// A series' trades, blocks among them, have no gaps.
    fn next_trade(&mut self, instrument: InstrumentId, found: u64) -> Result<(), Finding> {
        let last = self.trade_seqs.entry(instrument).or_default();
        if found != *last + 1 {
            return Err(Finding::IdOutOfOrder { kind: "trade of a series", last: *last, found });
        }
        *last += 1;
        Ok(())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the exhaustive match is in `read_event`")]
    fn read_clearing(&mut self, event: &Event, sheet: &mut Sheet) -> Result<(), Finding> {
        match event {
            Event::VariationPaid { instrument, account, amount } => {
                let (terms, price) = self.prices.settled(*instrument)?;
                let cycle = sheet.cycle.get_or_insert_with(|| Cycle::new(&self.positions));
                cycle.due(*account, *amount);
                self.positions.pay(&terms, price, *account, *amount)?;
                // A day is paid at the mark of its own instant, and has been checked when the next event is read.
                if sheet.day != Some(*instrument) {
                    sheet.varied.insert(*instrument);
                }
                sheet.stated.gain(*account, *amount);
                Ok(())
            }
            Event::SeriesExpired { instrument, settlement_price } => {
                let (terms, mark) = self.prices.terms(*instrument)?;
                let closing = self.closing.get(instrument).map(|(price, _)| *price);
                let ours = match terms.product {
                    Product::Option { .. } => {
                        closing.map(|price| Price::from_ticks(terms.moneyness(price).max(0)))
                    }
                    Product::Future { .. } if days::cascades(&terms) => {
                        self.lot_values.get(instrument).map(|worth| days::quoted(&terms, *worth))
                    }
                    Product::Future { .. } | Product::Cap { .. } | Product::Spread { .. } => {
                        closing
                    }
                };
                let (instrument, theirs) = (*instrument, *settlement_price);
                if ours != Some(theirs) {
                    return Err(Finding::SettlementPrice { instrument, ours, theirs });
                }
                let is_option = matches!(terms.product, Product::Option { .. });
                self.prices.mark(instrument, if is_option { mark } else { theirs });
                if days::cascades(&terms) {
                    self.prices.settle(instrument, theirs);
                }
                self.prices.stop(instrument);
                sheet.stopped.insert(instrument);
                sheet.odd_marks.remove(&instrument);
                sheet.varied.insert(instrument);
                Ok(())
            }
            Event::PositionClosed { instrument, account, net, delivered } => {
                self.positions.close(*instrument, *account, *net)?;
                sheet.ended.insert(*instrument);
                *sheet.closed.entry((*instrument, *account)).or_default() += *delivered;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the exhaustive match is in `obligation_of`"
    )]
    fn read_assignment(&mut self, event: &CloseOutEvent) -> Result<(), Finding> {
        match event {
            CloseOutEvent::Nominated { account, instrument, nomination } => {
                self.assignments.nominate(*instrument, *account, nomination);
                Ok(())
            }
            CloseOutEvent::AssignmentPublished(published) => {
                let (terms, _) = self.prices.terms(published.inputs.instrument)?;
                self.assignments.publish(published, &terms, &self.positions)
            }
            other => {
                if let Some((instrument, agreed)) = agreed(other) {
                    self.assignments.agree(instrument, agreed);
                }
                Ok(())
            }
        }
    }

    fn read_close_out(
        &mut self,
        event: &CloseOutEvent,
        now: Nanos,
        sheet: &mut Sheet,
    ) -> Result<(), Finding> {
        sheet.has_delivery = true;
        if obligation_of(event).is_none() {
            self.read_assignment(event)?;
        }
        if let CloseOutEvent::HourSettled(settled) = event {
            let here = Circumstance { now, index: self.prices.index() };
            let bought = std::mem::take(&mut sheet.bought);
            return self.deliveries.settle_hour(settled, &bought, &here, &mut sheet.stated);
        }
        if let CloseOutEvent::BoughtIn { bought, instrument, obligation, .. } = event {
            let (terms, _) = self.prices.terms(*instrument)?;
            let told = bought.iter().map(|part| (part.compute.seconds(), part.price));
            let per_lot = u64::from(terms.hours_per_lot) * 3_600;
            let taken = sheet.taken.iter().filter(|it| it.instrument == *instrument);
            let taken = taken.map(|it| (it.qty.lots() * per_lot, terms.per_hour(it.price)));
            if !told.eq(taken) {
                let what = IntervalFault::WrongHour;
                return Err(Finding::Interval { obligation: *obligation, interval: 0, what });
            }
            sheet.bought.clone_from(bought);
            sheet.taken.clear();
        }
        self.deliveries.go_on(event, now, &mut sheet.stated)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the exhaustive match is in `read_event`")]
    fn read_delivery(
        &mut self,
        event: &Event,
        now: Nanos,
        sheet: &mut Sheet,
    ) -> Result<(), Finding> {
        sheet.has_delivery = true;
        match event {
            Event::ObligationAssigned { obligation, instrument, seller, buyer, lots, .. } => {
                self.next_id("obligation", obligation.0)?;
                let (terms, _) = self.prices.terms(*instrument)?;
                for account in [*seller, *buyer] {
                    *sheet.assigned.entry((*instrument, account)).or_default() += *lots;
                }
                self.assignments.oblige(*instrument, (*seller, *buyer, *lots))?;
                self.deliveries.assign(event, &terms)
            }
            Event::AgentNominated { account, signer } => {
                self.deliveries.nominate(*account, *signer);
                Ok(())
            }
            Event::IntervalOpened { obligation, interval } => {
                self.deliveries.open(*obligation, *interval, now)
            }
            Event::ChallengeIssued { obligation, challenge, seller, answer_by, .. } => {
                self.deliveries.challenge((*obligation, *challenge), *seller, *answer_by, now)
            }
            Event::ReceiptAccepted { receipt, digest, signer, .. } => {
                self.deliveries.receive(receipt, *digest, *signer, now)
            }
            Event::RowsDrawn { obligation, challenge, .. } => {
                self.deliveries.draw(*obligation, *challenge)
            }
            Event::VerdictRecorded { obligation, challenge, verdict, .. } => {
                self.deliveries.judge((*obligation, *challenge), *verdict, now)
            }
            Event::ChallengeEnded { obligation, challenge, outcome } => {
                self.deliveries.end((*obligation, *challenge), *outcome, now)
            }
            Event::IntervalSettled(settled) => {
                let here = Circumstance { now, index: self.prices.index() };
                self.deliveries.settle(settled, &here, &mut sheet.stated)
            }
            Event::ObligationClosed { .. } => self.deliveries.close(event),
            Event::BuyerDefaulted { obligation, paid } => {
                self.deliveries.buyer_defaulted(*obligation, *paid, &mut sheet.stated)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scenario, run_with_journal};

    /// SIM-012: the holds are derived from orders and positions; here the auditor is made to believe in money that is not held.
    #[test]
    fn sim_012_a_hold_that_is_not_what_is_required_is_seen() {
        let (report, journal) = run_with_journal(&Scenario::standard(3, 1));
        assert!(report.is_sound(), "{report}");
        let (mut exchange, mut auditor, mut events) = (Exchange::new(), Auditor::new(), Vec::new());
        let mut tried = 0;
        for stamped in journal {
            events.clear();
            exchange.apply(&stamped, &mut events);
            auditor.observe(&stamped, &events).unwrap();
            let held = auditor.money.balances().find(|(bucket, _)| {
                matches!(bucket, Bucket::OrderHold(_) | Bucket::PositionMargin(_))
            });
            let Some((bucket, _)) = held.filter(|_| stamped.seq.0 % 97 == 0) else { continue };
            assert_eq!(auditor.check_holds(), Ok(()));
            let mut believer = auditor.clone();
            let cash = Bucket::Cash(bucket.account().unwrap());
            let amount = MicroUsd::new(1);
            let id = settlement::TransferId(0);
            let transfer = Transfer {
                id,
                chain: id,
                reason: Reason::Unstated,
                from: bucket,
                to: cash,
                amount,
            };
            believer.money.transfer(&transfer, &mut Stated::default());
            assert!(matches!(believer.check_holds(), Err(Finding::Hold { .. })));
            tried += 1;
        }
        assert!(5 < tried, "{tried}");
    }
}
