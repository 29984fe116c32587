//! Akash, by its console's API: prices from bids, all units, and units by model and day.
//!
//! A price is what providers bid for somebody's order of one GPU, often a pricing bot's: any provider can bid low to a bot that it never has to
//! serve. So the median is read, never the lowest or an average. No price is common, and is left out and counted.

use std::collections::BTreeMap;

use instruments::Nanos;

use super::error::{FeedError, FieldProblem};
use super::json::{Fields, Node};
use super::record::{
    Parsed, PriceKind, PriceRecord, Record, Skipped, Stock, UtilisationRecord, WhySkipped,
};
use super::source::Source;
use super::{Context, Seen, time};
use crate::identity::Identity;
use crate::normalise::Configuration;

const TEXT_MAX: usize = 96;
const UNITS_MAX: u32 = 10_000_000;
const MIB_PER_GIB: u64 = 1_024;

pub(super) fn prices(body: &[u8], context: &Context<'_>) -> Result<Parsed, FeedError> {
    let root = Node::root(body)?.object()?;
    let seen = Seen::of(body, context);
    units(&root.need("availability")?)?;
    let mut parsed = Parsed::default();
    let mut models: BTreeMap<String, String> = BTreeMap::new();
    for node in root.need("models")?.list()? {
        let fields = node.object()?;
        let (name, vram) = named(&fields)?;
        let label = format!("{name} {}", vram.unwrap_or_default());
        if let Some(first) = models.insert(label.clone(), node.path().to_owned()) {
            return Err(node.refuse(FieldProblem::Repeated { value: label, first }));
        }
        let class = context.catalogue.identify(&name, vram);
        let stock = units(&fields.need("availability")?)?;
        let providers = units(&fields.need("providerAvailability")?)?;
        parsed.records.push(Record::Utilisation(UtilisationRecord {
            source: Source::AkashPrices,
            class: Some(class.key().clone()),
            total: Some(stock.total),
            busy: Some(stock.total.saturating_sub(stock.free)),
            pending: 0,
            owners: Some(providers.total),
            observed_at: seen.observed_at,
            fetched_at: seen.fetched_at,
            raw_hash: seen.raw_hash,
        }));
        let price = fields.need("price")?;
        if price.is_null() {
            let field = price.path().to_owned();
            parsed.skipped.push(Skipped { field, why: WhySkipped::NoPrice });
            continue;
        }
        let record = priced(&price, label, class, (stock, providers), &seen)?;
        parsed.records.push(Record::Price(record));
    }
    Ok(parsed)
}

fn priced(
    price: &Node<'_>,
    label: String,
    class: Identity,
    (stock, providers): (Stock, Stock),
    seen: &Seen,
) -> Result<PriceRecord, FeedError> {
    let fields = price.object()?;
    let currency = fields.need("currency")?;
    let found = currency.text(TEXT_MAX)?;
    if found != "USD" {
        return Err(currency.refuse(FieldProblem::Word { found, expected: "USD" }));
    }
    let low = fields.need("min")?.price(1)?;
    let high = fields.need("max")?.price(1)?;
    for name in ["avg", "weightedAverage"] {
        fields.need(name)?.price(1)?;
    }
    let node = fields.need("med")?;
    let median = node.price(1)?;
    if median < low || high < median {
        let value = node.number()?.to_string();
        let before = "range".to_owned();
        let problem = FieldProblem::Contradicts { value, before, first: "min and max".to_owned() };
        return Err(node.refuse(problem));
    }
    Ok(PriceRecord {
        source: Source::AkashPrices,
        offer: label,
        desk: None,
        owner: None,
        machine: None,
        class,
        kind: PriceKind::Bid,
        configuration: Configuration { gpus: 1, ..Configuration::REFERENCE },
        region: None,
        price: median,
        stock: Some(stock),
        offered: stock.free,
        owners: Some(providers.total),
        observed_at: seen.observed_at,
        fetched_at: seen.fetched_at,
        raw_hash: seen.raw_hash,
    })
}

