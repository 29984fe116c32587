//! Vast.ai: `POST /api/v0/bundles/`, the book of offers.
//!
//! A price is for the whole offer: it is divided by its GPUs. `dph_base` is read; `dph_total` has storage in it. One machine stands in the book
//! as several slices, which is why each record says which machine and whose. Whether anything is rented can be told only from a book that
//! shows rented offers; from any other, nothing is said about it.

use std::collections::BTreeMap;

use instruments::rounding::div_half_even;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::error::{FeedError, FieldProblem};
use super::json::{Fields, Node};
use super::record::{Parsed, PriceKind, PriceRecord, Record, Skipped, Stock, WhySkipped};
use super::source::Source;
use super::{Context, Seen};
use crate::normalise::{Configuration, Market};

/// Where the venue cuts a book off, silently: without a limit, with the largest one that it documents, with ours.
const CUT_OFF: [usize; 3] = [64, 3_000, 10_000];
const OFFER_GPUS_MAX: u32 = 1_024;
const TEXT_MAX: usize = 96;
/// A share is written with six digits or more.
const MILLION: u32 = 1_000_000;

/// What the offers of one machine say together.
struct Machine {
    host: String,
    gpu_name: String,
    total: u32,
    free: u32,
    path: String,
}

/// One row, before its machine is known.
struct Row {
    record: PriceRecord,
    machine: String,
    is_rented: bool,
}

pub(super) fn parse(body: &[u8], context: &Context<'_>) -> Result<Parsed, FeedError> {
    let root = Node::root(body)?.object()?;
    let offers = root.need("offers")?;
    let rows = offers.list()?;
    if CUT_OFF.contains(&rows.len()) {
        return Err(offers.refuse(FieldProblem::CutOff { len: rows.len() }));
    }
    let seen = Seen::of(body, context);
    let mut parsed = Parsed::default();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    let mut machines: BTreeMap<String, Machine> = BTreeMap::new();
    let mut kept: Vec<Row> = Vec::new();
    for node in rows {
        let fields = node.object()?;
        let id = fields.need("id")?;
        let value = id.id()?;
        if let Some(first) = ids.insert(value.clone(), node.path().to_owned()) {
            return Err(id.refuse(FieldProblem::Repeated { value, first }));
        }
        match offer(&fields, value, context, &seen)? {
            Ok(row) => {
                join(&mut machines, &fields, &row, node.path())?;
                kept.push(row);
            }
            Err(why) => parsed.skipped.push(Skipped { field: node.path().to_owned(), why }),
        }
    }
    let shows_rented = kept.iter().any(|row| row.is_rented);
    for Row { mut record, machine, .. } in kept {
        let stock = machines.get(&machine).map(|it| Stock { total: it.total, free: it.free });
        record.stock = stock.filter(|_| shows_rented);
        parsed.records.push(Record::Price(record));
    }
    Ok(parsed)
}

fn offer(
    fields: &Fields<'_>,
    id: String,
    context: &Context<'_>,
    seen: &Seen,
) -> Result<Result<Row, WhySkipped>, FeedError> {
    let gpus = fields.need("num_gpus")?.count(0, OFFER_GPUS_MAX)?;
    if gpus == 0 {
        return Ok(Err(WhySkipped::NotAGpu));
    }
    let name = fields.need("gpu_name")?.text(TEXT_MAX)?;
    let memory = fields.need("gpu_ram")?.number()?.trunc().to_u64();
    let price = fields.need("dph_base")?.price(gpus)?;
    if let Some(bid) = fields.maybe("min_bid") {
        bid.dollars(gpus)?;
    }
    let machine = fields.need("machine_id")?.id()?;
    let host = fields.need("host_id")?.id()?;
    let is_rented = fields.need("rented")?.flag()?;
    let is_rentable = fields.need("rentable")?.flag()?;
    let is_bid = fields.need("is_bid")?.flag()?;
    if let Some(start) = fields.maybe("start_date") {
        start.unix_time(context.fetched_at)?;
    }
    let end = fields.need("end_date")?;
    let end = if end.is_null() { None } else { Some(end.unix()?) };
    let configuration = Configuration {
        market: if is_bid { Market::Spot } else { Market::OnDemand },
        gpus,
        is_verified: verified(fields)?,
        is_datacentre: datacentre(fields)?,
        is_community: None,
        is_linked: None,
    };
    let region = fields.note("geolocation", TEXT_MAX)?;
    if end.is_some_and(|end| end <= context.fetched_at) {
        return Ok(Err(WhySkipped::Ended));
    }
    // Half of the price hangs on who vouches for the machine: unsaid, the offer cannot be restated.
    if configuration.is_verified.is_none() || configuration.is_datacentre.is_none() {
        return Ok(Err(WhySkipped::Incomplete));
    }
    let record = PriceRecord {
        source: Source::Vast,
        offer: id,
        desk: None,
        owner: Some(host),
        machine: Some(machine.clone()),
        class: context.catalogue.identify(&name, memory),
        kind: PriceKind::Ask,
        configuration,
        region,
        price,
        stock: None,
        offered: if is_rentable && !is_rented { gpus } else { 0 },
        owners: None,
        observed_at: seen.observed_at,
        fetched_at: seen.fetched_at,
        raw_hash: seen.raw_hash,
    };
    Ok(Ok(Row { record, machine, is_rented }))
}

