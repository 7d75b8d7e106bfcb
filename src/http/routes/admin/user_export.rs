//! The users as CSV.

use actix_web::{HttpResponse, web};

use crate::http::csv::{self, Export, Line};
use crate::http::extract::{Administrator, Input, Read, Validator};
use crate::http::response::{ApiError, iso8601};
use crate::http::routes::market_data::Query;
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::store::markets::Catalog;
use crate::store::views::{self, ListedUser, Page, PageRequest};
use crate::store::{AnyConnection, StoreError};

const MAX_SEARCH_CHARS: usize = 255;

/// The users that a request asks for.
#[derive(Clone)]
struct Users {
    search: Option<String>,
}

impl Export for Users {
    type Row = ListedUser;

    const NAME: &'static str = "users.csv";
    const COLUMNS: &'static [&'static str] = &["id", "name", "email", "created_at"];

    fn read(
        &self,
        connection: &mut AnyConnection,
        page: &PageRequest,
    ) -> Result<Page<ListedUser>, StoreError> {
        views::all_users(connection, self.search.as_deref(), page)
    }

    fn is_known(_: &ListedUser, _: &Catalog) -> bool {
        true
    }

    fn write(row: &ListedUser, _: &Catalog, line: &mut Line<'_>) {
        line.integer(row.id);
        line.text(&row.name);
        line.text(&row.email);
        line.text(&iso8601(row.created_at));
    }
}

/// Exports the users, newest first.
#[utoipa::path(
    get,
    path = "/api/admin/users.csv",
    operation_id = "exportUsers",
    tag = "Administration",
    security(("token" = [])),
    params(doc::OfSearch, doc::Times),
    responses((status = 200, description = "Success", body = String, content_type = "text/csv")),
)]
pub async fn export(
    _administrator: Administrator<Read>,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let input = Input::from(query.into_inner());
    let mut validator = Validator::of(&input);
    let search = validator.optional_text("search", MAX_SEARCH_CHARS);
    let from = validator.optional_date_time("from");
    let to = validator.optional_date_time("to");
    validator.finish(Some(()))?;
    let page = PageRequest { from, to, ..PageRequest::newest(0) };
    csv::respond(Users { search }, page, state).await
}
