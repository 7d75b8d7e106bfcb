//! Reads show one state of the database, and failed writes leave nothing behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::SimpleConnection;
use matchcast::events::SizeLimits;
use matchcast::market_data::{BookPublisher, BookPublisherSettings};
use tokio::sync::{Notify, watch};

use crate::events_book::books;
use crate::on_both;
use crate::support::app::TestApp;
use crate::support::outbox::start_with_events;
use crate::support::{rounds, wait_until_zero};

on_both! {
    async fn the_book_is_never_shown_crossed(database: Database) {
        let app = TestApp::start_with(&database, &[("BROADCAST_CONNECTION", "null")]).await;
        let alice = app.log_in("alice").await;
        let bob = app.log_in("bob").await;
        alice.place("BTC", "sell", "110", "0.01").await.data();
        bob.place("BTC", "buy", "100", "0.01").await.data();
        let stop = Arc::new(AtomicBool::new(false));
        let (mut connection, stopped) = (database.connect(), stop.clone());
        let (store, _) = database.open_store();
        // Moves both sides to 150 and 160 and back, in one transaction each.
        let mover = std::thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                for by in ["+ 5000000000", "- 5000000000"] {
                    let sql = format!(
                        "UPDATE orders SET price = price {by}; \
                         UPDATE markets SET book_version = book_version + 1"
                    );
                    let moved = store.write(&mut connection, |c| Ok(c.batch_execute(&sql)?));
                    moved.expect("the orders move");
                }
            }
        });
        let mut crossed = 0;
        for _ in 0..rounds(300) {
            let book = alice.get("/api/orders?symbol=BTC").await.data();
            let price = |side: &str| book[side][0]["price"].to_string().parse::<f64>();
            let (ask, bid) = (price("asks").expect("a price"), price("bids").expect("a price"));
            crossed += usize::from(bid >= ask);
        }
        stop.store(true, Ordering::SeqCst);
        mover.join().expect("no panic");
        app.stop();
        assert_eq!(crossed, 0);
    }

    async fn the_book_is_never_published_crossed(database: Database) {
        let (app, _provider) = start_with_events(&database, &[], &[]).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        alice.place("BTC", "sell", "110", "0.01").await.data();
        bob.place("BTC", "buy", "100", "0.01").await.data();
        app.stop();
        let (store, catalog) = database.open_store();
        let settings = BookPublisherSettings {
            updates_per_second: 1_000,
            depth: 1,
            size_limits: SizeLimits::UNLIMITED,
        };
        let changes = Arc::new(Notify::new());
        let publisher =
            BookPublisher::new(store.clone(), catalog, settings, changes.clone(), Arc::default());
        let (stop, stopped) = watch::channel(false);
        let publishing = tokio::spawn(publisher.run(stopped.clone()));
        let mut connection = database.connect();
        // Moves both sides to 150 and 160 and back, in one transaction each.
        let mover = std::thread::spawn(move || {
            while !*stopped.borrow() {
                for by in ["+ 5000000000", "- 5000000000"] {
                    let sql = format!(
                        "UPDATE orders SET price = price {by}; \
                         UPDATE markets SET book_version = book_version + 1"
                    );
                    let moved = store.write(&mut connection, |c| Ok(c.batch_execute(&sql)?));
                    moved.expect("the orders move");
                    changes.notify_one();
                }
            }
        });
        let most = rounds(300);
        let left = || i64::try_from(most.saturating_sub(books(&database, "BTC").len())).unwrap();
        wait_until_zero("many published books", left).await;
        stop.send_replace(true);
        mover.join().expect("no panic");
        publishing.await.expect("no panic");
        let books = books(&database, "BTC");
        let crossed = books.iter().filter(|row| {
            let book = row.json();
            let price = |side: &str| book[side][0][0].as_str().and_then(|text| text.parse().ok());
            let (bid, ask): (Option<f64>, Option<f64>) = (price("bids"), price("asks"));
            bid.expect("a price") >= ask.expect("a price")
        });
        assert_eq!(crossed.count(), 0);
    }

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
