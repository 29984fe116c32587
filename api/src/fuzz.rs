//! Everything that a stranger can send to a server or to a client is read without a panic, whatever it is.
//!
//! Each test runs a bounded number of random inputs and every input kept under `__fuzz__`; `cargo xtask fuzz` runs the same tests for as
//! long as one likes, guided by which code an input reaches.

mod calls;
mod decoders;
