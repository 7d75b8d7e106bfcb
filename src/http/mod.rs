//! The API. Handlers extract, call and map to a response; queries, rules and decisions are in other
//! modules.

mod client_info;
mod conditional;
mod csv;
mod encoding;
mod extract;
mod idempotency;
mod middleware;
mod openapi;
mod paging;
mod pending_subscriptions;
mod readiness;
mod reads;
mod rendered_book;
mod response;
mod router;
mod routes;
mod schema;
pub mod server;
mod session;
mod state;
mod throttle;

pub use openapi::document as openapi_document;
pub use pending_subscriptions::PendingSubscriptions;
pub use readiness::Readiness;
pub use reads::Reads;
pub use response::{AdjustmentBody, AdminWithdrawalBody};
pub use session::BrowserSessions;
pub use state::{AppState, DebugConsole, DemoTraders, PublicSettings, Webhooks};
pub use throttle::Throttles;
