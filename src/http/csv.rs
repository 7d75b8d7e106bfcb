//! Lists as CSV (RFC 4180), of any length: sent while they are read, page by page.
//!
//! Each page is a short read of its own, along the cursor of the list, and is read when the client
//! has taken the one before. So an export occupies the memory of one page, and no transaction or
//! connection between two pages. Few pages are read at the same time, whatever the number of
//! exports: most connections remain for others. A row is as it is when its page is read; rows that
//! were added after the first page are not in the export. An error ends the connection: a client
//! never takes a part for the whole.

use std::fmt::Write;

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{self, Bytes};
use futures_util::stream;

use super::response::ApiError;
use super::state::AppState;
use crate::market::Fixed;
use crate::store::markets::Catalog;
use crate::store::views::{EntryPosition as Position, Page, PageRequest};
use crate::store::{AnyConnection, StoreError};

/// The rows of a page, which is a chunk of the response.
const PAGE_ROWS: i64 = 2_000;
const LINE_END: &str = "\r\n";
/// What programs for tables take for the beginning of a formula.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A list as CSV.
pub trait Export: Clone + Send + 'static {
    type Row: Send + 'static;

    /// Of the file that browsers store.
    const NAME: &'static str;
    const COLUMNS: &'static [&'static str];

    fn read(
        &self,
        connection: &mut AnyConnection,
        page: &PageRequest,
    ) -> Result<Page<Self::Row>, StoreError>;

    /// The rows that follow a position, and that of the next ones. `None`: the beginning, the end.
    fn read_next(
        &self,
        connection: &mut AnyConnection,
        page: &PageRequest,
        after: Option<Position>,
    ) -> Result<(Vec<Self::Row>, Option<Position>), StoreError> {
        let page = PageRequest { before: after.map(|Position { id, .. }| id), ..*page };
        let Page { rows, next } = self.read(connection, &page)?;
        Ok((rows, next.map(|id| Position { account: 0, id })))
    }

    /// Whether the catalog has what the row refers to.
    fn is_known(row: &Self::Row, catalog: &Catalog) -> bool;

    /// Writes as many cells as there are columns.
    fn write(row: &Self::Row, catalog: &Catalog, line: &mut Line<'_>);
}

/// A line of a table.
pub struct Line<'a> {
    text: &'a mut String,
    cells: usize,
}

impl<'a> Line<'a> {
    fn new(text: &'a mut String) -> Self {
        Self { text, cells: 0 }
    }

    fn begin_cell(&mut self) {
        if self.cells > 0 {
            self.text.push(',');
        }
        self.cells += 1;
    }

    /// A text, which no program takes for a formula: an apostrophe precedes it if necessary.
    pub fn text(&mut self, text: &str) {
        self.begin_cell();
        let prefix = if text.starts_with(FORMULA_STARTS) { "'" } else { "" };
        if !text.contains(['"', ',', '\n', '\r']) {
            self.text.extend([prefix, text]);
            return;
        }
        self.text.extend(["\"", prefix, &text.replace('"', "\"\""), "\""]);
    }

    /// A text, or an empty cell.
    pub fn optional_text(&mut self, text: Option<&str>) {
        self.text(text.unwrap_or_default());
    }

    pub fn integer(&mut self, number: i64) {
        self.begin_cell();
        write!(self.text, "{number}").expect("a string takes any text");
    }

    pub fn optional_integer(&mut self, number: Option<i64>) {
        match number {
            Some(number) => self.integer(number),
            None => self.text(""),
        }
    }

    /// Digit for digit.
    pub fn decimal(&mut self, number: Fixed) {
        self.begin_cell();
        write!(self.text, "{number}").expect("a string takes any text");
    }

    pub fn optional_decimal(&mut self, number: Option<Fixed>) {
        match number {
            Some(number) => self.decimal(number),
            None => self.text(""),
        }
    }
}

/// What is left to send.
enum Rest {
    /// The first page, which was read before the response began.
    First(Bytes, Option<Position>),
    After(Option<Position>),
}

