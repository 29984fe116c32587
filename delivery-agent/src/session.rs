//! A provider's delivery agent: hears what is demanded, has it computed, claims it, and shows it.
//!
//! ```text
//! user.delivery --> duties --job, salts--> bench (worker)
//!                   duties <--roots, openings--
//!                   duties --roots--> private/submit_segment_roots --salts--> duties
//!                   duties --claim, openings--> private/submit_receipt, private/open_rows
//! ```
//!
//! Invariants:
//! - a receipt is signed for work that was done, and for nothing else: what fails here is not
//!   answered;
//! - receipts of one obligation are sent one after the other, each naming the one before it;
//! - what is open outlives the connection: after a new login the agent asks, and goes on.

mod bench;
pub(crate) mod demand;
mod duties;
mod relay;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;

use api::client::{ClientError, Notification};
use api::io::sign::CHAIN_ID;
use api::wire::{ErrorCode, WireDraw, WireSalts};
use serde::de::IgnoredAny;
use serde_json::json;
use settlement::DeliveryReceipt;

use crate::fault::FaultPlan;
use crate::io::sign::{AgentKey, SignatureBytes};
use crate::role::{CallError, Line, Role, RoleError, Work, is, keep_working, rule_of};
use crate::wire::{openings_to_json, to_hex};
use crate::worker::WorkerError;

use bench::{Bench, Done, News};
use demand::{Claim, Demand, DemandError, Key, Listed, Message};
use duties::{Answer, Duties};
use relay::Salts;

const CHANNEL: &str = "user.delivery";
/// The challenge does not wait for this, or no longer.
const WRONG_STEP: &str = "AGENT-003";
/// The receipt does not continue the chain.
const OUT_OF_CHAIN: &str = "AGENT-005";

/// Runs a provider's agent until the exchange refuses it.
///
/// `worker` is the binary whose `agent-worker` computes; without it, and with a fault, this process
/// does. A key is made where the role has none yet.
///
/// # Errors
/// [`RoleError`], when the key or the device cannot be used, the first connection fails, or the
/// exchange does not let the agent in.
pub async fn run_agent(
    role: Role,
    faults: FaultPlan,
    worker: Option<PathBuf>,
) -> Result<(), RoleError> {
    let key = AgentKey::load_or_generate(&role.key)?;
    let bench =
        Bench::open((role.device, role.path), worker.filter(|_| faults.is_honest())).await?;
    let duties = Duties::new(faults);
    let mut agent = Agent { key, bench, duties, to_accept: Vec::new(), taken: BTreeMap::new() };
    keep_working(&role, &mut agent).await
}

struct Agent {
    key: AgentKey,
    bench: Bench,
    duties: Duties,
    /// Deliveries that wait for this side's word.
    to_accept: Vec<u64>,
    /// Challenges that the last receipt of an obligation counted: what claims that or less is stale.
    taken: BTreeMap<u64, u32>,
}

impl Work for Agent {
    async fn over(&mut self, line: &mut Line) -> Result<Infallible, RoleError> {
        let address = to_hex(&self.key.address());
        let nominated: Result<IgnoredAny, CallError> =
            line.call("private/nominate_agent", &json!({ "address": address }).to_string()).await;
        nominated.map_err(|error| error.during("nomination of the agent's key"))?;
        // First subscribe, then ask: what comes in between is heard twice, not missed.
        line.subscribe(CHANNEL).await.map_err(|error| error.during("channel user.delivery"))?;
        let mut may_be_more = self.ask_what_is_open(line).await?;
        tracing::info!(address, "agent ready");
        loop {
            self.accept(line).await?;
            self.answer(line).await?;
            self.bench.interrupt_unless(|key| self.duties.wants(key));
            if self.bench.is_idle() {
                if let Some(job) = self.duties.next_job() {
                    self.bench.begin(job);
                } else if may_be_more {
                    // The exchange names one challenge and one draw of an obligation at a time.
                    may_be_more = self.ask_what_is_open(line).await?;
                    continue;
                }
            }
            tokio::select! {
                message = line.next() => {
                    let message = message.map_err(|error| error.during("a message"))?;
                    self.hear(&message);
                }
                (key, news) = self.bench.news() => match news {
                    News::Root(id, root) => self.duties.finished(key, id, root),
                    News::Done(done) => self.take(key, done),
                },
            }
        }
    }
}

impl Agent {
    /// Takes in everything that waits for this agent; whether there was news.
    async fn ask_what_is_open(&mut self, line: &Line) -> Result<bool, RoleError> {
        let mut is_news = false;
        for listed in obligations(line).await? {
            if listed.role != "seller" || listed.state != "open" {
                self.end(listed.obligation_id);
                continue;
            }
            if ["open", "lapsed"].contains(&listed.acceptance.as_str()) {
                self.to_accept.push(listed.obligation_id);
            }
            if let Some(wire) = listed.challenge {
                is_news |= self.challenged(demand::demand(&wire));
            }
            if let Some(wire) = listed.draw {
                is_news |= self.drawn(&wire);
            }
        }
        Ok(is_news)
    }

