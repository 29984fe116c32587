//! Every channel: its name, who may listen, what it tells, and the type of its messages. The specifications are made from this table, and so
//! is what a client is told that has named a channel which there is not.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::lower::Resolution;
use crate::methods::Shape;
use crate::raise::DeliveryMessage;
use crate::wire::{
    WireAccountSummary, WireBlockTrade, WireBookChange, WireCandle, WireIndexMessage, WireJob,
    WireMmpStatus, WireOptionMark, WireOrder, WirePlatformState, WireQuote, WireReport,
    WireSeriesState, WireTask, WireTicker, WireTrade, WireUserChanges, WireUserTrade, WireWindow,
};

/// What is known of a channel.
pub(crate) struct Described {
    /// With its parts that vary in braces.
    pub(crate) name: &'static str,
    pub(crate) is_private: bool,
    pub(crate) does: &'static str,
    pub(crate) message: Shape,
}

const fn public(name: &'static str, message: Shape, does: &'static str) -> Described {
    Described { name, is_private: false, does, message }
}

const fn private(name: &'static str, message: Shape, does: &'static str) -> Described {
    Described { name, is_private: true, does, message }
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// An order, or with `100ms` a list of them.
fn orders(generator: &mut SchemaGenerator) -> Schema {
    let (one, many) = (of::<WireOrder>(generator), of::<Vec<WireOrder>>(generator));
    json_schema!({ "anyOf": [one, many] })
}

/// The fields of a ticker that differ; what has gone is `null`.
fn ticker_change(generator: &mut SchemaGenerator) -> Schema {
    // So that the ticker is among the definitions, and its fields are documented.
    let ticker = of::<WireTicker>(generator);
    json_schema!({
        "type": "object",
        "description": "the fields of a ticker that differ; what has gone is null",
        "required": ["type", "instrument_name", "timestamp"],
        "properties": {
            "type": {
                "type": "string", "enum": ["snapshot", "change"],
                "description": "whether it is the whole ticker",
            },
            "instrument_name": { "type": "string", "description": "which series" },
            "timestamp": {
                "type": "integer", "minimum": 0, "description": "milliseconds since 1970",
            },
        },
        "if": { "properties": { "type": { "const": "snapshot" } } },
        "then": ticker,
    })
}

fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

/// Every channel.
#[rustfmt::skip]
pub(crate) const CHANNELS: &[Described] = &[
    public("book.{instrument_name}.{interval}", of::<WireBookChange>, "a snapshot, then every change of the book, each naming the one before"),
    public("book.{instrument_name}.{group}.{depth}.{interval}", of::<WireWindow>, "the first levels of the book, whole, whenever they are others"),
    public("ticker.{instrument_name}.{interval}", of::<WireTicker>, "one series at a glance, whenever it is another"),
    public("incremental_ticker.{instrument_name}", ticker_change, "the same, then only what differs, every 100 milliseconds at most"),
    public("quote.{instrument_name}", of::<WireQuote>, "the best bid and ask, whenever they are others"),
    public("trades.{instrument_name}.{interval}", of::<Vec<WireTrade>>, "every trade, once, in order"),
    public("trades.{kind}.{currency}.{interval}", of::<Vec<WireTrade>>, "the same of every series of a kind or of what is traded"),
    public("markprice.options.{index_name}", of::<Vec<WireOptionMark>>, "the marks of all options of an index, whenever one is another, every 100 milliseconds at most"),
    public("chart.trades.{instrument_name}.{resolution}", of::<WireCandle>, "the candle that is being made, and each one that is done"),
    public("deribit_price_index.{index_name}", of::<WireIndexMessage>, "an index, whenever it is published"),
    public("instrument.state.{kind}.{currency}", of::<WireSeriesState>, "series that begin and end"),
    public("platform_state", of::<WirePlatformState>, "what the venue lets through, whenever it is something else"),
    public("platform_state.public_methods_state", anything, "nothing: public methods answer for as long as the venue lives"),
    private("user.portfolio.{currency}", of::<WireAccountSummary>, "the account's money, whenever it is another, every 100 milliseconds at most"),
    private("user.changes.{instrument_name}.{interval}", of::<WireUserChanges>, "orders, trades and positions that one command has changed"),
    private("user.changes.{kind}.{currency}.{interval}", of::<WireUserChanges>, "the same of every series"),
    private("user.orders.{instrument_name}.{interval}", orders, "an order, whenever it is another"),
    private("user.orders.{kind}.{currency}.{interval}", orders, "the same of every series"),
    private("user.trades.{instrument_name}.{interval}", of::<Vec<WireUserTrade>>, "own trades, each once, in order"),
    private("user.trades.{kind}.{currency}.{interval}", of::<Vec<WireUserTrade>>, "the same of every series"),
    private("user.reports", of::<WireReport>, "every execution report of the account, once, in order: orders that are accepted, changed, triggered or ended, and trades"),
    private("user.mmp_trigger.{index_name}", of::<WireMmpStatus>, "a group of quotes that was pulled, and until when"),
    private("block_trade_confirmations", of::<WireBlockTrade>, "a block that the account was a party to"),
    private("block_trade_confirmations.{currency}", of::<WireBlockTrade>, "the same"),
    private("user.delivery", of::<DeliveryMessage>, "demands to a seller, and what comes of a delivery"),
    private("user.jobs", of::<WireJob>, "a job, whenever something has happened to it"),
    private("verifier.tasks", of::<WireTask>, "opened rows to be judged; verifiers only"),
];

/// What the part of a name stands for, and its words where they are few.
pub(crate) fn part(name: &str) -> (&'static str, Vec<&'static str>) {
    match name {
        "interval" => ("how often: at once, or every 100 milliseconds", vec!["raw", "100ms"]),
        "group" => {
            ("ticks of one level", vec!["none", "1", "2", "5", "10", "25", "50", "100", "250"])
        }
        "depth" => ("levels of each side", vec!["1", "10", "20"]),
        "resolution" => ("minutes of a candle, or a day", Resolution::names().to_vec()),
        "kind" => ("`any` or a kind of series", Vec::new()),
        "currency" => ("the one currency", vec!["any", "USDC"]),
        "index_name" => ("which index, as `h100_usd`", Vec::new()),
        _ => ("which series", Vec::new()),
    }
}

/// The parts of a channel's name that vary.
pub(crate) fn parts_of(name: &'static str) -> impl Iterator<Item = &'static str> {
    name.split('.').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// The channel that a name is of.
pub(crate) fn describe(name: &str) -> Option<&'static Described> {
    let parts: Vec<&str> = name.split('.').collect();
    CHANNELS.iter().find(|channel| {
        let known: Vec<&str> = channel.name.split('.').collect();
        let is_it = |(known, part): (&str, &&str)| known.starts_with('{') || known == *part;
        known.len() == parts.len() && std::iter::zip(known, &parts).all(is_it)
    })
}

/// Their names, for a client that has named another.
pub(crate) fn known() -> String {
    let names: Vec<&str> = CHANNELS.iter().map(|channel| channel.name).collect();
    names.join(", ")
}
