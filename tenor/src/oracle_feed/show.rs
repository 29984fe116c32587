//! What a body said, for people and as one JSON object. Decimals are written from their text, so that no float touches them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use instruments::{MicroUsd, Nanos};
use oracle::io::feeds::{Observed, Parsed, PriceRecord, Record, Source, UtilisationRecord};
use oracle::{Catalogue, ClassKey, Market, Observation};
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::oracle_index::Timestamp;

/// Everything about one body.
pub(super) struct Shown<'a> {
    pub(super) source: Source,
    pub(super) at: Nanos,
    pub(super) catalogue: &'a Catalogue,
    pub(super) parsed: Parsed,
    pub(super) observed: Observed,
}

/// All sources.
pub(super) fn list(as_json: bool, out: &mut impl Write) -> io::Result<()> {
    if as_json {
        let sources: Vec<Value> = Source::ALL
            .iter()
            .map(|source| {
                let request = source.request();
                json!({
                    "source": source.name(),
                    "venue": source.venue(),
                    "family": source.family().name(),
                    "method": if request.body.is_some() { "POST" } else { "GET" },
                    "url": request.url,
                })
            })
            .collect();
        return writeln!(out, "{}", json!({ "sources": sources }));
    }
    for source in Source::ALL {
        let request = source.request();
        let method = if request.body.is_some() { "POST" } else { "GET" };
        let (name, family) = (source.name(), source.family().name());
        writeln!(out, "{name:<18} {family:<14} {method:<4} {}", request.url)?;
    }
    Ok(())
}

pub(super) fn text(shown: &Shown<'_>, out: &mut impl Write) -> io::Result<()> {
    let at = Timestamp(shown.at);
    let records = shown.parsed.records.len();
    writeln!(out, "{} at {at}: {records} records", shown.source.name())?;
    for record in &shown.parsed.records {
        match record {
            Record::Price(it) => writeln!(
                out,
                "price        {} {} {} per GPU-hour, {} {}, {} GPUs, {} free to take",
                it.offer,
                it.class.key(),
                usd(it.price),
                market(it.configuration.market),
                it.kind.name(),
                it.configuration.gpus,
                it.offered,
            )?,
            Record::Utilisation(it) => {
                let class = it.class.as_ref().map_or("all", ClassKey::as_str);
                let count =
                    |it: Option<u32>| it.map_or_else(|| "?".to_owned(), |it| it.to_string());
                let (busy, total) = (count(it.busy), count(it.total));
                writeln!(out, "utilisation  {class} {busy} of {total} busy")?;
            }
        }
    }
    for (why, count) in skipped(&shown.parsed) {
        writeln!(out, "left out     {count} rows: {why}")?;
    }
    for unused in &shown.observed.unused {
        writeln!(out, "not used     {} {}: {}", unused.offer, unused.class, unused.why)?;
    }
    for (class, it) in &shown.observed.observations {
        let units = it
            .units()
            .map_or_else(String::new, |it| format!(", {} of {} leased", it.leased, it.total));
        writeln!(
            out,
            "observation  {class} {} {} per GPU-hour{}, tier {}, {} machines{units}",
            it.provider(),
            usd(it.price()),
            per_pflop(shown.catalogue, class, it)
                .map_or_else(String::new, |it| format!(" ({it} per PFLOP-hour)")),
            it.tier(),
            it.configs(),
        )?;
    }
    Ok(())
}

pub(super) fn json(shown: &Shown<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut prices = Vec::new();
    let mut units = Vec::new();
    for record in &shown.parsed.records {
        match record {
            Record::Price(it) => prices.push(price(it)?),
            Record::Utilisation(it) => units.push(utilisation(it)),
        }
    }
    let observations: Vec<Box<RawValue>> = shown
        .observed
        .observations
        .iter()
        .map(|(class, it)| observation(shown.catalogue, class, it))
        .collect::<io::Result<_>>()?;
    let unused: Vec<Value> = shown
        .observed
        .unused
        .iter()
        .map(|it| {
            let (class, why) = (it.class.as_str(), it.why.to_string());
            json!({ "offer": it.offer, "class": class, "why": why })
        })
        .collect();
    let whole = Whole {
        source: shown.source.name(),
        fetched_at: Timestamp(shown.at).to_string(),
        prices,
        utilisation: units,
        left_out: skipped(&shown.parsed),
        observations,
        unused,
    };
    writeln!(out, "{}", serde_json::to_string(&whole)?)
}

