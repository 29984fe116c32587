//! An explanation as one JSON object. Decimals are written from their text, so that no float touches them.

use instruments::{MicroUsd, Ppm};
use oracle::{NanoLog, Observation};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Result;
use serde_json::value::RawValue;

use super::{Explained, is_floor, measured, sentence};
use crate::oracle_index::Timestamp;
use crate::oracle_tape::decimal;

type Number = Box<RawValue>;

#[derive(Serialize)]
struct WireExplanation<'a> {
    grade: &'a str,
    ts: String,
    row: Option<u64>,
    written_at: Option<String>,
    index: Option<Number>,
    conf: Number,
    state: String,
    methodology: u16,
    why: String,
    inputs: Vec<WireInput<'a>>,
    voices: Vec<WireVoice<'a>>,
    ignored: Vec<WireIgnored<'a>>,
    center: Number,
    band: Number,
    fast: Number,
    level: Number,
    anchor: Number,
    price_leg: Option<Number>,
    utilisation_leg: Option<Number>,
    utilisation: Option<Number>,
    gates: Vec<WireGate>,
}

#[derive(Serialize)]
struct WireInput<'a> {
    provider: &'a str,
    cluster: &'a str,
    route: &'a str,
    tier: String,
    price: Number,
    listings: u32,
    at: String,
}

/// Levels, spreads and effects are natural logarithms of micro-dollars, and differences of such.
#[derive(Serialize)]
struct WireVoice<'a> {
    provider: &'a str,
    cluster: &'a str,
    tier: String,
    price: Number,
    level: Number,
    spread: Number,
    residual: Number,
    winsorised: Number,
    is_winsorised: bool,
    share_before_cap: Number,
    share: Number,
    effect: Number,
}

#[derive(Serialize)]
struct WireIgnored<'a> {
    provider: &'a str,
    why: &'static str,
}

#[derive(Serialize)]
struct WireGate {
    name: &'static str,
    is_open: bool,
    is: Number,
    limit: Number,
    /// Whether the limit is the least, and not the most.
    is_floor: bool,
}

fn number(text: String) -> Result<Number> {
    RawValue::from_string(text)
}

fn money(value: MicroUsd) -> Result<Number> {
    number(decimal(value))
}

fn log(nanos: NanoLog) -> String {
    Decimal::new(nanos.nanos(), 9).normalize().to_string()
}

fn input(input: &Observation) -> Result<WireInput<'_>> {
    Ok(WireInput {
        provider: input.provider().as_str(),
        cluster: input.cluster().as_str(),
        route: input.route().as_str(),
        tier: input.tier().to_string(),
        price: money(input.price())?,
        listings: input.configs(),
        at: Timestamp(input.at()).to_string(),
    })
}

fn share(share: Ppm) -> Result<Number> {
    money(MicroUsd::new(share.ppm()))
}

pub(super) fn json(explained: &Explained, grade: &str) -> Result<String> {
    let Explained { row, print, shown, explanation } = explained;
    let voices = explanation.voices.iter().map(|voice| {
        Ok(WireVoice {
            provider: voice.provider.as_str(),
            cluster: voice.cluster.as_str(),
            tier: voice.tier.to_string(),
            price: money(voice.price)?,
            level: number(log(voice.level))?,
            spread: number(log(voice.spread))?,
            residual: number(log(voice.residual))?,
            winsorised: number(log(voice.winsorised))?,
            is_winsorised: voice.is_winsorised,
            share_before_cap: share(voice.share_before_cap)?,
            share: share(voice.share)?,
            effect: number(log(voice.effect))?,
        })
    });
    let gates = explanation.gates.iter().map(|gate| {
        Ok(WireGate {
            name: gate.name.as_str(),
            is_open: gate.is_open,
            is: number(measured(gate.name, gate.is))?,
            limit: number(measured(gate.name, gate.limit))?,
            is_floor: is_floor(gate.name),
        })
    });
    let ignored = explanation.ignored.iter().map(|ignored| WireIgnored {
        provider: ignored.provider.as_str(),
        why: ignored.why.as_str(),
    });
    serde_json::to_string(&WireExplanation {
        grade,
        ts: Timestamp(print.at).to_string(),
        row: row.map(|(seq, _)| seq.0),
        written_at: row.map(|(_, at)| Timestamp(at).to_string()),
        index: print.value.map(money).transpose()?,
        conf: share(print.conf)?,
        state: print.state.to_string(),
        methodology: print.methodology,
        why: sentence(print, &explanation.gates),
        inputs: shown.iter().map(input).collect::<Result<_>>()?,
        voices: voices.collect::<Result<_>>()?,
        ignored: ignored.collect(),
        center: number(log(explanation.center))?,
        band: number(log(explanation.band))?,
        fast: number(log(explanation.fast))?,
        level: number(log(explanation.level))?,
        anchor: number(log(explanation.anchor))?,
        price_leg: explanation.price_leg.map(money).transpose()?,
        utilisation_leg: explanation.utilisation_leg.map(money).transpose()?,
        utilisation: explanation.utilisation.map(share).transpose()?,
        gates: gates.collect::<Result<_>>()?,
    })
}
