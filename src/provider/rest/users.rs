//! Users: `GET /channels/{name}/users` and `POST /users/{user_id}/terminate_connections`.

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::error::RestResult;
use super::request::{authenticate, require_presence};
use crate::provider::hub::HubCommand;
use crate::provider::instance::Provider;
use crate::provider::publication::parse_channel;

pub async fn list(
    provider: Data<Provider>,
    request: HttpRequest,
    path: Path<(String, String)>,
    body: Bytes,
) -> RestResult {
    authenticate(&provider, &request, &body)?;
    let channel = parse_channel(&path.1)?;
    require_presence(&channel)?;
    let users = provider.hub.request(|reply| HubCommand::Users { channel, reply }).await?;
    let users: Vec<Value> = users.into_iter().map(|user_id| json!({ "id": user_id })).collect();
    Ok(HttpResponse::Ok().json(json!({ "users": users })))
}

pub async fn terminate_connections(
    provider: Data<Provider>,
    request: HttpRequest,
    path: Path<(String, String)>,
    body: Bytes,
) -> RestResult {
    authenticate(&provider, &request, &body)?;
    let (_, user_id) = path.into_inner();
    provider.hub.request(|reply| HubCommand::Terminate { user_id, reply }).await?;
    Ok(HttpResponse::Ok().json(json!({})))
}
