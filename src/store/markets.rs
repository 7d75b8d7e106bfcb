//! Assets and markets: few rows, read at the start of the process, and again when a market is met
//! that another process has created since.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use parking_lot::{Mutex, RwLock};
use serde_json::json;

use super::admin_log::{self, Act, Actor, AdminAction};
use super::rows::MarketStateRow;
use super::schema::{assets, markets, users};
use super::webhook_messages::{self, NewMessage};
use super::{AnyConnection, StoreError, codes, now, outbox, webhook_endpoints};
use crate::events::NewEvent;
use crate::events::order::market_status_name;
use crate::market::{
    AssetId, CommissionRates, Market, MarketId, MarketState, MarketStatus, Rules, UserId,
};

/// The quote asset of markets that do not name one, and the currency of the users' balances.
pub const QUOTE: &str = "USD";
/// At most one request in this time reads the catalog because of an unknown market.
const RELOAD_INTERVAL: Duration = Duration::from_secs(1);

/// A market as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// `BTC`, or `ETH/BTC` for a market that is not quoted in USD.
    pub symbol: String,
    pub base: String,
    pub quote: String,
    pub conditions: Conditions,
}

/// What applies to new orders of a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    pub commission: CommissionRates,
    pub rules: Rules,
}

/// All configured markets.
#[derive(Clone, Debug)]
pub struct Listings {
    pub markets: Vec<Listing>,
    /// Of markets that this process does not configure.
    pub others: Conditions,
}

impl Listings {
    /// Markets quoted in USD, all with the same conditions.
    pub fn of_symbols(symbols: &[String], conditions: Conditions) -> Self {
        let listing = |symbol: &String| Listing {
            symbol: symbol.clone(),
            base: symbol.clone(),
            quote: QUOTE.to_owned(),
            conditions,
        };
        Self { markets: symbols.iter().map(listing).collect(), others: conditions }
    }

    /// The symbols of those that existing pages can show.
    pub fn symbols_quoted_in_usd(&self) -> impl Iterator<Item = &str> {
        let quoted = self.markets.iter().filter(|listing| listing.quote == QUOTE);
        quoted.map(|listing| listing.symbol.as_str())
    }

    /// Whether an asset is the base or the quote of a market, or that of the users' balances.
    pub fn has_asset(&self, symbol: &str) -> bool {
        let is_of = |listing: &Listing| listing.base == symbol || listing.quote == symbol;
        symbol == QUOTE || self.markets.iter().any(is_of)
    }

    /// The commission of new orders of a market.
    pub fn commission(&self, symbol: &str) -> CommissionRates {
        self.conditions(symbol).commission
    }

    fn conditions(&self, symbol: &str) -> Conditions {
        let listed = self.markets.iter().find(|listing| listing.symbol == symbol);
        listed.map_or(self.others, |listing| listing.conditions)
    }
}

/// All markets and assets, by id.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub markets: BTreeMap<MarketId, Market>,
    pub assets: BTreeMap<AssetId, String>,
}

impl Catalog {
    pub fn market(&self, symbol: &str) -> Option<&Market> {
        self.markets.values().find(|market| market.symbol == symbol)
    }

    pub fn asset(&self, symbol: &str) -> Option<AssetId> {
        self.assets.iter().find(|(_, known)| *known == symbol).map(|(id, _)| *id)
    }

    /// The symbol of a market, for a row that refers to it.
    pub fn symbol(&self, market: MarketId) -> &str {
        self.markets.get(&market).map_or("", |market| market.symbol.as_str())
    }

    /// The symbol of a market's quote asset, for a row that refers to the market.
    pub fn quote_symbol(&self, market: MarketId) -> &str {
        self.markets.get(&market).map_or("", |market| self.asset_symbol(market.quote))
    }

    /// The symbol of an asset, for an account that refers to it.
    pub fn asset_symbol(&self, asset: AssetId) -> &str {
        self.assets.get(&asset).map_or("", String::as_str)
    }

    pub fn quote(&self) -> AssetId {
        self.asset(QUOTE).expect("ensure() creates the quote asset before the catalog is read")
    }
}

/// The catalog that is current. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SharedCatalog(Arc<CatalogState>);

#[derive(Debug)]
struct CatalogState {
    listings: Listings,
    current: RwLock<Arc<Catalog>>,
    reloaded_at: Mutex<Option<Instant>>,
}

