//! A buyer's job of the demo model, end to end: the real server, and every party a process of its own.
//!
//! The venue's clock is set by hand, so that nothing here depends on how fast the machine is.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::PathBuf;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use api::venue::{
    Credential, DeliveryOptions, JobOptions, Listing, Venue, VenueClock, VenueOptions,
};
use api::wire::WireJob;
use exchange::{Command, Event, PlaceOrder};
use instruments::{
    AccountId, CloseOut, GradeId, Guards, Instrument, InstrumentId, JobId, MicroUsd, Nanos,
    NanosSpan, ObligationId, Period, Price, Product, Qty, Schedule, Side, Style, launch_grades,
};
use serde_json::Value;
use settlement::{Bucket, JobOutcome, JobState};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::running::tenor;

/// Everything that is awaited comes within this time, on a machine that has much else to do, or not at all.
const PATIENCE: Duration = Duration::from_secs(300);

fn hours(count: u64) -> NanosSpan {
    NanosSpan::from_seconds(count * 3_600)
}

/// Two GPUs for four hours in four intervals, from two hours after `start`.
fn terms(start: Nanos) -> Instrument {
    Instrument {
        id: InstrumentId(0),
        name: "H100_USDC-JOBS".to_owned(),
        grade: GradeId::new("H100").unwrap(),
        grade_terms: launch_grades()[0].terms_hash(),
        node_size: 1,
        product: Product::Future { style: Style::Physical, period: Period::Day },
        tick_size: MicroUsd::new(1_000),
        hours_per_lot: 4,
        schedule: Schedule {
            last_trade_at: start + hours(1),
            ladder_step: NanosSpan::ZERO,
            assign_at: start + NanosSpan::from_seconds(5_400),
            deliver_from: start + hours(2),
            deliver_until: start + hours(6),
            intervals: 4,
            answer_within: NanosSpan::from_seconds(1_800),
            verdict_within: NanosSpan::from_seconds(3_600),
            close_at: start + hours(9),
            close_out: CloseOut::NONE,
        },
        reference: Price::from_ticks(2_500),
        guards: Guards::NONE,
    }
}

struct Scene {
    dir: tempfile::TempDir,
    clock: VenueClock,
    start: Nanos,
    venue: Option<Venue>,
    url: String,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<()>>,
    children: Vec<Child>,
    buyer: AccountId,
    seller: AccountId,
    files: PathBuf,
}

impl Drop for Scene {
    fn drop(&mut self) {
        for child in &mut self.children {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Scene {
    async fn set() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let start = VenueClock::System.now();
        let clock = VenueClock::manual(start);
        let options = VenueOptions {
            testnet: true,
            listing: Listing::None,
            delivery: DeliveryOptions {
                profile: "ci".to_owned(),
                segments: 2,
                ..DeliveryOptions::default()
            },
            jobs: JobOptions::default(),
            price_every: None,
            clock: clock.clone(),
            limits: api::limits::Limits::lifted(),
            ..VenueOptions::new(dir.path().join("venue"))
        };
        let venue = tokio::task::spawn_blocking(|| Venue::open(options)).await.unwrap().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/ws/api/v2", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = api::serve(venue.clone(), listener, async move {
            drop(stopped.await);
        });
        let served = tokio::spawn(async move { serving.await.unwrap() });
        let files = dir.path().join("files");
        std::fs::create_dir(&files).unwrap();
        let mut scene = Self {
            dir,
            clock,
            start,
            venue: Some(venue),
            url,
            stop: Some(stop),
            served: Some(served),
            children: Vec::new(),
            buyer: AccountId(0),
            seller: AccountId(0),
            files,
        };
        scene.trade().await;
        scene
    }

    fn venue(&self) -> &Venue {
        self.venue.as_ref().unwrap()
    }

    async fn submit(&self, command: Command) -> Vec<Event> {
        let outcome = self.venue().submit(command).await.unwrap();
        assert!(!matches!(outcome.events.first(), Some(Event::Rejected(_))), "{outcome:?}");
        outcome.events.clone()
    }

