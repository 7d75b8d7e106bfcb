//! matchcast: a trading backend whose users hear of their trades at once.

pub mod app;
pub mod config;
pub mod engine;
pub mod exact;
pub mod feed;
pub mod http;
pub mod market;
pub mod publisher;
pub mod pusher;
pub mod store;
pub mod telemetry;
pub mod times;
