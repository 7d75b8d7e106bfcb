//! The user's balances and their history; the demo's faucet.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::market_data::Query;
use crate::events::decimal::DecimalNumber;
use crate::http::conditional::{Tag, Version, is_conditional};
use crate::http::extract::{AuthenticatedUser, Input, Validator};
use crate::http::idempotency::execute;
use crate::http::paging::{self, List, read_page};
use crate::http::response::{self, ApiError, DepositBody};
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::{AccountKey, Action, AssetId, Command, Fixed};
use crate::store::markets::{Catalog, QUOTE};
use crate::store::views::{self, AccountVersions, EntryView, Holding, Holdings, ReferenceKind};

#[derive(Serialize, ToSchema)]
#[schema(as = Profile)]
struct ProfileBody {
    id: i64,
    name: String,
    email: String,
    asset_balances: Vec<AssetBalance>,
    /// The quote asset, which is not in `asset_balances`.
    balance: DecimalNumber,
    locked_balance: DecimalNumber,
}

#[derive(Serialize, ToSchema)]
struct AssetBalance {
    symbol: String,
    /// Available.
    amount: DecimalNumber,
    locked_amount: DecimalNumber,
}

/// Returns the user with all balances.
#[utoipa::path(
    get,
    path = "/api/profile",
    operation_id = "getProfile",
    tag = "Account",
    params(doc::IfNoneMatch),
    responses((status = 200, description = "Success", body = doc::Success<ProfileBody>)),
)]
pub async fn profile(
    user: AuthenticatedUser,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let held = state.reads.user(user.id).await?;
    let catalog = catalog_of(&state, &held).await;
    let names = Version::of("profile").text(&held.user.name).text(&held.user.email);
    let tag = tag_of_holdings(names, &held, &catalog);
    if let Some(not_modified) = tag.not_modified(&request) {
        return Ok(not_modified);
    }
    let quote = catalog.quote();
    let mut body = ProfileBody {
        id: held.user.id,
        name: held.user.name.clone(),
        email: held.user.email.clone(),
        asset_balances: Vec::new(),
        balance: DecimalNumber(Fixed::ZERO),
        locked_balance: DecimalNumber(Fixed::ZERO),
    };
    for account in &held.accounts {
        if account.asset == quote {
            body.balance = DecimalNumber(account.available);
            body.locked_balance = DecimalNumber(account.locked);
        } else if let Some(symbol) = catalog.assets.get(&account.asset) {
            body.asset_balances.push(AssetBalance {
                symbol: symbol.clone(),
                amount: DecimalNumber(account.available),
                locked_amount: DecimalNumber(account.locked),
            });
        }
    }
    Ok(tag.on(response::ok("Profile retrieved successfully", body)))
}

/// The catalog with the assets of the user, if they can be read.
async fn catalog_of(state: &AppState, held: &Holdings) -> Arc<Catalog> {
    let is_known = |catalog: &Catalog| {
        held.accounts.iter().all(|account| catalog.assets.contains_key(&account.asset))
    };
    state.catalog_with(is_known).await
}

/// The tag of an answer with what a user holds of the assets that are known.
fn tag_of_holdings(version: Version, held: &Holdings, catalog: &Catalog) -> Tag {
    let known = i64::try_from(catalog.assets.len()).unwrap_or(i64::MAX);
    let version = version.number(held.user.id).number(known);
    let accounts = held.accounts.iter();
    let all = accounts.fold(version, |all, account| {
        let Holding { asset, available, locked, .. } = account;
        all.number(asset.0.into()).number(available.units()).number(locked.units())
    });
    all.tag()
}

/// A row of `GET /balances`.
#[derive(Serialize, ToSchema)]
#[schema(as = Balance)]
struct BalanceBody<'a> {
    currency: &'a str,
    available: DecimalNumber,
    /// Reserved by open orders and pending withdrawals.
    locked: DecimalNumber,
    total: DecimalNumber,
}

/// Lists the user's balances, of every asset.
#[utoipa::path(
    get,
    path = "/api/balances",
    operation_id = "listBalances",
    tag = "Account",
    params(doc::IfNoneMatch),
    responses((status = 200, description = "Success", body = doc::Success<Vec<BalanceBody>>)),
)]
pub async fn balances(
    user: AuthenticatedUser,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let held = state.reads.user(user.id).await?;
    let catalog = catalog_of(&state, &held).await;
    let tag = tag_of_holdings(Version::of("balances"), &held, &catalog);
    if let Some(not_modified) = tag.not_modified(&request) {
        return Ok(not_modified);
    }
    let mut rows = Vec::with_capacity(catalog.assets.len());
    for (asset, symbol) in &catalog.assets {
        let balance = held.accounts.iter().find(|account| account.asset == *asset);
        let (available, locked) =
            balance.map_or((Fixed::ZERO, Fixed::ZERO), |held| (held.available, held.locked));
        let total = available.checked_add(locked);
        rows.push(BalanceBody {
            currency: symbol,
            available: DecimalNumber(available),
            locked: DecimalNumber(locked),
            total: DecimalNumber(total.ok_or(ApiError::Internal("a balance is out of range"))?),
        });
    }
    Ok(tag.on(response::ok("Balances retrieved successfully", rows)))
}

