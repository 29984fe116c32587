//! A venue's index from reporters: reports are fetched, their signatures checked, and new ones become commands.
//!
//! The venue asks; nobody outside can push. What does not carry 2f + 1 signatures of the set in the oracle's file is nothing, whoever hands it
//! over, so one honest reporter that answers is enough.
//!
//! Invariant: when no new report has come for longer than the last one's heartbeat and the grace, the venue is told that there is no index, once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use api::venue::Venue;
use exchange::{Command, IndexPrint};
use instruments::{GradeId, Nanos, NanosSpan, Ppm};
use oracle::io::sign::SignedReport;
use oracle::{Report, State, StateKind, Withheld};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, timeout};

use super::settings::OracleFile;

/// An answer with reports of 32 grades has less.
const ANSWER_LEN_MAX: u64 = 1024 * 1024;
/// How long a reporter may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// Where a venue's index comes from, in its settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FollowSettings {
    /// The oracle's file: whose signatures count.
    oracle: PathBuf,
    /// Where reporters answer, host and port. Asked in turn.
    reporters: Vec<String>,
    /// How often.
    #[serde(default = "two_seconds")]
    poll_ms: u64,
    /// How long after its heartbeat a report is still believed.
    #[serde(default = "a_minute")]
    grace_ms: u64,
}

const fn two_seconds() -> u64 {
    2_000
}

const fn a_minute() -> u64 {
    60_000
}

/// What is to be followed.
#[derive(Debug)]
pub(crate) struct Feed {
    oracle: OracleFile,
    reporters: Vec<String>,
    poll: Duration,
    grace: NanosSpan,
    /// The last report of each grade, and whether the venue was told that it is over.
    last: BTreeMap<GradeId, (Report, bool)>,
}

impl Feed {
    /// Checks the settings.
    pub(crate) fn new(settings: &FollowSettings) -> Result<Self> {
        ensure!(
            (1..=64).contains(&settings.reporters.len()),
            "index.reporters must name 1 to 64 addresses, not {}",
            settings.reporters.len()
        );
        for (field, millis) in [("poll_ms", settings.poll_ms), ("grace_ms", settings.grace_ms)] {
            ensure!(
                (1..=3_600_000).contains(&millis),
                "index.{field} must be 1 to 3600000, not {millis}"
            );
        }
        Ok(Self {
            oracle: OracleFile::read(&settings.oracle).context("index.oracle")?,
            reporters: settings.reporters.clone(),
            poll: Duration::from_millis(settings.poll_ms),
            grace: NanosSpan::new(settings.grace_ms * 1_000_000),
            last: BTreeMap::new(),
        })
    }

    /// Follows the reporters for as long as the venue takes commands.
    pub(crate) async fn follow(mut self, venue: Venue) -> Result<()> {
        let mut clock = tokio::time::interval(self.poll);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut turn = 0_usize;
        loop {
            clock.tick().await;
            let from = self.reporters.get(turn % self.reporters.len()).cloned().unwrap_or_default();
            turn = turn.wrapping_add(1);
            let reports = match fetch(&from).await {
                Ok(reports) => reports,
                Err(error) => {
                    tracing::debug!(%from, error = %format!("{error:#}"), "no reports");
                    Vec::new()
                }
            };
            let now = venue.now();
            let mut prints: Vec<IndexPrint> =
                reports.iter().filter_map(|signed| self.take(signed, now)).collect();
            prints.extend(self.overdue(now));
            for print in prints {
                // What the exchange refuses, a grade without a series for one, it says in an event.
                venue.submit(Command::PublishIndex(print)).await?;
            }
        }
    }

    /// The print of a report that is signed, new and not over.
    fn take(&mut self, signed: &SignedReport, now: Nanos) -> Option<IndexPrint> {
        let settings = &self.oracle.settings;
        if let Err(error) = signed.verify(&settings.intake.domain, &settings.reporters) {
            tracing::warn!(%error, "report refused");
            return None;
        }
        let report = &signed.report;
        let is_new = self.last.get(&report.grade).is_none_or(|(it, _)| it.height < report.height);
        if !is_new || now < report.value_at || report.is_overdue(now, self.grace) {
            return None;
        }
        self.last.insert(report.grade.clone(), (report.clone(), false));
        Some(print(report))
    }

    /// Grades whose report is over: from now on there is no index.
    fn overdue(&mut self, now: Nanos) -> Vec<IndexPrint> {
        let mut over = Vec::new();
        for (grade, (report, is_told)) in &mut self.last {
            if !*is_told && report.is_overdue(now, self.grace) {
                *is_told = true;
                tracing::warn!(%grade, "index withheld: the reporters are silent");
                over.push(IndexPrint {
                    grade: grade.clone(),
                    observed_at: now,
                    value: None,
                    conf: Ppm::ONE,
                    state: State::Withheld(Withheld::ByReporters),
                });
            }
        }
        over
    }
}

fn print(report: &Report) -> IndexPrint {
    let state = match report.state {
        StateKind::Ok => State::Ok,
        StateKind::LowConf => State::LowConf,
        StateKind::Unconfirmed => State::Unconfirmed,
        StateKind::Fallback => State::Fallback(report.rung),
        StateKind::Withheld => State::Withheld(Withheld::ByReporters),
    };
    IndexPrint {
        grade: report.grade.clone(),
        observed_at: report.value_at,
        value: report.value,
        conf: report.conf,
        state,
    }
}

/// The last report of every grade that a reporter has.
async fn fetch(from: &str) -> Result<Vec<SignedReport>> {
    let answer = timeout(ANSWER_WAIT, get(from)).await.context("no answer in time")??;
    let (_, body) = answer.split_once("\r\n\r\n").context("not an answer in HTTP")?;
    let lines: BTreeMap<String, serde_json::Value> = serde_json::from_str(body)?;
    let read = |line: &serde_json::Value| -> Result<SignedReport> {
        let digits = line["signed"].as_str().context("no `signed`")?;
        Ok(borsh::from_slice(&hex::decode(digits)?)?)
    };
    lines.values().map(read).collect()
}

async fn get(from: &str) -> Result<String> {
    let mut stream = TcpStream::connect(from).await?;
    let request = format!("GET /reports HTTP/1.1\r\nhost: {from}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(ANSWER_LEN_MAX).read_to_string(&mut answer).await?;
    Ok(answer)
}
