//! What the server says about itself: its provider, and the market of the orders.

use anyhow::Context;
use reqwest::Url;
use serde_json::Value;

use super::api::Api;
use crate::market::Fixed;

const PREFERRED_MARKET: &str = "ETH";
/// Without an order or a trade there is no price to begin with.
const FIRST_PRICE: Fixed = Fixed::from_units(1_000 * Fixed::ONE.units());
const ENCRYPTED: &str = "private-encrypted-";
const PROTOCOL: &str = "protocol=7&client=matchcast-demo-traffic&version=1";

/// A running server.
pub struct Instance {
    /// Where clients connect to the provider.
    pub socket_url: String,
    /// The channel of a user's events, with `{id}` in place of the id.
    pub channel: String,
    /// Users can register and get money.
    pub has_faucet: bool,
    pub market: Terms,
}

/// A market, and what its orders must fulfil.
pub struct Terms {
    pub symbol: String,
    pub base: String,
    pub quote: String,
    pub tick_size: Fixed,
    pub lot_size: Fixed,
    pub min_value: Fixed,
    /// Around which orders are placed.
    pub price: Fixed,
}

impl Instance {
    /// `symbol` is the market that is asked for.
    pub async fn find(api: &Api, symbol: Option<&str>) -> anyhow::Result<Self> {
        let settings = api.get("/config", None).await?;
        let markets = api.get("/markets", None).await?;
        let markets = markets.as_array().context("the server has no list of markets")?;
        let of_symbol = |symbol: &str| markets.iter().find(|market| market["symbol"] == symbol);
        let market = match symbol {
            Some(symbol) => of_symbol(symbol).with_context(|| format!("there is no {symbol}"))?,
            None => {
                of_symbol(PREFERRED_MARKET).or(markets.first()).context("there is no market")?
            }
        };
        Ok(Self {
            socket_url: socket_url(&settings, api.root())?,
            channel: channel(&settings)?,
            has_faucet: settings["demo"] == true,
            market: Terms::read(api, market).await?,
        })
    }
}

impl Terms {
    async fn read(api: &Api, market: &Value) -> anyhow::Result<Self> {
        let text = |field: &str| market[field].as_str().map(str::to_owned);
        let symbol = text("symbol").context("a market has no symbol")?;
        let price = price(api, &symbol).await?;
        let price = price.or_else(|| decimal(&market["last_price"])).unwrap_or(FIRST_PRICE);
        Ok(Self {
            base: text("base").context("a market has no base")?,
            quote: text("quote").context("a market has no quote")?,
            tick_size: decimal(&market["tick_size"]).context("a market has no tick size")?,
            lot_size: decimal(&market["lot_size"]).context("a market has no lot size")?,
            min_value: decimal(&market["min_value"]).context("a market has no minimum value")?,
            symbol,
            price,
        })
    }
}

/// The middle of the best prices, or the only one.
async fn price(api: &Api, symbol: &str) -> anyhow::Result<Option<Fixed>> {
    let ticker = api.get(&format!("/ticker?symbol={symbol}"), None).await?;
    let (bid, ask) = (decimal(&ticker["best_bid"]), decimal(&ticker["best_ask"]));
    let middle = bid.zip(ask).and_then(|(bid, ask)| {
        let half = ask.checked_sub(bid)?.units() / 2;
        bid.checked_add(Fixed::from_units(half))
    });
    Ok(middle.or(bid).or(ask))
}

/// A number of the API.
pub fn decimal(value: &Value) -> Option<Fixed> {
    match value {
        Value::Number(number) => Fixed::parse(&number.to_string()).ok(),
        Value::String(text) => Fixed::parse(text).ok(),
        _ => None,
    }
}

/// As the dashboard finds it.
fn socket_url(settings: &Value, root: &Url) -> anyhow::Result<String> {
    let key = settings["key"].as_str().filter(|key| !key.is_empty());
    let key = key.context("the server names no key of its provider")?;
    let (is_secure, host, port) = if settings["embedded"] == true {
        (root.scheme() == "https", root.host_str().map(str::to_owned), root.port())
    } else if let Some(host) = settings["host"].as_str().filter(|host| !host.is_empty()) {
        let port = settings["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        (settings["tls"] == true, Some(host.to_owned()), port)
    } else {
        let cluster = settings["cluster"].as_str().unwrap_or("mt1");
        (true, Some(format!("ws-{cluster}.pusher.com")), None)
    };
    let host = host.context("the server names no host of its provider")?;
    let scheme = if is_secure { "wss" } else { "ws" };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{scheme}://{host}{port}/app/{key}?{PROTOCOL}"))
}

/// An unencrypted channel if there is one.
fn channel(settings: &Value) -> anyhow::Result<String> {
    let patterns: Vec<&str> = settings["user_channels"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let plain = patterns.iter().find(|pattern| !pattern.starts_with(ENCRYPTED));
    let pattern = plain.or(patterns.first()).context("the server names no channel of users")?;
    Ok((*pattern).to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_address_of_the_provider_follows_from_the_settings() {
        for (root, settings, expected) in [
            ("http://127.0.0.1:8080", json!({ "embedded": true }), "ws://127.0.0.1:8080"),
            ("https://demo.example/", json!({ "embedded": true }), "wss://demo.example"),
            ("http://a.example", json!({ "cluster": "eu" }), "wss://ws-eu.pusher.com"),
            (
                "http://a.example",
                json!({ "host": "ws.example", "port": 6001, "tls": false }),
                "ws://ws.example:6001",
            ),
            ("http://a.example", json!({ "host": "ws.example", "tls": true }), "wss://ws.example"),
        ] {
            let mut settings = settings;
            settings["key"] = json!("k");
            let url = socket_url(&settings, &Url::parse(root).unwrap()).unwrap();
            assert_eq!(url, format!("{expected}/app/k?{PROTOCOL}"));
        }
        let root = Url::parse("http://a.example").unwrap();
        assert!(socket_url(&json!({ "key": "", "embedded": true }), &root).is_err());
    }

    #[test]
    fn an_unencrypted_channel_is_preferred() {
        let both = ["private-encrypted-user.{id}", "private-user.{id}"];
        assert_eq!(channel(&json!({ "user_channels": both })).unwrap(), both[1]);
        assert_eq!(channel(&json!({ "user_channels": [both[0]] })).unwrap(), both[0]);
        assert!(channel(&json!({ "user_channels": [] })).is_err());
    }
}