    fn hear(&mut self, notification: &Notification) {
        let message = match notification.read::<Message>() {
            Ok(message) => message,
            Err(error) => return tracing::error!(%error, "message not understood"),
        };
        match message {
            Message::Challenge(wire) => drop(self.challenged(demand::demand(&wire))),
            Message::Draw(wire) => drop(self.drawn(&wire)),
            Message::Judged { obligation_id, challenge, outcome } => {
                let key = Key { obligation: obligation_id, challenge };
                tracing::info!(%key, outcome, "challenge ended");
                self.duties.judged(key);
            }
            Message::AcceptanceOpened { obligation_id } => self.to_accept.push(obligation_id),
            Message::Closed { obligation_id } => self.end(obligation_id),
            Message::Other => {}
        }
    }

    fn challenged(&mut self, demand: Result<(Demand, Salts), DemandError>) -> bool {
        match demand {
            Ok((demand, salts)) => {
                let is_news = self.duties.challenge(demand, salts);
                if is_news {
                    tracing::info!(key = %demand.key, answer_by = demand.answer_by, "challenged");
                }
                is_news
            }
            Err(error) => {
                tracing::error!(%error, "challenge cannot be met");
                false
            }
        }
    }

    fn drawn(&mut self, wire: &WireDraw) -> bool {
        match demand::drawn(wire) {
            Ok(drawn) => self.duties.draw(drawn),
            Err(error) => {
                tracing::error!(%error, "draw cannot be met");
                false
            }
        }
    }

    fn end(&mut self, obligation: u64) {
        self.duties.closed(obligation);
        self.taken.remove(&obligation);
    }

    /// Takes in what the worker has done.
    fn take(&mut self, key: Key, done: Result<Done, WorkerError>) {
        match done {
            Ok(Done::Work(work_root)) => self.duties.worked(key, work_root),
            Ok(Done::Openings(openings)) => match openings_to_json(&openings) {
                Ok(text) => self.duties.opened(key, text),
                Err(error) => {
                    tracing::error!(%key, %error, "rows cannot be shown");
                    self.duties.abandon(key);
                }
            },
            Err(error) => {
                tracing::error!(%key, %error, "work failed, the challenge stays unanswered");
                self.duties.abandon(key);
            }
        }
    }

    /// Accepts what is about to begin: the agent is up, and so is its hardware. Whoever is not the seller is refused, and no harm is done.
    async fn accept(&mut self, line: &Line) -> Result<(), RoleError> {
        for obligation in std::mem::take(&mut self.to_accept) {
            let params = json!({ "obligation_id": obligation }).to_string();
            match line.call::<IgnoredAny>("private/accept_delivery", &params).await {
                Ok(_) => tracing::info!(obligation, "delivery accepted"),
                Err(CallError::Refused(error)) => {
                    tracing::info!(obligation, %error, "nothing to accept");
                }
                Err(CallError::Lost(error)) => return Err(RoleError::Unreachable(error)),
            }
        }
        Ok(())
    }

    /// Sends everything that is ready.
    async fn answer(&mut self, line: &Line) -> Result<(), RoleError> {
        while let Some(answer) = self.duties.next_answer() {
            match answer {
                Answer::Roots { key, slot, first_segment, roots } => {
                    self.tell(line, (key, slot), first_segment, &roots).await?;
                }
                Answer::Claim { demand, work_root } => {
                    self.claim(line, demand, work_root).await?;
                }
                Answer::Openings { key, openings } => self.show(line, key, &openings).await?,
            }
        }
        Ok(())
    }

    /// Tells the venue of finished segments of a slot, and passes the salts on that come back.
    async fn tell(
        &mut self,
        line: &Line,
        (key, slot): (Key, u16),
        first_segment: usize,
        roots: &[[u8; 32]],
    ) -> Result<(), RoleError> {
        let params = json!({
            "obligation_id": key.obligation,
            "challenge": key.challenge,
            "slot": slot,
            "first_segment": first_segment,
            "roots": roots.iter().map(|root| to_hex(root)).collect::<Vec<_>>(),
        });
        let salts =
            match line.call::<WireSalts>("private/submit_segment_roots", &params.to_string()).await
            {
                Ok(wire) => demand::salts(slot, &wire),
                Err(CallError::Lost(error)) => return Err(RoleError::Unreachable(error)),
                // Claimed already, when a connection has ended that had no time to say so; or too late.
                Err(CallError::Refused(error)) if is(&error, ErrorCode::BadRequest) => {
                    tracing::warn!(%key, slot, first_segment, %error, "roots no longer awaited");
                    self.duties.tell_no_more(key);
                    return Ok(());
                }
                Err(CallError::Refused(error)) => {
                    tracing::error!(%key, slot, first_segment, %error, "roots refused");
                    self.duties.abandon(key);
                    return Ok(());
                }
            };
        match salts {
            Ok(salts) => {
                self.duties.told(key, (slot, first_segment.saturating_add(roots.len())), &salts);
                self.bench.salt(key, &salts);
            }
            Err(error) => {
                tracing::error!(%key, %error, "salts not understood");
                self.duties.abandon(key);
            }
        }
        Ok(())
    }