impl SharedCatalog {
    pub fn read(connection: &mut AnyConnection, listings: Listings) -> Result<Self, StoreError> {
        let current = RwLock::new(Arc::new(read(connection, &listings)?));
        Ok(Self(Arc::new(CatalogState { listings, current, reloaded_at: Mutex::new(None) })))
    }

    pub fn current(&self) -> Arc<Catalog> {
        Arc::clone(&self.0.current.read())
    }

    /// Whether it is long enough ago that the catalog was read because of an unknown market. If so,
    /// the caller reads it.
    pub fn may_reload(&self) -> bool {
        let mut reloaded_at = self.0.reloaded_at.lock();
        let is_due = reloaded_at.is_none_or(|at| at.elapsed() >= RELOAD_INTERVAL);
        if is_due {
            *reloaded_at = Some(Instant::now());
        }
        is_due
    }

    /// Reads the catalog again.
    pub fn reload(&self, connection: &mut AnyConnection) -> Result<Arc<Catalog>, StoreError> {
        let catalog = Arc::new(read(connection, &self.0.listings)?);
        *self.0.current.write() = Arc::clone(&catalog);
        Ok(catalog)
    }
}

/// Creates the markets that are missing, with their assets and house users. Runs in a write
/// transaction.
///
/// # Errors
/// [`StoreError::Conflict`] if another process creates the same ones: the next attempt finds them.
pub fn ensure(connection: &mut AnyConnection, listings: &[Listing]) -> Result<(), StoreError> {
    create_missing(connection, listings).map_err(|error| match error {
        StoreError::Duplicate(cause) => StoreError::Conflict(cause),
        error => error,
    })
}

fn create_missing(connection: &mut AnyConnection, listings: &[Listing]) -> Result<(), StoreError> {
    create_withdrawal_house(connection)?;
    // The first of all assets, which the balances of users are in.
    ensure_asset(connection, QUOTE)?;
    for Listing { symbol, base, quote, .. } in listings {
        let found = markets::table
            .filter(markets::symbol.eq(symbol))
            .select(markets::id)
            .first::<i32>(connection)
            .optional()?;
        if found.is_some() {
            continue;
        }
        let base = ensure_asset(connection, base)?;
        let quote = ensure_asset(connection, quote)?;
        let last = markets::table.select(diesel::dsl::max(markets::id));
        let id = last.first::<Option<i32>>(connection)?.unwrap_or(0) + 1;
        let values = (
            markets::id.eq(id),
            markets::symbol.eq(symbol),
            markets::base_asset_id.eq(base),
            markets::quote_asset_id.eq(quote),
        );
        diesel::insert_into(markets::table).values(values).execute(connection)?;
        create_house(connection, MarketId(id), symbol)?;
    }
    Ok(())
}

pub(super) fn ensure_asset(
    connection: &mut AnyConnection,
    symbol: &str,
) -> Result<i32, StoreError> {
    let found = assets::table
        .filter(assets::symbol.eq(symbol))
        .select(assets::id)
        .first::<i32>(connection)
        .optional()?;
    if let Some(id) = found {
        return Ok(id);
    }
    let last = assets::table.select(diesel::dsl::max(assets::id));
    let id = last.first::<Option<i32>>(connection)?.unwrap_or(0) + 1;
    diesel::insert_into(assets::table)
        .values((assets::id.eq(id), assets::symbol.eq(symbol)))
        .execute(connection)?;
    Ok(id)
}

/// The user who owns a market's commission. It cannot log in: it has no password, and its e-mail
/// address is in a reserved domain.
fn create_house(
    connection: &mut AnyConnection,
    market: MarketId,
    symbol: &str,
) -> Result<(), StoreError> {
    let address = format!("house.{}", symbol.to_lowercase().replace('/', "-"));
    create_house_user(connection, market.house(), symbol, &address)
}

/// The user who owns the fees of withdrawals.
fn create_withdrawal_house(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let house = UserId::WITHDRAWAL_HOUSE;
    if super::users::by_id(connection, house)?.is_some() {
        return Ok(());
    }
    create_house_user(connection, house, "withdrawals", "withdrawals")
}

