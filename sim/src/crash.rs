//! A crash: the price of compute trebles within an hour, one account is very short, the book is thin, and the oracle is not sure for a
//! while. It runs through the real exchange and the auditor, and its report explains each dollar.
//!
//! What is meant to happen: a careless short is closed in slices, a larger one is taken over by a backstop, and the giant, whom nobody can
//! touch while the oracle is not sure, is found far below zero when it is: its loss runs down every layer of the waterfall and cuts the
//! winners, and what it holds is closed out against them. A bystander with money in the default fund is not touched.

mod explain;
mod stakes;

use exchange::{
    CancelFilter, Command, DefaultEvent, Event, Exchange, IndexPrint, OpenVenue, PlaceOrder,
    RULES_VERSION, Stamped,
};
use instruments::{
    AccountId, Grade, Guards, Instrument, InstrumentId, MicroUsd, Nanos, NanosSpan, Ppm, Price,
    Qty, Schedule, Side, launch_grades, series_of_grade,
};
use settlement::Bucket;

use crate::auditor::Auditor;
use crate::finding::Finding;
use crate::report::Violation;
use crate::seed::Stream;

use explain::Story;
pub use explain::{CrashReport, Table};

/// 2026-11-23 00:00 UTC.
const BEGINS_AT: Nanos = Nanos::from_seconds(1_795_392_000);
const MINUTE: NanosSpan = NanosSpan::from_seconds(60);
const MINUTES: u64 = 60;
/// The oracle is not sure from the one minute until the other.
const UNSURE: std::ops::Range<u64> = 12..27;
/// The sixtieth root of three, in millionths.
const STEP_PPM: u64 = 1_018_479;
/// Dollars per GPU-hour when it begins.
const BEGINS_WITH: u64 = 2_500_000;

/// Who is short: name, lots, and dollars for each lot.
const SHORTS: [(&str, u64, i64); 3] =
    [("careless", 60, 380), ("stretched", 150, 375), ("giant", 1_000, 810)];
const LONGS: u64 = 8;

/// Lives through the crash and explains it.
#[must_use]
pub fn crash(seed: u64) -> CrashReport {
    crash_with_journal(seed).0
}

/// The same, with every command of its journal.
#[must_use]
pub fn crash_with_journal(seed: u64) -> (CrashReport, Vec<Stamped>) {
    let mut world = World::new(seed);
    let outcome = world.run();
    let finding = outcome.err().map(|finding| Violation { command: world.last.seq, finding });
    let checks = world.auditor.checks();
    (world.story.report(seed, &world.exchange, checks, finding), world.journal)
}

struct World {
    exchange: Exchange,
    auditor: Auditor,
    journal: Vec<Stamped>,
    last: Last,
    story: Story,
    chance: Stream,
    series: InstrumentId,
    maker: AccountId,
    bidder: AccountId,
}

