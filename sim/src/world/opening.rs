//! How a world begins, and what happens by the calendar: accounts and deposits, listing, the last evening.

use exchange::{CancelFilter, Command, OpenVenue, RULES_VERSION};
use instruments::{
    AccountId, CloseOut, Grade, Guards, Instrument, InstrumentId, MarkTerms, Metering, MicroUsd,
    NanosSpan, Period, Ppm, Price, Product, Schedule, SeriesTerms, launch_grades, series_of_grade,
};

use super::{DAY, World, dollars};
use crate::agenda::Action;
use crate::cast::{Broker, Fool, Gambler, Hedger, Maker, Participant, Provider};
use crate::feed::Feed;
use crate::scenario::Scenario;
use crate::seed::Stream;
use crate::work::{Agent, Conduct};

/// Variation is paid every day at 12:30, half an hour after the day's series has expired.
const VARIATION_AT: NanosSpan = NanosSpan::from_seconds(45_000);
/// Nobody here looks more often than every twenty minutes: steps of a minute, and 1 % for each five seconds of it.
const MARKS: MarkTerms = MarkTerms {
    step: NanosSpan::from_seconds(60),
    move_max: Some(Ppm::new(120_000)),
    ..MarkTerms::standard()
};
/// A tenth of a cent per GPU-hour.
const TICK_SIZE: MicroUsd = MicroUsd::new(1_000);

/// The oracle's sources, one set per grade.
pub(super) fn feeds(scenario: &Scenario) -> Vec<Feed> {
    let grades = launch_grades().into_iter().map(|grade| grade.id);
    let traded = grades.filter(|grade| scenario.grades.contains(&grade.as_str()));
    traded
        .map(|grade| {
            let chance = Stream::new(scenario.seed, &format!("feed {grade}"));
            Feed::new(grade, chance)
        })
        .collect()
}

