//! What the oracle keeps on disk. No clock is read: every instant comes from the caller.

pub mod tape;

pub use tape::is_guarded;
