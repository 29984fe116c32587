//! Which class of hardware a listing is: from the name a venue gives it and the memory it states.
//!
//! Every word of a name has to be accounted for: the model, a form that the class is made in, a memory size, the maker. A word that is left
//! over, a form that is not said, memory that does not fit: then the listing is no known class and gets a key of its own. Nothing is guessed,
//! because a PCIe card that counts as an SXM one is a wrong price.
//!
//! Absent: the classes themselves. They are data, see `data/classes.json`.

use std::collections::BTreeSet;
use std::fmt;

use instruments::MicroUsd;
use instruments::rounding::div_half_even;

/// The longest name that is looked at, in bytes.
pub const GPU_NAME_LEN_MAX: usize = 96;
/// Before the key of what is no known class.
const UNKNOWN: &str = "UNKNOWN";
const MIB_PER_GIB: u64 = 1_024;
/// A stated memory size is a known one if it is at most so many percent away: makers count in powers of ten, drivers keep some back.
const SNAP_PERCENT: u64 = 7;
const CLASSES_MAX: usize = 256;

/// The key under which prices of one class of hardware are collected, `H100_80GB_SXM5`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassKey(String);

impl ClassKey {
    /// The longest key of a known class, in bytes: what a field of the observations' file may hold.
    pub const LEN_MAX: usize = 64;

    /// A known class's key: 1 to 64 letters, digits or underscores, a letter first, not beginning like an unknown one's.
    #[must_use]
    pub fn new(key: &str) -> Option<Self> {
        let is_plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let starts_with_letter = key.starts_with(|c: char| c.is_ascii_alphabetic());
        let is_free = !key.starts_with(UNKNOWN);
        (is_plain && starts_with_letter && is_free && key.len() <= Self::LEN_MAX)
            .then(|| Self(key.to_owned()))
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClassKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One class of hardware that has a price of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Its key.
    pub key: ClassKey,
    /// The words of the model, in each of the ways it is written: `RTX 4090`, `RTX4090`.
    pub models: Vec<Vec<String>>,
    /// The words by which this form of it is told from others: `SXM`, `SXM5`, `HBM3`.
    pub forms: Vec<String>,
    /// Whether a name without any form means this class, because its maker's own name has none.
    pub may_lack_form: bool,
    /// The sizes of memory it is made with, in GiB as they are advertised.
    pub vram_gib: Vec<u32>,
    /// The maker's peak of dense BF16 arithmetic, where it is published.
    pub dense_bf16_tflops: Option<u32>,
}

impl Class {
    /// The second quotation: dollars per PFLOP-hour of dense BF16, half to even. `None` where the peak is not known.
    #[must_use]
    pub fn per_pflop_hour(&self, per_gpu_hour: MicroUsd) -> Option<MicroUsd> {
        let tflops = i128::from(self.dense_bf16_tflops.filter(|&tflops| 0 < tflops)?);
        let micros = i128::from(per_gpu_hour.micros()).saturating_mul(1_000);
        MicroUsd::from_i128(div_half_even(micros, tflops))
    }
}

/// What a listing turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// A class of the catalogue.
    Known(ClassKey),
    /// None of them: a key of its own, and why.
    Unknown {
        /// Its own key, from all its words.
        key: ClassKey,
        /// Why it is no known class.
        why: Unidentified,
    },
}

impl Identity {
    /// The key, of a known class or its own.
    #[must_use]
    pub const fn key(&self) -> &ClassKey {
        match self {
            Self::Known(key) | Self::Unknown { key, .. } => key,
        }
    }

    /// The class, if it is a known one.
    #[must_use]
    pub const fn known(&self) -> Option<&ClassKey> {
        match self {
            Self::Known(key) => Some(key),
            Self::Unknown { .. } => None,
        }
    }
}

/// Why a listing is no known class.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unidentified {
    /// No model of the catalogue is in the name.
    #[error("no known model")]
    Model,
    /// A word that means less than a whole, plain GPU.
    #[error("{word} is not a whole GPU")]
    Rejected {
        /// Which.
        word: String,
    },
    /// A word that the model is not made with.
    #[error("{word} is not a form of it")]
    Word {
        /// Which.
        word: String,
    },
    /// The model is made in several forms, and the name does not say which.
    #[error("the form is not said")]
    Form,
    /// The name says several forms that no class has together.
    #[error("its forms exclude each other")]
    Forms,
    /// The memory is not what this form of the model has.
    #[error("memory of {mib} MiB is not what it is made with")]
    Vram {
        /// What was stated.
        mib: u64,
    },
    /// The model is made with several sizes of memory, and none is stated.
    #[error("the memory is not said")]
    VramAbsent,
    /// Two names of one listing mean different classes.
    #[error("its names mean different classes")]
    Names,
}

