//! The real binary, from outside.

mod commands;
mod demo;
mod kill;
mod ledger;

mod reporters;
mod running;
mod tape;
mod worker;