#[derive(serde::Serialize)]
struct Whole<'a> {
    source: &'a str,
    fetched_at: String,
    prices: Vec<Box<RawValue>>,
    utilisation: Vec<Value>,
    left_out: BTreeMap<&'static str, u64>,
    observations: Vec<Box<RawValue>>,
    unused: Vec<Value>,
}

#[derive(serde::Serialize)]
struct WirePrice<'a> {
    offer: &'a str,
    class: &'a str,
    is_known: bool,
    family: &'a str,
    kind: &'a str,
    market: &'a str,
    gpus: u32,
    offered: u32,
    total_gpus: Option<u32>,
    free_gpus: Option<u32>,
    usd_per_gpu_hour: Box<RawValue>,
    owner: Option<&'a str>,
    machine: Option<&'a str>,
    region: Option<&'a str>,
    observed_at: String,
    raw_hash: String,
}

fn price(it: &PriceRecord) -> io::Result<Box<RawValue>> {
    Ok(serde_json::value::to_raw_value(&WirePrice {
        offer: &it.offer,
        class: it.class.key().as_str(),
        is_known: it.class.known().is_some(),
        family: it.source.family().name(),
        kind: it.kind.name(),
        market: market(it.configuration.market),
        gpus: it.configuration.gpus,
        offered: it.offered,
        total_gpus: it.stock.map(|stock| stock.total),
        free_gpus: it.stock.map(|stock| stock.free),
        usd_per_gpu_hour: RawValue::from_string(usd(it.price))?,
        owner: it.owner.as_deref(),
        machine: it.machine.as_deref(),
        region: it.region.as_deref(),
        observed_at: Timestamp(it.observed_at).to_string(),
        raw_hash: hex::encode(it.raw_hash),
    })?)
}

fn utilisation(it: &UtilisationRecord) -> Value {
    json!({
        "class": it.class.as_ref().map(ClassKey::as_str),
        "total_gpus": it.total,
        "busy_gpus": it.busy,
        "pending_gpus": it.pending,
        "owner_count": it.owners,
        "observed_at": Timestamp(it.observed_at).to_string(),
        "raw_hash": hex::encode(it.raw_hash),
    })
}

#[derive(serde::Serialize)]
struct WireObservation<'a> {
    class: &'a str,
    provider: &'a str,
    cluster: &'a str,
    route: &'a str,
    tier: String,
    usd_per_gpu_hour: Box<RawValue>,
    usd_per_pflop_hour: Option<Box<RawValue>>,
    machines: u32,
    units: Option<u32>,
    leased: Option<u32>,
}

fn observation(
    catalogue: &Catalogue,
    class: &ClassKey,
    it: &Observation,
) -> io::Result<Box<RawValue>> {
    let per_pflop = per_pflop(catalogue, class, it).map(RawValue::from_string).transpose()?;
    Ok(serde_json::value::to_raw_value(&WireObservation {
        class: class.as_str(),
        provider: it.provider().as_str(),
        cluster: it.cluster().as_str(),
        route: it.route().as_str(),
        tier: it.tier().to_string(),
        usd_per_gpu_hour: RawValue::from_string(usd(it.price()))?,
        usd_per_pflop_hour: per_pflop,
        machines: it.configs(),
        units: it.units().map(|units| units.total),
        leased: it.units().map(|units| units.leased),
    })?)
}

fn per_pflop(catalogue: &Catalogue, class: &ClassKey, it: &Observation) -> Option<String> {
    catalogue.class(class)?.per_pflop_hour(it.price()).map(usd)
}

fn skipped(parsed: &Parsed) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for skipped in &parsed.skipped {
        *counts.entry(skipped.why.name()).or_default() += 1;
    }
    counts
}

const fn market(market: Market) -> &'static str {
    match market {
        Market::OnDemand => "on_demand",
        Market::Spot => "spot",
        Market::Reserved => "reserved",
    }
}

fn usd(price: MicroUsd) -> String {
    Decimal::new(price.micros(), 6).normalize().to_string()
}
