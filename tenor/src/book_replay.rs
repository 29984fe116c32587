//! `tenor book replay`: one order book alone, JSON lines in, JSON lines out, for anyone's test vectors.
//!
//! No bands, no circuit breaker, no margin: `docs/rules/match.md` is all that holds. The input may begin with
//! `{"book":{"tick":"0.5","allocation":"fifo"}}`; without it the tick is 0.001. The last line of the output is the book that is left.
//!
//! What a line asks for decides how it is refused:
//! - a value that the book does not support, or that is no value, is a `rejected` line naming the field
//!   (`unsupported_field:display`, `invalid_field:qty`, `missing_field:price`, `off_tick`, `price_out_of_range`), and the replay goes on;
//! - a line that is no command (broken JSON, unknown command or field, wrong type of an id) ends it with [`ReplayError`].
//!
//! `null`, `false` and absence are the same for an optional field. Absent, `type` is `limit`, `tif` is `GTC` and `stp` is `none`.
//! Self-trade prevention that makes an order smaller without ending it shows as `amended`.

mod line;
mod tick;

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufWriter, Write};

use instruments::{AccountId, OrderId, Price, Qty, Side};
use matching_engine::{Book, BookEvent, CancelReason, NewOrder, OrderKind};

use line::{AmendLine, AuctionLine, AuctionPhase, BookLine, Input, Output, PlaceLine, Refused};
use tick::Tick;

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
    /// An uncross without a usable reference price.
    #[error("line {line}: auction reference: {reason}")]
    Reference {
        /// From 1.
        line: u64,
        /// What is wrong with it.
        reason: Refused,
    },
}

/// Replays `input` on an empty book and writes what happens to `output`.
///
/// # Errors
/// See [`ReplayError`]; what happened before is written in any case.
pub(crate) fn run(input: impl BufRead, output: impl Write) -> Result<(), ReplayError> {
    let mut output = BufWriter::new(output);
    let replayed = Replay::default().run(input, &mut output);
    output.flush().map_err(ReplayError::Write)?;
    replayed
}

#[derive(Default)]
struct Replay {
    book: Book,
    tick: Tick,
    accounts: BTreeMap<String, AccountId>,
}

impl Replay {
    fn run(&mut self, mut input: impl BufRead, output: &mut impl Write) -> Result<(), ReplayError> {
        let (mut text, mut line, mut is_first) = (String::new(), 0, true);
        let mut events = Vec::new();
        loop {
            text.clear();
            line += 1;
            let read = input.read_line(&mut text);
            if read.map_err(|source| ReplayError::Read { line, source })? == 0 {
                return write_line(output, &self.final_book());
            }
            if text.trim().is_empty() {
                continue;
            }
            if let Some((id, field)) = line::unknown_field(&text) {
                let reason = format!("unsupported_field:{field}");
                write_line(output, &Output::Rejected { id, reason })?;
                is_first = false;
                continue;
            }
            let command = line::parse(&text)
                .map_err(|(column, message)| ReplayError::NotACommand { line, column, message })?;
            if !is_first && matches!(command, Input::Book(_)) {
                return Err(ReplayError::LateTerms { line });
            }
            is_first = false;
            let refused = self.apply(command, line, &mut events)?;
            if let Some(rejected) = refused {
                write_line(output, &rejected)?;
            }
            for event in events.drain(..) {
                write_line(output, &self.render(&event))?;
            }
        }
    }

    /// Applies one command; a refusal that is not the book's is returned.
    fn apply(
        &mut self,
        command: Input,
        line: u64,
        events: &mut Vec<BookEvent>,
    ) -> Result<Option<Output>, ReplayError> {
        let (id, refused) = match command {
            Input::Book(terms) => return self.set_terms(terms, line).map(|()| None),
            Input::Auction(auction) => return self.auction(&auction, line, events).map(|()| None),
            Input::Cancel(cancel) => {
                self.book.cancel(OrderId(cancel.id), CancelReason::Requested, events);
                return Ok(None);
            }
            Input::Place(place) => (place.id, self.place(*place, events)),
            Input::Amend(amend) => (amend.id, self.amend(&amend, events)),
        };
        Ok(refused.err().map(|reason| Output::Rejected { id, reason: reason.to_string() }))
    }

