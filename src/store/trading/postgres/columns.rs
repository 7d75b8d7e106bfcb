//! Rows of one table as one array per column, in which form a statement of fixed text takes any
//! number of them.

use chrono::NaiveDateTime;
use diesel::pg::Pg;
use diesel::query_builder::AstPass;
use diesel::result::QueryResult;
use diesel::sql_types::{
    Array, BigInt, Binary, Bool, Integer, Nullable, SmallInt, Text, Timestamp,
};

use crate::store::idempotency::KeyRow;
use crate::store::outbox::NewEventRow;
use crate::store::rows::{
    AccountChange, CandleRow, ClientOrderIdText, EntryRow, MarketChange, Micros, OrderChange,
    OrderRow, TradeRow,
};
use crate::store::webhook_messages::MessageRow;

/// The columns of one table.
pub trait Columns {
    /// Their names, separated by commas, in the order of the arrays.
    const NAMES: &'static str;

    /// Pushes `unnest($1, $2, …)`, which turns the arrays into rows.
    fn push_unnest<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()>;
}

/// A struct with one array per column, filled from the fields of the same names.
macro_rules! columns {
    (
        $(#[$doc:meta])*
        $name:ident $(<$lifetime:lifetime>)? of $row:ty {
            $first:ident: $first_type:ty => $first_sql:ty,
            $($field:ident: $type:ty => $sql:ty),* $(,)?
        }
    ) => {
        $(#[$doc])*
        pub struct $name $(<$lifetime>)? {
            $first: Vec<$first_type>,
            $($field: Vec<$type>),*
        }

        impl $(<$lifetime>)? $name $(<$lifetime>)? {
            pub fn of<'r>(rows: impl Iterator<Item = &'r $row> + Clone) -> Self
            where
                $row: 'r,
            {
                Self {
                    $first: rows.clone().map(|row| row.$first).collect(),
                    $($field: rows.clone().map(|row| row.$field).collect()),*
                }
            }
        }

        impl $(<$lifetime>)? Columns for $name $(<$lifetime>)? {
            const NAMES: &'static str =
                concat!(stringify!($first) $(, ", ", stringify!($field))*);

            fn push_unnest<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                out.push_sql("unnest(");
                out.push_bind_param::<Array<$first_sql>, _>(&self.$first)?;
                $(
                    out.push_sql(", ");
                    out.push_bind_param::<Array<$sql>, _>(&self.$field)?;
                )*
                out.push_sql(")");
                Ok(())
            }
        }
    };
}

columns! {
    MarketColumns of MarketChange {
        id: i32 => Integer,
        trade_sequence: i64 => BigInt,
        arrival_sequence: i64 => BigInt,
        last_price: Option<i64> => Nullable<BigInt>,
        waiting_stops: i32 => Integer,
        triggering_low: Option<i64> => Nullable<BigInt>,
        triggering_high: Option<i64> => Nullable<BigInt>,
    }
}

columns! {
    /// Of new orders; their times are those of the batch.
    OrderColumns of OrderRow {
        id: i64 => BigInt,
        user_id: i64 => BigInt,
        market_id: i32 => Integer,
        side: i16 => SmallInt,
        price: i64 => BigInt,
        amount: i64 => BigInt,
        filled_amount: i64 => BigInt,
        filled_value: i64 => BigInt,
        commission: i64 => BigInt,
        taker_rate: i64 => BigInt,
        reserved: i64 => BigInt,
        status: i16 => SmallInt,
        cancel_reason: Option<i16> => Nullable<SmallInt>,
        client_order_id: Option<ClientOrderIdText> => Nullable<Text>,
        order_type: i16 => SmallInt,
        time_in_force: i16 => SmallInt,
        post_only: bool => Bool,
        self_trade_prevention: i16 => SmallInt,
        prevented_amount: i64 => BigInt,
        arrival: i64 => BigInt,
        expires_at: Option<Micros> => Nullable<Timestamp>,
        stop_price: Option<i64> => Nullable<BigInt>,
        is_waiting: bool => Bool,
        quote_amount: Option<i64> => Nullable<BigInt>,
        is_amended: bool => Bool,
        maker_rate: Option<i64> => Nullable<BigInt>,
        taker_value: i64 => BigInt,
    }
}

columns! {
    OrderChangeColumns of OrderChange {
        id: i64 => BigInt,
        price: i64 => BigInt,
        amount: i64 => BigInt,
        filled_amount: i64 => BigInt,
        filled_value: i64 => BigInt,
        commission: i64 => BigInt,
        reserved: i64 => BigInt,
        status: i16 => SmallInt,
        cancel_reason: Option<i16> => Nullable<SmallInt>,
        prevented_amount: i64 => BigInt,
        arrival: i64 => BigInt,
        is_waiting: bool => Bool,
        is_amended: bool => Bool,
        taker_value: i64 => BigInt,
    }
}

columns! {
    AccountColumns of AccountChange {
        id: i64 => BigInt,
        available: i64 => BigInt,
        locked: i64 => BigInt,
        open_orders: i32 => Integer,
    }
}

columns! {
    TradeColumns of TradeRow {
        id: i64 => BigInt,
        sequence: i64 => BigInt,
        market_id: i32 => Integer,
        buy_order_id: i64 => BigInt,
        sell_order_id: i64 => BigInt,
        buyer_id: i64 => BigInt,
        seller_id: i64 => BigInt,
        price: i64 => BigInt,
        amount: i64 => BigInt,
        value: i64 => BigInt,
        buyer_commission: i64 => BigInt,
        seller_commission: i64 => BigInt,
        taker_side: Option<i16> => Nullable<SmallInt>,
    }
}

columns! {
    CandleColumns of CandleRow {
        market_id: i32 => Integer,
        interval_s: i32 => Integer,
        opened_at: NaiveDateTime => Timestamp,
        open: i64 => BigInt,
        high: i64 => BigInt,
        low: i64 => BigInt,
        close: i64 => BigInt,
        volume_whole: i64 => BigInt,
        volume_fraction: i64 => BigInt,
        quote_volume_whole: i64 => BigInt,
        quote_volume_fraction: i64 => BigInt,
        trade_count: i64 => BigInt,
        first_sequence: i64 => BigInt,
        last_sequence: i64 => BigInt,
    }
}

columns! {
    EntryColumns of EntryRow {
        account_id: i64 => BigInt,
        action: i16 => SmallInt,
        available_change: i64 => BigInt,
        locked_change: i64 => BigInt,
        available_after: i64 => BigInt,
        reference_type: Option<i16> => Nullable<SmallInt>,
        reference_id: Option<i64> => Nullable<BigInt>,
    }
}

columns! {
    EventColumns<'a> of NewEventRow<'a> {
        channel: &'a str => Text,
        name: &'a str => Text,
        data: &'a str => Text,
        shard: i16 => SmallInt,
        socket_id: Option<&'a str> => Nullable<Text>,
    }
}

columns! {
    KeyColumns<'a> of KeyRow<'a> {
        user_id: i64 => BigInt,
        key: &'a str => Text,
        fingerprint: &'a [u8] => Binary,
        status: i16 => SmallInt,
        body: &'a str => Text,
    }
}

columns! {
    MessageColumns<'a> of MessageRow<'a> {
        endpoint_id: i64 => BigInt,
        event: &'a str => Text,
        user_id: Option<i64> => Nullable<BigInt>,
        data: &'a str => Text,
    }
}
