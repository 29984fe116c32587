//! What came of a world: counts, money, hashes, and the one thing that did not hold, if there was one.

use std::collections::BTreeMap;
use std::fmt;

use exchange::{CloseOutEvent, DefaultEvent, Event, Exchange, IntervalOutcome, Stamped};
use instruments::{MicroUsd, Seq};
use settlement::{Bucket, FailCause};

use crate::fault::Fault;
use crate::finding::Finding;
use crate::scenario::Scenario;

/// What came of a world. The same scenario gives an equal report on every machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    seed: u64,
    days: u32,
    tally: Tally,
    checks: u64,
    money: Money,
    state_hash: [u8; 32],
    violation: Option<Violation>,
}

/// Something that must hold and did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The last command that was applied.
    pub command: Seq,
    /// What did not hold.
    pub finding: Finding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Money {
    deposited: MicroUsd,
    fees: MicroUsd,
    is_conserved: bool,
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) commands: u64,
    pub(crate) events: u64,
    pub(crate) refused: u64,
    /// Requests that met a venue that was down.
    pub(crate) lost: u64,
    pub(crate) prints: u64,
    pub(crate) withheld: u64,
    pub(crate) snapshots: u64,
    pub(crate) recoveries: u64,
    /// Intervals that an honest and reachable agent was failed for.
    pub(crate) failed_innocent: u64,
    pub(crate) lacking_innocent: u64,
    pub(crate) faults: BTreeMap<&'static str, u64>,
    refusals: BTreeMap<&'static str, u64>,
    series: u64,
    expired: u64,
    orders: u64,
    amends: u64,
    cancels: u64,
    triggered: u64,
    auctions: u64,
    trades: u64,
    volume_lots: u64,
    obligations: u64,
    obligations_closed: u64,
    buyer_defaults: u64,
    not_accepted: u64,
    substituted: u64,
    stood_in: u64,
    bought_in: u64,
    top_ups: u64,
    prefunding_ended: u64,
    invoices: u64,
    delivered: u64,
    failed: BTreeMap<&'static str, u64>,
    unverified: u64,
    paid: MicroUsd,
    shortfall: MicroUsd,
    variation: MicroUsd,
    haircuts: MicroUsd,
}

impl Tally {
    pub(crate) fn count(&mut self, stamped: &Stamped, events: &[Event]) {
        self.commands = stamped.seq.0;
        self.events += u64::try_from(events.len()).unwrap_or(0);
        for event in events {
            self.count_event(event);
        }
    }

    fn traded(&mut self, qty: instruments::Qty) {
        self.trades += 1;
        self.volume_lots += qty.lots();
    }

