//! The routing table: the whole API on one screen.

use actix_web::middleware::from_fn;
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder, Route, guard, web};

use super::middleware::{admin_area, private, rate_limits};
use super::openapi;
use super::response::ApiError;
use super::routes::{
    accounts, admin, auth, broadcasting, cancel_all, csrf_cookie, dashboard, debug, demo, errors,
    health, market_data, markets, my_trades, orders, preview, provider_webhook, sessions, settings,
    tokens, webhooks, withdrawals,
};

/// Adds all routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            web::scope("/api")
                .configure(api)
                .default_service(web::to(not_found))
                .wrap(from_fn(rate_limits::enforce))
                .wrap(private::not_stored()),
        )
        .service(
            resource("/broadcasting/auth", [post(broadcasting::auth)])
                .wrap(from_fn(rate_limits::enforce))
                .wrap(private::not_stored()),
        )
        .service(
            resource("/broadcasting/user-auth", [post(broadcasting::user_auth)])
                .wrap(from_fn(rate_limits::enforce))
                .wrap(private::not_stored()),
        )
        .service(
            resource("/sanctum/csrf-cookie", [get(csrf_cookie::set)]).wrap(private::not_stored()),
        )
        .service(resource("/health", [get(health::health)]))
        .service(resource("/ready", [get(health::ready)]))
        .service(resource("/up", [get(health::up)]))
        .service(resource("/metrics", [get(health::metrics)]))
        .default_service(web::to(dashboard::page));
}

fn api(config: &mut web::ServiceConfig) {
    config
        .service(resource("/config", [get(settings::settings)]))
        .service(resource("/register", [post(auth::register)]))
        .service(resource("/login", [post(auth::login)]))
        .service(resource("/logout", [post(auth::logout)]))
        .service(resource("/user", [get(auth::user)]))
        .service(resource("/user/password", [put(auth::update_password)]))
        .service(resource("/profile", [get(accounts::profile)]))
        .service(resource("/balance-history", [get(accounts::balance_history)]))
        .service(resource("/faucet", [post(accounts::faucet)]))
        .service(resource(
            "/orders",
            [get(markets::book), post(orders::place), delete(cancel_all::cancel_all)],
        ))
        .service(resource("/orders/by-client-id/{id}", [get(orders::get_by_client_id)]))
        .service(resource("/orders/by-client-id/{id}/cancel", [post(orders::cancel_by_client_id)]))
        .service(resource("/orders/preview", [post(preview::preview)]))
        .service(resource("/orders/batch", [post(orders::place_batch)]))
        .service(resource("/orders/{id}", [get(orders::get), patch(orders::amend)]))
        .service(resource("/orders/{id}/cancel", [post(orders::cancel)]))
        .service(resource("/tokens", [get(tokens::list), post(tokens::create)]))
        .service(resource("/tokens/{id}", [delete(tokens::revoke)]))
        .service(resource("/sessions", [get(sessions::list), delete(sessions::end_others)]))
        .service(resource("/sessions/{id}", [delete(sessions::end)]))
        .service(resource("/debug/events", [get(debug::list), post(debug::send)]))
        .service(resource("/demo/traders", [get(demo::traders), put(demo::set_traders)]))
        .service(resource("/errors", [get(errors::list)]))
        .service(resource("/errors/{code}", [get(errors::get)]))
        .service(resource("/openapi.json", [get(openapi::serve)]))
        .service(resource("/time", [get(market_data::time)]))
        .service(resource("/markets", [get(markets::list)]))
        .service(resource("/orderbook/{symbol}", [get(market_data::depth)]))
        .service(resource("/trades", [get(market_data::trades)]))
        .service(resource("/ticker", [get(market_data::ticker)]))
        .service(resource("/candles", [get(market_data::candles)]))
        .service(resource("/my-orders", [get(orders::list)]))
        .service(resource("/my-trades", [get(my_trades::list)]))
        .service(resource("/balances", [get(accounts::balances)]))
        .service(resource("/withdrawals", [get(withdrawals::list), post(withdrawals::request)]))
        .service(resource("/withdrawals/{id}", [get(withdrawals::get)]))
        .service(resource("/withdrawals/{id}/cancel", [post(withdrawals::cancel)]))
        .service(resource("/broadcasting/auth", [post(broadcasting::auth)]))
        .service(resource("/broadcasting/user-auth", [post(broadcasting::user_auth)]))
        .service(resource("/pusher/webhook", [post(provider_webhook::receive)]))
        .service(resource("/webhooks", [get(webhooks::list), post(webhooks::create)]))
        .service(resource("/webhooks/{id}", [get(webhooks::get), delete(webhooks::delete)]))
        .service(resource("/webhooks/{id}/enable", [post(webhooks::enable)]))
        .service(resource("/webhooks/{id}/messages", [get(webhooks::log)]))
        .service(resource("/webhooks/{id}/replay", [post(webhooks::replay)]))
        .service(resource("/webhooks/{id}/rotate-secret", [post(webhooks::rotate_secret)]))
        .service(
            web::scope("/admin")
                .configure(administration)
                .default_service(web::to(not_found))
                .wrap(from_fn(admin_area::restrict)),
        );
}

