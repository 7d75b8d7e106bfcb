//! Pages with a filter look at a limited number of rows, and lose none.

use matchcast::market::{Side, Status, Trade};
use matchcast::store::views::{self, MAX_EXAMINED, OrderFilter, PageRequest, TradeFilter};

use super::views::Traded;
use crate::on_both;
use crate::support::database::Database;

/// Adds this many cancelled orders of the seller, a second apart, the first one at this time.
fn add_cancelled(database: &Database, traded: &Traded, count: i64, date: &str) {
    let second = if database.is_postgres() {
        format!("CAST('{date} 00:00:00' AS TIMESTAMP) + n.i * INTERVAL '1 second'")
    } else {
        format!("datetime('{date} 00:00:00', n.i || ' seconds')")
    };
    let (user, ids) = (traded.seller.0, "(SELECT coalesce(max(id), 0) FROM orders)");
    database.execute(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
         INSERT INTO orders (id, user_id, market_id, side, price, amount, filled_amount, \
             filled_value, commission, taker_rate, reserved, status, created_at, updated_at, \
             cancelled_at) \
         SELECT {ids} + n.i, {user}, 1, 2, 100, 100, 0, 0, 0, 0, 0, 3, {second}, {second}, \
             {second} FROM n"
    ));
}

on_both! {
    async fn a_page_with_a_filter_examines_a_limited_number_of_rows(database: Database) {
        let traded = Traded::start(&database).await;
        let mut c = traded.store.connect().unwrap();
        let first = traded.place(Side::Sell, "100", "1").await;
        traded.place(Side::Buy, "100", "1").await;
        database.execute("UPDATE orders SET created_at = '2026-03-01 00:00:00'");
        add_cancelled(&database, &traded, MAX_EXAMINED - 1, "2026-03-02");
        let filled = OrderFilter { status: Some(Status::Filled), ..OrderFilter::default() };
        let mut read = |filter, page: PageRequest| {
            views::orders_of(&mut c, traded.seller, filter, &page).unwrap()
        };
        let page = PageRequest::newest(5);
        let found = read(filled, page);
        assert_eq!(found.rows.len(), 1, "the last of the rows that are examined");
        assert_eq!(found.next, None);

        add_cancelled(&database, &traded, 1, "2026-03-03");
        let found = read(filled, page);
        assert_eq!(found.rows.len(), 0, "the row is just beyond");
        let before = found.next.expect("there is more");
        let found = read(filled, PageRequest { before: Some(before), ..page });
        assert_eq!(found.rows[0].order.id, first);
        assert_eq!(found.next, None);

        // Rows outside of the times are skipped, not examined.
        let at = |text: &str| Some(text.parse().expect("a time"));
        let to = at("2026-03-02T00:00:00");
        let found = read(OrderFilter::default(), PageRequest { to, ..page });
        assert_eq!((found.rows.len(), found.next), (1, None));
        let from = at("2026-03-02T02:00:00");
        let found = read(filled, PageRequest { from, ..page });
        assert_eq!((found.rows.len(), found.next), (0, None), "older rows are not walked through");
        // Without a filter nothing is limited.
        let found = read(OrderFilter::default(), PageRequest::newest(MAX_EXAMINED + 5));
        assert_eq!(found.rows.len(), usize::try_from(MAX_EXAMINED).unwrap() + 1);
        assert_eq!(found.next, None);
        // Open orders have an index.
        let open = OrderFilter { status: Some(Status::Open), ..OrderFilter::default() };
        assert_eq!(read(open, page).next, None);
    }

    async fn trades_of_both_sides_are_one_list(database: Database) {
        let traded = Traded::start(&database).await;
        for side in [Side::Sell, Side::Buy, Side::Sell, Side::Buy] {
            traded.place(side, "10", "0.1").await;
            traded.place(if side == Side::Buy { Side::Sell } else { Side::Buy }, "10", "0.1").await;
        }
        // The seller buys as well: the sides of every second trade are exchanged.
        database.execute("UPDATE trades SET buyer_id = seller_id, seller_id = buyer_id \
            WHERE sequence % 2 = 0");
        let mut c = traded.store.connect().unwrap();
        let mut read = |before, side| {
            let page = PageRequest { before, ..PageRequest::newest(1) };
            let filter = TradeFilter { market: None, side };
            let found = views::trades_of(&mut c, traded.seller, filter, &page).unwrap();
            (found.rows.first().map(|row| (row.trade.sequence, row.side)), found.next)
        };
        let (mut before, mut trades) = (None, Vec::new());
        while let (Some(trade), next) = read(before, None) {
            trades.push(trade);
            before = next;
            if next.is_none() {
                break;
            }
        }
        let expected = [(4, Side::Buy), (3, Side::Sell), (2, Side::Buy), (1, Side::Sell)];
        assert_eq!(trades, expected);
        let (newest, next) = read(None, Some(Side::Sell));
        assert_eq!(newest, Some((3, Side::Sell)));
        assert_eq!(read(next, Some(Side::Sell)), (Some((1, Side::Sell)), None));
        assert_eq!(read(Some(1), Some(Side::Sell)), (None, None));
        let mut c = traded.store.connect().unwrap();
        let page = PageRequest::newest(10);
        for (side, expected) in [(Side::Buy, vec![3, 1]), (Side::Sell, vec![4, 2])] {
            let found = views::trades(&mut c, traded.market(), Some(side), &page).unwrap();
            let ids = |rows: &[(Trade, _)]| {
                rows.iter().map(|(trade, _)| trade.sequence).collect::<Vec<_>>()
            };
            assert_eq!(ids(&found.rows), expected, "{side:?}");
            // As before the takers' sides were stored.
            database.execute("UPDATE trades SET taker_side = NULL");
            let found = views::trades(&mut c, traded.market(), Some(side), &page).unwrap();
            assert_eq!(ids(&found.rows), expected, "{side:?}");
            database.execute("UPDATE trades SET taker_side = 1 + (sequence + 1) % 2");
        }
    }
}
