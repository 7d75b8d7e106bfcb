//! Pages of a list: newest first, a page begins after the row at which the one before ended.
//!
//! A list is in the order of its ids, which never changes. So whatever arrives while a client reads
//! page after page, it reads each row that was there at the beginning exactly once.

use std::cmp::Reverse;
use std::ops::Range;

use chrono::{NaiveDateTime, TimeDelta};

use crate::store::{AnyConnection, StoreError};

/// The most rows that a page looks at to find those that its filter lets through.
pub const MAX_EXAMINED: i64 = 10_000;
/// In a list, a row with a greater id is not older by more than this. The times are those of
/// several processes, whose clocks may differ.
const CLOCK_DIFFERENCE: TimeDelta = TimeDelta::hours(1);

/// The part of a list that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// Most rows.
    pub limit: i64,
    /// Only rows with smaller ids.
    pub before: Option<i64>,
    /// Only rows of this time or later.
    pub from: Option<NaiveDateTime>,
    /// Only rows before this time.
    pub to: Option<NaiveDateTime>,
}

impl PageRequest {
    /// The newest rows, whatever their time.
    pub const fn newest(limit: i64) -> Self {
        Self { limit, before: None, from: None, to: None }
    }

    pub(super) const fn has_times(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    /// One row more than the page has: it tells that there is another page.
    pub const fn limit_and_one(&self) -> i64 {
        self.limit.saturating_add(1)
    }

    /// The page, from the first rows of the list after its beginning: one more than it has, if
    /// there are as many.
    pub fn cut<T>(&self, mut rows: Vec<T>, id: impl Fn(&T) -> i64) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = if has_more { rows.last().map(id) } else { None };
        Page { rows, next }
    }
}

/// Some rows of a list, newest first.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// May be fewer than were asked for, or none, although there is another page.
    pub rows: Vec<T>,
    /// Where the next page begins: `before` of its request. `None`: there is no other.
    pub next: Option<i64>,
}

/// The ids that a page looks at, along one index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub below: i64,
    pub at_least: i64,
    /// There may be rows for the list below `at_least`.
    has_more: bool,
}

impl Bounds {
    /// Those of a page without a filter.
    pub const fn of(page: &PageRequest) -> Self {
        let below = match page.before {
            Some(before) => before,
            None => i64::MAX,
        };
        Self { below, at_least: i64::MIN, has_more: false }
    }

    /// Those of a page that has looked at [`MAX_EXAMINED`] rows, and no others than those above the
    /// edge, the id of the next row. `None`: there is none.
    pub const fn above(page: &PageRequest, edge: Option<i64>) -> Self {
        let bounds = Self::of(page);
        match edge {
            Some(id) => Self { at_least: id.saturating_add(1), has_more: true, ..bounds },
            None => bounds,
        }
    }

    /// Those of a page with a filter. `first_at_or_above` reads the first row whose id is not
    /// smaller, `after_examined` the row that follows [`MAX_EXAMINED`] rows below an id.
    pub fn of_filtered(
        connection: &mut AnyConnection,
        page: &PageRequest,
        first_at_or_above: impl Fn(&mut AnyConnection, i64) -> Row,
        after_examined: impl Fn(&mut AnyConnection, i64) -> Row,
    ) -> Result<Self, StoreError> {
        let mut bounds = Self::of(page);
        if let Some(to) = page.to {
            // Rows from there on are newer, even if their clocks were late.
            let end = to + CLOCK_DIFFERENCE;
            bounds.below = first_since(connection, end, bounds.below, first_at_or_above)?;
        }
        if let Some((id, time)) = after_examined(connection, bounds.below)? {
            bounds.at_least = id.saturating_add(1);
            bounds.has_more = page.from.is_none_or(|from| time >= from - CLOCK_DIFFERENCE);
        }
        Ok(bounds)
    }
}

/// The ids along one index among which are all rows of these times. `None`: there is no limit.
pub(in crate::store) fn ids_between(
    connection: &mut AnyConnection,
    from: Option<NaiveDateTime>,
    to: Option<NaiveDateTime>,
    first_at_or_above: impl Fn(&mut AnyConnection, i64) -> Row,
) -> Result<Range<i64>, StoreError> {
    let mut since = |time| first_since(connection, time, i64::MAX, &first_at_or_above);
    let start = from.map_or(Ok(0), |from| since(from - CLOCK_DIFFERENCE))?;
    let end = to.map_or(Ok(i64::MAX), |to| since(to + CLOCK_DIFFERENCE))?;
    Ok(start..end)
}

/// The first id whose row is of this time or later, or `below` if none of the smaller ids is.
fn first_since(
    connection: &mut AnyConnection,
    time: NaiveDateTime,
    below: i64,
    first_at_or_above: impl Fn(&mut AnyConnection, i64) -> Row,
) -> Result<i64, StoreError> {
    let (mut low, mut high) = (0, below);
    while low < high {
        let middle = low.midpoint(high);
        match first_at_or_above(connection, middle)? {
            Some((id, found)) if found < time => low = id.saturating_add(1),
            _ => high = middle,
        }
    }
    Ok(high)
}

/// The id and the time of a row.
type Row = Result<Option<(i64, NaiveDateTime)>, StoreError>;

/// The rows that were found along one index, newest first and with their ids.
pub(super) struct Found<T> {
    pub rows: Vec<(i64, T)>,
    pub bounds: Bounds,
}

