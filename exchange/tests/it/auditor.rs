//! An independent auditor: knows only what the events say, adds it up in plain integers, and must agree with the exchange.
//!
//! It shares no arithmetic with the crates it watches.

mod compare;
mod duties;
mod jobs;
mod losses;

use std::collections::{BTreeMap, BTreeSet};

use exchange::{
    Agreement, BlockTraded, CloseOutEvent, DefaultEvent, Event, Exchange, FixingEvent, HourSettled,
    Impact, IntervalSettled, OrderAccepted, SettlementSource, SplitPurpose, Stamped, Traded,
};
use instruments::{
    AccountId, GradeId, Instrument, InstrumentId, JobId, MicroUsd, Nanos, ObligationId, OrderId,
    Period, Price, Product, Right, Side, Style,
};
use matching_engine::OrderKind;
use settlement::{Bucket, HoldKey, Invoice, Reason, Transfer, TransferId};

use losses::bear;

#[derive(Default)]
struct Holding {
    lots: i128,
    /// What was paid for the lots since they were last marked.
    cost: i128,
}

struct Order {
    account: AccountId,
    instrument: InstrumentId,
    side: Side,
    limit: Price,
    qty: u64,
    filled: u64,
    display: bool,
    ceiling: Option<Price>,
    waits: bool,
    reduce_only: bool,
    reserve_per_lot: i128,
}

struct Duty {
    seller: AccountId,
    buyer: AccountId,
    escrow: i128,
    bond: i128,
    /// Whether each interval that has begun has ended.
    intervals: Vec<bool>,
    /// Challenges that have not ended.
    open_challenges: BTreeSet<u32>,
    outcomes: [u32; 3],
    paid: i128,
    /// To whoever delivered.
    paid_to_all: i128,
    returned: i128,
    damages: i128,
    invoiced: [i128; 3],
    invoices: u32,
    is_closed: bool,
}

/// What the events add up to.
#[derive(Default)]
pub(crate) struct Auditor {
    balances: BTreeMap<Bucket, i128>,
    last_transfer: TransferId,
    last_chain: TransferId,
    terms: BTreeMap<InstrumentId, Instrument>,
    marks: BTreeMap<InstrumentId, Price>,
    /// What variation settles at.
    settled: BTreeMap<InstrumentId, Price>,
    holdings: BTreeMap<(InstrumentId, AccountId), Holding>,
    orders: BTreeMap<OrderId, Order>,
    depth: BTreeMap<(InstrumentId, Side, Price), u64>,
    duties: BTreeMap<ObligationId, Duty>,
    /// Every accepted order, in the order of acceptance.
    pub accepted: Vec<OrderId>,
    /// What backs claims against fixings.
    claims: BTreeMap<(InstrumentId, AccountId), i128>,
    jobs: BTreeMap<JobId, jobs::Task>,
    last_trade: u64,
    trade_seqs: BTreeMap<InstrumentId, u64>,
    fees: i128,
    /// Prints of every grade: when they were observed, and their value.
    prints: BTreeMap<GradeId, Vec<(i128, Option<i128>)>>,
    /// Of what settles against the index: all hours of a lot, their values so far, how many had one.
    hours: BTreeMap<InstrumentId, (i128, i128, i128)>,
    pub days: u64,
    agreements: BTreeSet<(Nanos, AccountId, u64)>,
    pub trades: u64,
    pub ended: u64,
}

fn micros(money: MicroUsd) -> i128 {
    i128::from(money.micros())
}

