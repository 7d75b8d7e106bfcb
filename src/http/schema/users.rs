//! The bodies and parameters of the requests of administrators about users.
#![expect(dead_code, reason = "only their schemas are used")]

use utoipa::{IntoParams, ToSchema};

use super::formats::{Flag, RequiredText};
use super::words::UserStatus;

/// A user to be created by an administrator.
#[derive(ToSchema)]
#[schema(example = json!({ "name": "Erin", "email": "erin@example.com" }))]
pub struct NewManagedUser {
    name: RequiredText,
    #[schema(max_length = 255, format = Email)]
    email: String,
}

/// How a user is frozen.
#[derive(ToSchema)]
#[schema(example = json!({ "cancel_orders": true, "reason": "Reported as stolen" }))]
pub struct Freeze {
    /// Also cancels the open orders of the user, in all markets.
    cancel_orders: Option<Flag>,
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// Why the status of a user is changed.
#[derive(ToSchema)]
#[schema(example = json!({ "reason": "Identity confirmed" }))]
pub struct StatusChange {
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UserSearch {
    /// The id of a user, or the beginning of the e-mail address or the name, in any case.
    #[param(max_length = 255, required = false)]
    search: String,
    #[param(inline, required = false)]
    status: UserStatus,
}
