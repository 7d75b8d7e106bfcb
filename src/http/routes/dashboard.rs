//! The dashboard, whose files are part of the binary. Paths that belong neither to the API, nor to
//! the provider, nor to a file return the page, which routes them in the browser.
//!
//! Paths are looked up in a table that is generated at build time. None reaches a file system.

use actix_web::http::header::{self, EntityTag};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};

use crate::http::conditional;
use crate::http::response::ApiError;

/// A file of the dashboard, see build.rs.
struct File {
    path: &'static str,
    content_type: &'static str,
    /// With quotes, as in the header.
    entity_tag: &'static str,
    /// The name changes with the contents, so the file may be cached indefinitely.
    is_hashed: bool,
    bytes: &'static [u8],
}

mod table {
    use super::File;
    include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));
}

/// Served if the dashboard was not built.
static PLAIN_PAGE: File = File {
    path: "/index.html",
    content_type: "text/html; charset=utf-8",
    entity_tag: concat!("W/\"plain-", env!("CARGO_PKG_VERSION"), "\""),
    is_hashed: false,
    bytes: include_bytes!("page.html"),
};

/// The folder of the dashboard's files. Unknown paths in it are 404.
const FILES_ROOT: &str = "/assets";
/// The reference of the API, a page of its own: its path and its file.
const DOCS: (&str, &str) = ("/docs", "/docs.html");
/// Paths that never return the page.
const NOT_PAGES: [&str; 5] = ["/api", "/apps", "/app", "/broadcasting", "/sanctum"];
/// The page loads everything from its own origin except events, and cannot be framed. The chart
/// sets inline styles.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self' ws: wss: https:; frame-ancestors 'none'; base-uri 'none'; \
    form-action 'self'; object-src 'none'";

/// All paths without a route.
pub async fn page(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let path = request.path();
    if NOT_PAGES.iter().any(|root| is_within(path, root)) {
        return Err(ApiError::not_found("Not found."));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(ApiError::method_not_allowed("GET, HEAD"));
    }
    match find(if path == DOCS.0 { DOCS.1 } else { path }) {
        Some(file) => Ok(respond(&request, file)),
        None if is_within(path, FILES_ROOT) => Err(ApiError::not_found("Not found.")),
        None => Ok(respond(&request, find("/index.html").unwrap_or(&PLAIN_PAGE))),
    }
}

fn find(path: &str) -> Option<&'static File> {
    let index = table::FILES.binary_search_by(|file| file.path.cmp(path)).ok()?;
    table::FILES.get(index)
}

fn is_within(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn respond(request: &HttpRequest, file: &'static File) -> HttpResponse {
    let tag = file.entity_tag.parse::<EntityTag>();
    let is_cached = tag.is_ok_and(|tag| conditional::has_current(request, &tag));
    let status = if is_cached { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
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
    if is_cached { response.finish() } else { response.body(file.bytes) }
}
