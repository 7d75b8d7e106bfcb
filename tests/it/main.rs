//! The API, the engine and the publisher through their public borders, on both databases.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, its helpers too")]

#[path = "../support/mod.rs"]
mod support;

mod access;
mod bad_input;
mod broadcasting;
mod cheap;
mod check;
mod cli;
mod consistency;
mod crash;
mod dashboard;
mod deadlines;
mod debug;
mod engine;
mod events;
mod events_batch;
mod events_book;
mod events_pages;
#[cfg(feature = "postgres-tests")]
mod events_processes;
mod failure_diagnosis;
mod faults;
mod golden;
mod hostile;
mod lanes;
mod long_outage;
#[cfg(feature = "postgres-tests")]
mod lost_database;
mod memory;
mod outages;
mod outbox;
mod parallel;
#[cfg(feature = "postgres-tests")]
mod processes;
mod scenario;
mod secrets;
mod sessions;
mod sign_ins;
#[cfg(feature = "postgres-tests")]
mod takeover;
mod webhooks;
