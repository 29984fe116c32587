//! What margin is computed from beside positions and orders: a grade's terms, what of it can be delivered, arrays, and the account's mode.
//!
//! The risk book is derived from the rest of the state: it is no part of a snapshot, and [`Exchange::rebuild_risk`] makes it from one.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{
    AccountId, GradeId, Instrument, InstrumentId, MicroUsd, Ppm, Product, Qty, Style,
};
use settlement::{
    Conditions, Leg, MarginRates, RiskArray, RiskBook, RiskClass, RiskParameters, RiskSeries,
};

use crate::Exchange;
use crate::event::Event;
use crate::publish_risk::OptionRisk;
use crate::series::{Series, SeriesState};

/// How an account's margin is computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum MarginMode {
    /// Series by series, a rate of each.
    #[default]
    Standard,
    /// All series of a grade together, by scenarios.
    Portfolio,
}

/// A grade's margin terms and what of it can be delivered.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct GradeMargin {
    /// Which.
    pub grade: GradeId,
    /// For standard margin.
    pub rates: MarginRates,
    /// For portfolio margin.
    pub parameters: RiskParameters,
    /// GPUs that accounts have registered.
    pub capacity: BTreeMap<AccountId, u64>,
}

impl GradeMargin {
    fn of(grade: &GradeId) -> Self {
        let class = RiskClass::of_grade(grade);
        let (rates, parameters) = (MarginRates::of(class), RiskParameters::of(class));
        Self { grade: grade.clone(), rates, parameters, capacity: BTreeMap::new() }
    }

    /// Lots that could be delivered: a lot is one GPU for the whole period.
    #[must_use]
    pub fn deliverable(&self) -> Qty {
        let gpus = self.capacity.values().fold(0_u64, |sum, gpus| sum.saturating_add(*gpus));
        Qty::from_lots(gpus)
    }
}

/// What margin is computed from.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Margins {
    /// In the order in which their first series were listed.
    pub grades: Vec<GradeMargin>,
    /// What the shell has published of options, by series.
    pub options: BTreeMap<InstrumentId, OptionRisk>,
    /// The portfolios of all accounts in portfolio mode.
    #[borsh(skip)]
    pub(crate) risk: RiskBook,
}

impl Margins {
    /// A grade's terms.
    #[must_use]
    pub fn grade(&self, grade: &GradeId) -> Option<&GradeMargin> {
        self.grades.iter().find(|terms| terms.grade == *grade)
    }

    fn number(&self, grade: &GradeId) -> Option<u32> {
        let found = self.grades.iter().zip(0..).find(|(terms, _)| terms.grade == *grade);
        found.map(|(_, number)| number)
    }
}

/// Whether a position is paid for when it is opened, and then worth what its mark says.
pub(crate) const fn is_paid_for(instrument: &Instrument) -> bool {
    matches!(instrument.product, Product::Option { .. })
}

const fn is_delivered(instrument: &Instrument) -> bool {
    matches!(instrument.product, Product::Future { style: Style::Physical, .. })
}

/// The future that a series follows: itself, or its underlying. Spreads have none, and no positions.
pub(crate) const fn future_of(instrument: &Instrument) -> Option<InstrumentId> {
    match instrument.product {
        Product::Future { .. } => Some(instrument.id),
        Product::Option { underlying, .. } => Some(underlying),
        Product::Cap { .. } | Product::Spread { .. } => None,
    }
}

impl Exchange {
    /// A series' standard rates.
    pub(crate) fn rates(&self, instrument: &Instrument) -> MarginRates {
        let terms = self.margins.grade(&instrument.grade);
        terms.map_or(MarginRates::thin(), |terms| terms.rates)
    }

    /// What physics says of a series now.
    pub(crate) fn conditions(&self, series: &Series) -> Conditions {
        if !is_delivered(&series.instrument) {
            return Conditions::default();
        }
        let terms = self.margins.grade(&series.instrument.grade);
        let deliverable = terms.map_or(Qty::ZERO, GradeMargin::deliverable);
        Conditions { deliverable, scale: series.scale, step: series.ladder_step }
    }

