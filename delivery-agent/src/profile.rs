//! Class profiles: what a challenge of one GPU class computes, as data.
//!
//! Invariants (checked by [`ClassProfile::new`], so no profile exists without them):
//! - every partial sum of the program's matrix products fits the 24 bits in which f32 is exact;
//! - operands fit 9 bits, so BF16 and TF32 tensor cores read them exactly;
//! - the renormalisation drops low bits and wraps high bits, so the chain is not linear.

/// Largest integer up to which f32 holds every integer.
const EXACT_LIMIT: i64 = 1 << 24;
/// Fewest standard deviations between an ordinary sum and [`EXACT_LIMIT`].
///
/// At ten, one sum in about 1e23 would leave the exact range; a challenge has fewer than 1e15.
const SIGMAS_MIN: u64 = 10;
/// Pool bytes are uniform over this many values.
const BYTE_VALUES: u128 = 256;
/// BF16 holds every integer of at most this many bits, sign included.
const OPERAND_BITS_MAX: u32 = 9;
/// Pool rows begin at a block boundary of the BLAKE3 output stream.
const BLOCK: u32 = 64;
/// Bounds the memory of one pool matrix and of one accumulator row.
const INNER_MAX: u32 = 16_384;
/// Bounds the leaves of one segment.
const ROWS_MAX: u32 = 65_536;
/// Bounds pool memory together with [`INNER_MAX`].
const POOL_MAX: u32 = 4_096;
/// Bounds the sequential steps of one segment.
const STEPS_MAX: u32 = 256;

/// Every profile by name.
pub const PROFILES: [ClassProfile; 5] =
    [ClassProfile::CI, ClassProfile::CPU, ClassProfile::DC, ClassProfile::BW, ClassProfile::GRADE];

/// The numbers of a profile before they have been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Rows of the activation matrix; also leaves of a segment's Merkle tree.
    pub rows: u32,
    /// Inner and outer dimension of every product; a pool matrix is `inner` x `inner` bytes.
    pub inner: u32,
    /// Matrix products per segment.
    pub steps: u32,
    /// Matrices in the resident pool.
    pub pool: u32,
    /// How a step's weights are made of the pool.
    pub weights: Weights,
    /// Rows opened in each drawn segment.
    pub open_rows: u32,
    /// Segments drawn in each slot.
    pub open_segments: u32,
    /// Segments whose salts are known in advance: see [`crate::salt`].
    pub salt_delay: u16,
    /// The nonlinear step between two products.
    pub renorm: Renorm,
}

/// How the weights of a step are made of pool bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// One matrix, less 128: 8 bits. With 9-bit activations neither INT8 nor FP8 units gain.
    Byte,
    /// The difference of two matrices: 9 bits. Two INT8 passes on this side too, so they lose.
    Difference,
}

/// Keeps `bits` bits of a sum, starting at bit `shift`, centred on zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renorm {
    /// Low bits dropped. Never zero: see [`ProfileError::Linear`].
    pub shift: u32,
    /// Bits kept, sign included.
    pub bits: u32,
}

/// How it is known that the program's sums stay exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exactness {
    /// No data at all can pass 2^24.
    Always,
    /// The limit lies this many standard deviations of a uniform-data sum away.
    ///
    /// The data is expanded from hashes, so nobody can choose it; and overflow would only make a
    /// provider's own answer differ from the specification, which is integer arithmetic.
    Sigmas(u64),
}

/// Why a profile was refused. Variants stand in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// A count is zero or beyond its bound.
    #[error("{field} is {value}, outside 1..={limit}")]
    OutOfRange {
        /// Which number.
        field: &'static str,
        /// What it was.
        value: u32,
        /// Its largest allowed value.
        limit: u32,
    },
    /// Pool rows would not begin at a block of the output stream.
    #[error("inner dimension {inner} is not a multiple of {BLOCK}")]
    Misaligned {
        /// The dimension.
        inner: u32,
    },
    /// A difference needs two matrices.
    #[error("weights are a difference of two matrices, and the pool has one")]
    NoDifference,
    /// With no low bit dropped the step is a ring homomorphism: products could be made in advance.
    #[error("shift 0 keeps the low bits and makes the chain linear")]
    Linear,
    /// The kept bits reach above the spread of the sums, so the result is not uniform.
    #[error("bits {shift}..{top} reach above the standard deviation of a sum of {inner} products")]
    NotUniform {
        /// Lowest kept bit.
        shift: u32,
        /// One above the highest kept bit.
        top: u32,
        /// Terms in a sum.
        inner: u32,
    },
    /// A partial sum could pass 2^24.
    #[error("a sum of {inner} products stays exact only to {sigmas} standard deviations")]
    NotExact {
        /// Terms in a sum.
        inner: u32,
        /// Whole standard deviations below the limit.
        sigmas: u64,
    },
}

