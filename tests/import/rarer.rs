//! Damages that are rare, and a source in which sellers have paid nothing.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::data::secret;
use crate::source::Source;
use crate::support::app::TestApp;
use crate::support::database::Database;
use crate::support::process;
use crate::{findings, import, with_token};

/// Two users: the first has US dollars, the second BTC.
const TABLES: &str = "CREATE TABLE users (id integer PRIMARY KEY, name text, email text, \
        password text, balance numeric); \
    INSERT INTO users VALUES (1, 'Ann', 'ann@example.com', NULL, 1000), \
        (2, 'Ben', 'ben@example.com', NULL, 0); \
    CREATE TABLE orders (id integer PRIMARY KEY, user_id integer, symbol text, side text, \
        price text, amount text, filled_amount text, status integer); \
    CREATE TABLE trades (id integer PRIMARY KEY, buy_order_id integer, sell_order_id integer, \
        price numeric, amount numeric, commission text); \
    CREATE TABLE assets (id integer PRIMARY KEY, user_id integer, symbol text, amount text, \
        locked_amount text);";

fn source(rows: &str) -> Source {
    Source::sqlite(&[TABLES, rows])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commission_that_differs_and_rows_that_nothing_fits_are_named() {
    // The commission of order 1 should be 1.5. Order 3 is worth a tenth of a unit. User 7 is none.
    let source = source(
        "INSERT INTO orders VALUES (1, 1, 'BTC', 'buy', '100', '2', '1', 1), \
            (2, 2, 'BTC', 'sell', '100', '1', '1', 2), \
            (3, 1, 'BTC', 'buy', '0.0001', '0.00001', '0', 1); \
         INSERT INTO trades VALUES (1, 1, 2, 100, 1, '1.4'); \
         INSERT INTO assets VALUES (1, 2, 'BTC', '2.000000004999', '0'), \
            (2, 2, 'ETH', '1.000000005', '0'); \
         CREATE TABLE balance_histories (id integer PRIMARY KEY, user_id integer, \
            balance numeric, credit numeric, debit numeric); \
         INSERT INTO balance_histories VALUES (1, 1, 1000, 1000, 0), (2, 7, 5, 5, 0)",
    );
    let target = Database::sqlite();
    let (code, output) = import(&source, &target, "--json").await;
    assert_eq!(code, 0, "{output}");
    let report: Value = serde_json::from_str(&output).unwrap();
    let expected = [
        ("commission_differs", "orders", 1),
        ("excess_decimals", "assets", 1),
        ("excess_decimals", "assets", 2),
        ("history_without_owner", "balance_histories", 2),
        ("worthless_order", "orders", 3),
    ];
    let expected: BTreeSet<_> =
        expected.map(|(name, table, row)| (name.to_owned(), table.to_owned(), row)).into();
    assert_eq!(findings(&report), expected, "{report}");

    let (code, output) = import(&source, &target, "--apply").await;
    assert_eq!(code, 0, "{output}");
    target.audit();
    let one = |what: &str| target.assert(&format!("(SELECT count(*) FROM {what}) = 1"));
    one("trades WHERE buyer_commission = 150000000");
    one("orders WHERE id = 1 AND commission = 150000000 AND status = 1");
    one("orders WHERE id = 3 AND status = 3 AND reserved = 0");
    one("accounts WHERE user_id = 2 AND available = 200000000");
    one("accounts WHERE user_id = 2 AND available = 100000001");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rest_of_a_partly_filled_sell_order_pays_the_sellers_commission() {
    let mut source = source(
        "INSERT INTO orders VALUES (1, 2, 'BTC', 'sell', '100', '2', '1', 1), \
            (2, 1, 'BTC', 'buy', '100', '1', '1', 2); \
         INSERT INTO trades VALUES (1, 2, 1, 100, 1, NULL); \
         INSERT INTO assets VALUES (1, 2, 'BTC', '1', '1')",
    );
    source.execute(
        "CREATE TABLE personal_access_tokens (id integer PRIMARY KEY, tokenable_type text, \
            tokenable_id integer, name text, token text, abilities text)",
    );
    for user in [1, 2] {
        let hash = hex::encode(Sha256::digest(secret(user)));
        source.execute(&format!(
            "INSERT INTO personal_access_tokens VALUES ({user}, 'App\\Models\\User', {user}, \
                'api', '{hash}', '[\"*\"]')"
        ));
    }
    let target = Database::sqlite();
    let rates = [
        ("MATCHCAST__COMMISSION__BUYER", "0".to_owned()),
        ("MATCHCAST__COMMISSION__SELLER", "0.01".to_owned()),
    ];
    let command = format!("import-laravel --from {} --apply", source.url());
    let (code, output) = process::run(&command, &target.url, &rates).await;
    assert_eq!(code, 0, "{output}");
    target.audit();

    let [(buyer, none), (seller, rate)] = &rates;
    let variables =
        [(*buyer, none.as_str()), (*seller, rate), ("MATCHCAST__DEMO__ENABLED", "false")];
    let app = TestApp::start_with(&target, &variables).await;
    let (buyer, seller) = (with_token(&app, 1), with_token(&app, 2));
    let placed = buyer.place("BTC", "buy", "100", "1").await.data();
    assert_eq!(placed["trades"][0]["sell_order_id"], 1, "{placed}");
    // Nothing for the fill before the import, 1 % of 100 for this one.
    assert_eq!(seller.available("USD").await, "99");
    app.stop();
    target.audit();
}