impl Auditor {
    /// Adds up one command's events.
    #[track_caller]
    pub(crate) fn watch(&mut self, input: &Stamped, events: &[Event]) {
        // A chain does not go on in the next command.
        self.last_chain = TransferId::default();
        let mut due: BTreeMap<InstrumentId, i128> = BTreeMap::new();
        let mut through_suspense: BTreeMap<AccountId, i128> = BTreeMap::new();
        let mut uncovered = 0;
        let mut at_risk: BTreeSet<AccountId> =
            self.holdings.keys().map(|(_, account)| *account).collect();
        for event in events {
            match event {
                Event::MoneyMoved(transfer) => {
                    self.money_moved(transfer);
                    if transfer.to == Bucket::Suspense
                        && let Some(account) = transfer.from.account()
                    {
                        *through_suspense.entry(account).or_default() -= micros(transfer.amount);
                    }
                    if transfer.from == Bucket::Suspense {
                        let account = transfer.to.account().unwrap();
                        *through_suspense.entry(account).or_default() += micros(transfer.amount);
                    }
                }
                Event::VariationPaid { instrument, account, amount } => {
                    let owed = micros(*amount);
                    self.marked(*instrument, *account, owed);
                    *due.entry(*instrument).or_default() += owed;
                    *through_suspense.entry(*account).or_default() -= owed;
                }
                Event::Default(
                    told @ (DefaultEvent::DefaultResolved(_)
                    | DefaultEvent::LossSplit { .. }
                    | DefaultEvent::LossCovered { .. }),
                ) => bear(told, &at_risk, &mut uncovered, &mut through_suspense),
                Event::Traded(trade) => {
                    at_risk.extend([trade.maker.account, trade.taker.account]);
                    self.event(input, event);
                }
                Event::Default(DefaultEvent::PositionMoved { to, .. }) => {
                    at_risk.insert(*to);
                    self.event(input, event);
                }
                Event::OptionExercised { account, .. } => {
                    at_risk.insert(*account);
                    self.event(input, event);
                }
                _ => self.event(input, event),
            }
        }
        assert!(due.values().all(|sum| *sum == 0), "variation sums to zero: {due:?}");
        // Beyond the ledger's range a due is told as the most that the ledger can hold.
        let is_saturated = events.iter().any(|event| match event {
            Event::VariationPaid { amount, .. } => amount.micros().abs() == i64::MAX,
            Event::Default(DefaultEvent::DefaultResolved(part)) => part.lost.micros() == i64::MAX,
            _ => false,
        });
        let moved_otherwise = through_suspense.values().any(|rest| *rest != 0);
        assert!(
            is_saturated || !moved_otherwise,
            "variation is the money that moved: {through_suspense:?}"
        );
    }

