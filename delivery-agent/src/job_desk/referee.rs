//! The referee: plays the words of a dispute again, computes the one row that they come to, and rules.
//!
//! Invariants:
//! - what the buyer has declared wrongly is the buyer's fault, what the prover has claimed wrongly the
//!   prover's;
//! - what could not be fetched, and a judgement that stopped, is nobody's.

use std::collections::BTreeSet;
use std::convert::Infallible;

use api::client::Blobs;
use api::wire::WireJob;
use serde_json::json;
use tokio::task::JoinSet;

use super::argument::rule;
use super::documents::{Case, Trouble, fetch_moves, fetch_result};
use super::prover::CHANNEL;
use crate::job::bisect::Side;
use crate::role::{CallError, Line, Role, RoleError, Work, keep_working};

/// Rules in disputes until the exchange refuses it.
///
/// # Errors
/// [`RoleError`], when the first connection fails.
pub async fn run_referee(role: Role) -> Result<(), RoleError> {
    let Role { url, client_id, client_secret, .. } = &role;
    let blobs = Blobs::beside(url, client_id, client_secret).map_err(RoleError::Unreachable)?;
    let mut referee = Referee { blobs, judging: BTreeSet::new(), work: JoinSet::new() };
    keep_working(&role, &mut referee).await
}

struct Referee {
    blobs: Blobs,
    judging: BTreeSet<u64>,
    work: JoinSet<(u64, Found)>,
}

/// A ruling in the exchange's words, and why.
struct Found {
    verdict: &'static str,
    why: String,
}

impl Work for Referee {
    async fn over(&mut self, line: &mut Line) -> Result<Infallible, RoleError> {
        line.subscribe(CHANNEL).await.map_err(|error| error.during("channel user.jobs"))?;
        let open = line.call::<Vec<WireJob>>("private/get_jobs", "{}").await;
        for job in open.map_err(|error| error.during("question for disputes"))? {
            self.begin(job);
        }
        tracing::info!("ready to rule");
        loop {
            tokio::select! {
                message = line.next() => {
                    let message = message.map_err(|error| error.during("a dispute"))?;
                    match message.read::<WireJob>() {
                        Ok(job) => self.begin(job),
                        Err(error) => tracing::error!(%error, "message not understood"),
                    }
                }
                Some(judged) = self.work.join_next() => match judged {
                    Ok((job, found)) => self.say(line, job, &found).await?,
                    Err(error) => tracing::error!(%error, "a ruling was lost"),
                },
            }
        }
    }
}

impl Referee {
    fn begin(&mut self, job: WireJob) {
        if job.role != "referee" || job.state != "called" || !self.judging.insert(job.job_id) {
            return;
        }
        let (id, blobs) = (job.job_id, self.blobs.clone());
        self.work.spawn(async move { (id, find(&blobs, &job).await) });
    }

    async fn say(&mut self, line: &Line, id: u64, found: &Found) -> Result<(), RoleError> {
        self.judging.remove(&id);
        let Found { verdict, why } = found;
        let mut params = json!({ "job_id": id, "verdict": verdict });
        if *verdict == "valid" {
            params["quality"] = json!(1);
        }
        match line.call::<WireJob>("private/rule_dispute", &params.to_string()).await {
            Ok(_) => tracing::info!(job = id, verdict, why, "dispute ruled on"),
            // Another referee was faster, or the deadline.
            Err(CallError::Refused(error)) => {
                tracing::warn!(job = id, verdict, %error, "ruling not taken");
            }
            Err(CallError::Lost(error)) => return Err(RoleError::Unreachable(error)),
        }
        Ok(())
    }
}

async fn find(blobs: &Blobs, job: &WireJob) -> Found {
    match judge(blobs, job).await {
        Ok((winner, why)) => Found { verdict: verdict(winner), why },
        Err(trouble @ (Trouble::Spec(_) | Trouble::Leaves(_))) => {
            Found { verdict: verdict(Side::Prover), why: trouble.to_string() }
        }
        Err(trouble @ Trouble::Result(_)) => {
            Found { verdict: verdict(Side::Challenger), why: trouble.to_string() }
        }
        Err(trouble @ (Trouble::Fetch(_) | Trouble::Device(_) | Trouble::Stopped)) => {
            Found { verdict: "unverifiable", why: trouble.to_string() }
        }
    }
}

const fn verdict(winner: Side) -> &'static str {
    match winner {
        Side::Prover => "valid",
        Side::Challenger => "invalid",
    }
}

async fn judge(blobs: &Blobs, job: &WireJob) -> Result<(Side, String), Trouble> {
    let case = Case::fetch(blobs, job).await?;
    let result = fetch_result(blobs, job).await?;
    let dispute = job.dispute.as_ref().ok_or(Trouble::Stopped)?;
    let words = fetch_moves(blobs, dispute).await?;
    let caller = match dispute.called_by.as_deref() {
        Some("prover") => Some(Side::Prover),
        Some(_) => Some(Side::Challenger),
        None => None,
    };
    let judged = tokio::task::spawn_blocking(move || {
        rule(&case.program, &case.leaves, &result, (&words, caller))
    });
    let ruling = judged.await.map_err(|_panic| Trouble::Stopped)?;
    Ok((ruling.winner, format!("{:?}", ruling.why)))
}
