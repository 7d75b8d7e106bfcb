//! A running process deletes what has expired.

use crate::on_both;
use crate::support::client::Client;
use crate::support::process::Process;
use crate::support::wait_for;

on_both! {
    async fn a_process_deletes_expired_tokens_sessions_and_webhooks(database: Database) {
        const ROWS: usize = 1_203;
        database.open_store();
        let row = |values: &dyn Fn(usize) -> String| {
            (0..ROWS).map(values).collect::<Vec<_>>().join(",")
        };
        let old = "'2001-01-01 00:00:00'";
        database.execute(&format!(
            "INSERT INTO tokens (user_id, secret_hash, created_at, expires_at) VALUES {}",
            row(&|number| format!("(-1, 'token {number}', {old}, {old})"))
        ));
        database.execute(&format!(
            "INSERT INTO sessions (id, state, created_at, expires_at) VALUES {}",
            row(&|number| format!("('session {number}', '{{}}', {old}, {old})"))
        ));
        database.execute(&format!(
            "INSERT INTO provider_webhooks (digest, received_at) VALUES {}",
            row(&|number| format!("('webhook {number}', {old})"))
        ));
        let variables = [
            ("BROADCAST_CONNECTION", "null".to_owned()),
            ("MATCHCAST__HTTP__METRICS", "true".to_owned()),
        ];
        let process = Process::start(&database, &variables).await;
        let visitor = Client::new(process.address);
        wait_for("the deletion of all of them", || async {
            let metrics = visitor.get("/metrics").await.body;
            let pruned = |table: &str| {
                metrics.contains(&format!("matchcast_pruned_total{{table=\"{table}\"}} {ROWS}\n"))
            };
            ["tokens", "sessions", "provider_webhooks"].into_iter().all(pruned).then_some(())
        })
        .await;
        process.stop().await;
        database.audit();
    }
}
