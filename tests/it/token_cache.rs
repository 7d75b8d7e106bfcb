//! The cost of requests that every open page sends again and again.

use crate::on_both;
use crate::support::app::TestApp;

on_both! {
    async fn a_signed_subscription_uses_the_cached_token(database: Database) {
        let cache = [("MATCHCAST__AUTH__CACHE_SECONDS", "600")];
        let app = TestApp::start_with(&database, &cache).await;
        let alice = app.log_in("alice").await;
        let subscribe = async || {
            let body = "socket_id=1.1&channel_name=private-user.1";
            alice.post_form("/api/broadcasting/auth", body).await
        };
        assert_eq!(subscribe().await.status, 200);
        // From here on, reading or writing tokens fails.
        database.execute("ALTER TABLE tokens RENAME TO elsewhere");
        for _ in 0..20 {
            let response = subscribe().await;
            assert_eq!(response.status, 200, "{}", response.body);
        }
        let stranger = app.visitor();
        assert_eq!(stranger.get("/api/user").await.status, 401);
    }
}
