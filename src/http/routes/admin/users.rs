//! Users: looking for them, creating them, and changing their status.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::Origin;
use crate::events::decimal::DecimalNumber;
use crate::http::extract::{Administrator, Input, Read, Users, Validator};
use crate::http::paging::{self, List, read_page};
use crate::http::response::{self, ApiError, CancelledOrders, ErrorCode, iso8601};
use crate::http::routes::auth::new_name_and_email;
use crate::http::routes::fields::MAX_NOTE_CHARS;
use crate::http::routes::market_data::Query;
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::{UserId, UserStatus};
use crate::store::markets::Catalog;
use crate::store::user_status::{Reason, Refusal};
use crate::store::users::User;
use crate::store::views::{self, UserDetails, UserFilter};

const MAX_SEARCH_CHARS: usize = 255;
const STATUSES: [(&str, UserStatus); 3] = [
    (UserStatus::Active.name(), UserStatus::Active),
    (UserStatus::Frozen.name(), UserStatus::Frozen),
    (UserStatus::Closed.name(), UserStatus::Closed),
];

#[derive(Serialize, ToSchema)]
#[schema(as = ManagedUser)]
struct UserBody {
    id: i64,
    name: String,
    email: String,
    #[schema(value_type = doc::UserStatus)]
    status: &'static str,
    /// Why an administrator has set the status.
    status_reason: Option<String>,
    #[schema(value_type = Option<doc::Timestamp>)]
    status_changed_at: Option<String>,
    /// False: the user cannot log in.
    has_password: bool,
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            name: user.name,
            email: user.email,
            status: user.status.name(),
            status_reason: user.status_reason,
            status_changed_at: user.status_changed_at.map(iso8601),
            has_password: user.password.is_some(),
            created_at: iso8601(user.created_at),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = ManagedBalance)]
struct BalanceBody {
    #[schema(example = "USD")]
    asset: String,
    available: DecimalNumber,
    /// Reserved by open orders and pending withdrawals.
    locked: DecimalNumber,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ManagedUserDetails)]
struct DetailsBody {
    #[serde(flatten)]
    user: UserBody,
    balances: Vec<BalanceBody>,
    /// The number of orders that rest in a book or wait for their stop price.
    open_orders: i64,
}

impl DetailsBody {
    fn new(details: UserDetails, catalog: &Catalog) -> Self {
        let UserDetails { user, balances, open_orders } = details;
        let balances = balances.into_iter().map(|balance| BalanceBody {
            asset: catalog.asset_symbol(balance.asset).to_owned(),
            available: DecimalNumber(balance.available),
            locked: DecimalNumber(balance.locked),
        });
        Self { user: user.into(), balances: balances.collect(), open_orders }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = FrozenUser)]
struct FrozenBody {
    #[serde(flatten)]
    user: UserBody,
    /// Null: this was not asked for.
    cancelled: Option<CancelledOrders>,
}

/// The users that the parameters of a list ask for.
pub fn read_filter(validator: &mut Validator<'_>) -> UserFilter {
    UserFilter {
        search: validator.optional_text("search", MAX_SEARCH_CHARS),
        status: validator.optional_one_of("status", &STATUSES),
    }
}

/// Lists users, newest first.
#[utoipa::path(
    get,
    path = "/api/admin/users",
    operation_id = "listUsers",
    tag = "Administration",
    security(("token" = [])),
    params(doc::UserSearch, doc::Page),
    responses((status = 200, description = "Success", body = doc::Success<Vec<UserBody>>)),
)]
pub async fn list(
    _administrator: Administrator<Read>,
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let input = Input::from(query.into_inner());
    let mut validator = Validator::of(&input);
    let filter = read_filter(&mut validator);
    let page = read_page(&mut validator, List::Users, state.list_cap);
    let page = validator.finish(Some(page))?;
    let page = state.reader.read(move |c| views::users(c, &filter, &page)).await?;
    let rows: Vec<UserBody> = page.rows.into_iter().map(UserBody::from).collect();
    let message = "Users retrieved successfully";
    paging::respond(&request, List::Users, message, rows, page.next)
}

/// Returns a user, with balances.
#[utoipa::path(
    get,
    path = "/api/admin/users/{id}",
    operation_id = "getManagedUser",
    tag = "Administration",
    security(("token" = [])),
    params(doc::ById),
    responses((status = 200, description = "Success", body = doc::Success<DetailsBody>)),
)]
pub async fn get(
    _administrator: Administrator<Read>,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&id)?;
    let found = state.store.read_snapshot(move |c| views::user(c, id)).await?;
    let details = found.ok_or_else(not_found)?;
    let data = DetailsBody::new(details, &state.catalog.current());
    Ok(response::ok("User retrieved successfully", data))
}

