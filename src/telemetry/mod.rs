//! Logs and metrics of the process.

mod dependencies;
mod log;
mod metrics;

pub use log::{ACCESS_LOG, start_log};
pub use metrics::{run_upkeep, start_metrics};
