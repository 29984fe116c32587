//! `tenor oracle reporter`: one of `n = 3f + 1` processes that agree on the inputs of every tick and sign the reports that follow.
//!
//! The protocol is a state machine in [`oracle::io::reporter`]; here are its clock, its sockets and its directory. One task owns it: events come
//! in through one bounded queue, and what it says is saved before it is sent.

mod args;
mod follow;
mod http;
mod json;
mod observe;
mod peers;
mod settings;
mod store;

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use api::venue::VenueClock;
use oracle::io::reporter::{Message, OfferRefusal, Offered, Output, Reporter};
use oracle::io::sign::{SignedObservation, SignedReport, SigningKey};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

pub(crate) use args::{EquivocationArgs, ObserveArgs, ReportArgs, ReporterArgs};
pub(crate) use follow::{Feed, FollowSettings};
pub(crate) use observe::{check_equivocation, check_reports, observe};

use crate::commands::{Interrupt, runtime};
use http::View;
use peers::Peers;
use settings::{OracleFile, Own};
use store::Store;

/// Messages and statements that wait for the reporter. A peer whose message does not fit waits; a provider is told to come again.
const EVENTS_MAX: usize = 256;
/// How often the reporter looks at the clock.
const WAKE_EVERY: Duration = Duration::from_millis(25);

/// What happens to a reporter.
enum Event {
    /// Somebody said something.
    Heard(Message),
    /// A provider brings a statement and waits for an answer.
    Offered(SignedObservation, oneshot::Sender<Result<Offered, OfferRefusal>>),
}

/// The one task that owns the state machine.
struct Driver {
    reporter: Reporter,
    oracle: OracleFile,
    peers: Peers,
    store: Store,
    view: watch::Sender<View>,
    clock: VenueClock,
}

pub(crate) fn run(args: &ReporterArgs) -> Result<ExitCode> {
    let own = Own::read(&args.config)?;
    runtime()?.block_on(serve(own, args.lie))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(own: Own, is_lying: bool) -> Result<()> {
    let oracle = OracleFile::read(&own.oracle)?;
    let (reporter, store) = start(&own, &oracle, is_lying)?;
    let listener = bind("listen", own.listen).await?;
    let http = bind("http", own.http).await?;
    let mut interrupt = Interrupt::listen()?;
    let place = usize::from(reporter.place());
    let (events, inbox) = mpsc::channel(EVENTS_MAX);
    let (view, seen) = watch::channel(View::default());
    let peers = Peers::connect(&oracle.listens, place);
    let count = oracle.listens.len();
    let driver = Driver { reporter, oracle, peers, store, view, clock: VenueClock::System };
    driver.show_all();
    say(&format!(
        "reporter {place} of {count} listens on {} and http://{}",
        listener.local_addr()?,
        http.local_addr()?
    ));
    tokio::select! {
        ended = driver.run(inbox) => ended,
        ended = peers::listen(listener, count, events.clone()) => ended,
        ended = http::serve(http, events, seen) => ended.context("http"),
        () = interrupt.heard() => Ok(()),
    }
}

fn start(own: &Own, oracle: &OracleFile, is_lying: bool) -> Result<(Reporter, Store)> {
    let key = SigningKey::load(&own.key)?;
    let store = Store::open(&own.data)?;
    let saved = store.saved()?;
    let reporter = Reporter::new(oracle.settings.clone(), oracle.patience, key, saved.as_deref())
        .with_context(|| own.data.display().to_string())?;
    Ok((if is_lying { reporter.lying() } else { reporter }, store))
}

async fn bind(field: &str, address: std::net::SocketAddr) -> Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| format!("{field}: cannot listen on {address}"))
}

impl Driver {
    /// Ends only when something fails: then what was not saved was not sent.
    async fn run(mut self, mut inbox: mpsc::Receiver<Event>) -> Result<()> {
        let mut clock = tokio::time::interval(WAKE_EVERY);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let event = tokio::select! {
                event = inbox.recv() => event,
                _ = clock.tick() => None,
            };
            let now = self.clock.now();
            let outputs = match event {
                Some(Event::Heard(message)) => self.reporter.receive(message, now),
                Some(Event::Offered(signed, reply)) => {
                    let (offered, outputs) = self.reporter.offer(&signed, now);
                    // A provider that has left is told nothing.
                    drop(reply.send(offered));
                    outputs
                }
                None => self.reporter.wake(now),
            };
            self.carry_out(outputs)?;
        }
    }

    fn carry_out(&mut self, outputs: Vec<Output>) -> Result<()> {
        // Everything after the first `Save` may be sent when the state as it is now is on the disk.
        let mut is_saved = false;
        for output in outputs {
            match output {
                Output::Save if is_saved => {}
                Output::Save => {
                    self.store.save(&self.reporter.save())?;
                    is_saved = true;
                }
                Output::Broadcast(message) => self.peers.broadcast(&message),
                Output::Send(to, message) => self.peers.send(usize::from(to), message.write()),
                Output::SendDecision(to, height) => {
                    if let Some(decision) = self.store.decision(height)? {
                        self.peers.send(usize::from(to), decision);
                    }
                }
                Output::Keep(decision) => {
                    let domain = &self.oracle.settings.intake.domain;
                    self.store.keep(&decision, domain)?;
                    say(&json::tick(&decision.inputs).to_string());
                    self.show();
                }
                Output::Publish(report) => {
                    let domain = &self.oracle.settings.intake.domain;
                    self.store.publish(&report, domain)?;
                    say(&json::report(&report, domain).to_string());
                    let grade = &report.report.grade;
                    tracing::info!(%grade, height = report.report.height, "report published");
                    self.show_report(&report);
                    self.show();
                }
            }
        }
        Ok(())
    }

    /// What was published before a restart is still the last there is.
    fn show_all(&self) {
        self.reporter.newest_reports().for_each(|report| self.show_report(report));
        self.show();
    }

    fn show_report(&self, report: &SignedReport) {
        let line = Arc::new(json::report(report, &self.oracle.settings.intake.domain));
        let grade = report.report.grade.as_str().to_owned();
        self.view.send_modify(|view| drop(view.reports.insert(grade, line)));
    }

    fn show(&self) {
        let chain = self.reporter.chain();
        let disagreements: Vec<_> = self
            .reporter
            .disagreements()
            .into_iter()
            .map(|(place, count)| json!({ "reporter": place, "count": count }))
            .collect();
        let status = json!({
            "reporter": self.reporter.place(),
            "reporters": self.oracle.listens.len(),
            "ticks": chain.next_height().saturating_sub(1),
            "tick_at_ns": chain.tick_at().map(|at| at.nanos().to_string()),
            "disagreements": disagreements,
        });
        self.view.send_modify(|view| view.status = status);
    }
}

fn say(line: &str) {
    // Scripts wait for these lines; when the stream is closed, the reporter reports all the same.
    drop(writeln!(stdout(), "{line}"));
}

/// A file that a person hands in, read whole within a limit.
fn read_bounded(file: &Path, len_max: u64) -> Result<String> {
    let name = || file.display().to_string();
    let len = std::fs::metadata(file).with_context(name)?.len();
    anyhow::ensure!(len <= len_max, "{} has {len} bytes, the limit is {len_max}", name());
    std::fs::read_to_string(file).with_context(name)
}
