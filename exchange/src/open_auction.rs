//! Opens an auction when the venue asks for one, and says what auctions would do.

use instruments::{InstrumentId, Nanos};
use matching_engine::{AuctionKind, Phase};

use crate::Exchange;
use crate::command::AuctionReason;
use crate::event::Event;
use crate::reject::Reject;

impl Exchange {
    pub(crate) fn open_auction(
        &mut self,
        instrument: InstrumentId,
        reason: AuctionReason,
        until: Nanos,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let series = self.trading_series(instrument)?;
        self.check_open(instrument)?;
        let book = self.engine.book(instrument).ok_or(Reject::UnknownInstrument)?;
        if book.phase() != Phase::Continuous {
            return Err(Reject::AuctionUnderWay);
        }
        if until <= self.now || series.instrument.schedule.last_trade_at <= until {
            return Err(Reject::AuctionOutOfTime);
        }

        // From here on nothing can fail.
        let kind = match reason {
            AuctionReason::Opening => AuctionKind::Opening,
            AuctionReason::Restart => AuctionKind::Restart,
            AuctionReason::Call => AuctionKind::Call,
        };
        self.operate(events, |engine, out| {
            engine.open_auction(instrument, kind, Some(until), out);
        });
        Ok(())
    }

    /// AUCTION-006: says what an auction would do if it ended now, if that is not what was said last.
    pub(crate) fn tell_indicative(&mut self, instrument: InstrumentId, events: &mut Vec<Event>) {
        let cross = self.indicative(instrument).map(|cross| (cross.price, cross.volume));
        let Some(series) = self.series.get_mut(&instrument) else { return };
        let is_collecting =
            self.engine.book(instrument).is_some_and(|book| book.phase() != Phase::Continuous);
        if !is_collecting || series.indicative == cross {
            return;
        }
        series.indicative = cross;
        let (price, volume) = (cross.map(|(price, _)| price), cross.map(|(_, volume)| volume));
        let volume = volume.unwrap_or_default();
        events.push(Event::IndicativePrice { instrument, price, volume });
    }
}
