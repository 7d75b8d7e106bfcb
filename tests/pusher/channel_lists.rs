//! The list of channels: long ones, and ones that break off.

use matchcast::pusher::{Diagnosis, Outcome};

use crate::credentials;
use crate::scripted::{Scripted, Step, client, response};

fn list_of(channels: usize) -> String {
    let names = (0..channels).map(|number| format!(r#""private-user.{number:06}":{{}}"#));
    format!(r#"{{"channels":{{{}}}}}"#, names.collect::<Vec<_>>().join(","))
}

#[tokio::test]
async fn a_long_list_is_read_completely() {
    // About 600 kB.
    let body = list_of(20_000);
    let provider = Scripted::start(vec![Step::Respond(response("200 OK", &[], &body)); 2]).await;
    let client = client(provider.port, credentials());
    let names = client.channels().await.unwrap();
    assert_eq!((names.len(), names[19_999].as_str()), (20_000, "private-user.019999"));
    assert_eq!(client.diagnose().await, Ok(()));
}

#[tokio::test]
async fn a_list_above_the_limit_does_not_blame_the_provider() {
    let body = list_of(400_000);
    assert!(body.len() > 8 * 1024 * 1024);
    // The rest of such a response is not read.
    let respond = || Step::RespondAndClose(response("200 OK", &[], &body));
    let provider = Scripted::start(vec![respond()]).await;
    let outcome = client(provider.port, credentials()).channels().await.unwrap_err();
    assert!(
        matches!(&outcome, Outcome::Retry { reason, .. } if reason.contains("larger than")),
        "{outcome:?}"
    );
    let provider = Scripted::start(vec![respond()]).await;
    assert_eq!(client(provider.port, credentials()).diagnose().await, Ok(()));
}

#[tokio::test]
async fn a_list_that_breaks_off_is_not_taken_for_a_malformed_one() {
    let whole = response("200 OK", &[], &list_of(100));
    let half = Step::RespondAndClose(whole[..whole.len() / 2].to_owned());
    let provider = Scripted::start(vec![half.clone()]).await;
    let outcome = client(provider.port, credentials()).channels().await.unwrap_err();
    assert!(
        matches!(&outcome, Outcome::Retry { reason, .. } if reason.contains("broke off")),
        "{outcome:?}"
    );
    let provider = Scripted::start(vec![half]).await;
    let diagnosis = client(provider.port, credentials()).diagnose().await.unwrap_err();
    assert!(format!("{diagnosis:?}").starts_with("Incomplete"), "{diagnosis}");

    let malformed = response("200 OK", &[], r#"{"channels":{"a":{}"#);
    let provider = Scripted::start(vec![Step::Respond(malformed)]).await;
    let diagnosis = client(provider.port, credentials()).diagnose().await.unwrap_err();
    assert!(matches!(diagnosis, Diagnosis::NotAProvider { .. }), "{diagnosis}");
}
