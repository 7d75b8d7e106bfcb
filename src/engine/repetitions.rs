//! Requests that may have been executed before: with an idempotency key, or a client order id.
//!
//! Hardly any request is a repetition, so a batch is first executed as if none were. The keys and
//! the names of orders that it writes are unique in the database: one that is there already makes
//! the transaction fail, and it is executed again after a look-up. What a batch refuses it does not
//! write, so for that it looks before it commits. For a while afterwards the lane looks first.

use std::collections::{BTreeMap, BTreeSet};

use super::reply::{RenderedResponse, StoredResponse};
use super::request::QueuedRequest;
use crate::market::{ClientOrderId, Command, Done, NewOrder, Plan, Rejection, UserId};
use crate::store::{AnyConnection, StoreError, idempotency, trading};

/// The requests whose keys are those of executed requests, by position. `None`: the executed
/// request was another one.
pub fn find(
    connection: &mut AnyConnection,
    requests: &[(usize, QueuedRequest)],
) -> Result<BTreeMap<usize, Option<StoredResponse>>, StoreError> {
    let once = || requests.iter().enumerate().filter_map(|(n, (_, r))| Some((n, r.once.as_ref()?)));
    let keys = once().map(|(_, once)| once.key.clone()).collect();
    let found = idempotency::find(connection, keys)?;
    let repeated = once().filter_map(|(position, once)| {
        let executed = found.get(&once.key)?.clone();
        Some((position, once.replay(executed)))
    });
    Ok(repeated.collect())
}

/// Makes sure that nothing that the batch refuses is a repetition.
///
/// # Errors
/// [`StoreError::Duplicate`] if something is.
pub fn check_refused(
    connection: &mut AnyConnection,
    requests: &[(usize, QueuedRequest)],
    executed: &[usize],
    plan: &Plan,
    responses: &BTreeMap<usize, RenderedResponse>,
) -> Result<(), StoreError> {
    let not_kept = responses.iter().filter(|(_, response)| !response.is_kept);
    let keys = not_kept.filter_map(|(position, _)| requests[*position].1.once.as_ref());
    let keys = keys.map(|once| once.key.clone()).collect();
    if !idempotency::find(connection, keys)?.is_empty() {
        return Err(StoreError::Duplicate("a request that is refused was executed".to_owned()));
    }
    let mut names = BTreeSet::new();
    for (position, outcome) in executed.iter().zip(&plan.outcomes) {
        names.extend(refused_names(&requests[*position].1.command, outcome));
    }
    if !trading::used_client_order_ids(connection, names)?.is_empty() {
        return Err(StoreError::Duplicate("an order that is refused was placed".to_owned()));
    }
    Ok(())
}

/// The client order ids of orders that were not placed.
fn refused_names(
    command: &Command,
    outcome: &Result<Done, Rejection>,
) -> Vec<(UserId, ClientOrderId)> {
    let name = |order: &NewOrder| Some((order.user, order.client_order_id?));
    match (command, outcome) {
        (Command::Place(order), Err(_)) => name(order).into_iter().collect(),
        (Command::Batch { orders, .. }, Ok(Done::Batch(results))) => {
            let refused = orders.iter().zip(results).filter(|(_, result)| result.is_err());
            refused.filter_map(|(order, _)| name(order)).collect()
        }
        _ => Vec::new(),
    }
}
