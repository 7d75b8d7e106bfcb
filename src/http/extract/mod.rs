//! Extractors: who is asking, and what was sent.

mod authenticated_user;
mod input;

pub use authenticated_user::{Caller, Issued, Tokens};
pub use input::{Input, RawBody, Rules};
