//! A dry run of a delivery session: the real program on the real device, against the venue's clock and its draws, with nothing at stake.
//!
//! Invariants:
//! - what the venue hears is what it would hear of an obligation, less the signature and the money;
//! - the judge is the verifier's own code.

use std::sync::Arc;

use api::venue::{MockAnswer, MockVerdict};
use serde::Deserialize;
use serde_json::json;

use crate::challenge::{Challenge, draw};
use crate::expand::{Bytes32, pool_seed};
use crate::fault::FaultPlan;
use crate::profile::ClassProfile;
use crate::program::{SegmentProgram, Work};
use crate::rate::{Timing, quality, rate_gflops};
use crate::role::{Line, Role, RoleError};
use crate::salt::{KnownSalts, NO_SECRET};
use crate::verify::{Claimed, Verdict, verify};
use crate::wire::{hash_from_hex, openings_from_json, openings_to_json, to_hex};

/// What a dry run asks for.
#[derive(Debug, Clone)]
pub struct MockPlan {
    /// Devices that must work at once.
    pub slots: u16,
    /// Challenges.
    pub challenges: u32,
    /// Against which grade it is measured.
    pub grade: Option<String>,
    /// Which challenges are answered how honestly; a dry run has no silence.
    pub faults: FaultPlan,
}

/// The terms that the venue has given.
#[derive(Debug, Clone, Deserialize)]
pub struct MockSession {
    /// The size of the work.
    pub profile: String,
    /// Devices that must work at once.
    pub slots: u16,
    /// Segments of each.
    pub segments: u16,
    /// Challenges.
    pub challenges: u32,
    /// GFLOP/s of the grade, where it is calibrated.
    pub reference_gflops: Option<u64>,
    /// What the resident pool is expanded from.
    session_seed: String,
}

/// What came of one challenge.
#[derive(Debug, Clone, Deserialize)]
pub struct MockResult {
    /// As judged.
    pub verdict: String,
    /// Why.
    pub reason: String,
    /// GFLOP/s by the venue's clock.
    pub rate_gflops: u64,
    /// Millionths of the grade.
    pub quality_ppm: u32,
    /// From the challenge to the claim, by the venue's clock.
    pub took_ms: u64,
    /// What five minutes of it would have been credited.
    pub credited_gpu_millis: u64,
}

#[derive(Deserialize)]
struct Asked {
    ended: bool,
    challenge: Option<u32>,
    seed: Option<String>,
}

#[derive(Deserialize)]
struct Drawn {
    draw_seed: String,
}

