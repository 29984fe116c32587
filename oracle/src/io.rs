//! What reaches the world: bodies of venues and how they are read. Each part stands behind a feature; the pure part never imports it.

#[cfg(feature = "adapters")]
pub mod feeds;
