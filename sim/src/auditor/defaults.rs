//! The auditor's view of liquidation: who was below maintenance, what slices may cost, who is closed out against whom and for what.
//!
//! It is told money before what depends on it, so that it can recompute equities from its own balances.

use std::collections::BTreeMap;

use exchange::{DefaultEvent, MoveCause, SplitPurpose};
use instruments::rounding::{div_ceil, div_floor};
use instruments::{AccountId, InstrumentId, MicroUsd, Price, Qty};
use settlement::DefaultTerms;

use super::losses::{Cycle, check_split};
use super::positions::value;
use super::{Auditor, Sheet};
use crate::finding::{DefaultFault, Finding};

/// Who is being liquidated, and what is being closed out.
#[derive(Debug, Clone)]
pub(super) struct Defaults {
    terms: DefaultTerms,
    in_liquidation: BTreeMap<AccountId, Out>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { terms: DefaultTerms::standard(), in_liquidation: BTreeMap::new() }
    }
}

/// What is told of one close-out, position by position.
#[derive(Debug, Clone, Default)]
struct Out {
    is_closed_out: bool,
    /// By series: who closes how many lots, by the split.
    parts: BTreeMap<InstrumentId, BTreeMap<AccountId, (i128, i128)>>,
    /// By series: what the other side received, by lots.
    paid: BTreeMap<InstrumentId, BTreeMap<AccountId, i128>>,
    moved: BTreeMap<InstrumentId, BTreeMap<AccountId, i128>>,
    /// What the other side held before.
    against: BTreeMap<InstrumentId, BTreeMap<AccountId, i128>>,
}

impl Auditor {
    /// SIM-040, SIM-042 to SIM-044.
    pub(super) fn read_default(
        &mut self,
        event: &DefaultEvent,
        sheet: &mut Sheet,
    ) -> Result<(), Finding> {
        match event {
            DefaultEvent::DefaultResolved(_)
            | DefaultEvent::LossCovered { .. }
            | DefaultEvent::LossSplit { .. } => return self.read_loss(event, sheet),
            DefaultEvent::MarkedOut => self.prices.settle_at_marks(),
            DefaultEvent::DefaultFundChanged { .. }
            | DefaultEvent::BackstopRegistered { .. }
            | DefaultEvent::BackstopBid { .. } => {}
            DefaultEvent::DefaultTermsSet(terms) => self.defaults.terms = *terms,
            DefaultEvent::LiquidationStarted { account, equity, maintenance } => {
                let ours = self.equity(*account)?;
                if ours != i128::from(equity.micros()) || maintenance <= equity {
                    return fault(*account, DefaultFault::NotBelow);
                }
                self.defaults.in_liquidation.insert(*account, Out::default());
            }
            DefaultEvent::LiquidationSlice { account, instrument, wanted, closed, fee, .. } => {
                self.check_slice(*account, *instrument, (*wanted, *closed, *fee), sheet)?;
            }
            DefaultEvent::LiquidationEnded { account } => {
                let out = self.defaults.in_liquidation.remove(account);
                let out = out.ok_or(unknown(*account))?;
                check_out(&out).or_else(|what| fault(*account, what))?;
            }
            DefaultEvent::BackstopOpened { account, .. } => {
                self.defaults.in_liquidation.get(account).ok_or(unknown(*account))?;
            }
            DefaultEvent::BackstopTaken { account, bidder, paid, .. } => {
                sheet.stated.gain(*account, -*paid);
                sheet.stated.gain(*bidder, *paid);
            }
            DefaultEvent::ClosedOut { account, equity } => {
                if self.equity(*account)? != i128::from(equity.micros()) {
                    return fault(*account, DefaultFault::OtherEquity);
                }
                let out = self.defaults.in_liquidation.get_mut(account);
                out.ok_or(unknown(*account))?.is_closed_out = true;
            }
            DefaultEvent::CloseOutPaid { instrument, account, against, amount } => {
                sheet.stated.gain(*account, -*amount);
                sheet.stated.gain(*against, *amount);
                let out = self.defaults.in_liquidation.get_mut(account);
                let paid = out.ok_or(unknown(*account))?.paid.entry(*instrument).or_default();
                *paid.entry(*against).or_default() += i128::from(amount.micros());
            }
            DefaultEvent::RoundingKept { account, amount } => {
                sheet.stated.gain(*account, -*amount);
                sheet.stated.house(*amount);
            }
            DefaultEvent::PositionMoved { .. } => return self.read_move(event),
        }
        Ok(())
    }

    /// What the account could pay if it closed everything at the marks, premiums included.
    fn equity(&self, account: AccountId) -> Result<i128, Finding> {
        let mut sum = i128::from(self.money.usable(account).micros());
        for instrument in self.positions.series_of(account) {
            let (terms, mark) = self.prices.terms(instrument)?;
            sum += self.positions.unrealised(&terms, mark, account);
        }
        Ok(sum)
    }

