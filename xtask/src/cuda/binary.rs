//! What must hold of a binary before it is handed on: no library of CUDA's is needed to start it.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::layout::Layout;
use crate::tools;

/// How the files of CUDA's libraries begin.
const CUDAS: [&str; 5] = ["libcublas", "libcuda", "libcudart", "libcurand", "libnvrtc"];

/// A driver without a device.
const DRIVER: &str = include_str!("driver.c");
/// The libraries that a device is not opened without.
const LIBRARIES: [&str; 3] = ["libcublas.so.13", "libcuda.so.1", "libcurand.so.10"];

/// Reads what the loader must find, then starts the binary on what this machine has, and with a driver that has no device.
pub(super) fn check(layout: &Layout, binary: &Path, folder: &Path) -> Result<()> {
    let listing = tools::output(layout, Command::new("readelf").arg("--dynamic").arg(binary))
        .context("readelf is part of binutils, as the linker is")?;
    let needed = needed(&listing);
    println!("needed to start: {}", needed.join(", "));
    refuse_cudas(&needed)?;
    for device in ["cpu", "auto"] {
        let (code, said) = ended(worker(binary, device))?;
        ensure!(code == Some(0), "a worker on {device} ended with {code:?}: {said}");
    }
    let (code, said) = ended(worker(binary, "cuda"))?;
    match code {
        Some(0) => println!("it has opened the device of this machine"),
        Some(1) if said.contains("no usable cuda device") => {
            println!("it starts without a device and says: {said}");
        }
        _ => bail!("without a device it must say so and end, not with {code:?}: {said}"),
    }
    with_a_driver(layout, binary, folder)
}

/// That it loads a driver, asks for its version, and initialises it.
fn with_a_driver(layout: &Layout, binary: &Path, folder: &Path) -> Result<()> {
    let folder = folder.join("driver");
    std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let source = folder.join("driver.c");
    std::fs::write(&source, DRIVER).with_context(|| format!("write {}", source.display()))?;
    for library in LIBRARIES {
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-o"]).arg(folder.join(library)).arg(&source);
        tools::run(layout, &mut compile)?;
    }
    for (version, answer) in [("12020", "the driver is for CUDA 12.2"), ("13000", "NO_DEVICE")] {
        let mut command = worker(binary, "cuda");
        command.env("LD_LIBRARY_PATH", &folder).env("DRIVER_VERSION", version);
        let (code, said) = ended(command)?;
        ensure!(
            code == Some(1) && said.contains(answer),
            "with a driver of version {version} that has no device it ended with {code:?}: {said}"
        );
    }
    println!("it loads a driver, refuses an old one, and believes one that has no device");
    Ok(())
}

/// A worker without requests opens its device and ends.
fn worker(binary: &Path, device: &str) -> Command {
    let mut command = Command::new(binary);
    command.args(["agent-worker", "--device", device]).stdin(Stdio::null());
    command
}

fn ended(mut command: Command) -> Result<(Option<i32>, String)> {
    let output = command.output().context("start the binary")?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Ok((output.status.code(), said))
}

/// The `NEEDED` entries of what `readelf --dynamic` prints.
fn needed(listing: &str) -> Vec<&str> {
    let entries = listing.lines().filter(|line| line.contains("(NEEDED)"));
    entries.filter_map(|line| Some(line.split_once('[')?.1.split_once(']')?.0)).collect()
}

fn refuse_cudas(needed: &[&str]) -> Result<()> {
    ensure!(!needed.is_empty(), "readelf names no library at all, so nothing was checked");
    let mut of_cuda =
        needed.iter().filter(|name| CUDAS.iter().any(|begin| name.starts_with(begin)));
    let found = of_cuda.next();
    ensure!(
        found.is_none(),
        "the binary needs {} to start; was another --cfg, feature or linker setting given?",
        found.unwrap_or(&"nothing")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "
Dynamic section at offset 0x42 contains 31 entries:
  Tag        Type                         Name/Value
 0x0000000000000001 (NEEDED)             Shared library: [libgcc_s.so.1]
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]
 0x000000000000000c (INIT)               0x1000
";

    #[test]
    fn cuda_001_a_binary_that_needs_a_library_of_cuda_is_refused() {
        assert_eq!(needed(LISTING), ["libgcc_s.so.1", "libc.so.6"]);
        assert!(refuse_cudas(&needed(LISTING)).is_ok());
        for library in ["libcuda.so.1", "libcublasLt.so.13", "libcurand.so.10", "libcudart.so.13"] {
            let linked =
                format!("{LISTING} 0x0000000000000001 (NEEDED) Shared library: [{library}]\n");
            let refused = refuse_cudas(&needed(&linked)).expect_err("it is linked").to_string();
            assert!(refused.contains(library), "{refused}");
        }
        assert!(refuse_cudas(&needed("not an ELF file")).is_err());
    }
}
