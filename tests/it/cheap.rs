//! What every open page asks again and again must cost little.

use crate::on_both;
use crate::support::app::TestApp;

on_both! {
    async fn a_signature_costs_one_look_up_that_is_remembered(database: Database) {
        let remember = [("MATCHCAST__AUTH__CACHE_SECONDS", "600")];
        let app = TestApp::start_with(&database, &remember).await;
        let alice = app.log_in("alice").await;
        let ask = async || {
            let body = "socket_id=1.1&channel_name=private-user.1";
            alice.post_form("/api/broadcasting/auth", body).await
        };
        assert_eq!(ask().await.status, 200);
        // From here a query for the token, or any write about it, would fail.
        database.execute("ALTER TABLE tokens RENAME TO elsewhere");
        for _ in 0..20 {
            let response = ask().await;
            assert_eq!(response.status, 200, "{}", response.body);
        }
        let stranger = app.visitor();
        assert_eq!(stranger.get("/api/user").await.status, 401);
    }
}