    #[track_caller]
    #[expect(clippy::too_many_lines, reason = "a line for each event, and no decision")]
    fn event(&mut self, input: &Stamped, event: &Event) {
        match event {
            Event::InstrumentListed(terms) => {
                self.marks.insert(terms.id, terms.reference);
                self.terms.insert(terms.id, (**terms).clone());
            }
            Event::MarkChanged { instrument, mark } => {
                let before = self.marks.insert(*instrument, *mark);
                assert_ne!(before, Some(*mark), "a mark that did not change");
            }
            Event::Default(DefaultEvent::MarkedOut) => self.settled.extend(self.marks.clone()),
            Event::SettlementPriceFixed { instrument, price, source } => {
                self.fixed(*instrument, *price, source);
            }
            Event::Fixing(fixing) => match *fixing {
                FixingEvent::Opened { .. } | FixingEvent::Finalised { .. } => {}
                FixingEvent::Disputed { instrument, account, bond, .. } => {
                    let before = self.claims.insert((instrument, account), micros(bond));
                    assert_eq!(before, None, "one claim of an account");
                }
                FixingEvent::Ruled { instrument, account, .. }
                | FixingEvent::Lapsed { instrument, account } => {
                    self.claims.remove(&(instrument, account)).expect("a claim");
                }
                FixingEvent::Revised { instrument, price } => {
                    assert_eq!(self.marks[&instrument], price);
                    self.settled.insert(instrument, price);
                }
            },
            Event::Control(_) => {}
            Event::OrderAccepted(order) => self.accepted(order),
            Event::OrderAmended { order, price, qty, .. } => {
                self.amended(*order, *price, qty.lots());
            }
            Event::OrderTriggered { account, order, .. } => {
                let order = self.orders.get_mut(order).expect("an open order fires");
                assert!(order.waits && order.account == *account);
                order.waits = false;
            }
            Event::OrderCancelled { account, order, qty, .. } => {
                let gone = self.orders.remove(order).expect("an open order is cancelled");
                assert_eq!((gone.account, gone.qty - gone.filled), (*account, qty.lots()));
            }
            Event::Traded(trade) => self.traded(trade),
            Event::DepthChanged { instrument, side, price, open } => {
                let level = (*instrument, *side, *price);
                match open.lots() {
                    0 => self.depth.remove(&level),
                    lots => self.depth.insert(level, lots),
                };
            }
            Event::PositionClosed { instrument, account, net, delivered } => {
                let held = self.holdings.remove(&(*instrument, *account)).expect("a holding");
                assert_eq!(held.lots, i128::from(net.lots()), "a position ends as it was");
                assert!(i128::from(delivered.lots()) <= held.lots.abs());
            }
            Event::SeriesExpired { instrument, settlement_price } => {
                let is_premium_style = self.is_premium_style(*instrument);
                assert!(is_premium_style || self.marks[instrument] == *settlement_price);
                // A parent settles at what it becomes, which the cascade names.
                if self.becomes_shorter(*instrument) {
                    self.settled.insert(*instrument, *settlement_price);
                }
                assert!(self.terms[instrument].schedule.last_trade_at <= input.at);
            }
            Event::OptionExercised { .. } => self.exercised(event),
            Event::Default(DefaultEvent::PositionMoved {
                instrument,
                from,
                to,
                net,
                price,
                ..
            }) => {
                assert_eq!(self.marks[instrument], *price, "lots change hands at the mark");
                assert_ne!(from, to);
                let lots = i128::from(net.lots());
                for (account, lots) in [(*from, -lots), (*to, lots)] {
                    self.moved(*instrument, account, lots, *price);
                }
            }
            Event::SeriesCascaded { instrument, lot_value, into } => {
                self.cascaded(*instrument, *lot_value, into);
            }
            Event::DaySettled { .. } => self.day_settled(event),
            Event::SeriesSettled { instrument, mean, coverage, .. } => {
                let (hours, sum, valued) = self.hours[instrument];
                assert_eq!(self.terms[instrument].hours_per_lot, 0);
                let error = micros(*mean) * hours - sum;
                assert!(2 * error.abs() <= hours, "the mean of the hours");
                assert_eq!(i128::from(coverage.ppm()), valued * 1_000_000 / hours);
            }
            // What the curve says moves a mark as any basis does.
            Event::CurvePublished(_) => {}
            Event::IndexPublished(print) => {
                let value = print.value.map(micros);
                let prints = self.prints.entry(print.grade.clone()).or_default();
                prints.push((i128::from(print.observed_at.nanos()), value));
            }
            _ => self.delivery_event(input, event),
        }
    }

    /// As many lots of every child, each at its share of the parent's worth by hours; what the quoted price was off is with the first.
    #[track_caller]
    fn cascaded(&mut self, parent: InstrumentId, lot_value: i128, into: &[InstrumentId]) {
        let hours: Vec<i128> =
            into.iter().map(|id| i128::from(self.terms[id].hours_per_lot)).collect();
        let whole: i128 = hours.iter().sum();
        assert_eq!(whole, i128::from(self.terms[&parent].hours_per_lot), "every hour");
        let held: Vec<(AccountId, i128, i128)> = self
            .holdings
            .iter()
            .filter(|((instrument, _), held)| *instrument == parent && held.lots != 0)
            .map(|((_, account), held)| (*account, held.lots, held.cost))
            .collect();
        assert_eq!(held.iter().map(|(_, lots, _)| lots).sum::<i128>(), 0);
        for (account, lots, cost) in held {
            let mut left = cost;
            for (place, id) in into.iter().enumerate().rev() {
                let until =
                    |end: usize| (lot_value * hours[..end].iter().sum::<i128>()).div_euclid(whole);
                let share = lots * (until(place + 1) - until(place));
                let holding = self.holdings.entry((*id, account)).or_default();
                holding.lots += lots;
                holding.cost += if place == 0 { left } else { share };
                left -= share;
            }
        }
    }

