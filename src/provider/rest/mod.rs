//! The REST calls of backends: verified, read within limits, told to the hub.
//!
//! Every call is signed; the signature is looked at before the body is. Errors are plain text in
//! the words of the hosted service, so that whoever knows its errors knows these.

use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::web::{self, Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse, ResponseError, Scope};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::channel::Occupancy;
use super::command::{Command, Gone, Publication, Target};
use super::{MAX_REST_BODY_BYTES, Provider, now_s};
use crate::pusher::sign::{self, RequestError};
use crate::pusher::{
    ChannelKind, ChannelName, MAX_CHANNELS_PER_CALL, MAX_DATA_BYTES, MAX_EVENT_NAME_BYTES,
    MAX_EVENTS_PER_BATCH, MAX_USER_ID_BYTES, SocketId, USER_CHANNEL_PREFIX,
};

/// The routes below `/apps/{app_id}`.
pub fn scope() -> Scope {
    web::scope("/apps/{app_id}")
        .app_data(web::PayloadConfig::new(MAX_REST_BODY_BYTES))
        .route("/events", web::post().to(post_event))
        .route("/batch_events", web::post().to(post_batch))
        .route("/channels", web::get().to(get_channels))
        .route("/channels/{name}", web::get().to(get_channel))
        .route("/channels/{name}/users", web::get().to(get_users))
        .route("/users/{user_id}/terminate_connections", web::post().to(terminate_connections))
        .default_service(web::to(|| async { RestError::NoSuchCall.error_response() }))
}

/// Why a call is not done.
#[derive(Debug, Error)]
enum RestError {
    #[error("{0}")]
    Signature(#[from] RequestError),
    #[error("Could not find app by id {0}")]
    UnknownApp(String),
    #[error("{0}")]
    Malformed(String),
    #[error("The data content of this event exceeds the allowed maximum ({MAX_DATA_BYTES} bytes)")]
    TooLarge,
    #[error("Unknown path or method")]
    NoSuchCall,
    #[error("The provider is shutting down")]
    Gone,
}

impl ResponseError for RestError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Signature(RequestError::UnknownKey | RequestError::Query) => {
                StatusCode::BAD_REQUEST
            }
            Self::Signature(_) => StatusCode::UNAUTHORIZED,
            Self::UnknownApp(_) | Self::NoSuchCall => StatusCode::NOT_FOUND,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Gone => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status_code())
            .content_type(ContentType::plaintext())
            .body(self.to_string())
    }
}

