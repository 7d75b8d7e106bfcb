//! Users in JSON.

use serde::Serialize;

use crate::engine::CancelledOfFrozen;
use crate::events::decimal::DecimalString;
use crate::events::timestamp::iso8601;
use crate::market::MarketId;
use crate::store::markets::Catalog;
use crate::store::users::User;
use crate::store::views::Balance;

/// A user in JSON.
#[derive(Serialize)]
pub struct UserBody {
    pub id: i64,
    pub name: String,
    pub email: String,
    pub status: &'static str,
    pub status_reason: Option<String>,
    pub status_changed_at: Option<String>,
    pub has_password: bool,
    pub created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balances: Option<Vec<BalanceBody>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_orders: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<Cancelled>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_time_password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_time_password_expires_at: Option<String>,
}

#[derive(Serialize)]
pub struct BalanceBody {
    pub asset: String,
    pub available: DecimalString,
    pub locked: DecimalString,
}

impl BalanceBody {
    pub fn new(balance: &Balance, catalog: &Catalog) -> Self {
        Self {
            asset: catalog.asset_symbol(balance.asset).to_owned(),
            available: balance.available.into(),
            locked: balance.locked.into(),
        }
    }
}

/// What a freeze has cancelled.
#[derive(Serialize)]
pub struct Cancelled {
    pub order_ids: Vec<i64>,
    /// Halted markets, whose orders remain.
    pub halted_symbols: Vec<String>,
}

impl Cancelled {
    pub fn new(cancelled: &CancelledOfFrozen, catalog: &Catalog) -> Self {
        let symbol = |market: &MarketId| catalog.symbol(*market).to_owned();
        Self {
            order_ids: cancelled.orders.iter().map(|order| order.0).collect(),
            halted_symbols: cancelled.halted.iter().map(symbol).collect(),
        }
    }
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            name: user.name,
            email: user.email,
            status: user.status.name(),
            status_reason: user.status_reason,
            status_changed_at: user.status_changed_at.map(iso8601),
            has_password: user.password.is_some(),
            created_at: iso8601(user.created_at),
            balances: None,
            open_orders: None,
            cancelled: None,
            one_time_password: None,
            one_time_password_expires_at: None,
        }
    }
}
