//! The lines of a replay's output, and how events become such lines.

use instruments::{OrderId, Price, Side};
use matching_engine::{AuctionKind, BookEvent, BookView, Cross, CrossRule};
use serde::Serialize;

use super::Current;
use super::ids::Ids;
use super::tick::Tick;

/// One line out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Output {
    Accepted {
        id: u64,
        /// Only when it is not the limit that was asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        price: Option<String>,
    },
    Rejected {
        id: u64,
        reason: String,
        /// What the price went beyond.
        #[serde(skip_serializing_if = "Option::is_none")]
        limit: Option<String>,
    },
    Trade {
        maker: u64,
        taker: u64,
        price: String,
        qty: u64,
    },
    Cancelled {
        id: u64,
        qty: u64,
        reason: &'static str,
    },
    Amended {
        id: u64,
        /// A market order has none.
        #[serde(skip_serializing_if = "Option::is_none")]
        price: Option<String>,
        qty: u64,
    },
    Triggered {
        id: u64,
    },
    Refreshed {
        id: u64,
        shown: u64,
    },
    AuctionOpened {
        kind: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<u64>,
    },
    AuctionExtended {
        until: u64,
    },
    AuctionEnded {
        /// Absent when nothing traded.
        #[serde(skip_serializing_if = "Option::is_none")]
        price: Option<String>,
        volume: u64,
    },
    Indicative(Option<Indicative>),
    Book {
        bids: Vec<(String, u64)>,
        asks: Vec<(String, u64)>,
    },
}

/// What an uncross would do now.
#[derive(Debug, Serialize)]
pub(super) struct Indicative {
    price: String,
    volume: u64,
    imbalance: i128,
    rule: &'static str,
}

impl Output {
    /// A refusal that is not the engine's.
    pub(super) const fn rejected(id: u64, reason: String) -> Self {
        Self::Rejected { id, reason, limit: None }
    }

    pub(super) fn indicative(cross: Option<Cross>, tick: Tick) -> Self {
        Self::Indicative(cross.map(|cross| Indicative {
            price: tick.text(cross.price),
            volume: cross.volume.lots(),
            imbalance: cross.imbalance,
            rule: match cross.rule {
                CrossRule::Unique => "unique",
                CrossRule::BuyPressure => "buy_pressure",
                CrossRule::SellPressure => "sell_pressure",
                CrossRule::Reference => "reference",
            },
        }))
    }

    pub(super) fn book(book: BookView<'_>, tick: Tick) -> Self {
        let levels = |side| {
            let levels = book.depth(side);
            levels.map(|(price, shown)| (tick.text(price), shown.lots())).collect()
        };
        Self::Book { bids: levels(Side::Buy), asks: levels(Side::Sell) }
    }

    /// Whether it is printed only when everything is.
    pub(super) const fn is_detail(&self) -> bool {
        matches!(
            self,
            Self::Triggered { .. }
                | Self::Refreshed { .. }
                | Self::AuctionOpened { .. }
                | Self::AuctionExtended { .. }
                | Self::AuctionEnded { .. }
        )
    }

    /// The line of an event that the current command caused; events that one bare book cannot have are no line.
    pub(super) fn of(event: &BookEvent, current: Current, ids: &Ids, tick: Tick) -> Option<Self> {
        let id_of = |id: OrderId| ids.caller_of(id).unwrap_or(current.id);
        let text = |price: Option<Price>| price.map(|price| tick.text(price));
        Some(match *event {
            BookEvent::Accepted { id, price, .. } => Self::Accepted {
                id: id_of(id),
                price: text(price.filter(|_| price != current.price)),
            },
            BookEvent::Rejected { reason, .. } => Self::Rejected {
                id: current.id,
                reason: reason.code().to_owned(),
                limit: text(reason.limit()),
            },
            BookEvent::Traded(trade) => Self::Trade {
                maker: id_of(trade.maker),
                taker: id_of(trade.taker),
                price: tick.text(trade.price),
                qty: trade.qty.lots(),
            },
            BookEvent::Cancelled { id, qty, reason, .. } => {
                Self::Cancelled { id: id_of(id), qty: qty.lots(), reason: reason.code() }
            }
            BookEvent::Amended { id, price, qty, .. }
            | BookEvent::Decremented { id, price, qty, .. } => {
                Self::Amended { id: id_of(id), price: text(price), qty: qty.lots() }
            }
            BookEvent::Triggered { id, .. } => Self::Triggered { id: id_of(id) },
            BookEvent::Refreshed { id, shown, .. } => {
                Self::Refreshed { id: id_of(id), shown: shown.lots() }
            }
            BookEvent::AuctionOpened { kind, until, .. } => {
                let until = until.map(|until| until.millis());
                Self::AuctionOpened { kind: word_of(kind), until }
            }
            BookEvent::AuctionExtended { until, .. } => {
                Self::AuctionExtended { until: until.millis() }
            }
            BookEvent::AuctionEnded { price, volume, .. } => {
                Self::AuctionEnded { price: text(price), volume: volume.lots() }
            }
            BookEvent::Implied { .. } | BookEvent::Tripped { .. } => return None,
        })
    }
}

const fn word_of(kind: AuctionKind) -> &'static str {
    match kind {
        AuctionKind::Opening => "opening",
        AuctionKind::Volatility => "volatility",
        AuctionKind::Restart => "restart",
        AuctionKind::Call => "call",
        AuctionKind::Batch => "batch",
    }
}