struct Last {
    seq: instruments::Seq,
    now: Nanos,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            exchange: Exchange::new(),
            auditor: Auditor::new(),
            journal: Vec::new(),
            last: Last { seq: instruments::Seq(0), now: BEGINS_AT },
            story: Story::new(BEGINS_AT),
            chance: Stream::new(seed, "crash"),
            series: InstrumentId(1),
            maker: AccountId(0),
            bidder: AccountId(0),
        }
    }

    fn run(&mut self) -> Result<(), Finding> {
        let mut price = BEGINS_WITH;
        self.open()?;
        self.fund()?;
        self.print(price, false)?;
        self.trade()?;
        for minute in 1..=MINUTES {
            self.wait(MINUTE)?;
            price = price * STEP_PPM / 1_000_000;
            // The last print is just three times the first.
            let noise = self.chance.between(997_000, 1_003_000);
            let seen = if minute == MINUTES { 3 * BEGINS_WITH } else { price * noise / 1_000_000 };
            self.print(seen, UNSURE.contains(&minute))?;
            self.quote()?;
        }
        // The day's variation.
        self.wait(NanosSpan::from_seconds(120))?;
        self.auditor.compare(&self.exchange)
    }

    fn apply(&mut self, command: Command) -> Result<Vec<Event>, Finding> {
        self.last.seq = self.last.seq.next();
        let stamped = Stamped { seq: self.last.seq, at: self.last.now, command };
        let mut events = Vec::new();
        self.exchange.apply(&stamped, &mut events);
        self.auditor.observe(&stamped, &events)?;
        self.auditor.compare(&self.exchange)?;
        self.journal.push(stamped);
        self.story.tell(self.last.now, &self.exchange, &events);
        Ok(events)
    }

    /// Lets time pass, with a tick at every instant that asks for one, and bids where a portfolio is offered.
    fn wait(&mut self, span: NanosSpan) -> Result<(), Finding> {
        let until = self.last.now + span;
        while let Some(due) = self.exchange.next_due().filter(|due| *due <= until) {
            self.last.now = due.max(self.last.now);
            let events = self.apply(Command::Tick)?;
            for event in events {
                if let Event::Default(DefaultEvent::BackstopOpened { auction, .. }) = event {
                    let ask = MicroUsd::new(
                        i64::try_from(self.chance.between(2_000, 5_000)).unwrap_or(0) * 1_000_000,
                    );
                    let account = self.bidder;
                    self.apply(Command::BidBackstop { account, auction, ask })?;
                }
            }
        }
        self.last.now = until;
        Ok(())
    }

    fn open(&mut self) -> Result<(), Finding> {
        self.apply(Command::OpenVenue(OpenVenue {
            testnet: true,
            rules: RULES_VERSION,
            variation_from: BEGINS_AT + NanosSpan::from_seconds(61 * 60),
            variation_every: NanosSpan::from_seconds(86_400),
        }))?;
        if let Some(terms) = month() {
            self.apply(Command::ListInstrument(Box::new(terms)))?;
        }
        Ok(())
    }

    /// Accounts, their money, and all that stands behind them.
    fn fund(&mut self) -> Result<(), Finding> {
        for (bucket, thousands) in
            [(Bucket::FirstLoss, 50), (Bucket::Insurance, 100), (Bucket::DefaultFund, 25)]
        {
            self.apply(Command::FundHouse { bucket, amount: dollars(thousands * 1_000) })?;
        }
        for (name, lots, each) in SHORTS {
            let lots = i64::try_from(lots).unwrap_or(0);
            let account = self.account(name, lots * each + 6_000)?;
            self.contribute(account, 6_000)?;
        }
        for place in 1..=LONGS {
            let account = self.account(&format!("long {place}"), 600_000)?;
            let share = i64::try_from(self.chance.between(2_000, 9_000)).unwrap_or(2_000);
            self.contribute(account, share)?;
        }
        let bystander = self.account("bystander", 50_000)?;
        self.contribute(bystander, 20_000)?;
        self.maker = self.account("maker", 400_000)?;
        self.bidder = self.account("backstop", 900_000)?;
        let (account, capacity) = (self.bidder, dollars(800_000));
        self.apply(Command::RegisterBackstop { account, capacity })?;
        Ok(())
    }

    fn account(&mut self, name: &str, money: i64) -> Result<AccountId, Finding> {
        self.apply(Command::OpenAccount { name: name.to_owned(), is_verifier: false })?;
        let account = self.exchange.account_by_name(name).unwrap_or(AccountId(0));
        self.apply(Command::Deposit { account, amount: dollars(money) })?;
        Ok(account)
    }

    fn contribute(&mut self, account: AccountId, amount: i64) -> Result<(), Finding> {
        self.apply(Command::ContributeDefaultFund { account, amount: dollars(amount) })?;
        Ok(())
    }

    /// The shorts sell what the longs buy, in parts that the seed chooses.
    fn trade(&mut self) -> Result<(), Finding> {
        for (name, lots, _) in SHORTS {
            let seller = self.exchange.account_by_name(name).unwrap_or(AccountId(0));
            let mut left = lots;
            for place in 1..=LONGS {
                let even = left / (LONGS + 1 - place);
                let part =
                    if place == LONGS { left } else { self.chance.between(even / 2, even * 3 / 2) };
                let part = part.min(left);
                left -= part;
                let buyer = self.exchange.account_by_name(&format!("long {place}"));
                if 0 < part {
                    self.order(buyer.unwrap_or(AccountId(0)), Side::Buy, 2_500, part)?;
                    self.order(seller, Side::Sell, 2_500, part)?;
                }
            }
        }
        Ok(())
    }

    fn order(
        &mut self,
        account: AccountId,
        side: Side,
        ticks: i64,
        lots: u64,
    ) -> Result<(), Finding> {
        let (price, qty) = (Price::from_ticks(ticks.max(1)), Qty::from_lots(lots));
        self.apply(Command::PlaceOrder(PlaceOrder::limit(account, self.series, side, price, qty)))?;
        Ok(())
    }

    /// A thin book around the mark: a few lots at three levels of each side.
    fn quote(&mut self) -> Result<(), Finding> {
        let (account, filter) = (self.maker, CancelFilter::instrument(None));
        self.apply(Command::CancelAll { account, filter })?;
        let mark = self.exchange.series_by_id(self.series).map_or(0, |series| series.mark.ticks());
        for level in 1..=3 {
            for side in [Side::Buy, Side::Sell] {
                let away = mark * level / 200 + 1;
                let ticks = if side == Side::Buy { mark - away } else { mark + away };
                let lots = self.chance.between(1, 5);
                self.order(account, side, ticks, lots)?;
            }
        }
        Ok(())
    }

    fn print(&mut self, price: u64, is_unsure: bool) -> Result<(), Finding> {
        let Some(terms) = self.exchange.series_by_id(self.series) else { return Ok(()) };
        let print = IndexPrint {
            grade: terms.instrument.grade.clone(),
            observed_at: self.last.now,
            value: Some(MicroUsd::new(i64::try_from(price).unwrap_or(i64::MAX))),
            conf: Ppm::new(if is_unsure { 150_000 } else { 10_000 }),
            state: if is_unsure { oracle::State::LowConf } else { oracle::State::Ok },
        };
        self.apply(Command::PublishIndex(print))?;
        Ok(())
    }
}

/// The next month of H100, without the breaker, which would have stopped the crash.
fn month() -> Option<Instrument> {
    let grade: Grade = launch_grades().into_iter().find(|grade| grade.id.as_str() == "H100")?;
    let calendar = series_of_grade("H100", BEGINS_AT);
    let terms = calendar
        .into_iter()
        .find(|terms| 600 < terms.hours_per_lot && terms.hours_per_lot < 800)?;
    Some(Instrument {
        id: InstrumentId(0),
        name: terms.name,
        grade: grade.id.clone(),
        grade_terms: grade.terms_hash(),
        node_size: grade.node_size,
        product: terms.product,
        tick_size: MicroUsd::new(1_000),
        hours_per_lot: terms.hours_per_lot,
        schedule: Schedule { close_out: instruments::CloseOut::NONE, ..terms.schedule },
        reference: Price::from_ticks(2_500),
        guards: Guards { breaker: None, mark: instruments::MarkTerms::PLAIN, ..Guards::standard() },
    })
}

const fn dollars(amount: i64) -> MicroUsd {
    MicroUsd::new(amount * 1_000_000)
}
