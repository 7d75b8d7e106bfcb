//! The codes of errors, which the `type` of a problem refers to.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::response::{self, ApiError, ErrorCode};
use crate::http::schema as doc;

#[derive(Serialize, ToSchema)]
#[schema(as = ErrorDescription)]
struct CodeBody {
    #[schema(value_type = doc::ErrorWord)]
    code: ErrorCode,
    status: u16,
    title: &'static str,
    meaning: &'static str,
}

impl From<ErrorCode> for CodeBody {
    fn from(code: ErrorCode) -> Self {
        let (status, title, meaning) = (code.status().as_u16(), code.title(), code.meaning());
        Self { code, status, title, meaning }
    }
}

/// Lists the codes of all errors.
#[utoipa::path(
    get,
    path = "/api/errors",
    operation_id = "listErrors",
    tag = "Operation",
    security(()),
    responses((status = 200, description = "Success", body = doc::Success<Vec<CodeBody>>)),
)]
pub async fn list() -> HttpResponse {
    let codes: Vec<CodeBody> = ErrorCode::ALL.iter().map(|code| (*code).into()).collect();
    response::ok("Errors retrieved successfully", codes)
}

/// Describes the code of an error.
#[utoipa::path(
    get,
    path = "/api/errors/{code}",
    operation_id = "getError",
    tag = "Operation",
    security(()),
    params(doc::ByCode),
    responses((status = 200, description = "Success", body = doc::Success<CodeBody>)),
)]
pub async fn get(code: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let code = ErrorCode::parse(&code).ok_or_else(|| ApiError::not_found("Not found."))?;
    Ok(response::ok("Error retrieved successfully", CodeBody::from(code)))
}
