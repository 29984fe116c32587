//! A venue with its server, accounts that have traded, and roles that deliver. Its clock stands until
//! the test moves it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use api::client::{Client, NewOrder, Notifications};
use api::venue::{Credential, DeliveryOptions, Listing, Venue, VenueClock, VenueOptions};
use delivery_agent::{DeviceKind, Role, RoleError, run_agent, run_verifier};
use exchange::{CloseOutEvent, Command, Event, IntervalOutcome, IntervalSettled};
use instruments::{
    AccountId, GradeId, Instrument, InstrumentId, MicroUsd, Nanos, NanosSpan, ObligationId, Period,
    Price, Product, Schedule, Style, launch_grades,
};
use rust_decimal::Decimal;
use settlement::{FailCause, HourSettled, IntervalState};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, oneshot};
use tokio::task::{AbortHandle, JoinHandle};

/// What is awaited comes within this time or not at all.
const PATIENCE: Duration = Duration::from_secs(20);
const SERIES: &str = "H100D_USDC-16JAN27";
const HOUR: u64 = 3_600;
/// What every trade is for: two GPUs for 24 hours at 2.50 dollars.
const LOTS: u64 = 2;
pub(crate) const NOTIONAL: MicroUsd = MicroUsd::new(120_000_000);
pub(crate) const INTERVALS: u32 = 4;
/// How long a receipt may take; shorter than an interval.
const ANSWER_WITHIN: NanosSpan = NanosSpan::from_seconds(600);

/// 2027-01-15, 08:00 UTC, and so many hours.
fn hour(hours: u64) -> Nanos {
    Nanos::from_seconds(1_800_000_000) + NanosSpan::from_seconds(hours * HOUR)
}

/// What must come within [`PATIENCE`].
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it came in time")
}

/// An account that takes part.
pub(crate) struct Party {
    pub(crate) account: AccountId,
    pub(crate) credential: Credential,
}

pub(crate) struct Floor {
    pub(crate) venue: Venue,
    clock: VenueClock,
    address: SocketAddr,
    server: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    published: broadcast::Receiver<api::venue::Outcome>,
    /// What has ended so far.
    settled: BTreeMap<(ObligationId, u32), IntervalSettled>,
    hours: BTreeMap<(ObligationId, u32), HourSettled>,
    roles: Vec<AbortHandle>,
    answer_within: NanosSpan,
    // The last to go.
    directory: TempDir,
}

impl Drop for Floor {
    fn drop(&mut self) {
        for role in &self.roles {
            role.abort();
        }
    }
}

impl Floor {
    pub(crate) async fn open() -> Self {
        Self::open_with(ANSWER_WITHIN).await
    }

    /// A floor where a receipt may take as long as this.
    pub(crate) async fn open_with(answer_within: NanosSpan) -> Self {
        Self::open_listing(terms(answer_within)).await
    }

    /// A floor on which deliveries are accepted first, within half an hour after the assignment.
    pub(crate) async fn open_accepting() -> Self {
        let mut terms = terms(ANSWER_WITHIN);
        let close_out = &mut terms.schedule.close_out;
        close_out.accept_from = hour(25) + NanosSpan::from_seconds(600);
        close_out.accept_until = hour(25) + NanosSpan::from_seconds(2_400);
        Self::open_listing(terms).await
    }

    async fn open_listing(terms: Instrument) -> Self {
        let answer_within = terms.schedule.answer_within;
        let directory = tempfile::tempdir().unwrap();
        let clock = VenueClock::manual(hour(0));
        let venue = open_venue(directory.path(), &clock).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let published = venue.subscribe();
        let server = Some(serve(&venue, listener));
        let (settled, hours, roles) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let floor = Self {
            venue,
            clock,
            address,
            server,
            published,
            settled,
            hours,
            roles,
            answer_within,
            directory,
        };
        let listed = floor.submit(Command::ListInstrument(Box::new(terms))).await;
        assert!(matches!(listed[0], Event::InstrumentListed(_)), "{listed:?}");
        floor
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/ws/api/v2", self.address)
    }

    async fn submit(&self, command: Command) -> Vec<Event> {
        soon(self.venue.submit(command)).await.unwrap().events.clone()
    }

    /// A new account with test money.
    pub(crate) async fn party(&self, name: &str) -> Party {
        self.account(name, false).await
    }

    /// A verifier's account.
    pub(crate) async fn verifier(&self) -> Party {
        self.account("verifier", true).await
    }

    async fn account(&self, name: &str, is_verifier: bool) -> Party {
        let name = name.to_owned();
        let events = self.submit(Command::OpenAccount { name, is_verifier }).await;
        let Event::AccountOpened { account, .. } = events[0] else { panic!("{events:?}") };
        let amount = MicroUsd::new(10_000_000_000);
        self.submit(Command::Deposit { account, amount }).await;
        Party { account, credential: self.venue.issue_credential(account).unwrap() }
    }

