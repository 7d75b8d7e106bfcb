//! Extractors: the authenticated user, and the fields of the body with their validation.

mod authenticated_user;
mod input;
mod number;
mod validator;

pub use authenticated_user::AuthenticatedUser;
pub use input::{Input, RawBody};
pub use validator::{SIDES, Validator};
