//! What a crash came to, so that every dollar is explained: each row of each table adds up to the micro-dollar.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use exchange::{DefaultEvent, Event, Exchange, IndexPrint, MoveCause, SplitPurpose, Traded};
use instruments::{AccountId, Instrument, InstrumentId, MicroUsd, Nanos, Price, Side};
use settlement::{Bucket, DefaultResolved, Reason, SplitLine, Transfer};

use super::stakes::Stakes;
use crate::report::Violation;

/// What came of a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashReport {
    seed: u64,
    commands: u64,
    checks: u64,
    timeline: Vec<String>,
    tables: Vec<Table>,
    state_hash: [u8; 32],
    violation: Option<Violation>,
}

/// A table of micro-dollars. Its last column is what the others add up to, its last row what the rows add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What it says.
    pub title: String,
    /// What its columns say, the first one's names aside.
    pub columns: Vec<&'static str>,
    /// The lots of each row, negative when short; none where a table is not of lots.
    pub lots: Vec<i64>,
    /// Names and micro-dollars.
    pub rows: Vec<(String, Vec<i128>)>,
    /// Whether everything in it adds up.
    pub adds_up: bool,
}

/// What has happened so far.
pub(super) struct Story {
    begins_at: Nanos,
    timeline: Vec<String>,
    moved: BTreeMap<Bucket, BTreeMap<Reason, i128>>,
    stakes: Stakes,
    /// With the number of the variation in which it was so, as everything below.
    resolved: Vec<(usize, DefaultResolved)>,
    shares: Vec<(usize, SplitLine)>,
    cuts: BTreeMap<usize, Vec<SplitLine>>,
}

