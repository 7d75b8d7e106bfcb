//! Compressed responses.

use reqwest::Method;

use crate::on_both;
use crate::support::app::TestApp;

/// More than a kilobyte.
const LARGE: &str = "/api/markets";
const FILE: &str = r#"
    [market]
    symbols = ["BTC", "ETH", "SOL", "ADA", "DOT", "XRP", "LTC", "TRX"]
"#;

on_both! {
    async fn large_answers_are_compressed_as_the_client_asks(database: Database) {
        let app = TestApp::start_from(&database, &[], Some(FILE)).await;
        let visitor = app.visitor();
        let get = async |path: &str, accepted: &str, tag: &str| {
            let headers = [("accept-encoding", accepted), ("if-none-match", tag)];
            visitor.send(Method::GET, path, &headers, Vec::new()).await
        };
        let plain = visitor.get(LARGE).await;
        assert!(plain.body.len() > 1024, "{}", plain.body.len());
        let tag = plain.header("etag").expect("a tag");
        for (accepted, expected) in [
            ("zstd", Some("zstd")),
            ("br", Some("br")),
            ("gzip", Some("gzip")),
            ("gzip;q=0.5, zstd", Some("zstd")),
            ("identity", None),
            ("compress", None),
        ] {
            let response = get(LARGE, accepted, "").await;
            assert_eq!(response.header("content-encoding"), expected, "{accepted}");
            assert_eq!(response.header("etag"), Some(tag), "a tag stands for all encodings");
            let vary = response.headers.get_all("vary").iter();
            let vary: Vec<_> = vary.flat_map(|value| value.to_str().unwrap().split(", ")).collect();
            let names = vary.iter().filter(|name| name.eq_ignore_ascii_case("accept-encoding"));
            assert_eq!(names.count(), 1, "{accepted}: {vary:?}");
            assert!(vary.contains(&"authorization"), "{vary:?}");
            if expected.is_some() {
                assert!(response.body.len() * 2 < plain.body.len(), "{accepted}");
            }
            let current = get(LARGE, accepted, tag).await;
            assert_eq!((current.status, current.header("content-encoding")), (304, None));
            let vary = current.headers.get_all("vary").iter();
            assert!(vary.map(|value| value.to_str().unwrap()).any(|v| v.contains("encoding")));
        }
        app.stop();
    }

    async fn a_client_that_accepts_no_encoding_gets_the_answer_as_it_is(database: Database) {
        let app = TestApp::start(&database).await;
        for accepted in ["identity;q=0", "*;q=0", "compress, identity;q=0", "", "nonsense;;"] {
            let headers = [("accept-encoding", accepted)];
            let response = app.visitor().send(Method::GET, "/api/user", &headers, Vec::new()).await;
            assert_eq!((response.status, response.header("content-encoding")), (401, None));
            assert_eq!(response.json()["code"], "unauthenticated", "{accepted}");
        }
        app.stop();
    }

    async fn small_answers_are_sent_as_they_are(database: Database) {
        let app = TestApp::start(&database).await;
        let visitor = app.visitor();
        for path in ["/up", "/api/user", "/api/nothing"] {
            let headers = [("accept-encoding", "gzip, br, zstd")];
            let response = visitor.send(Method::GET, path, &headers, Vec::new()).await;
            assert_eq!(response.header("content-encoding"), None, "{path}");
            assert!(response.body.starts_with('{'), "{path}: {}", response.body);
        }
        app.stop();
    }
}