    /// Every lot has a day less, and has been given what the day's hours brought: by the newest print of each hour, or of one before.
    #[track_caller]
    fn day_settled(&mut self, event: &Event) {
        let Event::DaySettled { instrument, day, per_lot, valued, hours_left } = event else {
            return;
        };
        let terms = self.terms.get_mut(instrument).expect("a series");
        let days_left = i128::from(terms.schedule.intervals - day);
        let hours = i128::from(terms.hours_per_lot) / days_left;
        terms.hours_per_lot -= u32::try_from(hours).unwrap();
        assert_eq!(terms.hours_per_lot, *hours_left);
        let terms = terms.clone();
        let from = i128::from(terms.schedule.deliver_from.nanos());
        let window = i128::from(terms.schedule.deliver_until.nanos()) - from;
        let all = hours * i128::from(terms.schedule.intervals);
        let hour_of = |at: i128| ((at - from) * all).div_euclid(window);
        let prints = self.prints.get(&terms.grade).cloned().unwrap_or_default();
        let newest = |hour: i128| {
            prints.iter().rev().find(|(at, _)| hour_of(*at) == hour).and_then(|(_, value)| *value)
        };
        let tick = micros(terms.tick_size);
        let fallback = terms.strike().unwrap_or(self.marks[instrument]);
        let (mut brought, mut own, mut sum) = (0, 0, 0);
        for hour in i128::from(*day) * hours..(i128::from(*day) + 1) * hours {
            let found = (0..=72).find_map(|back| newest(hour - back));
            own += i128::from(newest(hour).is_some());
            let value = found.unwrap_or(i128::from(fallback.ticks()) * tick);
            sum += value;
            brought += match terms.product {
                Product::Cap { strike } => (value - i128::from(strike.ticks()) * tick).max(0),
                _ => value,
            };
        }
        assert_eq!((brought, own), (micros(*per_lot), i128::from(*valued)), "{instrument} {day}");
        let settled = self.hours.entry(*instrument).or_default();
        *settled = (all, settled.1 + sum, settled.2 + own);
        for ((of, _), held) in &mut self.holdings {
            if of == instrument {
                held.cost -= held.lots * brought;
            }
        }
        // What a day gained is paid at the mark.
        self.settled.insert(*instrument, self.marks[instrument]);
        self.days += 1;
    }

    fn becomes_shorter(&self, instrument: InstrumentId) -> bool {
        matches!(
            self.terms[&instrument].product,
            Product::Future { style: Style::Physical, period: Period::Quarter | Period::Year }
        )
    }

    fn moved(&mut self, instrument: InstrumentId, account: AccountId, lots: i128, price: Price) {
        let cost =
            if self.is_premium_style(instrument) { 0 } else { self.value(instrument, price, lots) };
        let holding = self.holdings.entry((instrument, account)).or_default();
        holding.lots += lots;
        holding.cost += cost;
        if (holding.lots, holding.cost) == (0, 0) {
            self.holdings.remove(&(instrument, account));
        }
    }

    /// Lots of an option become lots of its future at the future's price; what the strike is better is due with the option.
    #[track_caller]
    fn exercised(&mut self, event: &Event) {
        let Event::OptionExercised {
            instrument,
            account,
            exercised,
            underlying,
            booked,
            underlying_price,
        } = event
        else {
            return;
        };
        let Product::Option { underlying: future, strike, right } = self.terms[instrument].product
        else {
            panic!("an option is exercised")
        };
        assert_eq!(future, *underlying);
        let sign = if right == Right::Call { 1 } else { -1 };
        let lots = i128::from(exercised.lots());
        assert_eq!(i128::from(booked.lots()), sign * lots);
        let price = *underlying_price;
        let at_price = self.value(future, price, sign * lots);
        let gain = at_price - self.value(future, strike, sign * lots);
        let option = self.holdings.get_mut(&(*instrument, *account)).expect("a holding");
        assert!(lots.abs() <= option.lots.abs() && 0 < lots * option.lots, "what is held");
        option.cost -= gain;
        let holding = self.holdings.entry((future, *account)).or_default();
        holding.lots += sign * lots;
        holding.cost += at_price;
    }

