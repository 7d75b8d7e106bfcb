//! The API. Handlers extract, call and map; there is no query, no rule and no loop in here.

mod extract;
mod middleware;
mod pending_subscriptions;
mod response;
mod router;
mod routes;
pub mod server;
mod state;

pub use extract::Tokens;
pub use middleware::TableSessions;
pub use pending_subscriptions::PendingSubscriptions;
pub use response::ApiError;
pub use router::routes;
pub use state::{AppState, DebugConsole, PublicSettings};
