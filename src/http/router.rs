//! The routing table: the whole API on one screen.

use actix_web::middleware::from_fn;
use actix_web::{Resource, Route, guard, web};

use super::middleware::{private, rate_limits};
use super::response::ApiError;
use super::routes::{
    accounts, auth, broadcasting, cancel_all, csrf_cookie, dashboard, debug, errors, health,
    market_data, markets, my_trades, orders, preview, provider_webhook, settings, tokens, webhooks,
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
            resource("/broadcasting/auth", web::post().to(broadcasting::auth))
                .wrap(from_fn(rate_limits::enforce))
                .wrap(private::not_stored()),
        )
        .service(
            resource("/broadcasting/user-auth", web::post().to(broadcasting::user_auth))
                .wrap(from_fn(rate_limits::enforce))
                .wrap(private::not_stored()),
        )
        .service(
            resource("/sanctum/csrf-cookie", get().to(csrf_cookie::set))
                .wrap(private::not_stored()),
        )
        .service(resource("/health", get().to(health::health)))
        .service(resource("/ready", get().to(health::ready)))
        .service(resource("/up", get().to(health::up)))
        .service(resource("/metrics", get().to(health::metrics)))
        .default_service(web::to(dashboard::page));
}

fn api(config: &mut web::ServiceConfig) {
    config
        .service(resource("/config", get().to(settings::settings)))
        .service(resource("/register", web::post().to(auth::register)))
        .service(resource("/login", web::post().to(auth::login)))
        .service(resource("/logout", web::post().to(auth::logout)))
        .service(resource("/user", get().to(auth::user)))
        .service(resource("/user/password", web::put().to(auth::update_password)))
        .service(resource("/profile", get().to(accounts::profile)))
        .service(resource("/balance-history", get().to(accounts::balance_history)))
        .service(resource("/faucet", web::post().to(accounts::faucet)))
        .service(
            resource("/orders", get().to(markets::book))
                .route(web::post().to(orders::place))
                .route(web::delete().to(cancel_all::cancel_all)),
        )
        .service(resource("/orders/by-client-id/{id}", get().to(orders::get_by_client_id)))
        .service(resource(
            "/orders/by-client-id/{id}/cancel",
            web::post().to(orders::cancel_by_client_id),
        ))
        .service(resource("/orders/preview", web::post().to(preview::preview)))
        .service(resource("/orders/batch", web::post().to(orders::place_batch)))
        .service(
            resource("/orders/{id}", get().to(orders::get)).route(web::patch().to(orders::amend)),
        )
        .service(resource("/orders/{id}/cancel", web::post().to(orders::cancel)))
        .service(resource("/tokens", get().to(tokens::list)).route(web::post().to(tokens::create)))
        .service(resource("/tokens/{id}", web::delete().to(tokens::revoke)))
        .service(
            resource("/debug/events", get().to(debug::list)).route(web::post().to(debug::send)),
        )
        .service(resource("/errors", get().to(errors::list)))
        .service(resource("/errors/{code}", get().to(errors::get)))
        .service(resource("/time", get().to(market_data::time)))
        .service(resource("/markets", get().to(markets::list)))
        .service(resource("/orderbook/{symbol}", get().to(market_data::depth)))
        .service(resource("/trades", get().to(market_data::trades)))
        .service(resource("/ticker", get().to(market_data::ticker)))
        .service(resource("/candles", get().to(market_data::candles)))
        .service(resource("/my-orders", get().to(orders::list)))
        .service(resource("/my-trades", get().to(my_trades::list)))
        .service(resource("/balances", get().to(accounts::balances)))
        .service(resource("/broadcasting/auth", web::post().to(broadcasting::auth)))
        .service(resource("/broadcasting/user-auth", web::post().to(broadcasting::user_auth)))
        .service(resource("/pusher/webhook", web::post().to(provider_webhook::receive)))
        .service(
            resource("/webhooks", get().to(webhooks::list)).route(web::post().to(webhooks::create)),
        )
        .service(
            resource("/webhooks/{id}", get().to(webhooks::get))
                .route(web::delete().to(webhooks::delete)),
        )
        .service(resource("/webhooks/{id}/enable", web::post().to(webhooks::enable)))
        .service(resource("/webhooks/{id}/messages", get().to(webhooks::log)))
        .service(resource("/webhooks/{id}/replay", web::post().to(webhooks::replay)))
        .service(resource("/webhooks/{id}/rotate-secret", web::post().to(webhooks::rotate_secret)));
}

/// A path with its method; other methods return 405 as JSON.
fn resource(path: &str, route: Route) -> Resource {
    web::resource(path).route(route).default_service(web::to(method_not_allowed))
}

/// GET, and HEAD for load balancers.
fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

async fn method_not_allowed() -> Result<actix_web::HttpResponse, ApiError> {
    Err(ApiError::method_not_allowed())
}

async fn not_found() -> Result<actix_web::HttpResponse, ApiError> {
    Err(ApiError::not_found("Not found."))
}