impl World<'_> {
    /// Opens the venue, the accounts and the agenda.
    pub(super) fn open(&mut self) {
        let begins_at = self.scenario.begins_at;
        self.submit(Command::OpenVenue(OpenVenue {
            testnet: true,
            rules: RULES_VERSION,
            variation_from: begins_at + VARIATION_AT,
            variation_every: DAY,
        }));
        self.verifier = self.open_account("verifier", true, None);
        let scenario = self.scenario;
        self.enter_all("maker", scenario.makers, dollars(200_000), |account, chance| {
            Box::new(Maker::new(account, chance))
        });
        self.enter_all("hedger", scenario.hedgers, dollars(60_000), |account, chance| {
            Box::new(Hedger::new(account, chance))
        });
        self.enter_all("provider", scenario.providers, dollars(40_000), |account, chance| {
            Box::new(Provider::new(account, chance))
        });
        self.enter_all("gambler", scenario.gamblers, dollars(600), |account, chance| {
            Box::new(Gambler::new(account, chance))
        });
        self.enter_all("fool", scenario.fools, dollars(2_000), |account, chance| {
            Box::new(Fool::new(account, chance))
        });
        self.enter(Box::new(Broker::new(Stream::new(scenario.seed, "broker"))));
        self.list();
        self.agenda.enter(begins_at, Action::Observe);
        self.agenda.enter(scenario.ends_at(), Action::GoHome);
        for planned in &scenario.faults {
            self.agenda.enter(planned.at, Action::Strike(planned.fault));
        }
    }

    fn enter_all(
        &mut self,
        role: &str,
        count: u32,
        money: MicroUsd,
        role_of: impl Fn(AccountId, Stream) -> Box<dyn Participant>,
    ) {
        for place in 0..u64::from(count) {
            let name = format!("{role} {place}");
            // The last hedger and the last provider have a tenth: enough to trade, hardly enough to deliver or to receive.
            let is_poor = ["hedger", "provider"].contains(&role) && place + 1 == u64::from(count);
            let brings = if is_poor { money.share_floor(1, 10) } else { money };
            let account = self.open_account(&name, false, Some(brings));
            let mut chance = Stream::new(self.scenario.seed, &name);
            if role == "provider" {
                let work = Stream::new(self.scenario.seed, &format!("{name} agent"));
                let agent = Agent::new(account, Conduct::of_place(place), work);
                self.submit(Command::NominateAgent { account, signer: agent.signer });
                self.agents.insert(account, agent);
                if place < 2 {
                    self.plan_standby(account);
                }
            }
            let first = NanosSpan::from_millis(chance.between(60_000, 3_600_000));
            self.cast.push(role_of(account, chance));
            let wakes_at = self.clock.now + first;
            self.agenda.enter(wakes_at, Action::Wake(self.cast.len() - 1));
        }
    }

    /// Someone who has no account of its own.
    fn enter(&mut self, participant: Box<dyn Participant>) {
        self.cast.push(participant);
        let wakes_at = self.clock.now + NanosSpan::from_seconds(1_200);
        self.agenda.enter(wakes_at, Action::Wake(self.cast.len() - 1));
    }

    fn open_account(
        &mut self,
        name: &str,
        is_verifier: bool,
        money: Option<MicroUsd>,
    ) -> AccountId {
        self.submit(Command::OpenAccount { name: name.to_owned(), is_verifier });
        let account = self.exchange.account_by_name(name).unwrap_or(AccountId(0));
        if let Some(amount) = money {
            self.submit(Command::Deposit { account, amount });
        }
        account
    }

    /// Lists what the calendar has and the venue has not, and comes back tomorrow.
    pub(super) fn list(&mut self) {
        let now = self.clock.now;
        let grades = launch_grades();
        let mut terms = Vec::new();
        for feed in &self.feeds {
            let Some(grade) = grades.iter().find(|grade| grade.id == *feed.grade()) else {
                continue;
            };
            let calendar = series_of_grade(grade.id.as_str(), now);
            let is_first = self.scenario.grades.first() == Some(&grade.id.as_str());
            let has_week = self.scenario.has_week && is_first && now == self.scenario.begins_at;
            let week = calendar.iter().find(|terms| has_week && is_of(terms, Period::Week));
            let days = calendar.iter().filter(|terms| is_of(terms, Period::Day));
            let wanted = days.take(self.scenario.series_alive).chain(week);
            let fresh = wanted.filter(|it| self.exchange.series_by_name(&it.name).is_none());
            let per_day = self.scenario.intervals_per_day;
            terms.extend(fresh.map(|it| instrument(grade, it.clone(), per_day, feed.price())));
        }
        for instrument in terms {
            self.submit(Command::ListInstrument(Box::new(instrument)));
        }
        if now + DAY < self.scenario.ends_at() {
            // A venue that is down at midnight lists when it is back.
            let next = if self.is_down() { self.clock.down_until } else { midnight_after(now) };
            self.agenda.enter(next, Action::List);
        }
    }

    /// Everybody withdraws what still rests. Positions stay, expire and are delivered.
    pub(super) fn go_home(&mut self) {
        if self.is_down() {
            return self.agenda.enter(self.clock.down_until, Action::GoHome);
        }
        let accounts: Vec<AccountId> = self.exchange.accounts().map(|(id, _)| id).collect();
        for account in accounts {
            self.submit(Command::CancelAll { account, filter: CancelFilter::instrument(None) });
        }
    }
}

fn is_of(terms: &SeriesTerms, wanted: Period) -> bool {
    matches!(terms.product, Product::Future { period, .. } if period == wanted)
}

fn midnight_after(now: instruments::Nanos) -> instruments::Nanos {
    let day = DAY.nanos();
    instruments::Nanos::new((now.nanos() / day + 1) * day)
}

/// A series of the calendar with fewer intervals: so many for a day, twice as many for a week.
fn instrument(grade: &Grade, terms: SeriesTerms, per_day: u32, price: MicroUsd) -> Instrument {
    let intervals = if is_of(&terms, Period::Day) { per_day } else { 2 * per_day };
    let is_even = per_day.is_multiple_of(6);
    let close_out = CloseOut {
        intervals_per_hour: if is_even { 2 } else { 1 },
        // A week's intervals are longer: six of its days are seven of the world's.
        intervals_per_day: if intervals == per_day { per_day } else { (per_day / 3).max(1) },
        // Days are metered between challenges, weeks interval by interval.
        metering: if intervals == per_day {
            terms.schedule.close_out.metering
        } else {
            Metering::Each
        },
        ..terms.schedule.close_out
    };
    let mut instrument = Instrument {
        id: InstrumentId(0),
        name: terms.name,
        grade: grade.id.clone(),
        grade_terms: grade.terms_hash(),
        node_size: grade.node_size,
        product: terms.product,
        tick_size: TICK_SIZE,
        hours_per_lot: terms.hours_per_lot,
        schedule: Schedule { intervals, close_out, ..terms.schedule },
        reference: Price::from_ticks(1),
        guards: Guards { mark: MARKS, ..Guards::standard() },
    };
    instrument.reference = instrument.nearest_price(price);
    instrument
}
