//! Integer matrix products on candle that have the same bits on every device and every path.
//!
//! A path is how the multiplying units read their operands. All of them add in f32, and none rounds
//! as long as operands are integers of at most 9 bits, or such integers times one power of two, and
//! no partial sum leaves the 24 bits in which f32 is exact. Who calls sees to that; here it is
//! neither checked nor repaired.
//!
//! Absent: what a product is for, and any choice of path that the caller did not make.

use std::str::FromStr;

use candle_core::{DType, Tensor};

#[cfg(feature = "cuda")]
mod cuda;
mod wide;

#[cfg(feature = "cuda")]
pub use cuda::{OpenError, open_cuda};

/// How the multiplying units read their operands. On a CPU all three are the same loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Path {
    /// All 24 bits of an f32. The slowest, and on every card.
    F32,
    /// The first 11 bits of an f32, on tensor cores: the default, as candle does it itself.
    #[default]
    Tf32,
    /// 8 bits and sign, on tensor cores: half the memory traffic, about twice the rate of TF32.
    Bf16,
}

/// Not a name of a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path `{name}` is none of `f32`, `tf32`, `bf16`")]
pub struct UnknownPath {
    /// What was asked for.
    name: String,
}

impl Path {
    /// Every path, slowest first.
    pub const ALL: [Self; 3] = [Self::F32, Self::Tf32, Self::Bf16];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        }
    }

    /// What the right operand is held as. The left one is always f32.
    #[must_use]
    pub const fn operand(self) -> DType {
        match self {
            Self::F32 | Self::Tf32 => DType::F32,
            Self::Bf16 => DType::BF16,
        }
    }

    /// The product of two matrices, in f32.
    ///
    /// # Errors
    /// When the shapes do not fit, `right` is not of the type [`Path::operand`], or the device fails.
    pub fn product(self, left: &Tensor, right: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::F32 | Self::Tf32 => {
                // Candle has one switch for the whole process; no bit depends on it.
                #[cfg(feature = "cuda")]
                candle_core::cuda::set_gemm_reduced_precision_f32(self == Self::Tf32);
                left.matmul(right)
            }
            Self::Bf16 => left.to_dtype(DType::BF16)?.apply_op2_no_bwd(right, &wide::WideProduct),
        }
    }
}

impl FromStr for Path {
    type Err = UnknownPath;

    fn from_str(name: &str) -> Result<Self, UnknownPath> {
        let found = Self::ALL.into_iter().find(|path| path.name() == name);
        found.ok_or_else(|| UnknownPath { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use proptest::prelude::*;

    use super::*;

    fn matrix(
        rows: usize,
        columns: usize,
        of: std::ops::RangeInclusive<i16>,
    ) -> impl Strategy<Value = Vec<i16>> {
        prop::collection::vec(of, rows * columns)
    }

    fn tensor(values: &[i16], shape: (usize, usize), scale: f32) -> Tensor {
        let values: Vec<f32> = values.iter().map(|value| f32::from(*value) * scale).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    proptest! {
        /// CUDA-004: also where the right operand comes scaled by a power of two.
        #[test]
        fn every_path_has_the_bits_of_integer_arithmetic(
            left in matrix(3, 64, -256..=255),
            right in matrix(64, 5, -128..=127),
            shift in 0..12_u32,
        ) {
            let scale = 1.0 / f32::from(1_u16 << shift);
            let (x, weights) = (tensor(&left, (3, 64), 1.0), tensor(&right, (64, 5), scale));
            let sum = |row: usize, column: usize| -> i32 {
                (0..64).map(|k| i32::from(left[row * 64 + k]) * i32::from(right[k * 5 + column])).sum()
            };
            let expected: Vec<f32> =
                (0..15).map(|at| sum(at / 5, at % 5) as f32 * scale).collect();
            for path in Path::ALL {
                let weights = weights.to_dtype(path.operand()).unwrap();
                let product = path.product(&x, &weights).unwrap();
                prop_assert_eq!(product.dims(), &[3, 5]);
                prop_assert_eq!(product.flatten_all().unwrap().to_vec1::<f32>().unwrap(), &expected[..], "{}", path.name());
            }
        }
    }

    /// CUDA-004: every value that an operand of 9 bits may have, and every centred byte.
    #[test]
    fn cuda_004_no_operand_of_nine_bits_is_rounded() {
        let values: Vec<f32> = (-256_i16..=256).map(f32::from).collect();
        let tensor = Tensor::from_vec(values.clone(), values.len(), &Device::Cpu).unwrap();
        let there_and_back = tensor.to_dtype(DType::BF16).unwrap().to_dtype(DType::F32).unwrap();
        assert_eq!(there_and_back.to_vec1::<f32>().unwrap(), values);
        // The tenth bit is one too many: the bound is not a matter of taste.
        let beyond = Tensor::new(&[257_f32], &Device::Cpu).unwrap().to_dtype(DType::BF16).unwrap();
        assert_ne!(beyond.to_dtype(DType::F32).unwrap().to_vec1::<f32>().unwrap(), [257.0]);
    }

    #[test]
    fn operands_that_do_not_fit_are_refused() {
        let (x, weights) = (tensor(&[1; 6], (2, 3), 1.0), tensor(&[1; 8], (2, 4), 1.0));
        for path in Path::ALL {
            let weights = weights.to_dtype(path.operand()).unwrap();
            assert!(path.product(&x, &weights).is_err(), "{}", path.name());
        }
        let square = tensor(&[1; 9], (3, 3), 1.0);
        let refused = Path::Bf16.product(&x, &square).unwrap_err();
        assert!(refused.to_string().contains("wide-product needs bf16"), "{refused}");
        let turned = square.to_dtype(DType::BF16).unwrap().t().unwrap();
        let refused = Path::Bf16.product(&x, &turned).unwrap_err();
        assert!(refused.to_string().contains("not row by row"), "{refused}");
    }

    #[test]
    fn a_path_is_known_by_its_name() {
        for path in Path::ALL {
            assert_eq!(path.name().parse(), Ok(path));
        }
        let unknown = "fp8".parse::<Path>().unwrap_err();
        assert_eq!(unknown.to_string(), "path `fp8` is none of `f32`, `tf32`, `bf16`");
        assert_eq!(Path::default(), Path::Tf32);
    }
}
