//! What must hold of a binary before it is handed on: no library of CUDA's is needed to start it.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::layout::Layout;
use crate::tools;

/// How the files of CUDA's libraries begin.
const CUDAS: [&str; 5] = ["libcublas", "libcuda", "libcudart", "libcurand", "libnvrtc"];

/// Reads what the loader must find, then starts the binary on what this machine has.
pub(super) fn check(layout: &Layout, binary: &Path) -> Result<()> {
    let listing = tools::output(layout, Command::new("readelf").arg("--dynamic").arg(binary))
        .context("readelf is part of binutils, as the linker is")?;
    let needed = needed(&listing);
    println!("needed to start: {}", needed.join(", "));
    refuse_cudas(&needed)?;
    // A worker without requests opens its device and ends.
    let worker = |device: &str| {
        let mut command = Command::new(binary);
        command.args(["agent-worker", "--device", device]).stdin(Stdio::null());
        command.current_dir(&layout.root).output().context("start the binary")
    };
    for device in ["cpu", "auto"] {
        let ended = worker(device)?;
        let said = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.success(), "a worker on {device}: {}\n{said}", ended.status);
    }
    let ended = worker("cuda")?;
    if ended.status.success() {
        println!("it has opened the device of this machine");
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
    ensure!(
        ended.status.code() == Some(1) && said.contains("no usable cuda device"),
        "without a device it must say so and end, not {}: {said}",
        ended.status
    );
    println!("it starts without a device and says: {said}");
    Ok(())
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