    #[track_caller]
    #[expect(clippy::too_many_lines, reason = "a line for each variant, and no decision")]
    fn delivery_event(&mut self, input: &Stamped, event: &Event) {
        match event {
            Event::ObligationAssigned { obligation, seller, buyer, escrow, bond, .. } => {
                let duty = Duty {
                    seller: *seller,
                    buyer: *buyer,
                    escrow: micros(*escrow),
                    bond: micros(*bond),
                    intervals: Vec::new(),
                    open_challenges: BTreeSet::new(),
                    outcomes: [0; 3],
                    paid: 0,
                    paid_to_all: 0,
                    returned: 0,
                    damages: 0,
                    invoiced: [0; 3],
                    invoices: 0,
                    is_closed: false,
                };
                assert_ne!(seller, buyer);
                assert!(self.duties.insert(*obligation, duty).is_none());
                assert_eq!(obligation.0, u64::try_from(self.duties.len()).unwrap());
            }
            Event::BuyerDefaulted { obligation, .. } => {
                let duty = self.duty(*obligation);
                assert_eq!((duty.escrow, duty.bond), (0, 0));
                duty.is_closed = true;
            }
            Event::IntervalOpened { obligation, interval } => {
                let duty = self.duty(*obligation);
                assert_eq!(duty.intervals.len(), usize::try_from(*interval).unwrap());
                duty.intervals.push(false);
            }
            Event::ChallengeIssued { obligation, challenge, answer_by, .. } => {
                assert!(input.at <= *answer_by);
                let duty = self.duty(*obligation);
                let is_new = duty.open_challenges.insert(*challenge);
                assert!(is_new && duty.open_challenges.len() <= 4);
            }
            Event::ReceiptAccepted { receipt, .. } => {
                self.asked(receipt.obligation, receipt.challenge);
            }
            Event::RowsDrawn { obligation, challenge, .. }
            | Event::VerdictRecorded { obligation, challenge, .. } => {
                self.asked(*obligation, *challenge);
            }
            Event::ChallengeEnded { obligation, challenge, .. } => {
                assert!(self.asked(*obligation, *challenge).open_challenges.remove(challenge));
            }
            Event::IntervalSettled(settled) => self.settled(settled),
            Event::ObligationClosed { .. } => self.closed(event),
            Event::Default(_) => {}
            Event::Rejected(_)
            | Event::VenueOpened
            | Event::VariationEnded
            | Event::AccountOpened { .. }
            | Event::AuctionOpened { .. }
            | Event::AuctionExtended { .. }
            | Event::AuctionEnded { .. }
            | Event::IndicativePrice { .. }
            | Event::BatchItemDone { .. }
            | Event::ExerciseInstructed { .. }
            | Event::RiskPublished(_)
            | Event::CapacityRegistered { .. }
            | Event::MarginModeChanged { .. }
            | Event::MarginScaled { .. }
            | Event::LadderClimbed { .. }
            | Event::AgentNominated { .. }
            // Whoever is gone.
            | Event::OrderResent { .. }
            | Event::CancelAllAfterSet { .. }
            | Event::CancelOnDisconnectSet { .. } => {}
            // Physical close-out.
            Event::CloseOut(event) => self.close_out_event(event),
            // Trades agreed elsewhere.
            Event::TradingKeyRegistered { .. } => {}
            Event::AgreementTaken(signed) => self.agreed(input, &signed.agreement),
            Event::BlockTraded(block) => self.block_traded(block),
            // Buyers' jobs.
            Event::Job(event) => self.job_event(input, event),
            // Quotes: what they do to orders is in the orders' events.
            Event::Quote(_) => {}
            // Trades agreed elsewhere.
            other => panic!("an event that nobody audits: {other:?}"),
        }
    }

