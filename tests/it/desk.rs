//! What an operator does from the command line, beside a server that runs: the real binary.

use crate::on_both;
use crate::sessions::Browser;
use crate::sign_ins::terminations;
use crate::support::app::TestApp;
use crate::support::database::Database;
use crate::support::{process, wait_for};

/// The exit code, and what was said.
async fn run(database: &Database, arguments: &str) -> (i32, String) {
    process::run(arguments, &database.url, &[]).await
}

on_both! {
    async fn a_user_is_logged_out_of_everything_in_another_process(database: Database) {
        let variables = [("MATCHCAST__AUTH__CACHE_SECONDS", "1")];
        let app = TestApp::start_with(&database, &variables).await;
        let alice = [app.log_in("alice").await, app.log_in("alice").await];
        let (bob, mut page) = (app.log_in("bob").await, Browser::logged_in(&app).await);
        assert_eq!(bob.get("/api/user").await.status, 200);

        let (code, said) = run(&database, "log-out Alice@Example.com").await;
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("user 1: 3 tokens and 1 session revoked"), "{said}");
        assert_eq!(terminations(&database), 1);
        for client in &alice {
            wait_for("the end of what is remembered", || async {
                (client.get("/api/user").await.status == 401).then_some(())
            })
            .await;
        }
        let refused = std::cell::Cell::new(false);
        wait_for("the end of the session", || {
            let mut page = page.clone();
            let refused = &refused;
            async move {
                refused.set(page.get("/api/user").await.status == 401);
                refused.get().then_some(())
            }
        })
        .await;
        page.get("/sanctum/csrf-cookie").await;
        assert_eq!(page.get("/api/user").await.status, 401, "nothing brings the session back");
        assert_eq!(bob.get("/api/user").await.status, 200);

        let (code, said) = run(&database, "log-out 1").await;
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("user 1: 0 tokens and 0 sessions revoked"), "{said}");
        for nobody in ["log-out nobody@example.com", "log-out 999", "log-out 1.5", "log-out %"] {
            let (code, said) = run(&database, nobody).await;
            assert_eq!(code, 1, "{said}");
            let who = nobody.split_once(' ').unwrap().1;
            assert!(said.contains(&format!("there is no user {who}")), "{said}");
        }
        assert_eq!(bob.get("/api/user").await.status, 200);
        assert_eq!(terminations(&database), 2);
        app.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_database_is_none_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nothing.sqlite");
    let url = format!("sqlite://{}", path.display());
    let (code, said) = process::run("log-out 1", &url, &[]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("there is no database") && !path.exists(), "{said}");
}
