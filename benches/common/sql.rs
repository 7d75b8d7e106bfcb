//! Queries of the benchmarks.

use diesel::prelude::*;
use diesel::sql_types::{Double, Text};

use crate::database::Database;

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Double)]
    number: f64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    text: String,
}

/// The number that a query returns in its one row.
pub fn number(database: &Database, query: &str) -> f64 {
    let query = format!("SELECT CAST(({query}) AS DOUBLE PRECISION) AS number");
    let row = diesel::sql_query(&query).get_result::<Number>(&mut database.connect());
    row.unwrap_or_else(|error| panic!("{query}: {error}")).number
}

/// The texts that a query returns in its one column, `text`.
pub fn texts(database: &Database, query: &str) -> Vec<String> {
    let rows = diesel::sql_query(query).load::<Row>(&mut database.connect());
    let rows = rows.unwrap_or_else(|error| panic!("{query}: {error}"));
    rows.into_iter().map(|row| row.text).collect()
}
