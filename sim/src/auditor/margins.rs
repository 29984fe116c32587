//! The auditor's margin terms: rates by grade, what can be delivered, how far open interest and the delivery ladder have moved them.
//!
//! Absent: portfolios. An account in portfolio mode is left out of the comparison of holds; the exchange's own tests compute those again.

use std::collections::{BTreeMap, BTreeSet};

use exchange::{Event, MarginMode};
use instruments::rounding::div_ceil;
use instruments::{AccountId, GradeId, Instrument, InstrumentId, Nanos, Product, Style};

use super::positions::value;
use crate::finding::Finding;

const ONE: i128 = 1_000_000;
const LADDER: [i128; 6] = [0, 100_000, 250_000, 450_000, 700_000, ONE];

/// What margin follows from beside positions and marks.
#[derive(Debug, Clone, Default)]
pub(super) struct Margins {
    deliverable: BTreeMap<GradeId, i128>,
    scales: BTreeMap<InstrumentId, i128>,
    steps: BTreeMap<InstrumentId, u8>,
    by_portfolio: BTreeSet<AccountId>,
}

/// A grade's rates, in ppm.
struct Rates {
    initial: i128,
    slope: i128,
    deliver_sell: i128,
    scale_from: i128,
    scale_to: i128,
    option: [i128; 3],
}

fn rates(grade: &GradeId) -> Rates {
    match grade.as_str() {
        "H100" | "A100" | "H200" | "RTX4090" => Rates {
            initial: 200_000,
            slope: ONE,
            deliver_sell: 400_000,
            scale_from: 250_000,
            scale_to: 750_000,
            option: [250_000, 150_000, 100_000],
        },
        _ => Rates {
            initial: 300_000,
            slope: 2 * ONE,
            deliver_sell: 600_000,
            scale_from: 150_000,
            scale_to: 500_000,
            option: [400_000, 300_000, 200_000],
        },
    }
}

impl Margins {
    pub(super) fn read(&mut self, event: &Event) {
        if let Event::CapacityRegistered { grade, deliverable, .. } = event {
            self.deliverable.insert(grade.clone(), i128::from(deliverable.lots()));
        }
        if let Event::MarginModeChanged { account, mode } = event {
            match mode {
                MarginMode::Portfolio => self.by_portfolio.insert(*account),
                MarginMode::Standard => self.by_portfolio.remove(account),
            };
        }
    }

    /// A series' open interest was looked at: `open` lots are held long.
    pub(super) fn scale(
        &mut self,
        terms: &Instrument,
        said: i128,
        open: i128,
    ) -> Result<(), Finding> {
        let whole = self.deliverable.get(&terms.grade).copied().unwrap_or(0);
        let rates = rates(&terms.grade);
        let above = (open * ONE - whole * rates.scale_from) * ONE;
        let span = (rates.scale_to - rates.scale_from) * whole;
        let due = if whole == 0 { 0 } else { div_ceil(above, span).clamp(0, ONE) };
        self.scales.insert(terms.id, said);
        if due == said { Ok(()) } else { Err(Finding::Scale { instrument: terms.id, said, due }) }
    }

    /// The ladder's steps end with the last trade.
    pub(super) fn climb(&mut self, terms: &Instrument, step: u8, at: Nanos) -> Result<(), Finding> {
        self.steps.insert(terms.id, step);
        let left = terms.schedule.last_trade_at.since(at).nanos();
        let steps_left = left.div_ceil(terms.schedule.ladder_step.nanos().max(1)).max(1);
        let due = 6_u64.saturating_sub(steps_left);
        if due == u64::from(step) {
            return Ok(());
        }
        let (said, due) = (i128::from(step), i128::from(due));
        Err(Finding::Scale { instrument: terms.id, said, due })
    }

    /// What so many lots on a side ask for.
    pub(super) fn initial(
        &self,
        (terms, mark): (&Instrument, instruments::Price),
        lots: i128,
        is_long: bool,
    ) -> i128 {
        let lots = lots.max(0);
        let rates = rates(&terms.grade);
        let is_delivered = matches!(terms.product, Product::Future { style: Style::Physical, .. });
        let whole = self.deliverable.get(&terms.grade).copied().filter(|_| is_delivered);
        let whole = whole.unwrap_or(0);
        let slope = if whole == 0 { 0 } else { div_ceil(lots * rates.slope, whole) };
        let plain = (rates.initial + slope).min(ONE);
        let scale = self.scales.get(&terms.id).copied().unwrap_or(0);
        let scaled = plain + div_ceil((ONE - plain) * scale, ONE);
        let step = self.steps.get(&terms.id).copied().unwrap_or(0);
        let target = if is_long { ONE } else { rates.deliver_sell };
        let ladder = LADDER.get(usize::from(step)).copied().unwrap_or(ONE);
        let rate = scaled.max(div_ceil(ladder * target, ONE));
        div_ceil(value(terms, mark, lots) * rate, ONE)
    }

    /// What a short option needs: of its future at the money, at least, and of a put's mark.
    pub(super) fn option_rates(&self, terms: &Instrument) -> [i128; 3] {
        rates(&terms.grade).option
    }

    pub(super) fn is_by_portfolio(&self, account: AccountId) -> bool {
        self.by_portfolio.contains(&account)
    }
}
