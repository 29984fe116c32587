//! `tenor book replay`: one order book alone, JSON lines in, JSON lines out, for anyone's test vectors; and binary command streams, for
//! anyone's benchmark (`stream.rs`).
//!
//! No margin, no ledger: `docs/rules/match.md` is all that holds. The input may begin with the book's terms, such as
//! `{"book":{"tick":"0.5","allocation":"fifo"}}`; without them the tick is 0.001. The last line of the output is the book that is left.
//! Nothing here reads a clock: time stands at 0 until a `clock` line moves it. Instants and spans are whole milliseconds.
//!
//! What a line asks for decides how it is refused:
//! - a value that the book does not support, or that is no value, is a `rejected` line naming the field
//!   (`unsupported_field:tif`, `invalid_field:qty`, `missing_field:price`, `off_tick`, `price_out_of_range`), and the replay goes on;
//! - a line that is no command (broken JSON, unknown command or field, wrong type of an id), and a wrong value in a line that is about no
//!   order, ends it with [`ReplayError`].
//!
//! `null`, `false` and absence are the same for an optional field that is no word. Absent, `type` is `limit`, `tif` is `GTC` and `stp` is
//! `none`. Self-trade prevention that makes an order smaller without ending it shows as `amended`. Triggers, refreshed icebergs and what
//! opens and ends auctions are lines only when the first line or the caller asks for every event.

mod accounts;
mod ids;
mod line;
mod order;
mod output;
pub(crate) mod stream;
mod terms;
mod tick;
mod value;

use std::io::{self, BufRead, BufWriter, Write};

use instruments::{InstrumentId, Nanos, Price};
use matching_engine::{
    AuctionKind, BookEvent, CancelReason, Capacity, Engine, NewOrder, OrderKind,
};

use accounts::Accounts;
use ids::Ids;
use line::{AmendLine, AuctionLine, AuctionPhase, Input, PlaceLine};
use output::Output;
use terms::Terms;
use value::{Refused, instant, needed};

/// The one book.
const BOOK: InstrumentId = InstrumentId(1);