    fn set_terms(&mut self, terms: BookLine, line: u64) -> Result<(), ReplayError> {
        let unsupported =
            |field, value, expected| ReplayError::Terms { line, field, value, expected };
        if let Some(allocation) = terms.allocation.filter(|allocation| allocation != "fifo") {
            return Err(unsupported("allocation", format!("`{allocation}`"), "`fifo`"));
        }
        if let Some(text) = terms.tick {
            self.tick = Tick::parse(text.get()).ok_or_else(|| {
                unsupported("tick", text.get().to_owned(), "a decimal above 0 of at most 9 digits")
            })?;
        }
        Ok(())
    }

    fn auction(
        &mut self,
        auction: &AuctionLine,
        line: u64,
        events: &mut Vec<BookEvent>,
    ) -> Result<(), ReplayError> {
        let refused = |reason| ReplayError::Reference { line, reason };
        match (auction.phase, &auction.reference) {
            (AuctionPhase::Open, None) => self.book.open_auction(),
            (AuctionPhase::Open, Some(_)) => {
                return Err(refused(Refused::Unsupported("reference")));
            }
            (AuctionPhase::Uncross, None) => return Err(refused(Refused::Missing("reference"))),
            (AuctionPhase::Uncross, Some(text)) => {
                let reference = self.tick.nearest(text.get(), "reference").map_err(refused)?;
                self.book.uncross(reference, events);
            }
        }
        Ok(())
    }

    fn place(&mut self, place: PlaceLine, events: &mut Vec<BookEvent>) -> Result<(), Refused> {
        let is_market = place.is_market()?;
        let kind = match (is_market, &place.price) {
            (true, None) => OrderKind::Market,
            (true, Some(_)) => return Err(Refused::Unsupported("price")),
            (false, None) => return Err(Refused::Missing("price")),
            (false, Some(text)) => OrderKind::Limit(self.tick.price(text.get(), "price")?),
        };
        let next = AccountId(u64::try_from(self.accounts.len()).unwrap_or(u64::MAX));
        let order = NewOrder {
            id: OrderId(place.id),
            account: AccountId(0),
            side: place.side.into(),
            kind,
            qty: line::qty(&place.qty)?,
            time_in_force: place.time_in_force()?,
            post_only: place.post_only()?,
            stp: place.stp()?,
        };
        place.check_unsupported()?;
        let account = *self.accounts.entry(place.account).or_insert(next);
        self.book.place(NewOrder { account, ..order }, events);
        Ok(())
    }

    fn amend(&mut self, amend: &AmendLine, events: &mut Vec<BookEvent>) -> Result<(), Refused> {
        let price = amend.price.as_ref().map(|text| self.tick.price(text.get(), "price"));
        let total = amend.qty.as_ref().map(|text| line::qty(text));
        self.book.amend(OrderId(amend.id), price.transpose()?, total.transpose()?, events);
        Ok(())
    }

    fn render(&self, event: &BookEvent) -> Output {
        match *event {
            BookEvent::Accepted { id } => Output::Accepted { id: id.0 },
            BookEvent::Rejected { id, reason } => {
                Output::Rejected { id: id.0, reason: reason.code().to_owned() }
            }
            BookEvent::Traded(trade) => Output::Trade {
                maker: trade.maker.0,
                taker: trade.taker.0,
                price: self.tick.text(trade.price),
                qty: trade.qty.lots(),
            },
            BookEvent::Cancelled { id, qty, reason } => {
                Output::Cancelled { id: id.0, qty: qty.lots(), reason: reason.code() }
            }
            BookEvent::Amended { id, price, qty } => self.amended(id, Some(price), qty),
            BookEvent::Decremented { id, price, by: _, qty } => self.amended(id, price, qty),
        }
    }

    fn amended(&self, id: OrderId, price: Option<Price>, total: Qty) -> Output {
        let price = price.map(|price| self.tick.text(price));
        Output::Amended { id: id.0, price, qty: total.lots() }
    }

    fn final_book(&self) -> Output {
        let levels = |side| {
            let levels = self.book.depth(side);
            levels.map(|(price, open)| (self.tick.text(price), open.lots())).collect()
        };
        Output::Book { bids: levels(Side::Buy), asks: levels(Side::Sell) }
    }
}

fn write_line(output: &mut impl Write, line: &Output) -> Result<(), ReplayError> {
    let written = serde_json::to_writer(&mut *output, line).map_err(io::Error::from);
    written.and_then(|()| output.write_all(b"\n")).map_err(ReplayError::Write)
}

#[cfg(test)]
mod tests;