/// A checked profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassProfile {
    name: &'static str,
    shape: Shape,
}

impl ClassProfile {
    /// Milliseconds on one core: tests and the demo.
    pub const CI: Self = checked(Self::new(
        "ci",
        Shape {
            rows: 256,
            inner: 256,
            steps: 2,
            pool: 4,
            weights: Weights::Byte,
            open_rows: 4,
            open_segments: 2,
            salt_delay: 8,
            renorm: Renorm { shift: 6, bits: 9 },
        },
    ));

    /// Sellers without a GPU.
    pub const CPU: Self = checked(Self::new(
        "cpu",
        Shape {
            rows: 1_024,
            inner: 1_024,
            steps: 2,
            pool: 4,
            weights: Weights::Byte,
            open_rows: 4,
            open_segments: 2,
            salt_delay: 8,
            renorm: Renorm { shift: 7, bits: 9 },
        },
    ));

    /// Data-centre GPUs: 4.4 TFLOP a segment, 1 GiB of pool.
    pub const DC: Self = checked(Self::new(
        "dc",
        Shape {
            rows: 8_192,
            inner: 8_192,
            steps: 4,
            pool: 16,
            weights: Weights::Byte,
            open_rows: 4,
            open_segments: 2,
            salt_delay: 8,
            renorm: Renorm { shift: 9, bits: 9 },
        },
    ));

    /// Residency and bandwidth: few rows walk through a pool that a challenge may make as large as
    /// the device ([`ClassProfile::with_pool`]), so reading the pool is what takes time.
    pub const BW: Self = checked(Self::new(
        "bw",
        Shape {
            rows: 32,
            inner: 8_192,
            steps: 64,
            pool: 16,
            weights: Weights::Byte,
            open_rows: 4,
            open_segments: 2,
            salt_delay: 1,
            renorm: Renorm { shift: 9, bits: 9 },
        },
    ));

    /// Grading at the beginning of a session: as `dc`, with nine bits on both sides.
    pub const GRADE: Self = checked(Self::new(
        "grade",
        Shape {
            rows: 8_192,
            inner: 8_192,
            steps: 4,
            pool: 16,
            weights: Weights::Difference,
            open_rows: 4,
            open_segments: 2,
            salt_delay: 8,
            renorm: Renorm { shift: 11, bits: 9 },
        },
    ));

    /// Checks a profile.
    ///
    /// # Errors
    /// [`ProfileError`], the first that applies.
    pub const fn new(name: &'static str, shape: Shape) -> Result<Self, ProfileError> {
        if let Some(refused) = out_of_range(&shape) {
            return Err(refused);
        }
        let (inner, Renorm { shift, bits }) = (shape.inner, shape.renorm);
        if !inner.is_multiple_of(BLOCK) {
            return Err(ProfileError::Misaligned { inner });
        }
        if matches!(shape.weights, Weights::Difference) && shape.pool < 2 {
            return Err(ProfileError::NoDifference);
        }
        if shift == 0 {
            return Err(ProfileError::Linear);
        }
        let top = shift + bits;
        if variance_36(&shape) < 36 << (2 * top) {
            return Err(ProfileError::NotUniform { shift, top, inner });
        }
        match exactness(&shape) {
            Exactness::Sigmas(sigmas) if sigmas < SIGMAS_MIN => {
                Err(ProfileError::NotExact { inner, sigmas })
            }
            Exactness::Sigmas(_) | Exactness::Always => Ok(Self { name, shape }),
        }
    }

    /// The same program over a pool of another size.
    ///
    /// # Errors
    /// [`ProfileError::OutOfRange`], [`ProfileError::NoDifference`].
    pub const fn with_pool(self, matrices: u32) -> Result<Self, ProfileError> {
        Self::new(self.name, Shape { pool: matrices, ..self.shape })
    }