/// Why something is not a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// More classes than anyone should list.
    #[error("{len} classes, limit {CLASSES_MAX}")]
    TooMany {
        /// How many.
        len: usize,
    },
    /// A class without a model, without memory, or with memory that is no known size.
    #[error("{key} lacks a model, or memory of a known size")]
    Incomplete {
        /// Which.
        key: ClassKey,
    },
    /// Two classes with one key.
    #[error("{key} is listed twice")]
    Repeated {
        /// Which.
        key: ClassKey,
    },
    /// Two classes that one name could mean.
    #[error("a name could mean {first} and {second}")]
    Ambiguous {
        /// One.
        first: ClassKey,
        /// The other.
        second: ClassKey,
    },
}

/// All known classes and the words of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    classes: Vec<Class>,
    makers: BTreeSet<String>,
    rejected: BTreeSet<String>,
    sizes_gib: BTreeSet<u32>,
}

/// A name, taken apart.
struct Words {
    /// Without the makers' names and the memory, in upper case.
    words: Vec<String>,
    /// The memory that the name states.
    memory_gib: Option<u32>,
}

impl Catalogue {
    /// A catalogue of `classes`; `makers` are words that say nothing, `rejected` those that make a listing less than a GPU, `sizes_gib` the sizes
    /// that memory is sold in.
    ///
    /// # Errors
    /// [`CatalogueError`] unless every class is complete and no name could mean two.
    pub fn new(
        classes: Vec<Class>,
        makers: BTreeSet<String>,
        rejected: BTreeSet<String>,
        sizes_gib: BTreeSet<u32>,
    ) -> Result<Self, CatalogueError> {
        if CLASSES_MAX < classes.len() {
            return Err(CatalogueError::TooMany { len: classes.len() });
        }
        let mut seen: Vec<&Class> = Vec::new();
        for class in &classes {
            let key = class.key.clone();
            let has_models =
                !class.models.is_empty() && class.models.iter().all(|model| !model.is_empty());
            let has_sizes = class.vram_gib.iter().all(|size| sizes_gib.contains(size));
            if !has_models || class.vram_gib.is_empty() || !has_sizes {
                return Err(CatalogueError::Incomplete { key });
            }
            if seen.iter().any(|other| other.key == key) {
                return Err(CatalogueError::Repeated { key });
            }
            if let Some(other) = seen.iter().find(|other| overlap(other, class)) {
                return Err(CatalogueError::Ambiguous { first: other.key.clone(), second: key });
            }
            seen.push(class);
        }
        Ok(Self { classes, makers, rejected, sizes_gib })
    }

    /// Every known class.
    #[must_use]
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// The class of a key.
    #[must_use]
    pub fn class(&self, key: &ClassKey) -> Option<&Class> {
        self.classes.iter().find(|class| class.key == *key)
    }

    /// What a listing called `name` is, with so much memory a GPU where that is stated.
    ///
    /// Only the first [`GPU_NAME_LEN_MAX`] bytes' worth of words make up the key of an unknown one; callers refuse longer names.
    #[must_use]
    pub fn identify(&self, name: &str, vram_mib: Option<u64>) -> Identity {
        let words = self.words(name);
        match self.class_of(&words, vram_mib) {
            Ok(key) => Identity::Known(key),
            Err(why) => Identity::Unknown { key: self.own_key(&words, vram_mib), why },
        }
    }

    /// What a listing with two names is: one class, or none. A name may say what the other leaves open, and may not say anything else.
    #[must_use]
    pub fn identify_both(&self, name: &str, other: &str, vram_mib: Option<u64>) -> Identity {
        let pair = [self.identify(name, vram_mib), self.identify(other, vram_mib)];
        let leaves_open = |it: &Identity| match it {
            Identity::Known(_) => false,
            Identity::Unknown { why, .. } => {
                matches!(why, Unidentified::Form | Unidentified::VramAbsent)
            }
        };
        match &pair {
            [Identity::Known(one), Identity::Known(two)] if one != two => {
                let key = self.own_key(&self.words(name), vram_mib);
                Identity::Unknown { key, why: Unidentified::Names }
            }
            [first, second] if leaves_open(first) => second.clone(),
            [first, second] if leaves_open(second) => first.clone(),
            [first @ Identity::Unknown { .. }, _] => first.clone(),
            [_, second] => second.clone(),
        }
    }

    /// The size that memory of `mib` is sold as: the nearest known one within 7 %, the smaller of two.
    #[must_use]
    pub fn snap(&self, mib: u64) -> Option<u32> {
        let gap = |gib: u32| u64::from(gib).saturating_mul(MIB_PER_GIB).abs_diff(mib);
        let nearest = self.sizes_gib.iter().copied().min_by_key(|&gib| gap(gib))?;
        let full = u64::from(nearest).saturating_mul(MIB_PER_GIB);
        (gap(nearest).saturating_mul(100) <= full.saturating_mul(SNAP_PERCENT)).then_some(nearest)
    }