#[derive(Serialize, ToSchema)]
#[schema(as = BalanceChange)]
struct HistoryRow {
    id: i64,
    currency: String,
    /// Available after it.
    balance: DecimalNumber,
    #[schema(value_type = doc::Action)]
    action: &'static str,
    credit: DecimalNumber,
    debit: DecimalNumber,
    /// The value of the trade, in the quote asset; `None` if the row is no trade.
    value: Option<DecimalNumber>,
    /// The user's commission for the trade, in the quote asset.
    commission: Option<DecimalNumber>,
    description: String,
    #[schema(value_type = Option<doc::ReferenceType>)]
    reference_type: Option<&'static str>,
    reference_id: Option<i64>,
    #[schema(value_type = doc::Timestamp)]
    date: String,
}

/// Lists the changes of the user's balances, newest first.
#[utoipa::path(
    get,
    path = "/api/balance-history",
    operation_id = "listBalanceHistory",
    tag = "Account",
    params(doc::OfCurrency, doc::Page, doc::IfNoneMatch),
    responses((status = 200, description = "Success", body = doc::Success<Vec<HistoryRow>>)),
)]
pub async fn balance_history(
    user: AuthenticatedUser,
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let input = Input::from(query.into_inner());
    let mut validator = Validator::of(&input);
    let page = read_page(&mut validator, List::BalanceHistory, state.list_cap);
    validator.finish(Some(()))?;
    let asset = match input.string("currency").filter(|currency| !currency.is_empty()) {
        None => Some(state.catalog.current().quote()),
        Some("all") => None,
        Some(symbol) => Some(asset_of(&state, symbol)?),
    };
    let user = user.id;
    let tag = |versions: &AccountVersions| {
        let version = Version::of("balance-history").accounts(user, versions);
        version.parameters_of(&request).tag()
    };
    if is_conditional(&request) {
        let mut versions = state.reads.user(user).await?.versions();
        versions.retain(|(id, _)| asset.is_none_or(|asset| asset.0 == *id));
        if let Some(not_modified) = tag(&versions).not_modified(&request) {
            return Ok(not_modified);
        }
    }
    let read = move |c: &mut _| views::history_with_versions(c, user, asset, &page);
    let (versions, page) = state.reader.read(read).await?;
    let tag = tag(&versions);
    let rows: Vec<HistoryRow> = page.rows.into_iter().map(history_row).collect();
    let message = "Balance history retrieved successfully";
    Ok(tag.on(paging::respond(&request, List::BalanceHistory, message, rows, page.next)?))
}

fn asset_of(state: &AppState, symbol: &str) -> Result<AssetId, ApiError> {
    let asset = state.catalog.current().asset(symbol);
    asset.ok_or_else(|| ApiError::invalid("currency", "The selected currency is invalid."))
}

fn history_row(entry: EntryView) -> HistoryRow {
    let (credit, debit) = if entry.available_change < Fixed::ZERO {
        (Fixed::ZERO, entry.available_change.negated())
    } else {
        (entry.available_change, Fixed::ZERO)
    };
    let reference = entry.reference.and_then(|(kind, id)| Some((reference_type(kind)?, id)));
    HistoryRow {
        id: entry.id,
        balance: DecimalNumber(entry.available_after),
        action: action_name(entry.action),
        credit: DecimalNumber(credit),
        debit: DecimalNumber(debit),
        value: entry.trade.map(|trade| DecimalNumber(trade.value)),
        commission: entry.trade.map(|trade| DecimalNumber(trade.commission)),
        description: describe(&entry),
        reference_type: reference.map(|(kind, _)| kind),
        reference_id: reference.map(|(_, id)| id),
        date: response::iso8601(entry.created_at),
        currency: entry.symbol,
    }
}

/// `None`: users do not know these objects.
const fn reference_type(kind: ReferenceKind) -> Option<&'static str> {
    match kind {
        ReferenceKind::Order => Some("Order"),
        ReferenceKind::Trade => Some("Trade"),
        ReferenceKind::Market => Some("Market"),
        ReferenceKind::Withdrawal => Some("Withdrawal"),
        ReferenceKind::Deposit | ReferenceKind::Adjustment => None,
    }
}

