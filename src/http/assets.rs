//! The page. Whatever is neither the API, nor the provider, nor a file is a route of the page's
//! own.

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse};

use super::error::ApiError;

const PAGE: &str = include_str!("page.html");

/// Everything that no other route has taken.
pub async fn page(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let path = request.path();
    let of_machines = ["/api", "/apps", "/app", "/broadcasting", "/sanctum"];
    let within =
        |root: &&str| path == *root || path.strip_prefix(*root).is_some_and(starts_segment);
    if of_machines.iter().any(within) {
        return Err(ApiError::not_found("Not found."));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(ApiError::method_not_allowed());
    }
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(PAGE))
}

fn starts_segment(rest: &str) -> bool {
    rest.starts_with('/')
}