/// Adds an offer to its machine. One machine has one host and one kind of GPU.
fn join(
    machines: &mut BTreeMap<String, Machine>,
    fields: &Fields<'_>,
    row: &Row,
    path: &str,
) -> Result<(), FeedError> {
    let host = row.record.owner.clone().unwrap_or_default();
    let gpu_name = fields.need("gpu_name")?.text(TEXT_MAX)?;
    let total = machine_gpus(fields, row.record.configuration.gpus)?;
    let machine = machines.entry(row.machine.clone()).or_insert_with(|| Machine {
        host: host.clone(),
        gpu_name: gpu_name.clone(),
        total,
        free: 0,
        path: path.to_owned(),
    });
    let pairs = [
        ("host_id", &host, &machine.host),
        ("gpu_name", &gpu_name, &machine.gpu_name),
        ("gpu_frac", &total.to_string(), &machine.total.to_string()),
    ];
    if let Some((field, value, before)) = pairs.into_iter().find(|(_, now, then)| now != then) {
        let (value, before) = (value.clone(), before.clone());
        let problem = FieldProblem::Contradicts { value, before, first: machine.path.clone() };
        return Err(fields.refuse(field, problem));
    }
    // Slices overlap: the largest free one is what is free.
    machine.free = machine.free.max(row.record.offered);
    Ok(())
}

/// GPUs of the whole machine: those of the offer over its share of them, to the nearest.
fn machine_gpus(fields: &Fields<'_>, gpus: u32) -> Result<u32, FeedError> {
    let node = fields.need("gpu_frac")?;
    let share = node.number()?;
    if share.is_zero() {
        return Err(node.refuse(FieldProblem::Zero));
    }
    if Decimal::ONE < share {
        let (value, limit) = (share.to_string(), "1".to_owned());
        return Err(node.refuse(FieldProblem::Above { value, limit }));
    }
    let millionths = share.saturating_mul(Decimal::from(MILLION)).round().to_i64().unwrap_or(0);
    let whole = i128::from(gpus).saturating_mul(i128::from(MILLION));
    let total = div_half_even(whole, i128::from(millionths.max(1)));
    u32::try_from(total).ok().filter(|&total| total <= OFFER_GPUS_MAX).ok_or_else(|| {
        let (value, limit) = (total.to_string(), OFFER_GPUS_MAX.to_string());
        node.refuse(FieldProblem::Above { value, limit })
    })
}

fn verified(fields: &Fields<'_>) -> Result<Option<bool>, FeedError> {
    let node = fields.need("verification")?;
    if node.is_null() {
        return Ok(None);
    }
    let found = node.text(TEXT_MAX)?;
    match found.as_str() {
        "verified" => Ok(Some(true)),
        "unverified" | "deverified" => Ok(Some(false)),
        _ => {
            let expected = "verified, unverified or deverified";
            Err(node.refuse(FieldProblem::Word { found, expected }))
        }
    }
}

/// 1 is a datacentre; 0 is not.
fn datacentre(fields: &Fields<'_>) -> Result<Option<bool>, FeedError> {
    let node = fields.need("hosting_type")?;
    if node.is_null() {
        return Ok(None);
    }
    Ok(Some(node.count(0, 3)? == 1))
}
