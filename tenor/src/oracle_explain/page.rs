//! An explanation for people: a page of text.
//!
//! Logarithms of prices are shown as the prices, and differences of them as percent.

use instruments::{MicroUsd, Ppm};
use oracle::{Observation, Voice};
use rust_decimal::Decimal;

use super::{Explained, is_floor, measured, percent_of_log, price_of_log, sentence};
use crate::oracle_index::Timestamp;
use crate::oracle_tape::decimal;

pub(super) fn text(explained: &Explained, grade: &str) -> String {
    let Explained { row, print, shown, explanation } = explained;
    let money = |value: Option<MicroUsd>| value.map_or_else(|| "none".to_owned(), decimal);
    let mut lines = vec![format!("{grade} at {}", Timestamp(print.at))];
    if let Some((seq, written_at)) = row {
        lines.push(format!("row {} of the tape, written at {}", seq.0, Timestamp(*written_at)));
    }
    lines.push(format!(
        "index {}  conf {}  state {}  methodology {}",
        money(print.value),
        decimal(MicroUsd::new(print.conf.ppm())),
        print.state,
        print.methodology,
    ));
    lines.push(sentence(print, &explanation.gates));
    lines.push(String::new());
    lines.extend(inputs(shown));
    lines.push(String::new());
    lines.extend(voices(&explanation.voices));
    if !explanation.ignored.is_empty() {
        lines.push(String::new());
        lines.push("ignored".to_owned());
        for ignored in &explanation.ignored {
            lines.push(format!("  {:<20} {}", ignored.provider.as_str(), ignored.why.as_str()));
        }
    }
    lines.push(String::new());
    let utilisation = explanation.utilisation;
    for (name, value) in [
        ("centre", price_of_log(explanation.center)),
        ("band", percent_of_log(explanation.band) + " %"),
        ("fast", price_of_log(explanation.fast)),
        ("level", price_of_log(explanation.level)),
        ("anchor", percent_of_log(explanation.anchor) + " %"),
        ("price leg", money(explanation.price_leg)),
        ("utilisation leg", money(explanation.utilisation_leg)),
        ("utilisation", utilisation.map_or_else(|| "unknown".to_owned(), |it| percent(it) + " %")),
    ] {
        lines.push(format!("{name:<16} {value}"));
    }
    lines.push(String::new());
    lines.push(format!("{:<16} {:>12} {:>9} {:>12}", "gate", "is", "", "limit"));
    if explanation.gates.is_empty() {
        lines.push("none was looked at".to_owned());
    }
    for gate in &explanation.gates {
        let bound = if is_floor(gate.name) { "at least" } else { "at most" };
        let (is, limit) = (measured(gate.name, gate.is), measured(gate.name, gate.limit));
        let verdict = if gate.is_open { "" } else { "  CLOSED" };
        lines.push(format!("{:<16} {is:>12} {bound:>9} {limit:>12}{verdict}", gate.name.as_str()));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn inputs(shown: &[Observation]) -> Vec<String> {
    let mut lines = vec![format!(
        "{:<20} {:>4} {:>10} {:>8} {:<16} {:<16} seen at",
        "input", "tier", "price", "listings", "owner", "route",
    )];
    lines.extend(shown.iter().map(|input| {
        format!(
            "{:<20} {:>4} {:>10} {:>8} {:<16} {:<16} {}",
            input.provider().as_str(),
            input.tier().to_string(),
            decimal(input.price()),
            input.configs(),
            input.cluster().as_str(),
            input.route().as_str(),
            Timestamp(input.at()),
        )
    }));
    if shown.is_empty() {
        lines.push("none".to_owned());
    }
    lines
}

fn voices(voices: &[Voice]) -> Vec<String> {
    let mut lines = vec![format!(
        "{:<20} {:>4} {:>10} {:>9} {:>10} {:>10} {:>8} {:>8} {:>9}",
        "voice",
        "tier",
        "price",
        "spread %",
        "residual",
        "counts as",
        "share %",
        "capped %",
        "effect %",
    )];
    for voice in voices {
        let mark = if voice.is_winsorised { "*" } else { "" };
        lines.push(format!(
            "{:<20} {:>4} {:>10} {:>9} {:>10} {:>10} {:>8} {:>8} {:>9}",
            voice.provider.as_str(),
            voice.tier.to_string(),
            decimal(voice.price),
            percent_of_log(voice.spread),
            price_of_log(voice.residual),
            price_of_log(voice.winsorised) + mark,
            percent(voice.share_before_cap),
            percent(voice.share),
            percent_of_log(voice.effect),
        ));
    }
    if voices.is_empty() {
        lines.push("nobody votes".to_owned());
    }
    if voices.iter().any(|voice| voice.is_winsorised) {
        lines.push("* beyond the band, counted at its edge".to_owned());
    }
    lines
}

/// Millionths as percent with two digits behind the point.
fn percent(share: Ppm) -> String {
    format!("{:.2}", Decimal::new(share.ppm(), 4))
}