    /// Takes a new series into the margin terms.
    pub(crate) fn list_margin(&mut self, instrument: InstrumentId) {
        let Some(series) = self.series.get(&instrument) else { return };
        let grade = &series.instrument.grade;
        if self.margins.grade(grade).is_none() {
            self.margins.grades.push(GradeMargin::of(grade));
        }
        self.refresh_array(instrument);
    }

    /// Gives the risk book the array that a series has now.
    pub(crate) fn refresh_array(&mut self, instrument: InstrumentId) {
        let Some(series) = self.series.get(&instrument) else { return };
        let terms = &series.instrument;
        let Some(expiry) = future_of(terms) else { return };
        let Some(number) = self.margins.number(&terms.grade) else { return };
        let Some(margin) = self.margins.grade(&terms.grade) else { return };
        let parameters = margin.parameters;
        let array = self.array_of(series);
        let short_minimum = if is_paid_for(terms) { self.short_minimum(series) } else { None };
        let short_minimum = short_minimum.unwrap_or(MicroUsd::ZERO);
        let listed = RiskSeries { grade: number, expiry, array, short_minimum };
        self.margins.risk.set_parameters(number, &parameters);
        self.margins.risk.set_series(instrument, &listed);
    }

    /// A future's array follows from its mark; an option's was published.
    pub(crate) fn array_of(&self, series: &Series) -> Option<RiskArray> {
        let terms = &series.instrument;
        if is_paid_for(terms) {
            return RiskArray::new(self.margins.options.get(&terms.id)?.array);
        }
        let parameters = &self.margins.grade(&terms.grade)?.parameters;
        future_of(terms)?;
        RiskArray::of_future(parameters, terms.notional(series.mark, Qty::from_lots(1))?)
    }

    /// The least that a short lot of an option costs: a rate of what its future is worth.
    fn short_minimum(&self, series: &Series) -> Option<MicroUsd> {
        let margin = self.margins.grade(&series.instrument.grade)?;
        let future = self.series.get(&future_of(&series.instrument)?)?;
        let value = future.instrument.notional(future.mark, Qty::from_lots(1))?;
        Some(margin.parameters.short_option_minimum.of_ceil(value))
    }

    /// A mark has changed: arrays follow it, and so do options on the series.
    pub(crate) fn follow_mark(&mut self, instrument: InstrumentId) {
        self.refresh_array(instrument);
        let options = self.series.values().map(|series| &series.instrument);
        let options = options.filter(|terms| is_paid_for(terms));
        let on_it = options.filter(|terms| future_of(terms) == Some(instrument));
        let on_it: Vec<InstrumentId> = on_it.map(|terms| terms.id).collect();
        for option in on_it {
            self.refresh_array(option);
            self.rehold_holders(option);
        }
    }

    /// MARGIN-008: the open interest of a series counts as it was at its last mark.
    pub(crate) fn refresh_scale(&mut self, instrument: InstrumentId, events: &mut Vec<Event>) {
        let Some(series) = self.series.get(&instrument) else { return };
        let Some(terms) = self.margins.grade(&series.instrument.grade) else { return };
        let deliverable = terms.deliverable();
        // Adding up all positions of a series is worth it only where something can be delivered.
        let scale = if deliverable.is_zero() || !is_delivered(&series.instrument) {
            Ppm::ZERO
        } else {
            terms.rates.scale(self.positions.open_interest(instrument), deliverable)
        };
        if let Some(series) = self.series.get_mut(&instrument).filter(|it| it.scale != scale) {
            series.scale = scale;
            events.push(Event::MarginScaled { instrument, scale });
            self.rehold_holders(instrument);
        }
    }

