//! The traders of the demo: who they are, what they begin with, and the commands for what they
//! decide.

use std::collections::BTreeSet;

use super::maker::{Change, Quote};
use super::scale::Scale;
use super::taker::Intent;
use super::{execute_at, fund, history, users};
use crate::market::{
    AccountKey, AssetId, CancelReason, Command, Fixed, Market, NewOrder, TimeInForce, UserId,
};
use crate::store::demo_traders::{self, RestingOrder, Trader, TraderRole};
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
/// What a taker of [`MEMBERS`] begins with.
const TAKER_AMOUNT: i64 = 500;

impl Member {
    const fn taker(name: &'static str, email: &'static str) -> Self {
        Self { name, email, role: TraderRole::Taker, cash: 20_000_000, amount: TAKER_AMOUNT }
    }
}

const fn whole(count: i64) -> Fixed {
    Fixed::from_units(Fixed::ONE.units() * count)
}

/// The traders and their market.
#[derive(Clone, Debug)]
pub struct Team {
    pub market: Market,
    pub(super) scale: Scale,
    pub(super) members: Vec<Trader>,
    pub(super) maker: UserId,
    /// At least one.
    pub(super) takers: Vec<UserId>,
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

impl Team {
    fn new(market: &Market, members: Vec<Trader>) -> Option<Self> {
        let of = |role| members.iter().filter(move |trader| trader.role == role);
        let maker = of(TraderRole::Maker).map(|trader| trader.user).next()?;
        let takers: Vec<UserId> = of(TraderRole::Taker).map(|trader| trader.user).collect();
        if takers.is_empty() {
            return None;
        }
        let (market, scale) = (market.clone(), Scale::of(&market.rules));
        Some(Self { market, scale, members, maker, takers })
    }

    /// The users whose private events nobody can receive.
    pub fn users(&self) -> impl Iterator<Item = UserId> {
        self.members.iter().map(|trader| trader.user)
    }

    /// What each taker had of the base asset in the beginning.
    pub(super) const fn first_amount() -> Fixed {
        whole(TAKER_AMOUNT)
    }

    pub(super) fn quote(&self, order: &RestingOrder) -> Quote {
        let RestingOrder { id, side, price } = *order;
        Quote { order: id, side, price: self.scale.steps_of(price, side) }
    }

    /// The maker's command, with sizes multiplied. `None`: a number is out of range.
    pub(super) fn maker_command(&self, change: Change, factor: i64) -> Option<Command> {
        let (user, market) = (self.maker, self.market.id);
        Some(match change {
            Change::Place { side, price, size } => {
                let amount = self.scale.amount(size.checked_mul(factor)?)?;
                let price = self.scale.price(price)?;
                Command::Place(NewOrder::gtc(user, market, side, price, amount))
            }
            Change::Move { order, price } => {
                let price = Some(self.scale.price(price)?);
                Command::Amend { user, market, order, price, amount: None }
            }
            Change::Withdraw { order } => Command::Cancel { user, market, order },
        })
    }

    /// A taker's command, like [`Self::maker_command`].
    pub(super) fn taker_command(
        &self,
        user: UserId,
        intent: Intent,
        factor: i64,
    ) -> Option<Command> {
        let amount = self.scale.amount(intent.size.checked_mul(factor)?)?;
        let price = self.scale.price(intent.limit)?;
        let order = NewOrder::gtc(user, self.market.id, intent.side, price, amount);
        Some(Command::Place(NewOrder { time_in_force: TimeInForce::Ioc, ..order }))
    }

    /// Cancels the maker's quotes.
    pub(super) fn withdrawal(&self) -> Command {
        let (user, market) = (self.maker, self.market.id);
        Command::CancelAll { user, market, side: None, reason: CancelReason::User }
    }
}