    #[track_caller]
    fn close_out_event(&mut self, event: &CloseOutEvent) {
        match event {
            CloseOutEvent::Nominated { .. }
            | CloseOutEvent::MatchReported { .. }
            | CloseOutEvent::StandbyOffered { .. }
            | CloseOutEvent::BoughtIn { .. } => {}
            CloseOutEvent::AssignmentPublished(published) => {
                let again = published.inputs.assign();
                assert_eq!(again, published.assigned, "what was published can be made again");
                let nets: i128 =
                    published.inputs.holders.iter().map(|it| i128::from(it.net.lots())).sum();
                assert_eq!(nets, 0, "positions sum to zero");
            }
            CloseOutEvent::AcceptanceOpened { obligation }
            | CloseOutEvent::DeliveryAccepted { obligation, .. }
            | CloseOutEvent::BurnInJudged { obligation, .. }
            | CloseOutEvent::AcceptanceEnded { obligation, .. }
            | CloseOutEvent::OutageDeclared { obligation, .. }
            | CloseOutEvent::FailureWeighed { obligation, .. }
            | CloseOutEvent::OutageBegan { obligation, .. }
            | CloseOutEvent::Substituted { obligation, .. }
            | CloseOutEvent::StandbyDismissed { obligation, .. }
            | CloseOutEvent::InvoiceDisputed { obligation, .. } => {
                self.duty(*obligation);
            }
            CloseOutEvent::StandbyCalled { obligation, provider, from, until } => {
                let duty = self.duty(*obligation);
                assert!(from < until && *provider != duty.seller && *provider != duty.buyer);
            }
            CloseOutEvent::HourSettled(hour) => self.hour_settled(hour),
            CloseOutEvent::Prefunded { obligation, amount, .. } => {
                self.duty(*obligation).escrow += micros(*amount);
            }
            CloseOutEvent::PrefundingEnded { obligation, given_up, paid, .. } => {
                let tenth = (micros(*given_up) + 9) / 10;
                assert!(micros(*paid) <= tenth, "a tenth at most");
                self.duty(*obligation);
            }
            CloseOutEvent::StandbyPaid { amount, .. } => self.fees -= micros(*amount),
            CloseOutEvent::Invoiced(invoice) => self.invoiced(invoice),
        }
    }

    #[track_caller]
    fn duty(&mut self, obligation: ObligationId) -> &mut Duty {
        let duty = self.duties.get_mut(&obligation).expect("an obligation that was assigned");
        assert!(!duty.is_closed, "{obligation} is closed");
        duty
    }

    /// The duty, one challenge of which has not ended.
    #[track_caller]
    fn asked(&mut self, obligation: ObligationId, challenge: u32) -> &mut Duty {
        let duty = self.duty(obligation);
        assert!(duty.open_challenges.contains(&challenge), "{obligation}/{challenge} is open");
        duty
    }

    /// The duty, one interval of which has begun and not ended.
    #[track_caller]
    fn under_way(&mut self, obligation: ObligationId, interval: u32) -> &mut Duty {
        let duty = self.duty(obligation);
        let has_ended = duty.intervals[usize::try_from(interval).unwrap()];
        assert!(!has_ended, "interval {interval} of {obligation} has ended");
        duty
    }

    #[track_caller]
    fn money_moved(&mut self, transfer: &Transfer) {
        let Transfer { id, chain, reason, .. } = *transfer;
        assert_eq!(id.0, self.last_transfer.0 + 1, "transfer ids without gaps");
        assert!(chain == id || chain == self.last_chain, "out of its chain: {transfer:?}");
        assert_ne!(reason, Reason::Unstated, "nobody said what it is for: {transfer:?}");
        (self.last_transfer, self.last_chain) = (id, chain);
        assert!(MicroUsd::ZERO < transfer.amount, "money that did not move: {transfer:?}");
        *self.balances.entry(transfer.from).or_default() -= micros(transfer.amount);
        *self.balances.entry(transfer.to).or_default() += micros(transfer.amount);
        let from = self.balances[&transfer.from];
        assert!(0 <= from || transfer.from == Bucket::Custody, "overdrawn: {transfer:?}");
    }

    fn value(&self, instrument: InstrumentId, price: Price, lots: i128) -> i128 {
        let terms = &self.terms[&instrument];
        let tick_value = micros(terms.tick_size) * i128::from(terms.hours_per_lot);
        i128::from(price.ticks()) * tick_value * lots
    }

    /// What a trade costs its taker: five basis points, of the worth at the strike and at most an eighth of the premium where one is paid.
    fn fee(&self, instrument: InstrumentId, price: Price, lots: i128) -> i128 {
        let rate = |worth: i128| (worth * 500 + 999_999).div_euclid(1_000_000);
        match self.terms[&instrument].strike() {
            Some(strike) => {
                let premium = self.value(instrument, price, lots);
                rate(self.value(instrument, strike, lots)).min(premium.div_euclid(8))
            }
            None => rate(self.value(instrument, price, lots)),
        }
    }

    fn is_premium_style(&self, instrument: InstrumentId) -> bool {
        self.terms[&instrument].is_premium_style()
    }

