//! The dashboard: its files, and the trades of a market, which only the dashboard reads.

use reqwest::Method;

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};

on_both! {
    async fn trades_of_a_market_come_newest_first(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        for price in ["50000", "50000.5"] {
            alice.place("BTC", "buy", price, "0.01").await;
            bob.place("BTC", "sell", price, "0.01").await;
        }
        bob.place("ETH", "sell", "2000", "1").await;
        alice.place("ETH", "buy", "2000", "1").await;

        let prices = |response: Response| {
            let trades = response.data().as_array().expect("a list").clone();
            trades.iter().map(|trade| trade["price"].to_string()).collect::<Vec<_>>()
        };
        let charlie = app.log_in("charlie").await;
        assert_eq!(prices(charlie.get("/api/trades?symbol=BTC").await), ["50000.5", "50000"]);
        assert_eq!(prices(charlie.get("/api/trades?symbol=BTC&limit=1").await), ["50000.5"]);
        assert_eq!(prices(charlie.get("/api/trades?symbol=ETH").await), ["2000"]);

        for (query, field) in
            [("", "symbol"), ("?symbol=DOGE", "symbol"), ("?symbol=BTC&limit=0", "limit")]
        {
            let rejected = charlie.get(&format!("/api/trades{query}")).await;
            assert_eq!(rejected.status, 422, "{query}");
            assert!(rejected.body.contains(field), "{}", rejected.body);
        }
    }
}

/// A browser that has cached the file gets 304.
async fn check_revalidation(visitor: &Client, path: &str) -> Response {
    let first = visitor.get(path).await;
    assert_eq!(first.status, 200, "{path}");
    let tag = first.header("etag").expect("an ETag").to_owned();
    let known = [("if-none-match", tag.as_str())];
    let again = visitor.send(Method::GET, path, &known, Vec::new()).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
    let other = [("if-none-match", "W/\"something else\"")];
    assert_eq!(visitor.send(Method::GET, path, &other, Vec::new()).await.status, 200, "{path}");
    first
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_path_of_the_page_returns_the_page() {
    let database = crate::support::database::Database::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = app.visitor();
    for path in ["/", "/login", "/orders/7/whatever"] {
        let page = check_revalidation(&visitor, path).await;
        assert!(page.header("content-type").unwrap_or_default().starts_with("text/html"), "{path}");
        assert_eq!(page.header("cache-control"), Some("no-cache"), "{path}");
    }
    for path in ["/assets/missing.js", "/assets/..%2f..%2fCargo.toml", "/assets", "/api/none"] {
        assert_eq!(visitor.get(path).await.status, 404, "{path}");
    }
    assert_eq!(visitor.post("/login", "").await.status, 405);
}

/// Without a built dashboard the placeholder page refers to no files, and there is nothing to
/// check.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_of_the_built_page_are_immutable() {
    let database = crate::support::database::Database::sqlite();
    let app = TestApp::start(&database).await;
    let visitor = app.visitor();
    let page = visitor.get("/").await.body;
    for path in page.split('"').filter(|text| text.starts_with("/assets/")) {
        let file = check_revalidation(&visitor, path).await;
        assert!(file.header("cache-control").unwrap_or_default().contains("immutable"), "{path}");
        let kind = if path.ends_with(".js") { "text/javascript" } else { "text/css" };
        assert!(file.header("content-type").unwrap_or_default().starts_with(kind), "{path}");
        let zipped = [("accept-encoding", "gzip")];
        let zipped = visitor.send(Method::GET, path, &zipped, Vec::new()).await;
        assert_eq!(zipped.header("content-encoding"), Some("gzip"), "{path}");
    }
}
