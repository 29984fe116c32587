//! The variation cycle: the price of the day is fixed for every series that trades, and what its positions gained or lost since the last one
//! is paid.

use std::collections::BTreeSet;

use instruments::{AccountId, InstrumentId, Price};
use settlement::{Split, VariationCycle};

use crate::Exchange;
use crate::default_event::{DefaultEvent, SplitPurpose};
use crate::event::Event;
use crate::series::{Series, SeriesState};

impl Exchange {
    /// Runs one cycle over all trading series, in the order of their ids.
    pub(crate) fn run_variation(&mut self, events: &mut Vec<Event>) {
        self.unmarked = self.series.keys().copied().collect();
        self.refresh_marks(events);
        let trading = |(id, series): (&InstrumentId, &Series)| {
            (series.state == SeriesState::Trading).then_some((*id, series.mark))
        };
        let trading: Vec<(InstrumentId, Price)> = self.series.iter().filter_map(trading).collect();
        let fix = |(instrument, mark): (InstrumentId, Price)| {
            (instrument, self.fix_daily_price(instrument, events).unwrap_or(mark))
        };
        let prices: Vec<(InstrumentId, Price)> = trading.into_iter().map(fix).collect();
        self.pay_variation(&prices, events);
        for (instrument, _) in prices {
            // A series comes to the front by time alone.
            self.set_bands(instrument);
        }
    }

    /// Pays the variation of some series at the prices given, netted per account, as one chain of transfers through suspense.
    pub(crate) fn pay_variation(
        &mut self,
        prices: &[(InstrumentId, Price)],
        events: &mut Vec<Event>,
    ) {
        // What moved before is told before: a reader sees the balances that the cycle begins with.
        self.tell_money(events);
        let marked =
            |(id, price): &(InstrumentId, Price)| Some((&self.series.get(id)?.instrument, *price));
        let marks: Vec<_> = prices.iter().filter_map(marked).collect();
        let mut chain = self.ledger.chain();
        let cycle = settlement::run_variation(&mut chain, &mut self.positions, &marks);
        chain.commit();
        self.tell_variation(&cycle, events);
    }

    /// Says what has moved so far, so that a reader's balances are what comes next depends on.
    pub(crate) fn tell_money(&mut self, events: &mut Vec<Event>) {
        events.extend(self.ledger.take_transfers().into_iter().map(Event::MoneyMoved));
    }

    /// Says what a cycle has done, and brings the holds of everyone in it to what is required.
    fn tell_variation(&mut self, cycle: &VariationCycle, events: &mut Vec<Event>) {
        let mut accounts: BTreeSet<AccountId> = BTreeSet::new();
        for due in &cycle.dues {
            let (instrument, account, amount) = (due.instrument, due.account, due.amount);
            events.push(Event::VariationPaid { instrument, account, amount });
            accounts.insert(account);
        }
        events.extend(
            cycle
                .covered
                .defaults
                .iter()
                .copied()
                .map(DefaultEvent::DefaultResolved)
                .map(Event::Default),
        );
        tell_split(cycle.covered.shares.as_ref(), SplitPurpose::FundShares, events);
        tell_split(cycle.haircut.as_ref(), SplitPurpose::Haircut, events);
        if !accounts.is_empty() {
            events.push(Event::VariationEnded);
            self.tell_money(events);
        }
        for account in accounts {
            self.rehold(account);
        }
    }
}

/// Publishes a split page by page.
pub(crate) fn tell_split(split: Option<&Split>, purpose: SplitPurpose, events: &mut Vec<Event>) {
    let pages = split.into_iter().flat_map(Split::pages);
    events.extend(
        pages.map(|page| Event::Default(DefaultEvent::LossSplit { purpose, page: Box::new(page) })),
    );
}
