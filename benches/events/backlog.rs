//! An outbox full of events that nobody has sent yet, each of a real trade.

use matchcast::store::outbox;

use crate::database::Database;
use crate::load;
use crate::sdk::Event;
use crate::server::Server;
use crate::setup;

const CONNECTIONS: usize = 64;

/// Fills an empty database with so many trades, of which buyer and seller hear; gives how many
/// events that makes.
pub async fn fill(database: &Database, trades: usize) -> usize {
    setup::prepare(database);
    // Whoever holds the lease publishes; here nobody does.
    database.execute(
        "INSERT INTO leases (name, holder, expires_at) \
         VALUES ('publisher', 'bench', '2999-01-01 00:00:00')",
    );
    let server = Server::start(database, &[]);
    load::trades(&server.address, CONNECTIONS, trades).await;
    drop(server);
    database.execute("DELETE FROM leases");
    let waiting = usize::try_from(database.pending_count()).expect("a count");
    assert_eq!(waiting, 2 * trades, "all of them wait");
    waiting
}

/// The events that wait, in their order.
pub fn events(database: &Database) -> Vec<Event> {
    let shards: Vec<i16> = (0..outbox::SHARDS).collect();
    let waiting = outbox::heads(&mut database.connect(), &shards, i64::MAX);
    let waiting = waiting.expect("events are read").into_iter();
    waiting.map(|event| Event { channel: event.channel, data: event.data }).collect()
}