/// Sends the rows of these times, newest first unless the export has another order.
///
/// # Errors
/// Those of the first page. Later ones end the connection.
pub async fn respond<E: Export>(
    export: E,
    page: PageRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let page = PageRequest { limit: PAGE_ROWS, before: None, ..page };
    let mut header = String::new();
    let mut line = Line::new(&mut header);
    E::COLUMNS.iter().for_each(|name| line.text(name));
    header.push_str(LINE_END);
    let (first, next) = read_page(&export, &page, None, &state, header).await?;
    let chunks = stream::try_unfold(Rest::First(first, next), move |rest| {
        let (export, state) = (export.clone(), state.clone());
        async move {
            let after = match rest {
                Rest::First(chunk, next) => return Ok(Some((chunk, Rest::After(next)))),
                Rest::After(None) => return Ok(None),
                Rest::After(after) => after,
            };
            match read_page(&export, &page, after, &state, String::new()).await {
                Ok((chunk, next)) => Ok(Some((chunk, Rest::After(next)))),
                Err(error) => {
                    tracing::error!(%error, export = E::NAME, "an export was not completed");
                    Err(ApiError::from(error))
                }
            }
        }
    });
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", E::NAME)))
        .streaming(chunks))
}

/// Appends the lines of a page, and returns where the next one begins. A page may have no rows.
async fn read_page<E: Export>(
    export: &E,
    page: &PageRequest,
    after: Option<Position>,
    state: &AppState,
    mut text: String,
) -> Result<(Bytes, Option<Position>), StoreError> {
    let (export, page, shared) = (export.clone(), *page, state.catalog.clone());
    let write = move |c: &mut AnyConnection| {
        let (rows, next) = export.read_next(c, &page, after)?;
        let is_known = |catalog: &Catalog| rows.iter().all(|row| E::is_known(row, catalog));
        let mut catalog = shared.current();
        if !is_known(&catalog) {
            // Another process has created a market.
            catalog = shared.reload(c)?;
        }
        if !is_known(&catalog) {
            let cause = format!("a row of {} is of an unknown market or asset", E::NAME);
            return Err(StoreError::Other(cause));
        }
        let mut text = std::mem::take(&mut text);
        for row in &rows {
            let mut line = Line::new(&mut text);
            E::write(row, &catalog, &mut line);
            debug_assert_eq!(line.cells, E::COLUMNS.len());
            text.push_str(LINE_END);
        }
        Ok((Bytes::from(text), next))
    };
    state.store.read_bulk(write).await
}

#[cfg(test)]
mod tests {
    use super::Line;
    use crate::market::Fixed;

    fn line(write: impl FnOnce(&mut Line<'_>)) -> String {
        let mut text = String::new();
        write(&mut Line::new(&mut text));
        text
    }

    #[test]
    fn cells_are_quoted_if_necessary() {
        for (text, expected) in [
            ("", ""),
            ("Ada", "Ada"),
            ("Lovelace, Ada", "\"Lovelace, Ada\""),
            ("\"Ada\"", "\"\"\"Ada\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("two\nlines", "\"two\nlines\""),
        ] {
            assert_eq!(line(|line| line.text(text)), expected);
        }
    }

    #[test]
    fn no_text_is_a_formula() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("=HYPERLINK(\"a\",\"b\")", "\"'=HYPERLINK(\"\"a\"\",\"\"b\"\")\""),
            ("a=1", "a=1"),
        ] {
            assert_eq!(line(|line| line.text(text)), expected);
        }
    }

    #[test]
    fn numbers_are_exact_and_remain_numbers() {
        let written = line(|line| {
            line.integer(-7);
            line.optional_integer(None);
            line.decimal(Fixed::MAX);
            line.decimal(Fixed::UNIT.negated());
            line.optional_decimal(None);
            line.optional_text(None);
        });
        assert_eq!(written, "-7,,92233720368.54775807,-0.00000001,,");
    }
}
