//! A full outbox: undelivered events of real trades.

use matchcast::store::outbox;

use crate::database::Database;
use crate::load;
use crate::sdk::Event;
use crate::server::Server;
use crate::setup;

const CONNECTIONS: usize = 64;

/// Fills an empty database with this many trades and returns the number of events in the outbox:
/// two per trade, one for the buyer and one for the seller.
pub async fn fill(database: &Database, trades: usize) -> usize {
    fill_with(database, trades, 2 * trades, &[]).await;
    2 * trades
}

/// The same with these variables, which decide how many events there are.
pub async fn fill_with(
    database: &Database,
    trades: usize,
    events: usize,
    variables: &[(&str, &str)],
) {
    setup::prepare(database);
    // No process can take the lease from this holder, so no event is published. A lease that ends
    // later than after its own length would be shortened.
    database.execute(
        "INSERT INTO leases (name, holder, expires_at, length_ms) \
         VALUES ('publisher', 'bench', '2999-01-01 00:00:00', 100000000000000)",
    );
    let server = Server::start(database, variables);
    load::trades(&server.address, CONNECTIONS, trades).await;
    drop(server);
    database.execute("DELETE FROM leases");
    let pending = usize::try_from(database.pending_count()).expect("a count");
    assert_eq!(pending, events, "all events are pending");
}

/// The pending events in order.
pub fn events(database: &Database) -> Vec<Event> {
    let shards: Vec<i16> = (0..outbox::SHARDS).collect();
    let pending = outbox::heads(&mut database.connect(), &shards, i64::MAX);
    let pending = pending.expect("the outbox can be read").into_iter();
    pending.map(|event| Event { channel: event.channel, data: event.data }).collect()
}
