//! The traders' first start: who they are, what they begin with, and a day of their trades.

use std::collections::BTreeSet;

use super::team::{TAKER_AMOUNT, Team, whole};
use super::{execute_at, fund, history, users};
use crate::market::{AccountKey, AssetId, Market};
use crate::store::demo_traders::{self, TraderRole};
use crate::store::markets::{self, Catalog};
use crate::store::{AnyConnection, LockedMarkets, Store, StoreError, now};

/// The market in which they trade, if it is quoted in the users' currency.
const SYMBOL: &str = "ETH";

/// Addresses in a reserved domain, like those of house users.
const MEMBERS: [Member; 4] = [
    Member {
        name: "Demo maker",
        email: "demo-maker@matchcast.invalid",
        role: TraderRole::Maker,
        cash: 100_000_000,
        amount: 20_000,
    },
    Member::taker("Demo taker 1", "demo-taker-1@matchcast.invalid"),
    Member::taker("Demo taker 2", "demo-taker-2@matchcast.invalid"),
    Member::taker("Demo taker 3", "demo-taker-3@matchcast.invalid"),
];

/// A trader with its deposits, in whole units.
struct Member {
    name: &'static str,
    email: &'static str,
    role: TraderRole,
    /// Of the quote asset.
    cash: i64,
    /// Of the base asset.
    amount: i64,
}

/// How often a start waits for another one that creates the traders.
const ATTEMPTS: u32 = 6;

impl Member {
    const fn taker(name: &'static str, email: &'static str) -> Self {
        Self { name, email, role: TraderRole::Taker, cash: 20_000_000, amount: TAKER_AMOUNT }
    }
}

/// Creates the traders and a day of their trades, unless the database has them, and returns them.
///
/// `None`: there is no such market, or the database has no users of the demo but others.
pub fn seed(
    store: &Store,
    connection: &mut AnyConnection,
    catalog: &Catalog,
) -> Result<Option<Team>, StoreError> {
    let market = catalog.market(SYMBOL).filter(|market| market.quote == catalog.quote());
    let Some(market) = market else {
        tracing::info!("the demo has no traders, because there is no market {SYMBOL}/USD");
        return Ok(None);
    };
    let mut members = demo_traders::all(connection)?;
    if members.is_empty() {
        if !users::is_present(connection)? {
            return Ok(None);
        }
        match create_once(store, connection, catalog, market) {
            Err(StoreError::Duplicate(_)) => {
                tracing::warn!(
                    "the demo has no traders, because users have their e-mail addresses"
                );
                return Ok(None);
            }
            created => created?,
        }
        members = demo_traders::all(connection)?;
    }
    Ok(Team::new(market, members))
}

/// Cancels the quotes of traders who do not trade any more, before anybody can match them.
pub fn retire(
    store: &Store,
    connection: &mut AnyConnection,
    catalog: &Catalog,
) -> Result<(), StoreError> {
    let market = catalog.market(SYMBOL);
    let team = market.zip(Some(demo_traders::all(connection)?));
    let Some(team) = team.and_then(|(market, members)| Team::new(market, members)) else {
        return Ok(());
    };
    store.write_locking(connection, BTreeSet::from([team.market.id]), |connection, locked| {
        execute_at(connection, locked, catalog, &[team.withdrawal()], 0, now())
    })
}

/// Other processes wait for the lock of the market, longer than a transaction usually does, and
/// find the traders then.
fn create_once(
    store: &Store,
    connection: &mut AnyConnection,
    catalog: &Catalog,
    market: &Market,
) -> Result<(), StoreError> {
    let mut attempt = 1;
    loop {
        let locked = BTreeSet::from([market.id]);
        let created = store.write_locking(connection, locked, |connection, locked| {
            create(connection, locked, catalog, market)
        });
        match created {
            Err(StoreError::Conflict(_) | StoreError::Unavailable(_)) if attempt < ATTEMPTS => {
                attempt += 1;
                *connection = store.connect()?;
            }
            created => return created,
        }
    }
}

fn create(
    connection: &mut AnyConnection,
    locked: &LockedMarkets,
    catalog: &Catalog,
    market: &Market,
) -> Result<(), StoreError> {
    if !demo_traders::all(connection)?.is_empty() {
        return Ok(());
    }
    let assets: Vec<AssetId> = catalog.assets.keys().copied().collect();
    let (mut members, mut deposits) = (Vec::new(), Vec::new());
    for Member { name, email, role, cash, amount } in &MEMBERS {
        let trader = demo_traders::create(connection, name, email, *role, &assets)?;
        let account = |asset| AccountKey { user: trader.user, asset };
        deposits.push((account(market.quote), whole(*cash)));
        deposits.push((account(market.base), whole(*amount)));
        members.push(trader);
    }
    let now = now();
    fund(connection, catalog, deposits.into_iter(), history::begin(now))?;
    let state = markets::states(connection)?.get(&market.id).copied().unwrap_or_default();
    match Team::new(market, members) {
        // Nothing is older than what there is.
        Some(team) if state.arrivals == 0 => {
            history::write(connection, locked, catalog, &team, now)
        }
        _ => Ok(()),
    }
}