pub const fn action_name(action: Action) -> &'static str {
    match action {
        Action::Deposit => "deposit",
        Action::OrderReserved => "order_reserved",
        Action::OrderRefund => "order_refund",
        Action::OrderCancelled => "order_cancelled",
        Action::TradeCompleted => "trade_completed",
        Action::CommissionCollected => "commission_collected",
        Action::WithdrawalRequested => "withdrawal_requested",
        Action::WithdrawalCompleted => "withdrawal_completed",
        Action::WithdrawalRejected => "withdrawal_rejected",
        Action::WithdrawalCancelled => "withdrawal_cancelled",
        Action::WithdrawalFee => "withdrawal_fee",
        Action::Adjustment => "adjustment",
        Action::MigrationOpening => "migration_opening",
        Action::MigrationHistory => "migration_history",
        Action::MigrationAdjustment => "migration_adjustment",
    }
}

fn describe(entry: &EntryView) -> String {
    let symbol = &entry.symbol;
    let id = entry.reference.map_or(0, |(_, id)| id);
    let available = entry.available_change;
    match entry.action {
        Action::Deposit => format!("Deposit of {available} {symbol}"),
        Action::OrderReserved => {
            format!("Reserved {} {symbol} for order #{id}", available.negated())
        }
        Action::OrderRefund => {
            format!("Refund of {available} {symbol}: order #{id} filled at a better price")
        }
        Action::OrderCancelled => {
            format!("Order #{id} cancelled: {available} {symbol} given back")
        }
        Action::TradeCompleted if entry.locked_change < Fixed::ZERO => {
            let spent = entry.locked_change.negated();
            format!("Trade #{id}: {spent} {symbol} out of what was reserved")
        }
        Action::TradeCompleted => format!("Trade #{id}: {available} {symbol} received"),
        Action::CommissionCollected => format!("Commission of {available} {symbol}"),
        Action::WithdrawalRequested => {
            format!("Withdrawal #{id} requested: {} {symbol} reserved", available.negated())
        }
        Action::WithdrawalCompleted => {
            let withdrawn = entry.locked_change.negated();
            format!("Withdrawal #{id}: {withdrawn} {symbol} out of what was reserved")
        }
        Action::WithdrawalRejected => {
            format!("Withdrawal #{id} rejected: {available} {symbol} given back")
        }
        Action::WithdrawalCancelled => {
            format!("Withdrawal #{id} cancelled: {available} {symbol} given back")
        }
        Action::WithdrawalFee => format!("Fee of {available} {symbol} for withdrawal #{id}"),
        Action::Adjustment => format!("Adjustment of {available} {symbol}"),
        Action::MigrationOpening => {
            format!("Balance of {available} {symbol} taken over from the previous system")
        }
        Action::MigrationHistory => {
            format!("Change of {available} {symbol} in the previous system")
        }
        Action::MigrationAdjustment => {
            format!("Correction of {available} {symbol} during the migration")
        }
    }
}

/// The largest amount of one faucet call.
fn faucet_limit(symbol: &str) -> Fixed {
    let whole = match symbol {
        QUOTE => 10_000,
        "ETH" => 10,
        _ => 1,
    };
    Fixed::from_units(Fixed::ONE.units().saturating_mul(whole))
}

/// Funds the account, if the demo is enabled.
#[utoipa::path(
    post,
    path = "/api/faucet",
    operation_id = "fundAccount",
    tag = "Account",
    params(doc::IdempotencyKey),
    request_body = doc::FaucetCall,
    responses((status = 200, description = "Success", body = doc::Success<DepositBody>)),
)]
pub async fn faucet(
    user: AuthenticatedUser,
    request: HttpRequest,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let Some(daily_limit) = state.faucet_calls_per_day else {
        return Err(ApiError::not_found("Not found."));
    };
    let mut validator = Validator::of(&input);
    let currency = validator.text("currency", 16);
    let asset = currency.as_deref().and_then(|symbol| state.catalog.current().asset(symbol));
    if currency.is_some() && asset.is_none() {
        validator.fail("currency", "The selected currency is invalid.");
    }
    let most = faucet_limit(currency.as_deref().unwrap_or_default());
    let amount = validator.optional_positive("amount", state.excess_decimals).unwrap_or(most);
    if asset.is_some() && amount > most {
        validator.fail("amount", format!("The amount field must not be greater than {most}."));
    }
    let (_, asset) = validator.finish((currency, asset))?;

    let account = AccountKey { user: user.id, asset };
    let command = Command::Deposit { account, amount, daily_limit };
    execute(&state, &user, &request, Some(&input), command).await
}
