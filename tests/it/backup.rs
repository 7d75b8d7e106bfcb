//! Backups as docs/OPERATIONS.md describes them: made while orders are executed, restored into
//! another database, and served from there.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::crash::short_timeouts;
use crate::on_both;
use crate::outages::wait_until_outbox_empty;
use crate::support::app::TestApp;
use crate::support::database::Database;
use crate::support::load::Load;
use crate::support::provider::{Provider, respond};
use crate::support::published::assert_order_per_channel;

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().expect(program);
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Writes a backup of a database that is in use to this file.
fn back_up(database: &Database, file: &Path) {
    let name = file.display().to_string();
    if database.is_postgres() {
        run("pg_dump", &["--format=custom", "--file", &name, &database.url]);
    } else {
        database.execute(&format!("VACUUM INTO '{name}'"));
    }
}

/// A new database with the content of the backup.
fn restore(from: &Database, file: &Path) -> Database {
    if from.is_postgres() {
        let restored = Database::plain_postgres();
        let name = file.display().to_string();
        let arguments = ["--exit-on-error", "--no-owner", "--dbname", &restored.url, &name];
        run("pg_restore", &arguments);
        return restored;
    }
    let restored = Database::sqlite();
    let (_, path) = restored.url.split_once("://").expect("a URL");
    std::fs::copy(file, path).expect("the backup is a file");
    restored
}

on_both! {
    async fn a_backup_made_under_load_can_be_restored_and_sends_its_events(database: Database) {
        let provider = Provider::start().await;
        provider.always(respond("503 Service Unavailable", "overloaded"));
        let variables = short_timeouts(&provider);
        let app = TestApp::start_with(&database, &variables).await;
        let people = [app.log_in("alice").await, app.log_in("bob").await];
        let load = Load::start(&people, &["BTC", "ETH"]);
        load.wait_for_acknowledged(60).await;
        let before = database.order_ids();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("backup");
        tokio::task::block_in_place(|| back_up(&database, &file));
        load.wait_for_acknowledged(load.count() + 60).await;
        load.stop().await;
        provider.accept_all();
        wait_until_outbox_empty(&database).await;
        app.stop();

        let restored = tokio::task::block_in_place(|| restore(&database, &file));
        restored.audit();
        let orders = restored.order_ids();
        let lost: Vec<i64> =
            before.iter().copied().filter(|id| orders.binary_search(id).is_err()).collect();
        assert!(lost.is_empty(), "acknowledged before the backup began: {lost:?}");
        assert!(orders.len() < database.order_ids().len(), "the load went on");
        let waiting = restored.pending_keys();
        assert!(!waiting.is_empty());
        let sent: BTreeSet<_> = provider.received().iter().map(|event| event.key()).collect();
        assert!(waiting.is_subset(&sent), "the events of the backup were delivered after it");

        let second_provider = Provider::start().await;
        let variables = short_timeouts(&second_provider);
        let app = TestApp::start_with(&restored, &variables).await;
        wait_until_outbox_empty(&restored).await;
        let again: Vec<_> = second_provider.received().iter().map(|event| event.key()).collect();
        assert_eq!(again.len(), waiting.len(), "each once");
        assert_eq!(again.into_iter().collect::<BTreeSet<_>>(), waiting, "exactly these");
        assert_order_per_channel(&second_provider);
        let alice = app.log_in("alice").await;
        alice.place("BTC", "buy", "1", "0.001").await.data();
        app.stop();
        restored.audit();
    }
}