/// Why a dry run ends early.
#[derive(Debug, thiserror::Error)]
pub enum MockFailure {
    /// The venue.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// What it asks for cannot be done by this build.
    #[error("the venue asks for {what}")]
    NotUnderstood {
        /// What it asks for.
        what: String,
    },
    /// The device.
    #[error(transparent)]
    Program(#[from] crate::program::ProgramError),
    /// What was computed cannot be shown.
    #[error(transparent)]
    Wire(#[from] crate::wire::Malformed),
    /// The thread that computed.
    #[error("the work stopped before it was done")]
    Stopped,
}

/// Runs a whole session; `said` hears the terms first, then each challenge by its number.
///
/// # Errors
/// [`MockFailure`]. A challenge that fails is no error: it is what a dry run is for.
pub async fn run_mock(
    role: &Role,
    plan: &MockPlan,
    mut said: impl FnMut(&MockSession, Option<(u32, &MockResult)>),
) -> Result<(), MockFailure> {
    let device = role.device.open().map_err(RoleError::from)?;
    let line = Line::open(role).await.map_err(|error| error.during("login"))?;
    let begin = json!({
        "step": "begin", "amount": plan.slots, "count": plan.challenges, "grade": plan.grade,
    });
    let session: MockSession = step(&line, &begin).await?;
    let profile = ClassProfile::named(&session.profile).ok_or_else(|| {
        MockFailure::NotUnderstood { what: format!("profile `{}`", session.profile) }
    })?;
    let pool_seed = pool_seed(&hash("session_seed", Some(&session.session_seed))?);
    said(&session, None);
    // Before any time is taken, as at the beginning of a delivery.
    let (on, path) = (device.clone(), role.path);
    let filled =
        tokio::task::spawn_blocking(move || SegmentProgram::load(&pool_seed, &profile, &on));
    let program = filled.await.map_err(|_panic| MockFailure::Stopped)??;
    let program = Arc::new(program.by(path));
    for count in 1.. {
        let asked: Asked = step(&line, &json!({ "step": "challenge" })).await?;
        if asked.ended {
            break;
        }
        let (number, challenge) = understood(&asked, &session, profile)?;
        let challenge = challenge.over_pool(pool_seed);
        let (program, fault) = (Arc::clone(&program), plan.faults.of_challenge(count));
        let worked = tokio::task::spawn_blocking(move || {
            program.run(&challenge, &mut KnownSalts(NO_SECRET), fault)
        });
        let work: Work = worked.await.map_err(|_panic| MockFailure::Stopped)??;
        let claim = json!({ "step": "claim", "work_root": to_hex(&work.root()) });
        let drawn: Drawn = step(&line, &claim).await?;
        let draw_seed = hash("draw_seed", Some(&drawn.draw_seed))?;
        let openings = openings_to_json(&work.open(&draw(&draw_seed, &challenge, &work.root())))?;
        let open = format!(r#"{{"step":"open","openings":{openings}}}"#);
        let result: MockResult = call(&line, &open).await?;
        said(&session, Some((number, &result)));
    }
    Ok(())
}

fn understood(
    asked: &Asked,
    session: &MockSession,
    profile: ClassProfile,
) -> Result<(u32, Challenge), MockFailure> {
    let seed = hash("seed", asked.seed.as_deref())?;
    let challenge = Challenge::new(seed, profile, session.slots, session.segments)
        .map_err(|error| MockFailure::NotUnderstood { what: error.to_string() })?;
    let number = asked.challenge;
    let number = number.ok_or_else(|| MockFailure::NotUnderstood { what: "nothing".to_owned() })?;
    Ok((number, challenge))
}

fn hash(field: &str, text: Option<&str>) -> Result<Bytes32, MockFailure> {
    text.and_then(hash_from_hex).ok_or_else(|| MockFailure::NotUnderstood {
        what: format!("{field} that is not 32 bytes in hexadecimal"),
    })
}

async fn step<T: serde::de::DeserializeOwned>(
    line: &Line,
    params: &serde_json::Value,
) -> Result<T, MockFailure> {
    call(line, &params.to_string()).await
}

async fn call<T: serde::de::DeserializeOwned>(line: &Line, params: &str) -> Result<T, MockFailure> {
    let answer = line.call("private/mock_session", params).await;
    Ok(answer.map_err(|error| error.during("the dry run"))?)
}

/// Judges a dry run as a verifier judges a delivery.
#[must_use]
pub fn judge_mock(answer: &MockAnswer) -> MockVerdict {
    let unjudged = |reason: String| MockVerdict {
        verdict: "unverifiable",
        reason,
        rate_gflops: 0,
        quality: 0,
    };
    let Some(profile) = ClassProfile::named(&answer.profile) else {
        return unjudged(format!("profile `{}` is not known to this build", answer.profile));
    };
    let challenge = match Challenge::new(answer.seed, profile, answer.slots, answer.segments) {
        Ok(challenge) => challenge.in_session(&answer.session_seed),
        Err(error) => return unjudged(error.to_string()),
    };
    let timing = Timing { roots: &[], claimed_at: answer.took.nanos() / 1_000 };
    let rate_gflops = rate_gflops(&profile, answer.segments, timing);
    let refuted =
        |reason: String| MockVerdict { verdict: "invalid", reason, rate_gflops, quality: 0 };
    let openings = match openings_from_json(&answer.openings) {
        Ok(openings) => openings,
        Err(error) => return refuted(error.to_string()),
    };
    let MockAnswer { work_root, draw_seed, .. } = *answer;
    let claimed = Claimed { work_root, salt_key: NO_SECRET, draw_seed };
    match verify(&challenge, &claimed, &openings) {
        Verdict::Valid => {
            let quality = quality(&profile, answer.segments, timing, answer.reference_gflops);
            let reason = match quality {
                900_000.. => String::new(),
                _ => "right, but below the floor of the grade: nothing of it counts".to_owned(),
            };
            MockVerdict { verdict: "valid", reason, rate_gflops, quality }
        }
        Verdict::Invalid { why } => refuted(why.to_string()),
        Verdict::Unverifiable { why } => unjudged(why.to_string()),
    }
}
