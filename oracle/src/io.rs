//! What the pure index does not need: signatures, and reporters that agree on what they sign.

#[cfg(feature = "sign")]
pub mod reporter;
#[cfg(feature = "sign")]
pub mod sign;
