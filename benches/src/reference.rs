//! A price-time book that is plainly right: two ordered maps a book, one array of orders. What trades it makes is what every engine has to
//! make on the same stream.

use std::collections::BTreeMap;

use instruments::Side;
use matching_engine::stream::{Op, StreamCommand};

/// A trade, as the maker sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// The resting order.
    pub maker: u32,
    /// Its price.
    pub price: u32,
    /// How much.
    pub qty: u32,
    /// Whether nothing of it is left.
    pub is_gone: bool,
}

/// Where an order rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resting {
    /// In which book.
    pub book: u16,
    /// Which way.
    pub side: Side,
    /// Its limit.
    pub price: u32,
    /// When it came to its level: lower is served first.
    arrival: u64,
}

/// How far from the best price possible, and when it came: the first of a map is served first.
type Key = (u32, u64);

#[derive(Debug, Clone, Default)]
struct Book {
    bids: BTreeMap<Key, (u32, u32)>,
    asks: BTreeMap<Key, (u32, u32)>,
}

/// All books of a stream.
#[derive(Debug, Clone)]
pub struct Reference {
    books: Vec<Book>,
    orders: Vec<Option<Resting>>,
    arrivals: u64,
}

const fn depth(side: Side, price: u32) -> u32 {
    match side {
        Side::Buy => u32::MAX - price,
        Side::Sell => price,
    }
}

impl Reference {
    /// Empty books.
    #[must_use]
    pub fn new(books: u32) -> Self {
        let books = vec![Book::default(); books as usize];
        Self { books, orders: Vec::new(), arrivals: 0 }
    }

    /// Where an order rests, if it does.
    #[must_use]
    pub fn order(&self, id: u32) -> Option<Resting> {
        self.orders.get(id as usize).copied().flatten()
    }

    /// The best price of a side.
    #[must_use]
    pub fn best(&self, book: u16, side: Side) -> Option<u32> {
        self.side(book, side).first_key_value().map(|((key, _), _)| depth(side, *key))
    }

    /// How many orders rest in a book, and at how many prices.
    #[must_use]
    pub fn size(&self, book: u16) -> (usize, usize) {
        let (mut orders, mut levels) = (0, 0);
        for side in [Side::Buy, Side::Sell] {
            let keys = self.side(book, side);
            orders += keys.len();
            let mut last = None;
            for (price, _) in keys.keys() {
                levels += usize::from(last != Some(*price));
                last = Some(*price);
            }
        }
        (orders, levels)
    }

    fn side(&self, book: u16, side: Side) -> &BTreeMap<Key, (u32, u32)> {
        let book = &self.books[usize::from(book)];
        if side == Side::Buy { &book.bids } else { &book.asks }
    }

    fn side_mut(&mut self, book: u16, side: Side) -> &mut BTreeMap<Key, (u32, u32)> {
        let book = &mut self.books[usize::from(book)];
        if side == Side::Buy { &mut book.bids } else { &mut book.asks }
    }

    /// Carries out a command and appends its trades. Says no when it named an order that had ended.
    pub fn apply(&mut self, command: &StreamCommand, fills: &mut Vec<Fill>) -> bool {
        match command.op {
            Op::Add => self.arrive(command, Some(command.price), true, fills),
            Op::Ioc => self.arrive(command, Some(command.price), false, fills),
            Op::Market => self.arrive(command, None, false, fills),
            Op::Cancel => return self.remove(command.id).is_some(),
            Op::Modify => {
                let Some(Resting { book, side, .. }) = self.remove(command.id) else {
                    return false;
                };
                let arrives = StreamCommand { book, side, ..*command };
                self.arrive(&arrives, Some(command.price), true, fills);
            }
        }
        true
    }

    fn remove(&mut self, id: u32) -> Option<Resting> {
        let resting = self.orders.get_mut(id as usize)?.take()?;
        let key = (depth(resting.side, resting.price), resting.arrival);
        self.side_mut(resting.book, resting.side).remove(&key);
        Some(resting)
    }

    fn arrive(
        &mut self,
        order: &StreamCommand,
        limit: Option<u32>,
        rests: bool,
        fills: &mut Vec<Fill>,
    ) {
        let open = self.take(order, limit, fills);
        if open == 0 || !rests {
            return;
        }
        self.arrivals += 1;
        let StreamCommand { book, side, price, id, .. } = *order;
        let arrival = self.arrivals;
        self.side_mut(book, side).insert((depth(side, price), arrival), (id, open));
        if self.orders.len() <= id as usize {
            self.orders.resize(id as usize + 1, None);
        }
        self.orders[id as usize] = Some(Resting { book, side, price, arrival });
    }

    /// Trades with the other side and says how much is left.
    fn take(&mut self, order: &StreamCommand, limit: Option<u32>, fills: &mut Vec<Fill>) -> u32 {
        let makers = order.side.opposite();
        let worst = limit.map_or(u32::MAX, |price| depth(makers, price));
        let mut open = order.qty;
        while open != 0 {
            let side = self.side_mut(order.book, makers);
            let Some(mut first) = side.first_entry().filter(|first| first.key().0 <= worst) else {
                break;
            };
            let price = depth(makers, first.key().0);
            let (maker, left) = first.get_mut();
            let qty = open.min(*left);
            open -= qty;
            *left -= qty;
            let (maker, is_gone) = (*maker, *left == 0);
            fills.push(Fill { maker, price, qty, is_gone });
            if is_gone {
                first.remove();
                self.orders[maker as usize] = None;
            }
        }
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BID: StreamCommand =
        StreamCommand { op: Op::Add, side: Side::Buy, book: 0, qty: 5, id: 1, price: 100 };

    #[test]
    fn best_price_first_then_oldest_and_a_modified_order_goes_to_the_back() {
        let (mut book, mut fills) = (Reference::new(1), Vec::new());
        for (id, price) in [(1, 100), (2, 101), (3, 101)] {
            assert!(book.apply(&StreamCommand { id, price, ..BID }, &mut fills));
        }
        let modify = StreamCommand { op: Op::Modify, id: 2, price: 101, qty: 4, ..BID };
        assert!(book.apply(&modify, &mut fills));
        let sell =
            StreamCommand { op: Op::Ioc, side: Side::Sell, id: 4, qty: 20, price: 101, ..BID };
        assert!(book.apply(&sell, &mut fills));
        let got: Vec<_> = fills.iter().map(|fill| (fill.maker, fill.qty, fill.is_gone)).collect();
        assert_eq!(got, [(3, 5, true), (2, 4, true)]);
        assert_eq!(book.best(0, Side::Buy), Some(100));
        assert!(!book.apply(&StreamCommand { op: Op::Cancel, id: 2, ..BID }, &mut fills));
        assert_eq!(book.size(0), (1, 1));
    }
}
