//! Lium: `GET /api/public/v1/nodes`, every rentable node with its price per GPU-hour.
//!
//! Under `/v1` fields are only added, and only `id` and `rent_url` are never null: a node that does not say what or how many is left out and
//! counted. A pending price is a price of tomorrow: it is never read as today's.

use std::collections::BTreeMap;

use instruments::Nanos;

use super::error::{FeedError, FieldProblem};
use super::json::{Fields, Node};
use super::record::{Parsed, PriceKind, PriceRecord, Record, Skipped, Stock, WhySkipped};
use super::source::Source;
use super::{Context, Seen};
use crate::normalise::{Configuration, Market};

/// The feed is made anew every minute or so.
const STALE_SECONDS: u64 = 3_600;
const NODE_GPUS_MAX: u32 = 1_024;
const TEXT_MAX: usize = 96;

pub(super) fn parse(body: &[u8], context: &Context<'_>) -> Result<Parsed, FeedError> {
    let root = Node::root(body)?.object()?;
    let mut seen = Seen::of(body, context);
    if let Some(node) = root.maybe("generated_at") {
        seen.observed_at = node.time(context.fetched_at)?;
        let seconds = seen.fetched_at.since(seen.observed_at).nanos().div_euclid(1_000_000_000);
        if STALE_SECONDS < seconds {
            return Err(node.refuse(FieldProblem::Stale { seconds, limit: STALE_SECONDS }));
        }
    }
    let nodes = root.need("nodes")?.list()?;
    if let Some(node) = root.maybe("count") {
        let count = node.whole(u64::MAX)?;
        if usize::try_from(count).ok() != Some(nodes.len()) {
            let (value, before) = (count.to_string(), nodes.len().to_string());
            let problem = FieldProblem::Contradicts { value, before, first: "nodes".to_owned() };
            return Err(node.refuse(problem));
        }
    }
    let mut parsed = Parsed::default();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for node in nodes {
        let fields = node.object()?;
        let id = fields.need("id")?;
        let value = id.id()?;
        if let Some(first) = ids.insert(value.clone(), node.path().to_owned()) {
            return Err(id.refuse(FieldProblem::Repeated { value, first }));
        }
        match offer(&fields, value, context, &seen)? {
            Ok(record) => parsed.records.push(Record::Price(record)),
            Err(why) => parsed.skipped.push(Skipped { field: node.path().to_owned(), why }),
        }
    }
    Ok(parsed)
}

fn offer(
    fields: &Fields<'_>,
    id: String,
    context: &Context<'_>,
    seen: &Seen,
) -> Result<Result<PriceRecord, WhySkipped>, FeedError> {
    // Every documented field has to be there, though most may be null.
    let said = |name: &str| fields.need(name).map(|node| (!node.is_null()).then_some(node));
    let (model, total) = (said("gpu_model")?, said("gpu_count")?);
    let (free, price) = (said("available_gpu_count")?, said("price_per_gpu_hour")?);
    let memory = said("gpu_memory_gb")?.map(|node| node.mib_of_gb()).transpose()?;
    let least = said("min_rentable_gpu_count")?.map(|node| node.count(1, NODE_GPUS_MAX));
    let least = least.transpose()?.unwrap_or(1);
    let market = market(fields)?;
    let is_overdue = change_is_overdue(fields, seen)?;
    let model = model.map(|node| node.text(TEXT_MAX)).transpose()?;
    let total = total.map(|node| node.count(1, NODE_GPUS_MAX)).transpose()?;
    let free = match (free, total) {
        (Some(node), Some(total)) => Some(free_of(&node, total)?),
        (Some(node), None) => Some(node.count(0, NODE_GPUS_MAX)?),
        (None, _) => None,
    };
    let price = price.map(|node| node.price(1)).transpose()?;
    let (Some(model), Some(total), Some(free), Some(market)) = (model, total, free, market) else {
        return Ok(Err(WhySkipped::Incomplete));
    };
    let Some(price) = price else { return Ok(Err(WhySkipped::NoPrice)) };
    if is_overdue {
        return Ok(Err(WhySkipped::ChangeOverdue));
    }
    let offered = if least <= free { free } else { 0 };
    Ok(Ok(PriceRecord {
        source: Source::Lium,
        machine: Some(id.clone()),
        offer: id,
        desk: None,
        owner: fields.maybe("miner_hotkey").map(|node| node.id()).transpose()?,
        class: context.catalogue.identify(&model, memory),
        kind: PriceKind::Ask,
        configuration: Configuration {
            market,
            gpus: if offered == 0 { total } else { offered },
            ..Configuration::REFERENCE
        },
        region: fields.note("country_code", TEXT_MAX)?,
        price,
        stock: Some(Stock { total, free }),
        offered,
        owners: None,
        observed_at: seen.observed_at,
        fetched_at: seen.fetched_at,
        raw_hash: seen.raw_hash,
    }))
}

/// GPUs that are free, of so many.
fn free_of(node: &Node<'_>, total: u32) -> Result<u32, FeedError> {
    let free = node.count(0, NODE_GPUS_MAX)?;
    if total < free {
        let limit = format!("gpu_count of {total}");
        return Err(node.refuse(FieldProblem::Above { value: free.to_string(), limit }));
    }
    Ok(free)
}

/// The terms, where they are said.
fn market(fields: &Fields<'_>) -> Result<Option<Market>, FeedError> {
    let node = fields.need("tier")?;
    if node.is_null() {
        return Ok(None);
    }
    let found = node.text(TEXT_MAX)?;
    match found.as_str() {
        "secure" => Ok(Some(Market::OnDemand)),
        "spot" => Ok(Some(Market::Spot)),
        _ => Err(node.refuse(FieldProblem::Word { found, expected: "secure or spot" })),
    }
}

/// Whether the node announced a price for an instant that has passed, and still shows the old one.
fn change_is_overdue(fields: &Fields<'_>, seen: &Seen) -> Result<bool, FeedError> {
    let pending = fields.maybe("pending_price_per_hour");
    let date = fields.maybe("price_change_effective_date");
    let (Some(pending), Some(date)) = (pending, date) else { return Ok(false) };
    pending.number()?;
    // The one time that may lie ahead.
    let at = date.time(Nanos::new(u64::MAX))?;
    Ok(at <= seen.fetched_at)
}
