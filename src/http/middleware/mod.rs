//! Compression, CORS, the deadline, the id and the measures of each request, problems, limits, the
//! area of administrators, the demo's audience, and headers for privacy.

pub mod admin_area;
pub mod audience;
pub mod compression;
pub mod cors;
pub mod deadline;
pub mod measure;
pub mod private;
pub mod problem;
pub mod rate_limits;
pub mod request_id;