    async fn account(&self, name: &str, is_verifier: bool) -> AccountId {
        self.submit(Command::OpenAccount { name: name.to_owned(), is_verifier }).await;
        let account = self.venue().exchange().account_by_name(name).unwrap();
        let amount = MicroUsd::new(1_000_000_000);
        self.submit(Command::Deposit { account, amount }).await;
        let credential = self.venue().issue_credential(account).unwrap();
        std::fs::write(self.files.join(format!("{name}.secret")), &credential.client_secret)
            .unwrap();
        account
    }

    /// The buyer has two lots of the seller's at 2.50: ten dollars for four hours of each.
    async fn trade(&mut self) {
        self.submit(Command::ListInstrument(Box::new(terms(self.start)))).await;
        self.buyer = self.account("buyer", false).await;
        self.seller = self.account("seller", false).await;
        let verifier = self.account("verifier", true).await;
        let roles: [(&str, &str, AccountId, &[&str]); 2] = [
            ("agent", "seller", self.seller, &["--fault", "job-lie-once:1"]),
            ("verify", "verifier", verifier, &[]),
        ];
        for (role, name, account, more) in roles {
            let child = tenor()
                .arg(role)
                .args(self.access(name, account))
                .arg("--key")
                .arg(self.files.join(format!("{name}.key")))
                .args(more)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            self.children.push(child);
        }
        let seller = self.seller;
        self.until(|exchange| exchange.account(seller).unwrap().signer.is_some()).await;
        for (account, side) in [(self.seller, Side::Sell), (self.buyer, Side::Buy)] {
            let (price, qty) = (Price::from_ticks(2_500), Qty::from_lots(2));
            let order = PlaceOrder::limit(account, InstrumentId(1), side, price, qty);
            self.submit(Command::PlaceOrder(order)).await;
        }
    }

    fn access(&self, name: &str, account: AccountId) -> [std::ffi::OsString; 6] {
        let Credential { client_id, .. } = self.venue().issue_credential(account).unwrap();
        let secret = self.files.join(format!("{name}.secret"));
        let url = self.url.clone();
        ["--url".into(), url.into(), "--client-id".into(), client_id.into()]
            .into_iter()
            .chain(["--client-secret-file".into(), secret.into()])
            .collect::<Vec<_>>()
            .try_into()
            .unwrap()
    }

    /// Waits until the exchange is so.
    async fn until(&self, is_so: impl Fn(&exchange::Exchange) -> bool) {
        let mut heard = self.venue().subscribe();
        let waits = async {
            while !is_so(&self.venue().exchange()) {
                // Whatever is heard, it is time to look again.
                drop(heard.recv().await);
            }
        };
        tokio::time::timeout(PATIENCE, waits).await.expect("it came in time");
    }

    /// Lets an interval begin and be delivered: challenged, answered by the agent's process, judged by the verifier's.
    async fn deliver(&self, interval: u64) {
        self.clock.set(self.start + hours(2 + interval));
        let wanted = u32::try_from(interval).unwrap() + 1;
        self.until(|exchange| {
            let delivery = exchange.delivery(ObligationId(1));
            delivery.is_some_and(|delivery| wanted <= delivery.obligation.delivered_count)
        })
        .await;
    }

    /// `tenor job ..`, as the buyer.
    async fn job(&self, words: &[&str]) -> Output {
        let mut command = tenor();
        command.arg("job").arg(words[0]).args(self.access("buyer", self.buyer)).args(&words[1..]);
        let run = tokio::task::spawn_blocking(move || command.output().unwrap());
        tokio::time::timeout(PATIENCE, run).await.expect("it ended in time").unwrap()
    }

    fn demo_job(&self, nonce: &str) -> PathBuf {
        let dir = self.files.join(format!("job-{nonce}"));
        let made =
            tenor().args(["job", "demo", "--nonce", nonce, "--dir"]).arg(&dir).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        dir
    }

    async fn submit_job(&self, nonce: &str) -> WireJob {
        let dir = self.demo_job(nonce);
        let (dir, seconds) = (dir.to_str().unwrap(), "3600");
        let words = ["submit", "--dir", dir, "--obligation", "1", "--gpu-seconds", seconds];
        last(&self.job(&words).await)
    }

