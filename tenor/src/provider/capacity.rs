//! `tenor agent capacity`: when which machines are free, and what of the venue's calendar they can deliver.
//!
//! A contract is a number of GPUs for every hour of its delivery period, so what can be offered of it is the least that is free on any of
//! its days, in whole nodes.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use api::client::Client;
use api::venue::VenueClock;
use api::wire::{Number, WirePosition};
use clap::Args;
use instruments::{
    Date, GradeId, Nanos, Product, SeriesTerms, Style, launch_grades, series_of_grade,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::commands::{runtime, secret};
use crate::figures::shown;
use crate::ledger::Day;

/// Rows of a file.
const ROWS_MAX: usize = 10_000;
/// GPUs of one row.
const GPUS_MAX: u32 = 65_536;

/// Which calendar, and what to do with it.
#[derive(Debug, Clone, Args)]
pub(crate) struct CapacityArgs {
    /// CSV with grade,node,gpus,from,to,reserve,maintenance, or TOML with the same in a table `capacity`.
    ///
    /// Days are UTC, `to` is the first day on which the machine is not there. `reserve` GPUs of it are not offered; a row with maintenance =
    /// true takes the machine out of an offer of its own.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Subtract what the account has sold at this venue, ws://HOST:PORT/ws/api/v2.
    #[arg(long, value_name = "WS", requires = "client_id", requires = "client_secret_file")]
    pub(crate) url: Option<String>,
    /// From `tenor account create`.
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// A file that holds the client secret and nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) client_secret_file: Option<PathBuf>,
    /// Place resting sell orders for what is offered, at --price.
    #[arg(long, requires = "url", requires = "price")]
    pub(crate) submit: bool,
    /// Dollars per GPU-hour by grade, for example H100=2.50; repeat it for each grade.
    #[arg(long, value_name = "GRADE=USD")]
    pub(crate) price: Vec<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// One machine for some days.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    grade: String,
    node: String,
    gpus: u32,
    from: String,
    to: String,
    #[serde(default)]
    reserve: u32,
    #[serde(default)]
    maintenance: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Calendar {
    capacity: Vec<Row>,
}

/// A row that has been read, in days since 1970.
#[derive(Debug, Clone)]
struct Span {
    row: usize,
    grade: GradeId,
    node: String,
    from: u64,
    until: u64,
    offered: u32,
    is_maintenance: bool,
}

/// What can be sold of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Offer {
    grade: GradeId,
    instrument: String,
    from: Date,
    until: Date,
    free: u32,
    sold: u32,
    gpus: u32,
}

/// Reads the calendar and says what it offers.
///
/// # Errors
/// When the file has a row that cannot be, which is named, or the venue refuses.
pub(crate) fn run(args: &CapacityArgs, out: &mut impl Write) -> Result<ExitCode> {
    let spans = read(&args.file)?;
    check_overlaps(&spans)?;
    let client = args.url.as_deref().map(|url| Venue::log_in(args, url)).transpose()?;
    let sold = client.as_ref().map(Venue::sold).transpose()?.unwrap_or_default();
    let offers = offers(&spans, &sold, VenueClock::System.now());
    let prices = prices(&args.price)?;
    if args.json {
        let offers: Vec<Value> = offers.iter().map(offer_json).collect();
        writeln!(out, "{}", json!({ "offers": offers, "rows": spans.len() }))?;
    } else {
        tell(&offers, out)?;
    }
    if let Some(venue) = client.as_ref().filter(|_| args.submit) {
        for offer in &offers {
            let price = prices.get(offer.grade.as_str());
            let price = price.with_context(|| format!("--price: none for {}", offer.grade))?;
            let order = venue.sell(offer, price)?;
            if !args.json {
                writeln!(
                    out,
                    "sell {} {} at {price}: order {order}",
                    offer.gpus, offer.instrument
                )?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> Result<Vec<Span>> {
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let rows: Vec<Row> = if file.extension().is_some_and(|extension| extension == "toml") {
        toml::from_str::<Calendar>(&text).with_context(|| name.to_string())?.capacity
    } else {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.deserialize().collect::<Result<_, _>>().with_context(|| name.to_string())?
    };
    ensure!(rows.len() <= ROWS_MAX, "{name}: {} rows, limit {ROWS_MAX}", rows.len());
    (1..).zip(&rows).map(|(number, row)| span(number, row)).collect()
}

fn span(number: usize, row: &Row) -> Result<Span> {
    let of = |field: &str| format!("row {number}: {field}");
    let grade = GradeId::new(&row.grade);
    let grade = grade.with_context(|| format!("{} `{}`", of("grade"), shown(&row.grade)))?;
    ensure!(
        launch_grades().iter().any(|known| known.id == grade),
        "{}: no grade is called {grade}",
        of("grade")
    );
    ensure!(!row.node.is_empty() && row.node.len() <= 64, "{} must have 1 to 64 bytes", of("node"));
    ensure!((1..=GPUS_MAX).contains(&row.gpus), "{} must be 1 to {GPUS_MAX}", of("gpus"));
    ensure!(row.reserve <= row.gpus, "{}: {} of {} GPUs", of("reserve"), row.reserve, row.gpus);
    let day = |field: &str, text: &str| -> Result<u64> {
        let day: Day = text.parse().with_context(|| of(field))?;
        Ok(day.0.days())
    };
    let (from, until) = (day("from", &row.from)?, day("to", &row.to)?);
    ensure!(from < until, "{}: {} is not after {}", of("to"), row.to, row.from);
    Ok(Span {
        row: number,
        grade,
        node: row.node.clone(),
        from,
        until,
        offered: row.gpus - row.reserve,
        is_maintenance: row.maintenance,
    })
}

/// A machine is offered once at a time, and taken out only of its own offer.
fn check_overlaps(spans: &[Span]) -> Result<()> {
    let mut by_node: BTreeMap<&str, Vec<&Span>> = BTreeMap::new();
    for span in spans {
        by_node.entry(&span.node).or_default().push(span);
    }
    for (node, mut spans) in by_node {
        spans.sort_by_key(|span| (span.from, span.row));
        let offers: Vec<&&Span> = spans.iter().filter(|span| !span.is_maintenance).collect();
        for (one, other) in offers.iter().zip(offers.iter().skip(1)) {
            if other.from < one.until {
                let (node, one, other) = (shown(node), one.row, other.row);
                bail!("rows {one} and {other} offer node {node} at the same time");
            }
        }
        for out in spans.iter().filter(|span| span.is_maintenance) {
            let is_inside = |offer: &&&Span| offer.from <= out.from && out.until <= offer.until;
            if !offers.iter().any(is_inside) {
                let (node, row) = (shown(node), out.row);
                bail!("row {row} takes node {node} out for maintenance, which no row offers then");
            }
        }
    }
    Ok(())
}

/// What the calendar leaves of every physical contract that can be bought now.
fn offers(spans: &[Span], sold: &BTreeMap<String, u32>, now: Nanos) -> Vec<Offer> {
    let mut offers = Vec::new();
    for grade in launch_grades() {
        let of_grade: Vec<&Span> = spans.iter().filter(|span| span.grade == grade.id).collect();
        if of_grade.is_empty() {
            continue;
        }
        let series: Vec<SeriesTerms> = series_of_grade(grade.id.as_str(), now)
            .into_iter()
            .filter(|terms| matches!(terms.product, Product::Future { style: Style::Physical, .. }))
            .collect();
        // What one contract has sold is gone from every other whose days it shares.
        let taken = |day: u64| {
            let shares = series.iter().filter(|terms| days(terms).contains(&day));
            shares.filter_map(|terms| sold.get(&terms.name)).sum::<u32>()
        };
        for terms in &series {
            let days = days(terms);
            let (from, until) = (days.start, days.end);
            let free = days.clone().map(|day| free(&of_grade, day)).min().unwrap_or(0);
            let left = days.map(|day| free_after(&of_grade, day, taken(day))).min().unwrap_or(0);
            let gpus = left - left % grade.node_size.max(1);
            if 0 < gpus {
                offers.push(Offer {
                    grade: grade.id.clone(),
                    instrument: terms.name.clone(),
                    from: Date::from_days(from),
                    until: Date::from_days(until),
                    free,
                    sold: free.saturating_sub(left),
                    gpus,
                });
            }
        }
    }
    offers
}

/// The days on which a contract delivers.
fn days(terms: &SeriesTerms) -> std::ops::Range<u64> {
    let from = Date::of(terms.schedule.deliver_from).days();
    // An instant at midnight ends the day before.
    let last = Nanos::new(terms.schedule.deliver_until.nanos().saturating_sub(1));
    from..Date::of(last).days().saturating_add(1)
}

fn free(spans: &[&Span], day: u64) -> u32 {
    let on = |span: &&&Span| (span.from..span.until).contains(&day);
    let out: Vec<&str> =
        spans.iter().filter(on).filter(|it| it.is_maintenance).map(|it| it.node.as_str()).collect();
    let offered = spans.iter().filter(on).filter(|span| !span.is_maintenance);
    offered
        .filter(|span| !out.contains(&span.node.as_str()))
        .fold(0_u32, |sum, span| sum.saturating_add(span.offered))
}

fn free_after(spans: &[&Span], day: u64, sold: u32) -> u32 {
    free(spans, day).saturating_sub(sold)
}

fn prices(texts: &[String]) -> Result<BTreeMap<String, Number>> {
    let read = |text: &String| {
        let pair = text.split_once('=');
        let (grade, usd) = pair.with_context(|| format!("--price: `{}`", shown(text)))?;
        let usd = Number::parse(usd).with_context(|| format!("--price: {}", shown(grade)))?;
        Ok((grade.to_owned(), usd))
    };
    texts.iter().map(read).collect()
}

fn tell(offers: &[Offer], out: &mut impl Write) -> std::io::Result<()> {
    if offers.is_empty() {
        return writeln!(out, "nothing of the calendar covers a whole contract with a whole node");
    }
    writeln!(
        out,
        "{:<26} {:<12} {:<12} {:>6} {:>6} {:>6}",
        "contract", "from", "to", "free", "sold", "offer"
    )?;
    for offer in offers {
        let Offer { instrument, from, until, free, sold, gpus, .. } = offer;
        let (from, until) = (Day(*from).to_string(), Day(*until).to_string());
        writeln!(out, "{instrument:<26} {from:<12} {until:<12} {free:>6} {sold:>6} {gpus:>6}")?;
    }
    Ok(())
}

fn offer_json(offer: &Offer) -> Value {
    json!({
        "grade": offer.grade.as_str(),
        "instrument_name": offer.instrument,
        "from": Day(offer.from).to_string(),
        "to": Day(offer.until).to_string(),
        "free_gpus": offer.free,
        "sold_gpus": offer.sold,
        "offer_gpus": offer.gpus,
    })
}

/// A venue that the account is logged in at.
struct Venue {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Venue {
    fn log_in(args: &CapacityArgs, url: &str) -> Result<Self> {
        let id = args.client_id.as_deref().context("--client-id is missing")?;
        let file = args.client_secret_file.as_deref().context("--client-secret-file is missing")?;
        let (runtime, secret) = (runtime()?, secret(file)?);
        let client = runtime.block_on(async {
            let (client, _) = Client::connect(url).await?;
            client.auth(id, &secret).await?;
            Ok::<_, api::client::ClientError>(client)
        })?;
        Ok(Self { runtime, client })
    }

    /// Lots that the account is short, by contract: it owes their delivery, or will.
    fn sold(&self) -> Result<BTreeMap<String, u32>> {
        let asked = self.client.call_as::<Vec<WirePosition>>("private/get_positions", "{}");
        let positions = self.runtime.block_on(asked)?;
        let short = positions.into_iter().filter(|position| position.size.0.is_sign_negative());
        let lots = |size: Number| u32::try_from(size.0.abs().trunc().mantissa()).ok();
        Ok(short.filter_map(|it| Some((it.instrument_name, lots(it.size)?))).collect())
    }

    /// Places a resting order that never takes.
    fn sell(&self, offer: &Offer, price: &Number) -> Result<String> {
        let params = json!({
            "instrument_name": offer.instrument, "amount": offer.gpus, "type": "limit",
            "price": price, "post_only": true,
        });
        let placed = self.runtime.block_on(self.client.call("private/sell", params));
        let placed = placed.with_context(|| format!("sell {}", offer.instrument))?;
        let id = placed.pointer("/order/order_id").and_then(Value::as_str);
        Ok(id.unwrap_or("without a number").to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 12:00 UTC.
    const NOW: Nanos = Nanos::from_seconds(1_795_262_400);

    fn calendar(text: &str) -> Result<Vec<Span>> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("calendar.csv");
        std::fs::write(&path, format!("grade,node,gpus,from,to,reserve,maintenance\n{text}"))?;
        let spans = read(&path)?;
        check_overlaps(&spans)?;
        Ok(spans)
    }

    fn offered(text: &str, sold: &[(&str, u32)]) -> Vec<(String, u32)> {
        let sold = sold.iter().map(|(name, lots)| ((*name).to_owned(), *lots)).collect();
        let offers = offers(&calendar(text).unwrap(), &sold, NOW);
        offers.into_iter().map(|offer| (offer.instrument, offer.gpus)).collect()
    }

    #[test]
    fn a_contract_is_offered_in_whole_nodes_by_its_least_free_day() {
        // December is one month, five weeks at least in part, and the days that are listed.
        let two =
            "H100,a,8,2026-12-01,2027-01-01,0,false\nH100,b,8,2026-12-01,2027-01-01,0,false\n";
        let offers = offered(two, &[]);
        assert!(offers.iter().all(|(_, gpus)| *gpus == 16), "{offers:?}");
        let month = offers.iter().find(|(name, _)| name == "H100_USDC-27NOV26");
        assert!(month.is_some(), "{offers:?}");
        // A day of maintenance costs the month a node, and a reserved GPU the same.
        let out = format!("{two}H100,b,8,2026-12-10,2026-12-11,0,true\n");
        let of = |offers: &[(String, u32)]| {
            offers.iter().find(|it| it.0 == "H100_USDC-27NOV26").unwrap().1
        };
        assert_eq!(of(&offered(&out, &[])), 8);
        let reserved =
            two.replace("H100,b,8,2026-12-01,2027-01-01,0", "H100,b,8,2026-12-01,2027-01-01,1");
        assert_eq!(of(&offered(&reserved, &[])), 8);
        // What is sold of the month is gone from its days and weeks.
        let left = offered(two, &[("H100_USDC-27NOV26", 8)]);
        assert!(left.iter().all(|(_, gpus)| *gpus == 8), "{left:?}");
        assert!(offered("H100,a,7,2026-12-01,2027-01-01,0,false\n", &[]).is_empty());
    }

    #[test]
    fn a_row_that_cannot_be_is_named() {
        let refused = |text: &str| format!("{:#}", calendar(text).unwrap_err());
        assert_eq!(
            refused("H100,a,8,2026-12-01,2026-12-01,0,false\n"),
            "row 1: to: 2026-12-01 is not after 2026-12-01"
        );
        assert_eq!(
            refused("H100,a,8,2026-12-01,2026-12-09,9,false\n"),
            "row 1: reserve: 9 of 8 GPUs"
        );
        assert_eq!(
            refused("H9,a,8,2026-12-01,2026-12-09,0,false\n"),
            "row 1: grade: no grade is called H9"
        );
        assert!(refused("H100,a,8,2026-13-01,2026-12-09,0,false\n").starts_with("row 1: from: "));
        let twice =
            "H100,a,8,2026-12-01,2026-12-09,0,false\nH200,a,8,2026-12-08,2026-12-12,0,false\n";
        assert_eq!(refused(twice), "rows 1 and 2 offer node a at the same time");
        let out = "H100,a,8,2026-12-01,2026-12-09,0,false\nH100,a,8,2026-12-08,2026-12-12,0,true\n";
        assert_eq!(
            refused(out),
            "row 2 takes node a out for maintenance, which no row offers then"
        );
    }
}
