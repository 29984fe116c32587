//! The verifier's role: takes opened rows as they come, computes them again, and says what it found.
//!
//! ```text
//! verifier.tasks --> waiting --> judging (as many as there are cores) --> judged --> private/submit_verdict
//! ```
//!
//! Invariants:
//! - a task that is heard twice is judged once;
//! - what was judged while the connection was down is said when it is up again.

mod judge;

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;

use api::client::Notification;
use api::wire::{Number, WireTask, to_result};
use instruments::Ppm;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tokio::task::JoinSet;

use crate::role::{CallError, Line, Role, RoleError, Work, keep_working};
use crate::session::demand::Key;

pub use judge::{Judgement, judge};

const CHANNEL: &str = "verifier.tasks";
/// Tasks that may wait in this process. More are not read from the connection until one is judged.
const WAITING_MAX: usize = 64;
/// Bytes of a reason that the exchange takes.
const REASON_LEN_MAX: usize = 256;

/// Runs a verifier until the exchange refuses it.
///
/// # Errors
/// [`RoleError`], when the first connection fails or the account is not a verifier's.
pub async fn run_verifier(role: Role) -> Result<(), RoleError> {
    // One core is what there is when nobody can say.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    keep_working(&role, &mut Verifier { cores, ..Verifier::default() }).await
}

#[derive(Default)]
struct Verifier {
    cores: usize,
    waiting: VecDeque<WireTask>,
    judging: JoinSet<(Key, Judgement)>,
    judged: VecDeque<(Key, Judgement)>,
    /// Everything in the three above.
    known: BTreeSet<Key>,
}

impl Work for Verifier {
    async fn over(&mut self, line: &mut Line) -> Result<Infallible, RoleError> {
        // Everything that waits for a verdict comes first.
        line.subscribe(CHANNEL).await.map_err(|error| error.during("channel verifier.tasks"))?;
        tracing::info!(cores = self.cores, "verifier ready");
        loop {
            self.say(line).await?;
            self.begin();
            tokio::select! {
                task = line.next(), if self.waiting.len() < WAITING_MAX => {
                    let task = task.map_err(|error| error.during("a task"))?;
                    self.hear(&task);
                }
                Some(judged) = self.judging.join_next() => match judged {
                    Ok(judged) => self.judged.push_back(judged),
                    Err(error) => tracing::error!(%error, "a judgement was lost"),
                },
            }
        }
    }
}

impl Verifier {
    fn hear(&mut self, notification: &Notification) {
        match notification.read::<WireTask>() {
            Ok(task) => {
                if self.known.insert(key_of(&task)) {
                    self.waiting.push_back(task);
                }
            }
            Err(error) => tracing::error!(%error, "task not understood"),
        }
    }

    /// Begins to judge what waits, as far as there are cores.
    fn begin(&mut self) {
        while self.judging.len() < self.cores
            && let Some(task) = self.waiting.pop_front()
        {
            let key = key_of(&task);
            self.judging.spawn(async move {
                let judged = tokio::task::spawn_blocking(move || judge(&task)).await;
                (key, judged.unwrap_or_else(|_panic| Judgement::stopped()))
            });
        }
    }

    /// Says every verdict that has been found.
    async fn say(&mut self, line: &Line) -> Result<(), RoleError> {
        while let Some((key, judgement)) = self.judged.front() {
            let params = verdict_params(*key, judgement);
            let (verdict, reason) = (judgement.verdict(), judgement.reason());
            match line.call::<IgnoredAny>("private/submit_verdict", params.get()).await {
                Ok(_) => tracing::info!(%key, verdict, reason, "verdict recorded"),
                // Another verifier was faster, or the deadline.
                Err(CallError::Refused(error)) => {
                    tracing::warn!(%key, verdict, %error, "verdict not taken");
                }
                Err(CallError::Lost(error)) => return Err(RoleError::Unreachable(error)),
            }
            self.known.remove(key);
            self.judged.pop_front();
        }
        Ok(())
    }
}

fn key_of(task: &WireTask) -> Key {
    Key { obligation: task.obligation_id, challenge: task.challenge }
}

/// What `private/submit_verdict` takes.
#[derive(Serialize)]
struct VerdictParams<'a> {
    obligation_id: u64,
    challenge: u32,
    verdict: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    quality: Option<Number>,
    reason: &'a str,
}

fn verdict_params(key: Key, judgement: &Judgement) -> Box<RawValue> {
    let reason = judgement.reason();
    let len = reason.floor_char_boundary(REASON_LEN_MAX);
    to_result(&VerdictParams {
        obligation_id: key.obligation,
        challenge: key.challenge,
        verdict: judgement.verdict(),
        quality: judgement.is_valid().then(|| Ppm::new(judgement.quality().into()).into()),
        reason: reason.get(..len).unwrap_or_default(),
    })
}
