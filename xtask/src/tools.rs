//! The tools that the tests need besides the toolchain: found, or made, below the target directory.

use crate::layout::Layout;
use anyhow::{Context, Result, ensure};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The licence and ban checker. Built without optimisation: it runs for a second and compiles for one minute instead of five.
const CARGO_DENY: &str = "0.20.2";

/// What the stand-in compiler is.
const NVCC_STAND_IN: &str = include_str!("nvcc_stand_in.sh");

/// The cargo that runs us, or the one on the path.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

/// Runs a command in the root and fails if it does.
pub(crate) fn run(layout: &Layout, command: &mut Command) -> Result<()> {
    run_in(&layout.root, command)
}

/// Runs a command in a folder and fails if it does.
pub(crate) fn run_in(folder: &Path, command: &mut Command) -> Result<()> {
    let name = format!("{command:?}");
    let status = command.current_dir(folder).status().with_context(|| name.clone())?;
    ensure!(status.success(), "{name}: {status}");
    Ok(())
}

/// Runs a command in the root and returns what it printed; what it said besides is shown if it fails.
pub(crate) fn output(layout: &Layout, command: &mut Command) -> Result<String> {
    let name = format!("{command:?}");
    let output = command.current_dir(&layout.root).output().with_context(|| name.clone())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let besides = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name}: {}\n{text}{besides}", output.status);
    Ok(text)
}

/// Asks the advisory database; `deny.toml` holds the exceptions, dated and with what would end them.
pub(crate) fn advisories(layout: &Layout) -> Result<()> {
    let deny = cargo_deny(layout)?;
    run(layout, Command::new(deny).args(["--all-features", "check", "advisories"]))
}

/// Licences, bans and sources; needs no network once the crates are fetched.
pub(crate) fn licences_bans_sources(layout: &Layout) -> Result<()> {
    let deny = cargo_deny(layout)?;
    // Duplicate versions are warnings, many and known: `cargo deny check bans` shows them.
    let quiet = ["--all-features", "--log-level", "error", "check", "--hide-inclusion-graph"];
    let checks = ["licenses", "bans", "sources"];
    run(layout, Command::new(deny).args(quiet).args(checks))
}

/// A `cargo-deny` of our version: on the path, in the target directory, or installed there now.
fn cargo_deny(layout: &Layout) -> Result<PathBuf> {
    let folder = layout.target.join("tools").join("cargo-deny");
    let ours = folder.join("bin").join("cargo-deny");
    for candidate in [PathBuf::from("cargo-deny"), ours.clone()] {
        if is_cargo_deny(&candidate) {
            return Ok(candidate);
        }
    }
    println!("installing cargo-deny {CARGO_DENY} into {}", folder.display());
    let mut install = Command::new(cargo());
    install
        .args(["install", "cargo-deny", "--locked", "--debug", "--quiet", "--version", CARGO_DENY])
        .arg("--root")
        .arg(&folder)
        .arg("--target-dir")
        .arg(folder.join("build"));
    run(layout, &mut install)?;
    std::fs::remove_dir_all(folder.join("build")).context("remove what built cargo-deny")?;
    Ok(ours)
}

fn is_cargo_deny(program: &Path) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).trim() == format!("cargo-deny {CARGO_DENY}")
    })
}

/// Sees to it that there is a `valgrind`: root may install it where packages are Debian's.
pub(crate) fn valgrind(layout: &Layout) -> Result<()> {
    let answers = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output();
        output.ok().filter(|output| output.status.success()).map(|output| output.stdout)
    };
    if answers("valgrind", "--version").is_some() {
        return Ok(());
    }
    let is_root = answers("id", "-u").is_some_and(|user| user.trim_ascii() == b"0");
    ensure!(
        is_root && answers("apt-get", "--version").is_some(),
        "valgrind counts the instructions and is not installed; the package is `valgrind`, as in `apt-get install valgrind`"
    );
    println!("installing the package valgrind");
    run(layout, Command::new("apt-get").args(["update", "--quiet"]))?;
    let install = ["install", "--quiet", "--yes", "--no-install-recommends", "valgrind"];
    run(layout, Command::new("apt-get").args(install).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// A folder that holds the stand-in `nvcc`.
pub(crate) fn nvcc_folder(layout: &Layout) -> Result<PathBuf> {
    let folder = layout.target.join("tools").join("nvcc-stand-in").join("bin");
    std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    write_script(&folder.join("nvcc"), NVCC_STAND_IN)?;
    Ok(folder)
}

/// Writes a program. Only when it differs, so that cargo does not see a new compiler every time.
pub(crate) fn write_script(path: &Path, text: &str) -> Result<()> {
    if std::fs::read_to_string(path).ok().as_deref() == Some(text) {
        return Ok(());
    }
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    make_executable(path)
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let permissions = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path, permissions).with_context(|| format!("chmod {}", path.display()))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stand_in_answers_and_leaves_empty_outputs() {
        let folder = std::env::temp_dir().join(format!("nvcc-stand-in-{}", std::process::id()));
        let layout = Layout { root: folder.clone(), target: folder.clone(), crates: Vec::new() };
        let nvcc = nvcc_folder(&layout).expect("a folder").join("nvcc");
        let version = Command::new(&nvcc).arg("--version").output().expect("it runs");
        assert!(String::from_utf8_lossy(&version.stdout).contains("release 13.0"));
        let object = folder.join("a.o");
        run(&layout, Command::new(&nvcc).args(["-c", "-o"]).arg(&object).arg("a.cu")).expect("-c");
        let ptx = ["--ptx", "--output-directory"];
        run(&layout, Command::new(&nvcc).args(ptx).arg(&folder).arg("x/b.cu")).expect("--ptx");
        assert_eq!(std::fs::read(object).expect("an object"), b"");
        assert_eq!(std::fs::read(folder.join("b.ptx")).expect("a text"), b"");
        std::fs::remove_dir_all(folder).expect("it was made above");
    }
}
