//! Our own Python package: built, checked, installed as anybody would install it, and tried against the real server, quick starts included.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::environment;
use crate::layout::Layout;
use crate::tools;

/// Its name.
pub(super) const NAME: &str = "tenor";
/// The oldest Python that it runs on.
pub(super) const PYTHON: (u32, u32) = (3, 11);

/// Where it lies.
const FOLDER: &str = "api/python";
/// What it is checked with, pinned.
const PACKAGES: &str = "api/python/requirements.txt";

/// Builds the wheel, installs it, and runs everything that looks at it.
pub(super) fn run(layout: &Layout, python: &Path) -> Result<()> {
    let python = environment(layout, NAME, PACKAGES, python)?;
    let target = layout.target.join("clients").join("python");
    if target.exists() {
        std::fs::remove_dir_all(&target).context("remove what the last run built")?;
    }
    let (wheels, caches) = (target.join("wheels"), target.join("caches"));
    let pip = |arguments: &[&str]| {
        let mut command = Command::new(&python);
        command.args(["-m", "pip", "--quiet", "--disable-pip-version-check"]).args(arguments);
        command
    };
    // What builds it is in the environment already, so that no network is needed for it.
    let build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir"];
    tools::run(layout, pip(&build).arg(&wheels).arg(FOLDER))?;
    let install = ["install", "--no-deps", "--no-index", "--force-reinstall", "--find-links"];
    tools::run(layout, pip(&install).arg(&wheels).arg(NAME))?;

    let checks: [&[&str]; 4] = [
        &["ruff", "format", "--check", "--quiet", "."],
        &["ruff", "check", "--quiet", "."],
        &["mypy", "--no-error-summary", "src", "tests"],
        &["pytest", "-p", "no:cacheprovider", "--durations", "3"],
    ];
    for check in checks {
        println!("-- {NAME}: {}", check.join(" "));
        let mut command = Command::new(&python);
        command
            .args(["-B", "-m"])
            .args(check)
            .env("RUFF_CACHE_DIR", caches.join("ruff"))
            .env("MYPY_CACHE_DIR", caches.join("mypy"))
            .env("TENOR_BINARY", layout.target.join("debug").join("tenor"));
        tools::run_in(&layout.root.join(FOLDER), &mut command).with_context(|| check.join(" "))?;
    }
    Ok(())
}
