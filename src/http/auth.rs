//! Registering, logging in and out, and who one is.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::caller::{Caller, Credential, Tokens};
use super::error::ApiError;
use super::input::{Input, Rules};
use super::passwords::Verdict;
use super::{Services, csrf, reply};
use crate::exact::Exact;
use crate::market::{AssetId, Fixed};
use crate::store::users::{self, User};
use crate::store::{StoreError, views};

const MAX_TEXT_CHARS: usize = 255;
const MIN_PASSWORD_CHARS: usize = 8;
/// Beyond it a password is only work for the hash.
const MAX_PASSWORD_CHARS: usize = 1024;

#[derive(Serialize)]
struct UserBody {
    id: i64,
    name: String,
    email: String,
    /// Available USD.
    balance: Exact,
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
        balance: Exact(balance),
        email_verified_at: user.email_verified_at.map(reply::iso),
        created_at: reply::iso(user.created_at),
        updated_at: reply::iso(user.updated_at),
    }
}

async fn balance_of(services: &Services, user: &User) -> Result<Fixed, ApiError> {
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
    services: web::Data<Services>,
    tokens: web::Data<Tokens>,
) -> Result<HttpResponse, ApiError> {
    let mut rules = Rules::of(&input);
    let email = rules.text("email", MAX_TEXT_CHARS);
    let password = rules.raw_text("password", MAX_PASSWORD_CHARS);
    rules.finish()?;
    let (email, password) = (email.unwrap_or_default(), password.unwrap_or_default());

    let wanted = email.to_lowercase();
    let user = services.store.read(move |c| users::by_email(c, &wanted)).await?;
    let stored = user.as_ref().and_then(|user| user.password.clone());
    let verdict = services.passwords.verify(password, stored.clone()).await?;
    let user = match (user, verdict) {
        (Some(user), Verdict::Right) => user,
        (Some(user), Verdict::Outdated(new_hash)) => {
            let (id, old_hash) = (user.user_id(), stored.unwrap_or_default());
            let replace = move |c: &mut _| users::replace_password(c, id, &old_hash, &new_hash);
            services.store.transact(replace).await?;
            user
        }
        _ => return Err(ApiError::invalid("email", "The provided credentials are incorrect.")),
    };
    // A page that has fetched its CSRF token wants a session; everybody gets a bearer token.
    if csrf::is_valid(&session, request.headers()) {
        session.renew();
        session
            .insert(csrf::USER_KEY, user.id)
            .map_err(|_| ApiError::Internal("the session cannot be written"))?;
    }
    respond(&services, &tokens, user, StatusCode::OK, "Login successful").await
}

/// `POST /register`
pub async fn register(
    input: Input,
    services: web::Data<Services>,
    tokens: web::Data<Tokens>,
) -> Result<HttpResponse, ApiError> {
    let mut rules = Rules::of(&input);
    let name = rules.text("name", MAX_TEXT_CHARS);
    let email = rules.text("email", MAX_TEXT_CHARS).map(|email| email.to_lowercase());
    if email.as_deref().is_some_and(|email| !is_email(email)) {
        rules.fail("email", "The email field must be a valid email address.");
    }
    if let Some(email) = email.clone()
        && services.store.read(move |c| users::by_email(c, &email)).await?.is_some()
    {
        rules.fail("email", TAKEN);
    }
    let password = rules.raw_text("password", MAX_PASSWORD_CHARS);
    if let Some(password) = &password {
        if password.chars().count() < MIN_PASSWORD_CHARS {
            let text =
                format!("The password field must be at least {MIN_PASSWORD_CHARS} characters.");
            rules.fail("password", text);
        }
        if input.string("password_confirmation") != Some(password.as_str()) {
            rules.fail("password", "The password field confirmation does not match.");
        }
    }
    rules.finish()?;
    let (name, email) = (name.unwrap_or_default(), email.unwrap_or_default());

    let hash = services.passwords.hash(password.unwrap_or_default()).await?;
    let assets: Vec<AssetId> = services.catalog.assets.keys().copied().collect();
    let create = move |c: &mut _| users::create(c, &name, &email, &hash, &assets);
    let user = services.store.transact(create).await.map_err(|error| match error {
        // Somebody registered the address between the look and the write.
        StoreError::Duplicate(_) => ApiError::invalid("email", TAKEN),
        error => ApiError::from(error),
    })?;
    respond(&services, &tokens, user, StatusCode::CREATED, "Registration successful").await
}

const TAKEN: &str = "The email has already been taken.";

async fn respond(
    services: &Services,
    tokens: &Tokens,
    user: User,
    status: StatusCode,
    message: &str,
) -> Result<HttpResponse, ApiError> {
    let balance = balance_of(services, &user).await?;
    let token = tokens.issue(user.user_id()).await?;
    let data = LoginBody { token: &token, user: user_body(user, balance) };
    Ok(reply::with_token(status, message, data, &token))
}

/// One `@`, something before it, a dot within what follows, no blanks. What is true beyond that
/// only a letter can show.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let no_blank = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let labels = domain.split('.').all(|label| !label.is_empty());
    no_blank && !local.is_empty() && !local.contains('@') && domain.contains('.') && labels
}

/// `POST /logout`: ends what was used to ask, and nothing else.
pub async fn logout(
    caller: Caller,
    session: Session,
    tokens: web::Data<Tokens>,
) -> Result<HttpResponse, ApiError> {
    match caller.credential {
        Credential::Token(id) => tokens.revoke(id).await?,
        Credential::Session => session.purge(),
    }
    Ok(reply::done("Successfully logged out"))
}

/// `GET /user`
pub async fn user(caller: Caller, services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    let user = current(&services, &caller).await?;
    let balance = balance_of(&services, &user).await?;
    Ok(reply::ok("User retrieved successfully", user_body(user, balance)))
}

/// The caller's row. A token whose user is gone is no token.
pub async fn current(services: &Services, caller: &Caller) -> Result<User, ApiError> {
    let id = caller.user;
    let user = services.store.read(move |c| users::by_id(c, id)).await?;
    user.ok_or(ApiError::Unauthenticated)
}
