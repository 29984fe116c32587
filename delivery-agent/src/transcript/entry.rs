//! One judged challenge: its place, its receipt, its rows and its quality.

use api::io::sign::receipt_digest;
use api::wire::{WireMetering, WireTranscriptClaim, WireTranscriptEntry};
use instruments::ObligationId;
use settlement::DeliveryReceipt;

use super::credit::{Mark, MarkVerdict};
use super::read::{hex, signed_by};
use super::{Checked, Field, Kept, KeptReceipt, field};
use crate::challenge::{Challenge, SegmentId};
use crate::expand::Bytes32;
use crate::io::sign::AddressBytes;
use crate::merkle;
use crate::profile::ClassProfile;
use crate::rate::{Timing, quality, rate_gflops};
use crate::salt::NO_SECRET;
use crate::verify::{Claimed, Verdict, verify};
use crate::wire::openings_from_json;

/// Below this nothing counts, in millionths: DELIV-006.
const FLOOR: u32 = 900_000;

/// A challenge whose line holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedChallenge {
    /// Its line, from one.
    pub line: usize,
    /// Its number.
    pub number: u32,
    /// As judged.
    pub verdict: String,
    /// Millionths of the grade.
    pub quality: u32,
    /// GFLOP/s of the slowest slot, of an answered challenge.
    pub rate_gflops: Option<u64>,
    /// What this CPU found when it judged the same rows: of an unverifiable challenge it may differ.
    pub recomputed: Option<String>,
    /// The receipt's place in its chain.
    pub receipt: Option<u32>,
    /// Why, in the verifier's words.
    pub reason: String,
}

pub(super) fn check(
    checked: &Checked,
    line: usize,
    entry: &WireTranscriptEntry,
) -> Result<(Kept, CheckedChallenge), Field> {
    let profile = check_place(checked, entry)?;
    check_seeds(checked, entry)?;
    let are_roots_claimed = check_roots(entry)?;
    let receipt =
        entry.claim.as_ref().map(|claim| check_claim(checked, entry, claim)).transpose()?;
    let recomputed = check_verdict(entry, profile, are_roots_claimed)?;
    let timing = entry.claim.as_ref().map(|claim| {
        let claimed_at = micros(entry.sent_at, claim.received_at);
        Timing { roots: &entry.root_times, claimed_at }
    });
    let rate = timing.map(|timing| rate_gflops(&profile, entry.segments, timing));
    let is_valid = entry.verdict == "valid";
    let expected = match timing {
        Some(timing) if is_valid => {
            quality(&profile, entry.segments, timing, checked.header.reference_gflops)
        }
        Some(_) | None => 0,
    };
    if entry.quality != expected {
        let why = format!("{}, the times and the reference give {expected}", entry.quality);
        return Err(field("quality", why));
    }
    let verdict = match entry.verdict.as_str() {
        "valid" => MarkVerdict::Passed { quality: entry.quality },
        "invalid" => MarkVerdict::Refuted,
        "silent" => MarkVerdict::Silent,
        _ => MarkVerdict::Unknown,
    };
    let challenge = CheckedChallenge {
        line,
        number: entry.number,
        verdict: entry.verdict.clone(),
        quality: entry.quality,
        rate_gflops: rate,
        recomputed,
        receipt: receipt.as_ref().map(|receipt| receipt.challenges),
        reason: entry.reason.clone(),
    };
    let WireTranscriptEntry { issued_at, judged_at, session, .. } = *entry;
    let mark = Mark { issued_at, judged_at, session, verdict };
    Ok((Kept { line, mark, receipt }, challenge))
}

/// Its number and its instants.
fn check_place(checked: &Checked, entry: &WireTranscriptEntry) -> Result<ClassProfile, Field> {
    let (header, number) = (&checked.header, entry.number);
    if let Some(other) = checked.entries.get(&number) {
        return Err(field("number", format!("{number}, as in line {}", other.line)));
    }
    let profile = ClassProfile::named(&entry.profile);
    let mut profile = profile.ok_or_else(|| field("profile", format!("`{}`", entry.profile)))?;
    if let Some(pool) = entry.pool {
        profile = profile.with_pool(pool).map_err(|error| field("pool", error.to_string()))?;
    }
    if entry.slots == 0 || header.lots < u64::from(entry.slots) {
        let why = format!("{} of {} GPUs", entry.slots, header.lots);
        return Err(field("slots", why));
    }
    let before = checked.entries.range(..number).next_back();
    let after = checked.entries.range(number..).next();
    let is_early = before.is_some_and(|(_, kept)| entry.issued_at < kept.mark.issued_at);
    let is_late = after.is_some_and(|(_, kept)| kept.mark.issued_at < entry.issued_at);
    if is_early || is_late {
        return Err(field("issued_at", "not in the order of the numbers"));
    }
    let at = u128::from(entry.issued_at);
    let starts = |interval: u32| {
        u128::from(header.deliver_from) + u128::from(interval) * u128::from(header.interval)
    };
    let (from, until) = match header.metering {
        WireMetering::Each if header.intervals <= number => {
            return Err(field("number", format!("{number} of {} intervals", header.intervals)));
        }
        WireMetering::Each => (starts(number), starts(number.saturating_add(1))),
        // The closing challenge comes within the time for a recheck after the end; a silence then may be asked once more.
        WireMetering::Between { recheck_within, .. } => {
            let answered = entry.answer_by.saturating_sub(entry.issued_at);
            let closing = 2 * u128::from(recheck_within) + u128::from(answered) + 1;
            (starts(0), starts(header.intervals) + closing)
        }
    };
    if at < from || until <= at {
        return Err(field("issued_at", "outside the time of delivery that its number has"));
    }
    if entry.sent_at < entry.issued_at || entry.answer_by <= entry.issued_at {
        return Err(field("sent_at, answer_by", "before the challenge was issued"));
    }
    // What a venue has lost with its memory is over at once.
    let by = if entry.verdict == "silent" { entry.answer_by } else { entry.issued_at };
    let received_at = entry.claim.as_ref().map_or(by, |claim| claim.received_at);
    if entry.judged_at < received_at {
        return Err(field("judged_at", "before there was a receipt, or its deadline"));
    }
    if header.intervals <= entry.session || at < starts(entry.session) {
        return Err(field("session", "begins after the challenge was issued"));
    }
    Ok(profile)
}

