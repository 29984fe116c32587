//! Parts of a book: its touch, and windows of it.

use exchange::{Exchange, Series, SeriesState};
use instruments::{GradeId, Price, Qty, Side};
use rust_decimal::Decimal;

use super::{index_name, levels};
use crate::wire::{
    Number, WireIndexMessage, WireIndexPrice, WireLevel, WireOptionMark, WireQuote, WireWindow,
};

/// The touch.
pub(crate) fn quote(exchange: &Exchange, series: &Series) -> WireQuote {
    let terms = &series.instrument;
    let best = |side| levels(exchange, series, side).next();
    let price = |level: Option<(Price, Qty)>| {
        level.map(|(price, _)| Number::from(terms.price_to_decimal(price)))
    };
    let amount = |level: Option<(Price, Qty)>| {
        level.map_or(Number::default(), |(_, open)| Number::from(open))
    };
    let (bid, ask) = (best(Side::Buy), best(Side::Sell));
    WireQuote {
        instrument_name: terms.name.clone(),
        timestamp: exchange.now().millis(),
        best_bid_price: price(bid),
        best_bid_amount: amount(bid),
        best_ask_price: price(ask),
        best_ask_amount: amount(ask),
    }
}

/// At most `depth` levels a side, each of `group` ticks: bids rounded down, asks up, so that nobody sees a better price than there is.
pub(crate) fn window(
    exchange: &Exchange,
    series: &Series,
    (group, depth): (i64, usize),
) -> WireWindow {
    let terms = &series.instrument;
    let side = |side| {
        let mut grouped: Vec<(i64, Qty)> = Vec::new();
        for (price, open) in levels(exchange, series, side) {
            let ticks = price.ticks();
            let down = ticks.div_euclid(group).saturating_mul(group);
            let ticks = match side {
                Side::Sell if down < ticks => down.saturating_add(group),
                Side::Buy | Side::Sell => down,
            };
            if let Some((_, sum)) = grouped.last_mut().filter(|(last, _)| *last == ticks) {
                *sum += open;
            } else if grouped.len() == depth {
                break;
            } else {
                grouped.push((ticks, open));
            }
        }
        let decimal = |ticks| terms.price_to_decimal(Price::from_ticks(ticks)).into();
        grouped.into_iter().map(|(ticks, open)| WireLevel(decimal(ticks), open.into())).collect()
    };
    WireWindow {
        instrument_name: terms.name.clone(),
        timestamp: exchange.now().millis(),
        change_id: exchange.last_seq().0,
        bids: side(Side::Buy),
        asks: side(Side::Sell),
    }
}

/// An index, as its channel tells it.
pub(crate) fn index_message(grade: &GradeId, price: &WireIndexPrice) -> WireIndexMessage {
    WireIndexMessage {
        index_name: index_name(grade),
        price: price.index_price,
        timestamp: price.timestamp,
    }
}

/// The marks of a grade's options that trade, by name.
pub(crate) fn option_marks(exchange: &Exchange, grade: &GradeId) -> Vec<WireOptionMark> {
    let options = exchange.series().filter(|series| {
        let terms = &series.instrument;
        terms.grade == *grade && terms.strike().is_some() && series.state == SeriesState::Trading
    });
    let mark = |series: &Series| {
        let terms = &series.instrument;
        let published = exchange.option_risk(terms.id);
        WireOptionMark {
            instrument_name: terms.name.clone(),
            mark_price: terms.price_to_decimal(series.mark).into(),
            // Millionths to percent.
            iv: published.map(|risk| Number(Decimal::new(risk.iv.ppm(), 4))),
        }
    };
    let mut marks: Vec<WireOptionMark> = options.map(mark).collect();
    marks.sort_unstable_by(|a, b| a.instrument_name.cmp(&b.instrument_name));
    marks
}
