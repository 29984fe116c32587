//! Our engine on the commands that only a venue has.
//!
//! A quote is a maker's bid and ask in place of the two before: both are cancelled, both are placed. The quotes of a maker are one account's
//! own, so the oldest of two that would meet is cancelled.

use crate::engine::{Engine, Room, add};
use benches::streams::venue::VenueCommand;
use benches::tally::Tally;
use instruments::{AccountId, InstrumentId, OrderId, Price, Qty, Side};
use matching_engine::{
    Amend, AuctionKind, BookEvent, BookTerms, CancelReason, Capacity, NewOrder, StpMode,
    TimeInForce,
};

const BOOK: InstrumentId = InstrumentId(1);

/// Takers' accounts begin here, makers' at 1.
const TAKERS: u64 = 1_000;

/// One book of our engine.
pub(crate) struct Venue {
    engine: matching_engine::Engine,
    out: Vec<BookEvent>,
    /// The engine's id of each order of the stream.
    ids: Vec<OrderId>,
    /// Those of each maker's bids and asks.
    quotes: Vec<[OrderId; 2]>,
}

const fn price_of(ticks: u32) -> Price {
    Price::from_ticks(ticks as i64)
}

const fn qty_of(lots: u32) -> Qty {
    Qty::from_lots(lots as u64)
}

impl Engine for Venue {
    type Command = VenueCommand;

    fn new(room: &Room) -> Self {
        let orders = room.orders as usize;
        let mut engine = matching_engine::Engine::new(Capacity { orders });
        let middle = price_of(room.header.price_low);
        assert!(engine.list(BOOK, BookTerms::continuous(middle)), "a new book");
        let ids = vec![OrderId(0); room.header.id_high as usize + 1];
        let quotes = vec![[OrderId(0); 2]; 1 << 12];
        Self { engine, out: Vec::with_capacity(1 << 16), ids, quotes }
    }

    fn apply<const CHECKS: bool>(&mut self, command: &VenueCommand, tally: &mut Tally) {
        self.out.clear();
        match *command {
            VenueCommand::Open => {
                self.engine.open_auction(BOOK, AuctionKind::Call, None, &mut self.out);
            }
            VenueCommand::Uncross { reference } => {
                self.engine.uncross(BOOK, price_of(reference), &mut self.out);
            }
            VenueCommand::Place { id, side, price, qty } => {
                let account = AccountId(TAKERS + u64::from(id % 64));
                let order = NewOrder::limit(account, side, price_of(price), qty_of(qty));
                self.ids[id as usize] = self.place(&order);
            }
            VenueCommand::Cancel { id } => self.cancel(self.ids[id as usize]),
            VenueCommand::Amend { id, price, qty } => {
                let (price, total) = (Some(price_of(price)), Some(qty_of(qty)));
                let amend = Amend { price, total, trigger: None };
                self.engine.amend(self.ids[id as usize], &amend, &mut self.out);
            }
            VenueCommand::Quote { maker, slot, bid, ask, qty } => {
                self.quote((maker, slot), (bid, ask), qty);
            }
            VenueCommand::Take { id, side, price, qty } => {
                let account = AccountId(TAKERS + u64::from(id % 64));
                let order = NewOrder::limit(account, side, price_of(price), qty_of(qty));
                let time_in_force = TimeInForce::Ioc;
                let stp = StpMode::CancelNewest;
                self.place(&NewOrder { time_in_force, stp, ..order });
            }
        }
        for event in &self.out {
            match event {
                BookEvent::Traded(trade) => {
                    let (price, qty) = (trade.price.ticks() as u32, trade.qty.lots() as u32);
                    add::<CHECKS>(tally, trade.maker_account.0 as u32, price, qty);
                }
                BookEvent::Rejected { .. } => tally.rejected += 1,
                _ => {}
            }
        }
    }
}

impl Venue {
    fn place(&mut self, order: &NewOrder) -> OrderId {
        let id = self.engine.next_id();
        self.engine.place(BOOK, order, &mut self.out);
        id
    }

    fn cancel(&mut self, id: OrderId) {
        self.engine.cancel(id, CancelReason::Requested, &mut self.out);
    }

    fn quote(&mut self, (maker, slot): (u32, u32), (bid, ask): (u32, u32), qty: u32) {
        let place = (maker * 64 + slot) as usize;
        let account = AccountId(1 + u64::from(maker));
        for (index, (side, price)) in [(Side::Buy, bid), (Side::Sell, ask)].into_iter().enumerate()
        {
            self.cancel(self.quotes[place][index]);
            let order = NewOrder::limit(account, side, price_of(price), qty_of(qty));
            let order = NewOrder { stp: StpMode::CancelOldest, ..order };
            self.quotes[place][index] = self.place(&order);
        }
    }
}
