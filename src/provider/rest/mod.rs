//! The REST API for backends: verifies and parses requests and passes them to the hub.
//!
//! Every request is signed, and its signature is verified before its body is parsed. Errors are
//! plain text in the words of the hosted service, so that its documentation applies.

mod channels;
mod error;
mod info;
mod publish;
mod request;
mod users;

use actix_web::{ResponseError, Scope, web};

use super::limits::MAX_REST_BODY_BYTES;
use error::RestError;

/// The routes below `/apps/{app_id}`.
pub fn scope() -> Scope {
    web::scope("/apps/{app_id}")
        .app_data(web::PayloadConfig::new(MAX_REST_BODY_BYTES))
        .route("/events", web::post().to(publish::post_event))
        .route("/batch_events", web::post().to(publish::post_batch))
        .route("/channels", web::get().to(channels::list))
        .route("/channels/{name}", web::get().to(channels::show))
        .route("/channels/{name}/users", web::get().to(users::list))
        .route(
            "/users/{user_id}/terminate_connections",
            web::post().to(users::terminate_connections),
        )
        .default_service(web::to(|| async { RestError::UnknownRoute.error_response() }))
}
