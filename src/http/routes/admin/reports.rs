//! Reports: commission, balance sheets, and the last audit.

use actix_web::{HttpResponse, web};
use chrono::NaiveDateTime;
use serde::Serialize;
use utoipa::ToSchema;

use crate::events::decimal::DecimalSum;
use crate::http::extract::{Administrator, Input, Read, Validator};
use crate::http::paging::read_times;
use crate::http::response::{self, ApiError, iso8601};
use crate::http::routes::market_data::Query;
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::store::audit_runs::{self, AuditRun};
use crate::store::markets::Catalog;
use crate::store::now;
use crate::store::reports::{self, AssetSheet, DailyCommission};

/// The trades of a market on one day.
#[derive(Serialize, ToSchema)]
#[schema(as = DailyCommission)]
struct CommissionBody<'a> {
    /// In UTC.
    #[schema(format = Date, example = "2026-01-31")]
    day: String,
    symbol: &'a str,
    currency: &'a str,
    trades: i64,
    /// Of the trades.
    value: DecimalSum,
    commission: DecimalSum,
}

impl<'a> CommissionBody<'a> {
    fn new(row: &DailyCommission, catalog: &'a Catalog) -> Self {
        Self {
            day: row.day.to_string(),
            symbol: catalog.symbol(row.market),
            currency: catalog.quote_symbol(row.market),
            trades: row.trades,
            value: DecimalSum { units: row.value },
            commission: DecimalSum { units: row.commission },
        }
    }
}

/// Returns the commission by market and day, the newest day first.
#[utoipa::path(
    get,
    path = "/api/admin/commission",
    operation_id = "getCommission",
    tag = "Administration",
    security(("token" = [])),
    params(doc::Times),
    responses((status = 200, description = "Success", body = doc::Success<Vec<CommissionBody>>)),
)]
pub async fn commission(
    _administrator: Administrator<Read>,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let input = Input::from(query.into_inner());
    let mut validator = Validator::of(&input);
    let (from, to) = read_times(&mut validator);
    validator.finish(Some(()))?;
    let report = move |c: &mut _| reports::commission(c, from, to);
    let days = state.store.report(report).await?;
    let is_known = |catalog: &Catalog| {
        days.iter().all(|row: &DailyCommission| catalog.markets.contains_key(&row.market))
    };
    let catalog = state.catalog_with(is_known).await;
    let body = |row| CommissionBody::new(row, &catalog);
    let rows: Vec<CommissionBody<'_>> = days.iter().map(body).collect();
    Ok(response::ok("Commission retrieved successfully", rows))
}

#[derive(Serialize, ToSchema)]
#[schema(as = BalanceSheet)]
struct SheetBody<'a> {
    /// The moment.
    #[schema(value_type = doc::Timestamp)]
    at: String,
    /// Of all assets `is_balanced`.
    is_balanced: bool,
    assets: Vec<AssetBody<'a>>,
}

/// The accounts of one asset, and where their money has come from.
#[derive(Serialize, ToSchema)]
#[schema(as = AssetSheet)]
struct AssetBody<'a> {
    #[schema(example = "USD")]
    asset: &'a str,
    users_available: DecimalSum,
    users_locked: DecimalSum,
    /// Of the markets: what they have collected.
    houses: DecimalSum,
    /// The sum of these three.
    total: DecimalSum,
    deposits: DecimalSum,
    withdrawals: DecimalSum,
    /// Signed.
    adjustments: DecimalSum,
    /// `total` is `deposits` less `withdrawals`, plus `adjustments`.
    is_balanced: bool,
}

impl<'a> AssetBody<'a> {
    fn new(asset: &'a str, sheet: &AssetSheet) -> Self {
        let sum = |units| DecimalSum { units };
        Self {
            asset,
            users_available: sum(sheet.users_available),
            users_locked: sum(sheet.users_locked),
            houses: sum(sheet.houses),
            total: sum(sheet.total()),
            deposits: sum(sheet.deposits),
            withdrawals: sum(sheet.withdrawals),
            adjustments: sum(sheet.adjustments),
            is_balanced: sheet.is_balanced(),
        }
    }
}

/// Returns what all accounts held at a moment, by asset, recomputed from the ledger.
#[utoipa::path(
    get,
    path = "/api/admin/balance-sheet",
    operation_id = "getBalanceSheet",
    tag = "Administration",
    security(("token" = [])),
    params(doc::AtTime),
    responses((status = 200, description = "Success", body = doc::Success<SheetBody>)),
)]
pub async fn balance_sheet(
    _administrator: Administrator<Read>,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let input = Input::from(query.into_inner());
    let mut validator = Validator::of(&input);
    let at = validator.optional_date_time("at");
    validator.finish(Some(()))?;
    let at: NaiveDateTime = at.unwrap_or_else(now);
    let sheets = state.store.report(move |c| reports::balance_sheet(c, at)).await?;
    let is_known = |catalog: &Catalog| sheets.keys().all(|id| catalog.assets.contains_key(id));
    let catalog = state.catalog_with(is_known).await;
    let sheet = |id| sheets.get(id).copied().unwrap_or_default();
    let assets = catalog.assets.iter().map(|(id, asset)| AssetBody::new(asset, &sheet(id)));
    let body = SheetBody {
        at: iso8601(at),
        is_balanced: sheets.values().all(AssetSheet::is_balanced),
        assets: assets.collect(),
    };
    Ok(response::ok("Balance sheet retrieved successfully", body))
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditRun)]
struct AuditBody {
    #[schema(value_type = doc::Timestamp)]
    started_at: String,
    duration_ms: u64,
    /// The number of differences.
    findings: u32,
    /// There were none.
    is_clean: bool,
}

impl From<AuditRun> for AuditBody {
    fn from(AuditRun { started_at, duration, findings }: AuditRun) -> Self {
        Self {
            started_at: iso8601(started_at),
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            findings,
            is_clean: findings == 0,
        }
    }
}

/// Returns the result of the last `matchcast audit`; null if it has not run yet.
#[utoipa::path(
    get,
    path = "/api/admin/audit",
    operation_id = "getLastAudit",
    tag = "Administration",
    security(("token" = [])),
    responses((status = 200, description = "Success", body = doc::Success<Option<AuditBody>>)),
)]
pub async fn last_audit(
    _administrator: Administrator<Read>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let last = state.store.read(audit_runs::last).await?;
    let data = last.map(AuditBody::from);
    Ok(response::ok("Last audit retrieved successfully", data))
}
