//! `[[markets]]`: what differs per market.

use matchcast::market::{CommissionRates, Fixed};

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
    let buyer = fixed("0.002");
    assert_eq!(eth.commission, CommissionRates::BySide { buyer, seller: Fixed::ZERO });
    assert_eq!(
        (eth_btc.rules.min_value, eth_btc.rules.tick_size),
        (fixed("0.0001"), fixed("0.01"))
    );
    let of_pages: Vec<&str> = listings.symbols_quoted_in_usd().collect();
    assert_eq!(of_pages, ["BTC", "ETH"], "existing pages show USD only");
}

#[test]
fn commission_is_by_side_or_by_role() {
    let commissions = |file: &str, variables: &[(&str, &str)]| {
        let listings = read_file(file, variables).unwrap().market.listings;
        let [btc, eth] = [0, 1].map(|n| listings.markets[n].conditions.commission);
        assert_eq!(btc, listings.others.commission, "{file}");
        (btc, eth)
    };
    let by_side =
        |buyer, seller| CommissionRates::BySide { buyer: fixed(buyer), seller: fixed(seller) };
    let by_role =
        |maker, taker| CommissionRates::ByRole { maker: fixed(maker), taker: fixed(taker) };
    let of_eth = |text: &str| format!("[[markets]]\nsymbol = \"ETH\"\n{text}");
    let roles = "maker_commission = \"0.001\"\ntaker_commission = \"0.002\"";
    let variables =
        [("MATCHCAST__COMMISSION__MAKER", "0.01"), ("MATCHCAST__COMMISSION__TAKER", "0.02")];
    assert_eq!(
        commissions(&of_eth(roles), &[]),
        (by_side("0.015", "0"), by_role("0.001", "0.002"))
    );
    assert_eq!(
        commissions(&of_eth("maker_commission = \"0\""), &variables),
        (by_role("0.01", "0.02"), by_role("0", "0.02"))
    );
    let sides = "buyer_commission = \"0.1\"\nseller_commission = \"0.2\"";
    assert_eq!(
        commissions(&of_eth(sides), &variables),
        (by_role("0.01", "0.02"), by_side("0.1", "0.2"))
    );
    let needed = "buyer_commission = \"0.1\"";
    check_error(read_file(&of_eth(needed), &variables), "seller_commission", needed);
    check_error(read(&variables[..1]), "MATCHCAST__COMMISSION__TAKER", "a maker alone");
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
        ("symbol = \"BTC\"\nmaker_commission = \"1.1\"", "maker_commission"),
        ("symbol = \"BTC\"\nmaker_commission = \"0\"", "taker_commission"),
        (
            "symbol = \"BTC\"\nbuyer_commission = \"0\"\ntaker_commission = \"0\"",
            "either buyer_commission",
        ),
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
