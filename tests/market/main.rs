//! The market's rules, without a database: each rule as a scenario, and what must always hold as
//! properties against a model that is written differently.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, its helpers too")]

mod naive;
mod properties;
mod scenarios;
mod scenarios_money;
mod script;
mod sequence;
mod world;
