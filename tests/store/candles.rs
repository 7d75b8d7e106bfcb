//! Candles and tickers against a naive computation over the trades, for random batches at random
//! times; a batch that fails leaves nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use matchcast::market::{
    AccountKey, Candle, Command, MarketId, NewOrder, OrderId, Side, UserId, execute,
};
use matchcast::store::candles::{self, Interval, OpenedCandle, Range};
use matchcast::store::markets::Catalog;
use matchcast::store::schema::trades;
use matchcast::store::trading::{self, Additions, NewEvents};
use matchcast::store::{AnyConnection, LockedMarkets, Store, StoreError, users};
use rand::Rng;
use rand::rngs::StdRng;

use super::views::fixed;
use crate::on_both;
use crate::support::database::Database;
use crate::support::fault_injection::Seed;

/// Two users who trade in two markets.
struct Traders {
    store: Store,
    catalog: Catalog,
    users: [UserId; 2],
}

/// Sequence, price, amount, value and time.
type TradeRow = (i64, i64, i64, i64, NaiveDateTime);

impl Traders {
    fn new(database: &Database) -> Self {
        let (store, catalog) = database.open_store();
        let catalog = Catalog::clone(&catalog.current());
        let mut c = store.connect().unwrap();
        let users = ["a@x.example", "b@x.example"].map(|email| {
            let made = store.write(&mut c, |c| users::create(c, "U", email, "hash", &[]));
            made.unwrap().user_id()
        });
        let traders = Self { store, catalog, users };
        let accounts = traders
            .catalog
            .assets
            .keys()
            .flat_map(|asset| users.map(|user| AccountKey { user, asset: *asset }));
        let amount = fixed("1000000000");
        let deposit = |account| Command::Deposit { account, amount, daily_limit: u32::MAX };
        let deposits: Vec<Command> = accounts.map(deposit).collect();
        traders.batch(&mut c, &deposits, noon()).unwrap();
        traders
    }

    fn market(&self, symbol: &str) -> MarketId {
        self.catalog.market(symbol).unwrap().id
    }

    /// Random orders of both users in both markets, most of which trade.
    fn random_orders(&self, random: &mut StdRng) -> Vec<Command> {
        let markets = [self.market("BTC"), self.market("ETH")];
        let orders = (0..random.random_range(1..=12)).map(|_| {
            let user = self.users[random.random_range(0..2)];
            let side = if random.random() { Side::Buy } else { Side::Sell };
            let price = fixed(&format!("{}.5", random.random_range(95..105)));
            let amount = fixed(&format!("{}.00000001", random.random_range(0..3)));
            let market = markets[random.random_range(0..2)];
            Command::Place(NewOrder::gtc(user, market, side, price, amount))
        });
        orders.collect()
    }

    /// One batch of the engine at this time.
    fn batch(
        &self,
        c: &mut AnyConnection,
        commands: &[Command],
        at: NaiveDateTime,
    ) -> Result<usize, StoreError> {
        let work = |c: &mut AnyConnection, locked: &_| self.execute(c, locked, commands, at);
        self.store.write_locking(c, trading::markets_of(commands), work)
    }

    /// The work of a batch inside its transaction; returns the number of its trades.
    fn execute(
        &self,
        c: &mut AnyConnection,
        locked: &LockedMarkets,
        commands: &[Command],
        at: NaiveDateTime,
    ) -> Result<usize, StoreError> {
        let markets = &self.catalog.markets;
        let mut loaded = trading::load(c, locked, markets, commands, 1000, true, at)?;
        let mut plan = execute(&mut loaded.state, commands, 1000);
        plan.number_trades(&loaded.trade_ids(c, plan.trades.len())?);
        let (events, additions) = (NewEvents::default(), Additions::default());
        trading::apply(c, &loaded.state, &plan, &events, &additions, at)?;
        Ok(plan.trades.len())
    }
}

fn noon() -> NaiveDateTime {
    DateTime::from_timestamp(1_800_014_400, 0).unwrap().naive_utc()
}

/// A time within three days, often close to the last one, and now and then before it: the clocks
/// of two processes differ.
fn random_time(random: &mut StdRng, last: NaiveDateTime) -> NaiveDateTime {
    let micros = match random.random_range(0..4) {
        0 => random.random_range(0..12 * 3600 * 1_000_000),
        1 => random.random_range(-2_000_000..0),
        _ => random.random_range(0..90_000_000),
    };
    last + TimeDelta::microseconds(micros)
}