fn create_house_user(
    connection: &mut AnyConnection,
    id: UserId,
    of: &str,
    address: &str,
) -> Result<(), StoreError> {
    let house = (
        users::id.eq(id.0),
        users::name.eq(format!("House of {of}")),
        users::email.eq(format!("{address}@matchcast.invalid")),
        users::created_at.eq(now()),
        users::updated_at.eq(now()),
    );
    diesel::insert_into(users::table).values(house).execute(connection)?;
    Ok(())
}

/// The symbols of all markets, by id.
pub fn symbols(connection: &mut AnyConnection) -> Result<Vec<(MarketId, String)>, StoreError> {
    let all = markets::table.order(markets::id).select((markets::id, markets::symbol));
    let all: Vec<(i32, String)> = all.load(connection)?;
    Ok(all.into_iter().map(|(id, symbol)| (MarketId(id), symbol)).collect())
}

/// The states of all markets.
pub fn states(
    connection: &mut AnyConnection,
) -> Result<BTreeMap<MarketId, MarketState>, StoreError> {
    let rows: Vec<MarketStateRow> =
        markets::table.select(MarketStateRow::as_select()).load(connection)?;
    rows.into_iter().map(MarketStateRow::try_into).collect()
}

/// Sets which commands a market accepts; writes the event about it and logs it, if that is a
/// change. Waits for the batch that holds the market's lock. Returns the status before. `None`:
/// there is no such market. Runs in a write transaction.
pub fn set_status(
    connection: &mut AnyConnection,
    symbol: &str,
    status: MarketStatus,
    actor: &Actor,
) -> Result<Option<MarketStatus>, StoreError> {
    let Some((id, before)) = lock(connection, symbol)? else { return Ok(None) };
    if before == status {
        return Ok(Some(before));
    }
    let at = now();
    let changed = markets::status.eq(codes::market_status_code(status));
    diesel::update(markets::table.find(id.0)).set(changed).execute(connection)?;
    let event = NewEvent::market_updated(id, symbol, status, at);
    outbox::write(connection, &event)?;
    let subscriptions = webhook_endpoints::subscriptions(connection)?;
    let NewEvent { kind, data, .. } = event;
    let message = |endpoint| NewMessage { endpoint, kind, user: None, data: data.clone() };
    let messages: Vec<NewMessage> = subscriptions.of_operator(kind).map(message).collect();
    webhook_messages::insert(connection, &messages, at)?;
    let state = |status| Some(json!({ "symbol": symbol, "status": market_status_name(status) }));
    let act = Act {
        actor: actor.clone(),
        action: AdminAction::MarketStatusChanged,
        before: state(before),
        after: state(status),
    };
    admin_log::append(connection, vec![act], at)?;
    Ok(Some(before))
}

/// Locks a market until the transaction ends.
fn lock(
    connection: &mut AnyConnection,
    symbol: &str,
) -> Result<Option<(MarketId, MarketStatus)>, StoreError> {
    let of_symbol = markets::table.filter(markets::symbol.eq(symbol));
    let query = of_symbol.select((markets::id, markets::status));
    let found: Option<(i32, i16)> = match connection {
        AnyConnection::Postgres(c) => query.for_update().first(c).optional()?,
        // There is no other write transaction.
        AnyConnection::Sqlite(c) => query.first(c).optional()?,
    };
    let status = |(id, code)| Ok((MarketId(id), codes::market_status_from_code(code)?));
    found.map(status).transpose()
}

/// Reads the catalog. The conditions apply to orders that are placed from now on.
pub fn read(connection: &mut AnyConnection, listings: &Listings) -> Result<Catalog, StoreError> {
    let rows: Vec<(i32, String, i32, i32)> = markets::table
        .select((markets::id, markets::symbol, markets::base_asset_id, markets::quote_asset_id))
        .load(connection)?;
    let market = |(id, symbol, base, quote): (i32, String, i32, i32)| {
        let id = MarketId(id);
        let (base, quote) = (AssetId(base), AssetId(quote));
        let Conditions { commission, rules } = listings.conditions(&symbol);
        (id, Market { id, symbol, base, quote, commission, rules })
    };
    let assets: Vec<(i32, String)> = assets::table.load(connection)?;
    Ok(Catalog {
        markets: rows.into_iter().map(market).collect(),
        assets: assets.into_iter().map(|(id, symbol)| (AssetId(id), symbol)).collect(),
    })
}
