//! Errors of the REST API, and their responses.

use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, ResponseError};
use thiserror::Error;

use crate::provider::hub::HubStopped;
use crate::provider::publication::PublishError;
use crate::pusher::sign::RequestError;

pub type RestResult = Result<HttpResponse, RestError>;

/// Why a request is refused.
#[derive(Debug, Error)]
pub enum RestError {
    #[error("{0}")]
    Signature(#[from] RequestError),
    #[error("Could not find app by id {0}")]
    UnknownApp(String),
    #[error("{0}")]
    Malformed(String),
    #[error("{0}")]
    Publish(#[from] PublishError),
    #[error("Unknown path or method")]
    UnknownRoute,
    #[error("The provider is shutting down")]
    ShuttingDown,
}

impl ResponseError for RestError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Signature(RequestError::UnknownKey | RequestError::Query) => {
                StatusCode::BAD_REQUEST
            }
            Self::Signature(_) => StatusCode::UNAUTHORIZED,
            Self::UnknownApp(_) | Self::UnknownRoute => StatusCode::NOT_FOUND,
            Self::Malformed(_) | Self::Publish(PublishError::Malformed(_)) => {
                StatusCode::BAD_REQUEST
            }
            Self::Publish(PublishError::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status_code())
            .content_type(ContentType::plaintext())
            .body(self.to_string())
    }
}

impl From<HubStopped> for RestError {
    fn from(HubStopped: HubStopped) -> Self {
        Self::ShuttingDown
    }
}
