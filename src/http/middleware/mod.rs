//! Sessions, their CSRF protection, and CORS.

pub mod cors;
pub mod csrf;
pub mod session_store;
