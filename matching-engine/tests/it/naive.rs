//! An engine that is obviously right: each book is one list of orders, searched from end to end whenever something is asked.
//!
//! It shares no algorithm with the real one: a fill-or-kill order is tried on a copy, an auction looks at every tick, the breaker keeps every
//! trade, and a trigger is found by asking every order that waits. An order's id is its arrival number with empty low bits, since the real
//! engine's low bits say where it keeps the order.

mod auction;
mod book;
mod pro_rata;
mod take;

use std::collections::BTreeMap;

use instruments::{InstrumentId, Nanos, OrderId, Price};
use matching_engine::{
    Amend, AuctionKind, Bands, BookEvent, BookMode, BookReject, BookTerms, CancelReason, Cross,
    Engine, NewOrder, Order, Phase, PriceSource, TimeInForce,
};

use book::NaiveBook;

/// Low bits of an id that are not its arrival number.
const SLOT_BITS: u32 = 24;

/// One thing that an account or the venue may ask.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Command {
    List(InstrumentId, BookTerms),
    Delist(InstrumentId),
    Place(InstrumentId, NewOrder),
    Cancel(OrderId),
    Amend(OrderId, Amend),
    SetPrice(InstrumentId, PriceSource, Price),
    SetBands(InstrumentId, Bands),
    Advance(Nanos),
    OpenAuction(InstrumentId, AuctionKind, Option<Nanos>),
    Uncross(InstrumentId, Price),
}

/// What both engines can do.
pub(crate) trait Venue {
    fn apply(&mut self, command: &Command, out: &mut Vec<BookEvent>);
    /// Book by book: bids, then asks, each in priority order, then the orders that wait by id.
    fn resting(&self) -> Vec<Order>;
    fn phase(&self, book: InstrumentId) -> Option<Phase>;
    fn indicative(&self, book: InstrumentId, reference: Price) -> Option<Cross>;
}

impl Venue for Engine {
    fn apply(&mut self, command: &Command, out: &mut Vec<BookEvent>) {
        match *command {
            Command::List(book, terms) => assert!(self.list(book, terms), "listed twice"),
            Command::Delist(book) => self.delist(book, CancelReason::Expired, out),
            Command::Place(book, order) => self.place(book, &order, out),
            Command::Cancel(id) => self.cancel(id, CancelReason::Requested, out),
            Command::Amend(id, amend) => self.amend(id, &amend, out),
            Command::SetPrice(book, source, price) => self.set_price(book, source, price, out),
            Command::SetBands(book, bands) => self.set_bands(book, bands),
            Command::Advance(now) => self.advance(now, out),
            Command::OpenAuction(book, kind, until) => self.open_auction(book, kind, until, out),
            Command::Uncross(book, reference) => self.uncross(book, reference, out),
        }
    }

    fn resting(&self) -> Vec<Order> {
        let mut all = Vec::new();
        for book in self.instruments() {
            let book = self.book(book).unwrap();
            all.extend(book.orders());
            let mut waiting: Vec<_> = book.waiting().collect();
            waiting.sort_by_key(|order| order.id);
            all.extend(waiting);
        }
        all
    }

    fn phase(&self, book: InstrumentId) -> Option<Phase> {
        Some(self.book(book)?.phase())
    }

    fn indicative(&self, book: InstrumentId, reference: Price) -> Option<Cross> {
        self.indicative(book, reference)
    }
}

/// The obviously right engine.
#[derive(Debug, Clone, Default)]
pub(crate) struct NaiveEngine {
    books: BTreeMap<InstrumentId, NaiveBook>,
    arrivals: u64,
    now: Nanos,
    /// When auctions end whose random end the real engine drew in this command; who draws is not compared, only what follows.
    pub(crate) drawn: BTreeMap<InstrumentId, Nanos>,
}

/// What every operation on a book works with.
struct Desk<'a> {
    now: Nanos,
    /// Arrival numbers given out so far, in all books.
    arrivals: &'a mut u64,
    drawn: Option<Nanos>,
    out: &'a mut Vec<BookEvent>,
}

impl Desk<'_> {
    fn say(&mut self, event: BookEvent) {
        self.out.push(event);
    }

    const fn next_arrival(&mut self) -> u64 {
        *self.arrivals += 1;
        *self.arrivals
    }
}

