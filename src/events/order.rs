//! How the side and the status of an order are encoded in JSON, in events and in the API alike.

use crate::market::{Side, Status};

pub const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

pub const fn status_number(status: Status) -> u8 {
    match status {
        Status::Open => 1,
        Status::Filled => 2,
        Status::Cancelled => 3,
    }
}
