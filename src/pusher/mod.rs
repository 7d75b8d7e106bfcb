//! The Pusher Channels protocol, shared by the client and the embedded provider.