    fn reserve(&self, order: &Order, limit: Price) -> i128 {
        let worst = order.ceiling.unwrap_or(limit);
        let at = |price: Price| self.value(order.instrument, price, 1);
        if self.is_premium_style(order.instrument) {
            let mark = self.marks[&order.instrument];
            return match order.side {
                Side::Buy => at(worst) + self.fee(order.instrument, worst, 1),
                Side::Sell => {
                    let fee = self.fee(order.instrument, limit.max(worst).max(mark), 1);
                    fee + (at(mark) - at(worst)).max(0)
                }
            };
        }
        let at_mark = at(self.marks[&order.instrument]);
        let loss = match order.side {
            Side::Buy => at(worst) - at_mark,
            Side::Sell => at_mark - at(worst),
        };
        let dearest = at(limit).max(at(worst)).max(at_mark);
        loss.max(0) + (dearest * 500 + 999_999).div_euclid(1_000_000)
    }

    #[track_caller]
    fn accepted(&mut self, order: &OrderAccepted) {
        assert!(self.accepted.last() < Some(&order.order), "order ids ascend");
        self.accepted.push(order.order);
        let entry = Order {
            account: order.account,
            instrument: order.instrument,
            side: order.side,
            limit: order.limit,
            qty: order.qty.lots(),
            filled: 0,
            display: order.display.is_some(),
            ceiling: order.ceiling.filter(|_| order.kind != OrderKind::Market),
            waits: order.trigger.is_some(),
            reduce_only: order.reduce_only,
            reserve_per_lot: 0,
        };
        let reserve_per_lot = self.reserve(&entry, order.limit);
        let entry = Order { reserve_per_lot, ..entry };
        self.orders.insert(order.order, entry);
    }

    #[track_caller]
    fn amended(&mut self, order: OrderId, price: Price, qty: u64) {
        let entry = &self.orders[&order];
        let is_better = match entry.side {
            Side::Buy => price < entry.limit,
            Side::Sell => entry.limit < price,
        };
        let moves = entry.limit != price && (entry.ceiling.is_none() || is_better);
        let is_new = moves || entry.qty < qty;
        let reserve = self.reserve(entry, price);
        let entry = self.orders.get_mut(&order).unwrap();
        if is_new {
            entry.reserve_per_lot = reserve;
        }
        entry.limit = price;
        entry.qty = qty;
        assert!(entry.filled < entry.qty, "an amend leaves something open");
    }

    /// A settlement price is what its source gives.
    #[track_caller]
    fn fixed(&mut self, instrument: InstrumentId, price: Price, source: &SettlementSource) {
        let ticks = i128::from(price.ticks());
        let tick = micros(self.terms[&instrument].tick_size);
        match source {
            SettlementSource::Trades { trades, lots, value } => {
                let (lots, twice) = (i128::from(*lots), 2 * (ticks * i128::from(*lots) - value));
                assert!(5 <= *trades && 10 <= lots && twice.abs() <= lots, "{source:?} at {ticks}");
            }
            SettlementSource::Book(Impact { bids, asks }) => {
                let (bid, ask) = (i128::from(bids.lots), i128::from(asks.lots));
                let rest = bids.value * ask + asks.value * bid - 2 * bid * ask * ticks;
                assert!((0..2 * bid * ask).contains(&rest), "{source:?} at {ticks}");
            }
            SettlementSource::Mark => assert_eq!(price, self.marks[&instrument]),
            SettlementSource::Index { values, .. } => {
                assert_eq!(values.len(), 48);
                let mut filled: Vec<i128> = Vec::new();
                let first = micros(values.iter().flatten().next().copied().unwrap());
                for value in values {
                    filled.push(value.map_or(*filled.last().unwrap_or(&first), micros));
                }
                filled.sort_unstable();
                let sum: i128 = filled[4..44].iter().sum();
                // Rounded twice: to a micro-dollar and to a tick.
                let off = 2 * (ticks * tick * 40 - sum);
                let is_clamped = ticks == 1 || price == Instrument::PRICE_MAX;
                assert!(off.abs() <= 40 * (tick + 1) || is_clamped, "{source:?} at {ticks}");
                assert!(values.iter().flatten().count() >= 29, "60 % of the day is there");
            }
        }
        self.settled.insert(instrument, price);
    }

