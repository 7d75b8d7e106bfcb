//! Why the provider closes a connection, and the code that tells the client how to react:
//! 4000–4099 do not reconnect, 4100–4199 reconnect later, 4200–4299 reconnect at once.

/// A reason to close a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    UnknownKey,
    VersionMalformed,
    ProtocolUnsupported,
    ProtocolMissing,
    /// A sign-in with an invalid signature.
    Unauthorized,
    /// The backend has terminated the connections of this user.
    Terminated,
    OverCapacity,
    /// From one address.
    TooManyConnections,
    SlowConsumer,
    /// The process is shutting down. If clients reconnected at once (4200), they would still reach
    /// this process, after which pusher-js waits for long. A second later there may be a new one.
    ShuttingDown,
    NoPong,
    /// A message above the limit.
    TooLarge,
    /// Text that is not UTF-8.
    InvalidText,
    /// Binary messages are not part of the protocol.
    Binary,
    /// Not WebSocket.
    Malformed,
}

impl CloseCode {
    pub fn code(self) -> u16 {
        match self {
            Self::UnknownKey => 4001,
            Self::VersionMalformed => 4006,
            Self::ProtocolUnsupported => 4007,
            Self::ProtocolMissing => 4008,
            Self::Unauthorized | Self::Terminated => 4009,
            Self::OverCapacity
            | Self::TooManyConnections
            | Self::SlowConsumer
            | Self::ShuttingDown => 4100,
            Self::NoPong => 4201,
            Self::Malformed => 1002,
            Self::Binary => 1003,
            Self::InvalidText => 1007,
            Self::TooLarge => 1009,
        }
    }

    /// Whether the code belongs to the Pusher protocol and not to WebSocket itself.
    pub fn is_pusher_code(self) -> bool {
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
            Self::TooManyConnections => "Too many connections from this address",
            Self::SlowConsumer => "The client reads too slowly: its message queue is full",
            Self::ShuttingDown => "The server is shutting down",
            Self::NoPong => "Pong reply not received in time",
            Self::TooLarge => "Message too large",
            Self::InvalidText => "Text messages must be UTF-8",
            Self::Binary => "Binary messages are not supported",
            Self::Malformed => "Malformed frame",
        }
    }
}
