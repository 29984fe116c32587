//! A venue with one delivery that is about to begin, and the processes around it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use api::client::{Client, Notifications};
use api::venue::{Credential, Listing, Venue, VenueClock, VenueOptions, read_journal};
use exchange::{CloseOutEvent, Command as Ask, Event, PlaceOrder};
use instruments::{
    AccountId, Between, CloseOut, GradeId, Guards, Instrument, InstrumentId, Metering, MicroUsd,
    Nanos, NanosSpan, ObligationId, Period, Ppm, Price, Product, Qty, Schedule, Side, Style,
    launch_grades,
};
use serde_json::{Value, json};
use settlement::{ChallengeOutcome, FailCause};
use tempfile::TempDir;

use super::meter::{Ended, Mark, Window, credited, share};
use crate::proxy::Wire;
use crate::running::{Server, tenor};

/// What is awaited comes within this time or not at all.
const PATIENCE: Duration = Duration::from_secs(60);
const LOTS: u64 = 2;
const INTERVALS: u32 = 12;
const INTERVAL: NanosSpan = NanosSpan::from_millis(1_500);
/// From the end of the preparations to the first interval: all processes are up by then.
const LEAD: NanosSpan = NanosSpan::from_seconds(8);
/// From one challenge to the next, on average.
const MEAN_GAP_MILLIS: u64 = 1_500;
/// Longer than anything takes that a test does in between: a restart, and until an agent tries to connect again.
const ANSWER_WITHIN: NanosSpan = NanosSpan::from_seconds(15);
const VERDICT_WITHIN: NanosSpan = NanosSpan::from_seconds(20);
const RECHECK_WITHIN: NanosSpan = NanosSpan::from_seconds(5);
const SOFT_FAILS: u32 = 2;

/// What the journal says of a whole delivery, checked against itself.
#[derive(Debug)]
pub(crate) struct Day {
    /// Challenges that failed.
    pub(crate) failed: usize,
    /// Challenges that nobody could judge.
    pub(crate) unknown: usize,
    /// Micro-dollars that the seller was paid.
    pub(crate) credited: i64,
    /// Micro-dollars that the whole delivery is worth.
    pub(crate) owed: i64,
}

pub(crate) struct Stage {
    server: Option<Server>,
    wire: Wire,
    seller: Credential,
    verifier: Credential,
    roles: BTreeMap<&'static str, Child>,
    /// The seller's own ear at the server, past the wire.
    ear: Option<(Client, Notifications)>,
    window: Window,
    // The last to go.
    directory: TempDir,
}

impl Drop for Stage {
    fn drop(&mut self) {
        for role in self.roles.values_mut() {
            // Already reaped when the test went well.
            drop(role.kill());
            drop(role.wait());
        }
    }
}

/// What must come within [`PATIENCE`].
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it came in time")
}

impl Stage {
    /// A server whose one series begins to deliver in some seconds.
    pub(crate) async fn open() -> Self {
        Self::open_with(ANSWER_WITHIN).await
    }