impl Story {
    pub(super) fn new(begins_at: Nanos) -> Self {
        Self {
            begins_at,
            timeline: Vec::new(),
            moved: BTreeMap::new(),
            stakes: Stakes::default(),
            resolved: Vec::new(),
            shares: Vec::new(),
            cuts: BTreeMap::new(),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "a story tells what matters to it")]
    pub(super) fn tell(&mut self, now: Nanos, exchange: &Exchange, events: &[Event]) {
        let seconds = now.since(self.begins_at).nanos() / 1_000_000_000;
        let at = format!("{:02}:{:02}", seconds / 60, seconds % 60);
        for event in events {
            let line = match event {
                Event::MoneyMoved(transfer) => {
                    book(&mut self.moved, transfer);
                    None
                }
                Event::IndexPublished(print) => Some(index_says(print, seconds / 60)),
                Event::MarkChanged { instrument, mark } => {
                    let terms = terms_of(exchange, *instrument);
                    terms.map(|terms| format!("mark {}", terms.price_to_decimal(*mark)))
                }
                Event::Traded(trade) => {
                    let terms = terms_of(exchange, trade.instrument);
                    terms.map(|terms| {
                        self.stakes.traded(terms, trade);
                        traded(exchange, terms, trade)
                    })
                }
                Event::VariationPaid { account, amount, .. } => {
                    self.stakes.paid(*account, *amount);
                    None
                }
                Event::VariationEnded => {
                    let number = self.stakes.number();
                    if let Some(series) = exchange.series().next() {
                        self.stakes.ended(&series.instrument, &at);
                    }
                    Some(format!("variation {number} is paid"))
                }
                Event::Default(default) => {
                    self.count(exchange, default);
                    said(exchange, default)
                }
                _ => None,
            };
            self.timeline.extend(line.map(|line| format!("{at} {line}")));
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not split is not counted")]
    fn count(&mut self, exchange: &Exchange, event: &DefaultEvent) {
        let number = self.stakes.number();
        match event {
            DefaultEvent::DefaultResolved(part) => self.resolved.push((number, *part)),
            DefaultEvent::LossSplit { purpose: SplitPurpose::Haircut, page } => {
                self.cuts.entry(number).or_default().extend(page.lines.iter().copied());
            }
            DefaultEvent::LossSplit { purpose: SplitPurpose::FundShares, page } => {
                self.shares.extend(page.lines.iter().map(|line| (number, *line)));
            }
            DefaultEvent::PositionMoved { instrument, from, to, net, price, .. } => {
                if let Some(terms) = terms_of(exchange, *instrument) {
                    self.stakes.moved(terms, (*from, *to), *net, *price);
                }
            }
            _ => {}
        }
    }

    pub(super) fn report(
        &self,
        seed: u64,
        exchange: &Exchange,
        checks: u64,
        violation: Option<Violation>,
    ) -> CrashReport {
        CrashReport {
            seed,
            commands: exchange.last_seq().0,
            checks,
            timeline: self.timeline.clone(),
            tables: self.tables(exchange),
            state_hash: exchange.state_hash(),
            violation,
        }
    }

    fn tables(&self, exchange: &Exchange) -> Vec<Table> {
        let mut tables = self.stakes.tables(|account| name_of(exchange, account));
        tables.extend([self.losses(exchange), self.fund(exchange)]);
        tables.extend(self.cuts.iter().map(|(number, cuts)| self.winners(exchange, *number, cuts)));
        tables.push(self.every_dollar(exchange));
        tables
    }

    /// Who could not pay, and who paid instead.
    fn losses(&self, exchange: &Exchange) -> Table {
        let row = |(number, part): &(usize, DefaultResolved)| {
            let layers = [
                part.own_margin,
                part.own_share,
                part.first_loss,
                part.insurance,
                part.mutual,
                part.haircut,
                part.lost,
            ];
            (in_variation(exchange, part.account, *number), layers.map(micros).to_vec())
        };
        let columns = vec![
            "own margin",
            "own share",
            "first loss",
            "insurance",
            "mutual",
            "winners cut",
            "lost",
        ];
        let rows = self.resolved.iter().map(row).collect();
        table("what losers could not pay, and who did", columns, rows)
    }

    /// Whose shares of the default fund paid.
    fn fund(&self, exchange: &Exchange) -> Table {
        let row = |(number, line): &(usize, SplitLine)| {
            let (share, part) = (signed(line.weight), i128::from(line.part));
            (in_variation(exchange, line.account, *number), vec![part, share - part, share])
        };
        let rows = self.shares.iter().map(row).collect();
        table("shares of the default fund", vec!["paid", "left", "share"], rows)
    }

    /// Who was cut in one variation, and by how much: in proportion to what each gained in it.
    fn winners(&self, exchange: &Exchange, number: usize, cuts: &[SplitLine]) -> Table {
        let row = |line: &SplitLine| {
            let (gain, part) = (signed(line.weight), i128::from(line.part));
            (name_of(exchange, line.account), vec![part, gain - part, gain])
        };
        let rows = cuts.iter().map(row).collect();
        let title = format!("winners of variation {number}");
        let mut table = table(title, vec!["received", "cut", "gained"], rows);
        table.adds_up &= cuts
            .iter()
            .all(|line| self.stakes.due(number, line.account) == Some(signed(line.weight)));
        table
    }

    /// Every account and every bucket of the house: what moved and why. All of it comes to nothing, for a transfer has two ends.
    fn every_dollar(&self, exchange: &Exchange) -> Table {
        let holds = [Reason::OrderHold, Reason::PositionMargin, Reason::QuoteHold];
        let mut by_row: BTreeMap<String, (usize, BTreeMap<Reason, i128>)> = BTreeMap::new();
        let mut balances: BTreeMap<String, i128> = BTreeMap::new();
        for (bucket, moved) in &self.moved {
            let name = row_of(exchange, *bucket);
            let row = by_row.entry(name.clone()).or_default();
            row.0 = bucket.account().map_or(usize::MAX, |_| 0);
            for (reason, amount) in moved {
                *row.1.entry(*reason).or_default() += amount;
            }
            *balances.entry(name).or_default() += micros(exchange.ledger().balance(*bucket));
        }
        let reasons: BTreeSet<Reason> = by_row
            .values()
            .flat_map(|(_, moved)| moved.iter())
            .filter(|(reason, amount)| **amount != 0 && !holds.contains(reason))
            .map(|(reason, _)| *reason)
            .collect();
        let mut names: Vec<&String> = by_row.keys().collect();
        names.sort_by_key(|name| (by_row[*name].0, (*name).clone()));
        let row = |name: &String| {
            let moved = &by_row[name].1;
            let mut cells: Vec<i128> =
                reasons.iter().map(|it| moved.get(it).copied().unwrap_or(0)).collect();
            cells.push(balances[name]);
            (name.clone(), cells)
        };
        let rows = names.into_iter().map(row).collect();
        let mut columns: Vec<&'static str> = reasons.iter().map(|reason| reason.name()).collect();
        columns.push("holds at the end");
        let mut table = table("every dollar", columns, rows);
        let all = table.rows.last().map_or(&[][..], |(_, cells)| cells);
        table.adds_up &= all.iter().all(|sum| *sum == 0);
        table
    }
}

/// Adds the last row, and looks whether the last column is the sum of the others.
pub(super) fn table(
    title: impl Into<String>,
    columns: Vec<&'static str>,
    rows: Vec<(String, Vec<i128>)>,
) -> Table {
    let adds_up = rows.iter().all(|(_, cells)| {
        cells.split_last().is_some_and(|(sum, parts)| parts.iter().sum::<i128>() == *sum)
    });
    let sums = (0..columns.len()).map(|at| rows.iter().map(|(_, cells)| cells[at]).sum()).collect();
    let mut rows = rows;
    rows.push(("together".to_owned(), sums));
    Table { title: title.into(), columns, lots: Vec::new(), rows, adds_up }
}

fn index_says(print: &IndexPrint, minute: u64) -> String {
    let value = print.value.map_or_else(|| "none".to_owned(), |value| usd(micros(value)));
    let begins = print.state != oracle::State::Ok && minute == super::UNSURE.start;
    let ends = print.state == oracle::State::Ok && minute == super::UNSURE.end;
    let more = match (begins, ends) {
        (true, _) => ", the oracle is not sure",
        (_, true) => ", the oracle is sure again",
        (false, false) => "",
    };
    format!("index {value}{more}")
}

fn terms_of(exchange: &Exchange, instrument: InstrumentId) -> Option<&Instrument> {
    exchange.series_by_id(instrument).map(|series| &series.instrument)
}

fn traded(exchange: &Exchange, terms: &Instrument, trade: &Traded) -> String {
    let [taker, maker] = [&trade.taker, &trade.maker].map(|fill| name_of(exchange, fill.account));
    let (lots, price) = (trade.qty.lots(), terms.price_to_decimal(trade.price));
    match trade.taker_side {
        Side::Buy => format!("{taker} buys {lots} lots of {maker} at {price}"),
        Side::Sell => format!("{taker} sells {lots} lots to {maker} at {price}"),
    }
}

fn in_variation(exchange: &Exchange, account: AccountId, number: usize) -> String {
    format!("{}, variation {number}", name_of(exchange, account))
}

fn price_of(exchange: &Exchange, instrument: InstrumentId, price: Price) -> String {
    let terms = terms_of(exchange, instrument);
    terms.map_or_else(String::new, |terms| terms.price_to_decimal(price).to_string())
}

/// What is worth a line.
#[expect(clippy::wildcard_enum_match_arm, reason = "a story tells what matters to it")]
fn said(exchange: &Exchange, event: &DefaultEvent) -> Option<String> {
    let name = |account: &AccountId| name_of(exchange, *account);
    Some(match event {
        DefaultEvent::LiquidationStarted { account, equity, maintenance } => {
            let (equity, maintenance) = (usd(micros(*equity)), usd(micros(*maintenance)));
            format!("{} is liquidated: has {equity} of {maintenance}", name(account))
        }
        DefaultEvent::LiquidationSlice { account, wanted, closed, fee, .. } => {
            let (closed, wanted, fee) = (closed.lots(), wanted.lots(), usd(micros(*fee)));
            format!("{} closes {closed} of {wanted} lots, fee {fee}", name(account))
        }
        DefaultEvent::LiquidationEnded { account } => {
            format!("{} is not liquidated any more", name(account))
        }
        DefaultEvent::BackstopOpened { account, auction, .. } => {
            format!("{} is offered in auction {auction}", name(account))
        }
        DefaultEvent::BackstopTaken { account, bidder, ask, .. } => {
            format!("{} takes {} over for {}", name(bidder), name(account), usd(micros(*ask)))
        }
        DefaultEvent::ClosedOut { account, equity } => {
            format!("{} is closed out with {}", name(account), usd(micros(*equity)))
        }
        DefaultEvent::DefaultResolved(part) => {
            format!("{} cannot pay {}", name(&part.account), usd(micros(part.lost)))
        }
        DefaultEvent::PositionMoved { instrument, from, to, net, price, cause } => {
            let price = price_of(exchange, *instrument, *price);
            let (lots, from, to) = (net.lots(), name(from), name(to));
            let why = match cause {
                MoveCause::Backstop => "taken over",
                MoveCause::CloseOut => "closed out",
            };
            format!("{lots:+} lots of {from} go to {to} at {price}, {why}")
        }
        DefaultEvent::CloseOutPaid { account, against, amount, .. } => {
            let amount = usd(micros(*amount));
            format!("{} receives {amount} with the lots of {}", name(against), name(account))
        }
        DefaultEvent::LossCovered { account, paid } => {
            format!("the waterfall pays {} for {}", usd(micros(*paid)), name(account))
        }
        DefaultEvent::RoundingKept { account, amount } => {
            format!("{} leaves {} to rounding", name(account), usd(micros(*amount)))
        }
        _ => return None,
    })
}

fn book(moved: &mut BTreeMap<Bucket, BTreeMap<Reason, i128>>, transfer: &Transfer) {
    let amount = micros(transfer.amount);
    for (bucket, change) in [(transfer.from, -amount), (transfer.to, amount)] {
        *moved.entry(bucket).or_default().entry(transfer.reason).or_default() += change;
    }
}

/// An account's buckets are one row; the house's are each their own.
fn row_of(exchange: &Exchange, bucket: Bucket) -> String {
    match bucket.account() {
        Some(account) => name_of(exchange, account),
        None => format!("{bucket:?}"),
    }
}

fn name_of(exchange: &Exchange, account: AccountId) -> String {
    exchange.account(account).map_or_else(|| account.to_string(), |record| record.name.clone())
}

fn micros(amount: MicroUsd) -> i128 {
    i128::from(amount.micros())
}

fn signed(weight: u128) -> i128 {
    i128::try_from(weight).unwrap_or(i128::MAX)
}

fn usd(micros: i128) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

impl CrashReport {
    /// Whether the auditor found nothing and every table adds up.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.violation.is_none() && self.tables.iter().all(|table| table.adds_up)
    }

    /// What was counted, by name.
    #[must_use]
    pub fn figures(&self) -> Vec<(&'static str, String)> {
        vec![
            ("seed", self.seed.to_string()),
            ("commands", self.commands.to_string()),
            ("checks", self.checks.to_string()),
            ("sound", self.is_sound().to_string()),
            ("state_hash", self.state_hash.iter().map(|byte| format!("{byte:02x}")).collect()),
        ]
    }

    /// What happened, in order.
    #[must_use]
    pub fn timeline(&self) -> &[String] {
        &self.timeline
    }

    /// Who lost, who paid, who was cut, and where every dollar is.
    #[must_use]
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// What did not hold.
    #[must_use]
    pub const fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }
}

impl fmt::Display for CrashReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.timeline {
            writeln!(f, "{line}")?;
        }
        for table in &self.tables {
            writeln!(f, "\n{}\n{table}", table.title)?;
        }
        for (name, value) in self.figures() {
            writeln!(f, "{name:<12} {value}")?;
        }
        if let Some(Violation { command, finding }) = &self.violation {
            writeln!(f, "violated at command {}: {finding}", command.0)?;
        }
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = self.rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        write!(f, "  {:<longest$}", "")?;
        if !self.lots.is_empty() {
            write!(f, " {:>6}", "lots")?;
        }
        for column in &self.columns {
            write!(f, " {column:>17}")?;
        }
        writeln!(f)?;
        for (place, (name, cells)) in self.rows.iter().enumerate() {
            write!(f, "  {name:<longest$}")?;
            if let Some(lots) = self.lots.get(place) {
                write!(f, " {lots:>6}")?;
            }
            for cell in cells {
                write!(f, " {:>17}", usd(*cell))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
