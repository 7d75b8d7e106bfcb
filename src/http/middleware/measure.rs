//! What each request leaves behind: its duration among the metrics, and lines in the log.

use std::time::{Duration, Instant};

use actix_web::Error;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;

use crate::client_address;
use crate::telemetry::ACCESS_LOG;

/// The route of requests that no route matches, and the method of unusual requests. A client may
/// send any text, and each would be a series of its own.
const OTHER: &str = "other";

/// Handles the request, measures and logs it.
pub async fn measure<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let began = Instant::now();
    let response = next.call(request).await?;
    record(&response, began.elapsed());
    Ok(response)
}

fn record<B: MessageBody>(response: &ServiceResponse<B>, elapsed: Duration) {
    let (request, status) = (response.request(), response.status());
    let (method, route) = (request.method(), request.match_pattern());
    tracing::debug!(%method, route, status = status.as_u16(), ?elapsed, "a request was answered");
    metrics::histogram!("matchcast_http_request_seconds",
        "method" => method_label(method),
        "route" => route.unwrap_or_else(|| OTHER.to_owned()),
        "status" => status.as_str().to_owned())
    .record(elapsed);
    if tracing::enabled!(target: ACCESS_LOG, tracing::Level::INFO) {
        let client = client_address::exact_address(request);
        let bytes = match response.response().body().size() {
            BodySize::Sized(bytes) => Some(bytes),
            BodySize::None => Some(0),
            BodySize::Stream => None,
        };
        // Three digits after the point.
        let whole_micros = f64::from(u32::try_from(elapsed.as_micros()).unwrap_or(u32::MAX));
        tracing::info!(
            target: ACCESS_LOG,
            client = client.map(tracing::field::display),
            %method,
            // Without the query, which may have what is nobody else's business.
            path = request.path(),
            status = status.as_u16(),
            bytes,
            elapsed_ms = whole_micros / 1e3,
            "request"
        );
    }
}

fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER,
    }
}