    pub(crate) async fn login(&self, party: &Party) -> (Client, Notifications) {
        let (client, notifications) = soon(Client::connect(&self.url())).await.unwrap();
        let Credential { client_id, client_secret, .. } = &party.credential;
        soon(client.auth(client_id, client_secret)).await.unwrap();
        (client, notifications)
    }

    /// The role of a party, with a key of its own.
    pub(crate) fn role(&self, party: &Party) -> Role {
        Role {
            url: self.url(),
            client_id: party.credential.client_id.clone(),
            client_secret: party.credential.client_secret.to_string(),
            key: self.directory.path().join(format!("{}.key", party.credential.client_id)),
            device: DeviceKind::Cpu,
            path: Default::default(),
        }
    }

    /// Starts an agent that works in this process, and waits until its key is nominated.
    pub(crate) async fn start_agent(&mut self, party: &Party, faults: &str) {
        let faults = faults.parse().unwrap_or_default();
        self.start(run_agent(self.role(party), faults, None));
        let account = party.account;
        self.until(
            |event| matches!(event, Event::AgentNominated { account: of, .. } if *of == account),
        )
        .await;
    }

    pub(crate) fn start_verifier(&mut self, party: &Party) {
        self.start(run_verifier(self.role(party)));
    }

    fn start(&mut self, role: impl Future<Output = Result<(), RoleError>> + Send + 'static) {
        let role = tokio::spawn(async move {
            if let Err(error) = role.await {
                panic!("the role has ended: {error}");
            }
        });
        self.roles.push(role.abort_handle());
    }

    /// The seller sells [`LOTS`] to each buyer.
    pub(crate) async fn trade(&self, seller: &Party, buyers: &[&Party]) {
        let price = Decimal::new(25, 1);
        for buyer in buyers {
            let (seller, _) = self.login(seller).await;
            let (buyer, _) = self.login(buyer).await;
            soon(seller.sell(&NewOrder::limit(SERIES, LOTS, price))).await.unwrap();
            let bought = soon(buyer.buy(&NewOrder::limit(SERIES, LOTS, price))).await.unwrap();
            assert_eq!(bought.trades.len(), 1);
        }
    }

    /// Lets the series expire and be assigned to as many obligations.
    pub(crate) async fn assign(&mut self, obligations: usize) -> Vec<ObligationId> {
        self.clock.set(hour(24));
        self.until(|event| matches!(event, Event::SeriesExpired { .. })).await;
        self.clock.set(hour(25));
        let mut assigned = Vec::new();
        while assigned.len() < obligations {
            self.until(|event| matches!(event, Event::ObligationAssigned { .. })).await;
            assigned = self.venue.exchange().deliveries().map(|each| each.obligation.id).collect();
        }
        assigned
    }

    /// Lets an interval begin, and waits until every obligation has been challenged for it.
    pub(crate) async fn begin(&mut self, interval: u32) {
        self.clock.set(hour(26 + u64::from(interval)));
        let mut open = self.venue.exchange().deliveries().count();
        while 0 < open {
            let is_one = |event: &Event| matches!(event, Event::ChallengeIssued { challenge: of, .. } if *of == interval);
            open -= self.until(is_one).await;
        }
    }

    /// Lets the time for an answer pass.
    pub(crate) fn pass_deadline(&self, interval: u32) {
        self.clock.set(hour(26 + u64::from(interval)) + self.answer_within);
    }