    /// Signs and sends the next receipt of an obligation; twice when the chain has moved on.
    async fn claim(
        &mut self,
        line: &Line,
        demand: Demand,
        work_root: [u8; 32],
    ) -> Result<(), RoleError> {
        let Demand { key, mut claim, .. } = demand;
        let last = self.taken.get(&key.obligation).copied().unwrap_or(0);
        let mut is_stale = claim.challenges <= last;
        for is_last_try in [false, true] {
            if is_stale {
                let Some(current) = current_claim(line, key.obligation).await? else { break };
                claim = current;
            }
            let receipt = claim.receipt(key, work_root);
            let error = match self.submit(line, &receipt).await? {
                Ok(()) => {
                    tracing::info!(%key, gpu_millis = claim.gpu_millis, "receipt accepted");
                    self.taken.insert(key.obligation, claim.challenges);
                    self.duties.claimed(key);
                    return Ok(());
                }
                Err(error) => error,
            };
            match rule_of(&error) {
                Some(OUT_OF_CHAIN) if !is_last_try => is_stale = true,
                Some(WRONG_STEP) => break,
                _ => {
                    tracing::error!(%key, %error, "receipt refused");
                    self.duties.abandon(key);
                    return Ok(());
                }
            }
        }
        // Too late, or taken before a connection ended that had no time to say so. Rows of it may be
        // drawn yet.
        tracing::warn!(%key, "no receipt is awaited any more");
        self.duties.claimed(key);
        Ok(())
    }

    async fn submit(
        &self,
        line: &Line,
        receipt: &DeliveryReceipt,
    ) -> Result<Result<(), ClientError>, RoleError> {
        let signature = match self.key.sign(receipt, CHAIN_ID) {
            Ok(signature) => signature,
            Err(error) => return Err(RoleError::Key(error)),
        };
        let params = receipt_params(receipt, &signature);
        match line.call::<IgnoredAny>("private/submit_receipt", &params).await {
            Ok(_) => Ok(Ok(())),
            Err(CallError::Refused(error)) => Ok(Err(error)),
            Err(CallError::Lost(error)) => Err(RoleError::Unreachable(error)),
        }
    }

    async fn show(&mut self, line: &Line, key: Key, openings: &str) -> Result<(), RoleError> {
        let Key { obligation, challenge } = key;
        let params = format!(
            r#"{{"obligation_id":{obligation},"challenge":{challenge},"openings":{openings}}}"#
        );
        match line.call::<IgnoredAny>("private/open_rows", &params).await {
            Ok(_) => {
                tracing::info!(%key, "rows opened");
                self.duties.shown(key);
            }
            // Opened before, or judged already: either way nobody waits for them.
            Err(CallError::Refused(error)) if is(&error, ErrorCode::BadRequest) => {
                tracing::warn!(%key, %error, "rows no longer awaited");
                self.duties.shown(key);
            }
            Err(CallError::Refused(error)) => {
                tracing::error!(%key, %error, "rows refused");
                self.duties.abandon(key);
            }
            Err(CallError::Lost(error)) => return Err(RoleError::Unreachable(error)),
        }
        Ok(())
    }
}

/// What the next receipt of an obligation must say; `None` when none of its challenges waits for one.
async fn current_claim(line: &Line, obligation: u64) -> Result<Option<Claim>, RoleError> {
    let listed = obligations(line).await?;
    let of_this = listed.into_iter().find(|listed| listed.obligation_id == obligation);
    let challenge = of_this.and_then(|listed| listed.challenge);
    Ok(challenge.and_then(|wire| {
        let claim = demand::claim(&wire);
        claim.inspect_err(|error| tracing::error!(%error, "claim not understood")).ok()
    }))
}

async fn obligations(line: &Line) -> Result<Vec<Listed>, RoleError> {
    let listed = line.call("private/get_obligations", "{}").await;
    listed.map_err(|error| error.during("question for open obligations"))
}

fn receipt_params(receipt: &DeliveryReceipt, signature: &SignatureBytes) -> String {
    json!({
        "obligation_id": receipt.obligation.0,
        "challenge": receipt.challenge,
        "gpu_millis": receipt.gpu_millis,
        "challenges": receipt.challenges,
        "work_root": to_hex(&receipt.work_root),
        "prev": to_hex(&receipt.prev),
        "terms": to_hex(&receipt.terms),
        "signature": to_hex(signature),
    })
    .to_string()
}
