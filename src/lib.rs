//! matchcast: a trading backend that publishes every trade to both counterparties over Pusher
//! Channels.

pub mod app;
pub mod auth;
pub mod cli;
mod client_address;
pub mod config;
mod deadline;
mod demo;
pub mod engine;
pub mod events;
pub mod http;
pub mod market;
pub mod market_data;
mod outage;
pub mod provider;
pub mod publisher;
pub mod pusher;
mod request_id;
pub mod store;
pub mod telemetry;
pub mod webhooks;
