//! The log of administrators: rows that are changed, missing, added or in another order are found,
//! and several processes write one chain.

use diesel::prelude::*;
use matchcast::store::admin_log::{self, Act, Actor, AdminAction, LogRow};
use matchcast::store::schema::admin_log as rows;
use matchcast::store::{AnyConnection, Store, now};
use serde_json::json;

use crate::on_both;
use crate::support::database::Database;

const CHECK: &str = "the log of administrators is complete and unchanged";

fn act(number: usize) -> Act {
    let request_id = number.is_multiple_of(2).then(|| format!("request-{number}"));
    let token = i64::try_from(number).ok().filter(|number| number % 3 == 0);
    Act {
        actor: Actor { token, request_id },
        action: AdminAction::TokenRevoked,
        before: number.is_multiple_of(2).then(|| json!({ "number": number, "text": "ä\"\n" })),
        after: Some(json!({ "number": number, "available": "0.00000001" })),
    }
}

fn append(store: &Store, connection: &mut AnyConnection, acts: Vec<Act>) {
    let at = now();
    store.write(connection, |c| admin_log::append(c, acts.clone(), at)).expect("rows are added");
}

/// A log of five rows, written by two transactions.
fn log_of_five(database: &Database) {
    let (store, _) = database.open_store();
    let mut connection = database.connect();
    append(&store, &mut connection, vec![act(1), act(2)]);
    append(&store, &mut connection, vec![act(3), act(4), act(5)]);
    database.audit();
}

fn read(database: &Database) -> Vec<LogRow> {
    admin_log::rows_after(&mut database.connect(), 0, 1000).expect("rows are read")
}

fn replace(database: &Database, changed: &[LogRow]) {
    let mut connection = database.connect();
    for row in changed {
        diesel::delete(rows::table.find(row.id)).execute(&mut connection).expect("a row");
        diesel::insert_into(rows::table).values(row).execute(&mut connection).expect("a row");
    }
}

/// Does the damage, runs the audit, and repairs the damage.
fn check(database: &Database, damage: &str, expected: &str) {
    let before = read(database);
    database.execute(damage);
    assert_eq!(database.findings(), [format!("{CHECK}: {expected}")], "{damage}");
    database.execute("DELETE FROM admin_log");
    replace(database, &before);
    database.audit();
}

on_both! {
    async fn a_row_that_is_changed_is_named(database: Database) {
        log_of_five(&database);
        for change in [
            "token_id = 7", "token_id = NULL", "request_id = NULL", "request_id = ''",
            "action = 'token.created'", "state_before = NULL", "state_before = '{}'",
            "state_after = NULL", "state_after = replace(state_after, '1', '2')",
            "created_at = '2001-01-01 00:00:00'", "hash = previous_hash",
            "previous_hash = hash",
        ] {
            for id in [3, 4] {
                let row = &read(&database)[id - 1];
                let is_same = match change {
                    "token_id = NULL" => row.token_id.is_none(),
                    "request_id = NULL" => row.request_id.is_none(),
                    "state_before = NULL" => row.state_before.is_none(),
                    _ => false,
                };
                if !is_same {
                    let damage = format!("UPDATE admin_log SET {change} WHERE id = {id}");
                    check(&database, &damage, &format!("row {id} was changed"));
                }
            }
        }
    }

    /// Somebody who changes a row may compute its hash as well, and even those of later rows.
    async fn a_row_with_a_new_hash_does_not_fit_the_others(database: Database) {
        log_of_five(&database);
        let original = read(&database);
        for first in 0..original.len() {
            for last in first..original.len() {
                let mut forged = original.clone();
                forged[first].state_after = Some("{\"amount\":\"1000000\"}".to_owned());
                for position in first..=last {
                    if position > first {
                        forged[position].previous_hash = forged[position - 1].hash.clone();
                    }
                    forged[position].hash = forged[position].computed_hash();
                }
                replace(&database, &forged);
                let expected = format!("{CHECK}: row {} was changed", last + 1);
                assert_eq!(database.findings(), [expected], "{first} to {last}");
            }
        }
        replace(&database, &original);
        database.audit();
    }

    async fn a_row_that_is_missing_is_named(database: Database) {
        log_of_five(&database);
        for id in 1..=5 {
            let damage = format!("DELETE FROM admin_log WHERE id = {id}");
            check(&database, &damage, &format!("row {id} is missing"));
        }
        check(&database, "DELETE FROM admin_log WHERE id > 2", "row 3 is missing");
        check(&database, "DELETE FROM admin_log", "row 1 is missing");
        let closed_up = "DELETE FROM admin_log WHERE id = 3; \
            UPDATE admin_log SET id = 3 WHERE id = 4; UPDATE admin_log SET id = 4 WHERE id = 5";
        check(&database, closed_up, "row 3 was changed");
    }

    async fn rows_in_another_order_and_added_rows_are_found(database: Database) {
        log_of_five(&database);
        let swapped = "UPDATE admin_log SET id = 9 WHERE id = 2; \
            UPDATE admin_log SET id = 2 WHERE id = 3; UPDATE admin_log SET id = 3 WHERE id = 9";
        check(&database, swapped, "row 2 was changed");
        let mut added = read(&database)[4].clone();
        added.previous_hash = added.hash.clone();
        added.id = 6;
        added.hash = added.computed_hash();
        replace(&database, &[added]);
        assert_eq!(database.findings(), [format!("{CHECK}: row 6 was added")]);
        database.execute("DELETE FROM admin_log WHERE id = 6");
        check(&database, "UPDATE admin_log SET id = 0 WHERE id = 1", "row 0 was added");
        database.execute("DELETE FROM admin_log_head");
        assert_eq!(database.findings(), [format!("{CHECK}: the end of the log is missing")]);
    }

    async fn several_processes_write_one_chain(database: Database) {
        const WRITERS: usize = 6;
        const EACH: usize = 20;
        let stores: Vec<Store> = (0..WRITERS).map(|_| database.open_store().0).collect();
        std::thread::scope(|scope| {
            for store in &stores {
                let mut connection = database.connect();
                scope.spawn(move || {
                    for number in 0..EACH {
                        append(store, &mut connection, vec![act(number)]);
                    }
                });
            }
        });
        let written = read(&database);
        assert_eq!(written.len(), WRITERS * EACH);
        database.audit();
    }

    async fn an_act_that_is_rolled_back_leaves_no_row(database: Database) {
        log_of_five(&database);
        let (store, _) = database.open_store();
        let mut connection = database.connect();
        let failed = store.write(&mut connection, |c| {
            admin_log::append(c, vec![act(6)], now())?;
            Err::<(), _>(matchcast::store::StoreError::Other("the act fails".to_owned()))
        });
        assert!(failed.is_err());
        assert_eq!(read(&database).len(), 5);
        append(&store, &mut connection, vec![act(7)]);
        database.audit();
    }
}