    /// Waits until an interval has ended, and says how.
    pub(crate) async fn ended(&mut self, obligation: ObligationId, interval: u32) -> &'static str {
        while !self.settled.contains_key(&(obligation, interval)) {
            self.until(|event| matches!(event, Event::IntervalSettled(_))).await;
        }
        match self.settled[&(obligation, interval)].outcome {
            IntervalOutcome::Delivered { .. } => "delivered",
            IntervalOutcome::Failed { cause: FailCause::Silent, .. } => "silent",
            IntervalOutcome::Failed { cause: FailCause::Refuted, .. } => "refuted",
            IntervalOutcome::Failed { cause: FailCause::BelowGrade, .. } => "below grade",
            IntervalOutcome::Failed { cause: FailCause::NotReady, .. } => "not ready",
            IntervalOutcome::Failed { cause: FailCause::Declared, .. } => "declared",
            IntervalOutcome::Unverified => "unverified",
        }
    }

    /// Waits until an interval has ended, whoever saw it end: the events of a venue that has just
    /// opened may have come before anybody listened.
    pub(crate) async fn ended_by_state(
        &mut self,
        obligation: ObligationId,
        interval: u32,
    ) -> IntervalState {
        loop {
            let state = {
                let exchange = self.venue.exchange();
                let intervals = &exchange.delivery(obligation).unwrap().obligation.intervals;
                intervals[usize::try_from(interval).unwrap()]
            };
            if state.has_ended() {
                return state;
            }
            self.until(|_| true).await;
        }
    }

    /// Begins every interval from `first` on and waits until it has ended, and says how.
    pub(crate) async fn deliver(
        &mut self,
        obligation: ObligationId,
        first: u32,
    ) -> Vec<&'static str> {
        let mut outcomes = Vec::new();
        for interval in first..INTERVALS {
            self.begin(interval).await;
            outcomes.push(self.ended(obligation, interval).await);
        }
        outcomes
    }

    /// The money of what has ended.
    pub(crate) fn settled(&self, obligation: ObligationId, interval: u32) -> &IntervalSettled {
        &self.settled[&(obligation, interval)]
    }

    /// What was missing of an hour, which is an interval here.
    pub(crate) fn hour(&self, obligation: ObligationId, hour: u32) -> &HourSettled {
        &self.hours[&(obligation, hour)]
    }

    /// Opens the time in which deliveries are accepted, and waits until one is.
    pub(crate) async fn accept(&mut self) {
        self.clock.set(hour(25) + NanosSpan::from_seconds(600));
        self.until(|event| {
            matches!(event, Event::CloseOut(CloseOutEvent::DeliveryAccepted { .. }))
        })
        .await;
    }

    /// Everything in an account.
    pub(crate) fn balance(&self, party: &Party) -> MicroUsd {
        self.venue.exchange().account_summary(party.account).unwrap().balance
    }

    /// Waits for events; how many of them came with the first command that had one.
    pub(crate) async fn until(&mut self, is_wanted: impl Fn(&Event) -> bool) -> usize {
        loop {
            let outcome = match soon(self.published.recv()).await {
                Ok(outcome) => outcome,
                Err(error @ (RecvError::Lagged(_) | RecvError::Closed)) => panic!("{error}"),
            };
            for event in &outcome.events {
                if let Event::IntervalSettled(settled) = event {
                    let key = (settled.obligation, settled.interval);
                    self.settled.insert(key, (**settled).clone());
                }
            }
            for event in &outcome.events {
                if let Event::CloseOut(CloseOutEvent::HourSettled(hour)) = event {
                    let key = (hour.obligation, hour.hour);
                    self.hours.insert(key, hour.settled.clone());
                }
            }
            let wanted = outcome.events.iter().filter(|event| is_wanted(event)).count();
            if 0 < wanted {
                return wanted;
            }
        }
    }

    /// Ends the server and the venue, and starts both again at the same place.
    pub(crate) async fn restart(mut self) -> Self {
        if let Some((stop, served)) = self.server.take() {
            drop(stop);
            soon(served).await.unwrap();
        }
        let venue = self.venue.clone();
        tokio::task::spawn_blocking(|| venue.close()).await.unwrap().unwrap();
        self.venue = open_venue(self.directory.path(), &self.clock).await;
        self.published = self.venue.subscribe();
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.server = Some(serve(&self.venue, listener));
        self
    }
}

async fn open_venue(directory: &Path, clock: &VenueClock) -> Venue {
    let delivery =
        DeliveryOptions { profile: "ci".to_owned(), segments: 2, ..DeliveryOptions::default() };
    let options = VenueOptions {
        testnet: true,
        listing: Listing::None,
        delivery,
        tick_every: Duration::from_millis(5),
        clock: clock.clone(),
        limits: api::limits::Limits::lifted(),
        ..VenueOptions::new(directory.join("venue"))
    };
    tokio::task::spawn_blocking(|| Venue::open(options)).await.unwrap().unwrap()
}

fn serve(venue: &Venue, listener: TcpListener) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = api::serve(venue.clone(), listener, async {
        drop(stopped.await);
    });
    (stop, tokio::spawn(async move { serving.await.unwrap() }))
}

/// A day of H100 that is delivered in four intervals of an hour, and whose node is one GPU.
fn terms(answer_within: NanosSpan) -> Instrument {
    Instrument {
        id: InstrumentId(0),
        name: SERIES.to_owned(),
        grade: GradeId::new("H100").unwrap(),
        grade_terms: launch_grades()[0].terms_hash(),
        node_size: 1,
        product: Product::Future { style: Style::Physical, period: Period::Day },
        tick_size: MicroUsd::new(1_000),
        hours_per_lot: 24,
        schedule: Schedule {
            last_trade_at: hour(24),
            ladder_step: NanosSpan::ZERO,
            assign_at: hour(25),
            deliver_from: hour(26),
            deliver_until: hour(26 + u64::from(INTERVALS)),
            intervals: INTERVALS,
            answer_within,
            verdict_within: NanosSpan::from_seconds(600),
            close_at: hour(60),
            close_out: instruments::CloseOut::NONE,
        },
        reference: Price::from_ticks(2_500),
        guards: instruments::Guards::NONE,
    }
}
