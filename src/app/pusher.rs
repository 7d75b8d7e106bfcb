//! The provider that the configuration selects, and how to reach it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::Arc;

use super::events;
use crate::config::{Broadcasting, Config, Scheme};
use crate::events::decimal::DecimalNumber;
use crate::http::{DemoTraders, PublicSettings};
use crate::market::Side;
use crate::provider::{Limits, Provider};
use crate::publisher::Sink;
use crate::pusher::{
    Client, Credentials, Destination, DestinationSettings, InvalidMasterKey, MasterKey, Timeouts,
};

/// Events in a request to the embedded provider: it takes more at once than hosted Pusher, and a
/// request costs more than an event. A fraction of what may be queued for a connection.
const EMBEDDED_BATCH: usize = 50;

/// The credentials that sign subscriptions and requests and, with a master key, encrypt events.
///
/// # Errors
/// If the encryption master key is invalid.
pub fn credentials(config: &Config) -> Result<Credentials, InvalidMasterKey> {
    let pusher = &config.pusher;
    let credentials = Credentials::new(&*pusher.app_id, &*pusher.key, pusher.secret.expose());
    Ok(match pusher.encryption_master_key_base64.expose() {
        "" => credentials,
        text => credentials.with_master_key(MasterKey::parse_base64(text)?),
    })
}

/// The embedded provider, if it is configured.
pub fn embedded(config: &Config, credentials: Credentials) -> Option<Provider> {
    let limits = Limits {
        connections: config.embedded.connections.get(),
        connections_per_address: config.embedded.connections_per_address.get(),
        events_per_batch: EMBEDDED_BATCH,
        ..Limits::default()
    };
    (config.broadcasting == Broadcasting::Embedded).then(|| Provider::start(credentials, limits))
}

/// The destination of the publisher. `address` is where this process listens.
pub fn sink(config: &Config, address: SocketAddr) -> anyhow::Result<Sink> {
    Ok(match config.broadcasting {
        Broadcasting::Log => {
            tracing::info!(
                "events go to the log (BROADCAST_CONNECTION=log), and no page gets them"
            );
            Sink::Log
        }
        Broadcasting::Null => {
            tracing::info!("events are discarded (BROADCAST_CONNECTION=null)");
            Sink::Nowhere
        }
        Broadcasting::Pusher => {
            let client = client(config, address)?;
            tracing::info!("events go to the provider at {}", client.destination());
            Sink::Provider(Arc::new(client))
        }
        Broadcasting::Embedded => {
            let client = client(config, address)?;
            tracing::info!(
                "events go to the embedded provider at {} (for evaluation and tests)",
                client.destination()
            );
            Sink::Provider(Arc::new(client))
        }
    })
}

/// A client of the configured provider.
pub fn client(config: &Config, address: SocketAddr) -> anyhow::Result<Client> {
    let pusher = &config.pusher;
    let local = own_address(address);
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
            port: pusher.port.map(NonZeroU16::get),
            scheme: Some(pusher.scheme.as_str()),
            path_prefix: Some(&pusher.path),
        })?
    };
    let timeouts = Timeouts { connect: pusher.connect_timeout, request: pusher.request_timeout };
    let client = Client::new(destination, credentials(config)?, timeouts)?;
    if config.broadcasting == Broadcasting::Embedded {
        return Ok(client.with_max_events(EMBEDDED_BATCH));
    }
    let client = client.with_max_events(pusher.max_events_per_request.get().unsigned_abs().into());
    Ok(match pusher.request_limit_bytes {
        Some(bytes) => client.with_request_limit(bytes.get()),
        None => client,
    })
}

/// The settings that pages need to connect to the provider.
pub fn public_settings(config: &Config, demo_traders: Option<&DemoTraders>) -> PublicSettings {
    let pusher = &config.pusher;
    let is_external = config.broadcasting == Broadcasting::Pusher;
    let public = &pusher.public;
    let has_host = is_external && !public.host.is_empty();
    let commission = config.market.listings.others.commission;
    let names = events::names(&config.events);
    PublicSettings {
        key: pusher.key.clone(),
        cluster: pusher.cluster.clone(),
        host: has_host.then(|| public.host.clone()),
        port: public.port.map(NonZeroU16::get).filter(|_| has_host),
        tls: is_external && public.scheme == Scheme::Https,
        embedded: config.broadcasting == Broadcasting::Embedded,
        demo: config.demo.enabled,
        demo_traders: demo_traders.map(|traders| traders.symbol.clone()),
        symbols: config.market.listings.symbols_quoted_in_usd().map(str::to_owned).collect(),
        events: names.iter().map(|(_, name)| name.clone()).collect(),
        event_names: names.into_iter().map(|(kind, name)| (kind.to_string(), name)).collect(),
        user_channels: config.delivery.user_channels.patterns().collect(),
        buyer_commission: DecimalNumber(commission.of(Side::Buy).highest()),
    }
}

/// The address at which this process reaches its own server, which listens on `address`.
fn own_address(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
