//! `peers run`: one engine, one stream, one record.

use crate::engine::Room;
use crate::engines::{self, Venue};
use crate::flow::{self, Choice};
use crate::measure::{Effort, Figures, Flow, measure_alone};
use benches::streams::venue::VenueCommand;
use benches::streams::{auctions, quotes};
use clap::Args;
use matching_engine::stream::Header;
use serde::{Deserialize, Serialize};

/// One engine on one stream.
#[derive(Args)]
pub(crate) struct Run {
    /// The engine's name
    #[arg(long)]
    engine: String,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    effort: Effort,
    /// Print the record as one line of JSON
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Which engine.
    pub(crate) engine: String,
    /// On which stream.
    pub(crate) stream: String,
    /// The first sum of the trades on which it differs from the reference.
    pub(crate) differs: Option<String>,
    /// Nanoseconds a command.
    pub(crate) ns: f64,
    /// Those of the bare limit book in the same process; zero for streams that it does not understand.
    pub(crate) limit_ns: f64,
    /// The median of single commands.
    pub(crate) p50: u32,
    /// The 99th percentile.
    pub(crate) p99: u32,
    /// The 99.9th percentile.
    pub(crate) p999: u32,
    /// What reading the clock takes, which has been taken off the three.
    pub(crate) clock_ns: u32,
    /// Allocations a command.
    pub(crate) allocations: f64,
    /// How many trades.
    pub(crate) trades: u64,
    /// Their quantities.
    pub(crate) volume: u64,
    /// Their quantities times their prices.
    pub(crate) notional: u64,
    /// Over makers, prices and quantities in their order.
    pub(crate) checksum: String,
    /// Commands that named an order which had ended.
    pub(crate) rejected: u64,
}

impl Record {
    /// How many times the time of the bare limit book it takes.
    pub(crate) fn ratio(&self) -> Option<f64> {
        (0.0 < self.limit_ns).then(|| self.ns / self.limit_ns)
    }

    fn of(engine: &str, stream: &str, figures: &Figures, differs: Option<String>) -> Self {
        let tally = &figures.tally;
        let [p50, p99, p999] = figures.percentiles;
        Self {
            engine: engine.to_owned(),
            stream: stream.to_owned(),
            differs,
            ns: figures.ns,
            limit_ns: figures.limit_ns,
            p50,
            p99,
            p999,
            clock_ns: figures.clock_ns,
            allocations: figures.allocations,
            trades: tally.trades,
            volume: tally.volume,
            notional: tally.notional,
            checksum: format!("{:016x}", tally.checksum),
            rejected: tally.rejected,
        }
    }
}

impl Run {
    /// Measures and prints.
    pub(crate) fn carry_out(&self) -> Result<(), String> {
        let record = self.record()?;
        if self.json {
            println!("{}", serde_json::to_string(&record).map_err(|error| error.to_string())?);
        } else {
            println!("{record:#?}");
            record.ratio().into_iter().for_each(|ratio| println!("{ratio:.2} times the limit"));
        }
        Ok(())
    }

    fn record(&self) -> Result<Record, String> {
        let (engine, stream) = (self.engine.as_str(), self.choice.stream.as_str());
        if let Some(figures) = self.venue()? {
            return Ok(Record::of(engine, stream, &figures, None));
        }
        let entry = engines::find(engine)?;
        let (header, commands) = flow::load(&self.choice)?;
        let expected = flow::expect(&header, &commands);
        let (warmup, clocked) = commands.split_at(header.warmup as usize);
        let flow = Flow { room: &expected.room, warmup, clocked };
        let figures = (entry.measure)(&flow, &self.effort);
        let differs = figures.tally.difference(&expected.tally);
        let differs =
            differs.map(|(what, found, wanted)| format!("{what}: {found} instead of {wanted}"));
        Ok(Record::of(engine, stream, &figures, differs))
    }

    /// Streams that only our engine understands.
    fn venue(&self) -> Result<Option<Figures>, String> {
        let Choice { stream, commands, seed } = &self.choice;
        let warmup = commands / 10;
        let all = match stream.as_str() {
            "auction" => auctions(*seed, commands + warmup),
            "quotes" => quotes(*seed, commands + warmup),
            _ => return Ok(None),
        };
        if self.engine != "tenor" {
            return Err(format!("only tenor has what the stream {stream} asks for"));
        }
        let id_of = |command: &VenueCommand| match *command {
            VenueCommand::Place { id, .. } | VenueCommand::Take { id, .. } => id,
            _ => 0,
        };
        let header = Header {
            books: 1,
            commands: all.len() as u64,
            warmup: u64::from(warmup),
            price_low: 10_000,
            price_high: 10_000,
            id_high: all.iter().map(id_of).max().unwrap_or(0),
        };
        let room = Room { header, orders: 1 << 12 };
        let (warmup, clocked) = all.split_at(warmup as usize);
        Ok(Some(measure_alone::<Venue>(&Flow { room: &room, warmup, clocked }, &self.effort)))
    }
}
