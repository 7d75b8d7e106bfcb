//! Tokens that users create for their programs, with some abilities and an end.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::market_data::Query;
use crate::auth::{Abilities, Ability, ApiToken, SignedIn, TokenRequest};
use crate::http::extract::{AuthenticatedUser, Input, Validator};
use crate::http::paging::{self, List, read_parameters};
use crate::http::response::{self, ApiError, ErrorCode, iso8601};
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::store::{from_unix_micros, now};

const MAX_NAME_CHARS: usize = 255;
const ABILITIES: [(&str, Ability); 3] = [
    (Ability::Read.name(), Ability::Read),
    (Ability::Trade.name(), Ability::Trade),
    (Ability::Account.name(), Ability::Account),
];

#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
struct TokenBody {
    id: i64,
    name: String,
    #[schema(value_type = Vec<doc::Ability>)]
    abilities: Vec<&'static str>,
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
    /// Null: it does not expire.
    #[schema(value_type = Option<doc::Timestamp>)]
    expires_at: Option<String>,
    /// To the minute. Null: never.
    #[schema(value_type = Option<doc::Timestamp>)]
    last_used_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CreatedToken)]
struct CreatedBody {
    /// Shown once.
    token: String,
    #[serde(flatten)]
    details: TokenBody,
}

impl From<ApiToken> for TokenBody {
    fn from(token: ApiToken) -> Self {
        let ApiToken { id, name, abilities, created_at, expires_at, last_used_at } = token;
        Self {
            id,
            name,
            abilities: abilities.iter().map(Ability::name).collect(),
            created_at: iso8601(created_at),
            expires_at: expires_at.map(iso8601),
            last_used_at: last_used_at.map(iso8601),
        }
    }
}

/// Creates a token with some abilities.
#[utoipa::path(
    post,
    path = "/api/tokens",
    operation_id = "createToken",
    tag = "Sign-in",
    request_body = doc::NewToken,
    responses((
        status = 201,
        description = "Success",
        body = doc::Success<CreatedBody>,
        links(
            ("RevokeToken" = (
                operation_id = "revokeToken",
                parameters(("id" = "$response.body#/data/id")),
            )),
        ),
    )),
)]
pub async fn create(
    user: AuthenticatedUser,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let request = read_request(&input)?;
    // Otherwise a token could give itself what its user has withheld from it.
    if let Some(ability) = request.abilities.iter().find(|a| !user.abilities.contains(*a)) {
        let message = format!("A token without the ability {} cannot grant it.", ability.name());
        return Err(ApiError::refused(ErrorCode::MissingAbility, message));
    }
    let AuthenticatedUser { id, sign_in, abilities } = user;
    let creator = SignedIn { user: id, sign_in, abilities };
    let (token, text) = state.auth.create_token(creator, request).await?;
    let data = CreatedBody { token: text, details: token.into() };
    Ok(response::created("Token created successfully", data))
}

fn read_request(input: &Input) -> Result<TokenRequest, ApiError> {
    let mut validator = Validator::of(input);
    let name = validator.text("name", MAX_NAME_CHARS);
    let abilities = validator.some_of("abilities", &ABILITIES);
    let mut expires_at = None;
    if !input.is_missing("expires_at") {
        let time = validator.time("expires_at").map(from_unix_micros).transpose()?;
        if time.is_some_and(|time| time <= now()) {
            validator.fail("expires_at", "The expires at field must be in the future.");
        }
        expires_at = time;
    }
    let (name, abilities) = validator.finish((name, abilities))?;
    let abilities: Abilities = abilities.into_iter().collect();
    Ok(TokenRequest { name, abilities, expires_at })
}

/// Lists the user's tokens.
#[utoipa::path(
    get,
    path = "/api/tokens",
    operation_id = "listTokens",
    tag = "Sign-in",
    responses((status = 200, description = "Success", body = doc::Success<Vec<TokenBody>>)),
    params(doc::Page),
)]
pub async fn list(
    user: AuthenticatedUser,
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let page = read_parameters(query.into_inner(), List::Tokens, state.list_cap)?;
    // A user has few tokens.
    let mut tokens = state.auth.tokens(user.id).await?;
    tokens.retain(|token| {
        page.before.is_none_or(|before| token.id < before)
            && page.from.is_none_or(|from| token.created_at >= from)
            && page.to.is_none_or(|to| token.created_at < to)
    });
    let page = page.cut(tokens, |token| token.id);
    let rows = page.rows.into_iter().map(TokenBody::from).collect();
    let message = "Tokens retrieved successfully";
    paging::respond(&request, List::Tokens, message, rows, page.next)
}

/// Revokes a token.
#[utoipa::path(
    delete,
    path = "/api/tokens/{id}",
    operation_id = "revokeToken",
    tag = "Sign-in",
    params(doc::ById),
    responses((status = 200, description = "Success", body = doc::Done)),
)]
pub async fn revoke(
    user: AuthenticatedUser,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let not_found = || ApiError::refused(ErrorCode::TokenNotFound, "Token not found.");
    let id: i64 = id.parse().map_err(|_| not_found())?;
    if state.auth.revoke_token(user.id, id).await? {
        Ok(response::done("Token revoked successfully"))
    } else {
        Err(not_found())
    }
}
