//! The limits of the protocol. A provider may have further limits of its own.

/// Maximum size of the `data` of one event as it is sent, in bytes of the string (10 KiB by the
/// public documentation). `data_limit` returns the maximum for a channel.
pub const MAX_DATA_BYTES: usize = 10_240;
/// Maximum number of channels in one `events` request.
pub const MAX_CHANNELS_PER_CALL: usize = 100;
/// Maximum number of events in one batch.
pub const MAX_EVENTS_PER_BATCH: usize = 10;
/// Maximum length of an event name, in bytes.
pub const MAX_EVENT_NAME_BYTES: usize = 200;
/// Maximum length of a channel name, in bytes. The documentation says 164 and the official
/// libraries allow 200, so this is the larger number.
pub const MAX_CHANNEL_NAME_BYTES: usize = 200;
/// Maximum length of a socket id, in bytes. Real ones have about twenty.
pub const MAX_SOCKET_ID_BYTES: usize = 64;
/// Maximum number of distinct users on one presence channel.
pub const MAX_PRESENCE_MEMBERS: usize = 100;
/// Maximum size of the `user_info` of one presence member, in bytes of its JSON.
pub const MAX_PRESENCE_INFO_BYTES: usize = 1_024;
/// Maximum length of a user id, in bytes.
pub const MAX_USER_ID_BYTES: usize = 128;
/// Maximum number of client events that one connection may send per second.
pub const MAX_CLIENT_EVENTS_PER_SECOND: usize = 10;