fn trades_of(c: &mut AnyConnection, market: MarketId) -> Vec<TradeRow> {
    trades::table
        .filter(trades::market_id.eq(market.0))
        .order(trades::sequence)
        .select((
            trades::sequence,
            trades::price,
            trades::amount,
            trades::value,
            trades::created_at,
        ))
        .load(c)
        .unwrap()
}

/// The candle of these trades, which are in order.
fn naive(trades: &[TradeRow]) -> Option<Candle> {
    let prices = || trades.iter().map(|trade| matchcast::market::Fixed::from_units(trade.1));
    Some(Candle {
        open: prices().next()?,
        high: prices().max()?,
        low: prices().min()?,
        close: prices().next_back()?,
        volume: trades.iter().map(|trade| i128::from(trade.2)).sum(),
        quote_volume: trades.iter().map(|trade| i128::from(trade.3)).sum(),
        trade_count: i64::try_from(trades.len()).unwrap(),
        first_sequence: trades.first()?.0,
        last_sequence: trades.last()?.0,
    })
}

fn naive_candles(trades: &[TradeRow], interval: Interval) -> Vec<OpenedCandle> {
    let mut intervals = BTreeMap::<i64, Vec<TradeRow>>::new();
    let seconds = i64::from(interval.seconds());
    for trade in trades {
        let number = trade.4.and_utc().timestamp().div_euclid(seconds);
        intervals.entry(number).or_default().push(*trade);
    }
    let opened = |(number, trades): (i64, Vec<TradeRow>)| OpenedCandle {
        opened_at: DateTime::from_timestamp(number * seconds, 0).unwrap().naive_utc(),
        candle: naive(&trades).unwrap(),
    };
    intervals.into_iter().map(opened).collect()
}

/// Every candle of every interval is that of its trades.
fn assert_candles(c: &mut AnyConnection, market: MarketId) {
    let trades = trades_of(c, market);
    for (name, interval) in Interval::NAMES {
        let expected = naive_candles(&trades, interval);
        let found = candles::recent(c, market, interval, Range::default(), 1000).unwrap();
        assert_eq!(found.candles, expected, "{name}");
        assert!(!found.has_more, "{name}");
    }
}

/// A part of the candles, as the API pages through them.
fn assert_range(c: &mut AnyConnection, market: MarketId, random: &mut StdRng) {
    let trades = trades_of(c, market);
    let (_, interval) = Interval::NAMES[random.random_range(0..6)];
    let limit = random.random_range(1..20);
    let mut bound = || {
        random
            .random::<bool>()
            .then(|| noon() + TimeDelta::seconds(random.random_range(0..200_000)))
    };
    let range = Range { from: bound(), to: bound() };
    let mut expected = naive_candles(&trades, interval);
    expected.retain(|candle| {
        range.from.is_none_or(|from| candle.opened_at >= from)
            && range.to.is_none_or(|to| candle.opened_at < to)
    });
    let more = expected.len().saturating_sub(limit);
    let found = candles::recent(c, market, interval, range, i64::try_from(limit).unwrap()).unwrap();
    assert_eq!(found.candles, expected[more..], "{interval:?} {range:?} {limit}");
    assert_eq!(found.has_more, more > 0, "{interval:?} {range:?} {limit}");
}

/// The last 24 hours at a time, from the beginning of a minute.
fn assert_ticker(c: &mut AnyConnection, market: MarketId, now: NaiveDateTime) {
    let minute = (now - TimeDelta::hours(24)).and_utc().timestamp().div_euclid(60) * 60;
    let from = DateTime::from_timestamp(minute, 0).unwrap().naive_utc();
    let all = trades_of(c, market);
    let last = all.last().map(|trade| trade.1);
    let since: Vec<TradeRow> = all.into_iter().filter(|trade| trade.4 >= from).collect();
    let one = candles::tickers(c, Some(market), now).unwrap();
    assert_eq!(one.len(), 1);
    assert_eq!((one[0].market, one[0].from), (market, from));
    assert_eq!(one[0].candle, naive(&since), "{now}");
    assert_eq!(one[0].last_price.map(|price| price.units()), last);
    let of_all = candles::tickers(c, None, now).unwrap();
    assert!(of_all.contains(&one[0]) && of_all.len() == 2, "{of_all:?}");
}

