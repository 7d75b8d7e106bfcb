//! The API, the engine and the publisher through their public borders, on both databases.

#[path = "../support/mod.rs"]
mod support;

mod check;
mod crash;
mod engine;
#[cfg(feature = "postgres-tests")]
mod lost_database;
mod outages;
mod outbox;
mod parallel;
#[cfg(feature = "postgres-tests")]
mod processes;
mod scenario;
mod secrets;
