//! Registration, log-in, log-out, the user's own data and the change of the password.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::{IssuedToken, Registration, SignIn, is_email};
use crate::events::decimal::DecimalNumber;
use crate::http::client_info::client_info;
use crate::http::conditional::Version;
use crate::http::extract::{AuthenticatedUser, Input, Validator};
use crate::http::response::{self, ApiError};
use crate::http::schema as doc;
use crate::http::session;
use crate::http::state::AppState;
use crate::market::UserId;
use crate::store::views::Holdings;

const MAX_TEXT_CHARS: usize = 255;
const MIN_PASSWORD_CHARS: usize = 8;
/// Bounds the work of hashing.
const MAX_PASSWORD_CHARS: usize = 1024;

#[derive(Clone, Serialize, ToSchema)]
#[schema(as = User)]
struct UserBody {
    id: i64,
    name: String,
    email: String,
    /// Available USD.
    balance: DecimalNumber,
    #[schema(value_type = Option<doc::Timestamp>)]
    email_verified_at: Option<String>,
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
    #[schema(value_type = doc::Timestamp)]
    updated_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn)]
struct LoginBody<'a> {
    token: &'a str,
    user: UserBody,
}

/// A success with a sign-in, which is in `data` and next to it: frontends read it in either place.
#[derive(Serialize, ToSchema)]
#[schema(as = SuccessWithSignIn)]
struct SignInResponse<'a> {
    #[schema(schema_with = doc::always_true)]
    success: bool,
    /// A sentence for people.
    message: &'a str,
    data: LoginBody<'a>,
    token: &'a str,
    user: UserBody,
}

/// Logs in.
#[utoipa::path(
    post,
    path = "/api/login",
    operation_id = "logIn",
    tag = "Sign-in",
    security(()),
    request_body = doc::Credentials,
    responses((status = 200, description = "Success", body = SignInResponse)),
)]
pub async fn login(
    input: Input,
    request: HttpRequest,
    cookie: Session,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let mut validator = Validator::of(&input);
    let email = validator.text("email", MAX_TEXT_CHARS);
    let password = validator.raw_text("password", MAX_PASSWORD_CHARS);
    let (email, password) = validator.finish((email, password))?;

    let attempt = state.throttles.log_in(&request, &email)?;
    let (user, token) = state.auth.log_in(&email, password, &client_info(&request)).await?;
    attempt.give_back();
    let user_id = user.user_id();
    let response = respond(&state, user_id, &token, StatusCode::OK, "Login successful").await?;
    // Last, so that a failed log-in leaves no session.
    open_session(&request, &cookie, &state, user_id, &token).await?;
    Ok(response)
}

/// Every client gets a bearer token; a page that sends its CSRF token wants a session as well.
async fn open_session(
    request: &HttpRequest,
    cookie: &Session,
    state: &AppState,
    user: UserId,
    token: &IssuedToken,
) -> Result<(), ApiError> {
    if !session::sends_csrf_token(request.headers()) {
        return Ok(());
    }
    match state.sessions.load(cookie).await? {
        Some(session) if session.has_csrf_token(request.headers()) => {
            state.sessions.log_in(cookie, session, user, token.id).await
        }
        _ => Ok(()),
    }
}

/// Creates a user, and logs in.
#[utoipa::path(
    post,
    path = "/api/register",
    operation_id = "register",
    tag = "Sign-in",
    security(()),
    request_body = doc::NewUser,
    responses((status = 201, description = "Success", body = SignInResponse)),
)]
pub async fn register(
    input: Input,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    state.throttles.register(&request)?;
    let mut validator = Validator::of(&input);
    let (name, email) = new_name_and_email(&mut validator, &state).await?;
    let password = new_password(&mut validator, &input);
    let (name, email, password) = validator.finish((name, email, password))?;
    let registration = Registration { name, email, password };

    let assets = state.catalog.current().assets.keys().copied().collect();
    let client = client_info(&request);
    let (user, token) = state.auth.register(registration, assets, client).await?;
    respond(&state, user.user_id(), &token, StatusCode::CREATED, "Registration successful").await
}

