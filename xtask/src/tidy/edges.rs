//! Who may depend on whom. The table is exact: an edge that is missing from it fails, and so does one that nobody uses.

use crate::layout::{Crate, Dependency};
use crate::source::Kind;
use crate::tree::{Finding, Tree};
use cargo_metadata::DependencyKind;
use std::collections::BTreeSet;

/// `instruments <- {matching-engine | oracle | settlement} <- exchange <- api <- {delivery-agent, sim} <- tenor, benches`.
const EDGES: [(&str, &[&str]); 12] = [
    ("instruments", &[]),
    ("matching-engine", &["instruments"]),
    ("oracle", &["instruments"]),
    ("settlement", &["instruments"]),
    ("exchange", &["instruments", "matching-engine", "oracle", "settlement"]),
    ("api", &["exchange", "instruments", "matching-engine", "oracle", "settlement"]),
    ("exact-product", &[]),
    ("delivery-agent", &["api", "exact-product", "exchange", "instruments", "settlement"]),
    ("sim", &["exchange", "instruments", "matching-engine", "oracle", "settlement"]),
    (
        "tenor",
        &[
            "api",
            "delivery-agent",
            "exchange",
            "instruments",
            "matching-engine",
            "oracle",
            "settlement",
            "sim",
        ],
    ),
    (
        "benches",
        &[
            "api",
            "delivery-agent",
            "exchange",
            "instruments",
            "matching-engine",
            "oracle",
            "settlement",
        ],
    ),
    ("xtask", &[]),
];

/// The crates that are functions of their input, and so replay.
pub(crate) const PURE: [&str; 5] =
    ["instruments", "matching-engine", "oracle", "settlement", "exchange"];

/// What a pure crate may depend on: numbers, bytes, hashes, errors.
const PURE_MAY_USE: [&str; 4] = ["blake3", "borsh", "rust_decimal", "thiserror"];

/// What its `src/io` may use besides, behind a feature.
const PURE_IO_MAY_USE: [&str; 8] = [
    "crc32c",
    "ethers-contract",
    "ethers-core",
    "ethers-signers",
    "serde",
    "serde_json",
    "sled",
    "ureq",
];

/// Compares the edges between our crates with the table.
pub(super) fn between_crates(crates: &[Crate]) -> Vec<Finding> {
    let ours: BTreeSet<&str> = crates.iter().map(|member| member.name.as_str()).collect();
    let mut findings = Vec::new();
    for member in crates {
        let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == member.name) else {
            let message = format!("crate {} is not in the table of edges", member.name);
            findings.push(Finding::new("xtask/src/tidy/edges.rs", 0, message));
            continue;
        };
        let manifest = format!("{}/Cargo.toml", member.dir);
        let used: BTreeSet<&str> = member
            .dependencies
            .iter()
            .map(|dependency| dependency.name.as_str())
            .filter(|name| ours.contains(name))
            .collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        for name in used.difference(&allowed) {
            let message = format!("{} may not depend on {name}", member.name);
            findings.push(Finding::new(&manifest, 0, message));
        }
        for name in allowed.difference(&used) {
            let message = format!("the edge to {name} is in the table but not in the manifest");
            findings.push(Finding::new(&manifest, 0, message));
        }
    }
    for (name, _) in EDGES.iter().filter(|(name, _)| !ours.contains(name)) {
        let message = format!("the table of edges names {name}, which is no member");
        findings.push(Finding::new("xtask/src/tidy/edges.rs", 0, message));
    }
    findings
}

/// Pure crates name no crate that does I/O, and none behind our back in a build script.
pub(super) fn external_of_pure_crates(crates: &[Crate]) -> Vec<Finding> {
    let ours = |name: &str| crates.iter().any(|member| member.name == name);
    let may_use = |dependency: &Dependency| match dependency.kind {
        DependencyKind::Normal if dependency.is_optional => {
            PURE_MAY_USE.contains(&dependency.name.as_str())
                || PURE_IO_MAY_USE.contains(&dependency.name.as_str())
        }
        DependencyKind::Normal => {
            PURE_MAY_USE.contains(&dependency.name.as_str()) || ours(&dependency.name)
        }
        DependencyKind::Development => true,
        DependencyKind::Build | DependencyKind::Unknown => false,
    };
    let mut findings = Vec::new();
    for member in crates.iter().filter(|member| PURE.contains(&member.name.as_str())) {
        for dependency in member.dependencies.iter().filter(|it| !may_use(it)) {
            let message =
                format!("{} is pure and may not depend on {}", member.name, dependency.name);
            findings.push(Finding::new(&format!("{}/Cargo.toml", member.dir), 0, message));
        }
    }
    findings
}

