//! Rules and properties of settlement, through its public face.

mod assignment;
mod delivery;
mod exercise;
mod ledger;
mod margin;
mod shortfall;
mod variation;
mod world;
