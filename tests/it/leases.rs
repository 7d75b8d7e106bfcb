//! The publisher's lease after a clock was wrong, and the metrics of processes without the lease.

use chrono::TimeDelta;
use diesel::prelude::*;
use matchcast::store::now;
use matchcast::store::schema::leases;

use crate::crash::short_timeouts;
use crate::on_both;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::process::Process;
use crate::support::provider::Provider;
use crate::support::published::wait_until_outbox_empty;
use crate::support::wait_for;

/// Lets a process that does not exist hold the publisher's lease for an hour.
fn hold_for_an_hour(database: &Database, length_ms: i64) {
    database.open_store();
    let values = (
        leases::name.eq("publisher"),
        leases::holder.eq("another process"),
        leases::expires_at.eq(now() + TimeDelta::hours(1)),
        leases::length_ms.eq(length_ms),
    );
    diesel::insert_into(leases::table).values(values).execute(&mut database.connect()).unwrap();
}

on_both! {
    async fn a_killed_process_whose_clock_was_ahead_stops_no_delivery(database: Database) {
        let provider = Provider::start().await;
        hold_for_an_hour(&database, 1_500);
        let process = Process::start(&database, &short_timeouts(&provider)).await;
        database.write_events(1, ["private-user.1", "private-user.2"]);
        wait_until_outbox_empty(&database).await;
        assert_eq!(provider.received_count(), 2);
        process.stop().await;
    }

    async fn a_process_without_the_lease_reports_the_outbox(database: Database) {
        let provider = Provider::start().await;
        hold_for_an_hour(&database, 3_600_000);
        let mut variables = short_timeouts(&provider);
        variables.push(("MATCHCAST__HTTP__METRICS", "true".to_owned()));
        database.write_events(1, ["private-user.1", "private-user.2"]);
        let process = Process::start(&database, &variables).await;
        let visitor = Client::new(process.address);
        wait_for("the metrics of the outbox", || async {
            let metrics = visitor.get("/metrics").await.body;
            let value = |name: &str| -> Option<f64> {
                metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            };
            (value("matchcast_outbox_pending ") == Some(2.0)
                && value("matchcast_dead_letters ") == Some(0.0)
                && value("matchcast_outbox_oldest_seconds ") > Some(0.0))
            .then_some(())
        })
        .await;
        assert_eq!(provider.received_count(), 0, "another process holds the lease");
        process.stop().await;
    }
}
