//! The API, the engine and the publisher through their public borders, on both databases.

#[path = "../support/mod.rs"]
mod support;

mod parallel;
mod scenario;
