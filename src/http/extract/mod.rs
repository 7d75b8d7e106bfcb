//! Extractors: the authenticated user or administrator, and the fields of the body with their
//! validation.

mod administrator;
mod authenticated_user;
mod input;
mod number;
mod validator;

pub use administrator::{
    Administrator, Funds, Markets, NoAbility, Read, Users, verify as verify_administrator,
};
pub use authenticated_user::AuthenticatedUser;
pub use input::{Input, RawBody};
pub use validator::{SIDES, Validator};
