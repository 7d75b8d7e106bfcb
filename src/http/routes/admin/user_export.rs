//! The users as CSV.

use actix_web::{HttpResponse, web};

use crate::http::csv::{self, Export, Line};
use crate::http::extract::{Administrator, Input, Read, Validator};
use crate::http::paging::read_times;
use crate::http::response::{ApiError, iso8601};
use crate::http::routes::admin::users::read_filter;
use crate::http::routes::market_data::Query;
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::store::markets::Catalog;
use crate::store::users::User;
use crate::store::views::{self, Page, PageRequest, UserFilter};
use crate::store::{AnyConnection, StoreError};

impl Export for UserFilter {
    type Row = User;

    const NAME: &'static str = "users.csv";
    const COLUMNS: &'static [&'static str] = &["id", "name", "email", "status", "created_at"];

    fn read(
        &self,
        connection: &mut AnyConnection,
        page: &PageRequest,
    ) -> Result<Page<User>, StoreError> {
        views::users(connection, self, page)
    }

    fn is_known(_: &User, _: &Catalog) -> bool {
        true
    }

    fn write(row: &User, _: &Catalog, line: &mut Line<'_>) {
        line.integer(row.id);
        line.text(&row.name);
        line.text(&row.email);
        line.text(row.status.name());
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
    params(doc::UserSearch, doc::Times),
    responses((status = 200, description = "Success", body = String, content_type = "text/csv")),
)]
pub async fn export(
    _administrator: Administrator<Read>,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let input = Input::from(query.into_inner());
    let mut validator = Validator::of(&input);
    let filter = read_filter(&mut validator);
    let (from, to) = read_times(&mut validator);
    validator.finish(Some(()))?;
    let page = PageRequest { from, to, ..PageRequest::newest(0) };
    csv::respond(filter, page, state).await
}
