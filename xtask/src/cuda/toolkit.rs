//! The CUDA compiler, from pinned wheels, in a virtual environment below the target directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::layout::Layout;
use crate::tools;

/// What is installed.
const WHEELS: &str = include_str!("wheels.txt");

/// Where the compiler lies.
pub(super) struct Toolkit {
    /// With `bin`, `include` and `nvvm` in it.
    pub(super) home: PathBuf,
    /// What candle's build scripts call.
    pub(super) nvcc: PathBuf,
}

impl Toolkit {
    /// Installs the wheels where they are not, and the script that stands before the compiler.
    pub(super) fn prepare(layout: &Layout, folder: &Path) -> Result<Self> {
        let environment = folder.join("wheels");
        let installed = environment.join("installed.txt");
        if std::fs::read_to_string(&installed).ok().as_deref() != Some(WHEELS) {
            install(layout, &environment)?;
            std::fs::write(&installed, WHEELS)
                .with_context(|| format!("write {}", installed.display()))?;
        }
        let home = home(&environment)?;
        let stand_in = tools::nvcc_folder(layout)?.join("nvcc");
        let nvcc = folder.join("nvcc");
        let script = script(&home.join("bin").join("nvcc"), &stand_in);
        tools::write_script(&nvcc, &script)?;
        Ok(Self { home, nvcc })
    }
}

fn install(layout: &Layout, environment: &Path) -> Result<()> {
    println!("installing the CUDA compiler into {}", environment.display());
    if environment.exists() {
        std::fs::remove_dir_all(environment).context("remove the old compiler")?;
    }
    tools::run(layout, Command::new("python3").args(["-m", "venv"]).arg(environment)).context(
        "a virtual environment is made with python3 and its module venv; on Debian they are the packages python3 and python3-venv",
    )?;
    let list = environment.join("wheels.txt");
    std::fs::write(&list, WHEELS).with_context(|| format!("write {}", list.display()))?;
    let mut pip = Command::new(environment.join("bin").join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"])
        .args(["--disable-pip-version-check", "--require-hashes", "--requirement"])
        .arg(&list);
    tools::run(layout, &mut pip).context(
        "the wheels come from the Python package index, which was not reached or has others",
    )
}

/// All the wheels unpack into one tree, `lib/pythonX.Y/site-packages/nvidia/cu13`.
fn home(environment: &Path) -> Result<PathBuf> {
    let lib = environment.join("lib");
    let pythons = std::fs::read_dir(&lib).with_context(|| format!("read {}", lib.display()))?;
    for python in pythons {
        let home = python?.path().join("site-packages").join("nvidia").join("cu13");
        if home.join("bin").join("nvcc").exists() {
            return Ok(home);
        }
    }
    anyhow::bail!("the wheels were installed into {} and hold no nvcc", environment.display())
}

/// The compiler makes PTX. Objects and archives, which candle asks for only for its quantised kernels, are left empty.
fn script(nvcc: &Path, stand_in: &Path) -> String {
    let (nvcc, stand_in) = (nvcc.display(), stand_in.display());
    format!(
        "#!/bin/sh\n\
         # Written by `cargo xtask cuda-build`.\n\
         case \" $* \" in\n    \
             *' -c '* | *' --lib '*) exec '{stand_in}' \"$@\" ;;\n    \
             *) exec '{nvcc}' \"$@\" ;;\n\
         esac\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_wheels_is_pinned_and_hashed() {
        let wheels: Vec<&str> = WHEELS.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(wheels.len(), 5);
        for wheel in wheels {
            let (pin, hash) = wheel.split_once(" --hash=sha256:").expect("a hash");
            assert!(pin.contains("==13.0."), "{pin}");
            assert_eq!(hash.len(), 64, "{pin}");
        }
    }

    #[test]
    fn only_ptx_is_really_compiled() {
        // What is really called says so; what stands in says nothing.
        let script = script(Path::new("/bin/echo"), Path::new("/bin/true"));
        let answer = |arguments: &[&str]| {
            let mut shell = Command::new("/bin/sh");
            let output = shell.args(["-c", &script, "nvcc"]).args(arguments).output();
            !output.expect("there is a shell").stdout.is_empty()
        };
        assert!(answer(&["--version"]));
        assert!(answer(&["--ptx", "-std=c++17", "a-c.cu"]));
        assert!(!answer(&["--gpu-architecture=sm_80", "-c", "-o", "a.o", "a.cu"]));
        assert!(!answer(&["--lib", "-o", "a.a", "a.o"]));
    }
}
