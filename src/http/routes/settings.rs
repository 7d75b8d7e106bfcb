//! What a page must know of this matchcast before anybody has logged in. Nothing in it is secret.

use actix_web::{HttpResponse, web};
use serde::Serialize;

use crate::http::{Services, response};

/// The provider's public side, what is told through it, and whether this is a demo.
#[derive(Clone, Debug, Serialize)]
pub struct PublicSettings {
    /// The application key that pages connect with.
    pub key: String,
    pub cluster: String,
    /// `None`: hosted Pusher's, or this very server where the provider is embedded.
    pub host: Option<String>,
    pub port: Option<u16>,
    pub tls: bool,
    /// The provider is part of this server.
    pub embedded: bool,
    pub demo: bool,
    pub symbols: Vec<String>,
    /// The names of the events that are told: what a page need not wait for in vain.
    pub events: Vec<&'static str>,
    /// What a buyer pays of the value, as it is written in the configuration.
    pub buyer_commission: crate::events::decimal::DecimalNumber,
}

/// `GET /config`
pub async fn settings(services: web::Data<Services>) -> HttpResponse {
    response::ok("Settings retrieved successfully", &services.settings)
}
