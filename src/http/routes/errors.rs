//! The codes of errors, which the `type` of a problem refers to.

use actix_web::{HttpResponse, web};
use serde::Serialize;

use crate::http::response::{self, ApiError, ErrorCode};

#[derive(Serialize)]
struct CodeBody {
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

/// `GET /errors`
pub async fn list() -> HttpResponse {
    let codes: Vec<CodeBody> = ErrorCode::ALL.iter().map(|code| (*code).into()).collect();
    response::ok("Errors retrieved successfully", codes)
}

/// `GET /errors/{code}`
pub async fn get(code: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let code = ErrorCode::parse(&code).ok_or_else(|| ApiError::not_found("Not found."))?;
    Ok(response::ok("Error retrieved successfully", CodeBody::from(code)))
}