pub(super) fn capacity(body: &[u8], context: &Context<'_>) -> Result<Parsed, FeedError> {
    let root = Node::root(body)?.object()?;
    let seen = Seen::of(body, context);
    let owners = root.need("activeProviderCount")?.count(0, UNITS_MAX)?;
    let gpu = root.need("resources")?.object()?.need("gpu")?.object()?;
    let count = |name: &str| gpu.need(name)?.count(0, UNITS_MAX);
    let (active, pending) = (count("active")?, count("pending")?);
    let (available, total) = (count("available")?, count("total")?);
    let sum = active.saturating_add(pending).saturating_add(available);
    if sum != total {
        let (value, before) = (total.to_string(), sum.to_string());
        let first = "active, pending and available".to_owned();
        return Err(gpu.refuse("total", FieldProblem::Contradicts { value, before, first }));
    }
    let record = UtilisationRecord {
        source: Source::AkashCapacity,
        class: None,
        total: Some(total),
        busy: Some(active),
        pending,
        owners: Some(owners),
        observed_at: seen.observed_at,
        fetched_at: seen.fetched_at,
        raw_hash: seen.raw_hash,
    };
    Ok(Parsed { records: vec![Record::Utilisation(record)], skipped: Vec::new() })
}

/// One row for each day and model; the share that the venue computes is not read, because it is text in some versions and capped.
pub(super) fn breakdown(body: &[u8], context: &Context<'_>) -> Result<Parsed, FeedError> {
    let seen = Seen::of(body, context);
    let mut parsed = Parsed::default();
    let mut rows: BTreeMap<(Nanos, String), String> = BTreeMap::new();
    for node in Node::root(body)?.list()? {
        let fields = node.object()?;
        let date = fields.need("date")?;
        let found = date.text(TEXT_MAX)?;
        let at = time::day(&found).or_else(|| time::instant(&found));
        let at = at.ok_or_else(|| date.refuse(FieldProblem::Time { found }))?;
        let observed_at = date.past(at, context.fetched_at)?;
        let vendor = word(&fields.need("vendor")?)?;
        let model = fields.need("model")?.text(TEXT_MAX)?;
        let name = format!("{vendor} {model}");
        if let Some(first) = rows.insert((at, name.clone()), node.path().to_owned()) {
            return Err(node.refuse(FieldProblem::Repeated { value: name, first }));
        }
        let total = fields.need("totalGpus")?.count(0, UNITS_MAX)?;
        let leased = fields.need("leasedGpus")?;
        let busy = leased.count(0, UNITS_MAX)?;
        if total < busy {
            let (value, limit) = (busy.to_string(), format!("totalGpus of {total}"));
            return Err(leased.refuse(FieldProblem::Above { value, limit }));
        }
        fields.need("nodeCount")?.count(0, UNITS_MAX)?;
        parsed.records.push(Record::Utilisation(UtilisationRecord {
            source: Source::AkashBreakdown,
            class: Some(context.catalogue.identify(&name, None).key().clone()),
            total: Some(total),
            busy: Some(busy),
            pending: 0,
            owners: Some(fields.need("providerCount")?.count(0, UNITS_MAX)?),
            observed_at,
            fetched_at: seen.fetched_at,
            raw_hash: seen.raw_hash,
        }));
    }
    Ok(parsed)
}

/// `total` and `available` of an object, the second at most the first.
fn units(node: &Node<'_>) -> Result<Stock, FeedError> {
    let fields = node.object()?;
    let total = fields.need("total")?.count(0, UNITS_MAX)?;
    let available = fields.need("available")?;
    let free = available.count(0, UNITS_MAX)?;
    if total < free {
        let (value, limit) = (free.to_string(), format!("total of {total}"));
        return Err(available.refuse(FieldProblem::Above { value, limit }));
    }
    Ok(Stock { total, free })
}

/// Vendor, model and interface as one name, and the memory, `80Gi`.
fn named(fields: &Fields<'_>) -> Result<(String, Option<u64>), FeedError> {
    let vendor = word(&fields.need("vendor")?)?;
    let model = fields.need("model")?.text(TEXT_MAX)?;
    let interface = word(&fields.need("interface")?)?;
    let ram = fields.need("ram")?;
    let text = word(&ram)?;
    let digits = text.strip_suffix("Gi").or_else(|| text.strip_suffix("GB"));
    let gib = digits.and_then(|digits| digits.parse::<u16>().ok());
    let vram = match gib {
        _ if text.is_empty() => None,
        Some(gib) => Some(u64::from(gib).saturating_mul(MIB_PER_GIB)),
        None => {
            let problem = FieldProblem::Word { found: text, expected: "a size like 80Gi" };
            return Err(ram.refuse(problem));
        }
    };
    let parts = [vendor, model, interface];
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
    Ok((parts.join(" "), vram))
}

/// Text that may be empty, and `<UNKNOWN>`, which says as little.
fn word(node: &Node<'_>) -> Result<String, FeedError> {
    if node.is_empty_text() {
        return Ok(String::new());
    }
    let text = node.text(TEXT_MAX)?;
    Ok(if text == "<UNKNOWN>" { String::new() } else { text })
}
