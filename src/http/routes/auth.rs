//! Registering, logging in and out, changing one's password, and who one is.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::auth::Verification;
use crate::events::decimal::DecimalNumber;
use crate::http::extract::{AuthenticatedUser, IssuedToken, Tokens};
use crate::http::extract::{Input, Validator};
use crate::http::middleware::csrf;
use crate::http::middleware::session_store::{self, TableSessions};
use crate::http::response::ApiError;
use crate::http::{AppState, response};
use crate::market::{AssetId, Fixed};
use crate::store::sign_ins::{self, Revoked, SignIn};
use crate::store::users::{self, User};
use crate::store::{StoreError, views};

const MAX_TEXT_CHARS: usize = 255;
const MIN_PASSWORD_CHARS: usize = 8;
/// Beyond it a password is only work for the hash.
const MAX_PASSWORD_CHARS: usize = 1024;
/// How often a log-in is tried whose hash is replaced by another one meanwhile: an outdated hash is
/// replaced once, by the first of several log-ins.
const LOG_IN_ATTEMPTS: usize = 3;

#[derive(Serialize)]
struct UserBody {
    id: i64,
    name: String,
    email: String,
    /// Available USD.
    balance: DecimalNumber,
    email_verified_at: Option<String>,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct LoginBody<'a> {
    token: &'a str,
    user: UserBody,
}

fn user_body(user: User, balance: Fixed) -> UserBody {
    UserBody {
        id: user.id,
        name: user.name,
        email: user.email,
        balance: DecimalNumber(balance),
        email_verified_at: user.email_verified_at.map(response::iso8601),
        created_at: response::iso8601(user.created_at),
        updated_at: response::iso8601(user.updated_at),
    }
}

async fn balance_of(services: &AppState, user: &User) -> Result<Fixed, ApiError> {
    let id = user.user_id();
    let balances = services.store.read(move |c| views::balances(c, id)).await?;
    let quote = services.catalog.quote();
    let held = balances.iter().find(|balance| balance.asset == quote);
    Ok(held.map_or(Fixed::ZERO, |balance| balance.available))
}

/// `POST /login`
pub async fn login(
    input: Input,
    request: HttpRequest,
    session: Session,
    services: web::Data<AppState>,
    tokens: web::Data<Tokens>,
) -> Result<HttpResponse, ApiError> {
    let mut validator = Validator::of(&input);
    let email = validator.text("email", MAX_TEXT_CHARS);
    let password = validator.raw_text("password", MAX_PASSWORD_CHARS);
    validator.finish()?;
    let (email, password) = (email.unwrap_or_default(), password.unwrap_or_default());

    let wrong = || ApiError::invalid("email", "The provided credentials are incorrect.");
    let (user, token) = prove(&services, &tokens, email, password).await?.ok_or_else(wrong)?;
    // A page that has fetched its CSRF token wants a session; everybody gets a bearer token.
    if csrf::is_valid(&session, request.headers()) {
        session_store::log_in(&session, user.user_id(), token.id)?;
    }
    respond(&services, user, &token, StatusCode::OK, "Login successful").await
}

/// The user with this address and a new token, if the password is right.
async fn prove(
    services: &AppState,
    tokens: &Tokens,
    email: String,
    password: String,
) -> Result<Option<(User, IssuedToken)>, ApiError> {
    let email = email.to_lowercase();
    for _ in 0..LOG_IN_ATTEMPTS {
        let wanted = email.clone();
        let user = services.store.read(move |c| users::by_email(c, &wanted)).await?;
        let stored = user.as_ref().and_then(|user| user.password.clone());
        let better = match services.passwords.verify(password.clone(), stored.clone()).await? {
            Verification::Wrong => return Ok(None),
            Verification::Right => None,
            Verification::Outdated(hash) => Some(hash),
        };
        let (Some(user), Some(stored)) = (user, stored) else { return Ok(None) };
        let issued = tokens.issue_for_password(user.user_id(), stored, better).await?;
        if let Some(token) = issued {
            return Ok(Some((user, token)));
        }
    }
    Ok(None)
}

/// `POST /register`
pub async fn register(
    input: Input,
    services: web::Data<AppState>,
    tokens: web::Data<Tokens>,
) -> Result<HttpResponse, ApiError> {
    let mut validator = Validator::of(&input);
    let name = validator.text("name", MAX_TEXT_CHARS);
    let email = validator.text("email", MAX_TEXT_CHARS).map(|email| email.to_lowercase());
    if email.as_deref().is_some_and(|email| !is_email(email)) {
        validator.fail("email", "The email field must be a valid email address.");
    }
    if let Some(email) = email.clone()
        && services.store.read(move |c| users::by_email(c, &email)).await?.is_some()
    {
        validator.fail("email", TAKEN);
    }
    let password = new_password(&mut validator, &input);
    validator.finish()?;
    let (name, email) = (name.unwrap_or_default(), email.unwrap_or_default());

    let hash = services.passwords.hash(password.unwrap_or_default()).await?;
    let assets: Vec<AssetId> = services.catalog.assets.keys().copied().collect();
    let create = move |c: &mut _| users::create(c, &name, &email, &hash, &assets);
    let user = services.store.transact(create).await.map_err(|error| match error {
        // Somebody registered the address between the look and the write.
        StoreError::Duplicate(_) => ApiError::invalid("email", TAKEN),
        error => ApiError::from(error),
    })?;
    let token = tokens.issue(user.user_id()).await?;
    respond(&services, user, &token, StatusCode::CREATED, "Registration successful").await
}

