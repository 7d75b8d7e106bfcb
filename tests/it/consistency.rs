//! Failed writes leave nothing behind.

use crate::on_both;
use crate::support::app::TestApp;

on_both! {
    async fn a_registration_without_token_leaves_no_user(database: Database) {
        let app = TestApp::start(&database).await;
        let (trap, release) = if database.is_postgres() {
            (
                "CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 RAISE EXCEPTION 'trap'; END $$; CREATE TRIGGER trap BEFORE INSERT ON \
                 tokens FOR EACH ROW EXECUTE FUNCTION trap()",
                "DROP TRIGGER trap ON tokens",
            )
        } else {
            (
                "CREATE TRIGGER trap BEFORE INSERT ON tokens \
                 BEGIN SELECT RAISE(ABORT, 'trap'); END",
                "DROP TRIGGER trap",
            )
        };
        database.execute(trap);
        let body = serde_json::json!({
            "name": "dora", "email": "dora@test.example",
            "password": "password", "password_confirmation": "password",
        });
        let failed = app.visitor().post("/api/register", &body.to_string()).await;
        assert_eq!(failed.status, 500, "{}", failed.body);
        database.execute(release);
        app.visitor().post("/api/register", &body.to_string()).await.data();
        app.stop();
    }
}
