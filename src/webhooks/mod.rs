//! Webhooks: events are posted to URLs that users and operators have registered.
//!
//! Requests are signed as [Standard Webhooks](https://www.standardwebhooks.com) describes. The
//! messages are written in the transactions that caused their events, see
//! [`crate::store::webhook_messages`]; this module delivers them. Guarantees:
//!
//! - Each message is delivered at least once, or its log says why not. Its id is the same in every
//!   attempt, so a receiver can recognize repetitions. Messages may arrive in any order.
//! - An endpoint that fails delays no other, and not the events for pages: each has its own pause.
//! - No request is sent to an address that is not public, unless that is allowed. The address that
//!   a connection is opened to is checked, not one that was resolved before. Redirects are not
//!   followed.

mod address;
mod destinations;
mod dispatcher;
mod schedule;
mod sender;
mod signature;
mod target;

pub use dispatcher::{Dispatcher, DispatcherSettings};
pub use sender::message_id;
pub use signature::Secret;
pub use target::{Target, TargetError};