    /// MARGIN-010: puts every series on the step of its delivery ladder.
    pub(crate) fn climb_ladders(&mut self, events: &mut Vec<Event>) {
        let now = self.now;
        let step_of = |series: &Series| series.instrument.schedule.ladder_step_at(now);
        let climbs = self.series.iter().filter(|(_, series)| {
            is_delivered(&series.instrument)
                && series.state == SeriesState::Trading
                && step_of(series) != series.ladder_step
        });
        let climbs: Vec<_> = climbs.map(|(id, series)| (*id, step_of(series))).collect();
        for (instrument, step) in climbs {
            if let Some(series) = self.series.get_mut(&instrument) {
                series.ladder_step = step;
            }
            events.push(Event::LadderClimbed { instrument, step });
            self.rehold_holders(instrument);
        }
    }

    /// When the next ladder goes up a step.
    pub(crate) fn next_ladder_step(&self) -> Option<instruments::Nanos> {
        let climbing = self.series.values().filter(|series| {
            is_delivered(&series.instrument) && series.state == SeriesState::Trading
        });
        let next = climbing.filter_map(|series| {
            let schedule = &series.instrument.schedule;
            if schedule.ladder_step_at(self.now) != series.ladder_step {
                return Some(self.now);
            }
            schedule.next_ladder_step(self.now)
        });
        next.min()
    }

    /// Everyone with a position or an order in a series holds anew.
    pub(crate) fn rehold_holders(&mut self, instrument: InstrumentId) {
        let held = self.positions.of_instrument(instrument).map(|(account, _)| account);
        let mut affected: std::collections::BTreeSet<AccountId> = held.collect();
        let with_orders = self.open_orders.iter().filter(|(_, by)| by.contains_key(&instrument));
        affected.extend(with_orders.map(|(account, _)| *account));
        for account in affected {
            self.rehold(account);
        }
    }

    /// How an account's margin is computed.
    pub(crate) fn margin_mode(&self, account: AccountId) -> MarginMode {
        self.accounts.get(&account).map_or(MarginMode::Standard, |account| account.margin_mode)
    }

    /// All that an account holds and has open, as the risk book counts it.
    pub(crate) fn legs_of(&self, account: AccountId) -> BTreeMap<InstrumentId, Leg> {
        let open_orders = self.open_orders.get(&account);
        let with_orders = open_orders.into_iter().flat_map(|series| series.keys().copied());
        let held = self.positions.of_account(account).map(|(instrument, _)| instrument);
        let all = held.chain(with_orders).filter(|id| self.has_leg(*id));
        let all: std::collections::BTreeSet<InstrumentId> = all.collect();
        let leg = |instrument| {
            let open = self.open_orders_in(account, instrument);
            Leg::new(self.net(instrument, account), open.buys, open.sells)
        };
        all.into_iter().map(|instrument| (instrument, leg(instrument))).collect()
    }

    /// Whether a portfolio counts a series. No scenario covers the hours of an index, so a cap asks for its margin by itself.
    pub(crate) fn has_leg(&self, instrument: InstrumentId) -> bool {
        let series = self.series.get(&instrument);
        series.is_some_and(|series| future_of(&series.instrument).is_some())
    }

    /// Brings the portfolios of an account to what it holds and has open, if its mode asks for portfolios at all.
    pub(crate) fn sync_risk(&mut self, account: AccountId) {
        if self.margin_mode(account) == MarginMode::Standard {
            return;
        }
        let legs = self.legs_of(account);
        let known = self.margins.risk.legs_of(account);
        let gone: Vec<_> = known.map(|(id, _)| id).filter(|id| !legs.contains_key(id)).collect();
        let gone = gone.into_iter().map(|instrument| (instrument, Leg::default()));
        for (instrument, leg) in gone.chain(legs) {
            self.margins.risk.set_leg(account, instrument, leg);
        }
    }

    /// Makes the risk book from the rest of the state.
    pub(crate) fn rebuild_risk(&mut self) {
        self.margins.risk = RiskBook::default();
        let listed: Vec<InstrumentId> = self.series.keys().copied().collect();
        for instrument in listed {
            self.refresh_array(instrument);
        }
        let accounts: Vec<AccountId> = self.accounts.keys().copied().collect();
        for account in accounts {
            self.sync_risk(account);
        }
    }
}
