//! Extractors: who is asking, and what was sent.

mod authenticated_user;
mod input;
mod validator;

pub use authenticated_user::{AuthenticatedUser, IssuedToken, Tokens};
pub use input::{Input, RawBody};
pub use validator::Validator;
