//! What the pure index does not need: signatures, reporters that agree on what they sign, and what is kept on disk. No clock is read: every
//! instant comes from the caller.

#[cfg(feature = "sign")]
pub mod reporter;
#[cfg(feature = "sign")]
pub mod sign;
#[cfg(feature = "tape")]
pub mod tape;
