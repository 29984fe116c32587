//! What the pure index does not need: bodies of venues and how they are read, signatures, reporters that agree on what they sign, and what is kept on disk. No clock is read: every
//! instant comes from the caller.

#[cfg(feature = "adapters")]
pub mod feeds;
#[cfg(feature = "sign")]
pub mod reporter;
#[cfg(feature = "sign")]
pub mod sign;
#[cfg(feature = "tape")]
pub mod tape;
