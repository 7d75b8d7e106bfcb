//! Counts of events: pending, dead letters, and those that have left the outbox for good.

use diesel::prelude::*;

use crate::events::EventKind;
use crate::store::schema::{dead_letters, event_counters, outbox};
use crate::store::statement::update;
use crate::store::{AnyConnection, StoreError};

/// How an event left the outbox for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counter {
    Delivered,
    Skipped,
    Dropped,
}

#[derive(Insertable)]
#[diesel(table_name = event_counters)]
#[diesel(treat_none_as_default_value = false)]
struct NewCounters<'a> {
    name: &'a str,
    delivered: i64,
    skipped: i64,
    dropped: i64,
}

/// Adds to a counter of the events of one name. Runs in a write transaction.
pub(super) fn count(
    connection: &mut AnyConnection,
    counter: Counter,
    name: &str,
    count: i64,
) -> Result<(), StoreError> {
    use event_counters::{delivered, dropped, skipped};
    let by = |other: Counter| if counter == other { count } else { 0 };
    let new = NewCounters {
        name,
        delivered: by(Counter::Delivered),
        skipped: by(Counter::Skipped),
        dropped: by(Counter::Dropped),
    };
    let sums = (
        delivered.eq(delivered + new.delivered),
        skipped.eq(skipped + new.skipped),
        dropped.eq(dropped + new.dropped),
    );
    let this = event_counters::name.eq(name);
    if update!(event_counters::table, this, sums).execute(connection)? == 0 {
        diesel::insert_into(event_counters::table).values(new).execute(connection)?;
    }
    Ok(())
}

/// The numbers of pending events and of dead letters.
pub fn counts(connection: &mut AnyConnection) -> Result<(i64, i64), StoreError> {
    let pending = outbox::table.count().get_result(connection)?;
    let dead_letters = dead_letters::table.count().get_result(connection)?;
    Ok((pending, dead_letters))
}

/// The number of events that were ever written with a name for which `$condition` holds, wherever
/// they are now.
macro_rules! total {
    ($connection:expr, |$name:ident| $condition:expr) => {{
        use event_counters::{delivered, dropped, skipped};
        let these = {
            let $name = event_counters::name;
            event_counters::table.filter($condition)
        };
        let gone: Vec<i64> = these.select(delivered + skipped + dropped).load($connection)?;
        let these = {
            let $name = outbox::name;
            outbox::table.filter($condition)
        };
        let pending: i64 = these.count().get_result($connection)?;
        let these = {
            let $name = dead_letters::name;
            dead_letters::table.filter($condition)
        };
        let dead_letters: i64 = these.count().get_result($connection)?;
        gone.into_iter().sum::<i64>() + pending + dead_letters
    }};
}

/// The number of events of a kind that were ever written, wherever they are now. Those with another
/// name than that of their kind are not counted.
pub fn total(connection: &mut AnyConnection, kind: EventKind) -> Result<i64, StoreError> {
    Ok(total!(connection, |name| name.eq(kind.name())))
}

/// The number of events `order.matched` that were ever written, wherever they are now, whatever
/// their name was then: every name that no other kind has is one of theirs.
pub fn total_matched(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    let others = EventKind::ALL.iter().filter(|kind| **kind != EventKind::OrderMatched);
    let others: Vec<&str> = others.map(|kind| kind.name()).collect();
    Ok(total!(connection, |name| name.ne_all(others.iter().copied())))
}