impl Venue for NaiveEngine {
    fn apply(&mut self, command: &Command, out: &mut Vec<BookEvent>) {
        match *command {
            Command::List(id, terms) => self.list(id, terms),
            Command::Delist(id) => {
                self.at(id, out, |book, desk| book.end_all(CancelReason::Expired, desk));
                self.books.remove(&id);
            }
            Command::Place(id, order) => {
                if !self.books.contains_key(&id) {
                    let reason = BookReject::UnknownBook;
                    return out.push(BookEvent::Rejected { book: id, id: None, reason });
                }
                self.at(id, out, |book, desk| book.place(&order, desk));
            }
            Command::Cancel(id) => {
                let Some(book) = self.book_of(id, out) else { return };
                let reason = CancelReason::Requested;
                self.at(book, out, |book, desk| book.cancel(id, reason, desk));
            }
            Command::Amend(id, amend) => {
                let Some(book) = self.book_of(id, out) else { return };
                self.at(book, out, |book, desk| book.amend(id, &amend, desk));
            }
            Command::SetPrice(id, source, price) => {
                self.at(id, out, |book, desk| book.set_price(source, price, desk));
            }
            Command::SetBands(id, bands) => {
                self.at(id, out, |book, _| book.bands = bands);
            }
            Command::Advance(now) => self.advance(now, out),
            Command::OpenAuction(id, kind, until) => {
                self.at(id, out, |book, desk| book.open_auction(kind, until, desk));
            }
            Command::Uncross(id, reference) => {
                self.at(id, out, |book, desk| book.end_auction(reference, desk));
            }
        }
    }

    fn resting(&self) -> Vec<Order> {
        self.books.values().flat_map(NaiveBook::resting).collect()
    }

    fn phase(&self, book: InstrumentId) -> Option<Phase> {
        self.books.get(&book).map(|book| book.phase)
    }

    fn indicative(&self, book: InstrumentId, reference: Price) -> Option<Cross> {
        self.books.get(&book)?.cross(reference)
    }
}

impl NaiveEngine {
    /// The instant up to which the engine has been told the time.
    pub(crate) const fn now(&self) -> Nanos {
        self.now
    }

    fn list(&mut self, id: InstrumentId, terms: BookTerms) {
        let mut book = NaiveBook::new(id, terms);
        if let BookMode::Batch { every } = terms.mode {
            book.await_batch(every, self.now);
        }
        assert!(self.books.insert(id, book).is_none(), "listed twice");
    }

    /// Lets one book do something, and then every order of it fire whose price has come.
    fn at(
        &mut self,
        id: InstrumentId,
        out: &mut Vec<BookEvent>,
        act: impl FnOnce(&mut NaiveBook, &mut Desk<'_>),
    ) {
        let Some(book) = self.books.get_mut(&id) else { return };
        let (now, drawn) = (self.now, self.drawn.get(&id).copied());
        let mut desk = Desk { now, arrivals: &mut self.arrivals, drawn, out };
        act(book, &mut desk);
        book.fire_all_due(&mut desk);
    }

    /// The book of an order that rests or waits; who asks for another is told so.
    fn book_of(&self, id: OrderId, out: &mut Vec<BookEvent>) -> Option<InstrumentId> {
        let found = self.books.values().find(|book| book.find(id).is_some());
        if found.is_none() {
            let (book, reason) = (InstrumentId(0), BookReject::UnknownOrder);
            out.push(BookEvent::Rejected { book, id: Some(id), reason });
        }
        found.map(|book| book.instrument)
    }

    /// First whatever expires, by instant and id; then whatever books have to do, by instant and book.
    fn advance(&mut self, now: Nanos, out: &mut Vec<BookEvent>) {
        self.now = self.now.max(now);
        let mut over: Vec<_> = Vec::new();
        for order in self.resting() {
            if let TimeInForce::Gtd(at) = order.time_in_force
                && at <= self.now
            {
                over.push((at, order.id, order.book));
            }
        }
        over.sort();
        for (_, id, book) in over {
            self.at(book, out, |book, desk| book.cancel(id, CancelReason::Expired, desk));
        }
        let timer = |book: &NaiveBook| Some((book.timer()?, book.instrument));
        while let Some((at, id)) = self.books.values().filter_map(timer).min()
            && at <= self.now
        {
            self.at(id, out, NaiveBook::time_is_up);
        }
    }
}
