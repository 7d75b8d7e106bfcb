//! The address that a client counts for, wherever connections or attempts are limited by address.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::HttpRequest;

/// The bits of an IPv6 address that belong to one network. A client may use all of it.
const IPV6_NETWORK: u128 = !(u64::MAX as u128);

/// The address of the client, of an IPv6 address its network.
pub fn client_address(request: &HttpRequest) -> Option<IpAddr> {
    exact_address(request).map(network)
}

/// The whole address of the client. `X-Forwarded-For` is believed only if a proxy on this machine
/// sent it, because anybody else can write anything into it.
pub fn exact_address(request: &HttpRequest) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    let forwarded = request.headers().get_all("x-forwarded-for").last();
    let forwarded = forwarded.and_then(|value| value.to_str().ok());
    Some(choose(peer, forwarded).to_canonical())
}

fn choose(peer: IpAddr, forwarded: Option<&str>) -> IpAddr {
    // A proxy adds its client at the end.
    let client = forwarded.and_then(|list| list.rsplit(',').next()?.trim().parse().ok());
    match client {
        Some(client) if peer.is_loopback() => client,
        _ => peer,
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & IPV6_NETWORK)),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_proxy_is_believed_and_an_ipv6_network_is_one_client() {
        for (peer, forwarded, expected) in [
            ("127.0.0.1", None, "127.0.0.1"),
            ("127.0.0.1", Some("192.0.2.1"), "192.0.2.1"),
            ("127.0.0.1", Some("198.51.100.9, 192.0.2.1"), "192.0.2.1"),
            ("127.0.0.1", Some("unknown"), "127.0.0.1"),
            ("127.0.0.1", Some(""), "127.0.0.1"),
            ("::1", Some("::ffff:192.0.2.1"), "192.0.2.1"),
            ("::1", Some("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::"),
            ("203.0.113.5", Some("192.0.2.1"), "203.0.113.5"),
            ("2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::"),
        ] {
            let chosen = network(choose(peer.parse().unwrap(), forwarded));
            assert_eq!(chosen.to_string(), expected, "{peer} {forwarded:?}");
        }
    }
}
