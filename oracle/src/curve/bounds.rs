//! What quotes say about each other: a year is the mean of its quarters, a quarter of its months, whoever quotes them.
//!
//! Days that others cover without gap or overlap can be bought or sold in parts. When a contract's own bid is above what its parts cost, or
//! its own ask below what they fetch, somebody is giving money away, or a quote is wrong. Either is worth an alarm before a curve hides it.

use std::collections::BTreeMap;

use instruments::MicroUsd;
use instruments::rounding::{div_ceil, div_floor};

use super::Days;

/// What a contract is quoted at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// What it delivers.
    pub days: Days,
    /// The best price somebody pays.
    pub bid: Option<MicroUsd>,
    /// The best price somebody takes.
    pub ask: Option<MicroUsd>,
}

/// A contract and its parts that are at odds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The contract's place among the quotes.
    pub whole: usize,
    /// The places of its parts, by day.
    pub parts: Vec<usize>,
    /// Whether the whole is dearer than its parts: sell it and buy them. Otherwise the other way round.
    pub whole_is_dear: bool,
    /// What one GPU-hour of the whole brings, rounded against it.
    pub whole_at: MicroUsd,
    /// What one GPU-hour of the parts costs, rounded against them.
    pub parts_at: MicroUsd,
}

/// The cheapest parts from a day on.
#[derive(Debug, Clone)]
struct Cover {
    /// Price times days.
    cost: i128,
    parts: Vec<usize>,
}

/// Every contract that could be bought and sold at a profit against parts of itself, in the order of the quotes.
#[must_use]
pub fn violations(quotes: &[Quote]) -> Vec<Violation> {
    let mut found = Vec::new();
    for (whole, quote) in quotes.iter().enumerate() {
        let days = i128::from(quote.days.count);
        if days == 0 {
            continue;
        }
        // Sell the whole at its bid and buy the parts at their asks.
        let bought = quote.bid.zip(cheapest(quotes, whole, |part| part.ask.map(MicroUsd::micros)));
        if let Some((bid, cover)) = bought {
            let parts_at = div_ceil(cover.cost, days);
            if parts_at < i128::from(bid.micros()) {
                found.extend(violation((whole, true), bid, parts_at, cover.parts));
            }
        }
        // Buy the whole at its ask and sell the parts at their bids: the dearest parts cost the most negative.
        let negated = |part: &Quote| part.bid.and_then(|bid| bid.micros().checked_neg());
        let sold = quote.ask.zip(cheapest(quotes, whole, negated));
        if let Some((ask, cover)) = sold {
            let parts_at = div_floor(cover.cost.saturating_neg(), days);
            if i128::from(ask.micros()) < parts_at {
                found.extend(violation((whole, false), ask, parts_at, cover.parts));
            }
        }
    }
    found
}

fn violation(
    (whole, whole_is_dear): (usize, bool),
    whole_at: MicroUsd,
    parts_at: i128,
    parts: Vec<usize>,
) -> Option<Violation> {
    let parts_at = MicroUsd::from_i128(parts_at)?;
    Some(Violation { whole, parts, whole_is_dear, whole_at, parts_at })
}

/// The cheapest way to cover a contract's days with others, days counted from the end: the best cover from a day is the best next part and
/// the best cover from where that ends.
fn cheapest(
    quotes: &[Quote],
    whole: usize,
    price: impl Fn(&Quote) -> Option<i64>,
) -> Option<Cover> {
    let days = quotes.get(whole)?.days;
    let mut covers: BTreeMap<u32, Cover> = BTreeMap::new();
    covers.insert(days.end(), Cover { cost: 0, parts: Vec::new() });
    let mut starts: Vec<(usize, &Quote)> = quotes.iter().enumerate().collect();
    starts.sort_by_key(|(place, quote)| (std::cmp::Reverse(quote.days.first), *place));
    for (place, part) in starts {
        let is_within = days.first <= part.days.first && part.days.end() <= days.end();
        if place == whole || !is_within || part.days.count == 0 {
            continue;
        }
        let Some(price) = price(part) else { continue };
        let Some(rest) = covers.get(&part.days.end()) else { continue };
        let cost = i128::from(price).saturating_mul(i128::from(part.days.count));
        let cost = cost.saturating_add(rest.cost);
        if covers.get(&part.days.first).is_none_or(|known| cost < known.cost) {
            let parts = std::iter::once(place).chain(rest.parts.iter().copied()).collect();
            covers.insert(part.days.first, Cover { cost, parts });
        }
    }
    covers.remove(&days.first).filter(|cover| !cover.parts.is_empty())
}
