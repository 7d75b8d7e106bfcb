//! One account: from what the source says it has to what its open orders need.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::error::ImportError;
use super::kind::Kind;
use super::staging::{Field, Inserter, Staging};
use crate::market::Fixed;

/// Differences up to this are the dust of floats: 0.00001.
const DUST: i64 = 1_000;

#[derive(QueryableByName)]
struct Holding {
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = Text)]
    asset: String,
    #[diesel(sql_type = BigInt)]
    available: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    locked: Option<i64>,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = BigInt)]
    source_row: i64,
}

/// What an order that the source calls open has reserved there, and needs here.
#[derive(QueryableByName)]
struct Reservation {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    status: i64,
    #[diesel(sql_type = BigInt)]
    source_reserved: i64,
    #[diesel(sql_type = BigInt)]
    reserved: i64,
}

/// An account while it is corrected.
struct Account<'a> {
    staging: &'a mut Staging,
    adjustments: Inserter,
    holding: &'a Holding,
    /// The source's table of orders.
    orders: &'a str,
    available: i64,
    locked: i64,
}

/// Settles all accounts. `orders` is the name of the source's table.
pub fn settle_all(staging: &mut Staging, orders: &str) -> Result<(), ImportError> {
    let mut after = (i64::MIN, String::new());
    loop {
        let page: Vec<Holding> = diesel::sql_query(
            "SELECT user_id, asset, available, locked, source, source_row FROM holdings \
             WHERE (user_id, asset) > (?, ?) ORDER BY user_id, asset LIMIT 5000",
        )
        .bind::<BigInt, _>(after.0)
        .bind::<Text, _>(&after.1)
        .load(&mut staging.connection)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = (last.user_id, last.asset.clone());
        for holding in &page {
            Account::new(staging, holding, orders).settle()?;
        }
    }
}

impl<'a> Account<'a> {
    const fn new(staging: &'a mut Staging, holding: &'a Holding, orders: &'a str) -> Self {
        let columns = "adjustments (user_id, asset, available, locked, kind, order_id)";
        let adjustments = Inserter::new(columns);
        let available = holding.available;
        Self { staging, adjustments, holding, orders, available, locked: 0 }
    }

    fn settle(mut self) -> Result<(), ImportError> {
        let reservations = self.reservations()?;
        self.raise_negative_balance()?;
        self.compare_locked(&reservations)?;
        for order in reservations.iter().filter(|order| order.status != 1) {
            self.release(order, Kind::CrossedBook)?;
        }
        let open = reservations.into_iter().filter(|order| order.status == 1).collect();
        self.cover(open)?;
        self.adjustments.flush(self.staging)
    }

    fn reservations(&mut self) -> Result<Vec<Reservation>, ImportError> {
        let query = diesel::sql_query(
            "SELECT o.id, o.status, o.source_reserved, o.reserved FROM orders o \
             JOIN markets m ON m.id = o.market WHERE o.was_open = 1 AND o.user_id = ? \
             AND CASE o.side WHEN 1 THEN m.quote ELSE m.base END = ? ORDER BY o.id",
        );
        let query = query.bind::<BigInt, _>(self.holding.user_id);
        Ok(query.bind::<Text, _>(&self.holding.asset).load(&mut self.staging.connection)?)
    }

    fn raise_negative_balance(&mut self) -> Result<(), ImportError> {
        if self.available >= 0 {
            return Ok(());
        }
        let detail = format!("{} {}", decimal(self.available), self.holding.asset);
        self.note(Kind::NegativeBalance, &detail)?;
        self.adjust(Kind::NegativeBalance, -self.available, 0, None)
    }

