//! The API, the engine and the publisher through their public borders, on both databases.

#[path = "../support/mod.rs"]
mod support;

mod check;
mod engine;
#[cfg(feature = "postgres-tests")]
mod lost_database;
mod outages;
mod parallel;
mod scenario;
