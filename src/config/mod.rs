//! Settings: typed, checked once at start, and never changed.
//!
//! Sources, later ones win: config/default.toml (part of the binary), config/{APP_ENV}.toml, .env,
//! the environment. The default file contains every key with its type, so it is also the schema:
//! any other key is an error. Secrets are never printed.
//!
//! `dotenv` reads .env, `layers` merges the sources, `raw` parses the result, and `validate` turns
//! it into a [`Config`].

mod cookies;
mod dotenv;
mod error;
mod laravel_map;
mod layers;
mod market;
mod matched_shape;
mod number;
mod origin;
mod raw;
mod secret;
mod settings;
mod validate;
mod value;
mod withdrawals;

pub use error::ConfigError;
pub use laravel_map::parse_laravel_map;
pub use layers::Sources;
pub use number::OneTo;
pub use secret::{Secret, SecretBytes};
pub use settings::{
    Admin, Auth, Backoff, Broadcasting, Config, Cookies, Delivery, Demo, Embedded, Engine,
    Environment, Events, ExcessDecimals, Http, Limits, Log, LogFormat, PublicAddress, Publisher,
    Pusher, ReadReplicas, SameSite, Scheme, Webhooks,
};

impl Config {
    /// Reads the files in the working directory and the environment of the process.
    pub fn from_process() -> Result<Self, ConfigError> {
        Self::from_sources(&Sources::of_process()?)
    }

    pub fn from_sources(sources: &Sources) -> Result<Self, ConfigError> {
        validate::validate(raw::Raw::parse(layers::merge(sources)?)?)
    }
}