    fn cash(&self, account: AccountId) -> i64 {
        self.venue().exchange().ledger().balance(Bucket::Cash(account)).micros()
    }

    /// Ends everything in order; what the journal comes to again, and what it has to.
    async fn end(mut self) -> (Value, String) {
        for child in &mut self.children {
            drop(child.kill());
            drop(child.wait());
        }
        drop(self.stop.take());
        self.served.take().unwrap().await.unwrap();
        let venue = self.venue.take().unwrap();
        let closed = tokio::task::spawn_blocking(|| venue.close()).await.unwrap().unwrap();
        let verified = tenor()
            .args(["journal", "verify", "--json", "--data"])
            .arg(self.dir.path().join("venue"))
            .output()
            .unwrap();
        assert!(verified.status.success(), "{verified:?}");
        (serde_json::from_slice(&verified.stdout).unwrap(), hex::encode(closed.state_hash))
    }
}

/// The job as the command told it last.
fn last(output: &Output) -> WireJob {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_else(|| panic!("nothing was said: {output:?}"));
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// DISPUTE-017: the seller's first result is a lie. It is found by the buyer's own run, argued down to one row, and ruled on by the verifier;
/// the money moves as the rules say, challenges go on meanwhile, and the honest run of the next job is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dispute_017_a_lie_about_a_job_is_refuted_and_an_honest_run_is_taken() {
    let scene = Scene::set().await;
    scene.clock.set(scene.start + NanosSpan::from_seconds(5_400));
    scene.until(|exchange| exchange.delivery(ObligationId(1)).is_some()).await;
    scene.deliver(0).await;

    let job = scene.submit_job("1").await;
    assert_eq!((job.job_id, job.state.as_str()), (1, "submitted"));
    let checked = scene.job(&["check", "--job", "1"]).await;
    let said: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((checked.status.code(), &said["same"]), (Some(1), &Value::Bool(false)), "{said}");
    scene.deliver(1).await;
    let before = (scene.cash(scene.buyer), scene.cash(scene.seller));
    let disputed = scene.job(&["dispute", "--job", "1", "--replay-cost", "1"]).await;
    assert!(disputed.status.success(), "{disputed:?}");
    let ended = last(&disputed);
    assert_eq!(ended.state, "refuted");
    let moves = ended.dispute.unwrap().moves.len();
    assert!((2..=19).contains(&moves), "{moves} moves");
    {
        let exchange = scene.venue().exchange();
        let job = exchange.jobs().get(JobId(1)).unwrap();
        assert_eq!(job.state, JobState::Ended { outcome: JobOutcome::Refuted });
        // An hour of one GPU of the two that were paid for: 2.50.
        assert_eq!((job.returned.micros(), job.is_owing), (2_500_000, false));
        assert_eq!(exchange.ledger().balance(Bucket::Insurance).micros(), 25_000_000);
    }
    let after = (scene.cash(scene.buyer), scene.cash(scene.seller));
    assert_eq!(after.0 - before.0, 3_500_000, "the hours and the replay");
    assert!(after.1 < before.1, "the bond is smaller than the fee");

    let job = scene.submit_job("2").await;
    assert_eq!(job.job_id, 2);
    let checked = scene.job(&["check", "--job", "2"]).await;
    assert!(checked.status.success(), "{checked:?}");
    let nothing = scene.job(&["dispute", "--job", "2"]).await;
    assert!(!nothing.status.success(), "nothing to dispute: {nothing:?}");
    assert_eq!(last(&scene.job(&["accept", "--job", "2"]).await).state, "accepted");
    assert_eq!(last(&scene.job(&["watch", "--job", "2"]).await).state, "accepted");
    scene.deliver(2).await;
    {
        let exchange = scene.venue().exchange();
        assert_eq!(exchange.audit(), Ok(()));
        let duty = &exchange.delivery(ObligationId(1)).unwrap().obligation;
        // Three of four intervals of five dollars each.
        assert_eq!((duty.failed, duty.paid_to_seller.micros()), (0, 15_000_000));
    }
    let (again, hash) = scene.end().await;
    assert_eq!((&again["ok"], &again["state_hash"]), (&Value::Bool(true), &Value::String(hash)));
}
