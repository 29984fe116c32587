//! The server on a real socket in front of a real venue in a fresh directory, asked by real clients.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod accounts;
mod agreements;
mod api_keys;
mod auth;
mod bad_input;
mod books;
mod check;
mod clearing;
mod curve_desk;
mod default_fund;
mod delivery;
mod disconnects;
mod documentation;
mod examples;
mod fates;
mod faulty_wire;
mod fixings;
mod jobs;
mod limits;
mod limits_crowd;
mod limits_hostile;
mod limits_rates;
mod logins;
mod margin;
mod ops;
mod option_desk;
mod orders;
mod over_http;
mod past;
mod quotes;
mod settled;
mod slow_consumer;
mod specs;
mod stand;
mod stock_channels;
mod story;
mod streams;
mod surface;
mod wallets;
