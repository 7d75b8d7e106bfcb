//! The log of administrators: what is written to it, how it is read, and that `matchcast audit`
//! verifies it.

use matchcast::store::admin_tokens::AdminAbility;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::admin;
use crate::support::app::TestApp;
use crate::support::database::Database;
use crate::support::process;

const LOG: &str = "/api/admin/log";

async fn run(database: &Database, arguments: &str) -> (i32, String) {
    process::run(arguments, &database.url, &[]).await
}

on_both! {
    async fn the_tokens_of_administrators_are_in_the_log(database: Database) {
        let app = TestApp::start(&database).await;
        let arguments = "token create --admin read --name auditor --from 127.0.0.1 --json";
        let (_, output) = run(&database, arguments).await;
        let created: Value = serde_json::from_str(&output).unwrap();
        let token = created["token"].as_str().unwrap().to_owned();
        crate::support::logs::record_secret(token.split_once('|').unwrap().1);
        let auditor = admin::with_token(&app, token.clone());
        let log = auditor.get(LOG).await.data();
        let [act] = log.as_array().unwrap().as_slice() else { panic!("{log}") };
        let mut act = act.clone();
        let hash = act["hash"].take();
        assert_eq!(hash.as_str().unwrap().len(), 64);
        assert_eq!(act["created_at"].take(), created["created_at"]);
        assert_eq!(act, json!({
            "id": 1, "token_id": null, "request_id": null, "action": "token.created",
            "before": null, "after": {
                "id": created["id"], "name": "auditor", "abilities": ["admin:read"],
                "addresses": ["127.0.0.1/32"], "expires_at": null, "revoked_at": null,
            },
            "created_at": null, "previous_hash": "0".repeat(64), "hash": null,
        }));
        let (_, secret) = token.split_once('|').unwrap();
        assert!(!log.to_string().contains(secret));

        let other = admin::create(&database, &admin::new_token(&[AdminAbility::Funds])).0;
        for _ in 0..2 {
            assert_eq!(run(&database, &format!("token revoke {other}")).await.0, 0);
        }
        let log = auditor.get(LOG).await.data();
        let actions: Vec<&str> =
            log.as_array().unwrap().iter().map(|act| act["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["token.revoked", "token.created", "token.created"]);
        let revoked = &log[0];
        assert_eq!(revoked["before"]["revoked_at"], Value::Null);
        assert!(revoked["after"]["revoked_at"].is_string() && revoked["after"]["id"] == other);
        assert_eq!(revoked["previous_hash"], log[1]["hash"]);
        assert_eq!(log[2]["hash"], hash);
        database.audit();
        app.stop();
    }

    async fn the_log_is_read_page_by_page(database: Database) {
        let app = TestApp::start(&database).await;
        for _ in 0..6 {
            admin::create(&database, &admin::new_token(&[AdminAbility::Funds]));
        }
        let auditor = admin::client(&app, &database, &[AdminAbility::Read]);
        let mut response = auditor.get(&format!("{LOG}?limit=3")).await;
        let mut ids = Vec::new();
        loop {
            let rows = response.data();
            ids.extend(rows.as_array().unwrap().iter().map(|act| act["id"].as_i64().unwrap()));
            let Some(next) = auditor.next_page(LOG, &response).await else { break };
            response = next;
        }
        assert_eq!(ids, [7, 6, 5, 4, 3, 2, 1]);
        for (query, rows) in [("from=2100-01-31T12:00:00Z", 0), ("to=2100-01-31T12:00:00Z", 7)] {
            let found = auditor.get(&format!("{LOG}?{query}")).await.data();
            assert_eq!(found.as_array().unwrap().len(), rows, "{query}");
        }
        for query in ["limit=0", "cursor=x", "from=yesterday"] {
            assert_eq!(auditor.get(&format!("{LOG}?{query}")).await.status, 422, "{query}");
        }
        app.stop();
    }

    async fn the_audit_prints_the_end_of_the_log_and_finds_a_forged_row(database: Database) {
        database.open_store();
        let (code, output) = run(&database, "audit").await;
        let hash = "0".repeat(64);
        let end = format!("the log of administrators has 0 rows; the last hash is {hash}");
        assert_eq!((code, output.as_str()), (0, format!("{end}\neverything adds up\n").as_str()));
        for _ in 0..3 {
            admin::create(&database, &admin::new_token(&[AdminAbility::Funds]));
        }
        let (code, output) = run(&database, "audit").await;
        assert!(code == 0 && output.contains("has 3 rows"), "{output}");
        database.execute("UPDATE admin_log SET state_after = NULL WHERE id = 2");
        let (code, output) = run(&database, "audit").await;
        let expected = "the log of administrators is complete and unchanged: row 2 was changed";
        assert!(code == 1 && output.contains(expected), "{code} {output}");
    }
}
