//! An NVIDIA device: how it is opened, and the one product that candle does not have.
//!
//! The only unsafe code of the workspace: three foreign calls. Nothing here has run on a card yet
//! where [the page on CUDA](../../../docs/cuda.md) does not say so.

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::cublas::{result, sys};
use candle_core::cuda_backend::cudarc::driver::sys::cuDriverGetVersion;
use candle_core::cuda_backend::cudarc::driver::{DevicePtr, DevicePtrMut};
use candle_core::{CudaStorage, Device, Result, bail};
use half::bf16;
use libloading::Library;

use crate::wide::Sizes;

/// What a device cannot be opened without: the file as the loader knows it, and who brings it.
const LIBRARIES: [(&str, &str); 3] = [
    ("libcuda.so.1", "the NVIDIA driver, 580 or newer"),
    ("libcublas.so.13", "CUDA 13, or the wheel nvidia-cublas; see LD_LIBRARY_PATH"),
    ("libcurand.so.10", "CUDA 13, or the wheel nvidia-curand; see LD_LIBRARY_PATH"),
];
/// CUDA 13.0, as the driver writes it: what the kernels were compiled with.
const DRIVER_MIN: i32 = 13_000;

/// Why no device was opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A library is not on this machine, or not where the loader looks.
    #[error("{library} is not there ({brought_by}): {why}")]
    NoLibrary {
        /// As the loader knows it.
        library: &'static str,
        /// Who brings it.
        brought_by: &'static str,
        /// In the loader's words.
        why: String,
    },
    /// The driver cannot load what this build's compiler has made.
    #[error("the driver is for CUDA {}.{}, this build needs {}.0", .version / 1_000, .version % 1_000 / 10, DRIVER_MIN / 1_000)]
    OldDriver {
        /// A thousand times the major, ten times the minor version.
        version: i32,
    },
    /// No device, or the driver refused.
    #[error(transparent)]
    Device(#[from] candle_core::Error),
}

/// Opens a device by its number, from zero.
///
/// # Errors
/// [`OpenError`]. Libraries are asked for first: behind candle, a library that is missing at its
/// first use would end the process.
pub fn open_cuda(ordinal: usize) -> std::result::Result<Device, OpenError> {
    for (library, brought_by) in LIBRARIES {
        if let Err(error) = is_there(library) {
            // The outer error says only that it failed.
            let why = std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            return Err(OpenError::NoLibrary { library, brought_by, why });
        }
    }
    let version = driver_version()?;
    if version < DRIVER_MIN {
        return Err(OpenError::OldDriver { version });
    }
    Ok(Device::new_cuda(ordinal)?)
}

#[expect(unsafe_code, reason = "a library may run code when it is loaded")]
fn is_there(library: &str) -> std::result::Result<(), libloading::Error> {
    // SAFETY: these are NVIDIA's own libraries, made to be loaded by anyone at any time.
    unsafe { Library::new(library) }.map(drop)
}

#[expect(unsafe_code, reason = "candle does not ask for the driver's version")]
fn driver_version() -> Result<i32> {
    let mut version = 0;
    // SAFETY: the driver is there, and writes one int through a pointer to one int.
    unsafe { cuDriverGetVersion(&raw mut version) }.result().w()?;
    Ok(version)
}

/// `left * right` for two matrices that lie row by row from their offsets on.
#[expect(
    unsafe_code,
    reason = "candle calls this routine only with an output of the operands' type"
)]
pub(crate) fn wide_product(
    (left, right): (&CudaStorage, &CudaStorage),
    offsets: (usize, usize),
    sizes: Sizes,
) -> Result<CudaStorage> {
    let Sizes { rows, inner, columns } = sizes;
    let device = &left.device;
    let (left_len, right_len) = (rows * inner, inner * columns);
    let left = left.as_cuda_slice::<bf16>()?;
    let right = right.as_cuda_slice::<bf16>()?;
    let (Some(left), Some(right)) = (
        left.try_slice(offsets.0..offsets.0 + left_len),
        right.try_slice(offsets.1..offsets.1 + right_len),
    ) else {
        bail!("wide-product of a matrix that ends before its shape does");
    };
    let [m, n, k] = [columns, rows, inner].map(i32::try_from);
    let (Ok(m), Ok(n), Ok(k)) = (m, n, k) else { bail!("wide-product of {sizes:?}") };
    let mut product = device.alloc_zeros::<f32>(rows * columns)?;
    let stream = device.cuda_stream();
    let (one, zero) = (1.0_f32, 0.0_f32);
    {
        let (left, _left_in_use) = left.device_ptr(&stream);
        let (right, _right_in_use) = right.device_ptr(&stream);
        let (out, _out_in_use) = product.device_ptr_mut(&stream);
        // The library counts columns first, so it is asked for the transposed product: the same bytes.
        // SAFETY: the three areas are as long as the sizes say, live until the end of this block, and
        // belong to the device whose handle and stream are used; one and zero are f32, as COMPUTE_32F
        // reads them, and outlive the call.
        unsafe {
            result::gemm_ex(
                *device.cublas_handle().handle(),
                sys::cublasOperation_t::CUBLAS_OP_N,
                sys::cublasOperation_t::CUBLAS_OP_N,
                m,
                n,
                k,
                (&raw const one).cast(),
                right as *const _,
                sys::cudaDataType_t::CUDA_R_16BF,
                m,
                left as *const _,
                sys::cudaDataType_t::CUDA_R_16BF,
                k,
                (&raw const zero).cast(),
                out as *mut _,
                sys::cudaDataType_t::CUDA_R_32F,
                m,
                sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
                sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT_TENSOR_OP,
            )
        }
        .w()?;
    }
    Ok(CudaStorage::wrap_cuda_slice(product, device.clone()))
}

#[cfg(test)]
mod tests {
    use candle_core::Tensor;

    use super::*;
    use crate::Path;

    /// CUDA-004: where there is a device, it has the bits of the CPU on every path.
    #[test]
    fn cuda_002_a_device_is_opened_or_what_is_missing_is_named() {
        let device = match open_cuda(0) {
            Ok(device) => device,
            Err(OpenError::NoLibrary { library, .. }) => {
                assert!(LIBRARIES.iter().any(|(name, _)| *name == library), "{library}");
                return;
            }
            Err(OpenError::OldDriver { version }) => return assert!(version < DRIVER_MIN),
            Err(OpenError::Device(error)) => return assert!(!error.to_string().is_empty()),
        };
        let values = |len: u16, low: f32| -> Vec<f32> {
            (0..len).map(|at| f32::from(at * 37 % 256) + low).collect()
        };
        let operands = |device: &Device| {
            let left = Tensor::from_vec(values(96 * 64, -256.0), (96, 64), device);
            (left.unwrap(), Tensor::from_vec(values(64 * 32, -128.0), (64, 32), device).unwrap())
        };
        for path in Path::ALL {
            let product = |device: &Device| {
                let (left, right) = operands(device);
                let product = path.product(&left, &right.to_dtype(path.operand()).unwrap());
                product.unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
            };
            assert_eq!(product(&device), product(&Device::Cpu), "{}", path.name());
        }
    }

    #[test]
    fn cuda_002_an_old_driver_is_told_what_is_needed() {
        let refused = OpenError::OldDriver { version: 12_020 }.to_string();
        assert_eq!(refused, "the driver is for CUDA 12.2, this build needs 13.0");
    }
}
