//! `cargo xtask cuda-build`: one binary that computes on NVIDIA devices and starts without a driver.
//!
//! ```text
//! wheels.txt --pip--> nvcc --PTX--> cargo build --features cuda --> target/cuda/tenor --> checks
//! ```
//!
//! Candle asks cudarc for linking, and a binary linked against the driver does not start where
//! there is none. But cudarc's own default is to load libraries when they are first used; what
//! tells the two apart is one `cfg` in its source, which is given here by hand. Candle's build
//! scripts still name the libraries to the linker, so it finds empty archives under those names:
//! nothing refers to them, and the binary needs none. The checks at the end hold that.
//!
//! Absent: candle's static library of quantised kernels. Nothing here calls it, and it is most of
//! the compiler's time and of the binary; a call to it would not link.

mod binary;
mod toolkit;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::layout::Layout;
use crate::tools;
use toolkit::Toolkit;

/// Cargo compiles build scripts without the flags of a target that is named.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Portable PTX: the driver compiles it for whatever card it finds, from Ampere on.
const COMPUTE_CAP: &str = "80";
/// What the wheels are, as cudarc writes it.
const CUDA_VERSION: &str = "13000";
/// What candle's build scripts name to the linker.
const NAMED: [&str; 6] = ["cublas", "cublasLt", "cuda", "cudart", "curand", "nvrtc"];

/// How to build.
#[derive(Args)]
pub(crate) struct Choice {
    /// How many compilers may run at once; cargo's own number otherwise
    #[arg(long, value_name = "N")]
    jobs: Option<u16>,
}

/// Makes the compiler, builds the binary, checks it, and says where it lies.
pub(crate) fn run(layout: &Layout, choice: &Choice) -> Result<()> {
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "the pinned compiler is for Linux on x86-64; elsewhere install CUDA 13 and build with `--features cuda`"
    );
    let started = now();
    let folder = layout.target.join("cuda");
    let toolkit = Toolkit::prepare(layout, &folder)?;
    println!(
        "compiler ready after {:.0} s: {}",
        started.elapsed().as_secs_f64(),
        toolkit.nvcc.display()
    );
    let archives = empty_archives(&folder)?;
    let mut build = Command::new(tools::cargo());
    build
        .args(["build", "--release", "--package", "tenor", "--features", "cuda"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(folder.join("build"))
        .env("CUDA_HOME", &toolkit.home)
        .env("NVCC", &toolkit.nvcc)
        .env("CUDA_COMPUTE_CAP", COMPUTE_CAP)
        .env("CUDARC_CUDA_VERSION", CUDA_VERSION)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", flags(&archives)?);
    if let Some(jobs) = choice.jobs {
        build.args(["--jobs", &jobs.to_string()]).env("CUDAFORGE_THREADS", jobs.to_string());
    }
    tools::run(layout, &mut build)?;
    let built = folder.join("build").join(TARGET).join("release").join("tenor");
    println!("built after {:.0} s", started.elapsed().as_secs_f64());
    binary::check(layout, &built, &folder)?;
    let binary = folder.join("tenor");
    std::fs::copy(&built, &binary).with_context(|| format!("copy to {}", binary.display()))?;
    let bytes = std::fs::metadata(&binary).context("the binary's size")?.len();
    println!(
        "{}: {bytes} bytes, {:.0} s in all; docs/cuda.md says what the machine it runs on needs",
        binary.display(),
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a developer wants to know how long a build took")]
fn now() -> Instant {
    Instant::now()
}

/// The flags of the caller, the one `cfg` that makes cudarc load instead of link, and where the archives lie.
fn flags(archives: &Path) -> Result<String> {
    let archives = archives.to_str().filter(|path| !path.contains(char::is_whitespace));
    let archives =
        archives.context("the target directory's path has a space, which RUSTFLAGS cannot hold")?;
    let callers = std::env::var("RUSTFLAGS").unwrap_or_default();
    let ours = format!(r#"--cfg feature="dynamic-loading" -L native={archives}"#);
    Ok(format!("{callers} {ours}").trim_start().to_owned())
}

/// A folder with an archive without members under each name that the linker will be given.
fn empty_archives(folder: &Path) -> Result<PathBuf> {
    let archives = folder.join("empty");
    std::fs::create_dir_all(&archives).with_context(|| format!("create {}", archives.display()))?;
    for name in NAMED {
        let archive = archives.join(format!("lib{name}.a"));
        std::fs::write(&archive, "!<arch>\n")
            .with_context(|| format!("write {}", archive.display()))?;
    }
    Ok(archives)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cudarc_is_told_to_load_and_a_path_with_a_space_is_refused() {
        let flags = flags(Path::new("/t/cuda/empty")).expect("no space");
        assert!(
            flags.ends_with(r#"--cfg feature="dynamic-loading" -L native=/t/cuda/empty"#),
            "{flags}"
        );
        assert!(super::flags(Path::new("/my target")).is_err());
    }
}
