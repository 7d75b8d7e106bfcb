//! The switch of the demo's traders. Without them these paths are unknown.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::extract::{AuthenticatedUser, Input, Validator};
use crate::http::response::{self, ApiError};
use crate::http::schema as doc;
use crate::http::state::{AppState, DemoTraders};
use crate::store::demo_traders;

#[derive(Serialize, ToSchema)]
#[schema(as = DemoTraders)]
struct TradersBody<'a> {
    /// The market in which they trade.
    symbol: &'a str,
    /// Whether they trade while somebody uses the API.
    running: bool,
}

/// Tells whether the demo's traders trade.
#[utoipa::path(
    get,
    path = "/api/demo/traders",
    operation_id = "getDemoTraders",
    tag = "Operation",
    responses((status = 200, description = "Success", body = doc::Success<TradersBody>)),
)]
pub async fn traders(
    _user: AuthenticatedUser,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let DemoTraders { symbol, .. } = known(&state)?;
    let running = state.store.read(demo_traders::are_running).await?;
    let body = TradersBody { symbol, running };
    Ok(response::ok("Demo traders retrieved successfully", body))
}

/// Starts or stops the demo's traders, for everybody.
#[utoipa::path(
    put,
    path = "/api/demo/traders",
    operation_id = "setDemoTraders",
    tag = "Operation",
    request_body = doc::DemoTradersSwitch,
    responses((status = 200, description = "Success", body = doc::Success<TradersBody>)),
)]
pub async fn set_traders(
    _user: AuthenticatedUser,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let DemoTraders { symbol, .. } = known(&state)?;
    let mut validator = Validator::of(&input);
    let running = validator.bool("running");
    let running = validator.finish(running)?;
    state.store.transact(move |c| demo_traders::set_running(c, running)).await?;
    let body = TradersBody { symbol, running };
    Ok(response::ok("Demo traders updated successfully", body))
}

fn known(state: &AppState) -> Result<&DemoTraders, ApiError> {
    state.demo_traders.as_ref().ok_or_else(|| ApiError::not_found("Not found."))
}
