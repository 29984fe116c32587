//! Dry runs of a delivery session, for providers.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;

use super::Answer;
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::raise;
use crate::venue::{
    MOCK_CHALLENGES_MAX, MOCK_INTERVAL_MILLIS, MOCK_SLOTS_MAX, MockAnswer, MockChallenge,
    MockError, MockVerdict, OPENINGS_LEN_MAX,
};
use crate::wire::{ErrorCode, Params, WireError, to_result};

/// The terms of a dry run.
#[derive(Serialize, JsonSchema)]
pub(super) struct Begun {
    /// The size of the work.
    profile: String,
    /// Devices that work at once.
    slots: u16,
    /// Segments of the work on each device.
    segments: u16,
    /// How many challenges there will be.
    challenges: u32,
    /// GFLOP/s of one GPU that count as the whole grade.
    reference_gflops: Option<u64>,
    /// What the resident pool is expanded from, in hexadecimal.
    session_seed: String,
}

/// A challenge, or the end.
#[derive(Serialize, JsonSchema)]
pub(super) struct Asked {
    #[serde(flatten)]
    challenge: Option<WireMockChallenge>,
    /// Whether there is no challenge any more.
    ended: bool,
}

/// One challenge of a dry run.
#[derive(Serialize, JsonSchema)]
struct WireMockChallenge {
    /// Its number, from 0.
    challenge: u32,
    /// What the work is derived from, in hexadecimal.
    seed: String,
}

/// Which rows are to be opened.
#[derive(Serialize, JsonSchema)]
pub(super) struct Drawn {
    /// What the rows are derived from, in hexadecimal.
    draw_seed: String,
}

/// How a challenge of a dry run ended.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DryRunJudged")]
pub(super) struct Judged {
    /// `valid`, `invalid` or `unverifiable`.
    verdict: &'static str,
    /// Why.
    reason: String,
    /// GFLOP/s of one GPU.
    rate_gflops: u64,
    /// Millionths of the grade.
    quality_ppm: u32,
    /// From the challenge to the claim, in milliseconds.
    took_ms: u64,
    /// GPU-milliseconds that an interval would have been credited with.
    credited_gpu_millis: u64,
}

pub(super) async fn session(gateway: &Gateway, caller: &Caller, params: &Params) -> Answer {
    let (venue, account) = (&gateway.venue, caller.account);
    let desk = venue.mock_desk().map_err(|error| refused(&error))?;
    let step = params.required_text("step")?;
    match step.as_str() {
        "begin" => {
            let slots = bounded(params, "amount", MOCK_SLOTS_MAX.into())?;
            let slots = u16::try_from(slots).unwrap_or(MOCK_SLOTS_MAX);
            let challenges = bounded(params, "count", MOCK_CHALLENGES_MAX.into())?;
            let challenges = u32::try_from(challenges).unwrap_or(MOCK_CHALLENGES_MAX);
            let grade = params.text("grade")?;
            if grade.as_deref().is_some_and(|name| !venue.has_grade(name)) {
                return Err(WireError::param("grade", "is not a grade of this venue"));
            }
            let terms = venue.mock_terms((slots, challenges), grade.as_deref());
            let terms = terms.map_err(|error| refused(&error))?;
            desk.begin(account, terms, venue.now()).map_err(|error| refused(&error))?;
            let terms = desk.terms(account).map_err(|error| refused(&error))?;
            Ok(to_result(&Begun {
                profile: terms.profile,
                slots: terms.slots,
                segments: terms.segments,
                challenges: terms.challenges,
                reference_gflops: terms.reference_gflops,
                session_seed: raise::hex(&terms.session_seed),
            }))
        }
        "challenge" => {
            let asked = desk.challenge(account, || venue.now()).map_err(|error| refused(&error))?;
            let challenge = asked.map(|MockChallenge { number, seed }| WireMockChallenge {
                challenge: number,
                seed: raise::hex(&seed),
            });
            Ok(to_result(&Asked { ended: challenge.is_none(), challenge }))
        }
        "claim" => {
            let work_root = params.required_hex("work_root")?;
            let drawn = desk.claim(account, work_root, venue.now());
            let draw_seed = raise::hex(&drawn.map_err(|error| refused(&error))?);
            Ok(to_result(&Drawn { draw_seed }))
        }
        "open" => {
            let openings = params.required_object("openings", OPENINGS_LEN_MAX)?;
            let answer = desk.open(account, openings.get().to_owned());
            judge(gateway, answer.map_err(|error| refused(&error))?).await
        }
        _ => Err(WireError::param("step", "must be begin, challenge, claim or open")),
    }
}

/// Judges on a thread of its own: rows take a fraction of a second to compute.
async fn judge(gateway: &Gateway, answer: MockAnswer) -> Answer {
    let judge = gateway.venue.mock_judge().ok_or_else(|| refused(&MockError::NotOffered))?;
    let (slots, took_ms) = (u64::from(answer.slots), answer.took.nanos() / 1_000_000);
    let judged = tokio::task::spawn_blocking(move || judge(&answer)).await;
    let MockVerdict { verdict, reason, rate_gflops, quality } = judged.map_err(|error| {
        tracing::error!(%error, "a dry run was not judged");
        WireError::new(ErrorCode::Internal, "the dry run was not judged")
    })?;
    // As DELIV-006 has it.
    let counts: u64 = match quality {
        970_000.. => 1_000_000,
        900_000.. => quality.into(),
        _ => 0,
    };
    let whole = MOCK_INTERVAL_MILLIS.saturating_mul(slots);
    let credited_gpu_millis = if verdict == "valid" { whole * counts / 1_000_000 } else { 0 };
    let quality_ppm = quality;
    let judged = Judged { verdict, reason, rate_gflops, quality_ppm, took_ms, credited_gpu_millis };
    Ok(to_result(&judged))
}

fn bounded(params: &Params, name: &str, limit: u64) -> Result<u64, WireError> {
    let value = params.integer(name, limit)?.unwrap_or(1);
    if value == 0 {
        let reason = format!("must be 1 to {limit}");
        return Err(WireError::param(name, reason).with_limit(Decimal::from(limit)));
    }
    Ok(value)
}

fn refused(error: &MockError) -> WireError {
    let code = match error {
        MockError::NotOffered => ErrorCode::NotFound,
        MockError::TooSoon | MockError::Full => ErrorCode::TooManyRequests,
        MockError::NotBegun | MockError::OutOfTurn(_) => ErrorCode::BadRequest,
        MockError::NoRandomness => ErrorCode::Internal,
    };
    WireError::new(code, error.to_string())
}
