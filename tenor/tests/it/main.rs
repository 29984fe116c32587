//! The real binary, from outside.

mod commands;
mod demo;
mod jobs;
mod kill;
mod ledger;

mod reporters;
mod running;
mod tape;
