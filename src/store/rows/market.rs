//! What changes of a market as it trades.

use diesel::prelude::*;

use crate::market::{Fixed, MarketId, MarketState, PriceRange};
use crate::store::schema::markets;
use crate::store::{StoreError, codes};

#[derive(Clone, Copy, Debug, Queryable, Selectable)]
#[diesel(table_name = markets)]
pub struct MarketStateRow {
    pub id: i32,
    pub status: i16,
    pub trade_sequence: i64,
    pub arrival_sequence: i64,
    pub last_price: Option<i64>,
    pub waiting_stops: i32,
    pub triggering_low: Option<i64>,
    pub triggering_high: Option<i64>,
}

impl TryFrom<MarketStateRow> for (MarketId, MarketState) {
    type Error = StoreError;

    fn try_from(row: MarketStateRow) -> Result<Self, StoreError> {
        let range = row.triggering_low.zip(row.triggering_high);
        let state = MarketState {
            status: codes::market_status_from_code(row.status)?,
            trades: row.trade_sequence,
            arrivals: row.arrival_sequence,
            last_price: row.last_price.map(Fixed::from_units),
            // A column that cannot be negative.
            waiting_stops: row.waiting_stops.unsigned_abs(),
            triggering: range.map(|(low, high)| PriceRange {
                low: Fixed::from_units(low),
                high: Fixed::from_units(high),
            }),
        };
        Ok((MarketId(row.id), state))
    }
}

/// The columns that a batch changes. The status is not among them.
#[derive(Clone, Copy, Debug, AsChangeset)]
#[diesel(table_name = markets)]
#[diesel(treat_none_as_null = true)]
pub struct MarketChange {
    pub id: i32,
    pub trade_sequence: i64,
    pub arrival_sequence: i64,
    pub last_price: Option<i64>,
    pub waiting_stops: i32,
    pub triggering_low: Option<i64>,
    pub triggering_high: Option<i64>,
}

impl MarketChange {
    pub fn new(id: MarketId, state: &MarketState) -> Self {
        Self {
            id: id.0,
            trade_sequence: state.trades,
            arrival_sequence: state.arrivals,
            last_price: state.last_price.map(Fixed::units),
            waiting_stops: i32::try_from(state.waiting_stops).unwrap_or(i32::MAX),
            triggering_low: state.triggering.map(|range| range.low.units()),
            triggering_high: state.triggering.map(|range| range.high.units()),
        }
    }
}