impl From<Gone> for RestError {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

type Answer = Result<HttpResponse, RestError>;

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

#[derive(Deserialize)]
struct ChannelsQuery {
    #[serde(default)]
    filter_by_prefix: String,
    #[serde(default)]
    info: String,
}

/// The attributes of a channel that a call asks for.
#[derive(Clone, Copy, Default)]
struct Info {
    wants_users: bool,
    wants_subscriptions: bool,
}

async fn post_event(provider: Data<Provider>, request: HttpRequest, body: Bytes) -> Answer {
    authenticate(&provider, &request, &body)?;
    let event: EventBody = parse_body(&body)?;
    let info = Info::parse(event.info.as_deref().unwrap_or_default());
    let events = publications(event, MAX_CHANNELS_PER_CALL)?;
    let targets: Vec<Target> = events.iter().map(|event| event.target.clone()).collect();
    provider.hub.ask(|reply| Command::Publish { events, reply }).await?;
    if info.is_empty() {
        return Ok(HttpResponse::Ok().json(json!({})));
    }
    let mut channels = Map::new();
    for target in targets {
        if let Target::Channel(name) = target {
            let attributes = attributes(&provider, &name, info).await?;
            channels.insert(name.to_string(), attributes.into());
        }
    }
    Ok(HttpResponse::Ok().json(json!({ "channels": channels })))
}

async fn post_batch(provider: Data<Provider>, request: HttpRequest, body: Bytes) -> Answer {
    authenticate(&provider, &request, &body)?;
    let BatchBody { batch } = parse_body(&body)?;
    if batch.is_empty() || batch.len() > MAX_EVENTS_PER_BATCH {
        let text = format!("A batch must have 1 to {MAX_EVENTS_PER_BATCH} events");
        return Err(RestError::Malformed(text));
    }
    let mut events = Vec::with_capacity(batch.len());
    let mut asked = Vec::with_capacity(batch.len());
    for event in batch {
        asked.push(Info::parse(event.info.as_deref().unwrap_or_default()));
        events.append(&mut publications(event, 1)?);
    }
    let targets: Vec<Target> = events.iter().map(|event| event.target.clone()).collect();
    provider.hub.ask(|reply| Command::Publish { events, reply }).await?;
    if asked.iter().all(Info::is_empty) {
        return Ok(HttpResponse::Ok().json(json!({})));
    }
    let mut answers = Vec::with_capacity(asked.len());
    for (target, info) in targets.into_iter().zip(asked) {
        answers.push(match target {
            Target::Channel(name) => attributes(&provider, &name, info).await?,
            Target::User(_) => Map::new(),
        });
    }
    Ok(HttpResponse::Ok().json(json!({ "batch": answers })))
}

async fn get_channels(
    provider: Data<Provider>,
    request: HttpRequest,
    query: Query<ChannelsQuery>,
    body: Bytes,
) -> Answer {
    authenticate(&provider, &request, &body)?;
    let ChannelsQuery { filter_by_prefix: prefix, info } = query.into_inner();
    let info = Info::parse(&info);
    if info.wants_users && !prefix.starts_with("presence-") {
        let text = "user_count may only be requested for presence channels: \
                    filter_by_prefix must start with presence-";
        return Err(RestError::Malformed(text.to_owned()));
    }
    let channels = provider.hub.ask(|reply| Command::Channels { prefix, reply }).await?;
    let channels: Map<String, Value> = channels
        .into_iter()
        .map(|(name, occupancy)| (name.to_string(), info.select(&name, occupancy).into()))
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "channels": channels })))
}

async fn get_channel(
    provider: Data<Provider>,
    request: HttpRequest,
    path: Path<(String, String)>,
    query: Query<ChannelsQuery>,
    body: Bytes,
) -> Answer {
    authenticate(&provider, &request, &body)?;
    let channel = parse_channel(&path.1)?;
    let info = Info::parse(&query.info);
    if info.wants_users {
        require_presence(&channel)?;
    }
    let name = channel.clone();
    let occupancy = provider.hub.ask(|reply| Command::Occupancy { channel, reply }).await?;
    let mut answer = info.select(&name, occupancy.unwrap_or_default());
    answer.insert("occupied".to_owned(), occupancy.is_some().into());
    Ok(HttpResponse::Ok().json(answer))
}

async fn get_users(
    provider: Data<Provider>,
    request: HttpRequest,
    path: Path<(String, String)>,
    body: Bytes,
) -> Answer {
    authenticate(&provider, &request, &body)?;
    let channel = parse_channel(&path.1)?;
    require_presence(&channel)?;
    let users = provider.hub.ask(|reply| Command::Users { channel, reply }).await?;
    let users: Vec<Value> = users.into_iter().map(|user_id| json!({ "id": user_id })).collect();
    Ok(HttpResponse::Ok().json(json!({ "users": users })))
}

async fn terminate_connections(
    provider: Data<Provider>,
    request: HttpRequest,
    path: Path<(String, String)>,
    body: Bytes,
) -> Answer {
    authenticate(&provider, &request, &body)?;
    let (_, user_id) = path.into_inner();
    provider.hub.ask(|reply| Command::Terminate { user_id, reply }).await?;
    Ok(HttpResponse::Ok().json(json!({})))
}

/// Whether the sender knows the secret, and means this app.
fn authenticate(provider: &Provider, request: &HttpRequest, body: &[u8]) -> Result<(), RestError> {
    sign::verify_request(
        &provider.credentials,
        request.method().as_str(),
        request.path(),
        request.query_string(),
        body,
        now_s(),
    )?;
    match request.match_info().get("app_id") {
        Some(app_id) if app_id == provider.credentials.app_id() => Ok(()),
        app_id => Err(RestError::UnknownApp(app_id.unwrap_or_default().to_owned())),
    }
}

