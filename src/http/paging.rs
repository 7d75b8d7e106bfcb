//! The pages of lists: `limit`, `cursor`, `from` and `to` in a request, and `Link` in its response.

use std::collections::BTreeMap;

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::NaiveDateTime;
use serde::Serialize;

use super::extract::{Input, Validator};
use super::response::{self, ApiError};
use crate::store::views::PageRequest;

/// More characters than a cursor has.
const MAX_CURSOR: usize = 32;

/// A list with pages. A cursor of one list is none of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    Orders,
    BalanceHistory,
    /// Of a market.
    Trades,
    /// Of a user.
    MyTrades,
    Tokens,
    Sessions,
    WebhookMessages,
    AdminLog,
    Deposits,
    /// Of a user.
    Withdrawals,
    AllWithdrawals,
    Adjustments,
    /// Of all users.
    AllOrders,
    AllTrades,
    Ledger,
    DeadLetters,
    Users,
}

impl List {
    const fn tag(self) -> u8 {
        match self {
            Self::Orders => 1,
            Self::BalanceHistory => 2,
            Self::Trades => 3,
            Self::MyTrades => 4,
            Self::Tokens => 5,
            Self::WebhookMessages => 6,
            Self::AdminLog => 7,
            Self::Deposits => 8,
            Self::Withdrawals => 9,
            Self::AllWithdrawals => 10,
            Self::Adjustments => 11,
            Self::Sessions => 12,
            Self::AllOrders => 20,
            Self::AllTrades => 21,
            Self::Ledger => 22,
            Self::DeadLetters => 23,
            Self::Users => 24,
        }
    }

    /// The text that stands for the position after the row with this id.
    fn cursor(self, id: i64) -> String {
        let mut bytes = vec![self.tag()];
        bytes.extend(id.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn position(self, cursor: &str) -> Option<i64> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (tag, id) = bytes.split_first()?;
        let id = i64::from_be_bytes(id.try_into().ok()?);
        (*tag == self.tag() && id >= 0).then_some(id)
    }
}

/// Reads the page that a request asks for; without parameters the newest `cap` rows.
pub fn read_page(validator: &mut Validator<'_>, list: List, cap: i64) -> PageRequest {
    let limit = validator.optional_up_to("limit", cap).unwrap_or(cap);
    let cursor = validator.optional_text("cursor", MAX_CURSOR);
    let before = cursor.as_deref().and_then(|cursor| list.position(cursor));
    if cursor.is_some() && before.is_none() {
        validator.fail("cursor", "The cursor field is invalid.");
    }
    let (from, to) = read_times(validator);
    PageRequest { limit, before, from, to }
}

/// Reads `from` and `to`, the times between which rows were created.
pub fn read_times(validator: &mut Validator<'_>) -> (Option<NaiveDateTime>, Option<NaiveDateTime>) {
    (validator.optional_date_time("from"), validator.optional_date_time("to"))
}

/// The page that the parameters of a list without filters ask for.
///
/// # Errors
/// 422 with each invalid parameter.
pub fn read_parameters(
    parameters: BTreeMap<String, String>,
    list: List,
    cap: i64,
) -> Result<PageRequest, ApiError> {
    let input = Input::from(parameters);
    let mut validator = Validator::of(&input);
    let page = read_page(&mut validator, list, cap);
    validator.finish(Some(page))
}

/// A page, with the address of the next one if there is any.
pub fn respond<T: Serialize>(
    request: &HttpRequest,
    list: List,
    message: &str,
    rows: Vec<T>,
    next: Option<i64>,
) -> Result<HttpResponse, ApiError> {
    let next = next.map(|id| ("cursor", list.cursor(id)));
    with_next(request, response::ok(message, rows), next)
}

/// Adds the address of the next page: that of this one with another value of a parameter. It is
/// relative, because a proxy may have put the API under another path.
pub fn with_next(
    request: &HttpRequest,
    mut response: HttpResponse,
    next: Option<(&'static str, String)>,
) -> Result<HttpResponse, ApiError> {
    let Some((name, value)) = next else { return Ok(response) };
    let query = request.query_string();
    let parsed = serde_urlencoded::from_str::<Vec<(String, String)>>(query);
    let mut pairs = parsed.map_err(|_| ApiError::Internal("a query cannot be parsed again"))?;
    pairs.retain(|(known, _)| known != name);
    pairs.push((name.to_owned(), value));
    let query = serde_urlencoded::to_string(pairs);
    let query = query.map_err(|_| ApiError::Internal("a query cannot be written"))?;
    let link = HeaderValue::try_from(format!("<?{query}>; rel=\"next\""));
    let link = link.map_err(|_| ApiError::Internal("a query has an invalid character"))?;
    response.headers_mut().insert(header::LINK, link);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::List;

    #[test]
    fn a_cursor_is_a_position_in_its_own_list() {
        for id in [0, 1, 1 << 40, i64::MAX] {
            let cursor = List::Orders.cursor(id);
            assert_eq!(List::Orders.position(&cursor), Some(id));
            assert_eq!(List::Trades.position(&cursor), None);
        }
        let negative = List::Orders.cursor(-1);
        for broken in ["", "1", "AQ", "AQAAAAAAAAAB=", "AQAAAAAAAAABAA", "ÄÖ", &negative] {
            assert_eq!(List::Orders.position(broken), None, "{broken}");
        }
    }
}
