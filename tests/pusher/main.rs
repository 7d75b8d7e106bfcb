//! Tests of the Pusher protocol through its public interface: signatures, the client against
//! scripted servers, and the embedded provider over real sockets.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, its helpers too")]

mod channel_lists;
mod client;
mod concurrency;
mod destination;
mod diagnosis;
mod dialects;
mod encryption;
mod fitting;
#[path = "../support/fuzz.rs"]
mod fuzz;
mod fuzz_names;
#[allow(dead_code, reason = "these tests start no processes")]
#[path = "../support/logs.rs"]
mod logs;
mod names;
mod outcome;
mod provider;
mod responder;
mod scripted;
mod sign;
mod user_channels;
mod vectors;
mod webhook;

use matchcast::pusher::{Credentials, MasterKey};

const SECRET: &str = "7ad3773142a6692b25b8";
const MASTER_KEY: &str = "zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU=";

fn credentials() -> Credentials {
    Credentials::new("3", "278d425bdf160c739803", SECRET)
}

/// The same app, with a master key for encrypted channels.
fn encrypting_credentials() -> Credentials {
    credentials().with_master_key(MasterKey::parse_base64(MASTER_KEY).unwrap())
}
