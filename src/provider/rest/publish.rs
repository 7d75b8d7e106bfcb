//! Publishing: `POST /events` (one event, several channels) and `POST /batch_events` (several
//! events, one channel each).

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Map, json};

use super::error::{RestError, RestResult};
use super::info::Info;
use super::request::{authenticate, parse_body};
use crate::provider::hub::HubCommand;
use crate::provider::instance::Provider;
use crate::provider::publication::{PublishRequest, Target};
use crate::pusher::MAX_CHANNELS_PER_CALL;

#[derive(Deserialize)]
struct EventBody {
    name: String,
    data: String,
    #[serde(default)]
    channels: Option<Vec<String>>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    socket_id: Option<String>,
    #[serde(default)]
    info: Option<String>,
}

#[derive(Deserialize)]
struct BatchBody {
    batch: Vec<EventBody>,
}

impl EventBody {
    fn info(&self) -> Info {
        Info::parse(self.info.as_deref().unwrap_or_default())
    }
}

impl From<EventBody> for PublishRequest {
    fn from(body: EventBody) -> Self {
        let EventBody { name, data, channels, channel, socket_id, info: _ } = body;
        let channels = channels.into_iter().flatten().chain(channel).collect();
        Self { name, data, channels, socket_id }
    }
}

pub async fn post_event(provider: Data<Provider>, request: HttpRequest, body: Bytes) -> RestResult {
    authenticate(&provider, &request, &body)?;
    let event: EventBody = parse_body(&body)?;
    let info = event.info();
    let events = PublishRequest::from(event).into_publications(MAX_CHANNELS_PER_CALL)?;
    let targets: Vec<Target> = events.iter().map(|event| event.target.clone()).collect();
    provider.hub.request(|reply| HubCommand::Publish { events, reply }).await?;
    if info.is_empty() {
        return Ok(HttpResponse::Ok().json(json!({})));
    }
    let mut channels = Map::new();
    for target in targets {
        if let Target::Channel(name) = target {
            let attributes = info.fetch(&provider, &name).await?;
            channels.insert(name.to_string(), attributes.into());
        }
    }
    Ok(HttpResponse::Ok().json(json!({ "channels": channels })))
}

pub async fn post_batch(provider: Data<Provider>, request: HttpRequest, body: Bytes) -> RestResult {
    authenticate(&provider, &request, &body)?;
    let BatchBody { batch } = parse_body(&body)?;
    let max_events = provider.limits.events_per_batch;
    if batch.is_empty() || batch.len() > max_events {
        let text = format!("A batch must have 1 to {max_events} events");
        return Err(RestError::Malformed(text));
    }
    let mut events = Vec::with_capacity(batch.len());
    let mut infos = Vec::with_capacity(batch.len());
    for event in batch {
        infos.push(event.info());
        events.append(&mut PublishRequest::from(event).into_publications(1)?);
    }
    let targets: Vec<Target> = events.iter().map(|event| event.target.clone()).collect();
    provider.hub.request(|reply| HubCommand::Publish { events, reply }).await?;
    if infos.iter().all(Info::is_empty) {
        return Ok(HttpResponse::Ok().json(json!({})));
    }
    let mut attributes = Vec::with_capacity(infos.len());
    for (target, info) in targets.into_iter().zip(infos) {
        attributes.push(match target {
            Target::Channel(name) => info.fetch(&provider, &name).await?,
            Target::User(_) => Map::new(),
        });
    }
    Ok(HttpResponse::Ok().json(json!({ "batch": attributes })))
}