    /// The same where a receipt may take as long as this.
    pub(crate) async fn open_with(answer_within: NanosSpan) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().to_owned();
        let prepared = tokio::task::spawn_blocking(move || prepare(&root, answer_within)).await;
        let (seller, verifier, window) = prepared.expect("a venue with a delivery");
        let server = serve(directory.path());
        let wire = Wire::to(&server.url).await;
        let (roles, ear) = (BTreeMap::new(), None);
        let server = Some(server);
        let mut stage = Self { server, wire, seller, verifier, roles, ear, window, directory };
        stage.listen().await;
        stage
    }

    async fn listen(&mut self) {
        let url = &self.server.as_ref().expect("a server").url;
        let (client, notifications) = soon(Client::connect(url)).await.expect("connects");
        let Credential { client_id, client_secret, .. } = &self.seller;
        soon(client.auth(client_id, client_secret)).await.expect("logs in");
        let channels = json!({ "channels": ["user.delivery"] });
        soon(client.call("private/subscribe", channels)).await.expect("subscribes");
        self.ear = Some((client, notifications));
    }

    /// Waits for a message about the delivery.
    pub(crate) async fn until(&mut self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let (_, notifications) = self.ear.as_mut().expect("a connection");
        loop {
            let message = soon(notifications.next()).await.expect("a connection");
            let message: Value = message.read().expect("JSON");
            if is_wanted(&message) {
                return message;
            }
        }
    }

    /// Waits until a challenge is unanswered; its number.
    pub(crate) async fn until_asked(&mut self) -> u64 {
        loop {
            let (client, _) = self.ear.as_ref().expect("a connection");
            let listed = soon(client.call("private/get_obligations", json!({}))).await;
            let listed = listed.expect("obligations");
            if let Some(number) = listed[0]["challenge"]["number"].as_u64() {
                return number;
            }
            self.until(|message| message["type"] == "challenge").await;
        }
    }

    fn role(&mut self, role: &'static str, credential: &Credential) {
        let dir = self.directory.path();
        let secret = dir.join(format!("{role}.secret"));
        std::fs::write(&secret, &credential.client_secret).expect("written");
        let child = tenor()
            .args([role, "--url", &self.wire.url(), "--client-id", &credential.client_id])
            .arg("--client-secret-file")
            .arg(&secret)
            .arg("--key")
            .arg(dir.join(format!("{role}.key")))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the role starts");
        assert!(self.roles.insert(role, child).is_none(), "one {role}");
    }

    pub(crate) fn start_agent(&mut self) {
        let seller = self.seller.clone();
        self.role("agent", &seller);
    }

    pub(crate) fn start_verifier(&mut self) {
        let verifier = self.verifier.clone();
        self.role("verify", &verifier);
    }

    pub(crate) fn kill_agent(&mut self) {
        let mut agent = self.roles.remove("agent").expect("an agent");
        agent.kill().expect("killed");
        agent.wait().expect("reaped");
    }

    pub(crate) fn kill_server(&mut self) {
        self.wire.cut();
        self.server.take().expect("a server").kill();
    }

    pub(crate) async fn start_server(&mut self) {
        let server = serve(self.directory.path());
        self.server = Some(server);
        self.listen().await;
        self.mend();
    }

    pub(crate) fn cut(&self) {
        self.wire.cut();
    }

    pub(crate) fn mend(&self) {
        self.wire.mend(&self.server.as_ref().expect("a server").url);
    }

    /// The agent's worker.
    pub(crate) fn worker(&self) -> Process {
        let agent = self.roles["agent"].id();
        let children = std::fs::read_to_string(format!("/proc/{agent}/task/{agent}/children"));
        let children = children.expect("an agent that runs");
        // A thread of the runtime may have started it.
        let found =
            children.split_whitespace().next().map_or_else(|| child_of(agent), ToOwned::to_owned);
        Process(found)
    }

    /// Ends everything and checks what the journal says: receipts are a chain, every interval is worth what a naive meter finds, and the
    /// money is that of the intervals.
    pub(crate) async fn end(mut self) -> Day {
        self.ear = None;
        for role in ["agent", "verify"] {
            let mut role = self.roles.remove(role).expect("it runs");
            role.kill().expect("killed");
            role.wait().expect("reaped");
        }
        let server = self.server.take().expect("a server");
        assert!(server.terminate(), "a polite end");
        let mut told = Told::default();
        let read = read_journal(&self.directory.path().join("venue"), |published| {
            for event in &published.events {
                told.hear(published.at, event);
            }
            Ok::<_, api::venue::RecoverError>(())
        });
        read.expect("a journal that checks");
        told.check(self.window)
    }
}

/// The process whose parent that is.
fn child_of(parent: u32) -> String {
    let found = Command::new("pgrep").args(["-P", &parent.to_string()]).output().expect("pgrep");
    let found = String::from_utf8(found.stdout).expect("text");
    found.lines().next().expect("a worker").to_owned()
}

/// A process of somebody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process(String);

impl Process {
    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.0]).status().expect("kill runs");
        assert!(sent.success(), "{signal} was sent");
    }

    /// It does nothing any more, until it goes on.
    pub(crate) fn stop(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    pub(crate) fn kill(&self) {
        self.signal("-KILL");
    }
}

