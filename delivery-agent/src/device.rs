//! Which device the worker computes on, and by which path.

use std::str::FromStr;

use candle_core::Device;

pub use exact_product::{Path, UnknownPath};

/// A kind of device, as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceKind {
    /// Always there.
    #[default]
    Cpu,
    /// The first NVIDIA device; only in builds with the `cuda` feature.
    Cuda,
    /// The first NVIDIA device if there is one that can be used, or else the CPU.
    Auto,
}

/// Why a device cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// Not a name of a device.
    #[error("device `{name}` is none of `cpu`, `cuda`, `auto`")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The binary has no kernels.
    #[error(
        "this build has no cuda kernels; use `--device cpu`, or a binary of `cargo xtask cuda-build`"
    )]
    NotBuilt,
    /// No driver, no device, or the driver refused.
    #[error("no usable cuda device: {why}")]
    Unusable {
        /// In words.
        why: String,
    },
}

impl FromStr for DeviceKind {
    type Err = DeviceError;

    fn from_str(name: &str) -> Result<Self, DeviceError> {
        let found =
            [Self::Cpu, Self::Cuda, Self::Auto].into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| DeviceError::Unknown { name: name.to_owned() })
    }
}

impl DeviceKind {
    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Auto => "auto",
        }
    }

    /// Opens the device. [`DeviceKind::Auto`] says in the log what it has found.
    ///
    /// # Errors
    /// [`DeviceError`] when the build has no kernels or the machine no device.
    pub fn open(self) -> Result<Device, DeviceError> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda => open_cuda(),
            // At the level that is always shown: a provider wants to know what he sells.
            Self::Auto => match open_cuda() {
                Ok(device) => {
                    tracing::warn!("computing on cuda device 0");
                    Ok(device)
                }
                Err(error) => {
                    tracing::warn!(%error, "computing on this cpu");
                    Ok(Device::Cpu)
                }
            },
        }
    }
}

/// What an error says. Candle adds the way to where it was made, a line for each step.
pub(crate) fn first_line(error: &impl ToString) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(feature = "cuda")]
fn open_cuda() -> Result<Device, DeviceError> {
    exact_product::open_cuda(0).map_err(|error| DeviceError::Unusable { why: first_line(&error) })
}

#[cfg(not(feature = "cuda"))]
fn open_cuda() -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt)
}
