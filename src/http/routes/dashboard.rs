//! The dashboard. Its built files are part of the binary; what is neither the API, nor the
//! provider, nor a file is a route of the page's own and answers with the page.
//!
//! A path is looked up in a table that was made at build time: no path reaches a file system.

use actix_web::http::header::{self, EntityTag, Header, IfNoneMatch};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};

use crate::http::response::ApiError;

/// A file of the dashboard, see build.rs.
struct File {
    path: &'static str,
    content_type: &'static str,
    /// As it stands in the header.
    entity_tag: &'static str,
    /// Its name changes with its contents, so it may be kept for ever.
    is_hashed: bool,
    bytes: &'static [u8],
}

mod table {
    use super::File;
    include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));
}

/// What is served where the dashboard was not built: one page without a build step.
static PLAIN_PAGE: File = File {
    path: "/index.html",
    content_type: "text/html; charset=utf-8",
    entity_tag: concat!("W/\"plain-", env!("CARGO_PKG_VERSION"), "\""),
    is_hashed: false,
    bytes: include_bytes!("page.html"),
};

/// Where the dashboard's files are; what is missing there is missing.
const FILES_ROOT: &str = "/assets";
/// Paths that belong to programs, never to the page.
const OF_MACHINES: [&str; 5] = ["/api", "/apps", "/app", "/broadcasting", "/sanctum"];
/// The page loads nothing from elsewhere but events, and nobody may frame it. The chart sets
/// styles.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self' ws: wss: https:; frame-ancestors 'none'; base-uri 'none'; \
    form-action 'self'; object-src 'none'";

/// Everything that no other route has taken.
pub async fn page(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let path = request.path();
    if OF_MACHINES.iter().any(|root| is_within(path, root)) {
        return Err(ApiError::not_found("Not found."));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(ApiError::method_not_allowed());
    }
    match find(path) {
        Some(file) => Ok(answer(&request, file)),
        None if is_within(path, FILES_ROOT) => Err(ApiError::not_found("Not found.")),
        None => Ok(answer(&request, find("/index.html").unwrap_or(&PLAIN_PAGE))),
    }
}

fn find(path: &str) -> Option<&'static File> {
    let index = table::FILES.binary_search_by(|file| file.path.cmp(path)).ok()?;
    table::FILES.get(index)
}

fn is_within(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn answer(request: &HttpRequest, file: &'static File) -> HttpResponse {
    let is_known = is_known(request, file);
    let status = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let caching = if file.is_hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::CACHE_CONTROL, caching))
        .insert_header((header::ETAG, file.entity_tag))
        .content_type(file.content_type);
    if file.path.ends_with(".html") && !std::ptr::eq(file, &PLAIN_PAGE) {
        response
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((header::REFERRER_POLICY, "same-origin"));
    }
    if is_known { response.finish() } else { response.body(file.bytes) }
}

/// Whether the browser has this very file already.
fn is_known(request: &HttpRequest, file: &File) -> bool {
    let Ok(own) = file.entity_tag.parse::<EntityTag>() else {
        return false;
    };
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&own)),
        Err(_) => false,
    }
}
