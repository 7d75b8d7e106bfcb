//! Which provider the configuration means, and how it is reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::events;
use crate::config::{Broadcasting, Config};
use crate::events::decimal::DecimalNumber;
use crate::http::PublicSettings;
use crate::provider::{Limits, Provider};
use crate::publisher::Sink;
use crate::pusher::{
    Client, Credentials, Destination, DestinationSettings, InvalidMasterKey, MasterKey, Timeouts,
};

/// What signs subscriptions and events, and encrypts where there is a key for it.
///
/// # Errors
/// A sentence when the encryption master key is none.
pub fn credentials(config: &Config) -> Result<Credentials, InvalidMasterKey> {
    let pusher = &config.pusher;
    let credentials = Credentials::new(&*pusher.app_id, &*pusher.key, pusher.secret.expose());
    Ok(match pusher.encryption_master_key_base64.expose() {
        "" => credentials,
        text => credentials.with_master_key(MasterKey::parse_base64(text)?),
    })
}

/// The embedded provider, where the configuration asks for it.
pub fn embedded(config: &Config, credentials: Credentials) -> Option<Provider> {
    (config.broadcasting == Broadcasting::Embedded)
        .then(|| Provider::start(credentials, Limits::default()))
}

/// Where the publisher sends events. `address` is where this process listens.
pub fn sink(config: &Config, address: SocketAddr) -> anyhow::Result<Sink> {
    Ok(match config.broadcasting {
        Broadcasting::Log => Sink::Log,
        Broadcasting::Null => Sink::Nowhere,
        Broadcasting::Pusher | Broadcasting::Embedded => {
            let client = client(config, address)?;
            tracing::info!(destination = %client.destination(), "events go to the provider");
            Sink::Provider(Arc::new(client))
        }
    })
}

/// The client of the provider that the configuration names.
pub fn client(config: &Config, address: SocketAddr) -> anyhow::Result<Client> {
    let pusher = &config.pusher;
    let local = reachable(address);
    let destination = if config.broadcasting == Broadcasting::Embedded {
        let host = local.ip().to_string();
        let (port, scheme) = (Some(local.port()), Some("http"));
        Destination::new(DestinationSettings {
            host: Some(&host),
            port,
            scheme,
            ..DestinationSettings::default()
        })?
    } else {
        Destination::new(DestinationSettings {
            cluster: Some(&pusher.cluster),
            host: Some(&pusher.host),
            port: (pusher.port > 0).then_some(pusher.port),
            scheme: Some(&pusher.scheme),
            path_prefix: Some(&pusher.path),
        })?
    };
    let timeouts = Timeouts {
        connect: Duration::from_millis(pusher.connect_timeout_ms),
        request: Duration::from_millis(pusher.request_timeout_ms),
    };
    let client = Client::new(destination, credentials(config)?, timeouts)?;
    Ok(match pusher.request_limit_bytes {
        0 => client,
        bytes => client.with_request_limit(bytes),
    })
}

/// What pages may know of the provider.
pub fn public_settings(config: &Config) -> PublicSettings {
    let pusher = &config.pusher;
    let external = config.broadcasting == Broadcasting::Pusher && !pusher.host.is_empty();
    PublicSettings {
        key: pusher.key.clone(),
        cluster: pusher.cluster.clone(),
        host: external.then(|| pusher.host.clone()),
        port: (external && pusher.port > 0).then_some(pusher.port),
        tls: config.broadcasting == Broadcasting::Pusher && pusher.scheme == "https",
        embedded: config.broadcasting == Broadcasting::Embedded,
        demo: config.demo.enabled,
        symbols: config.markets.clone(),
        events: events::enabled_names(&config.events),
        buyer_commission: DecimalNumber(config.commission.buyer),
    }
}

/// An address at which this machine reaches what listens on `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
