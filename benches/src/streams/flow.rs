//! Makes a stream of plain commands from a shape: it replays its own commands on the reference to know which orders live.

use instruments::Side;
use matching_engine::stream::{Header, Op, StreamCommand};

use super::shape::Shape;
use crate::draw::{Draw, Zipf};
use crate::reference::{Fill, Reference};

/// How many orders that have ended are remembered, for cancels that come too late.
const GONE_MAX: usize = 256;

/// How many of a thousand cancels name an order that has ended.
const LATE: u32 = 10;

/// What the generator knows of one book.
#[derive(Debug, Default)]
struct Ground {
    middle: u32,
    rises: bool,
    /// Orders that live, in no order.
    alive: Vec<u32>,
    steps: u32,
}

/// A stream being made.
#[derive(Debug)]
pub(super) struct Flow {
    shape: &'static Shape,
    draw: Draw,
    zipf: Zipf,
    grounds: Vec<Ground>,
    reference: Reference,
    /// Of each order that lives, its place among those of its book.
    places: Vec<u32>,
    gone: Vec<StreamCommand>,
    ended: usize,
    fills: Vec<Fill>,
    commands: Vec<StreamCommand>,
    next_id: u32,
}

impl Flow {
    /// Empty books with their middle in the middle.
    pub(super) fn new(shape: &'static Shape, seed: u64) -> Self {
        let middle = u32::midpoint(shape.low, shape.high);
        let ground = |_| Ground { middle, rises: true, ..Ground::default() };
        Self {
            shape,
            draw: Draw::new(seed),
            zipf: Zipf::new(shape.books),
            grounds: (0..shape.books).map(ground).collect(),
            reference: Reference::new(shape.books),
            places: vec![0],
            gone: Vec::new(),
            ended: 0,
            fills: Vec::new(),
            commands: Vec::new(),
            next_id: 1,
        }
    }

    /// Fills the books, lets them settle, then makes so many commands more.
    pub(super) fn run(mut self, commands: u32) -> (Header, Vec<StreamCommand>) {
        for _ in 0..self.shape.resting {
            for book in 0..self.grounds.len() {
                self.add(book);
            }
        }
        let settle = self.commands.len() / 2;
        for _ in 0..settle {
            self.step();
        }
        let warmup = self.commands.len();
        while self.commands.len() < warmup + commands as usize {
            self.step();
        }
        let header = Header {
            books: self.shape.books,
            commands: self.commands.len() as u64,
            warmup: warmup as u64,
            price_low: self.shape.low,
            price_high: self.shape.high,
            id_high: self.next_id - 1,
        };
        (header, self.commands)
    }

    fn step(&mut self) {
        let book = self.zipf.draw(&mut self.draw);
        self.walk(book);
        let kind = self.draw.small(1_000);
        if kind < self.shape.takers {
            self.take(book);
        } else if kind < self.shape.takers + self.shape.modifies {
            self.modify(book);
        } else if self.is_add(book) {
            self.add(book);
        } else if self.draw.is(LATE) && !self.gone.is_empty() {
            let place = self.draw.small(u32::try_from(self.gone.len()).unwrap_or(1)) as usize;
            let late = self.gone[place];
            self.send(late);
        } else {
            self.cancel(book);
        }
    }

    /// Moves a book's middle; near the ends it turns round.
    fn walk(&mut self, book: usize) {
        let (shape, ground) = (self.shape, &mut self.grounds[book]);
        ground.steps += 1;
        if !ground.steps.is_multiple_of(shape.walk_every) {
            return;
        }
        let margin = (shape.high - shape.low) / 64;
        if !shape.trends {
            ground.rises = self.draw.small(2) == 0;
        }
        if ground.middle <= shape.low + margin {
            ground.rises = true;
        } else if shape.high - margin <= ground.middle {
            ground.rises = false;
        }
        ground.middle = if ground.rises { ground.middle + 1 } else { ground.middle - 1 };
    }

    /// Adds and cancels keep the number of orders near what it should be.
    fn is_add(&mut self, book: usize) -> bool {
        let alive = self.grounds[book].alive.len() as u64;
        let (resting, pull) = (u64::from(self.shape.resting), u64::from(self.shape.pull));
        let adds = (u64::from(self.shape.adds) + pull).saturating_sub(alive * pull / resting);
        let share = u32::try_from(adds).unwrap_or(1_000).clamp(20, 980);
        alive == 0 || self.draw.is(share)
    }

    fn side(&mut self) -> Side {
        if self.draw.small(2) == 0 { Side::Buy } else { Side::Sell }
    }