    #[expect(clippy::too_many_lines, reason = "a line for each variant, and no decision")]
    fn count_event(&mut self, event: &Event) {
        match event {
            Event::Rejected(reason) => {
                self.refused += 1;
                *self.refusals.entry(reason.rule()).or_default() += 1;
            }
            Event::InstrumentListed(_) => self.series += 1,
            Event::OrderAccepted(_) => self.orders += 1,
            Event::OrderAmended { .. } => self.amends += 1,
            Event::OrderCancelled { .. } => self.cancels += 1,
            Event::OrderTriggered { .. } => self.triggered += 1,
            Event::AuctionOpened { .. } => self.auctions += 1,
            Event::Traded(traded) => self.traded(traded.qty),
            Event::BlockTraded(block) => self.traded(block.qty),
            Event::VariationPaid { amount, .. } => {
                self.variation += (*amount).max(MicroUsd::ZERO);
            }
            Event::Default(event) => {
                if let DefaultEvent::DefaultResolved(part) = event {
                    self.haircuts += part.haircut;
                }
            }
            Event::SeriesExpired { .. } => self.expired += 1,
            Event::ObligationAssigned { .. } => self.obligations += 1,
            Event::IntervalSettled(settled) => match settled.outcome {
                IntervalOutcome::Delivered { .. } => self.delivered += 1,
                IntervalOutcome::Failed { cause, .. } => {
                    *self.failed.entry(cause_name(cause)).or_default() += 1;
                }
                IntervalOutcome::Unverified => self.unverified += 1,
            },
            Event::ObligationClosed { paid_to_seller, shortfall_paid, .. } => {
                self.obligations_closed += 1;
                self.paid += *paid_to_seller;
                self.shortfall += *shortfall_paid;
            }
            Event::BuyerDefaulted { .. } => {
                self.obligations_closed += 1;
                self.buyer_defaults += 1;
            }
            Event::VenueOpened
            | Event::AccountOpened { .. }
            | Event::MoneyMoved(_)
            | Event::DepthChanged { .. }
            | Event::IndexPublished(_)
            | Event::MarkChanged { .. }
            | Event::SettlementPriceFixed { .. }
            | Event::Fixing(_)
            | Event::Job(_)
            | Event::Control(_)
            | Event::Quote(_)
            | Event::CurvePublished(_)
            | Event::PositionClosed { .. }
            | Event::AgentNominated { .. }
            | Event::RiskPublished(_)
            | Event::CapacityRegistered { .. }
            | Event::MarginModeChanged { .. }
            | Event::MarginScaled { .. }
            | Event::LadderClimbed { .. }
            | Event::IntervalOpened { .. }
            | Event::ChallengeIssued { .. }
            | Event::ReceiptAccepted { .. }
            | Event::RowsDrawn { .. }
            | Event::VerdictRecorded { .. }
            | Event::ChallengeEnded { .. }
            | Event::BatchItemDone { .. }
            | Event::VariationEnded
            | Event::AuctionExtended { .. }
            | Event::AuctionEnded { .. }
            | Event::IndicativePrice { .. } => {}
            // Options, cascades and cash futures.
            Event::ExerciseInstructed { .. }
            | Event::OptionExercised { .. }
            | Event::SeriesCascaded { .. }
            | Event::DaySettled { .. }
            | Event::SeriesSettled { .. } => {}
            // Physical close-out.
            Event::CloseOut(event) => self.count_close_out(event),
            // Trades agreed elsewhere.
            Event::TradingKeyRegistered { .. } | Event::AgreementTaken(_) => {}
            // Whoever is gone.
            Event::OrderResent { .. }
            | Event::CancelAllAfterSet { .. }
            | Event::CancelOnDisconnectSet { .. } => {}
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not counted has no figure")]
    fn count_close_out(&mut self, event: &CloseOutEvent) {
        match event {
            CloseOutEvent::AcceptanceEnded { is_accepted, .. } => {
                self.not_accepted += u64::from(!is_accepted);
            }
            CloseOutEvent::Substituted { .. } => self.substituted += 1,
            CloseOutEvent::StandbyCalled { .. } => self.stood_in += 1,
            CloseOutEvent::BoughtIn { bought, .. } => {
                self.bought_in += u64::from(!bought.is_empty())
            }
            CloseOutEvent::Prefunded { .. } => self.top_ups += 1,
            CloseOutEvent::PrefundingEnded { .. } => self.prefunding_ended += 1,
            CloseOutEvent::Invoiced(_) => self.invoices += 1,
            _ => {}
        }
    }
}

const fn cause_name(cause: FailCause) -> &'static str {
    match cause {
        FailCause::Silent => "silent",
        FailCause::Refuted => "refuted",
        FailCause::BelowGrade => "below grade",
        FailCause::NotReady => "not ready",
        FailCause::Declared => "declared",
    }
}

impl Report {
    pub(crate) fn new(
        scenario: &Scenario,
        tally: Tally,
        exchange: &Exchange,
        checks: u64,
        violation: Option<Violation>,
    ) -> Self {
        let money = Money {
            deposited: -exchange.ledger().balance(Bucket::Custody),
            fees: exchange.ledger().balance(Bucket::Fees),
            is_conserved: exchange.money_conserved(),
        };
        let state_hash = exchange.state_hash();
        Self {
            seed: scenario.seed,
            days: scenario.days,
            tally,
            checks,
            money,
            state_hash,
            violation,
        }
    }

    /// Whether everything held.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.violation.is_none()
    }

    /// What did not hold.
    #[must_use]
    pub const fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// The command line that gives this world again.
    #[must_use]
    pub fn reproduce(&self) -> String {
        reproduce(self.seed, self.days)
    }