/// One session has one pool, and it follows from the seed of its first challenge.
fn check_seeds(checked: &Checked, entry: &WireTranscriptEntry) -> Result<(), Field> {
    let seed: Bytes32 = hex("seed", &entry.seed)?;
    let session = entry.session_seed.as_deref();
    let session = session.map(|text| hex::<32>("session_seed", text)).transpose()?;
    if let Some(other) = checked.session_seed
        && other != session
    {
        return Err(field("session_seed", "not that of the challenges before"));
    }
    if entry.number == 0 && session.is_some_and(|session| session != seed) {
        return Err(field("session_seed", "not the seed of challenge 0"));
    }
    if let Some(salt_key) = &entry.salt_key {
        hex::<32>("salt_key", salt_key)?;
    }
    Ok(())
}

/// Roots that were sent one by one: as many as their times, in time, and those of the receipt. Whether they are is the answer: an agent may
/// have sent others, but it was not found right then.
fn check_roots(entry: &WireTranscriptEntry) -> Result<bool, Field> {
    let (slots, segments) = (usize::from(entry.slots), usize::from(entry.segments));
    if slots < entry.roots.len() {
        return Err(field("roots", format!("{} slots of {slots}", entry.roots.len())));
    }
    let mut chains = Vec::new();
    for text in &entry.roots {
        let digits = text.strip_prefix("0x").filter(|digits| !digits.contains(char::is_uppercase));
        let bytes = digits.and_then(|digits| hex::decode(digits).ok()).unwrap_or_else(|| vec![0]);
        let (roots, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || segments < roots.len() {
            return Err(field("roots", "not the roots of at most all segments in hexadecimal"));
        }
        chains.push(roots.to_vec());
    }
    let shape = |chain: &Vec<Bytes32>| chain.len();
    if !chains.iter().map(shape).eq(entry.root_times.iter().map(Vec::len)) {
        return Err(field("root_times", "not one for each root"));
    }
    if !entry.root_times.iter().all(|slot| slot.is_sorted()) {
        return Err(field("root_times", "a root came before the one that it depends on"));
    }
    let is_whole = chains.len() == slots && chains.iter().all(|chain| chain.len() == segments);
    let Some(claim) = &entry.claim else { return Ok(true) };
    let claimed_at = micros(entry.sent_at, claim.received_at);
    if entry.root_times.iter().flatten().any(|time| claimed_at < *time) {
        return Err(field("root_times", "a root came after the receipt"));
    }
    let work_root: Bytes32 = hex("claim.work_root", &claim.work_root)?;
    let are_claimed = !is_whole || root_of(&chains) == work_root;
    if !are_claimed && entry.verdict == "valid" {
        return Err(field("roots", "do not hash to the work root of the receipt"));
    }
    Ok(are_claimed)
}

/// The root over all segment roots, slot by slot.
fn root_of(chains: &[Vec<Bytes32>]) -> Bytes32 {
    let mut leaves = Vec::new();
    for (slot, chain) in (0..).zip(chains) {
        for (segment, root) in (0..).zip(chain) {
            leaves.push(merkle::segment_leaf(SegmentId { slot, segment }, root));
        }
    }
    merkle::root(&leaves)
}

fn check_claim(
    checked: &Checked,
    entry: &WireTranscriptEntry,
    claim: &WireTranscriptClaim,
) -> Result<KeptReceipt, Field> {
    let receipt = DeliveryReceipt {
        obligation: ObligationId(checked.header.obligation_id),
        challenge: entry.number,
        gpu_millis: claim.gpu_millis,
        challenges: claim.challenges,
        work_root: hex("claim.work_root", &claim.work_root)?,
        prev: hex("claim.prev", &claim.prev)?,
        terms: hex("claim.terms", &claim.terms)?,
    };
    let digest = receipt_digest(&receipt);
    let signer: AddressBytes = hex("claim.signer", &claim.signer)?;
    signed_by(&signer, "claim.signature", &claim.signature, digest)?;
    if receipt.terms != checked.terms {
        return Err(field("claim.terms", "not those of the header"));
    }
    if claim.received_at < entry.sent_at || entry.answer_by <= claim.received_at {
        return Err(field("claim.received_at", "not between the challenge and its deadline"));
    }
    match (&claim.venue_signature, entry.verdict == "valid") {
        (Some(signature), true) => {
            signed_by(&checked.venue, "claim.venue_signature", signature, digest)?;
        }
        (None, false) => {}
        // A right answer of a device below the grade counts nothing, and a venue need not sign for it.
        (None, true) if entry.quality < FLOOR => {}
        (None, true) => {
            return Err(field("claim.venue_signature", "missing on a receipt found valid"));
        }
        (Some(_), false) => {
            return Err(field("claim.venue_signature", "on a receipt not found valid"));
        }
    }
    Ok(KeptReceipt {
        challenges: claim.challenges,
        gpu_millis: claim.gpu_millis,
        prev: receipt.prev,
        digest,
        is_countersigned: false,
    })
}

/// Judges the rows again, and compares.
fn check_verdict(
    entry: &WireTranscriptEntry,
    profile: ClassProfile,
    are_roots_claimed: bool,
) -> Result<Option<String>, Field> {
    let verdict = entry.verdict.as_str();
    let answer = answer(entry)?;
    match (verdict, &entry.claim, &answer) {
        ("silent", None, None) => return Ok(None),
        ("silent", ..) => return Err(field("verdict", "silent, but a receipt came")),
        ("unverifiable", ..) | ("valid" | "invalid", Some(_), Some(_)) => {}
        ("valid" | "invalid", ..) => {
            return Err(field("verdict", "given without a receipt, a draw and opened rows"));
        }
        _ => return Err(field("verdict", format!("`{verdict}` is no verdict"))),
    }
    let Some((claimed, openings)) = answer else { return Ok(None) };
    let (found, reason) = judged(&challenge(entry, profile)?, &claimed, openings)?;
    let is_refuted_by_roots = verdict == "invalid" && !are_roots_claimed;
    if verdict != "unverifiable" && !is_refuted_by_roots {
        if found != verdict {
            let why = format!("{verdict}, this cpu finds {found} {reason}");
            return Err(field("verdict", why.trim_end()));
        }
        if reason != entry.reason {
            let why = format!("`{}`, this cpu finds `{reason}`", entry.reason);
            return Err(field("reason", why));
        }
    }
    Ok(Some(found.to_owned()))
}

fn challenge(entry: &WireTranscriptEntry, profile: ClassProfile) -> Result<Challenge, Field> {
    let seed: Bytes32 = hex("seed", &entry.seed)?;
    let challenge = Challenge::new(seed, profile, entry.slots, entry.segments)
        .map_err(|error| field("slots, segments", error.to_string()))?;
    match &entry.session_seed {
        Some(session) => Ok(challenge.in_session(&hex("session_seed", session)?)),
        None => Ok(challenge),
    }
}

/// What the agent was held to, and what it showed.
fn answer(entry: &WireTranscriptEntry) -> Result<Option<(Claimed, &str)>, Field> {
    let (claim, draw_seed, openings) = match (&entry.claim, &entry.draw_seed, &entry.openings) {
        (Some(claim), Some(draw_seed), Some(openings)) => (claim, draw_seed, openings),
        (None, Some(_), _) => return Err(field("draw_seed", "drawn before there was a receipt")),
        (_, None, Some(_)) => return Err(field("openings", "opened before rows were drawn")),
        (_, _, None) => return Ok(None),
    };
    let claimed = Claimed {
        work_root: hex("claim.work_root", &claim.work_root)?,
        salt_key: match &entry.salt_key {
            Some(key) => hex("salt_key", key)?,
            None => NO_SECRET,
        },
        draw_seed: hex("draw_seed", draw_seed)?,
    };
    Ok(Some((claimed, openings)))
}

/// The verdict on what was opened, and its reason.
fn judged(
    challenge: &Challenge,
    claimed: &Claimed,
    openings: &str,
) -> Result<(&'static str, String), Field> {
    let openings = match openings_from_json(openings) {
        Ok(openings) => openings,
        Err(error) => return Ok(("invalid", error.to_string())),
    };
    match verify(challenge, claimed, &openings) {
        Verdict::Valid => Ok(("valid", String::new())),
        Verdict::Invalid { why } => Ok(("invalid", why.to_string())),
        Verdict::Unverifiable { why } => {
            Err(field("openings", format!("this machine could not verify them: {why}")))
        }
    }
}

/// Whole microseconds between two instants, rounded down.
fn micros(from: u64, until: u64) -> u64 {
    until.saturating_sub(from) / 1_000
}
