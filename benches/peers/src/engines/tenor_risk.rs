//! The engine of this repository with portfolio margin on: a check of every new order and change in 35 scenarios, open orders booked as they
//! come and go, two positions moved by every trade.

use crate::engine::{Engine, Room, add};
use benches::desk::{Replay, RiskDesk};
use benches::tally::Tally;
use matching_engine::BookEvent;
use matching_engine::stream::StreamCommand;

/// The desk with risk. The engine has each order as the only one of an account that has the order's number.
pub(crate) struct Risk(RiskDesk);

impl Engine for Risk {
    type Command = StreamCommand;

    fn new(room: &Room) -> Self {
        Self(RiskDesk::new(&room.header))
    }

    #[inline]
    fn apply<const CHECKS: bool>(&mut self, command: &StreamCommand, tally: &mut Tally) {
        self.0.apply(command);
        for event in self.0.events() {
            match event {
                BookEvent::Traded(trade) => {
                    let price = trade.price.ticks() as u32;
                    let qty = trade.qty.lots() as u32;
                    add::<CHECKS>(tally, trade.maker_account.0 as u32, price, qty);
                }
                BookEvent::Rejected { .. } => tally.rejected += 1,
                _ => {}
            }
        }
        assert!(self.0.refused() == 0, "every account can carry its orders");
    }
}