/// Why a replay ended before its input did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    /// The input failed, or is not UTF-8.
    #[error("line {line}: cannot be read")]
    Read {
        /// From 1.
        line: u64,
        /// What failed.
        source: io::Error,
    },
    /// The output failed.
    #[error("cannot write the output")]
    Write(#[source] io::Error),
    /// Not a command.
    #[error("line {line}, column {column}: {message}")]
    NotACommand {
        /// From 1.
        line: u64,
        /// From 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// Terms in the middle of trading.
    #[error("line {line}: `book` must be the first line")]
    LateTerms {
        /// From 1.
        line: u64,
    },
    /// Terms of a kind that this book does not have.
    #[error("line {line}: unsupported {field} {value}, expected {expected}")]
    Terms {
        /// From 1.
        line: u64,
        /// Which.
        field: &'static str,
        /// What was sent.
        value: String,
        /// What may be sent.
        expected: &'static str,
    },
    /// A line about no order has a field without a usable value.
    #[error("line {line}: {command} {field}: {reason}")]
    Field {
        /// From 1.
        line: u64,
        /// What the line is about.
        command: &'static str,
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        reason: Refused,
    },
}

/// Replays `input` on an empty book and writes what happens to `output`: every event if `is_verbose`, else what happens to orders.
///
/// # Errors
/// See [`ReplayError`]; what happened before is written in any case.
pub(crate) fn run(
    input: impl BufRead,
    output: impl Write,
    is_verbose: bool,
) -> Result<(), ReplayError> {
    let mut output = BufWriter::new(output);
    let terms = Terms { is_verbose, ..Terms::default() };
    let replayed = Replay::new(terms).run(input, &mut output);
    output.flush().map_err(ReplayError::Write)?;
    replayed
}

/// What the events of a command are about: the order that it names.
#[derive(Debug, Clone, Copy, Default)]
struct Current {
    id: u64,
    /// The limit that was asked for.
    price: Option<Price>,
}

/// What became of a command.
enum Done {
    /// It reached the engine.
    Engine(Current),
    /// It was refused before, or asked a question: this is the answer.
    Answer(Output),
}

struct Replay {
    engine: Engine,
    terms: Terms,
    ids: Ids,
    accounts: Accounts,
}

impl Replay {
    fn new(terms: Terms) -> Self {
        let mut engine = Engine::new(Capacity { orders: 1024 });
        assert!(engine.list(BOOK, terms.book), "the first book of an engine can be listed");
        engine.set_bands(BOOK, terms.bands);
        Self { engine, terms, ids: Ids::default(), accounts: Accounts::default() }
    }

    fn run(&mut self, mut input: impl BufRead, output: &mut impl Write) -> Result<(), ReplayError> {
        let (mut text, mut line, mut is_first) = (String::new(), 0, true);
        let mut events = Vec::new();
        loop {
            text.clear();
            line += 1;
            let read = input.read_line(&mut text);
            if read.map_err(|source| ReplayError::Read { line, source })? == 0 {
                return self.engine.book(BOOK).map_or(Ok(()), |book| {
                    write_line(output, &Output::book(book, self.terms.tick))
                });
            }
            if text.trim().is_empty() {
                continue;
            }
            if let Some((id, field)) = line::unknown_field(&text) {
                let reason = format!("unsupported_field:{field}");
                write_line(output, &Output::rejected(id, reason))?;
                is_first = false;
                continue;
            }
            let command = line::parse(&text)
                .map_err(|(column, message)| ReplayError::NotACommand { line, column, message })?;
            if !is_first && matches!(command, Input::Book(_)) {
                return Err(ReplayError::LateTerms { line });
            }
            is_first = false;
            match self.apply(command, line, &mut events)? {
                Done::Engine(current) => self.tell(&mut events, current, output)?,
                Done::Answer(answer) => write_line(output, &answer)?,
            }
        }
    }

    fn apply(
        &mut self,
        command: Input,
        line: u64,
        events: &mut Vec<BookEvent>,
    ) -> Result<Done, ReplayError> {
        let refused =
            |command, (field, reason)| ReplayError::Field { line, command, field, reason };
        let tick = self.terms.tick;
        let (id, done) = match command {
            Input::Place(place) => (place.id, self.place(*place, events)),
            Input::Amend(amend) => (amend.id, self.amend(&amend, events)),
            Input::Cancel(cancel) => (cancel.id, self.cancel(cancel.id, events)),
            Input::Auction(auction) => {
                let done = self.auction(&auction, events);
                return done.map_err(|fault| refused("auction", fault));
            }
            Input::Book(book) => {
                let terms = Terms::read(&book, line)?;
                let is_verbose = terms.is_verbose || self.terms.is_verbose;
                *self = Self::new(Terms { is_verbose, ..terms });
                return Ok(Done::Engine(Current::default()));
            }
            Input::Clock(clock) => {
                let at = needed(&clock.at, "at").and_then(|at| instant(at, "at"));
                let at = at.and_then(|at| {
                    if at < self.engine.now() { Err(Refused::BeforeClock) } else { Ok(at) }
                });
                self.engine.advance(at.map_err(|reason| refused("clock", ("at", reason)))?, events);
                return Ok(Done::Engine(Current::default()));
            }
            Input::Price(price) => {
                let text = needed(&price.price, "price");
                let ticks = text.and_then(|text| tick.price(text.get(), "price"));
                let ticks = ticks.map_err(|reason| refused("price", ("price", reason)))?;
                self.engine.set_price(BOOK, price.source.into(), ticks, events);
                return Ok(Done::Engine(Current::default()));
            }
            Input::Band(band) => {
                let bands = terms::bands(&band, tick).map_err(|fault| refused("band", fault))?;
                self.engine.set_bands(BOOK, bands);
                return Ok(Done::Engine(Current::default()));
            }
        };
        let answer = |reason: Refused| Done::Answer(Output::rejected(id, reason.to_string()));
        Ok(done.map_or_else(answer, Done::Engine))
    }

    fn place(&mut self, place: PlaceLine, events: &mut Vec<BookEvent>) -> Result<Current, Refused> {
        let asked = place.asked(self.terms.tick)?;
        let token = place.stp_token()?;
        self.check_time(asked.valid_until)?;
        let order = NewOrder {
            account: self.accounts.id(place.account),
            stp_token: token.map_or(0, |token| self.accounts.token(token)),
            ..asked.order
        };
        // Nothing at all is refused by the engine, before its id is looked at.
        if !order.qty.is_zero() {
            if self.ids.engine_of(place.id).is_some() {
                return Err(Refused::DuplicateId);
            }
            if asked.is_reduce_only && !self.accounts.is_reduced_by(&order) {
                return Err(Refused::ReduceOnly);
            }
        }
        self.engine.place(BOOK, &order, events);
        let price = match order.kind {
            OrderKind::Limit(price) => Some(price),
            OrderKind::Market => None,
        };
        Ok(Current { id: place.id, price })
    }

    fn amend(
        &mut self,
        amend: &AmendLine,
        events: &mut Vec<BookEvent>,
    ) -> Result<Current, Refused> {
        let (asked, valid_until) = amend.asked(self.terms.tick)?;
        self.check_time(valid_until)?;
        let id = self.ids.engine_of(amend.id).ok_or(Refused::UnknownOrder)?;
        self.engine.amend(id, &asked, events);
        Ok(Current { id: amend.id, price: None })
    }

    fn cancel(&mut self, id: u64, events: &mut Vec<BookEvent>) -> Result<Current, Refused> {
        let order = self.ids.engine_of(id).ok_or(Refused::UnknownOrder)?;
        self.engine.cancel(order, CancelReason::Requested, events);
        Ok(Current { id, price: None })
    }

    /// A command is good until its instant, that instant included.
    fn check_time(&self, valid_until: Option<Nanos>) -> Result<(), Refused> {
        let is_late = valid_until.is_some_and(|until| until < self.engine.now());
        if is_late { Err(Refused::ValidUntilPassed) } else { Ok(()) }
    }

    fn auction(
        &mut self,
        auction: &AuctionLine,
        events: &mut Vec<BookEvent>,
    ) -> Result<Done, (&'static str, Refused)> {
        let unsupported = |field| Err((field, Refused::Unsupported(field)));
        if matches!(auction.phase, AuctionPhase::Open) {
            if auction.reference.is_some() {
                return unsupported("reference");
            }
            let until = auction.until.as_ref().map(|text| instant(text, "until"));
            let until = until.transpose().map_err(|reason| ("until", reason))?;
            let kind = auction.kind.map_or(AuctionKind::Call, AuctionKind::from);
            self.engine.open_auction(BOOK, kind, until, events);
            return Ok(Done::Engine(Current::default()));
        }
        if auction.kind.is_some() {
            return unsupported("kind");
        }
        if auction.until.is_some() {
            return unsupported("until");
        }
        let tick = self.terms.tick;
        let reference = needed(&auction.reference, "reference")
            .and_then(|text| tick.nearest(text.get(), "reference"))
            .map_err(|reason| ("reference", reason))?;
        if matches!(auction.phase, AuctionPhase::Indicative) {
            let cross = self.engine.indicative(BOOK, reference);
            return Ok(Done::Answer(Output::indicative(cross, tick)));
        }
        self.engine.uncross(BOOK, reference, events);
        Ok(Done::Engine(Current::default()))
    }

    /// Writes what a command caused, and remembers it as far as later commands need it.
    fn tell(
        &mut self,
        events: &mut Vec<BookEvent>,
        current: Current,
        output: &mut impl Write,
    ) -> Result<(), ReplayError> {
        for event in &*events {
            if let BookEvent::Accepted { id, .. } = event {
                self.ids.bind(current.id, *id);
            }
            if let BookEvent::Traded(trade) = event {
                self.accounts.trade(trade);
            }
            let line = Output::of(event, current, &self.ids, self.terms.tick);
            if let Some(line) = line.filter(|line| self.terms.is_verbose || !line.is_detail()) {
                write_line(output, &line)?;
            }
        }
        for order in events.drain(..).flat_map(|event| ids::touched(&event)).flatten() {
            if self.engine.order(order).is_none() {
                self.ids.free(order);
            }
        }
        Ok(())
    }
}

fn write_line(output: &mut impl Write, line: &Output) -> Result<(), ReplayError> {
    let written = serde_json::to_writer(&mut *output, line).map_err(io::Error::from);
    written.and_then(|()| output.write_all(b"\n")).map_err(ReplayError::Write)
}

#[cfg(test)]
mod tests;
