//! What a page must know of this matchcast before anybody has logged in. Nothing in it is secret.

use actix_web::{HttpResponse, web};

use crate::http::{Services, response};

/// `GET /config`
pub async fn settings(services: web::Data<Services>) -> HttpResponse {
    response::ok("Settings retrieved successfully", &services.settings)
}