impl<T> Found<T> {
    /// Rows in any order.
    pub fn of(mut rows: Vec<(i64, T)>, bounds: Bounds) -> Self {
        // Fast if they are in order, as they are.
        rows.sort_by_key(|(id, _)| Reverse(*id));
        Self { rows, bounds }
    }

    /// The smallest id down to which no row is missing. `None`: no row is.
    fn complete_to(&self, page: &PageRequest) -> Option<i64> {
        let is_cut = i64::try_from(self.rows.len()).is_ok_and(|len| len > page.limit);
        let last = self.rows.last().filter(|_| is_cut).map(|(id, _)| *id);
        last.or_else(|| self.bounds.has_more.then_some(self.bounds.at_least))
    }
}

impl<T> Page<T> {
    /// The page of a list whose rows are along several indexes.
    pub(super) fn of(found: Vec<Found<T>>, page: &PageRequest) -> Self {
        let complete_to = found.iter().filter_map(|found| found.complete_to(page)).max();
        let mut rows: Vec<(i64, T)> = found.into_iter().flat_map(|found| found.rows).collect();
        rows.sort_by_key(|(id, _)| Reverse(*id));
        rows.retain(|(id, _)| complete_to.is_none_or(|complete_to| *id >= complete_to));
        let Page { rows, next } = page.cut(rows, |(id, _)| *id);
        Self { rows: rows.into_iter().map(|(_, row)| row).collect(), next: next.or(complete_to) }
    }
}

/// The bounds of a page along `$own`, a query with an index that ends with `$id`.
macro_rules! bounds {
    ($connection:expr, $page:expr, $is_filtered:expr, $own:expr, $id:expr, $time:expr) => {
        if $is_filtered || $page.has_times() {
            Bounds::of_filtered(
                $connection,
                $page,
                |c, id| {
                    let row = $own.filter($id.ge(id)).order($id.asc()).select(($id, $time));
                    Ok(row.first::<(i64, NaiveDateTime)>(c).optional()?)
                },
                |c, id| {
                    let row = $own.filter($id.lt(id)).order($id.desc()).select(($id, $time));
                    let row = row.offset(MAX_EXAMINED);
                    Ok(row.first::<(i64, NaiveDateTime)>(c).optional()?)
                },
            )?
        } else {
            Bounds::of($page)
        }
    };
}

/// A boxed query for the rows of a page along `$own`, newest first.
macro_rules! page_query {
    ($page:expr, $bounds:expr, $own:expr, $id:expr, $time:expr, $columns:expr) => {{
        let mut query = $own
            .filter($id.lt($bounds.below))
            .filter($id.ge($bounds.at_least))
            .order($id.desc())
            .limit($page.limit_and_one())
            .select($columns)
            .into_boxed();
        if let Some(from) = $page.from {
            query = query.filter($time.ge(from));
        }
        if let Some(to) = $page.to {
            query = query.filter($time.lt(to));
        }
        query
    }};
}

/// A boxed query for the edge of a page with a filter along `$own`, see [`Bounds::above`].
macro_rules! edge_query {
    ($bounds:expr, $own:expr, $id:expr, $columns:expr) => {
        $own.filter($id.lt($bounds.below))
            .order($id.desc())
            .offset(MAX_EXAMINED)
            .limit(1)
            .select($columns)
            .into_boxed()
    };
}

pub(super) use {bounds, edge_query, page_query};

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{Bounds, Found, Page, PageRequest};

    /// What the database finds along one index whose ids are these, the greatest first. The filter
    /// lets even ids through, and a page looks at `examined` ids.
    fn found(ids: &[i64], page: &PageRequest, examined: usize) -> Found<i64> {
        let below = page.before.unwrap_or(i64::MAX);
        let mut all = ids.iter().copied().filter(|id| *id < below);
        let looked_at: Vec<i64> = all.by_ref().take(examined).collect();
        let next = all.next();
        let at_least = next.map_or(i64::MIN, |id| id + 1);
        let passed = looked_at.into_iter().filter(|id| id % 2 == 0).map(|id| (id, id));
        let rows = passed.take(usize::try_from(page.limit_and_one()).unwrap()).collect();
        Found { rows, bounds: Bounds { below, at_least, has_more: next.is_some() } }
    }

    proptest! {
        #[test]
        fn pages_along_several_indexes_have_every_row_once_and_in_order(
            owners in prop::collection::btree_map(0_i64..300, 0_usize..3, 0..150),
            limit in 1_i64..20,
            examined in 1_usize..40,
        ) {
            let mut indexes = vec![Vec::new(); 3];
            for (id, owner) in owners.iter().rev() {
                indexes[*owner].push(*id);
            }
            let mut page = PageRequest::newest(limit);
            let (mut rows, mut positions) = (Vec::new(), BTreeSet::new());
            loop {
                let found = indexes.iter().map(|ids| found(ids, &page, examined)).collect();
                let read = Page::of(found, &page);
                prop_assert!(i64::try_from(read.rows.len()).unwrap() <= limit);
                rows.extend(read.rows);
                let Some(next) = read.next else { break };
                prop_assert!(positions.insert(Reverse(next)), "the page at {} repeats", next);
                page.before = Some(next);
            }
            let expected: Vec<i64> = owners.into_keys().rev().filter(|id| id % 2 == 0).collect();
            prop_assert_eq!(rows, expected);
        }
    }
}