fn serve(dir: &Path) -> Server {
    let config = dir.join("tenor.toml");
    let text = format!(
        "[listing]\nstandard = false\n[delivery]\nprofile = \"ci\"\nsegments = 4\n\
         mean_gap_millis = {MEAN_GAP_MILLIS}\n"
    );
    std::fs::write(&config, text).expect("written");
    Server::start_with(&dir.join("venue"), &["--config".as_ref(), config.as_ref()])
}

/// A venue in which a seller owes a buyer two GPUs, from some seconds from now on.
fn prepare(root: &Path, answer_within: NanosSpan) -> (Credential, Credential, Window) {
    let now = VenueClock::System.now();
    let begun = now - NanosSpan::from_seconds(10);
    let clock = VenueClock::manual(begun);
    let data: PathBuf = root.join("venue");
    let options = VenueOptions {
        testnet: true,
        listing: Listing::None,
        clock: clock.clone(),
        price_every: None,
        limits: api::limits::Limits::lifted(),
        ..VenueOptions::new(data)
    };
    let venue = Venue::open(options).expect("a venue");
    let ask = |command: Ask| {
        let outcome = venue.submit_blocking(command).expect("taken");
        assert_eq!(outcome.refusal(), None);
        outcome.events.clone()
    };
    let account = |name: &str, is_verifier: bool| {
        let events = ask(Ask::OpenAccount { name: name.to_owned(), is_verifier });
        let [Event::AccountOpened { account, .. }, ..] = events[..] else { panic!("{events:?}") };
        ask(Ask::Deposit { account, amount: MicroUsd::new(10_000_000_000) });
        account
    };
    let (seller, buyer) = (account("seller", false), account("buyer", false));
    let verifier = account("verifier", true);
    let mut terms = terms(begun, VenueClock::System.now() + LEAD);
    terms.schedule.answer_within = answer_within;
    let Schedule { assign_at, deliver_from: from, deliver_until: until, .. } = terms.schedule;
    let events = ask(Ask::ListInstrument(Box::new(terms)));
    let Event::InstrumentListed(listed) = &events[0] else { panic!("{events:?}") };
    for (account, side) in [(seller, Side::Sell), (buyer, Side::Buy)] {
        let (price, qty) = (Price::from_ticks(2_500), Qty::from_lots(LOTS));
        ask(Ask::PlaceOrder(PlaceOrder::limit(account, listed.id, side, price, qty)));
    }
    clock.set(assign_at);
    ask(Ask::Tick);
    assert_eq!(venue.exchange().deliveries().count(), 1);
    let credential = |account: AccountId| venue.issue_credential(account).expect("a credential");
    let (seller, verifier) = (credential(seller), credential(verifier));
    venue.close().expect("closed");
    let soft_fails = SOFT_FAILS.try_into().expect("small");
    (seller, verifier, Window { from, until, recheck_within: RECHECK_WITHIN, soft_fails })
}

/// A day of H100 that is delivered in twelve seconds.
fn terms(begun: Nanos, deliver_from: Nanos) -> Instrument {
    let deliver_until = deliver_from + NanosSpan::new(INTERVAL.nanos() * u64::from(INTERVALS));
    let metering = Metering::Between(Between {
        recheck_within: RECHECK_WITHIN,
        soft_fails_per_day: SOFT_FAILS,
        hard_fails_max: 3,
        silence_max: NanosSpan::from_seconds(60),
    });
    Instrument {
        id: InstrumentId(0),
        name: "H100D_USDC-16JAN27".to_owned(),
        grade: GradeId::new("H100").expect("a grade"),
        grade_terms: launch_grades()[0].terms_hash(),
        node_size: 1,
        product: Product::Future { style: Style::Physical, period: Period::Day },
        tick_size: MicroUsd::new(1_000),
        hours_per_lot: 24,
        schedule: Schedule {
            last_trade_at: begun + NanosSpan::from_seconds(1),
            ladder_step: NanosSpan::ZERO,
            assign_at: begun + NanosSpan::from_seconds(2),
            deliver_from,
            deliver_until,
            intervals: INTERVALS,
            answer_within: ANSWER_WITHIN,
            verdict_within: VERDICT_WITHIN,
            close_at: deliver_until + NanosSpan::from_seconds(60),
            close_out: CloseOut { metering, ..CloseOut::NONE },
        },
        reference: Price::from_ticks(2_500),
        guards: Guards::NONE,
    }
}

