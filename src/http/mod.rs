//! The API. Handlers extract, call and map; there is no query, no rule and no loop in here.

mod extract;
mod middleware;
mod response;
mod router;
mod routes;
pub mod server;
mod state;

pub use extract::Tokens;
pub use middleware::TableSessions;
pub use response::ApiError;
pub use router::routes;
pub use routes::{DebugConsole, Expectations, PublicSettings};
pub use state::Services;
