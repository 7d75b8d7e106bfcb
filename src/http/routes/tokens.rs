//! Tokens that users create for their programs, with some abilities and an end.

use actix_web::{HttpResponse, web};
use serde::Serialize;

use crate::auth::{Abilities, Ability, ApiToken, SignedIn, TokenRequest};
use crate::http::extract::{AuthenticatedUser, Input, Validator};
use crate::http::response::{self, ApiError, ErrorCode, iso8601};
use crate::http::state::AppState;
use crate::store::{from_unix_micros, now};

const MAX_NAME_CHARS: usize = 255;
const ABILITIES: [(&str, Ability); 3] = [
    (Ability::Read.name(), Ability::Read),
    (Ability::Trade.name(), Ability::Trade),
    (Ability::Account.name(), Ability::Account),
];

#[derive(Serialize)]
struct TokenBody {
    id: i64,
    name: String,
    abilities: Vec<&'static str>,
    created_at: String,
    /// Null: it does not expire.
    expires_at: Option<String>,
    /// To the minute. Null: never.
    last_used_at: Option<String>,
}

#[derive(Serialize)]
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

/// `POST /tokens {name, abilities, expires_at?}`
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

/// `GET /tokens`
pub async fn list(
    user: AuthenticatedUser,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tokens = state.auth.tokens(user.id).await?;
    let rows: Vec<TokenBody> = tokens.into_iter().map(TokenBody::from).collect();
    Ok(response::ok("Tokens retrieved successfully", rows))
}

/// `DELETE /tokens/{id}`
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
