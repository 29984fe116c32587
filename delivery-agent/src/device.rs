//! Which device the worker computes on.

use std::str::FromStr;

use candle_core::Device;

/// A kind of device, as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceKind {
    /// Always there.
    #[default]
    Cpu,
    /// The first NVIDIA device; only in builds with the `cuda` feature.
    Cuda,
}

/// Why a device cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// Not a name of a device.
    #[error("device `{name}` is neither `cpu` nor `cuda`")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The binary has no kernels.
    #[error("this build has no cuda kernels; use `--device cpu` or a build with the cuda feature")]
    NotBuilt,
    /// No driver, no device, or the driver refused.
    #[error("no usable cuda device: {0}")]
    Unusable(#[from] candle_core::Error),
}

impl FromStr for DeviceKind {
    type Err = DeviceError;

    fn from_str(name: &str) -> Result<Self, DeviceError> {
        match name {
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            _ => Err(DeviceError::Unknown { name: name.to_owned() }),
        }
    }
}

impl DeviceKind {
    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }

    /// Opens the device.
    ///
    /// # Errors
    /// [`DeviceError`] when the build has no kernels or the machine no device.
    pub fn open(self) -> Result<Device, DeviceError> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda => open_cuda(),
        }
    }
}

#[cfg(feature = "cuda")]
fn open_cuda() -> Result<Device, DeviceError> {
    // Our operands have at most 9 bits and TF32 reads 11, so the fast path gives the same bits.
    candle_core::cuda::set_gemm_reduced_precision_f32(true);
    Ok(Device::new_cuda(0)?)
}

#[cfg(not(feature = "cuda"))]
fn open_cuda() -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt)
}
