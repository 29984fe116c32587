//! What the pure index does not need: signatures.

#[cfg(feature = "sign")]
pub mod sign;