/// What the journal's events say.
#[derive(Default)]
struct Told {
    issued: BTreeMap<u32, Nanos>,
    ended: BTreeMap<u32, (Nanos, ChallengeOutcome)>,
    settled: BTreeMap<u32, MicroUsd>,
    receipts: Vec<settlement::DeliveryReceipt>,
    digests: Vec<[u8; 32]>,
    invoiced: i64,
    notional: i64,
    closed: Vec<ObligationId>,
}

impl Told {
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not about delivery is not checked")]
    fn hear(&mut self, at: Nanos, event: &Event) {
        match event {
            Event::ObligationAssigned { escrow, .. } => self.notional = escrow.micros(),
            Event::ChallengeIssued { challenge, .. } => {
                self.issued.insert(*challenge, at);
            }
            Event::ChallengeEnded { challenge, outcome, .. } => {
                self.ended.insert(*challenge, (at, *outcome));
            }
            Event::ReceiptAccepted { receipt, digest, .. } => {
                self.receipts.push(*receipt);
                self.digests.push(*digest);
            }
            Event::IntervalSettled(settled) => {
                self.settled.insert(settled.interval, settled.paid);
            }
            Event::CloseOut(CloseOutEvent::Invoiced(invoice)) => {
                self.invoiced += invoice.since.paid_to_seller.micros();
            }
            Event::ObligationClosed { obligation, .. } => self.closed.push(*obligation),
            _ => {}
        }
    }

    fn check(&self, window: Window) -> Day {
        assert_eq!(self.closed.len(), 1, "it has closed");
        self.check_receipts();
        assert_eq!(self.issued.len(), self.ended.len(), "every challenge was judged");
        let mark = |(number, (judged_at, outcome)): (&u32, &(Nanos, ChallengeOutcome))| {
            let ended = match outcome {
                ChallengeOutcome::Passed { quality } => {
                    assert_eq!(*quality, Ppm::ONE);
                    Ended::Passed
                }
                ChallengeOutcome::Failed { cause: FailCause::Silent } => {
                    Ended::Silent { at: *judged_at }
                }
                ChallengeOutcome::Failed { .. } => Ended::Refuted,
                ChallengeOutcome::Unknown => return None,
            };
            assert!(self.issued[number] <= *judged_at);
            Some(Mark { at: self.issued[number], ended })
        };
        let marks: Vec<Mark> = self.ended.iter().filter_map(mark).collect();
        let stretches = credited(window, &marks);
        let mut paid_in_all = 0;
        for interval in 0..INTERVALS {
            let starts =
                |number: u32| window.from + NanosSpan::new(INTERVAL.nanos() * u64::from(number));
            let share = share(&stretches, (starts(interval), starts(interval + 1)));
            let worth = self.notional / i64::from(INTERVALS);
            let due = i128::from(worth) * i128::from(share) / 1_000_000;
            let due = i64::try_from(due).expect("money");
            let paid = self.settled[&interval].micros();
            // Each rounds down once.
            assert!((paid - due).abs() <= 2, "interval {interval}: {paid}, not {due}: {marks:?}");
            paid_in_all += paid;
        }
        assert_eq!(self.invoiced, paid_in_all, "the invoices are the credited intervals");
        let unknown =
            |(_, outcome): &&(Nanos, ChallengeOutcome)| *outcome == ChallengeOutcome::Unknown;
        Day {
            failed: marks.iter().filter(|mark| mark.ended != Ended::Passed).count(),
            unknown: self.ended.values().filter(unknown).count(),
            credited: paid_in_all,
            owed: self.notional,
        }
    }

    fn check_receipts(&self) {
        let mut prev = [0; 32];
        for ((receipt, digest), count) in self.receipts.iter().zip(&self.digests).zip(1_u32..) {
            assert_eq!(
                (receipt.prev, receipt.challenges),
                (prev, count),
                "the receipts are a chain"
            );
            prev = *digest;
        }
    }
}