    /// A price on an order's own side of the middle.
    fn price(&mut self, book: usize, side: Side) -> u32 {
        let is_far = self.draw.is(self.shape.far_share);
        let distance = self.draw.distance(if is_far { self.shape.far } else { self.shape.near });
        let middle = self.grounds[book].middle;
        match side {
            Side::Buy => middle.saturating_sub(1 + distance).max(self.shape.low),
            Side::Sell => (middle + distance).min(self.shape.high),
        }
    }

    fn add(&mut self, book: usize) {
        let side = self.side();
        let price = self.price(book, side);
        let qty = 1 + self.draw.small(self.shape.qty_max);
        self.send_new(Op::Add, book, (side, qty, price));
    }

    fn take(&mut self, book: usize) {
        let side = self.side();
        let qty = 1 + self.draw.small(self.shape.taker_max);
        if self.draw.small(4) == 0 {
            return self.send_new(Op::Market, book, (side, qty, 0));
        }
        let reach = 2 * self.shape.near + self.shape.taker_max / 2;
        let middle = self.grounds[book].middle;
        let price = match side {
            Side::Buy => (middle + reach).min(self.shape.high),
            Side::Sell => middle.saturating_sub(reach).max(self.shape.low),
        };
        self.send_new(Op::Ioc, book, (side, qty, price));
    }

    fn any_alive(&mut self, book: usize) -> Option<u32> {
        let count = u32::try_from(self.grounds[book].alive.len()).unwrap_or(u32::MAX);
        if count == 0 {
            return None;
        }
        let place = self.draw.small(count) as usize;
        Some(self.grounds[book].alive[place])
    }

    fn cancel(&mut self, book: usize) {
        let Some(id) = self.any_alive(book) else { return self.add(book) };
        let Some(resting) = self.reference.order(id) else { return };
        let (op, side) = (Op::Cancel, resting.side);
        self.send(StreamCommand { op, side, book: resting.book, qty: 0, id, price: 0 });
    }

    /// A new price and size that does not cross.
    fn modify(&mut self, book: usize) {
        let Some(id) = self.any_alive(book) else { return self.add(book) };
        let Some(resting) = self.reference.order(id) else { return };
        let (side, book_number) = (resting.side, resting.book);
        let price = if self.draw.small(4) == 0 { resting.price } else { self.price(book, side) };
        let price = match (side, self.reference.best(book_number, side.opposite())) {
            (_, None) => price,
            (Side::Buy, Some(ask)) => price.min(ask - 1),
            (Side::Sell, Some(bid)) => price.max(bid + 1),
        };
        let price = price.clamp(self.shape.low, self.shape.high);
        let qty = 1 + self.draw.small(self.shape.qty_max);
        self.send(StreamCommand { op: Op::Modify, side, book: book_number, qty, id, price });
    }

    fn send_new(&mut self, op: Op, book: usize, (side, qty, price): (Side, u32, u32)) {
        let (id, book) = (self.next_id, u16::try_from(book).unwrap_or(u16::MAX));
        self.next_id += 1;
        self.places.push(0);
        self.send(StreamCommand { op, side, book, qty, id, price });
    }

    /// Writes a command down and learns who lives after it.
    fn send(&mut self, command: StreamCommand) {
        self.commands.push(command);
        let mut fills = std::mem::take(&mut self.fills);
        let done = self.reference.apply(&command, &mut fills);
        for fill in fills.drain(..).filter(|fill| fill.is_gone) {
            self.forget(&StreamCommand { id: fill.maker, ..command });
        }
        self.fills = fills;
        let lives = self.reference.order(command.id).is_some();
        match command.op {
            Op::Add if lives => {
                let alive = &mut self.grounds[usize::from(command.book)].alive;
                self.places[command.id as usize] = u32::try_from(alive.len()).unwrap_or(u32::MAX);
                alive.push(command.id);
            }
            Op::Cancel | Op::Modify if done && !lives => self.forget(&command),
            Op::Add | Op::Cancel | Op::Modify | Op::Ioc | Op::Market => {}
        }
    }

    /// An order of a command's book and id has ended.
    fn forget(&mut self, command: &StreamCommand) {
        let alive = &mut self.grounds[usize::from(command.book)].alive;
        let place = self.places[command.id as usize];
        alive.swap_remove(place as usize);
        if let Some(moved) = alive.get(place as usize) {
            self.places[*moved as usize] = place;
        }
        let late = StreamCommand { op: Op::Cancel, qty: 0, price: 0, ..*command };
        if self.gone.len() < GONE_MAX {
            self.gone.push(late);
        } else {
            self.gone[self.ended % GONE_MAX] = late;
        }
        self.ended += 1;
    }
}