    /// SIM-043: a slice closes no more than it was to, and costs at most its rate of what it has closed.
    fn check_slice(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        (wanted, closed, fee): (Qty, Qty, MicroUsd),
        sheet: &mut Sheet,
    ) -> Result<(), Finding> {
        self.defaults.in_liquidation.get(&account).ok_or(unknown(account))?;
        let (terms, _) = self.prices.terms(instrument)?;
        let dearest = sheet.dearest.get(&instrument).copied().unwrap_or(Price::from_ticks(0));
        let worth = value(&terms, dearest, i128::from(closed.lots()));
        let limit = div_ceil(worth * i128::from(self.defaults.terms.fee.ppm()), 1_000_000);
        if wanted < closed || fee < MicroUsd::ZERO || limit < i128::from(fee.micros()) {
            return fault(account, DefaultFault::Slice);
        }
        sheet.liquidated.insert(instrument);
        sheet.stated.gain(account, -fee);
        sheet.stated.house(fee);
        Ok(())
    }

    fn read_move(&mut self, event: &DefaultEvent) -> Result<(), Finding> {
        let DefaultEvent::PositionMoved { instrument, from, to, net, price, cause } = event else {
            return Ok(());
        };
        let (terms, mark) = self.prices.terms(*instrument)?;
        let out = self.defaults.in_liquidation.get_mut(from).ok_or(unknown(*from))?;
        if *price != mark {
            return fault(*from, DefaultFault::OffMark);
        }
        let lots = i128::from(net.lots());
        if *cause == MoveCause::CloseOut {
            *out.moved.entry(*instrument).or_default().entry(*to).or_default() += lots.abs();
        }
        for (account, change) in [(*from, -lots), (*to, lots)] {
            let cost = if terms.is_premium_style() { 0 } else { value(&terms, mark, change) };
            self.positions.book((*instrument, account), change, cost);
        }
        Ok(())
    }

    /// SIM-040: a cycle has been told to its end.
    pub(super) fn end_cycle(&self, sheet: &mut Sheet) -> Result<(), Finding> {
        let unannounced = Finding::Unannounced { kind: "variation cycle", id: 0 };
        let cycle = sheet.cycle.take().ok_or(unannounced)?;
        cycle.check(&self.money, &mut sheet.stated)
    }

    /// SIM-040 and SIM-044: who could not pay, who paid instead, and how it was split.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the exhaustive match is in `read_default`")]
    fn read_loss(&mut self, event: &DefaultEvent, sheet: &mut Sheet) -> Result<(), Finding> {
        let unannounced = Finding::Unannounced { kind: "variation cycle", id: 0 };
        match event {
            DefaultEvent::DefaultResolved(part) => {
                let positions = &self.positions;
                let cycle = sheet.cycle.get_or_insert_with(|| Cycle::of_close_out(positions, part));
                cycle.resolve(*part);
                Ok(())
            }
            DefaultEvent::LossCovered { account, paid } => {
                let cycle = sheet.cycle.take().ok_or(unannounced)?;
                if cycle.covered() != i128::from(paid.micros()) {
                    return fault(*account, DefaultFault::OtherEquity);
                }
                cycle.check(&self.money, &mut sheet.stated)
            }
            DefaultEvent::LossSplit {
                purpose: SplitPurpose::CloseOut { instrument, account },
                page,
            } => {
                let against = self.positions.against(*instrument, *account);
                let out = self.defaults.in_liquidation.get_mut(account).ok_or(unknown(*account))?;
                out.against.entry(*instrument).or_insert(against);
                let parts = out.parts.entry(*instrument).or_default();
                for line in &page.lines {
                    let weight = i128::try_from(line.weight).unwrap_or(i128::MAX);
                    parts.insert(line.account, (weight, i128::from(line.part)));
                }
                Ok(())
            }
            DefaultEvent::LossSplit { purpose, page } => {
                sheet.cycle.as_mut().ok_or(unannounced)?.split(*purpose, page);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// SIM-044: lots go to the other side pro rata, each for the same money, and what was announced is what moved.
fn check_out(out: &Out) -> Result<(), DefaultFault> {
    for (instrument, parts) in &out.parts {
        let none = BTreeMap::new();
        let weights = out.against.get(instrument).unwrap_or(&none);
        let lots: i128 = parts.values().map(|(_, part)| part).sum();
        if check_split(parts, weights, Some(lots)).is_err() {
            return Err(DefaultFault::NotProRata);
        }
        let moved = out.moved.get(instrument).unwrap_or(&none);
        let expected: BTreeMap<AccountId, i128> = parts
            .iter()
            .filter(|(_, (_, part))| *part != 0)
            .map(|(id, (_, part))| (*id, *part))
            .collect();
        if *moved != expected {
            return Err(DefaultFault::NotProRata);
        }
        let paid = out.paid.get(instrument).unwrap_or(&none);
        let rates: Vec<i128> =
            paid.iter().filter_map(|(id, paid)| Some(div_floor(*paid, *moved.get(id)?))).collect();
        // Whoever has to pay for its lots may have less.
        if rates.windows(2).any(|pair| pair[0] != pair[1] && 0 <= pair[0].min(pair[1])) {
            return Err(DefaultFault::UnequalPay);
        }
    }
    Ok(())
}

const fn unknown(account: AccountId) -> Finding {
    Finding::Unannounced { kind: "liquidation of account", id: account.0 }
}

const fn fault<T>(account: AccountId, what: DefaultFault) -> Result<T, Finding> {
    Err(Finding::Liquidation { account, what })
}
