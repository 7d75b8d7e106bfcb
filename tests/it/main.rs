//! The API, the engine and the publisher through their public interfaces, on both databases.

#![expect(clippy::unwrap_used, reason = "tests and their helpers may panic")]

#[path = "../support/mod.rs"]
mod support;

mod access;
mod adjustments;
mod admin_access;
mod admin_crashes;
mod admin_deposits;
mod admin_exports;
mod admin_lists;
mod admin_log;
mod admin_operation;
mod admin_reports;
#[cfg(feature = "postgres-tests")]
mod admin_steps;
mod admin_tokens;
mod admin_users;
mod admin_users_orders;
mod admin_users_races;
mod backup;
mod bad_input;
mod book_sync;
mod broadcasting;
mod cancel_all;
mod changed_orders;
mod channel_patterns;
mod check;
mod cli;
mod client_order_ids;
mod compression;
mod concurrency;
mod consistency;
mod crash;
mod crash_retries;
mod dashboard;
mod deadlines;
mod debug;
mod demo_traders;
mod demo_traffic;
mod edges_http;
mod engine;
mod engine_lanes;
mod entity_tags;
mod errors;
mod events;
mod events_batch;
mod events_book;
mod events_pages;
#[cfg(feature = "postgres-tests")]
mod events_processes;
mod failure_diagnosis;
mod faults;
mod golden;
mod idempotency;
mod junk;
mod lanes;
mod leases;
mod listings;
mod log_ins;
mod long_outage;
#[cfg(feature = "postgres-tests")]
mod lost_database;
mod malformed_requests;
mod market_data;
mod market_status;
mod matched_shape;
mod measures;
mod memory;
mod my_trades;
mod one_time_passwords;
mod openapi;
mod order_types;
mod outage_log;
mod outages;
mod outbox;
mod paging;
mod payment_service;
#[cfg(feature = "postgres-tests")]
#[cfg(feature = "pgbouncer-tests")]
mod pooling;
#[cfg(feature = "postgres-tests")]
mod postgres_errors;
mod processes;
mod provider_webhooks;
mod pruning;
mod rate_limits;
#[cfg(feature = "postgres-tests")]
mod replicas;
mod request_ids;
#[cfg(feature = "postgres-tests")]
mod round_trips;
#[cfg(feature = "postgres-tests")]
mod round_trips_of_reads;
mod scenario;
mod secrets;
mod sessions;
mod sessions_on_demand;
mod shared_reads;
mod shared_shards;
mod sign_ins;
#[cfg(feature = "postgres-tests")]
mod takeover;
mod token_cache;
mod tokens;
mod torture_faults;
mod torture_faults_clients;
#[cfg(feature = "postgres-tests")]
mod torture_faults_database;
mod torture_faults_disk;
#[cfg(feature = "postgres-tests")]
mod torture_faults_market;
#[cfg(feature = "postgres-tests")]
mod torture_faults_servers;
mod waiting_orders;
mod webhooks;
mod withdrawals;
