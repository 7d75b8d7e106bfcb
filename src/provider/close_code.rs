//! Why the provider ends a connection, and the code by which a client knows what to do:
//! 4000–4099 do not come back, 4100–4199 come back later, 4200–4299 come back at once.

/// A reason to end a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    UnknownKey,
    VersionMalformed,
    ProtocolUnsupported,
    ProtocolMissing,
    /// A sign-in that is not signed as it should be.
    Unauthorized,
    /// The backend has ended the connections of this user.
    Terminated,
    OverCapacity,
    SlowConsumer,
    /// The process ends, and this provider with it. To come back at once (4200) would meet the
    /// dying port, after which pusher-js waits long; a second later there may be a new process.
    ShuttingDown,
    NoPong,
    /// A message above the limit.
    TooLarge,
    /// Binary messages are not part of the protocol.
    Binary,
    /// Not WebSocket.
    Malformed,
}

impl Closing {
    pub fn code(self) -> u16 {
        match self {
            Self::UnknownKey => 4001,
            Self::VersionMalformed => 4006,
            Self::ProtocolUnsupported => 4007,
            Self::ProtocolMissing => 4008,
            Self::Unauthorized | Self::Terminated => 4009,
            Self::OverCapacity | Self::SlowConsumer | Self::ShuttingDown => 4100,
            Self::NoPong => 4201,
            Self::Malformed => 1002,
            Self::Binary => 1003,
            Self::TooLarge => 1009,
        }
    }

    /// Whether the code belongs to Pusher and not to WebSocket itself.
    pub fn is_of_the_protocol(self) -> bool {
        self.code() >= 4000
    }

    pub fn message(self) -> &'static str {
        match self {
            Self::UnknownKey => "Could not find app by key",
            Self::VersionMalformed => "Invalid version string format",
            Self::ProtocolUnsupported => "Unsupported protocol version",
            Self::ProtocolMissing => "No protocol version supplied",
            Self::Unauthorized => "Connection not authorized: invalid signature of the sign-in",
            Self::Terminated => "Connection terminated by the app",
            Self::OverCapacity => "Over capacity",
            Self::SlowConsumer => "Too slow: the queue of this connection is full",
            Self::ShuttingDown => "The server is shutting down",
            Self::NoPong => "Pong reply not received in time",
            Self::TooLarge => "Message too large",
            Self::Binary => "Binary messages are not supported",
            Self::Malformed => "Malformed frame",
        }
    }
}
