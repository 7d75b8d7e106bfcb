//! Sessions, their CSRF protection, CORS, and headers for privacy.

pub mod cors;
pub mod csrf;
pub mod deadline;
pub mod private;
pub mod session_store;
