//! `cargo xtask tidy`: the house rules that neither rustc nor clippy knows.
//!
//! Reads the manifests and the tree once, resolves nothing, builds nothing, and stays below three seconds.

mod docs;
mod edges;
mod purity;
mod sizes;
mod words;

pub(crate) use edges::PURE;

use crate::layout::Layout;
use crate::rules;
use crate::tree::{Finding, Tree};
use anyhow::{Result, ensure};

/// Runs every check and prints what they found.
pub(crate) fn run(layout: &Layout) -> Result<()> {
    let tree = Tree::read(&layout.root)?;
    let mut findings = check(layout, &tree);
    findings.sort();
    findings.dedup();
    for finding in &findings {
        println!("{finding}");
    }
    for finding in sizes::above_soft_limit(&tree) {
        println!("warning: {finding}");
    }
    ensure!(findings.is_empty(), "tidy: {} findings", findings.len());
    println!(
        "tidy: {} files, {} of them Rust, {} crates: in order",
        tree.files.len(),
        tree.sources.len(),
        layout.crates.len()
    );
    Ok(())
}

fn check(layout: &Layout, tree: &Tree) -> Vec<Finding> {
    [
        edges::between_crates(&layout.crates),
        edges::external_of_pure_crates(&layout.crates),
        edges::never_named(&layout.crates, tree),
        purity::check(tree),
        sizes::check(tree),
        words::check(tree),
        docs::check(layout, tree),
        rules::Book::read(tree).1,
    ]
    .into_iter()
    .flatten()
    .collect()
}