    /// Every figure by its name.
    #[must_use]
    pub fn figures(&self) -> BTreeMap<&'static str, String> {
        let mut figures = BTreeMap::new();
        for (_, rows) in self.sections() {
            figures.extend(rows);
        }
        figures
    }

    fn sections(&self) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
        let (tally, count) = (&self.tally, |count: u64| count.to_string());
        let failed = |cause| count(tally.failed.get(cause).copied().unwrap_or(0));
        let mut world = vec![
            ("seed", self.seed.to_string()),
            ("days", self.days.to_string()),
            ("commands", count(tally.commands)),
            ("events", count(tally.events)),
            ("refused", count(tally.refused)),
            ("refusal_rules", count(u64::try_from(tally.refusals.len()).unwrap_or(0))),
            ("lost_while_down", count(tally.lost)),
        ];
        world.push(("index_prints", count(tally.prints)));
        world.push(("index_withheld", count(tally.withheld)));
        let trading = vec![
            ("series_listed", count(tally.series)),
            ("series_expired", count(tally.expired)),
            ("orders", count(tally.orders)),
            ("amends", count(tally.amends)),
            ("cancels", count(tally.cancels)),
            ("stops and take-profits", count(tally.triggered)),
            ("auctions", count(tally.auctions)),
            ("trades", count(tally.trades)),
            ("volume_lots", count(tally.volume_lots)),
            ("variation_usd", dollars(tally.variation)),
            ("haircuts_usd", dollars(tally.haircuts)),
            ("fees_usd", dollars(self.money.fees)),
        ];
        let delivery = vec![
            ("obligations", count(tally.obligations)),
            ("obligations_closed", count(tally.obligations_closed)),
            ("buyer_defaults", count(tally.buyer_defaults)),
            ("not_accepted", count(tally.not_accepted)),
            ("substituted", count(tally.substituted)),
            ("stood_in", count(tally.stood_in)),
            ("bought_in", count(tally.bought_in)),
            ("top_ups", count(tally.top_ups)),
            ("prefunding_ended", count(tally.prefunding_ended)),
            ("invoices", count(tally.invoices)),
            ("intervals_delivered", count(tally.delivered)),
            ("intervals_failed", count(tally.failed.values().sum())),
            ("intervals_failed_silent", failed("silent")),
            ("intervals_failed_refuted", failed("refuted")),
            ("intervals_failed_below_grade", failed("below grade")),
            ("intervals_failed_not_ready", failed("not ready")),
            ("intervals_failed_innocent", count(tally.failed_innocent)),
            ("intervals_metered_lacking_innocent", count(tally.lacking_innocent)),
            ("intervals_unverified", count(tally.unverified)),
            ("paid_to_sellers_usd", dollars(tally.paid)),
            ("shortfall_paid_usd", dollars(tally.shortfall)),
        ];
        let of_fault = |name| tally.faults.get(name).copied();
        let struck = Fault::NAMES.iter().filter_map(|name| Some((*name, count(of_fault(name)?))));
        let audit = vec![
            ("checks", count(self.checks)),
            ("snapshots_restored", count(tally.snapshots)),
            ("recoveries", count(tally.recoveries)),
            ("deposits_usd", dollars(self.money.deposited)),
            ("money_conserved", self.money.is_conserved.to_string()),
            ("sound", self.is_sound().to_string()),
            ("state_hash", hex(&self.state_hash)),
        ];
        vec![
            ("world", world),
            ("trading", trading),
            ("delivery", delivery),
            ("faults", struck.collect()),
            ("audit", audit),
        ]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, rows) in self.sections() {
            writeln!(f, "{title}")?;
            for (name, value) in rows {
                writeln!(f, "  {name:<30} {value:>20}")?;
            }
        }
        if let Some(Violation { command, finding }) = &self.violation {
            writeln!(f, "violated at command {}: {finding}", command.0)?;
            writeln!(f, "reproduce with: {}", self.reproduce())?;
        }
        Ok(())
    }
}

/// The command line that gives a standard world again.
pub(crate) fn reproduce(seed: u64, days: u32) -> String {
    format!("tenor sim run --seed {seed} --days {days}")
}

fn dollars(amount: MicroUsd) -> String {
    let micros = amount.micros().unsigned_abs();
    let sign = if amount < MicroUsd::ZERO { "-" } else { "" };
    format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
