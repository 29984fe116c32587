//! Clore: `GET /v1/marketplace`, the book of servers.
//!
//! Prices are dollars for the whole server for a day: they are divided by 24 and by its GPUs. A spot price is an owner's floor, often zero,
//! and is not read. The GPUs of a server have to be one kind, as many as its description says.

use std::collections::BTreeMap;

use super::error::{FeedError, FieldProblem};
use super::json::{Fields, Node};
use super::record::{Parsed, PriceKind, PriceRecord, Record, Skipped, Stock, WhySkipped};
use super::source::Source;
use super::{Context, Seen};
use crate::normalise::Configuration;

const TEXT_MAX: usize = 96;
const SERVER_GPUS_MAX: u32 = 256;
const HOURS_PER_DAY: u32 = 24;

pub(super) fn parse(body: &[u8], context: &Context<'_>) -> Result<Parsed, FeedError> {
    let root = Node::root(body)?.object()?;
    let rows = root.need("servers")?.list()?;
    let seen = Seen::of(body, context);
    let mut parsed = Parsed::default();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for node in rows {
        let fields = node.object()?;
        let id = fields.need("id")?;
        let value = id.id()?;
        if let Some(first) = ids.insert(value.clone(), node.path().to_owned()) {
            return Err(id.refuse(FieldProblem::Repeated { value, first }));
        }
        match server(&fields, value, context, &seen)? {
            Ok(record) => parsed.records.push(Record::Price(record)),
            Err(why) => parsed.skipped.push(Skipped { field: node.path().to_owned(), why }),
        }
    }
    Ok(parsed)
}

fn server(
    fields: &Fields<'_>,
    id: String,
    context: &Context<'_>,
    seen: &Seen,
) -> Result<Result<PriceRecord, WhySkipped>, FeedError> {
    let owner = fields.need("owner")?.id()?;
    let is_rented = fields.need("rented")?.flag()?;
    let names = gpu_names(&fields.need("gpu_array")?)?;
    let specs = fields.need("specs")?.object()?;
    let memory = specs.need("gpuram")?.mib_of_gb()?;
    let region = match specs.maybe("net") {
        Some(net) => net.object()?.note("cc", TEXT_MAX)?,
        None => None,
    };
    let described = specs.need("gpu")?;
    let (count, name) = counted(&described.text(TEXT_MAX)?);
    let price = fields.need("price")?.object()?.need("usd")?;
    let Some(total) = u32::try_from(names.len()).ok().filter(|&total| 0 < total) else {
        return Ok(Err(WhySkipped::NotAGpu));
    };
    if count != total {
        let (value, before) = (count.to_string(), total.to_string());
        let first = "gpu_array".to_owned();
        return Err(described.refuse(FieldProblem::Contradicts { value, before, first }));
    }
    if price.is_null() {
        return Ok(Err(WhySkipped::NoPrice));
    }
    let price = price.object()?.need("on_demand_usd")?;
    if price.is_null() {
        return Ok(Err(WhySkipped::NoPrice));
    }
    let Some(price) = price.dollars(total.saturating_mul(HOURS_PER_DAY))? else {
        return Ok(Err(WhySkipped::NotOffered));
    };
    if names.iter().any(|name| Some(name) != names.first()) {
        return Ok(Err(WhySkipped::MixedNode));
    }
    let listed = names.first().map_or("", String::as_str);
    let free = if is_rented { 0 } else { total };
    Ok(Ok(PriceRecord {
        source: Source::Clore,
        machine: Some(id.clone()),
        offer: id,
        desk: None,
        owner: Some(owner),
        class: context.catalogue.identify_both(&name, listed, Some(memory)),
        kind: PriceKind::Ask,
        configuration: Configuration { gpus: total, ..Configuration::REFERENCE },
        region,
        price,
        stock: Some(Stock { total, free }),
        offered: free,
        owners: None,
        observed_at: seen.observed_at,
        fetched_at: seen.fetched_at,
        raw_hash: seen.raw_hash,
    }))
}

/// A list of names, or of lists of them.
fn gpu_names(node: &Node<'_>) -> Result<Vec<String>, FeedError> {
    let mut names = Vec::new();
    for row in node.list()? {
        if row.is_list() {
            for inner in row.list()? {
                names.push(inner.text(TEXT_MAX)?);
            }
        } else {
            names.push(row.text(TEXT_MAX)?);
        }
    }
    let limit = usize::try_from(SERVER_GPUS_MAX).unwrap_or(usize::MAX);
    if limit < names.len() {
        return Err(node.refuse(FieldProblem::TooMany { len: names.len(), limit }));
    }
    Ok(names)
}

/// `8x NVIDIA H100 80GB HBM3` is eight; without a count it is one.
fn counted(text: &str) -> (u32, String) {
    let counted = text
        .split_once(['x', 'X'])
        .and_then(|(count, name)| Some((count.trim().parse().ok()?, name.trim().to_owned())));
    counted.unwrap_or((1, text.to_owned()))
}
