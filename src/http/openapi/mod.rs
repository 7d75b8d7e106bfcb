//! The OpenAPI document of the whole API, made from the declarations at the handlers.
//!
//! Handlers declare their operations and bodies with utoipa. What follows from them, such as errors
//! and headers, is added in one place. The bodies of requests are read by validators, so their
//! schemas are types of their own; tests send what these schemas describe, and compare every
//! response with the document.

mod common;
mod errors;

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::conditional::Version;
use super::response::{ErrorBody, ErrorCode};
use super::routes::{
    accounts, admin, auth, broadcasting, cancel_all, csrf_cookie, debug, demo,
    errors as error_list, health, market_data, markets, my_trades, orders, preview,
    provider_webhook, sessions, settings, tokens, webhooks, withdrawals,
};
use super::schema as doc;

const DESCRIPTION: &str = "Places, matches and follows orders, and reads market data.

Responses are `{success, message, data}`, errors `{success, message, code}` with `errors` for each \
invalid field, or `application/problem+json` if `Accept` names it. Prices and amounts in responses \
are exact JSON numbers with at most eight decimal places; in requests they may be strings. A blank \
field counts as missing, and unknown fields are ignored. Bodies may also be sent as forms.

Each write accepts an `Idempotency-Key`: sent again, it is executed once.";

const TOKEN: &str = "A token from `POST /api/login` or `POST /api/tokens`; for `/api/admin` one \
from `matchcast token create`.";

#[derive(OpenApi)]
#[openapi(
    info(title = "matchcast", description = DESCRIPTION),
    servers((url = "/")),
    // Unless an operation says otherwise.
    security(("token" = []), ("session" = [])),
    tags(
        (name = "Orders", description = "Placing, amending, cancelling and reading orders."),
        (name = "Market data", description = "Public; no token is needed."),
        (name = "Account", description = "The user, balances and trades."),
        (name = "Sign-in", description = "Users, tokens and sessions."),
        (name = "Events", description = "Subscriptions to events over Pusher Channels."),
        (name = "Webhooks", description = "Events posted to a URL of the user."),
        (name = "Administration", description = "For tokens of administrators; others get 404."),
        (name = "Operation", description = "For load balancers, monitoring and frontends."),
    ),
    paths(
        orders::place, orders::place_batch, preview::preview, orders::get, orders::amend,
        orders::cancel, orders::get_by_client_id, orders::cancel_by_client_id,
        cancel_all::cancel_all, orders::list, markets::book,
        market_data::time, markets::list, market_data::depth, market_data::trades,
        market_data::ticker, market_data::candles,
        accounts::profile, accounts::balances, accounts::balance_history, my_trades::list,
        accounts::faucet,
        auth::register, auth::login, auth::logout, auth::user, auth::update_password,
        csrf_cookie::set, tokens::list, tokens::create, tokens::revoke,
        sessions::list, sessions::end, sessions::end_others,
        broadcasting::auth, broadcasting::user_auth, provider_webhook::receive,
        debug::list, debug::send, demo::traders, demo::set_traders,
        webhooks::list, webhooks::create, webhooks::get, webhooks::delete, webhooks::enable,
        webhooks::log, webhooks::replay, webhooks::rotate_secret,
        admin::token::get, admin::log::list,
        admin::deposits::list, admin::deposits::create,
        withdrawals::request, withdrawals::list, withdrawals::get, withdrawals::cancel,
        admin::withdrawals::list, admin::withdrawals::complete, admin::withdrawals::reject,
        admin::adjustments::list, admin::adjustments::create, admin::adjustments::approve,
        admin::adjustments::reject,
        admin::user_export::export, admin::orders::list, admin::orders::export,
        admin::trades::list, admin::trades::export,
        admin::ledger::list, admin::ledger::export,
        admin::reports::commission, admin::reports::balance_sheet, admin::reports::last_audit,
        admin::dead_letters::list, admin::dead_letters::retry,
        admin::markets::list, admin::markets::set_status, admin::health::get,
        admin::users::list, admin::users::create, admin::users::get, admin::users::freeze,
        admin::users::unfreeze, admin::users::close,
        settings::settings, error_list::list, error_list::get, serve,
        health::health, health::ready, health::up, health::metrics,
    ),
    components(schemas(ErrorBody, doc::Problem)),
)]
struct Declared;

/// The document as JSON.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let mut declared = Declared::openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let bearer = bearer.description(Some(TOKEN));
    let cookie = ApiKey::Cookie(ApiKeyValue::with_description(
        "matchcast_session",
        "A browser's session. Writes need the header `X-XSRF-TOKEN` as well.",
    ));
    let components = declared.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(bearer.build()));
    components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    let mut document: Value =
        serde_json::to_value(&declared).expect("a document of maps and texts is valid JSON");
    let schemas = &mut document["components"]["schemas"];
    for (name, schema) in doc::all_formats() {
        schemas[name] = schema;
    }
    let codes: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    schemas["ErrorCode"]["enum"] = json!(codes);
    common::complete(&mut document);
    serde_json::to_string(&document).expect("a JSON value is valid JSON")
});

/// The document as JSON, the same for the life of a process.
pub fn document() -> &'static str {
    &DOCUMENT
}

/// Returns this document.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    operation_id = "getOpenApi",
    tag = "Operation",
    security(()),
    params(doc::IfNoneMatch),
    responses((status = 200, description = "The OpenAPI document.", body = Value)),
)]
pub async fn serve(request: HttpRequest) -> HttpResponse {
    // The tag depends on the build, and the document on nothing else.
    let tag = Version::of("openapi").tag();
    let whole = || HttpResponse::Ok().content_type("application/json").body(document());
    tag.not_modified(&request).unwrap_or_else(|| tag.on(whole()))
}
