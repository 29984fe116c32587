//! The catalogue and the factors that are compiled in, read as strictly as a venue's body.

use std::collections::BTreeSet;

use super::error::{FeedError, FieldProblem};
use super::json::{Fields, Node};
use crate::identity::{Catalogue, Class, ClassKey};
use crate::log::NanoLog;
use crate::normalise::{Difference, Factor, Factors};

const CLASSES: &str = include_str!("../../../data/classes.json");
const FACTORS: &str = include_str!("../../../data/factors.json");
const WORD_LEN_MAX: usize = 64;
const NOTE_LEN_MAX: usize = 1_024;

/// The classes that Tenor publishes.
///
/// # Errors
/// [`FeedError`] when the data that is compiled in is not a catalogue, which a test excludes.
pub fn catalogue() -> Result<Catalogue, FeedError> {
    catalogue_of(CLASSES.as_bytes())
}

/// The factors of the current epoch.
///
/// # Errors
/// [`FeedError`] when the data that is compiled in is no set of factors, which a test excludes.
pub fn factors() -> Result<Factors, FeedError> {
    factors_of(FACTORS.as_bytes())
}

fn catalogue_of(text: &[u8]) -> Result<Catalogue, FeedError> {
    let root = Node::root(text)?.object()?;
    only(&root, &["version", "note", "makers", "rejected", "vram_gib", "classes"])?;
    let classes = root.need("classes")?.list()?;
    let classes = classes.iter().map(class).collect::<Result<Vec<Class>, FeedError>>()?;
    let sizes = sizes(&root.need("vram_gib")?)?;
    let makers = words(&root.need("makers")?)?.into_iter().collect();
    let rejected = words(&root.need("rejected")?)?.into_iter().collect();
    Catalogue::new(classes, makers, rejected, sizes.into_iter().collect())
        .map_err(|error| FeedError::BuiltIn(error.to_string()))
}

fn class(node: &Node<'_>) -> Result<Class, FeedError> {
    let fields = node.object()?;
    let known = ["key", "models", "forms", "may_lack_form", "vram_gib", "dense_bf16_tflops"];
    only(&fields, &known)?;
    let key = fields.need("key")?;
    let text = key.text(ClassKey::LEN_MAX)?;
    let no_key = FieldProblem::Word { found: text.clone(), expected: "a key of a class" };
    let models = words(&fields.need("models")?)?;
    let cut = |model: &String| model.split(' ').map(str::to_owned).collect();
    let lacks = fields.maybe("may_lack_form").map_or(Ok(false), |flag| flag.flag())?;
    let peak =
        fields.maybe("dense_bf16_tflops").map(|peak| peak.count(1, 1_000_000)).transpose()?;
    Ok(Class {
        key: ClassKey::new(&text).ok_or_else(|| key.refuse(no_key))?,
        models: models.iter().map(cut).collect(),
        forms: words(&fields.need("forms")?)?,
        may_lack_form: lacks,
        vram_gib: sizes(&fields.need("vram_gib")?)?,
        dense_bf16_tflops: peak,
    })
}

fn factors_of(text: &[u8]) -> Result<Factors, FeedError> {
    let root = Node::root(text)?.object()?;
    only(&root, &["epoch", "note", "factors"])?;
    let epoch = root.need("epoch")?.count(1, u32::MAX)?;
    let rows = root.need("factors")?.list()?;
    let factors = rows.iter().map(factor).collect::<Result<Vec<Factor>, FeedError>>()?;
    Factors::new(epoch, factors).map_err(|error| FeedError::BuiltIn(error.to_string()))
}

fn factor(node: &Node<'_>) -> Result<Factor, FeedError> {
    let fields = node.object()?;
    only(&fields, &["difference", "adds", "source"])?;
    let name = fields.need("difference")?;
    let found = name.text(WORD_LEN_MAX)?;
    let difference = Difference::ALL.into_iter().find(|it| it.name() == found);
    let unknown = FieldProblem::Word { found, expected: "the name of a difference" };
    let adds = fields.need("adds")?.whole(u64::from(u32::MAX))?;
    Ok(Factor {
        difference: difference.ok_or_else(|| name.refuse(unknown))?,
        adds: NanoLog::new(i64::try_from(adds).unwrap_or(i64::MAX)),
        source: fields.need("source")?.text(NOTE_LEN_MAX)?,
    })
}

/// Our own data has no field that nobody reads.
fn only(fields: &Fields<'_>, known: &[&str]) -> Result<(), FeedError> {
    match fields.all().find(|(name, _)| !known.contains(name)) {
        Some((name, _)) => {
            let problem = FieldProblem::Word { found: name.to_owned(), expected: "a known field" };
            Err(fields.refuse(name, problem))
        }
        None => Ok(()),
    }
}

fn words(node: &Node<'_>) -> Result<Vec<String>, FeedError> {
    node.list()?.iter().map(|word| word.text(WORD_LEN_MAX)).collect()
}

fn sizes(node: &Node<'_>) -> Result<Vec<u32>, FeedError> {
    node.list()?
        .iter()
        .map(|size| size.count(1, 4_096))
        .collect::<Result<BTreeSet<u32>, _>>()
        .map(|sizes| sizes.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FEED-002: what is compiled in is a catalogue and a set of factors, and nothing in it goes unread.
    #[test]
    fn the_data_that_is_compiled_in_is_read() {
        assert_eq!(catalogue().unwrap().classes().len(), 20);
        assert_eq!(factors().unwrap().epoch(), 1);
        let more = FACTORS.replacen("\"epoch\"", "\"epok\": 1, \"epoch\"", 1);
        let error = factors_of(more.as_bytes()).unwrap_err().to_string();
        assert_eq!(error, "field epok: \"epok\", expected a known field");
    }
}
