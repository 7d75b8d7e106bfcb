//! All users, as administrators see them.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::page::{Bounds, Found, MAX_EXAMINED, Page, PageRequest, bounds, page_query};
use crate::store::schema::users;
use crate::store::{AnyConnection, StoreError};

/// A user without secrets.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct ListedUser {
    pub id: i64,
    pub name: String,
    pub email: String,
    pub created_at: NaiveDateTime,
}

/// All users without the houses of the markets, newest first: those whose name or e-mail address
/// contains `search`, whatever its case in ASCII.
pub fn all_users(
    connection: &mut AnyConnection,
    search: Option<&str>,
    page: &PageRequest,
) -> Result<Page<ListedUser>, StoreError> {
    let people = || users::table.filter(users::id.gt(0));
    let (id, time) = (users::id, users::created_at);
    let bounds = bounds!(connection, page, search.is_some(), people(), id, time);
    let mut query = page_query!(page, bounds, people(), id, time, ListedUser::as_select());
    if let Some(search) = search {
        let pattern = containing(search);
        let in_name = lower(users::name).like(pattern.clone()).escape('\\');
        query = query.filter(in_name.or(lower(users::email).like(pattern).escape('\\')));
    }
    let rows: Vec<ListedUser> = query.load(connection)?;
    let rows = rows.into_iter().map(|row| (row.id, row)).collect();
    Ok(Page::of(vec![Found { rows, bounds }], page))
}

diesel::define_sql_function! {
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// The pattern of texts that contain this one.
fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.to_ascii_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::containing;

    #[test]
    fn a_pattern_has_no_wildcards_of_the_text() {
        assert_eq!(containing("Ada"), "%ada%");
        assert_eq!(containing(r"50%_\"), r"%50\%\_\\%");
    }
}
