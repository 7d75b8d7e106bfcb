//! A day of trades before the first start, so that a chart has something to show. The rules of the
//! market execute them as they would have then, and they are written like any other batch: a few
//! hundred batches, in one transaction, more of them in the last minutes than in the first hours.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::execute_at;
use super::maker::{self, Quote};
use super::taker;
use super::team::Team;
use super::traders::{LEVELS, TAKER_ORDERS_PER_S};
use super::walk::Walk;
use crate::market::{Command, Fixed};
use crate::store::markets::Catalog;
use crate::store::{AnyConnection, LockedMarkets, StoreError, demo_traders};

/// How long it is.
const DAY: TimeDelta = TimeDelta::hours(24);
/// The length of a batch's time, and until when before the end there are such batches.
const STAGES: [(Duration, TimeDelta); 3] = [
    (Duration::from_secs(240), TimeDelta::hours(4)),
    (Duration::from_secs(60), TimeDelta::minutes(20)),
    (Duration::from_secs(15), TimeDelta::zero()),
];
/// Quotes on each side. The sizes make up for their number, and for that of the orders.
const HISTORY_LEVELS: i64 = 3;
const ORDERS_PER_BATCH: std::ops::RangeInclusive<i64> = 2..=4;
const MEAN_ORDERS_PER_BATCH: f64 = 3.0;
/// More than the orders of a batch match.
const MAX_FILLS: usize = 100;
/// The same day for everybody.
const SEED: u64 = 3_000;

/// When the traders get their deposits.
pub fn begin(now: NaiveDateTime) -> NaiveDateTime {
    now - DAY - TimeDelta::minutes(1)
}

/// Writes the day that ends now, and the quotes with which the traders go on. No order was placed
/// in the market before. Runs in a write transaction that has locked the market.
pub fn write(
    connection: &mut AnyConnection,
    locked: &LockedMarkets,
    catalog: &Catalog,
    team: &Team,
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut walk = Walk::new();
    for (from, step) in batches(now) {
        walk.advance(&mut rng, step);
        let commands = commands(connection, team, &mut rng, &walk, step)?;
        let within = rng.random_range(0.0..step.as_secs_f64());
        let at = from + TimeDelta::microseconds((within * 1e6) as i64);
        execute_at(connection, locked, catalog, &commands, MAX_FILLS, at)?;
    }
    execute_at(connection, locked, catalog, &[team.withdrawal()], MAX_FILLS, now)?;
    let price = walk.price(&team.scale);
    let quotes = maker::changes(&mut rng, &[], price, LEVELS, usize::MAX);
    let commands: Vec<Command> =
        quotes.into_iter().filter_map(|change| team.maker_command(change, 1)).collect();
    execute_at(connection, locked, catalog, &commands, MAX_FILLS, now)
}

/// The beginning and the length of the time of each batch.
fn batches(now: NaiveDateTime) -> impl Iterator<Item = (NaiveDateTime, Duration)> {
    let mut from = now - DAY;
    std::iter::from_fn(move || {
        let (step, _) = *STAGES.iter().find(|(_, until)| from < now - *until)?;
        let batch = (from, step);
        from += TimeDelta::from_std(step).ok()?;
        (from <= now).then_some(batch)
    })
}

/// What the traders do within this time: the maker follows the price, then the takers trade.
fn commands(
    connection: &mut AnyConnection,
    team: &Team,
    rng: &mut StdRng,
    walk: &Walk,
    step: Duration,
) -> Result<Vec<Command>, StoreError> {
    let price = walk.price(&team.scale);
    let factor = step.as_secs_f64() * TAKER_ORDERS_PER_S / MEAN_ORDERS_PER_BATCH;
    let factor = (factor as i64).max(1);
    let resting = demo_traders::resting_orders(connection, team.maker, &team.market)?;
    let quotes: Vec<Quote> = resting.iter().map(|order| team.quote(order)).collect();
    let changes = maker::changes(rng, &quotes, price, HISTORY_LEVELS, usize::MAX);
    let mut commands: Vec<Command> =
        changes.into_iter().filter_map(|change| team.maker_command(change, factor)).collect();
    let held = demo_traders::held(connection, &team.takers, &team.market)?;
    for _ in 0..rng.random_range(ORDERS_PER_BATCH) {
        let taker = team.takers[rng.random_range(0..team.takers.len())];
        let held = held.iter().find(|(user, _)| *user == taker);
        let held = held.map_or(Fixed::ZERO, |(_, held)| *held);
        let intent = taker::next(rng, price, walk.trend(), held, Team::first_amount());
        commands.extend(team.taker_command(taker, intent, factor));
    }
    Ok(commands)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::now;

    #[test]
    fn the_batches_cover_the_day_and_are_dense_at_its_end() {
        let now = now();
        let batches: Vec<_> = batches(now).collect();
        assert_eq!(batches.len(), 20 * 15 + 220 + 80);
        assert_eq!(batches[0].0, now - DAY);
        let mut end = now - DAY;
        for (from, step) in batches {
            assert_eq!(from, end);
            end = from + TimeDelta::from_std(step).unwrap();
        }
        assert_eq!(end, now);
    }
}