/// The name and the free e-mail address of a user to be created.
pub async fn new_name_and_email(
    validator: &mut Validator<'_>,
    state: &AppState,
) -> Result<(Option<String>, Option<String>), ApiError> {
    let name = validator.text("name", MAX_TEXT_CHARS);
    let email = validator.text("email", MAX_TEXT_CHARS);
    if let Some(email) = &email {
        if !is_email(email) {
            validator.fail("email", "The email field must be a valid email address.");
        }
        if state.auth.is_registered(email).await? {
            validator.fail("email", response::EMAIL_TAKEN);
        }
    }
    Ok((name, email))
}

/// A password to be set, with its confirmation.
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
    state: &AppState,
    user: UserId,
    token: &IssuedToken,
    status: StatusCode,
    message: &str,
) -> Result<HttpResponse, ApiError> {
    let held = state.reads.user(user).await?;
    let (token, user) = (token.text.as_str(), user_body(&held, state));
    let data = LoginBody { token, user: user.clone() };
    let body = SignInResponse { success: true, message, data, token, user };
    Ok(response::with_body(status, body))
}

/// Ends the token or session of the request, and no other sign-in.
#[utoipa::path(
    post,
    path = "/api/logout",
    operation_id = "logOut",
    tag = "Sign-in",
    responses((status = 200, description = "Success", body = doc::Done)),
)]
pub async fn logout(
    user: AuthenticatedUser,
    cookie: Session,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let by_session = matches!(user.sign_in, SignIn::Session { .. });
    state.auth.log_out(user.id, user.sign_in).await?;
    if by_session {
        cookie.purge();
    }
    Ok(response::done("Successfully logged out"))
}

/// Changes the password, and ends all sign-ins of the user except the one of the request.
#[utoipa::path(
    put,
    path = "/api/user/password",
    operation_id = "changePassword",
    tag = "Sign-in",
    request_body = doc::NewPassword,
    responses((status = 200, description = "Success", body = doc::Done)),
)]
pub async fn update_password(
    user: AuthenticatedUser,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let AuthenticatedUser { id, sign_in, .. } = user;
    let user = state.auth.user(id).await?;
    let mut validator = Validator::of(&input);
    let mut verified = None;
    if let Some(password) = validator.raw_text("current_password", MAX_PASSWORD_CHARS) {
        let attempt = state.throttles.change_password(id)?;
        verified = state.auth.verify_password(&user, password).await?;
        if verified.is_some() {
            attempt.give_back();
        } else {
            validator.fail("current_password", response::WRONG_PASSWORD);
        }
    }
    let password = new_password(&mut validator, &input);
    let (verified, password) = validator.finish((verified, password))?;

    state.auth.change_password(verified, password, sign_in).await?;
    Ok(response::done("Password updated successfully"))
}

/// Returns the user.
#[utoipa::path(
    get,
    path = "/api/user",
    operation_id = "getUser",
    tag = "Account",
    params(doc::IfNoneMatch),
    responses((status = 200, description = "Success", body = doc::Success<UserBody>)),
)]
pub async fn user(
    user: AuthenticatedUser,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let held = state.reads.user(user.id).await?;
    let body = user_body(&held, &state);
    let user = &held.user;
    let version = Version::of("user").number(user.id).text(&user.name).text(&user.email);
    let times = [user.email_verified_at, Some(user.created_at), Some(user.updated_at)];
    let version = times.into_iter().fold(version, Version::time);
    let tag = version.number(body.balance.0.units()).tag();
    let not_modified = tag.not_modified(&request);
    Ok(not_modified.unwrap_or_else(|| tag.on(response::ok("User retrieved successfully", body))))
}

fn user_body(held: &Holdings, state: &AppState) -> UserBody {
    let user = &held.user;
    UserBody {
        id: user.id,
        name: user.name.clone(),
        email: user.email.clone(),
        balance: DecimalNumber(held.available(state.catalog.current().quote())),
        email_verified_at: user.email_verified_at.map(response::iso8601),
        created_at: response::iso8601(user.created_at),
        updated_at: response::iso8601(user.updated_at),
    }
}
