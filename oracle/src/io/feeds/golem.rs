//! Golem's statistics: what is online by runtime and model, and how many providers compute.
//!
//! Prices there are in a token and for processors: they are not read. What is busy is counted by the venue from activities that are proven to run;
//! nothing here is computed as opened less closed.

use std::collections::BTreeMap;

use super::error::{FeedError, FieldProblem};
use super::json::Node;
use super::record::{Parsed, Record, UtilisationRecord};
use super::source::Source;
use super::{Context, Seen};
use crate::identity::ClassKey;

const UNITS_MAX: u32 = 10_000_000;
const NAME_LEN_MAX: usize = 96;
/// Samples are taken every few seconds.
const STALE_SECONDS: u64 = 3_600;

pub(super) fn online(body: &[u8], context: &Context<'_>) -> Result<Parsed, FeedError> {
    let seen = Seen::of(body, context);
    let mut classes: BTreeMap<ClassKey, u32> = BTreeMap::new();
    for (_, runtime) in Node::root(body)?.object()?.all() {
        let fields = runtime.object()?;
        fields.need("online")?.count(0, UNITS_MAX)?;
        let gpus = fields.need("gpus")?.count(0, UNITS_MAX)?;
        let models = fields.need("gpu_models")?;
        let mut sum = 0_u32;
        for (name, node) in models.object()?.all() {
            let count = node.count(0, UNITS_MAX)?;
            if NAME_LEN_MAX < name.len() {
                let problem = FieldProblem::Text { len: name.len(), limit: NAME_LEN_MAX };
                return Err(node.refuse(problem));
            }
            sum = sum.saturating_add(count);
            let class = context.catalogue.identify(name, None).key().clone();
            let total = classes.entry(class).or_default();
            *total = total.saturating_add(count);
        }
        if gpus < sum {
            let (value, limit) = (sum.to_string(), format!("gpus of {gpus}"));
            return Err(models.refuse(FieldProblem::Above { value, limit }));
        }
    }
    let record = |(class, total): (ClassKey, u32)| {
        Record::Utilisation(UtilisationRecord {
            source: Source::GolemOnline,
            class: Some(class),
            total: Some(total),
            busy: None,
            pending: 0,
            owners: None,
            observed_at: seen.observed_at,
            fetched_at: seen.fetched_at,
            raw_hash: seen.raw_hash,
        })
    };
    Ok(Parsed { records: classes.into_iter().map(record).collect(), skipped: Vec::new() })
}

/// The last of the samples: providers that compute, which says nothing about GPUs.
pub(super) fn utilisation(body: &[u8], context: &Context<'_>) -> Result<Parsed, FeedError> {
    let seen = Seen::of(body, context);
    let root = Node::root(body)?.object()?;
    let result = root.need("data")?.object()?.need("result")?;
    let series = result.list()?;
    let [one] = series.as_slice() else {
        return Err(result.refuse(FieldProblem::TooMany { len: series.len(), limit: 1 }));
    };
    let values = one.object()?.need("values")?;
    let mut last = None;
    for sample in values.list()? {
        let pair = sample.list()?;
        let [at, count] = pair.as_slice() else {
            return Err(sample.refuse(FieldProblem::TooMany { len: pair.len(), limit: 2 }));
        };
        let at_time = at.unix_time(context.fetched_at)?;
        // Documented as text, like every sample of that database.
        let text = count.text(16)?;
        let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let found = text.parse::<u32>().ok().filter(|&it| is_digits && it <= UNITS_MAX);
        let computing =
            found.ok_or_else(|| count.refuse(FieldProblem::NotWhole { value: text }))?;
        if let Some((before, _)) = last.filter(|(before, _)| at_time <= *before) {
            let (value, before) = (at_time.nanos().to_string(), before);
            let first = "the sample before it".to_owned();
            let before = format!("instant after {} ns", before.nanos());
            return Err(at.refuse(FieldProblem::Contradicts { value, before, first }));
        }
        last = Some((at_time, computing));
    }
    let Some((observed_at, computing)) = last else {
        return Err(values.refuse(FieldProblem::Missing));
    };
    let seconds = seen.fetched_at.since(observed_at).nanos().div_euclid(1_000_000_000);
    if STALE_SECONDS < seconds {
        return Err(values.refuse(FieldProblem::Stale { seconds, limit: STALE_SECONDS }));
    }
    let record = UtilisationRecord {
        source: Source::GolemUtilisation,
        class: None,
        total: None,
        busy: None,
        pending: 0,
        owners: Some(computing),
        observed_at,
        fetched_at: seen.fetched_at,
        raw_hash: seen.raw_hash,
    };
    Ok(Parsed { records: vec![Record::Utilisation(record)], skipped: Vec::new() })
}
