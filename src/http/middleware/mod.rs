//! CORS, and headers for privacy.

pub mod cors;
pub mod deadline;
pub mod private;
