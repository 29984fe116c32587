//! Worlds that must hold together, and an auditor who must see what does not.

mod stream;
mod tampering;
mod worlds;
