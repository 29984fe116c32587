//! Rules and properties of settlement, through its public face.

mod assignment;
mod delivery;
mod hours;
mod ledger;
mod margin;
mod shortfall;
mod variation;
mod world;
