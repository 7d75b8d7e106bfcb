//! The versions of what the API returns: rows that cost less than the answer, and that are others
//! whenever the answer is another one.
//!
//! Every writer of any process changes them in the transaction that changes the answer, while it
//! holds the lock of the same row, so a version is never used again. Entries and trades are only
//! ever added: the newest one is the version of a list.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::market::{AssetId, MarketId, UserId};
use crate::store::schema::{accounts, ledger_entries, markets, trades};
use crate::store::statement::on_connection;
use crate::store::{AnyConnection, StoreError, published_books};

/// The version of a market's book.
pub fn book_version(connection: &mut AnyConnection, market: MarketId) -> Result<i64, StoreError> {
    let version = markets::table.find(market.0).select(markets::book_version);
    Ok(on_connection!(connection, |c| version.first(c)?))
}

/// The versions of a market's book and of what was published of it.
pub fn depth_version(
    connection: &mut AnyConnection,
    market: MarketId,
) -> Result<[i64; 2], StoreError> {
    let sequence = published_books::last_sequence(connection, market)?;
    Ok([book_version(connection, market)?, sequence])
}

/// The newest row of a list, by its id and its time. The id alone is used again after a restore of
/// the database.
pub type NewestRow = (i64, NaiveDateTime);

/// A market's newest trade. `None`: there was no trade.
pub fn newest_trade(
    connection: &mut AnyConnection,
    market: MarketId,
) -> Result<Option<NewestRow>, StoreError> {
    let newest = trades::table
        .filter(trades::market_id.eq(market.0))
        .order(trades::id.desc())
        .select((trades::id, trades::created_at));
    Ok(on_connection!(connection, |c| newest.first(c).optional()?))
}

/// The versions of a user's accounts by asset, which are those of the user's orders as well.
pub fn account_versions(
    connection: &mut AnyConnection,
    user: UserId,
) -> Result<Vec<(i32, i64)>, StoreError> {
    let versions = accounts::table
        .filter(accounts::user_id.eq(user.0))
        .order(accounts::asset_id)
        .select((accounts::asset_id, accounts::version));
    Ok(on_connection!(connection, |c| versions.load(c)?))
}

/// The newest ledger entry of each of a user's accounts, or of the one of this asset, by account.
pub fn newest_entries(
    connection: &mut AnyConnection,
    user: UserId,
    asset: Option<AssetId>,
) -> Result<Vec<(i64, Option<NewestRow>)>, StoreError> {
    let own: Vec<(i64, i32)> = on_connection!(connection, |c| accounts::table
        .filter(accounts::user_id.eq(user.0))
        .order(accounts::asset_id)
        .select((accounts::id, accounts::asset_id))
        .load(c)?);
    let wanted = own.into_iter().filter(|(_, id)| asset.is_none_or(|asset| asset.0 == *id));
    let mut newest = Vec::new();
    for (account, _) in wanted {
        let entry = ledger_entries::table
            .filter(ledger_entries::account_id.eq(account))
            .order(ledger_entries::id.desc())
            .select((ledger_entries::id, ledger_entries::created_at));
        let entry = on_connection!(connection, |c| entry.first(c).optional()?);
        newest.push((account, entry));
    }
    Ok(newest)
}