on_both! {
    async fn candles_and_tickers_are_those_of_the_trades(database: Database) {
        let traders = Traders::new(&database);
        let seed = Seed::new();
        let mut random = seed.numbers(0);
        let mut c = traders.store.connect().unwrap();
        let mut at = noon();
        let (mut trade_count, markets) = (0, [traders.market("BTC"), traders.market("ETH")]);
        for _ in 0..60 {
            at = random_time(&mut random, at);
            let orders = traders.random_orders(&mut random);
            trade_count += traders.batch(&mut c, &orders, at).unwrap();
            let market = markets[random.random_range(0..2)];
            let now = at + TimeDelta::seconds(random.random_range(-3600..30 * 3600));
            assert_ticker(&mut c, market, now);
            assert_range(&mut c, market, &mut random);
        }
        assert!(trade_count > 60, "{trade_count}");
        for market in markets {
            assert_candles(&mut c, market);
        }
        database.audit();

        database.execute("UPDATE candles SET high = high + 1, trade_count = 7");
        assert!(database.findings()[0].starts_with("a candle is made of the trades"));
        for market in markets {
            let rebuilt = traders.store.write(&mut c, |c| candles::rebuild(c, market)).unwrap();
            let trades = trades_of(&mut c, market);
            let expected = [Interval::OneMinute, Interval::OneHour]
                .map(|interval| naive_candles(&trades, interval).len());
            assert_eq!(rebuilt, expected.iter().sum::<usize>());
            assert_candles(&mut c, market);
        }
        database.audit();
    }

    async fn a_batch_that_fails_leaves_no_candle(database: Database) {
        let traders = Traders::new(&database);
        let mut c = traders.store.connect().unwrap();
        let market = traders.market("BTC");
        let order = |user: usize, side| {
            let (price, amount) = (fixed("100"), fixed("1"));
            Command::Place(NewOrder::gtc(traders.users[user], market, side, price, amount))
        };
        let trade = [order(0, Side::Sell), order(1, Side::Buy)];
        let candles = |c: &mut AnyConnection| {
            candles::recent(c, market, Interval::OneMinute, Range::default(), 10).unwrap().candles
        };
        let markets = trading::markets_of(&trade);
        let failed = traders.store.write_locking(&mut c, markets.clone(), |c, locked| {
            assert_eq!(traders.execute(c, locked, &trade, noon())?, 1);
            Err::<(), _>(StoreError::Abandoned)
        });
        assert!(failed.is_err());
        assert_eq!(candles(&mut c), []);
        traders.batch(&mut c, &trade, noon()).unwrap();
        let failed = traders.store.write_locking(&mut c, markets, |c, locked| {
            traders.execute(c, locked, &trade, noon())?;
            // A constraint of the same transaction.
            let missing = Command::Cancel { user: traders.users[0], market, order: OrderId(99) };
            traders.execute(c, locked, &[missing], noon())?;
            diesel::sql_query("INSERT INTO assets (id, symbol) VALUES (1, 'USD')").execute(c)?;
            Ok(())
        });
        assert!(failed.is_err());
        assert_eq!(candles(&mut c)[0].candle.trade_count, 1);
        database.audit();
    }

    async fn damage_to_candles_and_published_books_is_found(database: Database) {
        let traders = Traders::new(&database);
        let mut c = traders.store.connect().unwrap();
        let mut random = Seed::new().numbers(0);
        while traders.batch(&mut c, &traders.random_orders(&mut random), noon()).unwrap() < 4 {}
        for damage in [
            "open = open + 1", "high = high + 1", "low = low - 1", "close = close - 1",
            "volume_whole = volume_whole + 1", "volume_fraction = volume_fraction + 1",
            "quote_volume_whole = quote_volume_whole + 1",
            "quote_volume_fraction = quote_volume_fraction + 1", "trade_count = trade_count + 1",
            "first_sequence = first_sequence + 1", "last_sequence = last_sequence + 1",
            "opened_at = '2020-01-01 00:00:00'",
        ] {
            database.execute(&format!("UPDATE candles SET {damage} WHERE interval_s = 3600"));
            let findings = database.findings();
            let expected = "a candle is made of the trades of its interval: market ";
            assert!(findings[0].starts_with(expected), "{damage}: {findings:?}");
            for market in [traders.market("BTC"), traders.market("ETH")] {
                traders.store.write(&mut c, |c| candles::rebuild(c, market)).unwrap();
            }
            database.audit();
        }
        database.execute("INSERT INTO published_books (market_id, book_version, book_sequence, \
            published_at) VALUES (1, 9000000000000000, 1, '2026-01-01 00:00:00')");
        assert!(database.findings()[0].starts_with("a published book is not newer"));
    }
}