/// Creates a user without a password, who can log in once an operator has created one for a single
/// log-in.
#[utoipa::path(
    post,
    path = "/api/admin/users",
    operation_id = "createUser",
    tag = "Administration",
    security(("token" = [])),
    request_body = doc::NewManagedUser,
    responses((status = 201, description = "Success", body = doc::Success<UserBody>)),
)]
pub async fn create(
    administrator: Administrator<Users>,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let mut validator = Validator::of(&input);
    let (name, email) = new_name_and_email(&mut validator, &state).await?;
    let (name, email) = validator.finish((name, email))?;
    let assets = state.catalog.current().assets.keys().copied().collect();
    let user = state.auth.create_user(name, &email, assets, administrator.actor()).await?;
    Ok(response::created("User created successfully", UserBody::from(user)))
}

/// Freezes a user: no orders, no log-in, and all connections are terminated. Open orders remain,
/// unless they are to be cancelled; asked for again, this cancels those that are left.
#[utoipa::path(
    post,
    path = "/api/admin/users/{id}/freeze",
    operation_id = "freezeUser",
    tag = "Administration",
    security(("token" = [])),
    params(doc::ById),
    request_body = doc::Freeze,
    responses((status = 200, description = "Success", body = doc::Success<FrozenBody>)),
)]
pub async fn freeze(
    administrator: Administrator<Users>,
    id: web::Path<String>,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&id)?;
    let mut validator = Validator::of(&input);
    let cancels_orders = validator.optional_bool("cancel_orders").unwrap_or(false);
    let reason = read_reason(&administrator, validator)?;
    let user = set_status(&state, id, UserStatus::Frozen, reason).await?;
    let cancelled = match cancels_orders {
        true => Some(cancel_orders(&state, id, &administrator.origin()).await?),
        false => None,
    };
    let data = FrozenBody { user: user.into(), cancelled };
    Ok(response::ok("User frozen successfully", data))
}

async fn cancel_orders(
    state: &AppState,
    user: UserId,
    origin: &Origin,
) -> Result<CancelledOrders, ApiError> {
    let markets = state.store.read(move |c| views::markets_with_open_orders(c, user)).await?;
    let cancelled = state.engine.cancel_all_of_frozen(user, markets, origin).await?;
    Ok(CancelledOrders::of_frozen(&cancelled, &state.catalog.current()))
}

/// Lets a frozen user order and log in again, also with the tokens from before.
#[utoipa::path(
    post,
    path = "/api/admin/users/{id}/unfreeze",
    operation_id = "unfreezeUser",
    tag = "Administration",
    security(("token" = [])),
    params(doc::ById),
    request_body = doc::StatusChange,
    responses((status = 200, description = "Success", body = doc::Success<UserBody>)),
)]
pub async fn unfreeze(
    administrator: Administrator<Users>,
    id: web::Path<String>,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&id)?;
    let reason = read_reason(&administrator, Validator::of(&input))?;
    let user = set_status(&state, id, UserStatus::Active, reason).await?;
    Ok(response::ok("User unfrozen successfully", UserBody::from(user)))
}

/// Closes a user for ever. The user must have neither money nor open orders.
#[utoipa::path(
    post,
    path = "/api/admin/users/{id}/close",
    operation_id = "closeUser",
    tag = "Administration",
    security(("token" = [])),
    params(doc::ById),
    request_body = doc::StatusChange,
    responses((status = 200, description = "Success", body = doc::Success<UserBody>)),
)]
pub async fn close(
    administrator: Administrator<Users>,
    id: web::Path<String>,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&id)?;
    let reason = read_reason(&administrator, Validator::of(&input))?;
    let user = set_status(&state, id, UserStatus::Closed, reason).await?;
    Ok(response::ok("User closed successfully", UserBody::from(user)))
}

fn read_reason(
    administrator: &Administrator<Users>,
    mut validator: Validator<'_>,
) -> Result<Reason, ApiError> {
    let text = validator.optional_text("reason", MAX_NOTE_CHARS);
    validator.finish(Some(()))?;
    Ok(Reason { actor: administrator.actor(), text })
}

async fn set_status(
    state: &AppState,
    user: UserId,
    status: UserStatus,
    reason: Reason,
) -> Result<User, ApiError> {
    let refused = |refusal| match refusal {
        Refusal::NotFound => not_found(),
        Refusal::Closed => ApiError::refused(ErrorCode::AccountClosed, "The user is closed."),
        Refusal::NotEmpty => ApiError::refused(
            ErrorCode::AccountNotEmpty,
            "The user has money or open orders, and cannot be closed.",
        ),
    };
    state.auth.set_status(user, status, reason).await?.map_err(refused)
}

fn user_id(text: &str) -> Result<UserId, ApiError> {
    text.parse().map(UserId).map_err(|_| not_found())
}

fn not_found() -> ApiError {
    ApiError::not_found("User not found.")
}
