//! `matchcast check` explains why events do not arrive.

use crate::support::app::TestApp;
use crate::support::database::Database;
use crate::support::process;
use crate::support::provider::{APP_ID, Action, KEY, Provider, SECRET, response};

const NO_DATABASE: &str = "sqlite:///nowhere/nothing.sqlite";

async fn check(provider: &Provider) -> (i32, String) {
    let (code, output) = process::run("check", NO_DATABASE, &provider.variables()).await;
    assert!(!output.contains(SECRET) && !output.contains("auth_signature"), "{output}");
    (code, output)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_accepts_the_credentials_is_reported() {
    let provider = Provider::start().await;
    let (code, output) = check(&provider).await;
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("accepts"), "{output}");
    assert!(output.contains("Echo.private(`user.${id}`).listen('.order.matched', "), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_names_that_pages_have_to_listen_to_are_printed() {
    let provider = Provider::start().await;
    let mut variables = provider.variables();
    variables.extend([
        ("MATCHCAST__EVENTS__ORDER_MATCHED__NAME", r"App\Events\OrderMatched".to_owned()),
        ("MATCHCAST__EVENTS__ORDER_MATCHED__CHANNEL", "private-users.{id}".to_owned()),
    ]);
    let (code, output) = process::run("check", NO_DATABASE, &variables).await;
    assert_eq!(code, 0, "{output}");
    for line in [
        "  Echo.private(`users.${id}`).listen('OrderMatched', handler)",
        r"  pusher.subscribe(`private-users.${id}`).bind('App\\Events\\OrderMatched', handler)",
    ] {
        assert!(output.lines().any(|found| found == line), "{output}");
    }
    variables.push(("MATCHCAST__EVENTS__ORDER_MATCHED", "false".to_owned()));
    let (_, output) = process::run("check", NO_DATABASE, &variables).await;
    assert!(output.contains("accepts") && !output.contains("listen"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_provider_is_explained_with_host_and_port() {
    let provider = Provider::down();
    let (code, output) = check(&provider).await;
    assert_eq!(code, 1, "{output}");
    let port = provider.port.to_string();
    for words in ["Nothing answers", "PUSHER_HOST", "PUSHER_PORT", port.as_str()] {
        assert!(output.contains(words), "{output}");
    }
}

/// Status, header and body of the provider's response, the words that the advice must contain, and
/// a word that it must not contain.
const ERRORS: &[(&str, &str, &str, &[&str], &str)] = &[
    (
        "401 Unauthorized",
        "",
        "Invalid signature: you should have sent HmacSHA256Hex(\"GET\\n/apps/4711/channels\\n\
         auth_key=k&auth_timestamp=1&auth_version=1.0\", your_secret_key)",
        &["PUSHER_APP_SECRET", KEY],
        "clock",
    ),
    (
        "401 Unauthorized",
        "",
        "Timestamp expired: Given timestamp (1) not within 600s of server time (2)",
        &["clock"],
        "PUSHER_APP_SECRET",
    ),
    (
        "401 Unauthorized",
        "Date: Sun, 06 Nov 1994 08:49:37 GMT",
        "Unauthorized",
        &["clock", "ahead of"],
        "PUSHER_APP_SECRET",
    ),
    (
        "400 Bad Request",
        "",
        "Unknown auth_key",
        &["PUSHER_APP_KEY", "PUSHER_APP_CLUSTER", KEY],
        "clock",
    ),
    (
        "404 Not Found",
        "",
        "Could not find app by id 4711",
        &["PUSHER_APP_ID", APP_ID, "PUSHER_APP_CLUSTER"],
        "PUSHER_APP_SECRET",
    ),
    (
        "401 Unauthorized",
        "",
        "Authenticated app does not match route app_id",
        &["PUSHER_APP_ID", APP_ID],
        "PUSHER_APP_SECRET",
    ),
    ("403 Forbidden", "", "The app is disabled", &["disabled", "dashboard"], "quota"),
    ("403 Forbidden", "", "Over the daily message quota", &["quota"], "PUSHER_APP_SECRET"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_error_is_explained_with_its_cause() {
    let provider = Provider::start().await;
    for (status, header, body, named, not_named) in ERRORS {
        let headers = Some(*header).filter(|header| !header.is_empty());
        provider.always(Action::Respond(response(status, headers.as_slice(), body)));
        let (code, output) = check(&provider).await;
        assert_eq!(code, 1, "{output}");
        assert!(output.contains(body), "the body of the response: {output}");
        // The advice comes before the quoted response.
        let advice = output.split("The provider said").next().unwrap_or_default();
        assert!(named.iter().all(|name| advice.contains(name)), "{output}");
        assert!(!advice.contains(not_named), "{output}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_at_the_embedded_provider_is_not_blamed_on_the_clock() {
    let database = Database::sqlite();
    let app = TestApp::start(&database).await;
    let with_secret = |secret: &str| {
        vec![
            ("BROADCAST_CONNECTION", "embedded".to_owned()),
            ("PORT", app.address.port().to_string()),
            ("PUSHER_APP_SECRET", secret.to_owned()),
        ]
    };
    let right = with_secret(crate::support::app::SECRET);
    assert_eq!(process::run("check", NO_DATABASE, &right).await.0, 0);
    let (code, output) = process::run("check", NO_DATABASE, &with_secret("another")).await;
    assert_eq!(code, 1, "{output}");
    let advice = output.split("The provider said").next().unwrap_or_default();
    assert!(advice.contains("PUSHER_APP_SECRET") && !advice.contains("clock"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_master_key_is_reported_without_its_value() {
    let provider = Provider::start().await;
    let mut variables = provider.variables();
    variables.push(("PUSHER_ENCRYPTION_MASTER_KEY_BASE64", "c2hvcnQgYnV0IHNlY3JldA==".to_owned()));
    let (code, output) = process::run("check", NO_DATABASE, &variables).await;
    assert_eq!(code, 1, "{output}");
    assert!(output.contains("PUSHER_ENCRYPTION_MASTER_KEY_BASE64"), "{output}");
    assert!(!output.contains("c2hvcnQ") && provider.get_count() == 0, "{output}");
}
