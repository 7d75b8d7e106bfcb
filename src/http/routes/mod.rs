//! The handlers, one file per resource.

pub mod accounts;
pub mod admin;
pub mod auth;
pub mod broadcasting;
pub mod cancel_all;
pub mod csrf_cookie;
pub mod dashboard;
pub mod debug;
pub mod demo;
pub mod errors;
mod fields;
pub mod health;
pub mod market_data;
pub mod markets;
pub mod my_trades;
mod new_order;
pub mod orders;
pub mod preview;
pub mod provider_webhook;
pub mod sessions;
pub mod settings;
pub mod tokens;
mod trade_tag;
mod webhook_bodies;
pub mod webhooks;
pub mod withdrawals;
