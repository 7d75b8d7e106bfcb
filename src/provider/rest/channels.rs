//! Channels: `GET /channels` and `GET /channels/{name}`.

use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::{RestError, RestResult};
use super::info::Info;
use super::request::{authenticate, require_presence};
use crate::provider::hub::HubCommand;
use crate::provider::instance::Provider;
use crate::provider::publication::parse_channel;

#[derive(Deserialize)]
pub struct ChannelsQuery {
    #[serde(default)]
    filter_by_prefix: String,
    #[serde(default)]
    info: String,
}

pub async fn list(
    provider: Data<Provider>,
    request: HttpRequest,
    query: Query<ChannelsQuery>,
    body: Bytes,
) -> RestResult {
    authenticate(&provider, &request, &body)?;
    let ChannelsQuery { filter_by_prefix: prefix, info } = query.into_inner();
    let info = Info::parse(&info);
    if info.user_count && !prefix.starts_with("presence-") {
        let text = "user_count may only be requested for presence channels: \
                    filter_by_prefix must start with presence-";
        return Err(RestError::Malformed(text.to_owned()));
    }
    let channels = provider.hub.request(|reply| HubCommand::Channels { prefix, reply }).await?;
    let channels: Map<String, Value> = channels
        .into_iter()
        .map(|(name, occupancy)| (name.to_string(), info.select(&name, occupancy).into()))
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "channels": channels })))
}

pub async fn show(
    provider: Data<Provider>,
    request: HttpRequest,
    path: Path<(String, String)>,
    query: Query<ChannelsQuery>,
    body: Bytes,
) -> RestResult {
    authenticate(&provider, &request, &body)?;
    let channel = parse_channel(&path.1)?;
    let info = Info::parse(&query.info);
    if info.user_count {
        require_presence(&channel)?;
    }
    let name = channel.clone();
    let occupancy = provider.hub.request(|reply| HubCommand::Occupancy { channel, reply }).await?;
    let mut attributes = info.select(&name, occupancy.unwrap_or_default());
    attributes.insert("occupied".to_owned(), occupancy.is_some().into());
    Ok(HttpResponse::Ok().json(attributes))
}
