//! The ledger entries of all accounts.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::events::decimal::DecimalNumber;
use crate::http::csv::{self, Export, Line};
use crate::http::extract::{Administrator, Input, Read, Validator};
use crate::http::paging::{self, List, read_page};
use crate::http::response::{ApiError, iso8601};
use crate::http::routes::accounts::action_name;
use crate::http::routes::fields::optional_existing_asset;
use crate::http::routes::market_data::Query;
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::{Action, UserId};
use crate::store::markets::Catalog;
use crate::store::views::{
    self, EntryFilter, EntryPosition, LedgerEntry, Page, PageRequest, ReferenceKind,
};
use crate::store::{AnyConnection, StoreError, now};

/// One change of one account.
#[derive(Serialize, ToSchema)]
#[schema(as = LedgerEntry)]
struct EntryBody<'a> {
    id: i64,
    /// Negative: the house of a market, which collects its commission; 0: that of withdrawals,
    /// which collects their fees.
    user_id: i64,
    #[schema(example = "USD")]
    asset: &'a str,
    #[schema(value_type = doc::Action)]
    action: &'static str,
    /// Signed.
    available_change: DecimalNumber,
    /// Signed.
    locked_change: DecimalNumber,
    available_after: DecimalNumber,
    #[schema(example = "trade")]
    reference_type: Option<&'static str>,
    reference_id: Option<i64>,
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
}

impl<'a> EntryBody<'a> {
    fn new(entry: &LedgerEntry, catalog: &'a Catalog) -> Self {
        Self {
            id: entry.id,
            user_id: entry.account.user.0,
            asset: catalog.asset_symbol(entry.account.asset),
            action: action_name(entry.action),
            available_change: DecimalNumber(entry.available_change),
            locked_change: DecimalNumber(entry.locked_change),
            available_after: DecimalNumber(entry.available_after),
            reference_type: entry.reference.map(|(kind, _)| reference_name(kind)),
            reference_id: entry.reference.map(|(_, id)| id),
            created_at: iso8601(entry.created_at),
        }
    }
}

const fn reference_name(kind: ReferenceKind) -> &'static str {
    match kind {
        ReferenceKind::Order => "order",
        ReferenceKind::Trade => "trade",
        ReferenceKind::Market => "market",
        ReferenceKind::Deposit => "deposit",
        ReferenceKind::Withdrawal => "withdrawal",
        ReferenceKind::Adjustment => "adjustment",
    }
}

/// The entries that a request asks for.
#[derive(Clone, Copy)]
struct Ledger(EntryFilter);

impl Ledger {
    fn of(query: Query, state: &AppState) -> Result<(Self, PageRequest), ApiError> {
        let input = Input::from(query.into_inner());
        let mut validator = Validator::of(&input);
        let page = read_page(&mut validator, List::Ledger, state.list_cap);
        let user = validator.optional_id("user_id").map(UserId);
        let asset = optional_existing_asset(state, &mut validator);
        let actions = Action::ALL.map(|action| (action_name(action), action));
        let action = validator.optional_one_of("action", &actions);
        validator.finish(Some(()))?;
        Ok((Self(EntryFilter { user, asset, action }), page))
    }
}

impl Export for Ledger {
    type Row = LedgerEntry;

    const NAME: &'static str = "ledger.csv";
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "user_id",
        "asset",
        "action",
        "available_change",
        "locked_change",
        "available_after",
        "reference_type",
        "reference_id",
        "created_at",
    ];

    fn read(
        &self,
        connection: &mut AnyConnection,
        page: &PageRequest,
    ) -> Result<Page<LedgerEntry>, StoreError> {
        views::entries(connection, self.0, page)
    }

    /// By account, unless it is the export of one user: PostgreSQL has no index of the whole ledger
    /// by id.
    fn read_next(
        &self,
        connection: &mut AnyConnection,
        page: &PageRequest,
        after: Option<EntryPosition>,
    ) -> Result<(Vec<LedgerEntry>, Option<EntryPosition>), StoreError> {
        if self.0.user.is_none() {
            return views::entries_by_account(connection, self.0, page, after);
        }
        let page = PageRequest { before: after.map(|EntryPosition { id, .. }| id), ..*page };
        let Page { rows, next } = self.read(connection, &page)?;
        Ok((rows, next.map(|id| EntryPosition { account: 0, id })))
    }

    fn is_known(row: &LedgerEntry, catalog: &Catalog) -> bool {
        catalog.assets.contains_key(&row.account.asset)
    }

    fn write(row: &LedgerEntry, catalog: &Catalog, line: &mut Line<'_>) {
        line.integer(row.id);
        line.integer(row.account.user.0);
        line.text(catalog.asset_symbol(row.account.asset));
        line.text(action_name(row.action));
        line.decimal(row.available_change);
        line.decimal(row.locked_change);
        line.decimal(row.available_after);
        line.optional_text(row.reference.map(|(kind, _)| reference_name(kind)));
        line.optional_integer(row.reference.map(|(_, id)| id));
        line.text(&iso8601(row.created_at));
    }
}

/// Lists the ledger entries of all accounts, newest first.
#[utoipa::path(
    get,
    path = "/api/admin/ledger",
    operation_id = "listLedgerEntries",
    tag = "Administration",
    security(("token" = [])),
    params(doc::OfUser, doc::OfAsset, doc::OfAction, doc::Page),
    responses((status = 200, description = "Success", body = doc::Success<Vec<EntryBody>>)),
)]
pub async fn list(
    _administrator: Administrator<Read>,
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (ledger, page) = Ledger::of(query, &state)?;
    let page = state.reader.read(move |c| ledger.read(c, &page)).await?;
    let is_known = |catalog: &Catalog| page.rows.iter().all(|row| Ledger::is_known(row, catalog));
    let catalog = state.catalog_with(is_known).await;
    let body = |entry| EntryBody::new(entry, &catalog);
    let rows: Vec<EntryBody<'_>> = page.rows.iter().map(body).collect();
    let message = "Ledger entries retrieved successfully";
    paging::respond(&request, List::Ledger, message, rows, page.next)
}

/// Exports the ledger entries of all accounts: by account, the oldest first; of one user, newest
/// first.
#[utoipa::path(
    get,
    path = "/api/admin/ledger.csv",
    operation_id = "exportLedger",
    tag = "Administration",
    security(("token" = [])),
    params(doc::OfUser, doc::OfAsset, doc::OfAction, doc::Times),
    responses((status = 200, description = "Success", body = String, content_type = "text/csv")),
)]
pub async fn export(
    _administrator: Administrator<Read>,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (ledger, page) = Ledger::of(query, &state)?;
    // Entries that are added meanwhile would be among those of accounts that were not read yet.
    let start = now();
    let page = PageRequest { to: Some(page.to.map_or(start, |to| to.min(start))), ..page };
    csv::respond(ledger, page, state).await
}
