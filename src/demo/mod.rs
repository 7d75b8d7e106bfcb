//! The demo: users with public passwords, and traders that keep one market alive.
//!
//! The traders are users whom nobody can log in as. A maker quotes both sides of the market around
//! a price that walks randomly and returns to its mean; takers trade against these quotes, and
//! against those of people. `walk`, `scale`, `maker` and `taker` decide what they do, and know
//! neither clock nor database. `history` writes a day of it when the traders are created, and
//! `traders` goes on while somebody uses the API.
//!
//! - Their money comes from one deposit each, and every order passes the engine: the audit knows no
//!   difference to people.
//! - They trade in one market, and in no other.
//! - What they do leans against what they hold, so that no holding drifts away. The commission is
//!   what they lose; their deposits last for years of it.
//! - One process at a time trades, by a lease.

mod audience;
mod history;
mod maker;
mod scale;
mod seeding;
mod taker;
mod team;
mod traders;
mod users;
mod walk;

pub use audience::Audience;
pub use seeding::{retire as retire_traders, seed as seed_traders};
pub use team::Team;
pub use traders::Traders;
pub use users::{is_present, log_ins, seed as seed_users};

use chrono::NaiveDateTime;

use crate::market::{AccountKey, Command, Fixed, execute};
use crate::store::markets::Catalog;
use crate::store::trading::{self, Additions, NewEvents};
use crate::store::{AnyConnection, LockedMarkets, StoreError};

/// Executes commands in the running transaction, as a batch of that time, without events: nobody
/// listens yet. `max_fills` is the most trades. Commands that are rejected change nothing.
fn execute_at(
    connection: &mut AnyConnection,
    locked: &LockedMarkets,
    catalog: &Catalog,
    commands: &[Command],
    max_fills: usize,
    at: NaiveDateTime,
) -> Result<(), StoreError> {
    let markets = &catalog.markets;
    let mut loaded = trading::load(connection, locked, markets, commands, max_fills, true, at)?;
    let mut plan = execute(&mut loaded.state, commands, max_fills);
    let ids = loaded.trade_ids(connection, plan.trades.len())?;
    plan.number_trades(&ids);
    let (events, additions) = (NewEvents::default(), Additions::default());
    trading::apply(connection, &loaded.state, &plan, &events, &additions, at)
}

/// Credits accounts at that time. Runs in a write transaction.
fn fund(
    connection: &mut AnyConnection,
    catalog: &Catalog,
    deposits: impl Iterator<Item = (AccountKey, Fixed)>,
    at: NaiveDateTime,
) -> Result<(), StoreError> {
    let deposit = |(account, amount)| Command::Deposit { account, amount, daily_limit: u32::MAX };
    let commands: Vec<Command> = deposits.map(deposit).collect();
    // Deposits lock no market, and trade nothing.
    execute_at(connection, &LockedMarkets::default(), catalog, &commands, 0, at)
}