fn parse_body<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, RestError> {
    serde_json::from_slice(body).map_err(|error| RestError::Malformed(format!("Body: {error}")))
}

/// One event becomes as many publications as it names channels.
fn publications(event: EventBody, most_channels: usize) -> Result<Vec<Publication>, RestError> {
    let malformed = |text: String| Err(RestError::Malformed(text));
    let EventBody { name, data, channels, channel, socket_id, info: _ } = event;
    if name.is_empty() || name.len() > MAX_EVENT_NAME_BYTES {
        return malformed(format!("An event name must have 1 to {MAX_EVENT_NAME_BYTES} bytes"));
    }
    if data.len() > MAX_DATA_BYTES {
        return Err(RestError::TooLarge);
    }
    let except = match socket_id.as_deref().map(SocketId::parse).transpose() {
        Ok(except) => except,
        Err(error) => return malformed(format!("Invalid socket_id: {error}")),
    };
    let channels: Vec<String> = channels.into_iter().flatten().chain(channel).collect();
    if channels.is_empty() || channels.len() > most_channels {
        return malformed(format!("An event must name 1 to {most_channels} channels here"));
    }
    let publication = |channel: String| {
        let target = parse_target(&channel)?;
        let (name, data, except) = (name.clone(), data.clone(), except.clone());
        Ok(Publication { name, target, data, except })
    };
    channels.into_iter().map(publication).collect()
}

/// An event for one channel, within the limits of a call.
pub fn one_publication(channel: &str, name: &str, data: &str) -> Result<Vec<Publication>, String> {
    let event = EventBody {
        name: name.to_owned(),
        data: data.to_owned(),
        channels: None,
        channel: Some(channel.to_owned()),
        socket_id: None,
        info: None,
    };
    publications(event, 1).map_err(|error| error.to_string())
}

fn parse_target(channel: &str) -> Result<Target, RestError> {
    match channel.strip_prefix(USER_CHANNEL_PREFIX) {
        Some(user_id) if !user_id.is_empty() && user_id.len() <= MAX_USER_ID_BYTES => {
            Ok(Target::User(user_id.to_owned()))
        }
        _ => Ok(Target::Channel(parse_channel(channel)?)),
    }
}

fn parse_channel(name: &str) -> Result<ChannelName, RestError> {
    ChannelName::parse(name)
        .map_err(|error| RestError::Malformed(format!("Invalid channel name: {error}")))
}

fn require_presence(channel: &ChannelName) -> Result<(), RestError> {
    match channel.kind() {
        ChannelKind::Presence => Ok(()),
        _ => Err(RestError::Malformed("Only presence channels have users".to_owned())),
    }
}

async fn attributes(
    provider: &Provider,
    name: &ChannelName,
    info: Info,
) -> Result<Map<String, Value>, Gone> {
    let channel = name.clone();
    let occupancy = provider.hub.ask(|reply| Command::Occupancy { channel, reply }).await?;
    Ok(info.select(name, occupancy.unwrap_or_default()))
}

impl Info {
    /// Reads a list such as `user_count,subscription_count`; other words are left out.
    fn parse(text: &str) -> Self {
        let names = |attribute| text.split(',').any(|name| name.trim() == attribute);
        Self { wants_users: names("user_count"), wants_subscriptions: names("subscription_count") }
    }

    fn is_empty(&self) -> bool {
        !self.wants_users && !self.wants_subscriptions
    }

    fn select(self, name: &ChannelName, occupancy: Occupancy) -> Map<String, Value> {
        let mut selected = Map::new();
        if self.wants_users && name.kind() == ChannelKind::Presence {
            selected.insert("user_count".to_owned(), occupancy.user_count.into());
        }
        if self.wants_subscriptions {
            let count = occupancy.subscription_count.into();
            selected.insert("subscription_count".to_owned(), count);
        }
        selected
    }
}