    /// Compares what is locked with what the orders have reserved by the rules of the source.
    fn compare_locked(&mut self, orders: &[Reservation]) -> Result<(), ImportError> {
        let reserved = total(orders.iter().map(|order| order.source_reserved))?;
        let Some(locked) = self.holding.locked else {
            self.locked = reserved;
            let update = "UPDATE holdings SET locked = ? WHERE user_id = ? AND asset = ?";
            diesel::sql_query(update)
                .bind::<BigInt, _>(reserved)
                .bind::<BigInt, _>(self.holding.user_id)
                .bind::<Text, _>(&self.holding.asset)
                .execute(&mut self.staging.connection)?;
            return Ok(());
        };
        self.locked = locked;
        if locked == reserved {
            return Ok(());
        }
        let kind = if is_dust(locked - reserved) { Kind::LockedDust } else { Kind::LockedDiffers };
        let (locked, reserved) = (decimal(locked), decimal(reserved));
        let asset = &self.holding.asset;
        self.note(kind, &format!("{locked} {asset} locked, open orders need {reserved}"))
    }

    /// Makes what is locked what the open orders need. The newest orders that nothing covers are
    /// cancelled.
    fn cover(&mut self, mut open: Vec<Reservation>) -> Result<(), ImportError> {
        loop {
            let needed = total(open.iter().map(|order| order.reserved))?;
            let spare = self.locked - needed;
            let missing = -(self.available + spare);
            if missing > DUST
                && let Some(order) = open.pop()
            {
                self.cancel(&order, missing)?;
                continue;
            }
            if spare == 0 {
                return Ok(());
            }
            let kind = match self.holding.locked {
                None => Kind::ReservationDiffers,
                Some(_) if is_dust(spare) => Kind::LockedDust,
                Some(_) => Kind::LockedDiffers,
            };
            if kind == Kind::ReservationDiffers {
                let (locked, needed) = (decimal(self.locked), decimal(needed));
                let asset = &self.holding.asset;
                let detail = format!("{locked} {asset} were reserved, open orders need {needed}");
                self.note(kind, &detail)?;
            }
            return self.adjust(kind, spare + missing.max(0), -spare, None);
        }
    }

    fn cancel(&mut self, order: &Reservation, missing: i64) -> Result<(), ImportError> {
        let detail = format!("{} {} are missing", decimal(missing), self.holding.asset);
        self.staging.note_row(Kind::OrderNotCovered, self.orders, order.id, &detail)?;
        self.staging.execute(&format!("UPDATE orders SET status = 3 WHERE id = {}", order.id))?;
        self.release(order, Kind::OrderNotCovered)
    }

    /// Makes available what an order has reserved.
    fn release(&mut self, order: &Reservation, kind: Kind) -> Result<(), ImportError> {
        let units = order.source_reserved;
        if units == 0 {
            return Ok(());
        }
        self.adjust(kind, units, -units, Some(order.id))
    }

    fn adjust(
        &mut self,
        kind: Kind,
        available: i64,
        locked: i64,
        order: Option<i64>,
    ) -> Result<(), ImportError> {
        self.available += available;
        self.locked += locked;
        let fields = [
            Field::Number(self.holding.user_id),
            Field::Text(&self.holding.asset),
            Field::Number(available),
            Field::Number(locked),
            Field::Text(kind.name()),
            Field::number(order),
        ];
        self.adjustments.push(self.staging, &fields)
    }

    /// Notes a finding about the row that the account comes from.
    fn note(&mut self, kind: Kind, detail: &str) -> Result<(), ImportError> {
        self.staging.note_row(kind, &self.holding.source, self.holding.source_row, detail)
    }
}

const fn is_dust(units: i64) -> bool {
    units.unsigned_abs() <= DUST.unsigned_abs()
}

fn decimal(units: i64) -> String {
    Fixed::from_units(units).to_string()
}

fn total(mut units: impl Iterator<Item = i64>) -> Result<i64, ImportError> {
    let sum = units.try_fold(0_i64, i64::checked_add);
    sum.ok_or_else(|| ImportError::Refused("reservations of a user are out of range".to_owned()))
}