    fn class_of(&self, words: &Words, vram_mib: Option<u64>) -> Result<ClassKey, Unidentified> {
        if let Some(word) = words.words.iter().find(|word| self.rejected.contains(*word)) {
            return Err(Unidentified::Rejected { word: word.clone() });
        }
        let of_model: Vec<(&Class, Vec<&String>)> = self
            .classes
            .iter()
            .filter_map(|class| Some((class, without_model(class, &words.words)?)))
            .collect();
        let (_, rest) = of_model.first().ok_or(Unidentified::Model)?;
        let of_form: Vec<&Class> = of_model
            .iter()
            .filter(|(class, rest)| {
                let is_said = rest.iter().all(|word| class.forms.contains(word));
                is_said && (class.may_lack_form || !rest.is_empty())
            })
            .map(|(class, _)| *class)
            .collect();
        if of_form.is_empty() {
            let is_form = |word: &&String| of_model.iter().any(|(it, _)| it.forms.contains(word));
            let unread = rest.iter().find(|word| !is_form(word));
            return Err(match unread {
                Some(word) => Unidentified::Word { word: (*word).clone() },
                None if rest.is_empty() => Unidentified::Form,
                None => Unidentified::Forms,
            });
        }
        self.of_memory(&of_form, words.memory_gib, vram_mib)
    }

    /// The one class of `classes` that has the memory which the name and the listing state.
    fn of_memory(
        &self,
        classes: &[&Class],
        named_gib: Option<u32>,
        stated_mib: Option<u64>,
    ) -> Result<ClassKey, Unidentified> {
        let named_mib = named_gib.map(|gib| u64::from(gib).saturating_mul(MIB_PER_GIB));
        let fits = |class: &Class, mib: Option<u64>| {
            mib.is_none_or(|mib| self.snap(mib).is_some_and(|gib| class.vram_gib.contains(&gib)))
        };
        let mut fitting =
            classes.iter().filter(|class| fits(class, named_mib) && fits(class, stated_mib));
        match (fitting.next(), fitting.next()) {
            (Some(class), None) => Ok(class.key.clone()),
            (Some(_), Some(_)) => Err(Unidentified::VramAbsent),
            (None, _) => {
                Err(Unidentified::Vram { mib: stated_mib.or(named_mib).unwrap_or_default() })
            }
        }
    }

    /// Upper-case words, cut where a letter or digit ends.
    fn words(&self, name: &str) -> Words {
        let mut words = Vec::new();
        let mut memory_gib = None;
        let upper = name.to_ascii_uppercase();
        let cut = |c: char| !c.is_ascii_alphanumeric();
        for word in upper.split(cut).filter(|word| !word.is_empty()) {
            match memory(word) {
                // Two sizes in one name: neither is believed, the second stays as a word that nothing accounts for.
                Some(gib) if memory_gib.is_none_or(|before| before == gib) => {
                    memory_gib = Some(gib);
                }
                Some(_) | None => {
                    if !self.makers.contains(word) {
                        words.push(word.to_owned());
                    }
                }
            }
        }
        Words { words, memory_gib }
    }

    /// The key of what is no known class: all its words and its memory.
    fn own_key(&self, words: &Words, vram_mib: Option<u64>) -> ClassKey {
        let mut key = UNKNOWN.to_owned();
        for word in &words.words {
            if key.len().saturating_add(word.len()) < GPU_NAME_LEN_MAX {
                key.push('_');
                key.push_str(word);
            }
        }
        let stated = vram_mib.map(|mib| match self.snap(mib) {
            Some(gib) => format!("_{gib}GB"),
            None => format!("_{mib}MIB"),
        });
        let named = || words.memory_gib.map(|gib| format!("_{gib}GB"));
        key.push_str(&stated.or_else(named).unwrap_or_default());
        ClassKey(key)
    }
}

/// `80GB`, `80GIB`, `80GI`, `80G`.
fn memory(word: &str) -> Option<u32> {
    let digits = ["GIB", "GB", "GI", "G"].iter().find_map(|unit| word.strip_suffix(unit))?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

/// What is left of `words` when the model's own are taken out, if they are there.
fn without_model<'a>(class: &Class, words: &'a [String]) -> Option<Vec<&'a String>> {
    class.models.iter().find_map(|model| {
        let at = words.windows(model.len()).position(|run| run == model.as_slice())?;
        let inside = at..at.saturating_add(model.len());
        let outside = words.iter().enumerate().filter(|(place, _)| !inside.contains(place));
        Some(outside.map(|(_, word)| word).collect())
    })
}

/// Whether one name could mean both.
fn overlap(one: &Class, two: &Class) -> bool {
    let shares_model = one.models.iter().any(|model| two.models.contains(model));
    let shares_form = one.forms.iter().any(|form| two.forms.contains(form))
        || (one.may_lack_form && two.may_lack_form);
    let shares_memory = one.vram_gib.iter().any(|size| two.vram_gib.contains(size));
    shares_model && shares_form && shares_memory
}
