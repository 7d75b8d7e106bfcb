//! Handles the messages of one connected client: subscriptions, sign-in, client events.
//!
//! Signatures are verified here, in the task of the connection, so the hub only receives what is
//! allowed. A refused request gets an error as its response; only a forged sign-in closes the
//! connection.

use actix_web::web::Data;
use tokio::time::Instant;

use super::close_code::CloseCode;
use super::hub::{HubCommand, HubStopped};
use super::instance::Provider;
use super::message::{self, ClientMessage, Member, Subscription, Text};
use super::rate_limit::RateLimit;
use crate::pusher::{
    ChannelKind, ChannelName, MAX_DATA_BYTES, MAX_EVENT_NAME_BYTES, MAX_PRESENCE_INFO_BYTES,
    SocketId, USER_CHANNEL_PREFIX, sign,
};

/// Error code: the client sends client events too fast.
const TOO_MANY_CLIENT_EVENTS: u16 = 4301;

/// The response to a message, if it needs one, or the reason to close the connection.
type Handled = Result<Option<Text>, CloseCode>;

/// The protocol state of one connection.
pub struct ConnectedClient {
    provider: Data<Provider>,
    socket_id: SocketId,
    /// The user that has signed in.
    user: Option<Member>,
    client_events: RateLimit,
}

impl ConnectedClient {
    pub fn new(provider: Data<Provider>, socket_id: SocketId) -> Self {
        Self { provider, socket_id, user: None, client_events: RateLimit::default() }
    }

    pub async fn handle(&mut self, message: ClientMessage) -> Handled {
        let socket_id = self.socket_id.clone();
        match message {
            ClientMessage::Ping => Ok(Some(message::pong())),
            ClientMessage::Pong => Ok(None),
            ClientMessage::Subscribe(subscription) => self.subscribe(subscription).await,
            ClientMessage::Unsubscribe { channel } => match ChannelName::parse(&channel) {
                Ok(channel) => self.send(HubCommand::Unsubscribe { socket_id, channel }).await,
                Err(_) => Ok(None),
            },
            ClientMessage::SignIn { auth, user_data } => self.sign_in(&auth, user_data).await,
            ClientMessage::Event { name, channel, data } => {
                match self.check_event(&name, channel, &data) {
                    Ok(channel) => {
                        self.send(HubCommand::ClientEvent { socket_id, channel, name, data }).await
                    }
                    Err(error) => Ok(Some(error)),
                }
            }
        }
    }

    /// Removes the connection from the hub.
    pub async fn disconnect(self) {
        let Self { provider, socket_id, .. } = self;
        // A stopped hub has no connections.
        let _: Result<(), HubStopped> =
            provider.hub.send(HubCommand::Disconnect { socket_id }).await;
    }

    async fn subscribe(&mut self, subscription: Subscription) -> Handled {
        let name = &subscription.channel;
        if let Some(user_id) = name.strip_prefix(USER_CHANNEL_PREFIX) {
            // Signing in already subscribed the connection, but client libraries subscribe anyway.
            let is_own = self.user.as_ref().is_some_and(|user| user.user_id == user_id);
            return if is_own {
                Ok(Some(message::subscription_succeeded(name)))
            } else {
                refuse(name, "AuthError", 401, "This channel needs a sign-in")
            };
        }
        let Ok(channel) = ChannelName::parse(name) else {
            return refuse(name, "InvalidChannel", 400, "Invalid channel name");
        };
        if channel.kind() != ChannelKind::Public && !self.is_authorized(&channel, &subscription) {
            let text = "The connection is not authorized for this channel: invalid signature";
            return refuse(name, "AuthError", 401, text);
        }
        let member = match channel.kind() {
            ChannelKind::Presence => match self.member(&subscription) {
                Ok(member) => Some(member),
                Err(text) => return refuse(name, "InvalidData", 400, text),
            },
            _ => None,
        };
        let socket_id = self.socket_id.clone();
        self.send(HubCommand::Subscribe { socket_id, channel, member }).await
    }

    fn is_authorized(&self, channel: &ChannelName, subscription: &Subscription) -> bool {
        subscription.auth.as_deref().is_some_and(|auth| {
            sign::verify_channel_auth(
                &self.provider.credentials,
                &self.socket_id,
                channel.as_str(),
                subscription.channel_data.as_deref(),
                auth,
            )
        })
    }

    /// The subscriber of a presence channel: from the signed data or, without any, the user that
    /// has signed in.
    fn member(&self, subscription: &Subscription) -> Result<Member, &'static str> {
        let member = match &subscription.channel_data {
            Some(data) => Member::parse(data, "user_id"),
            None => self.user.clone(),
        };
        let member = member.ok_or("A presence channel needs channel_data with a user_id")?;
        if member.user_info.to_string().len() > MAX_PRESENCE_INFO_BYTES {
            return Err("The user_info of a presence member is too large");
        }
        Ok(member)
    }

    async fn sign_in(&mut self, auth: &str, user_data: String) -> Handled {
        let credentials = &self.provider.credentials;
        let user = Member::parse(&user_data, "id")
            .filter(|_| sign::verify_user_auth(credentials, &self.socket_id, &user_data, auth))
            .ok_or(CloseCode::Unauthorized)?;
        let user_id = user.user_id.clone();
        self.user = Some(user);
        let socket_id = self.socket_id.clone();
        self.send(HubCommand::SignIn { socket_id, user_id, user_data }).await
    }

    /// Checks a client event before it goes to the hub. The error is the response to its sender.
    fn check_event(
        &mut self,
        name: &str,
        channel: Option<String>,
        data: &str,
    ) -> Result<ChannelName, Text> {
        let refuse = |text| Err(message::error(None, text));
        if !name.starts_with("client-") {
            return refuse("The name of a client event must start with client-");
        }
        if name.len() > MAX_EVENT_NAME_BYTES || data.len() > MAX_DATA_BYTES {
            return refuse("The client event is too large");
        }
        let channel = channel.as_deref().and_then(|name| ChannelName::parse(name).ok());
        let Some(channel) = channel else {
            return refuse("A client event must name its channel");
        };
        match channel.kind() {
            ChannelKind::Private | ChannelKind::Presence => {}
            ChannelKind::Public | ChannelKind::Encrypted => {
                return refuse("Client events need a private or presence channel");
            }
        }
        if !self.client_events.allow(Instant::now()) {
            let text = "The client event was rejected: more than 10 in a second";
            return Err(message::error(Some(TOO_MANY_CLIENT_EVENTS), text));
        }
        Ok(channel)
    }

    async fn send(&self, command: HubCommand) -> Handled {
        let sent = self.provider.hub.send(command).await;
        sent.map(|()| None).map_err(|HubStopped| CloseCode::ShuttingDown)
    }
}

fn refuse(channel: &str, kind: &str, status: u16, text: &str) -> Handled {
    Ok(Some(message::subscription_error(channel, kind, status, text)))
}
