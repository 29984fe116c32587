//! The workspace as `cargo metadata` sees it: members, where they lie, and what each depends on.

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, MetadataCommand};
use std::path::PathBuf;

/// The workspace and its members.
pub(crate) struct Layout {
    /// The directory of the root manifest.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// The members, in the order of the root manifest.
    pub(crate) crates: Vec<Crate>,
}

/// One member.
#[derive(Debug, Clone)]
pub(crate) struct Crate {
    /// Its package name.
    pub(crate) name: String,
    /// Its folder, relative to the root.
    pub(crate) dir: String,
    /// Its direct dependencies of every kind.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One direct dependency as written in a manifest.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    /// The package's name.
    pub(crate) name: String,
    /// The name under which the source refers to it.
    pub(crate) imported_as: String,
    /// Normal, development or build.
    pub(crate) kind: DependencyKind,
    /// Behind a feature.
    pub(crate) is_optional: bool,
}

impl Layout {
    /// Reads the manifests; resolves nothing and needs no network.
    pub(crate) fn find() -> Result<Self> {
        let metadata = MetadataCommand::new().no_deps().exec().context("cargo metadata")?;
        let root = metadata.workspace_root.as_std_path().to_path_buf();
        let mut crates = Vec::new();
        for package in metadata.workspace_packages() {
            let dir = package.manifest_path.parent().context("a manifest has a folder")?;
            crates.push(Crate {
                name: package.name.to_string(),
                dir: dir.strip_prefix(&metadata.workspace_root)?.to_string(),
                dependencies: package.dependencies.iter().map(Dependency::of).collect(),
            });
        }
        Ok(Self { root, target: metadata.target_directory.into_std_path_buf(), crates })
    }
}

impl Dependency {
    fn of(declared: &cargo_metadata::Dependency) -> Self {
        Self {
            name: declared.name.clone(),
            imported_as: declared.rename.as_ref().unwrap_or(&declared.name).replace('-', "_"),
            kind: declared.kind,
            is_optional: declared.optional,
        }
    }
}