    #[track_caller]
    fn traded(&mut self, trade: &Traded) {
        self.trades += 1;
        self.last_trade += 1;
        assert_eq!(trade.trade.0, self.last_trade, "trade ids without gaps");
        let seq = self.trade_seqs.entry(trade.instrument).or_default();
        *seq += 1;
        assert_eq!(trade.trade_seq, *seq, "a series' trades without gaps");
        assert_eq!(trade.mark, self.marks[&trade.instrument]);
        let lots = i128::from(trade.qty.lots());
        let sides = [(&trade.taker, trade.taker_side), (&trade.maker, trade.taker_side.opposite())];
        for (fill, side) in sides {
            let order = self.orders.get_mut(&fill.order).expect("an open order trades");
            assert!(!order.waits, "what waits does not trade");
            assert_eq!((order.account, order.side), (fill.account, side));
            assert_eq!(order.instrument, trade.instrument);
            let is_within = match side {
                Side::Buy => trade.price <= order.limit,
                Side::Sell => order.limit <= trade.price,
            };
            assert!(is_within, "a trade beyond its limit");
            order.filled += trade.qty.lots();
            assert!(order.filled <= order.qty, "more filled than ordered");
            if order.filled == order.qty {
                self.orders.remove(&fill.order);
            }
            let signed = if side == Side::Buy { lots } else { -lots };
            let paid = self.value(trade.instrument, trade.price, signed);
            let paid = if self.is_premium_style(trade.instrument) { 0 } else { paid };
            let holding = self.holdings.entry((trade.instrument, fill.account)).or_default();
            holding.lots += signed;
            holding.cost += paid;
            self.fees += micros(fill.fee);
        }
        let full = self.fee(trade.instrument, trade.price, lots);
        assert!(micros(trade.taker.fee) <= full, "no more than the taker's fee");
        assert_eq!(trade.maker.fee, MicroUsd::ZERO);
    }

    #[track_caller]
    fn agreed(&mut self, input: &Stamped, agreement: &Agreement) {
        assert!(input.at < agreement.valid_until, "an agreement after its end");
        let number = (agreement.valid_until, agreement.parties[0], agreement.nonce);
        assert!(self.agreements.insert(number), "an agreement is taken twice");
    }

    /// Two parties trade at their own price; nothing rests, nothing was open.
    #[track_caller]
    fn block_traded(&mut self, block: &BlockTraded) {
        self.trades += 1;
        self.last_trade += 1;
        assert_eq!(block.trade.0, self.last_trade, "trade ids without gaps");
        let seq = self.trade_seqs.entry(block.instrument).or_default();
        *seq += 1;
        assert_eq!(block.trade_seq, *seq, "a series' trades without gaps");
        assert_eq!(block.mark, self.marks[&block.instrument]);
        assert_ne!(block.buyer.account, block.seller.account);
        let lots = i128::from(block.qty.lots());
        let full = self.fee(block.instrument, block.price, lots);
        for (fill, signed) in [(block.buyer, lots), (block.seller, -lots)] {
            let paid = self.value(block.instrument, block.price, signed);
            let paid = if self.is_premium_style(block.instrument) { 0 } else { paid };
            let holding = self.holdings.entry((block.instrument, fill.account)).or_default();
            holding.lots += signed;
            holding.cost += paid;
            self.fees += micros(fill.fee);
            assert!(2 * micros(fill.fee) <= full + 1, "half of the taker's fee");
        }
    }

    /// A position was put to its value at the settlement price, for which `owed` was due.
    #[track_caller]
    fn marked(&mut self, instrument: InstrumentId, account: AccountId, owed: i128) {
        let lots = self.holdings[&(instrument, account)].lots;
        let is_premium = self.is_premium_style(instrument);
        let price = self.settled.get(&instrument).copied();
        let value = price.map_or(0, |price| self.value(instrument, price, lots));
        let value = if is_premium { 0 } else { value };
        let holding = self.holdings.get_mut(&(instrument, account)).unwrap();
        let exact = value - holding.cost;
        let saturated = exact.clamp(-i128::from(i64::MAX), i128::from(i64::MAX));
        assert!(owed == saturated, "{account} is due {exact}, not {owed}");
        holding.cost = value;
        if holding.lots == 0 {
            self.holdings.remove(&(instrument, account));
        }
    }
}
