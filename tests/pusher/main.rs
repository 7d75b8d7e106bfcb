//! The Pusher protocol from outside: signatures, the client against scripted servers, and the
//! embedded provider over real sockets.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, its helpers too")]

mod client;
mod destination;
mod diagnosis;
mod names;
mod outcome;
mod provider;
mod scripted;
mod sign;
mod vectors;

use matchcast::pusher::Credentials;

const SECRET: &str = "7ad3773142a6692b25b8";

fn credentials() -> Credentials {
    Credentials::new("3", "278d425bdf160c739803", SECRET)
}