    /// The profile of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        PROFILES.into_iter().find(|profile| profile.name == name)
    }

    /// What instruments and messages call it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its numbers.
    #[must_use]
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// How it is known that the program's sums stay exact.
    #[must_use]
    pub const fn exactness(&self) -> Exactness {
        exactness(&self.shape)
    }

    /// Bytes of the resident pool.
    #[must_use]
    pub const fn pool_bytes(&self) -> u64 {
        self.shape.pool as u64 * self.shape.inner as u64 * self.shape.inner as u64
    }

    /// Pool bytes that one segment reads.
    #[must_use]
    pub const fn bytes_per_segment(&self) -> u64 {
        let Shape { inner, steps, weights, .. } = self.shape;
        weights.matrices() as u64 * steps as u64 * inner as u64 * inner as u64
    }

    /// Floating-point operations of one segment, the way GPU makers count them.
    #[must_use]
    pub const fn flop_per_segment(&self) -> u64 {
        let Shape { rows, inner, steps, .. } = self.shape;
        2 * rows as u64 * inner as u64 * inner as u64 * steps as u64
    }
}

impl Weights {
    /// Pool matrices that one step reads.
    #[must_use]
    pub const fn matrices(self) -> u32 {
        match self {
            Self::Byte => 1,
            Self::Difference => 2,
        }
    }

    /// Largest magnitude.
    const fn max(self) -> i64 {
        match self {
            Self::Byte => 128,
            Self::Difference => 255,
        }
    }

    /// Six times the second moment.
    const fn moment_6(self) -> u128 {
        match self {
            Self::Byte => BYTE_VALUES * BYTE_VALUES / 2 + 1,
            Self::Difference => BYTE_VALUES * BYTE_VALUES - 1,
        }
    }

    /// Minus four times the mean of a product with an activation, whose own mean is -1/2.
    const fn lean(self) -> i64 {
        match self {
            Self::Byte => 1,
            Self::Difference => 0,
        }
    }
}

impl Renorm {
    /// The step on one sum, in integers: the specification that every device must meet.
    #[must_use]
    pub fn apply(self, sum: i32) -> i16 {
        let kept = (sum >> self.shift) & ((1 << self.bits) - 1);
        let centred = kept - (1 << (self.bits - 1));
        i16::try_from(centred).unwrap_or_else(|_| unreachable!("at most 9 bits are kept"))
    }
}

const fn checked(profile: Result<ClassProfile, ProfileError>) -> ClassProfile {
    match profile {
        Ok(profile) => profile,
        Err(_) => panic!("a built-in profile breaks its own bounds"),
    }
}

const fn out_of_range(shape: &Shape) -> Option<ProfileError> {
    let Renorm { shift, bits } = shape.renorm;
    let bounds = [
        ("rows", shape.rows, ROWS_MAX),
        ("inner", shape.inner, INNER_MAX),
        ("steps", shape.steps, STEPS_MAX),
        ("pool", shape.pool, POOL_MAX),
        ("open_rows", shape.open_rows, shape.rows),
        ("open_segments", shape.open_segments, 64),
        ("salt_delay", shape.salt_delay as u32, 64),
        ("bits", bits, OPERAND_BITS_MAX),
        // Zero has its own refusal, below.
        ("shift + 1", shift.saturating_add(1), 16),
    ];
    let mut at = 0;
    while at < bounds.len() {
        let (field, value, limit) = bounds[at];
        if value == 0 || limit < value {
            return Some(ProfileError::OutOfRange { field, value, limit });
        }
        at += 1;
    }
    None
}

/// 36 times the second moment of one sum: an activation's is (values^2 / 2 + 1) / 6.
const fn variance_36(shape: &Shape) -> u128 {
    let values = 1_u128 << shape.renorm.bits;
    let activation = values * values / 2 + 1;
    shape.inner as u128 * activation * shape.weights.moment_6()
}

const fn exactness(shape: &Shape) -> Exactness {
    let activation_max = 1_i64 << (shape.renorm.bits - 1);
    if shape.inner as i64 * activation_max * shape.weights.max() <= EXACT_LIMIT {
        return Exactness::Always;
    }
    // Sums of bytes have mean inner / 4 (both factors lean to the negative by a half): out of the
    // way first.
    let room = (EXACT_LIMIT - shape.weights.lean() * shape.inner as i64 / 4) as u128;
    Exactness::Sigmas((36 * room * room / variance_36(shape)).isqrt() as u64)
}
