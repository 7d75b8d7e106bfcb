//! A payment service: it learns of withdrawals by a signed webhook, and settles them.

use matchcast::store::admin_tokens::AdminAbility::Funds;
use serde_json::json;

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::receiver::Receiver;
use crate::support::{admin, process, wait_for};
use crate::withdrawals::request;

on_both! {
    async fn a_payment_service_settles_what_a_webhook_has_told_it(database: Database) {
        // A database, before the server that reads the subscriptions at its start.
        TestApp::start(&database).await.stop();
        let receiver = Receiver::start().await;
        let command = format!("webhook add {} --event withdrawal.updated", receiver.url());
        let (exit, output) = process::run(&command, &database.url, &[]).await;
        assert_eq!(exit, 0, "{output}");
        let secret = output.split_whitespace().last().unwrap().to_owned();
        let app = TestApp::start(&database).await;
        let bob = app.log_in("bob").await;
        let payments = admin::client(&app, &database, &[Funds]);

        assert_eq!(request(&bob, "BTC", "0.25").await.status, 201);
        let told = async |count: usize| {
            wait_for("a message at the payment service", || async {
                let received = receiver.received();
                (received.len() >= count).then(|| received[count - 1].clone())
            })
            .await
        };
        let pending = told(1).await;
        assert!(pending.is_signed_with(&secret), "{pending:?}");
        let message = pending.json();
        assert_eq!(message["type"], "withdrawal.updated");
        assert_eq!(message["user_id"], 2);
        let data = &message["data"];
        assert_eq!((&data["status"], &data["amount"]), (&json!("pending"), &json!("0.25")));
        assert_eq!(data["destination"], "a bank account");

        let path = format!("/api/admin/withdrawals/{}/complete", data["withdrawal_id"]);
        let settled = payments.post(&path, r#"{"reference":"SEPA 8"}"#).await;
        assert_eq!(settled.status, 200, "{}", settled.body);
        // Sent again, because the response was lost: nothing more happens.
        assert_eq!(payments.post(&path, r#"{"reference":"SEPA 8"}"#).await.status, 200);
        let completed = told(2).await;
        assert!(completed.is_signed_with(&secret), "{completed:?}");
        assert_eq!(completed.json()["data"]["status"], "completed");
        assert_eq!(bob.available("BTC").await, "0.75");
        assert_eq!(receiver.received().len(), 2);
        database.audit();
        app.stop();
    }
}
