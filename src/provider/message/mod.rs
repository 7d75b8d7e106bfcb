//! The JSON messages of WebSocket connections.
//!
//! A message is an object `{event, channel?, data?}`. In messages from the server `data` is a
//! *string* that contains JSON, except in the two error events, which contain an object as those of
//! the hosted service do.

mod client;
mod member;
mod server;

pub use client::{ClientMessage, Malformed, Subscription, parse};
pub use member::Member;
pub use server::{
    Text, closing, connection_established, error, event, member_added, member_removed, ping, pong,
    presence_succeeded, signin_success, subscription_error, subscription_succeeded,
};
