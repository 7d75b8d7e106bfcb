//! `[[markets]]`: what differs per market.

use matchcast::market::Fixed;

use super::{check_error, read, read_file, symbols};

fn fixed(text: &str) -> Fixed {
    Fixed::parse(text).unwrap()
}

#[test]
fn a_market_differs_in_what_its_table_says() {
    let file = r#"
        [market]
        symbols = ["BTC", "ETH"]
        tick_size = "0.01"

        [[markets]]
        symbol = "ETH"
        tick_size = "0.05"
        max_open_orders = 0
        buyer_commission = "0.002"

        [[markets]]
        symbol = "ETH/BTC"
        min_value = "0.0001"
    "#;
    let config = read_file(file, &[]).unwrap();
    assert_eq!(symbols(&config), ["BTC", "ETH", "ETH/BTC"]);
    let listings = &config.market.listings;
    let assets: Vec<(&str, &str)> =
        listings.markets.iter().map(|m| (m.base.as_str(), m.quote.as_str())).collect();
    assert_eq!(assets, [("BTC", "USD"), ("ETH", "USD"), ("ETH", "BTC")]);
    let [btc, eth, eth_btc] = [0, 1, 2].map(|n| listings.markets[n].conditions);
    assert_eq!(btc, listings.others);
    assert_eq!((btc.rules.tick_size, btc.rules.max_open_orders), (fixed("0.01"), Some(500)));
    assert_eq!((eth.rules.tick_size, eth.rules.max_open_orders), (fixed("0.05"), None));
    assert_eq!((eth.buyer_rate, eth.seller_rate), (fixed("0.002"), Fixed::ZERO));
    assert_eq!(
        (eth_btc.rules.min_value, eth_btc.rules.tick_size),
        (fixed("0.0001"), fixed("0.01"))
    );
    let of_pages: Vec<&str> = listings.symbols_quoted_in_usd().collect();
    assert_eq!(of_pages, ["BTC", "ETH"], "existing pages show USD only");
}

#[test]
fn a_table_that_is_wrong_is_named() {
    for (table, named) in [
        ("tick_size = \"1\"", "symbol"),
        ("symbol = \"BTC\"\ntick = \"1\"", "tick"),
        ("symbol = \"BTC\"\ntick_size = 1", "string"),
        ("symbol = \"BTC\"\ntick_size = \"0\"", "tick_size"),
        ("symbol = \"BTC\"\nlot_size = \"x\"", "lot_size"),
        ("symbol = \"BTC\"\nmax_slippage = \"2\"", "max_slippage"),
        ("symbol = \"BTC\"\nbuyer_commission = \"-1\"", "buyer_commission"),
        ("symbol = \"BTC/USD\"", "BTC/USD"),
        ("symbol = \"BTC/BTC\"", "BTC/BTC"),
        ("symbol = \"btc\"", "btc"),
        ("symbol = \"USD\"", "USD"),
        ("symbol = \"A/B/C\"", "A/B/C"),
        ("symbol = \"BTC/ABCDEFGHIJKLMNOPQ\"", "ABCDEFGHIJKLMNOPQ"),
        ("symbol = \"BTC\"\n[[markets]]\nsymbol = \"BTC\"", "twice"),
    ] {
        let file = format!("[[markets]]\n{table}");
        check_error(read_file(&file, &[]), "[[markets]]", table);
        check_error(read_file(&file, &[]), named, table);
    }
    check_error(read_file("markets = 1", &[]), "markets", "no list");
    check_error(read(&[("MATCHCAST__MARKETS__BTC", "1")]), "MATCHCAST__MARKETS__BTC", "variable");
}
