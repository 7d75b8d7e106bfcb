//! What a client may ask of its connection: to subscribe, to sign in, to pass an event on.
//!
//! Every signature is verified here, in the connection's own task, so that the hub only sees what
//! is allowed. What is refused is answered; only a forged sign-in ends the connection.

use tokio::time::Instant;

use super::close_code::Closing;
use super::command::{Command, Gone};
use super::message::{self, Member, Request, Subscription, Text};
use super::socket::{End, Socket};
use crate::pusher::{
    ChannelKind, ChannelName, MAX_DATA_BYTES, MAX_EVENT_NAME_BYTES, MAX_PRESENCE_INFO_BYTES,
    USER_CHANNEL_PREFIX, sign,
};

/// The code that says: more client events than allowed.
const TOO_FAST: u16 = 4301;

impl Socket {
    pub(super) async fn answer(&mut self, request: Request) -> Result<(), End> {
        match request {
            Request::Ping => self.write(&message::pong()).await,
            Request::Pong => Ok(()),
            Request::Subscribe(subscription) => self.subscribe(subscription).await,
            Request::Unsubscribe { channel } => match ChannelName::parse(&channel) {
                Ok(channel) => {
                    let socket_id = self.socket_id.clone();
                    self.tell_hub(Command::Unsubscribe { socket_id, channel }).await
                }
                Err(_) => Ok(()),
            },
            Request::SignIn { auth, user_data } => self.sign_in(&auth, user_data).await,
            Request::Event { name, channel, data } => match self.check_event(&name, channel, &data)
            {
                Ok(channel) => {
                    let socket_id = self.socket_id.clone();
                    self.tell_hub(Command::ClientEvent { socket_id, channel, name, data }).await
                }
                Err(error) => self.write(&error).await,
            },
        }
    }

    async fn subscribe(&mut self, subscription: Subscription) -> Result<(), End> {
        let name = &subscription.channel;
        if let Some(user_id) = name.strip_prefix(USER_CHANNEL_PREFIX) {
            // Signing in is what subscribes; client libraries ask for it all the same.
            let is_own = self.user.as_ref().is_some_and(|user| user.user_id == user_id);
            return if is_own {
                self.write(&message::subscription_succeeded(name)).await
            } else {
                self.refuse(name, "AuthError", 401, "This channel needs a sign-in").await
            };
        }
        let Ok(channel) = ChannelName::parse(name) else {
            return self.refuse(name, "InvalidChannel", 400, "Invalid channel name").await;
        };
        if channel.kind() != ChannelKind::Public && !self.is_authorized(&channel, &subscription) {
            let text = "The connection is not authorized for this channel: invalid signature";
            return self.refuse(name, "AuthError", 401, text).await;
        }
        let member = match channel.kind() {
            ChannelKind::Presence => match self.member(&subscription) {
                Ok(member) => Some(member),
                Err(text) => return self.refuse(name, "InvalidData", 400, text).await,
            },
            _ => None,
        };
        let socket_id = self.socket_id.clone();
        self.tell_hub(Command::Subscribe { socket_id, channel, member }).await
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

    /// Who subscribes: what the signed data says or, without any, who has signed in.
    fn member(&self, subscription: &Subscription) -> Result<Member, &'static str> {
        let member = match &subscription.channel_data {
            Some(data) => message::parse_member(data, "user_id"),
            None => self.user.clone(),
        };
        let member = member.ok_or("A presence channel needs channel_data with a user_id")?;
        if member.user_info.to_string().len() > MAX_PRESENCE_INFO_BYTES {
            return Err("The user_info of a presence member is too large");
        }
        Ok(member)
    }

    async fn sign_in(&mut self, auth: &str, user_data: String) -> Result<(), End> {
        let credentials = &self.provider.credentials;
        let user = message::parse_member(&user_data, "id")
            .filter(|_| sign::verify_user_auth(credentials, &self.socket_id, &user_data, auth));
        let Some(user) = user else {
            return Err(End::Closing(Closing::Unauthorized));
        };
        let user_id = user.user_id.clone();
        self.user = Some(user);
        let socket_id = self.socket_id.clone();
        self.tell_hub(Command::SignIn { socket_id, user_id, user_data }).await
    }

    /// Whether a client event may go to the hub, which then knows who hears it; otherwise what
    /// its sender is told.
    fn check_event(
        &mut self,
        name: &str,
        channel: Option<String>,
        data: &str,
    ) -> Result<ChannelName, Text> {
        let refuse = |text| Err(message::error(None, text));
        if !name.starts_with("client-") {
            return refuse("An event of a client must start with client-");
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
        if !self.client_events.take(Instant::now()) {
            let text = "The client event was rejected: more than 10 in a second";
            return Err(message::error(Some(TOO_FAST), text));
        }
        Ok(channel)
    }

    async fn refuse(
        &mut self,
        channel: &str,
        kind: &str,
        status: u16,
        text: &str,
    ) -> Result<(), End> {
        self.write(&message::subscription_error(channel, kind, status, text)).await
    }

    async fn tell_hub(&self, command: Command) -> Result<(), End> {
        let sent = self.provider.hub.send(command).await;
        sent.map_err(|Gone| End::Closing(Closing::ShuttingDown))
    }
}