const TAKEN: &str = "The email has already been taken.";

/// A password that is to be set, with its confirmation.
fn new_password(validator: &mut Validator<'_>, input: &Input) -> Option<String> {
    let password = validator.raw_text("password", MAX_PASSWORD_CHARS)?;
    if password.chars().count() < MIN_PASSWORD_CHARS {
        let text = format!("The password field must be at least {MIN_PASSWORD_CHARS} characters.");
        validator.fail("password", text);
    }
    if input.string("password_confirmation") != Some(password.as_str()) {
        validator.fail("password", "The password field confirmation does not match.");
    }
    Some(password)
}

async fn respond(
    services: &AppState,
    user: User,
    token: &IssuedToken,
    status: StatusCode,
    message: &str,
) -> Result<HttpResponse, ApiError> {
    let balance = balance_of(services, &user).await?;
    let data = LoginBody { token: &token.text, user: user_body(user, balance) };
    Ok(response::with_token(status, message, data, &token.text))
}

/// One `@`, something before it, a dot within what follows, no blanks. What is true beyond that
/// only a letter can show.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let no_blank = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let labels = domain.split('.').all(|label| !label.is_empty());
    no_blank && !local.is_empty() && !local.contains('@') && domain.contains('.') && labels
}

/// `POST /logout`: ends what was used to ask, and nothing else; a session goes with the token of
/// its log-in.
pub async fn logout(
    caller: AuthenticatedUser,
    session: Session,
    services: web::Data<AppState>,
    tokens: web::Data<Tokens>,
    sessions: web::Data<TableSessions>,
) -> Result<HttpResponse, ApiError> {
    let AuthenticatedUser { user, sign_in } = caller;
    let by_session = matches!(sign_in, SignIn::Session { .. });
    let log_out = move |c: &mut _| sign_ins::log_out(c, user, &sign_in);
    forget(&tokens, &sessions, services.store.transact(log_out).await?);
    if by_session {
        session.purge();
    }
    Ok(response::done("Successfully logged out"))
}

/// What was revoked through this process is refused by it at once.
fn forget(tokens: &Tokens, sessions: &TableSessions, revoked: Revoked) {
    tokens.forget(revoked.tokens);
    sessions.forget(revoked.sessions);
}

const WRONG_PASSWORD: &str = "The provided password does not match your current password.";

/// `PUT /user/password`: ends everything that the user has signed in with, but for what was used
/// to ask.
pub async fn update_password(
    caller: AuthenticatedUser,
    input: Input,
    services: web::Data<AppState>,
    tokens: web::Data<Tokens>,
    sessions: web::Data<TableSessions>,
) -> Result<HttpResponse, ApiError> {
    let old_hash = current(&services, &caller).await?.password;
    let mut validator = Validator::of(&input);
    if let Some(password) = validator.raw_text("current_password", MAX_PASSWORD_CHARS)
        && services.passwords.verify(password, old_hash.clone()).await? == Verification::Wrong
    {
        validator.fail("current_password", WRONG_PASSWORD);
    }
    let password = new_password(&mut validator, &input);
    validator.finish()?;

    let new_hash = services.passwords.hash(password.unwrap_or_default()).await?;
    let old_hash = old_hash.unwrap_or_default();
    let AuthenticatedUser { user, sign_in } = caller;
    let change =
        move |c: &mut _| sign_ins::change_password(c, user, &old_hash, &new_hash, &sign_in);
    let revoked = services.store.transact(change).await?;
    // Somebody else has changed it since it was verified.
    let revoked = revoked.ok_or_else(|| ApiError::invalid("current_password", WRONG_PASSWORD))?;
    forget(&tokens, &sessions, revoked);
    Ok(response::done("Password updated successfully"))
}

/// `GET /user`
pub async fn user(
    caller: AuthenticatedUser,
    services: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let user = current(&services, &caller).await?;
    let balance = balance_of(&services, &user).await?;
    Ok(response::ok("User retrieved successfully", user_body(user, balance)))
}

/// The caller's row. A token whose user is gone is no token.
pub async fn current(services: &AppState, caller: &AuthenticatedUser) -> Result<User, ApiError> {
    let id = caller.user;
    let user = services.store.read(move |c| users::by_id(c, id)).await?;
    user.ok_or(ApiError::Unauthenticated)
}