fn administration(config: &mut web::ServiceConfig) {
    config
        .service(resource("/token", [get(admin::token::get)]))
        .service(resource("/deposits", [get(admin::deposits::list), post(admin::deposits::create)]))
        .service(resource("/users", [get(admin::users::list), post(admin::users::create)]))
        .service(resource("/users/{id}", [get(admin::users::get)]))
        .service(resource("/users/{id}/freeze", [post(admin::users::freeze)]))
        .service(resource("/users/{id}/unfreeze", [post(admin::users::unfreeze)]))
        .service(resource("/users/{id}/close", [post(admin::users::close)]))
        .service(resource("/withdrawals", [get(admin::withdrawals::list)]))
        .service(resource("/withdrawals/{id}/complete", [post(admin::withdrawals::complete)]))
        .service(resource("/withdrawals/{id}/reject", [post(admin::withdrawals::reject)]))
        .service(resource(
            "/adjustments",
            [get(admin::adjustments::list), post(admin::adjustments::create)],
        ))
        .service(resource("/adjustments/{id}/approve", [post(admin::adjustments::approve)]))
        .service(resource("/adjustments/{id}/reject", [post(admin::adjustments::reject)]))
        .service(resource("/log", [get(admin::log::list)]))
        .service(resource("/users.csv", [get(admin::user_export::export)]))
        .service(resource("/orders", [get(admin::orders::list)]))
        .service(resource("/orders.csv", [get(admin::orders::export)]))
        .service(resource("/trades", [get(admin::trades::list)]))
        .service(resource("/trades.csv", [get(admin::trades::export)]))
        .service(resource("/ledger", [get(admin::ledger::list)]))
        .service(resource("/ledger.csv", [get(admin::ledger::export)]))
        .service(resource("/commission", [get(admin::reports::commission)]))
        .service(resource("/balance-sheet", [get(admin::reports::balance_sheet)]))
        .service(resource("/audit", [get(admin::reports::last_audit)]))
        .service(resource("/dead-letters", [get(admin::dead_letters::list)]))
        .service(resource("/dead-letters/{id}/retry", [post(admin::dead_letters::retry)]))
        .service(resource("/markets", [get(admin::markets::list)]))
        .service(resource("/markets/{symbol}/status", [post(admin::markets::set_status)]))
        .service(resource("/health", [get(admin::health::get)]));
}

/// A method of a path, with its handler.
struct Endpoint {
    methods: &'static str,
    route: Route,
}

/// A path with its methods. Others return 405 as JSON.
fn resource<const N: usize>(path: &str, endpoints: [Endpoint; N]) -> Resource {
    let allowed = endpoints.each_ref().map(|endpoint| endpoint.methods).join(", ");
    let resource = endpoints
        .into_iter()
        .fold(web::resource(path), |resource, endpoint| resource.route(endpoint.route));
    resource.default_service(web::to(move || {
        std::future::ready(Err::<HttpResponse, _>(ApiError::method_not_allowed(&allowed)))
    }))
}

/// Defines a function for each method, which takes the handler.
macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident: $methods:literal, $route:expr;)+) => {$(
        $(#[$doc])*
        fn $name<F, Args>(handler: F) -> Endpoint
        where
            F: Handler<Args>,
            Args: FromRequest + 'static,
            F::Output: Responder + 'static,
        {
            Endpoint { methods: $methods, route: $route.to(handler) }
        }
    )+};
}

methods! {
    /// GET, and HEAD for load balancers.
    get: "GET, HEAD", web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    post: "POST", web::post();
    put: "PUT", web::put();
    patch: "PATCH", web::patch();
    delete: "DELETE", web::delete();
}

async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::not_found("Not found."))
}
