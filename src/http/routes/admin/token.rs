//! The token that an administrator uses.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::extract::{Administrator, NoAbility};
use crate::http::response::{self, iso8601};
use crate::http::schema as doc;
use crate::store::admin_tokens::{AdminAbility, AdminToken};

#[derive(Serialize, ToSchema)]
#[schema(as = AdminToken)]
struct AdminTokenBody {
    id: i64,
    name: String,
    #[schema(value_type = Vec<doc::AdminAbility>)]
    abilities: Vec<&'static str>,
    /// Ranges that it may be used from. Empty: from everywhere.
    #[schema(example = json!(["192.0.2.0/24"]))]
    addresses: Vec<String>,
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
    /// Null: it does not expire.
    #[schema(value_type = Option<doc::Timestamp>)]
    expires_at: Option<String>,
}

impl From<AdminToken> for AdminTokenBody {
    fn from(token: AdminToken) -> Self {
        Self {
            id: token.id,
            name: token.name,
            abilities: token.abilities.iter().map(AdminAbility::name).collect(),
            addresses: token.addresses.iter().map(ToString::to_string).collect(),
            created_at: iso8601(token.created_at),
            expires_at: token.expires_at.map(iso8601),
        }
    }
}

/// Returns the token of this request, without its secret.
#[utoipa::path(
    get,
    path = "/api/admin/token",
    operation_id = "getAdminToken",
    tag = "Administration",
    security(("token" = [])),
    responses((status = 200, description = "Success", body = doc::Success<AdminTokenBody>)),
)]
pub async fn get(administrator: Administrator<NoAbility>) -> HttpResponse {
    let data = AdminTokenBody::from(administrator.token);
    response::ok("Token retrieved successfully", data)
}
