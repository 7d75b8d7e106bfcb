//! Users, as administrators see them. The houses of markets are none.

use chrono::NaiveDateTime;
use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use super::accounts::{Balance, balances};
use super::page::{Bounds, Found, MAX_EXAMINED, Page, PageRequest, bounds, page_query};
use crate::market::{MarketId, UserId, UserStatus};
use crate::store::schema::{OPEN_ORDERS, orders, users};
use crate::store::users::{User, by_id};
use crate::store::{AnyConnection, StoreError, codes};

#[diesel::declare_sql_function]
extern "SQL" {
    fn lower(text: Text) -> Text;
}

/// The users that a list contains.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// The id, or the beginning of the e-mail address or of the name in any case.
    pub search: Option<String>,
    pub status: Option<UserStatus>,
}

/// A user with everything that belongs to the user now.
#[derive(Clone, Debug)]
pub struct UserDetails {
    pub user: User,
    pub balances: Vec<Balance>,
    pub open_orders: i64,
}

/// Users, newest first.
pub fn users(
    connection: &mut AnyConnection,
    filter: &UserFilter,
    page: &PageRequest,
) -> Result<Page<User>, StoreError> {
    let all = || users::table.filter(users::id.gt(0));
    let (id, time) = (users::id, users::created_at);
    let bounds = bounds!(connection, page, false, all(), id, time);
    let mut query = page_query!(page, bounds, all(), id, time, User::as_select());
    if let Some(status) = filter.status {
        query = query.filter(users::status.eq(codes::user_status_code(status)));
    }
    if let Some(search) = &filter.search {
        let pattern = |text: &str| format!("{}%", escaped(text));
        let (as_written, in_lower_case) = (pattern(search), pattern(&search.to_lowercase()));
        // No user has the id 0.
        let with_id = users::id.eq(search.parse().unwrap_or(0));
        let with_email = users::email.like(in_lower_case.clone()).escape('\\');
        let with_name = lower(users::name).like(in_lower_case).escape('\\');
        // SQLite knows the case of ASCII letters only.
        let with_same_name = users::name.like(as_written).escape('\\');
        query = query.filter(with_id.or(with_email).or(with_name).or(with_same_name));
    }
    let rows: Vec<User> = query.load(connection)?;
    let rows = rows.into_iter().map(|user| (user.id, user)).collect();
    Ok(Page::of(vec![Found { rows, bounds }], page))
}

/// The text without a special meaning in a pattern.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A user with balances. Runs in a snapshot.
pub fn user(connection: &mut AnyConnection, id: UserId) -> Result<Option<UserDetails>, StoreError> {
    let found = by_id(connection, id)?.filter(|user| user.id > 0);
    let Some(user) = found else { return Ok(None) };
    let balances = balances(connection, id)?;
    let open = orders::table.filter(orders::user_id.eq(id.0)).filter(sql::<Bool>(OPEN_ORDERS));
    let open_orders: i64 = open.select(count_star()).get_result(connection)?;
    Ok(Some(UserDetails { user, balances, open_orders }))
}

/// The markets in which a user has open orders, by id.
pub fn markets_with_open_orders(
    connection: &mut AnyConnection,
    user: UserId,
) -> Result<Vec<MarketId>, StoreError> {
    let open = orders::table.filter(orders::user_id.eq(user.0)).filter(sql::<Bool>(OPEN_ORDERS));
    let markets = open.select(orders::market_id).distinct().order(orders::market_id);
    let markets: Vec<i32> = markets.load(connection)?;
    Ok(markets.into_iter().map(MarketId).collect())
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn no_character_of_a_search_has_a_special_meaning() {
        assert_eq!(escaped(r"100%_a\b"), r"100\%\_a\\b");
    }
}
