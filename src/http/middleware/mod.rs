//! Sessions and the protection of cookies.

pub mod cors;
pub mod csrf;
pub mod session_store;

pub use session_store::TableSessions;
