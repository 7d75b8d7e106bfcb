//! Transactions whose commits do not wait for the disk, and those that follow them.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
use matchcast::store::{AnyConnection, StoreError};

use crate::on_both;

/// Whether the commit of the running transaction waits.
fn waits(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    Ok(match connection {
        AnyConnection::Postgres(c) => {
            let setting = sql::<Text>("current_setting('synchronous_commit')");
            diesel::select(setting).get_result::<String>(c)? == "on"
        }
        AnyConnection::Sqlite(c) => {
            const FULL: i32 = 2;
            let setting = sql::<Integer>("(SELECT synchronous FROM pragma_synchronous)");
            diesel::select(setting).get_result::<i32>(c)? == FULL
        }
    })
}

on_both! {
    async fn a_relaxed_commit_does_not_wait_and_the_next_one_does(database: Database) {
        let (store, _) = database.open_store();
        let mut connection = store.connect().unwrap();
        assert!(store.write(&mut connection, waits).unwrap());
        assert!(!store.write_relaxed(&mut connection, waits).unwrap());
        assert!(store.write(&mut connection, waits).unwrap());
        let failed: Result<(), _> =
            store.write_relaxed(&mut connection, |_| Err(StoreError::Abandoned));
        assert!(failed.is_err());
        assert!(store.write(&mut connection, waits).unwrap(), "also after a failure");
    }
}
