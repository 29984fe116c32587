//! RunPod: `POST /graphql`, `gpuTypes`, a price list for each GPU-hour of its own and of its community's machines.
//!
//! Prices are per GPU already. No stock status is no stock; a price of zero is not offered. A list price is not always to be had, which is why
//! these are rate cards and never more.

use std::collections::BTreeMap;

use instruments::MicroUsd;

use super::error::{FeedError, FieldProblem};
use super::json::{Fields, Node};
use super::record::{Parsed, PriceKind, PriceRecord, Record, Skipped, WhySkipped};
use super::source::Source;
use super::{Context, Seen};
use crate::identity::Identity;
use crate::normalise::{Configuration, Market};

const TEXT_MAX: usize = 96;
const MIB_PER_GB: u64 = 1_024;
/// The list is the same for every number of GPUs: it is the price of the reference size.
const PRICES: [(&str, &str, Market, bool); 5] = [
    ("securePrice", "secure", Market::OnDemand, false),
    ("communityPrice", "community", Market::OnDemand, true),
    ("oneMonthPrice", "secure", Market::Reserved, false),
    ("threeMonthPrice", "secure", Market::Reserved, false),
    ("sixMonthPrice", "secure", Market::Reserved, false),
];

pub(super) fn parse(body: &[u8], context: &Context<'_>) -> Result<Parsed, FeedError> {
    let root = Node::root(body)?.object()?;
    if let Some(errors) = root.maybe("errors") {
        let found = "a list of errors".to_owned();
        return Err(errors.refuse(FieldProblem::Word { found, expected: "data alone" }));
    }
    let rows = root.need("data")?.object()?.need("gpuTypes")?.list()?;
    let seen = Seen::of(body, context);
    let mut parsed = Parsed::default();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for node in rows {
        let fields = node.object()?;
        let id = fields.need("id")?;
        let value = id.text(TEXT_MAX)?;
        if let Some(first) = ids.insert(value.clone(), node.path().to_owned()) {
            return Err(id.refuse(FieldProblem::Repeated { value, first }));
        }
        of_type(&fields, &value, context, &mut |field, price, class, place| {
            let field = if field.is_empty() {
                node.path().to_owned()
            } else {
                format!("{}.{field}", node.path())
            };
            match price {
                Ok(price) => parsed.records.push(Record::Price(record(price, class, place, &seen))),
                Err(why) => parsed.skipped.push(Skipped { field, why }),
            }
        })?;
    }
    Ok(parsed)
}

/// Which price of which GPU.
#[derive(Clone, Copy)]
struct Place<'a> {
    id: &'a str,
    field: &'static str,
    desk: &'static str,
    market: Market,
    is_community: bool,
}

type Say<'a> = dyn FnMut(&str, Result<MicroUsd, WhySkipped>, &Identity, Place<'_>) + 'a;

fn of_type(
    fields: &Fields<'_>,
    id: &str,
    context: &Context<'_>,
    say: &mut Say<'_>,
) -> Result<(), FeedError> {
    let name = fields.need("displayName")?.text(TEXT_MAX)?;
    let memory = fields.need("memoryInGb")?.whole(4_096)?;
    let vram = (0 < memory).then(|| memory.saturating_mul(MIB_PER_GB));
    let class = context.catalogue.identify_both(&name, id, vram);
    let stock = stock(&fields.need("lowestPrice")?)?;
    let nowhere =
        Place { id, field: "", desk: "secure", market: Market::OnDemand, is_community: false };
    let mut prices = Vec::new();
    for (field, desk, market, is_community) in PRICES {
        let node = fields.need(field)?;
        let place = Place { id, field, desk, market, is_community };
        if node.is_null() {
            prices.push((place, Err(WhySkipped::NoPrice)));
        } else {
            prices.push((place, node.dollars(1)?.ok_or(WhySkipped::NotOffered)));
        }
    }
    if id == "unknown" {
        say("", Err(WhySkipped::NotAGpu), &class, nowhere);
    } else if !stock {
        say("", Err(WhySkipped::NoStock), &class, nowhere);
    } else {
        for (place, price) in prices {
            say(place.field, price, &class, place);
        }
    }
    Ok(())
}

/// Whether anything is in stock.
fn stock(lowest: &Node<'_>) -> Result<bool, FeedError> {
    if lowest.is_null() {
        return Ok(false);
    }
    let fields = lowest.object()?;
    for name in ["uninterruptablePrice", "minimumBidPrice"] {
        if let Some(node) = fields.maybe(name) {
            node.dollars(1)?;
        }
    }
    let node = fields.need("stockStatus")?;
    if node.is_null() {
        return Ok(false);
    }
    let found = node.text(TEXT_MAX)?;
    if ["High", "Medium", "Low"].contains(&found.as_str()) {
        return Ok(true);
    }
    Err(node.refuse(FieldProblem::Word { found, expected: "High, Medium, Low or null" }))
}

fn record(price: MicroUsd, class: &Identity, place: Place<'_>, seen: &Seen) -> PriceRecord {
    PriceRecord {
        source: Source::Runpod,
        offer: format!("{}/{}", place.id, place.field),
        desk: Some(place.desk),
        owner: None,
        machine: None,
        class: class.clone(),
        kind: PriceKind::List,
        configuration: Configuration {
            market: place.market,
            is_community: Some(place.is_community),
            ..Configuration::REFERENCE
        },
        region: None,
        price,
        stock: None,
        offered: 1,
        owners: None,
        observed_at: seen.observed_at,
        fetched_at: seen.fetched_at,
        raw_hash: seen.raw_hash,
    }
}
