//! Books and tickers, read from the exchange as it is now.

use exchange::{Exchange, Series};
use instruments::{Instrument, Nanos, Price, Qty, Side};
use matching_engine::Phase;

use super::listing;
use super::option::option_ticker;
use crate::wire::{Number, WireBook, WireLevel, WireStats, WireTicker};

/// A series at a glance, but for its last 24 hours, which the history knows.
pub(crate) fn ticker(exchange: &Exchange, series: &Series) -> WireTicker {
    let terms = &series.instrument;
    let book = exchange.book(terms.id);
    let best_bid = book.and_then(|book| book.best_bid());
    let best_ask = book.and_then(|book| book.best_ask());
    let (min_price, max_price) = price_band(exchange, series);
    let auction = book.and_then(|book| match book.phase() {
        Phase::Auction(auction) => Some(auction),
        Phase::Continuous => None,
    });
    let cross = exchange.indicative(terms.id);
    let decimal = |price: Price| Number(terms.price_to_decimal(price));
    let index = exchange.index(&terms.grade).and_then(|print| print.value).map(Number::from);
    let amount = |level: Option<(Price, Qty)>| {
        level.map_or(Number::default(), |(_, open)| Number::from(open))
    };
    let prices = (best_bid.map(|(price, _)| price), best_ask.map(|(price, _)| price));
    let option = option_ticker(exchange, series, prices);
    WireTicker {
        instrument_name: terms.name.clone(),
        timestamp: exchange.now().millis(),
        state: if auction.is_some() { "auction" } else { listing::state(series) }.to_owned(),
        best_bid_price: best_bid.map(|(price, _)| decimal(price)),
        best_bid_amount: amount(best_bid),
        best_ask_price: best_ask.map(|(price, _)| decimal(price)),
        best_ask_amount: amount(best_ask),
        mark_price: decimal(series.mark),
        last_price: series.last_trade.map(decimal),
        index_price: index,
        open_interest: exchange.open_interest(terms.id).into(),
        min_price,
        max_price,
        indicative_price: cross.map(|cross| decimal(cross.price)),
        indicative_amount: cross.map(|cross| cross.volume.into()),
        auction_until: auction.and_then(|auction| auction.until).map(Nanos::millis),
        settlement_price: Some(decimal(series.settlement_price.unwrap_or(series.mark))),
        estimated_delivery_price: series
            .settlement_price
            .map_or(index, |price| Some(decimal(price))),
        delivery_price: series.settlement_price.map(decimal),
        mark_iv: option.mark_iv,
        bid_iv: option.bid_iv,
        ask_iv: option.ask_iv,
        greeks: option.greeks,
        underlying_price: option.underlying_price,
        underlying_index: option.underlying_index,
        interest_rate: option.interest_rate,
        stats: WireStats::default(),
    }
}

/// The lowest limit that a sell may have, and the highest that a buy may have.
pub(crate) fn price_band(exchange: &Exchange, series: &Series) -> (Number, Number) {
    let terms = &series.instrument;
    let bands = exchange.book(terms.id).map(|book| book.bands()).unwrap_or_default();
    let decimal = |price: Price| Number(terms.price_to_decimal(price));
    let low = bands.low.unwrap_or(Price::from_ticks(1));
    (decimal(low), decimal(bands.high.unwrap_or(Instrument::PRICE_MAX)))
}

/// A series' book, at most `depth` levels a side.
pub(crate) fn book(exchange: &Exchange, series: &Series, depth: usize) -> WireBook {
    let wire = |side| {
        let levels = levels(exchange, series, side).take(depth);
        let terms = &series.instrument;
        levels.map(|(price, open)| WireLevel(terms.price_to_decimal(price).into(), open.into()))
    };
    WireBook {
        change_id: exchange.last_seq().0,
        bids: wire(Side::Buy).collect(),
        asks: wire(Side::Sell).collect(),
        ticker: ticker(exchange, series),
    }
}

/// The levels of one side, best first.
pub(crate) fn levels<'a>(
    exchange: &'a Exchange,
    series: &Series,
    side: Side,
) -> impl Iterator<Item = (Price, Qty)> + use<'a> {
    exchange.book(series.instrument.id).into_iter().flat_map(move |book| book.depth(side))
}
