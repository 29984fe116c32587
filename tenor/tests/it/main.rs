//! The real binary, from outside.

mod admin;
mod auth;
mod commands;
mod delivery;
mod demo;
mod jobs;
mod kill;
mod ledger;
mod proxy;
mod reporters;
mod running;
mod tape;
mod worker;
