//! Worlds that must hold together.

mod worlds;