/// A dependency that no line of the crate names is taken out.
pub(super) fn never_named(crates: &[Crate], tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in crates {
        let inside = format!("{}/", member.dir);
        let words: BTreeSet<&str> = tree
            .sources
            .iter()
            .filter(|source| source.path.starts_with(&inside))
            .flat_map(|source| source.tokens.iter().map(move |token| (source, token)))
            .filter(|(_, token)| token.kind == Kind::Word)
            .map(|(source, token)| source.text_of(token))
            .collect();
        for dependency in &member.dependencies {
            if !words.contains(dependency.imported_as.as_str()) {
                let message = format!("{} is declared and never named", dependency.name);
                findings.push(Finding::new(&format!("{inside}Cargo.toml"), 0, message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(name: &str) -> Dependency {
        Dependency {
            name: name.to_owned(),
            imported_as: name.replace('-', "_"),
            kind: DependencyKind::Normal,
            is_optional: false,
        }
    }

    fn workspace() -> Vec<Crate> {
        let member = |(name, edges): &(&str, &[&str])| Crate {
            name: (*name).to_owned(),
            dir: (*name).to_owned(),
            dependencies: edges.iter().map(|edge| on(edge)).collect(),
        };
        EDGES.iter().map(member).collect()
    }

    fn member<'a>(crates: &'a mut [Crate], name: &str) -> &'a mut Crate {
        crates.iter_mut().find(|member| member.name == name).expect("a member")
    }

    #[test]
    fn the_table_itself_passes() {
        assert_eq!(between_crates(&workspace()), []);
        assert_eq!(external_of_pure_crates(&workspace()), []);
    }

    #[test]
    fn siblings_never_import_each_other_even_for_tests() {
        let mut crates = workspace();
        let edge = Dependency { kind: DependencyKind::Development, ..on("oracle") };
        member(&mut crates, "settlement").dependencies.push(edge);
        let findings = between_crates(&crates);
        assert_eq!(findings[0].message, "settlement may not depend on oracle");
        assert_eq!(findings.len(), 1);
    }

    #[test]
    fn an_edge_that_nobody_uses_leaves_the_table() {
        let mut crates = workspace();
        member(&mut crates, "api").dependencies.retain(|edge| edge.name != "oracle");
        assert_eq!(between_crates(&crates).len(), 1);
    }

    #[test]
    fn a_new_crate_and_a_lost_crate_are_seen() {
        let mut crates = workspace();
        member(&mut crates, "sim").name = "simulation".to_owned();
        let findings = between_crates(&crates);
        assert!(findings.iter().any(|it| it.message.contains("simulation is not in the table")));
        assert!(findings.iter().any(|it| it.message.contains("names sim, which is no member")));
    }

    #[test]
    fn a_pure_crate_uses_disk_only_behind_a_feature() {
        let mut crates = workspace();
        member(&mut crates, "exchange").dependencies.push(on("sled"));
        assert_eq!(external_of_pure_crates(&crates).len(), 1);
        let mut crates = workspace();
        let sled = Dependency { is_optional: true, ..on("sled") };
        member(&mut crates, "exchange").dependencies.push(sled);
        assert_eq!(external_of_pure_crates(&crates), []);
        let tokio = Dependency { is_optional: true, ..on("tokio") };
        member(&mut crates, "exchange").dependencies.push(tokio);
        assert_eq!(external_of_pure_crates(&crates).len(), 1);
    }

    #[test]
    fn a_dependency_named_only_in_a_comment_is_unused() {
        let mut crates = workspace();
        crates.retain(|member| member.name == "oracle");
        let tree = Tree::of(&[("oracle/src/lib.rs", "//! instruments\n")]);
        assert_eq!(never_named(&crates, &tree).len(), 1);
        let tree = Tree::of(&[("oracle/src/lib.rs", "//! h\nuse instruments::Price;\n")]);
        assert_eq!(never_named(&crates, &tree), []);
    }
}
