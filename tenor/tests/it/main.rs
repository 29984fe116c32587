//! The real binary, from outside.

mod commands;
mod demo;
mod kill;
mod running;
