//! `[[withdrawals]]`: the terms of withdrawals of an asset.

use matchcast::market::{Fixed, WithdrawalTerms};

use super::{check_error, read_file};

fn fixed(text: &str) -> Fixed {
    Fixed::parse(text).unwrap()
}

fn terms(min: &str, fee: &str, daily_limit: Option<&str>) -> WithdrawalTerms {
    WithdrawalTerms { min: fixed(min), fee: fixed(fee), daily_limit: daily_limit.map(fixed) }
}

#[test]
fn an_asset_has_what_its_table_says() {
    let file = r#"
        [admin]
        four_eyes = true

        [[withdrawals]]
        asset = "USD"
        min = "10"
        fee = "1.5"
        daily_limit = "5000"

        [[withdrawals]]
        asset = "BTC"
        fee = "0.0001"

        [[withdrawals]]
        asset = "ETH"
    "#;
    let config = read_file(file, &[]).unwrap();
    assert!(config.admin.four_eyes);
    assert_eq!(config.withdrawals.len(), 3);
    assert_eq!(config.withdrawals["USD"], terms("10", "1.5", Some("5000")));
    // No amount is lost in its fee.
    assert_eq!(config.withdrawals["BTC"], terms("0.00010001", "0.0001", None));
    assert_eq!(config.withdrawals["ETH"], WithdrawalTerms::NONE);
    let config = read_file("", &[("MATCHCAST__ADMIN__FOUR_EYES", "true")]).unwrap();
    assert!(config.admin.four_eyes && config.withdrawals.is_empty());
}

#[test]
fn invalid_terms_are_refused() {
    for (table, expected) in [
        ("", "missing field `asset`"),
        ("asset = \"DOGE\"", "no market has the asset \"DOGE\""),
        ("asset = \"usd\"", "no market has the asset \"usd\""),
        ("asset = \"USD\"\nmin = \"0\"", "min must be at least 0.00000001"),
        ("asset = \"USD\"\nmin = \"0.000000001\"", "min must be at least 0.00000001"),
        ("asset = \"USD\"\nfee = \"-1\"", "fee must be at least 0"),
        ("asset = \"USD\"\nfee = \"x\"", "fee must be at least 0"),
        ("asset = \"USD\"\nmin = \"2\"\nfee = \"2\"", "min must be greater than fee"),
        ("asset = \"USD\"\nmin = \"2\"\ndaily_limit = \"1\"", "daily_limit must not be less"),
        ("asset = \"USD\"\ndaily_limit = \"0\"", "daily_limit must be at least"),
        ("asset = \"USD\"\nlimit = \"1\"", "unknown field `limit`"),
        (
            "asset = \"USD\"\n[[withdrawals]]\nasset = \"USD\"",
            "[[withdrawals]] 2: USD is there twice",
        ),
    ] {
        let file = format!("[[withdrawals]]\n{table}");
        check_error(read_file(&file, &[]), expected, table);
    }
}
