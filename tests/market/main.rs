//! Tests of the market's rules without a database: scenarios for each rule, and property tests that
//! check invariants and compare the market with a second, naive implementation.

#![expect(clippy::unwrap_used, reason = "tests and their helpers fail by panicking")]

#[path = "../support/fuzz.rs"]
mod fuzz;
mod fuzz_numbers;
mod loading;
mod naive;
mod properties;
mod published;
mod published_amend;
mod scenarios;
mod scenarios_funds;
mod scenarios_money;
mod scenarios_rules;
mod scenarios_terms;
mod scenarios_waiting;
mod script;
mod sequence;
mod world;
